"""What all connections of a node share: limits, admission, counters, and where sessions come from.

Holds no socket of its own and knows no message or user.
"""

import asyncio
import time
from collections import Counter
from collections.abc import Callable
from typing import Protocol

from gateway.sessions.link import Link
from gateway.transport.limits import Limits
from gateway.transport.origins import Origins
from gateway.transport.pace import Pace
from gateway.transport.quiet import QuietLog
from gateway.transport.refusal import Refusal, overloaded
from gateway.wire.close_codes import CloseCode

_FULL_RETRY_SECONDS = 5
"""A full node empties slowly; clients add their own jitter to this."""


class Session(Protocol):
    """What a connection tells its session. Every method returns at once."""

    def receive(self, payload: bytes) -> None:
        """One message of the subprotocol's type, within the size limit; valid UTF-8 if text."""
        ...

    def on_drained(self, lost: bool) -> None:
        """All that waited is out, or `lost`: dropped while the peer was too slow."""
        ...

    def on_closed(self, code: int | None) -> None:
        """The connection is over; called once. `code` tells who ended it and why: the peer's
        close code (1005 when it gave none), ours, or 1006 when the connection just broke."""
        ...


class Timer(Protocol):
    """A callback that can be called off."""

    def cancel(self) -> None: ...


class Wheel(Protocol):
    """The node's timing wheel, as far as a connection needs it."""

    def schedule(self, delay_seconds: float, callback: Callable[[], object]) -> Timer:
        """Call once, after the delay."""
        ...


class Connection(Protocol):
    """What the gate may do to an open connection."""

    def close(self, code: int, reason: str) -> None: ...

    def abort(self) -> None: ...


OpenSession = Callable[[Link, str | None], Session]
"""Makes the session of a connection; gets the token of the handshake, if it had one."""


class Gate:
    """Admits connections and counts them."""

    def __init__(
        self,
        *,
        limits: Limits,
        origins: Origins,
        wheel: Wheel,
        open_session: OpenSession,
        monotonic: Callable[[], float] = time.monotonic,
    ) -> None:
        self.limits = limits
        self.origins = origins
        self.wheel = wheel
        self.open_session = open_session
        self.monotonic = monotonic
        self.is_draining = False
        """From the first signal to stop: upgrades are refused, what is open lives on."""
        self.sockets = 0
        """Open sockets of any kind."""
        self.connections: set[Connection] = set()
        """WebSocket connections, with or without an identified session."""
        self.counts: Counter[str] = Counter()
        """What was refused or cut, by reason; only ever grows."""
        self.log = QuietLog("gateway.transport", monotonic)
        self._emptied = asyncio.Event()
        self._connects = Pace(limits.connects_per_second, limits.connects_burst)

    def check_room(self) -> Refusal | None:
        """Whether an upgrade may go on. Costs next to nothing: asked first in a storm."""
        if self.is_draining:
            return overloaded("draining", "this node is stopping; try another one", 1)
        if len(self.connections) >= self.limits.connections:
            return overloaded(
                "node_full", "this node holds as many connections as it may", _FULL_RETRY_SECONDS
            )
        return None

    def admit(self) -> Refusal | None:
        """Take one from the admission rate, once everything else about the request holds."""
        wait = self._connects.take(self.monotonic())
        if wait:
            return overloaded("connect_rate", "too many clients connect at once", wait)
        return None

    def join(self, connection: Connection) -> None:
        """An upgrade was accepted; its socket is counted already."""
        self.connections.add(connection)

    def leave(self, connection: Connection) -> None:
        """A connection is gone, and its socket with it."""
        self.connections.discard(connection)
        self.sockets -= 1
        if not self.connections:
            self._emptied.set()

    async def wait_empty(self) -> None:
        """Return once no WebSocket connection is open."""
        while self.connections:
            self._emptied.clear()
            await self._emptied.wait()

    def close_all(self, code: CloseCode, reason: str) -> None:
        """Close what is still open, each with a close frame."""
        for connection in tuple(self.connections):
            connection.close(code, reason)

    def abort_all(self) -> None:
        """End what is still open, without a word."""
        for connection in tuple(self.connections):
            connection.abort()
