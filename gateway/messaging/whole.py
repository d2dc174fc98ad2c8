"""A change that has begun is finished, whoever stops waiting for it.

A caller that is cancelled between the commit and the fan-out (a shutdown, a timeout) would leave a
change that is durable but on no screen. So changes run as tasks of their own.
"""

import asyncio
from collections.abc import Callable, Coroutine
from functools import wraps
from typing import Any, ParamSpec, TypeVar

P = ParamSpec("P")
T = TypeVar("T")

_running: set["asyncio.Task[Any]"] = set()
"""The event loop holds tasks weakly; these must not be collected half-way."""


def whole(change: Callable[P, Coroutine[Any, Any, T]]) -> Callable[P, Coroutine[Any, Any, T]]:
    """Let a cancelled caller go at once, and the change go on to its end."""

    @wraps(change)
    async def run(*args: P.args, **kwargs: P.kwargs) -> T:
        task = asyncio.create_task(change(*args, **kwargs))
        _running.add(task)
        task.add_done_callback(_running.discard)
        return await asyncio.shield(task)

    return run
