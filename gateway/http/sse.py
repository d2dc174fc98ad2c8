"""Server-sent events: their bytes, the heartbeat, and their end when the node drains."""

import asyncio
from collections.abc import AsyncGenerator, AsyncIterator
from typing import Any

from gateway.http.answers import encode
from gateway.http.services import NodeStatus

CONTENT_TYPE = "text/event-stream"
HEARTBEAT_SECONDS = 15.0
"""Below the shortest usual idle timeout of proxies, 30 s."""
HEARTBEAT = b": still here\n\n"
RETRY = b"retry: 2000\n\n"


def event(name: str, data: Any) -> bytes:
    """One event. JSON of ours has no line break, so `data` is one line."""
    return b"event: " + name.encode() + b"\ndata: " + encode(data) + b"\n\n"


async def end_with_node(
    events: AsyncIterator[bytes], node: NodeStatus, heartbeat: float = HEARTBEAT_SECONDS
) -> AsyncGenerator[bytes, None]:
    """Pass events on, with a comment when nothing was said for a while, until they end or the node
    drains. Whatever happens, nothing stays behind."""
    draining = asyncio.create_task(node.wait_draining(), name="sse-drain")
    step: asyncio.Future[bytes | None] | None = None
    try:
        yield RETRY
        while True:
            step = step or asyncio.ensure_future(_next(events))
            either: set[asyncio.Future[Any]] = {step, draining}
            await asyncio.wait(either, timeout=heartbeat, return_when=asyncio.FIRST_COMPLETED)
            if draining.done():
                yield event("drain", {})
                return
            if not step.done():
                yield HEARTBEAT
                continue
            chunk = step.result()
            step = None
            if chunk is None:
                return
            yield chunk
    finally:
        await _stop(draining, step)
        await _close(events)


async def _next(events: AsyncIterator[bytes]) -> bytes | None:
    return await anext(events, None)


async def _stop(*tasks: "asyncio.Future[Any] | None") -> None:
    running = [task for task in tasks if task is not None]
    for task in running:
        task.cancel()
    await asyncio.gather(*running, return_exceptions=True)


async def _close(events: AsyncIterator[bytes]) -> None:
    close = getattr(events, "aclose", None)
    if close is not None:
        await close()
