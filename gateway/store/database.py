"""What the store needs of a database, whichever it is: a place to run plain functions.

All SQL is written as functions of a `Connection`, which know nothing of threads or event loops.
A database runs each in one piece: SQLite on threads of its own, so that a transaction of six
statements costs three hops between threads, not thirty (docs/decisions/store-threads.md).
"""

from collections.abc import Callable
from contextlib import AbstractAsyncContextManager
from typing import Protocol, TypeAlias, TypeVar

from sqlalchemy import Connection

T = TypeVar("T")
Work: TypeAlias = Callable[[Connection], T]


class Transaction(Protocol):
    """Writes that happen together or not at all. What was not finished is rolled back."""

    async def run(self, work: Work[T]) -> T:
        """Run a step; the first one begins the transaction."""
        ...

    async def finish(self, work: Work[T]) -> T:
        """Run the last step and commit. When this returns, everything has reached the disk."""
        ...


class Database(Protocol):
    """One database, from `open` to `close`. Raises StoreUnavailable when it does not answer."""

    async def open(self, prepare: Work[None]) -> None:
        """Connect, and run `prepare` before anybody else comes in."""
        ...

    async def close(self) -> None:
        """Finish what is running and let go of connections, files and threads."""
        ...

    async def ping(self) -> None:
        """Prove within a second that a write could be accepted."""
        ...

    async def read(self, work: Work[T]) -> T:
        """Run a function on one consistent state of the data; it must not write."""
        ...

    async def write(self, work: Work[T]) -> T:
        """Run a function as one transaction."""
        ...

    def transaction(self) -> AbstractAsyncContextManager[Transaction]:
        """Begin a transaction of several steps; others wait until it is over."""
        ...
