"""The schema: brought up by command, refused when it is not this version's."""

import sqlite3
from pathlib import Path

import pytest
from alembic.autogenerate import compare_metadata
from alembic.config import Config
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import Connection

from gateway.errors import Misconfigured
from gateway.store import migrate, schema
from gateway.store.migrate import SchemaState
from gateway.store.sql import SqlStore
from gateway.store.sqlite import reading_engine
from tests.contracts.store.kit import message, put


@pytest.fixture
def database(tmp_path: Path) -> Path:
    return tmp_path / "gateway.db"


@pytest.fixture
def url(database: Path) -> str:
    return f"sqlite:///{database}"


def write(file: Path, content: bytes) -> None:
    file.write_bytes(content)


def read(file: Path) -> bytes:
    return file.read_bytes()


def pretend_revision(database: Path, revision: str) -> None:
    """Write another revision into the file, as another version would have."""
    connection = sqlite3.connect(database)
    with connection:
        connection.execute("UPDATE alembic_version SET version_num = ?", [revision])
    connection.close()


async def test_an_empty_database_is_brought_up_by_command(url: str) -> None:
    """`gateway migrate` on a fresh machine, and again: nothing to do."""
    assert (migrate.state(url), migrate.current(url)) == (SchemaState.EMPTY, None)
    newest = migrate.known_revisions()[-1]
    assert migrate.upgrade(url) == newest
    assert (migrate.state(url), migrate.current(url)) == (SchemaState.CURRENT, newest)
    assert migrate.upgrade(url) == newest

    store = SqlStore(url)
    await store.open()
    await put(store, message())
    await store.close()


async def test_serving_without_tables_is_refused_with_the_command(url: str, database: Path) -> None:
    """The refusal says what to type, and leaves no file behind."""
    with pytest.raises(Misconfigured, match="type: gateway migrate"):
        await SqlStore(url).open()
    assert list(database.parent.iterdir()) == []


async def test_an_empty_file_is_refused_with_the_command(url: str, database: Path) -> None:
    """A file without tables is as good as none."""
    sqlite3.connect(database).execute("PRAGMA user_version = 1").connection.close()
    assert migrate.state(url) is SchemaState.EMPTY
    with pytest.raises(Misconfigured, match="type: gateway migrate"):
        await SqlStore(url).open()


async def test_an_older_schema_is_refused_with_the_command(
    url: str, database: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """An old database is never changed by a mere start."""
    migrate.upgrade(url)
    monkeypatch.setattr(migrate, "known_revisions", lambda: ["0001", "0002"])
    assert migrate.state(url) is SchemaState.OLDER
    with pytest.raises(Misconfigured, match="type: gateway migrate"):
        await SqlStore(url).open()
    assert migrate.current(url) == "0001"


async def test_a_newer_schema_is_refused_by_start_and_command(url: str, database: Path) -> None:
    """A downgraded gateway keeps its hands off."""
    migrate.upgrade(url)
    pretend_revision(database, "9999")
    assert migrate.state(url) is SchemaState.NEWER
    with pytest.raises(Misconfigured, match="newer schema"):
        await SqlStore(url).open()
    with pytest.raises(Misconfigured, match="newer schema"):
        await SqlStore(url).open(create=True)
    with pytest.raises(Misconfigured, match="newer schema"):
        migrate.upgrade(url)
    assert migrate.current(url) == "9999"


async def test_a_refused_store_can_be_opened_once_it_was_migrated(url: str, database: Path) -> None:
    """The refusal lets go of the file."""
    sqlite3.connect(database).execute("PRAGMA user_version = 1").connection.close()
    store = SqlStore(url)
    with pytest.raises(Misconfigured):
        await store.open()
    migrate.upgrade(url)
    await store.open()
    await store.close()


async def test_a_failed_migration_leaves_the_schema_as_it_was(
    url: str, database: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """All revisions together are one transaction; the tables of the first are gone again."""

    def fail_at_the_end(connection: Connection) -> None:
        run(connection)
        raise RuntimeError("out of luck")

    run = migrate._run_alembic
    monkeypatch.setattr(migrate, "_run_alembic", fail_at_the_end)
    with pytest.raises(RuntimeError):
        migrate.upgrade(url)
    monkeypatch.undo()
    assert migrate.state(url) is SchemaState.EMPTY
    migrate.upgrade(url)
    assert migrate.state(url) is SchemaState.CURRENT


async def test_somebody_elses_database_is_left_alone(url: str, database: Path) -> None:
    """A wrong path must not fill another program's file with our tables."""
    sqlite3.connect(database).execute("CREATE TABLE theirs (x)").connection.close()
    for attempt in (migrate.state, migrate.upgrade):
        with pytest.raises(Misconfigured, match="theirs"):
            attempt(url)
    with pytest.raises(Misconfigured, match="theirs"):
        await SqlStore(url).open(create=True)


async def test_a_file_that_is_no_database_is_named(url: str, database: Path) -> None:
    """Nothing is overwritten."""
    diary = b"Dear diary, " * 1000
    write(database, diary)
    for attempt in (migrate.state, migrate.upgrade):
        with pytest.raises(Misconfigured, match=r"gateway\.db.*not a SQLite database"):
            attempt(url)
    with pytest.raises(Misconfigured, match=r"gateway\.db.*not a SQLite database"):
        await SqlStore(url).open(create=True)
    assert read(database) == diary


def test_the_revisions_make_the_schema_that_the_code_uses(url: str, database: Path) -> None:
    """Tables in `schema.py` and revisions in `migrations` say the same."""
    migrate.upgrade(url)
    engine = reading_engine(database)
    with engine.connect() as connection:
        context = MigrationContext.configure(connection, opts={"compare_type": True})
        differences = compare_metadata(context, schema.metadata)
    engine.dispose()
    assert differences == []


def test_the_names_of_revision_files_tell_their_order() -> None:
    """`known_revisions` reads names only, so that a start need not import Alembic."""
    config = Config()
    config.set_main_option("script_location", str(migrate._MIGRATIONS))
    script = ScriptDirectory.from_config(config)
    walked = [one.revision for one in script.walk_revisions()][::-1]
    assert walked == migrate.known_revisions()
    assert script.get_current_head() == walked[-1]
