"""When the disk is full, fails, or is held by another program: typed refusals, no damage, and the
store goes on by itself once the cause is gone."""

import asyncio
import sqlite3
import subprocess
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import pytest
import sqlalchemy as sa

from gateway.errors import Misconfigured, StoreUnavailable
from gateway.ids import new_id
from gateway.store.location import Location
from gateway.store.sql import SqlStore
from gateway.store.sqlite import SqliteDatabase
from tests.contracts.store.kit import message, put
from tests.fakes import START
from tests.gateway.store.processes import line, running, tell


async def fill(store: SqlStore, text: str = "x" * 20_000) -> StoreUnavailable:
    """Put messages until one is refused, and return the refusal."""
    for number in range(2_000):
        try:
            await put(store, message(number, id=new_id("msg", START), created_by=text))
        except StoreUnavailable as error:
            return error
    raise AssertionError("the disk is never full")


@contextmanager
def pages_limited(pages: int) -> Iterator[None]:
    """Every database connection made inside may grow its file only to that many pages."""

    def limit(connection: sqlite3.Connection, _record: object) -> None:
        connection.execute(f"PRAGMA max_page_count={pages}").close()

    sa.event.listen(sa.Engine, "connect", limit)
    try:
        yield
    finally:
        sa.event.remove(sa.Engine, "connect", limit)


async def test_a_full_database_refuses_and_goes_on_once_there_is_room(tmp_path: Path) -> None:
    """T70: code `store_full`; what was accepted stays, reads go on, and nobody restarts anything."""
    store = SqlStore(f"sqlite:///{tmp_path}/gateway.db")
    with pages_limited(150):
        await store.open(create=True)
        refusal = await fill(store)
        accepted = len((await store.live_state()).messages)
        again = await fill(store)

    assert (refusal.code, again.code) == ("store_full", "store_full")
    assert refusal.retry_after == 1.0
    assert accepted > 5
    assert len((await store.live_state()).messages) == accepted

    await put(store, message(9_999, created_by="x" * 50_000))
    assert len((await store.live_state()).messages) == accepted + 1
    await store.close()


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """A file system of 4 MiB, where this process may mount one."""
    folder = tmp_path / "disk"
    folder.mkdir()
    command = ["mount", "-t", "tmpfs", "-o", "size=4m", "tmpfs", str(folder)]
    mounted = subprocess.run(command, capture_output=True, text=True, check=False)
    if mounted.returncode:
        pytest.skip(f"may not mount a small disk: {mounted.stderr.strip()}")
    yield folder
    subprocess.run(["umount", "--lazy", str(folder)], check=True)


async def test_a_full_disk_is_told_by_writes_and_by_ping(small_disk: Path) -> None:
    """T70: a real disk without room; readiness fails before and while, and heals with it."""
    store = SqlStore(f"sqlite:///{small_disk}/gateway.db")
    await store.open(create=True)
    await store.ping()
    await put(store, message(5_000))
    ballast = small_disk / "ballast"
    _fill_up(ballast)

    with pytest.raises(StoreUnavailable) as not_ready:
        await store.ping()
    refusal = await fill(store)
    assert (not_ready.value.code, refusal.code) == ("store_full", "store_full")
    before = (await store.live_state()).messages

    ballast.unlink()
    await store.ping()
    await put(store, message(9_999))
    assert (await store.live_state()).messages == (*before, message(9_999))
    await store.close()


def _fill_up(file: Path) -> None:
    with file.open("wb", buffering=0) as stream, suppress(OSError):
        while stream.write(b"\0" * 4096):
            pass


async def test_a_failing_disk_refuses_and_heals(tmp_path: Path) -> None:
    """T70: writes to the log fail as on a broken disk; accepted changes survive, and the store
    comes back on a fresh connection."""
    async with running("limited", tmp_path / "gateway.db") as process:
        assert await line(process) == "open"
        answers = []
        for word in ("free", "limit", "limit", "free", "limit", "free"):
            await tell(process, word)
            answers.append(await line(process))
    assert answers == [
        "done 1",
        "store_unavailable 1",
        "store_unavailable 1",
        "done 2",
        "store_unavailable 2",
        "done 3",
    ]


