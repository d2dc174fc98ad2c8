"""One SQLite file: a single writing connection, a few reading ones, each on threads of its own.

Only this file knows SQLite's ways. Its threads never see the event loop, the loop never sees a
connection. Transactions run one after the other; a second process is kept out. # F17
"""

import asyncio
import os
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager, suppress
from functools import partial
from pathlib import Path
from typing import Any, TypeVar

import sqlalchemy as sa
from sqlalchemy import Connection
from sqlalchemy.exc import SQLAlchemyError

from gateway.errors import Misconfigured, StoreUnavailable
from gateway.store.database import Database, Transaction, Work
from gateway.store.failures import translated
from gateway.store.lane import Lane
from gateway.store.location import Location

T = TypeVar("T")

# Reads are short; more threads would only contend for the interpreter.
_READERS = 3
# How long SQLite waits for a lock held by another program, such as a shell or a backup.
_BUSY_MILLISECONDS = 1_000
# How long a transaction waits for those before it; then nothing of it has happened yet.
TURN_SECONDS = 5.0
_PING_SECONDS = 1.0
# Below this a change with its log frames and a batch of receipts might not fit any more.
_SPARE_BYTES = 1_048_576

# No mmap_size (F17). FULL: a commit returns when the log has been synced to the disk (P1).
_WRITER_PRAGMAS = {
    "journal_mode": "WAL",
    "synchronous": "FULL",
    "foreign_keys": "ON",
    "busy_timeout": _BUSY_MILLISECONDS,
    "journal_size_limit": 67_108_864,
    "temp_store": "MEMORY",
    "trusted_schema": "OFF",
}
_READER_PRAGMAS = {
    "busy_timeout": _BUSY_MILLISECONDS,
    "query_only": "ON",
    "temp_store": "MEMORY",
    "trusted_schema": "OFF",
}


def writing_engine(path: Path) -> sa.Engine:
    """An engine for the one connection that writes."""
    return _engine(path, connections=1, begin="BEGIN IMMEDIATE", pragmas=_WRITER_PRAGMAS)


def reading_engine(path: Path, connections: int = 1) -> sa.Engine:
    """An engine for connections that cannot write."""
    return _engine(path, connections=connections, begin="BEGIN", pragmas=_READER_PRAGMAS)


def _engine(path: Path, *, connections: int, begin: str, pragmas: Mapping[str, Any]) -> sa.Engine:
    engine = sa.create_engine(
        sa.URL.create("sqlite", database=str(path)),
        connect_args={"check_same_thread": False, "isolation_level": None},
        hide_parameters=True,  # errors end up in logs; what messages say does not
        poolclass=sa.QueuePool,
        pool_size=connections,
        max_overflow=0,
    )

    # The driver would begin transactions only before writes, and late; we say when (SQLAlchemy's
    # documentation, "Serializable isolation / Savepoints / Transactional DDL" of pysqlite).
    @sa.event.listens_for(engine, "begin")
    def _begin(connection: Connection) -> None:
        connection.exec_driver_sql(begin)

    @sa.event.listens_for(engine, "connect")
    def _connect(connection: Any, _record: Any) -> None:
        for name, value in pragmas.items():
            connection.execute(f"PRAGMA {name}={value}")

    return engine


class _Side:
    """An engine, and the threads that alone use it."""

    def __init__(self, engine: sa.Engine, name: str, threads: int) -> None:
        self.engine = engine
        self._lane = Lane(f"gateway-store-{name}", threads)
        self.submit = self._lane.submit

    def stop(self) -> None:
        """Let queued jobs end, then close the connections: the last one empties the log."""
        self._lane.stop()
        self.engine.dispose()


