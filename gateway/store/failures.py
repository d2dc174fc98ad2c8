"""What a database error means to the caller. No error of a driver leaves the store but as one of ours.

The text tells what happened and what helps; the driver's own error stays attached as the cause.
"""

from collections.abc import Iterator
from contextlib import contextmanager

from sqlalchemy.exc import DBAPIError, SQLAlchemyError

from gateway.errors import BadInput, GatewayError, StoreUnavailable

# SQLite's result codes by name (sqlite.org/rescode.html); extended ones begin with these.
_MEANINGS = {
    "SQLITE_FULL": ("store_full", "the disk that holds the database is full; free some space"),
    "SQLITE_READONLY": ("store_unavailable", "the database may not be written; check its rights"),
    "SQLITE_BUSY": ("store_unavailable", "another program holds the database's lock"),
    "SQLITE_LOCKED": ("store_unavailable", "another program holds the database's lock"),
    "SQLITE_IOERR": ("store_unavailable", "the disk that holds the database reports an error"),
    "SQLITE_CANTOPEN": ("store_unavailable", "the database's file cannot be opened"),
    "SQLITE_CORRUPT": ("store_unavailable", "the database's file is damaged; restore a backup"),
    "SQLITE_NOTADB": ("store_unavailable", "the database's file is not a SQLite database"),
}


@contextmanager
def translated() -> Iterator[None]:
    """Let only errors of our own tree out of the block."""
    try:
        yield
    except (SQLAlchemyError, UnicodeEncodeError, OverflowError) as error:
        raise meaning_of(error) from error


def meaning_of(error: Exception) -> GatewayError:
    """Say in our words what the error means."""
    if not isinstance(error, SQLAlchemyError):
        return BadInput("the store cannot hold this value", code="not_storable")
    if isinstance(error, DBAPIError):
        code, text = _meaning_of_driver_error(error.orig)
        return StoreUnavailable(text, code=code)
    return StoreUnavailable("the database does not answer")


def _meaning_of_driver_error(error: BaseException | None) -> tuple[str, str]:
    name = str(getattr(error, "sqlite_errorname", ""))
    primary = "_".join(name.split("_")[:2])
    return _MEANINGS.get(primary, ("store_unavailable", "the database refused the operation"))