async def test_a_foreign_lock_refuses_writes_within_moments_and_no_reads(tmp_path: Path) -> None:
    """Somebody's open shell on the file costs writes for as long as it holds the lock."""
    store = SqlStore(f"sqlite:///{tmp_path}/gateway.db")
    await store.open(create=True)
    await put(store, message(1))
    shell = sqlite3.connect(tmp_path / "gateway.db", isolation_level=None)
    shell.execute("BEGIN IMMEDIATE")

    begin = time.monotonic()
    with pytest.raises(StoreUnavailable):
        await store.ping()
    with pytest.raises(StoreUnavailable, match="another program"):
        await put(store, message(2))
    assert time.monotonic() - begin < 4
    assert (await store.live_state()).messages == (message(1),)

    shell.execute("ROLLBACK")
    shell.close()
    await put(store, message(2))
    await store.ping()
    await store.close()


async def test_a_change_that_never_ends_does_not_hold_up_others_for_ever(tmp_path: Path) -> None:
    """Those who wait are told that nothing of theirs has happened."""
    database = SqliteDatabase(Location(f"sqlite:///{tmp_path}/gateway.db"), turn_seconds=0.05)
    await database.open(lambda _connection: None)
    async with database.transaction() as transaction:
        await transaction.run(lambda connection: connection.exec_driver_sql("CREATE TABLE t (x)"))
        with pytest.raises(StoreUnavailable, match="nothing was changed"):
            await database.write(lambda _connection: None)
        assert await database.read(lambda _connection: "readable") == "readable"
    await database.write(lambda connection: connection.exec_driver_sql("CREATE TABLE t (x)"))
    await database.close()


async def test_a_cancelled_writer_is_over_only_when_its_thread_is(tmp_path: Path) -> None:
    """T53: whoever gives up in the middle of a step, or of the commit, waits until the file is
    left alone; so what comes next sees either all of it or nothing."""
    database = SqliteDatabase(Location(f"sqlite:///{tmp_path}/gateway.db"))
    await database.open(lambda _connection: None)
    begun, go_on = threading.Event(), threading.Event()

    def work(connection: sa.Connection) -> None:
        connection.exec_driver_sql("CREATE TABLE t (x)")
        begun.set()
        go_on.wait()

    writing = asyncio.create_task(database.write(work))
    await asyncio.to_thread(begun.wait)
    for _ in range(3):
        writing.cancel()
        await asyncio.wait([writing], timeout=0.01)
    was_over = writing.done()
    go_on.set()
    with pytest.raises(asyncio.CancelledError):
        await writing

    assert not was_over
    assert await database.read(lambda c: sa.inspect(c).get_table_names()) == ["t"]
    await database.close()


async def test_readers_cannot_write(tmp_path: Path) -> None:
    """F17: one writing connection; the others are made unable, not asked."""
    database = SqliteDatabase(Location(f"sqlite:///{tmp_path}/gateway.db"))
    await database.open(lambda _connection: None)
    with pytest.raises(StoreUnavailable, match="may not be written"):
        await database.read(lambda connection: connection.exec_driver_sql("CREATE TABLE t (x)"))
    assert await database.write(_durability_of) == ("wal", 2, 1)
    await database.close()


def _durability_of(connection: sa.Connection) -> tuple[object, ...]:
    """Journal, synchronous (2 is FULL), foreign keys."""
    pragmas = ("journal_mode", "synchronous", "foreign_keys")
    return tuple(connection.exec_driver_sql(f"PRAGMA {one}").scalar() for one in pragmas)


async def test_no_error_repeats_what_a_message_says(tmp_path: Path) -> None:
    """P18: neither the refusal nor the driver's error behind it, which ends up in logs."""
    store = SqlStore(f"sqlite:///{tmp_path}/gateway.db")
    with pages_limited(100):
        await store.open(create=True)
        refusal = await fill(store, "canary-" * 3_000)
    assert "canary" not in f"{refusal} {refusal.__cause__}"
    await store.close()


async def test_a_damaged_file_is_told_at_the_start(tmp_path: Path) -> None:
    """Restoring a backup is an operator's decision; nothing starts on a broken file."""
    store = SqlStore(f"sqlite:///{tmp_path}/gateway.db")
    await store.open(create=True)
    await store.close()
    _damage(tmp_path / "gateway.db")
    with pytest.raises(Misconfigured, match=r"gateway\.db.*(damaged|not a SQLite)"):
        await SqlStore(f"sqlite:///{tmp_path}/gateway.db").open()


def _damage(file: Path) -> None:
    with file.open("r+b") as stream:
        stream.seek(100)
        stream.write(b"\xff" * 8_000)


async def test_many_pings_at_once_are_one_probe(tmp_path: Path) -> None:
    """Readiness is asked by everyone; the writer is asked once."""
    store = SqlStore(f"sqlite:///{tmp_path}/gateway.db")
    await store.open(create=True)
    await asyncio.gather(*(store.ping() for _ in range(100)))
    await store.close()