class _SqliteTransaction(Transaction):
    """Steps on the writing connection. Whoever holds the turn owns it until `end`."""

    def __init__(self, side: _Side) -> None:
        self._side = side
        self._connection: Connection | None = None
        self._has_failed = False
        self._is_clean = True

    async def run(self, work: Work[T]) -> T:
        self._is_clean = False
        return await self._side.submit(partial(self._step, work))

    async def finish(self, work: Work[T]) -> T:
        self._is_clean = False
        answer = await self._side.submit(partial(self._last_step, work))
        self._is_clean = True
        return answer

    async def end(self) -> None:
        """Undo what was not finished, and wait for it even when cancelled: a step that nobody
        waits for any more is over before this one begins, and nobody writes after it."""
        if self._is_clean:
            return
        undone = self._side.submit(self._roll_back)
        while not undone.done():
            with suppress(asyncio.CancelledError):
                await asyncio.wait([undone])

    def _step(self, work: Work[T]) -> T:
        try:
            with translated():
                if self._connection is None:
                    self._connection = self._side.engine.connect()
                    self._connection.begin()
                return work(self._connection)
        except StoreUnavailable:
            self._has_failed = True
            raise

    def _last_step(self, work: Work[T]) -> T:
        return self._step(partial(self._commit_after, work))

    def _commit_after(self, work: Work[T], connection: Connection) -> T:
        answer = work(connection)
        connection.commit()
        self._connection = None
        connection.close()
        return answer

    def _roll_back(self) -> None:
        connection, self._connection = self._connection, None
        if connection is None:
            return
        # The error that led here is what the caller gets to know.
        with suppress(SQLAlchemyError):
            connection.rollback()
        # After an error of the disk nothing that this handle believes can be trusted; the next
        # transaction opens the file anew.
        if self._has_failed and not connection.invalidated:
            connection.invalidate()
        connection.close()


class SqliteDatabase(Database):
    """The file at one location."""

    def __init__(self, location: Location, turn_seconds: float = TURN_SECONDS) -> None:
        self._location = location
        self._turn_seconds = turn_seconds
        self._turn = asyncio.Lock()
        self._writer: _Side | None = None
        self._readers: _Side | None = None
        self._probe: asyncio.Task[None] | None = None

    async def open(self, prepare: Work[None]) -> None:
        self._location.take()
        try:
            path = self._location.resolve()
            self._writer = _Side(writing_engine(path), "writer", 1)
            self._readers = _Side(reading_engine(path, _READERS), "reader", _READERS)
            await self.write(prepare)
        except BaseException as error:
            await self.close()
            if isinstance(error, StoreUnavailable):
                raise Misconfigured(f"cannot use {self._location}: {error}") from error
            raise

    async def close(self) -> None:
        async with self._turn:
            sides = [side for side in (self._readers, self._writer) if side is not None]
            self._readers = self._writer = None
        for side in sides:
            await asyncio.to_thread(side.stop)
        self._location.release()

    async def ping(self) -> None:
        if self._probe is None or self._probe.done():
            self._probe = asyncio.create_task(self.write(self._prove_room), name="store-ping")
            self._probe.add_done_callback(_take_note)
        done, _ = await asyncio.wait([self._probe], timeout=_PING_SECONDS)
        if not done:
            raise StoreUnavailable(f"the database did not answer within {_PING_SECONDS:g} s")
        self._probe.result()

    def _prove_room(self, _connection: Connection) -> None:
        """The transaction around it has proven the rest: lock, rights, log."""
        disk = os.statvfs(self._location.resolve())
        if disk.f_bavail * disk.f_frsize < _SPARE_BYTES:
            raise StoreUnavailable("the disk that holds the database is full", code="store_full")

    async def read(self, work: Work[T]) -> T:
        side = _open(self._readers)
        return await side.submit(partial(self._read, side.engine, work))

    def _read(self, engine: sa.Engine, work: Work[T]) -> T:
        with translated(), engine.connect() as connection:
            return work(connection)

    async def write(self, work: Work[T]) -> T:
        async with self.transaction() as transaction:
            return await transaction.finish(work)

    @asynccontextmanager
    async def transaction(self) -> AsyncIterator[Transaction]:
        await self._take_turn()
        try:
            transaction = _SqliteTransaction(_open(self._writer))
            try:
                yield transaction
            finally:
                await transaction.end()
        finally:
            self._turn.release()

    async def _take_turn(self) -> None:
        try:
            async with asyncio.timeout(self._turn_seconds):
                await self._turn.acquire()
        except TimeoutError:
            text = f"earlier writes took over {self._turn_seconds:g} s; nothing was changed"
            raise StoreUnavailable(text) from None


def _take_note(probe: "asyncio.Task[None]") -> None:
    """Mark the outcome as seen, also when the one who asked has given up."""
    if not probe.cancelled():
        probe.exception()


def _open(side: _Side | None) -> _Side:
    if side is None:
        raise StoreUnavailable("the store is not open")
    return side
