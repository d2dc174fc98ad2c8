"""Threads that take jobs from an event loop, in order. Knows nothing of databases.

A round trip costs less than half of what `ThreadPoolExecutor` takes (`python -m bench.store`), and
there are three in each change of a banner.
"""

import asyncio
from collections.abc import Callable
from contextlib import suppress
from queue import SimpleQueue
from threading import Thread
from typing import Any, TypeAlias, TypeVar

T = TypeVar("T")

_Job: TypeAlias = "tuple[asyncio.Future[Any], asyncio.AbstractEventLoop, Callable[[], Any]]"


class Lane:
    """One or more threads behind one queue. With one thread, jobs run one after the other.

    The threads are daemons: a process that forgot to stop them can still end.
    """

    def __init__(self, name: str, threads: int = 1) -> None:
        self._jobs: SimpleQueue[_Job | None] = SimpleQueue()
        self._threads = [
            Thread(target=self._work, name=f"{name}-{number}", daemon=True)
            for number in range(threads)
        ]
        for thread in self._threads:
            thread.start()

    def submit(self, job: Callable[[], T]) -> "asyncio.Future[T]":
        """Run the job after those before it. Cancelling the future only stops the waiting."""
        loop = asyncio.get_running_loop()
        future: asyncio.Future[T] = loop.create_future()
        self._jobs.put((future, loop, job))
        return future

    def stop(self) -> None:
        """Do what is queued, then end the threads. Blocks until they have ended."""
        for _ in self._threads:
            self._jobs.put(None)
        for thread in self._threads:
            thread.join()

    def _work(self) -> None:
        while (item := self._jobs.get()) is not None:
            self._do(*item)
            # While the thread waits it must not keep the last job's values alive.
            del item

    @staticmethod
    def _do(
        future: "asyncio.Future[Any]", loop: asyncio.AbstractEventLoop, job: Callable[[], Any]
    ) -> None:
        answer, failure = None, None
        try:
            answer = job()
        except BaseException as error:  # the waiting side decides; nothing is lost here
            failure = error
        # A loop that is closed has nobody left who waits.
        with suppress(RuntimeError):
            loop.call_soon_threadsafe(_deliver, future, answer, failure)


def _deliver(future: "asyncio.Future[Any]", answer: Any, failure: BaseException | None) -> None:
    if future.cancelled():
        return
    if failure is None:
        future.set_result(answer)
    else:
        future.set_exception(failure)
