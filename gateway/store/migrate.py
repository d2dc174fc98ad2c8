"""The schema's revisions: which one a database has, and how it gets the newest.

`open` refuses a schema that is not the newest, so that an old database is never changed by
accident: an operator types `gateway migrate`. Alembic is imported only when something is to do.
"""

import logging
from enum import StrEnum
from pathlib import Path

import sqlalchemy as sa
from sqlalchemy import Connection
from sqlalchemy.exc import SQLAlchemyError

from gateway.errors import Misconfigured
from gateway.store.failures import meaning_of
from gateway.store.location import Location
from gateway.store.sqlite import reading_engine, writing_engine

_MIGRATIONS = Path(__file__).parent / "migrations"


class SchemaState(StrEnum):
    """How a database's schema stands to this version of the gateway."""

    EMPTY = "empty"
    OLDER = "older"
    CURRENT = "current"
    NEWER = "newer"


def known_revisions() -> list[str]:
    """All revisions, oldest first. A revision's file begins with its four digits."""
    return sorted(file.name[:4] for file in (_MIGRATIONS / "versions").glob("[0-9]*_*.py"))


def current(url: str) -> str | None:
    """The revision that the database has, or None for an empty one."""
    location = Location(url)
    if not location.exists:
        return None
    engine = reading_engine(location.resolve())
    try:
        with engine.connect() as connection:
            return _revision_of(connection)
    except SQLAlchemyError as error:
        raise Misconfigured(f"cannot read {location}: {meaning_of(error)}") from error
    finally:
        engine.dispose()


def state(url: str) -> SchemaState:
    """How the database's schema stands to this version. Changes nothing."""
    return _state_of(current(url))


def upgrade(url: str) -> str:
    """Bring the schema to the newest revision and return that. Keeps other processes out."""
    location = Location(url)
    location.take()
    engine = writing_engine(location.resolve())
    try:
        with engine.begin() as connection:
            bring_up(connection, str(location))
    except SQLAlchemyError as error:
        raise Misconfigured(f"cannot migrate {location}: {meaning_of(error)}") from error
    finally:
        engine.dispose()
        location.release()
    return known_revisions()[-1]


def bring_up(connection: Connection, name: str) -> None:
    """Bring the schema to the newest revision, in the connection's transaction."""
    standing = _state_of(_revision_of(connection))
    if standing is SchemaState.NEWER:
        raise refusal(standing, name)
    if standing is not SchemaState.CURRENT:
        _run_alembic(connection)


def require_current(connection: Connection, name: str) -> None:
    """Raise Misconfigured unless the schema is the newest."""
    standing = _state_of(_revision_of(connection))
    if standing is not SchemaState.CURRENT:
        raise refusal(standing, name)


def refusal(standing: SchemaState, name: str) -> Misconfigured:
    """What to tell an operator about a schema that this version cannot use."""
    if standing is SchemaState.EMPTY:
        return Misconfigured(f"{name} has no tables yet; type: gateway migrate")
    if standing is SchemaState.OLDER:
        return Misconfigured(
            f"{name} has an older schema; make a backup, then type: gateway migrate"
        )
    return Misconfigured(
        f"{name} has a newer schema than this version knows (up to {known_revisions()[-1]}); "
        "install the version of the gateway that made it"
    )


def _revision_of(connection: Connection) -> str | None:
    tables = sa.inspect(connection).get_table_names()
    if "alembic_version" in tables:
        versions = sa.table("alembic_version", sa.column("version_num", sa.Text))
        return connection.execute(sa.select(versions.c.version_num)).scalar()
    if tables:
        raise Misconfigured(
            f"the database holds other tables ({tables[0]}, …) and is not a gateway's"
        )
    return None


def _state_of(revision: str | None) -> SchemaState:
    if revision is None:
        return SchemaState.EMPTY
    known = known_revisions()
    if revision not in known:
        return SchemaState.NEWER
    return SchemaState.CURRENT if revision == known[-1] else SchemaState.OLDER


def _run_alembic(connection: Connection) -> None:
    from alembic import command
    from alembic.config import Config

    # It tells every step at level info, in sentences; ours are events.
    logging.getLogger("alembic").setLevel(logging.WARNING)
    config = Config()
    config.set_main_option("script_location", str(_MIGRATIONS).replace("%", "%%"))
    config.attributes["connection"] = connection
    command.upgrade(config, "head")
