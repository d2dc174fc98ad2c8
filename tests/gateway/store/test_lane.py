"""Lanes: jobs in order, outcomes to the loop, and a thread that outlives every caller."""

import asyncio
import threading

import pytest

from gateway.store.lane import Lane


async def test_jobs_of_one_thread_run_in_order() -> None:
    """A rollback that is submitted after a step runs after it."""
    lane = Lane("test")
    seen: list[int] = []
    await asyncio.gather(*(lane.submit(lambda n=n: seen.append(n)) for n in range(100)))  # type: ignore[misc]
    lane.stop()
    assert seen == list(range(100))


async def test_outcomes_come_back() -> None:
    """Values and errors alike, whatever the error."""
    lane = Lane("test")

    def fail(error: BaseException) -> None:
        raise error

    assert await lane.submit(lambda: 17) == 17
    for error in (ValueError("x"), KeyError("y"), asyncio.CancelledError()):
        with pytest.raises(type(error)):
            await lane.submit(lambda error=error: fail(error))  # type: ignore[misc]
    assert await lane.submit(lambda: 18) == 18
    lane.stop()


async def test_a_caller_that_gave_up_disturbs_nobody() -> None:
    """Cancelling stops the waiting, not the job."""
    lane = Lane("test")
    go, done = threading.Event(), threading.Event()

    def wait_then_tell() -> None:
        go.wait()
        done.set()

    waiting = lane.submit(wait_then_tell)
    waiting.cancel()
    go.set()
    assert await lane.submit(lambda: "next") == "next"
    assert done.is_set()
    lane.stop()


async def test_stopping_does_what_is_queued_first() -> None:
    """Nothing that was taken is dropped, on any of the threads."""
    lane = Lane("test", threads=3)
    jobs = [lane.submit(lambda n=n: n * n) for n in range(50)]  # type: ignore[misc]
    await asyncio.to_thread(lane.stop)
    assert await asyncio.gather(*jobs) == [n * n for n in range(50)]
    assert not [thread for thread in threading.enumerate() if thread.name.startswith("test-")]


def test_a_loop_that_is_gone_does_not_stop_the_thread() -> None:
    """A test or a command may end its loop while a job is running."""
    lane = Lane("test")
    go = threading.Event()

    async def leave_behind() -> None:
        lane.submit(go.wait)

    async def ask() -> str:
        return await lane.submit(lambda: "alive")

    asyncio.run(leave_behind())
    go.set()
    assert asyncio.run(ask()) == "alive"
    lane.stop()
