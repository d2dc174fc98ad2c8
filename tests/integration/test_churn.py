"""Frames are written straight to descriptors; none may ever reach a stranger.

Connections come and go in every way there is while the node keeps writing to each link it ever
had. Clients, canary sockets and the node share one table of descriptors, so a number is taken by
somebody else as soon as it is free, and a write that comes too late shows at once.
"""

import asyncio
import contextlib
import itertools
import os
import random
import socket
import time
from dataclasses import dataclass, field
from functools import partial

import pytest

from gateway.sessions.link import Encoding, Link
from gateway.transport.limits import Limits
from gateway.transport.outgoing import Phase
from gateway.transport.websocket import WebSocketConnection
from gateway.wire.prepared import prepare
from tests.gateway.transport.kit import MS, Client, closing, serving, text

pytestmark = pytest.mark.both_loops

CLIENTS = 24
SECONDS = 1_500 * MS
LIMITS = Limits(close_timeout=100 * MS, stall_timeout=100 * MS, connects_burst=1e6)

CODES = {1000, 1005, 1006, 4007, 4108}
"""How connections of this test may end; bytes of a stranger would end one with 1002."""


class Numbered:
    """A session that calls itself by a number, which is all that its client may ever read."""

    numbers = itertools.count()

    def __init__(self, link: Link) -> None:
        self.link = link
        self.frame = prepare(b"%d" % next(self.numbers), Encoding.JSON)
        self.codes: list[int | None] = []
        link.write(self.frame)

    def receive(self, payload: bytes) -> None:
        self.link.write(self.frame)

    def on_drained(self, lost: bool) -> None: ...

    def on_closed(self, code: int | None) -> None:
        self.codes.append(code)


@dataclass
class Churn:
    """What happened."""

    chance: random.Random
    sessions: list[Numbered] = field(default_factory=list)
    descriptors: list[int] = field(default_factory=list)
    strangers: list[str] = field(default_factory=list)
    writes: int = 0

    def open(self, link: Link, token: str | None) -> Numbered:
        assert isinstance(link, WebSocketConnection)
        self.descriptors.append(link._transport.get_extra_info("socket").fileno())
        self.sessions.append(Numbered(link))
        return self.sessions[-1]

    # the node

    async def fan_out(self, until: float) -> None:
        """Write to every link there ever was, and end some of them in between."""
        while time.monotonic() < until:
            for place, session in enumerate(tuple(self.sessions)):
                session.link.write(session.frame)
                self.writes += 1
                if place % 50 == 0:
                    await asyncio.sleep(0)
            for session in self.chance.sample(self.sessions, min(2, len(self.sessions))):
                self.chance.choice(
                    [session.link.abort, lambda s=session: s.link.close(4007, "x")]
                )()
                session.link.write(session.frame)
            await asyncio.sleep(0)

    # the others

    async def clients(self, port: int, until: float) -> None:
        """Connect, read, leave; over and over."""
        while time.monotonic() < until:
            client = await Client.connect(port)
            with contextlib.suppress(ConnectionError, asyncio.IncompleteReadError):
                await self.one_life(client)
            client.close()
            with contextlib.suppress(OSError):
                await client.writer.wait_closed()

    async def one_life(self, client: Client) -> None:
        try:
            answer = await client.upgrade()
            mine = await client.frame()
        except (ValueError, IndexError):
            self.strangers.append("bytes before the answer to the upgrade")
            return
        if answer.status != 101:
            self.strangers.append(f"status {answer.status}")
        for _ in range(self.chance.randrange(8)):
            await client.send(text("?"))
            frame = await client.frame()
            if frame.opcode == 0x1 and frame.payload != mine.payload:
                self.strangers.append(f"{frame} for {mine}")
        await self.leave(client)

    async def leave(self, client: Client) -> None:
        way = self.chance.randrange(4)
        if way == 0:
            client.reset()
        elif way == 1:
            client.hang_up()
            await client.ended()
        elif way == 2:
            await client.send(closing(1000))
            await client.ended()

    async def canaries(self, until: float) -> None:
        """Sockets of somebody else, who expects nothing to arrive."""
        while time.monotonic() < until:
            pairs = [socket.socketpair() for _ in range(8)]
            await asyncio.sleep(5 * MS)
            ends = [end for pair in pairs for end in pair]
            for end in ends:
                end.setblocking(False)
                with contextlib.suppress(BlockingIOError):
                    self.strangers.append(f"a canary got {end.recv(100)!r}")
            for end in ends:
                end.close()


async def churn(connection: type[WebSocketConnection], seconds: float) -> Churn:
    """Everything at once, for a while."""
    result = Churn(random.Random(17))
    async with serving(open_session=result.open, limits=LIMITS, connection=connection) as served:
        until = time.monotonic() + seconds
        async with asyncio.TaskGroup() as group:
            group.create_task(result.fan_out(until))
            group.create_task(result.canaries(until))
            for _ in range(CLIENTS):
                group.create_task(result.clients(served.port, until))
    return result


async def test_no_frame_ever_reaches_a_stranger() -> None:
    """ARCHITECTURE §2: close, abort, reset, end of file, while frames go out."""
    result = await churn(WebSocketConnection, SECONDS)
    assert result.strangers == []
    assert {code for session in result.sessions for code in session.codes} <= CODES
    assert all(len(session.codes) == 1 for session in result.sessions)
    assert len(result.sessions) > 100, "too few to mean anything"
    assert len(set(result.descriptors)) < len(result.descriptors) / 2, "numbers were not reused"
    assert result.writes > 5_000


class Careless(WebSocketConnection):
    """What the real one must never do: it keeps the descriptor in its hand to the end."""

    __slots__ = ()

    def _leave(self, phase: Phase) -> None:
        kept = self._transport.get_extra_info("socket").fileno()
        super()._leave(phase)
        self._send = partial(os.write, kept)


async def goes_wrong(connection: type[WebSocketConnection]) -> bool:
    """Whether a short churn shows anything that must not be."""
    try:
        result = await churn(connection, 200 * MS)
    except ExceptionGroup:  # a socket was closed or written under somebody's hands
        return True
    codes = {code for session in result.sessions for code in session.codes}
    return bool(result.strangers) or not codes <= CODES


async def test_this_churn_would_catch_a_descriptor_kept_too_long() -> None:
    """The test above is only worth something if it fails when it should."""
    async with asyncio.timeout(20_000 * MS):
        while not await goes_wrong(Careless):
            pass
