"""Peers that read slowly or not at all: byte budget, back-pressure, deadlines."""

import asyncio
import resource
from typing import Any

import pytest

from gateway.sessions.link import Encoding
from gateway.transport.listener import ListenerOptions
from gateway.transport.websocket import WebSocketConnection
from gateway.wire.prepared import prepare
from tests.gateway.transport.kit import (
    MS,
    Client,
    RecordingSession,
    Served,
    closing,
    connected,
    limits,
    ping,
    serving,
    text,
    until,
)

pytestmark = pytest.mark.both_loops

TIGHT = ListenerOptions(send_buffer_bytes=4_096)
"""A small kernel buffer, so that few bytes make a slow client."""


async def slow_client(served: Served) -> tuple[Client, RecordingSession]:
    """A client that has upgraded and, from then on, reads nothing."""
    client = await Client.connect(served.port, receive_buffer=4_096)
    assert (await client.upgrade()).status == 101
    client.writer.transport.pause_reading()  # type: ignore[attr-defined]
    return client, served.sessions[-1]


async def block(session: RecordingSession, extra: int = 0) -> int:
    """Write until the socket takes no more, and more than the kernels' buffers could still take;
    returns how many frames that was."""
    link = session.link
    assert isinstance(link, WebSocketConnection)
    count = 0
    while True:
        while not link.waits:
            assert link.write(numbered(count))
            count += 1
        backlog = link._backlog()
        await asyncio.sleep(30 * MS)
        if link.waits and link._backlog() == backlog:
            for number in range(count, count + extra):
                assert link.write(numbered(number))
            return count + extra


def numbered(number: int) -> bytes:
    """A frame that can be told from others."""
    return prepare(b"%06d" % number + b"." * 1_000, Encoding.JSON)


async def read_numbers(client: Client, until_payload: bytes) -> list[int]:
    """Numbers of all frames before the one given."""
    client.writer.transport.resume_reading()  # type: ignore[attr-defined]
    numbers = []
    while (payload := (await client.frame()).payload) != until_payload:
        numbers.append(int(payload[:6]))
    return numbers


async def test_what_waits_arrives_complete_and_in_order() -> None:
    """Short writes, the transport's buffer and the outbox are one stream to the client."""
    async with serving(options=TIGHT) as served:
        client, session = await slow_client(served)
        count = await block(session)
        for number in range(count, count + 40):
            assert session.link.write(numbered(number))
        session.link.write(prepare(b"end", Encoding.JSON))
        assert await read_numbers(client, b"end") == list(range(count + 40))
        client.close()


async def test_a_connection_that_caught_up_writes_straight_again() -> None:
    """Nothing of the slow time is kept."""
    async with serving(options=TIGHT) as served:
        client, session = await slow_client(served)
        await block(session)
        session.link.write(prepare(b"end", Encoding.JSON))
        link = session.link
        assert isinstance(link, WebSocketConnection)
        assert (link._send, link._outbox is None) == (None, False)
        await read_numbers(client, b"end")
        await until(lambda: link._send is not None)
        assert (link._outbox, link._timer, link._fast_head) == (None, None, 0x81)
        client.close()


async def test_a_slow_client_skips_superseded_states() -> None:
    """P10: over the soft limit the newest frame of a key takes the older's place."""
    small = limits(soft_bytes=2_000, hard_bytes=200_000)
    async with serving(options=TIGHT, limits=small) as served:
        client, session = await slow_client(served)
        count = await block(session)
        for number in range(100):
            assert session.link.write(numbered(900_000 + number), "msg_1")
        session.link.write(prepare(b"end", Encoding.JSON))
        late = (await read_numbers(client, b"end"))[count:]
        assert late[-1] == 900_099
        assert len(late) < 5
        client.close()


async def test_a_client_far_behind_is_asked_to_start_over() -> None:
    """Over the hard limit what waits is dropped, and the session hears of it once it drained."""
    small = limits(soft_bytes=5_000, hard_bytes=10_000, stall_timeout=5)
    async with serving(options=TIGHT, limits=small) as served:
        client, session = await slow_client(served)
        count = await block(session)
        taken = [session.link.write(numbered(count + number)) for number in range(100)]
        assert taken == [True] * taken.index(False) + [False] * (100 - taken.index(False))
        assert (served.gate.counts["lagging"], session.drained) == (1, 0)
        client.writer.transport.resume_reading()  # type: ignore[attr-defined]
        for _ in range(count):
            await client.frame()
        await until(lambda: session.drained == 1)
        session.link.write(prepare(b"sync", Encoding.JSON))
        assert (await client.frame()).payload == b"sync"
        client.close()


async def test_a_lagging_session_may_send_its_snapshot_at_once() -> None:
    """Even one so large that the socket blocks again."""
    small = limits(soft_bytes=5_000, hard_bytes=10_000, stall_timeout=5)
    snapshot = prepare(b"s" * 200_000, Encoding.JSON)

    class Syncs(RecordingSession):
        def on_drained(self, lost: bool) -> None:
            self.drained += lost
            if not lost:
                return
            assert self.link.write(snapshot)
            assert self.link.write(prepare(b"after", Encoding.JSON))

    async with serving(options=TIGHT, limits=small) as served:
        gate_open = served.gate.open_session
        served.gate.open_session = lambda link, token: remember(served, Syncs(link, token))
        client, session = await slow_client(served)
        count = await block(session)
        for number in range(100):
            session.link.write(numbered(number))
        client.writer.transport.resume_reading()  # type: ignore[attr-defined]
        for _ in range(count):
            await client.frame()
        assert len((await client.frame()).payload) == 200_000
        assert (await client.frame()).payload == b"after"
        served.gate.open_session = gate_open
        client.close()


