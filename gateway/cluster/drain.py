"""Drain: this node is going down, and hands each client its own moment to come back.

Everybody is told at once and leaves within the grace; what is spread is their return, evenly over
the window with a little jitter, so that the nodes that stay (or this one, started again) meet
`sessions / window` connects a second instead of all at once (RELIABILITY F14, P12).
"""

import asyncio
import contextlib
import random

from gateway.log import get_logger
from gateway.sessions.hub import Hub
from gateway.sessions.session import Session
from gateway.wire import frames
from gateway.wire.close_codes import CloseCode

_TOLD_AT_ONCE = 500
"""Sessions told before the event loop gets a turn."""


class Drain:
    """Empties this node, once."""

    def __init__(self, hub: Hub, *, over: float, grace: float) -> None:
        self._hub = hub
        self._over = over
        self._grace = grace
        self._log = get_logger("gateway.drain")
        self._begun = asyncio.Event()

    @property
    def is_draining(self) -> bool:
        """True from the first signal to stop: readiness and handshakes look at it."""
        return self._begun.is_set()

    async def wait_begun(self) -> None:
        """Return once the drain has begun."""
        await self._begun.wait()

    def begin(self) -> None:
        """Take nobody in any more. Harmless when called twice."""
        self._begun.set()

    async def run(self) -> None:
        """Send every session away; done when all are gone or the grace is over."""
        self.begin()
        sessions = list(self._hub)
        self._log.info("drain_started", sessions=len(sessions), over_seconds=self._over)
        pauses = self._pauses(len(sessions))
        for index, (session, pause_ms) in enumerate(zip(sessions, pauses, strict=True)):
            self._tell(session, pause_ms)
            if index % _TOLD_AT_ONCE == _TOLD_AT_ONCE - 1:
                await asyncio.sleep(0)
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(self._grace):
                await self._hub.wait_until_empty()
        for session, pause_ms in zip(sessions, pauses, strict=True):
            session.close(CloseCode.DRAINING, after_ms=pause_ms)
        self._log.info("drain_done")

    def _pauses(self, count: int) -> list[int]:
        """A pause in ms for each session: even slots over the window, jitter within the slot,
        in no order that a client could know."""
        slot = self._over * 1000 / count if count else 0.0
        pauses = [int((index + random.random()) * slot) for index in range(count)]  # noqa: S311
        random.shuffle(pauses)
        return pauses

    def _tell(self, session: Session, pause_ms: int) -> None:
        session.send(frames.Drain(within=int(self._grace * 1000), reconnect_after=pause_ms))
