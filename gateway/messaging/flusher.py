"""The rhythm in which what was noted in memory becomes durable: one loop a node.

A batch that fails stays where it was and is tried again with the next one, a little later each
time; nothing on the path of a frame ever waits for it.
"""

import asyncio
from collections.abc import Sequence
from typing import Protocol

from gateway.errors import DependencyDown
from gateway.log import get_logger
from gateway.metrics import Metrics

_LONGEST_PAUSE = 5.0
"""Seconds between tries while the store is away."""


class Flushable(Protocol):
    """A book with things noted."""

    async def flush(self) -> None:
        """Write them; raise DependencyDown after keeping them."""
        ...


class Flusher:
    """Flushes every book each `interval` seconds, and once more at the end."""

    def __init__(self, books: Sequence[Flushable], interval: float, metrics: Metrics) -> None:
        self._books = books
        self._interval = interval
        self._metrics = metrics
        self._log = get_logger("gateway.flusher")
        self._failed = 0

    async def run(self) -> None:
        """Until cancelled."""
        while True:
            pause = min(_LONGEST_PAUSE, self._interval * 2**self._failed)
            await asyncio.sleep(pause)
            await self.flush()

    async def flush(self) -> None:
        """Flush all books now."""
        failed = False
        for book in self._books:
            try:
                await book.flush()
            except DependencyDown as down:
                failed = True
                self._note_failure(down)
            except Exception as error:  # one bad batch must not stop the others
                self._metrics.note_error("flusher", error)
        self._failed = min(self._failed + 1, 10) if failed else 0

    def _note_failure(self, down: DependencyDown) -> None:
        self._metrics.store_errors.inc()
        if not self._failed:
            self._log.warning("flush_postponed", code=down.code)