def remember(served: Served, session: RecordingSession) -> RecordingSession:
    served.sessions.append(session)
    return session


async def test_a_stalled_reader_is_cut_with_4108() -> None:
    """F1, T12, P8: aborted after the stall timeout, though bytes are queued for it."""
    async with serving(options=TIGHT) as served:
        client, session = await slow_client(served)
        await block(session, extra=60)
        assert session.closed == []
        await until(lambda: session.closed == [4108])
        await until(lambda: served.gate.sockets == 0)
        assert served.gate.counts["stalled"] == 1
        client.close()


async def test_a_slow_reader_is_not_a_stalled_one() -> None:
    """Who takes bytes, however few, stays: progress in the kernel counts."""
    async with serving(options=TIGHT) as served:
        client, session = await slow_client(served)
        await block(session, extra=60)
        session.link.write(prepare(b"end", Encoding.JSON))
        sock = client.writer.get_extra_info("socket")
        assert sock is not None
        transport: Any = client.writer.transport
        for _ in range(8):  # 8 × 100 ms is more than twice the stall timeout
            await asyncio.sleep(100 * MS)
            transport.resume_reading()
            await client.reader.readexactly(2_000)
            transport.pause_reading()
        assert session.closed == []
        client.close()


async def test_a_stalled_reader_does_not_hold_up_its_close() -> None:
    """F1: closing waits behind what nobody reads, so it is cut after the close timeout."""
    async with serving(options=TIGHT, limits=limits(stall_timeout=60)) as served:
        client, session = await slow_client(served)
        await block(session, extra=60)
        session.link.close(4200, "draining")
        await until(lambda: served.gate.sockets == 0)
        assert session.closed == [4200]
        client.close()


async def test_a_close_comes_after_what_waits() -> None:
    """Frames that were taken are not lost to a close, if the client reads."""
    async with serving(options=TIGHT, limits=limits(close_timeout=5)) as served:
        client, session = await slow_client(served)
        count = await block(session, extra=60)
        session.link.write(numbered(count))
        session.link.close(4200, "draining")
        client.writer.transport.resume_reading()  # type: ignore[attr-defined]
        for number in range(count + 1):
            assert (await client.frame()).payload.startswith(b"%06d" % number)
        assert (await client.frame()).close_code == 4200
        await client.send(closing(4200))
        assert await client.ended()
        client.close()


async def test_a_half_closed_stalled_reader_is_cut_at_once() -> None:
    """F1 with a FIN: closing would wait for a peer that said goodbye and reads nothing."""
    async with serving(options=TIGHT, limits=limits(stall_timeout=60)) as served:
        client, session = await slow_client(served)
        await block(session, extra=60)
        link = session.link
        assert isinstance(link, WebSocketConnection)
        link.eof_received()
        await until(lambda: served.gate.sockets == 0)
        assert session.closed == [1006]
        client.close()


async def test_reading_stops_while_writing_is_blocked() -> None:
    """F3, T20: a client that floods and does not read blocks itself, not our memory."""
    raised = limits(controls_per_second=1e9, controls_burst=1e9, stall_timeout=60)
    async with serving(options=TIGHT, limits=raised) as served:
        client, session = await slow_client(served)
        link = session.link
        assert isinstance(link, WebSocketConnection)
        flood = ping(b"x" * 100) * 600
        before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
        sent = 0
        try:
            for _ in range(1_000):
                async with asyncio.timeout(100 * MS):
                    client.writer.write(flood)
                    await client.writer.drain()
                sent += 600
        except TimeoutError:
            pass
        assert sent < 500_000, "the flood was taken whole"
        assert link._outbox is None or link._outbox.size <= served.gate.limits.hard_bytes
        grown = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before
        assert grown < 32_000, f"{grown} KiB more"
        client.reset()


async def test_held_messages_are_answered_when_the_reader_returns() -> None:
    """Nothing is lost by pausing."""
    async with serving(options=TIGHT, limits=limits(stall_timeout=60)) as served:
        client, session = await slow_client(served)
        await block(session, extra=60)
        session.payloads.clear()
        await client.send(text("question"))
        await asyncio.sleep(20 * MS)
        assert session.payloads == []
        await read_numbers(client, b"question")
        client.close()


async def test_a_reset_in_the_middle_of_a_fan_out_hurts_nobody() -> None:
    """An error of one socket is a False, not an exception (P10)."""
    async with serving() as served, connected(served.port) as good:
        clients = [await Client.connect(served.port) for _ in range(20)]
        for client in [good, *clients]:
            assert (await client.upgrade()).status == 101
        for client in clients:
            client.reset()
        frame = prepare(b"to all", Encoding.JSON)
        for _ in range(20):
            for session in served.sessions:
                session.link.write(frame)
            await asyncio.sleep(0)
        assert (await good.frame()).payload == b"to all"
        await until(lambda: len(served.gate.connections) == 1)
        assert [s.closed for s in served.sessions[1:]] == [[1006]] * 20
