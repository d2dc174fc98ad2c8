"""A WebSocket connection, from frames on the socket to its session and back."""

import asyncio
import logging
from collections.abc import Callable
from itertools import pairwise

import pytest
from structlog.testing import capture_logs

from gateway.sessions.link import Encoding, Link
from gateway.transport.websocket import WebSocketConnection
from gateway.wire.prepared import prepare
from tests.gateway.transport.kit import (
    MS,
    Client,
    RecordingSession,
    Served,
    binary,
    closing,
    handshake,
    limits,
    masked,
    more,
    ping,
    serving,
    text,
    until,
    upgraded,
)

pytestmark = pytest.mark.both_loops

PONG = b'{"type":"pong"}'


# messages


async def test_a_message_reaches_the_session_and_its_answer_the_client() -> None:
    """Text in one frame, both ways (PROTOCOL §2)."""
    async with serving() as served, upgraded(served) as client:
        await client.send(text(PONG))
        assert (await client.frame()).payload == PONG
        assert served.sessions[0].payloads == [PONG]


async def test_msgpack_travels_in_binary_frames() -> None:
    """The subprotocol fixes the type of frames."""
    async with (
        serving() as served,
        upgraded(served, sec_websocket_protocol="inapp.v1.msgpack") as client,
    ):
        await client.send(binary(b"\x81\xa4type\xa4pong"))
        frame = await client.frame()
        assert (frame.opcode, frame.payload) == (0x2, b"\x81\xa4type\xa4pong")
        assert served.sessions[0].link.encoding is Encoding.MSGPACK


@pytest.mark.parametrize("size", [0, 1, 125, 126, 127, 1_000, 16_384])
async def test_messages_of_every_length_form_arrive_whole(size: int) -> None:
    """RFC 6455 §5.2: 7 and 16 bits of length, up to the limit."""
    async with serving() as served, upgraded(served) as client:
        await client.send(text(b"x" * size) + text(b"after"))
        assert len((await client.frame()).payload) == size
        assert (await client.frame()).payload == b"after"


async def test_many_messages_in_one_read_keep_their_order() -> None:
    """Clients batch; the kernel joins."""
    sent = [f"message {number}".encode() * number for number in range(1, 60)]
    async with serving() as served, upgraded(served) as client:
        await client.send(b"".join(text(payload) for payload in sent))
        assert [(await client.frame()).payload for _ in sent] == sent


async def test_a_message_may_come_byte_by_byte() -> None:
    """TCP has no borders."""
    stream = text("first") + ping(b"?") + text("sec", fin=False) + more(b"ond", fin=True)
    async with serving() as served, upgraded(served) as client:
        for place in range(len(stream)):
            served.sessions[0].link.data_received(stream[place : place + 1])  # type: ignore[attr-defined]
        assert [(await client.frame()).payload for _ in range(3)] == [b"first", b"?", b"second"]


async def test_every_split_of_a_stream_means_the_same() -> None:
    """T27, in small: fast path and fallback agree wherever the border falls."""
    stream = text("a") + text("b" * 200) + ping(b"p") + text("c", fin=False)
    stream += ping(b"q") + more(b"", fin=False) + more("ü".encode(), fin=True) + text("d")
    expected = ["a", "b" * 200, "cü", "d"]
    async with serving() as served:
        for border in range(1, len(stream)):
            async with upgraded(served):
                session = served.sessions[-1]
                for part in (stream[:border], stream[border:]):
                    session.link.data_received(part)  # type: ignore[attr-defined]
                assert [payload.decode() for payload in session.payloads] == expected, border


async def test_bytes_that_came_with_the_upgrade_are_not_lost() -> None:
    """A client may send its first frame before it has read our answer."""
    async with serving() as served:
        client = await Client.connect(served.port)
        assert (await client.ask(handshake() + text("early") + text("bird"))).status == 101
        assert [(await client.frame()).payload for _ in range(2)] == [b"early", b"bird"]
        client.close()


async def test_the_fallback_is_gone_once_it_is_quiet() -> None:
    """Memory: parser state lives only while it is needed."""
    async with serving() as served, upgraded(served) as client:
        link = served.sessions[0].link
        assert isinstance(link, WebSocketConnection)
        link.data_received(text("begun", fin=False))
        assert link._fallback is not None
        link.data_received(more(b"", fin=True))
        assert link._fallback is None
        frame = ping(b"x")
        link.data_received(frame[:1])
        assert link._fallback is not None
        link.data_received(frame[1:4])
        assert link._fallback is not None, "dropped in the middle of a frame"
        link.data_received(frame[4:])
        assert link._fallback is None
        assert [(await client.frame()).payload for _ in range(2)] == [b"begun", b"x"]


async def test_pings_are_answered_in_line() -> None:
    """RFC 6455 §5.5.2; between the answers to what came before and after."""
    async with serving() as served, upgraded(served) as client:
        await client.send(text("1") + ping(b"2") + text("3"))
        frames = [await client.frame() for _ in range(3)]
        assert [(frame.opcode, frame.payload) for frame in frames] == [
            (0x1, b"1"),
            (0xA, b"2"),
            (0x1, b"3"),
        ]


# limits and violations: each with its close code


@pytest.mark.parametrize(
    ("data", "code"),
    [
        (text(b"x" * 16_385), 1009),
        (text(b"x" * 70_000), 1009),
        (text(b"x" * 16_000, fin=False) + more(b"x" * 385, fin=True), 1009),
        (text("x", fin=False) + more(b"", fin=False) * 64, 1009),
        (text("", fin=False) + more(b"x", fin=False) * 64, 1009),
        (b"\x81\xff\x7f\xff\xff\xff\xff\xff\xff\xff\x00\x00\x00\x00", 1009),
        (binary(b"x"), 1003),
        (masked(0x2, b"x", fin=False), 1003),
        (text(b"\xff"), 1007),
        (text(b"\xed\xa0\x80"), 1007),
        (text(b"\xce\xba\xe1", fin=False) + more(b"\xbd", fin=True), 1007),
        (text(b"ok", fin=False) + more(b"\xff", fin=False), 1007),
        (b"\x81\x01x", 1002),
        (b"\x81\x7e\x00\x01x", 1002),
        (masked(0x3, b"x"), 1002),
        (masked(0xB, b"x"), 1002),
        (b"\xc1" + text("x")[1:], 1002),
        (b"\x91" + text("x")[1:], 1002),
        (masked(0x9, b"x" * 126), 1002),
        (masked(0x9, b"x", fin=False), 1002),
        (more(b"x", fin=True), 1002),
        (text("x", fin=False) + text("y"), 1002),
        (masked(0x8, b"\x03"), 1002),
        (closing(1005), 1002),
        (closing(999), 1002),
        (closing(1000, b"\xff"), 1007),
        (ping() * 30, 1008),
    ],
)
async def test_what_breaks_the_rules_is_closed_with_its_code(data: bytes, code: int) -> None:
    """T16, T19-T22, F4: typed, at once, and the session hears the same code."""
    async with serving() as served, upgraded(served) as client:
        await client.send(data)
        frame = await client.frame()
        while frame.opcode != 0x8:
            frame = await client.frame()
        assert frame.close_code == code
        assert await client.ended()
        assert served.sessions[0].closed == [code]
        assert served.gate.counts[f"closed_{code}"] == 1
        assert b"x" * 100 not in b"".join(served.sessions[0].payloads)


async def test_control_frames_at_a_sane_rate_are_welcome() -> None:
    """T20: the limit is for floods; a burst and then ten a second pass."""
    async with serving() as served, upgraded(served) as client:
        await client.send(ping(b"x") * 15)
        assert [(await client.frame()).opcode for _ in range(15)] == [0xA] * 15
        await client.send(text("alive"))
        assert (await client.frame()).payload == b"alive"


async def test_the_rate_of_control_frames_outlives_the_fallback() -> None:
    """T20: one ping a read must not start the count anew."""
    async with serving() as served, upgraded(served) as client:
        link = served.sessions[0].link
        for _ in range(40):
            link.data_received(ping())  # type: ignore[attr-defined]
        codes = [frame for frame in [await client.frame() for _ in range(21)] if frame.opcode == 8]
        assert [frame.close_code for frame in codes] == [1008]


# closing


@pytest.mark.parametrize(
    ("code", "heard"), [(1000, 1000), (1001, 1001), (4999, 4999), (None, 1005)]
)
async def test_a_close_of_the_client_is_answered_in_kind(code: int | None, heard: int) -> None:
    """RFC 6455 §5.5.1; the session hears the client's own code, 1005 for none (F12)."""
    async with serving() as served, upgraded(served) as client:
        await client.send(closing(code))
        frame = await client.frame()
        assert (frame.opcode, frame.payload) == (0x8, b"" if code is None else code.to_bytes(2))
        assert await client.ended()
        await until(lambda: served.sessions[0].closed == [heard])
        await until(lambda: served.gate.sockets == 0)


async def test_our_close_waits_for_the_client_s() -> None:
    """The code arrives, later writes are refused, and the client has time to answer."""
    async with serving() as served, upgraded(served) as client:
        session = served.sessions[0]
        session.link.close(4200, "draining")
        assert session.link.is_closing
        assert not session.link.write(prepare(b"late", Encoding.JSON))
        assert (await client.frame()).close_code == 4200
        await client.send(text("late, too") + ping() + closing(4200))
        assert await client.ended()
        assert session.closed == [4200]
        assert session.payloads == []
        await until(lambda: served.gate.sockets == 0)


async def test_a_client_that_never_answers_our_close_is_cut() -> None:
    """T23: after the close timeout nothing is left."""
    async with serving() as served, upgraded(served) as client:
        served.sessions[0].link.close(4007, "disconnected")
        assert (await client.frame()).close_code == 4007
        await until(lambda: served.gate.sockets == 0)
        assert await client.ended()


async def test_closing_twice_says_it_once() -> None:
    """The first reason counts."""
    async with serving() as served, upgraded(served) as client:
        link = served.sessions[0].link
        link.close(4006, "replaced")
        link.close(4007, "disconnected")
        assert (await client.frame()).close_code == 4006
        await client.send(closing(4006))
        assert await client.ended()
        assert served.sessions[0].closed == [4006]


async def test_a_broken_connection_is_1006_not_a_goodbye() -> None:
    """F12: RST and FIN without a close frame."""
    async with serving() as served:
        for leave in (Client.reset, Client.hang_up):
            async with upgraded(served) as client:
                session = served.sessions[-1]
                leave(client)
                await until(lambda session=session: session.closed == [1006])  # type: ignore[misc]
        await until(lambda: served.gate.sockets == 0)


async def test_abort_ends_it_without_a_word() -> None:
    """For peers that would not read a word anyway."""
    async with serving() as served, upgraded(served) as client:
        served.sessions[0].link.abort()
        assert await client.ended()
        assert served.sessions[0].closed == [1006]
        served.sessions[0].link.abort()
        assert not served.sessions[0].link.write(b"\x81\x00")


async def test_an_oversized_message_is_not_lost_in_a_reset() -> None:
    """T19: the client still sends when the close frame goes out; it must arrive all the same."""
    async with serving() as served, upgraded(served) as client:
        client.writer.write(text(b"x" * 60_000) * 100)
        await asyncio.sleep(50 * MS)  # let the reset, if there is one, overtake the close frame
        assert (await client.frame()).close_code == 1009
        assert await client.ended()


async def test_nothing_counts_after_the_end() -> None:
    """RFC 6455 §7.1.7: what a client still sends is not even looked at."""
    async with serving() as served, upgraded(served) as client:
        link = served.sessions[0].link
        assert isinstance(link, WebSocketConnection)
        for _ in range(3):
            link.data_received(more(b"x", fin=True))
        assert (await client.frame()).close_code == 1002
        assert await client.ended()
        assert served.gate.counts["closed_1002"] == 1


# the session's side


class Failing(RecordingSession):
    """A session with a bug."""

    def receive(self, payload: bytes) -> None:
        raise KeyError("secret-" + payload.decode())


async def test_a_bug_in_a_session_closes_that_connection_alone(
    caplog: pytest.LogCaptureFixture,
) -> None:
    """P11: 4100, one line without what the client sent, and the others live on."""

    def session(link: Link, token: str | None) -> RecordingSession:
        return Failing(link, token) if token else RecordingSession(link, token)

    caplog.set_level(logging.DEBUG)
    with capture_logs() as lines:
        await one_bug(session)
    assert [line["event"] for line in lines] == ["session_failed"]
    assert "KeyError" in lines[0]["reason"]
    assert "canary" not in f"{lines}{caplog.text}"
    assert "secret" not in f"{lines}{caplog.text}"


async def one_bug(session: Callable[[Link, str | None], RecordingSession]) -> None:
    """Two connections, one of which meets the bug."""
    async with (
        serving(open_session=session) as served,
        upgraded(served) as good,
        upgraded(served, authorization="Bearer x") as bad,
    ):
        await bad.send(text("canary"))
        assert (await bad.frame()).close_code == 4100
        await good.send(text("fine"))
        assert (await good.frame()).payload == b"fine"


async def test_a_session_that_cannot_be_opened_closes_4100() -> None:
    """The handshake was fine; the client may try again."""

    def fail(link: Link, token: str | None) -> RecordingSession:
        raise RuntimeError

    async with serving(open_session=fail) as served, upgraded(served) as client:
        assert (await client.frame()).close_code == 4100


async def test_the_token_of_the_handshake_goes_to_the_session() -> None:
    """And is never echoed."""
    async with serving() as served:
        async with upgraded(served, sec_websocket_protocol="inapp.v1.json, bearer.a.b.c"):
            assert served.sessions[-1].token == "a.b.c"
        async with upgraded(served, authorization="Bearer d.e.f"):
            assert served.sessions[-1].token == "d.e.f"


async def test_a_paused_session_gets_nothing_until_it_goes_on() -> None:
    """What was read already is kept, in order, whatever it is made of."""
    async with serving() as served, upgraded(served) as client:
        session = served.sessions[0]
        session.link.pause_reading()
        await client.send(text("1") + text("2", fin=False) + more(b"", fin=True) + ping(b"3"))
        await client.send(text("4"))
        link = session.link
        assert isinstance(link, WebSocketConnection)
        link.data_received(text("0"))
        assert session.payloads == []
        assert link._fast_head < 0
        link.data_received(text("0.5"))
        session.link.resume_reading()
        assert link._fast_head == 0x81
        answers = [(await client.frame()).payload for _ in range(6)]
        assert answers == [b"0", b"0.5", b"1", b"2", b"3", b"4"]


class PausesItself(RecordingSession):
    """Takes one message, then wants no more until it is told."""

    def receive(self, payload: bytes) -> None:
        super().receive(payload)
        self.link.pause_reading()


@pytest.mark.parametrize("odd", [b"", ping(b"p"), text("y", fin=False) + more(b"", fin=True)])
async def test_pausing_takes_effect_between_two_messages_of_one_read(odd: bytes) -> None:
    """A session that fetches keys must not get the next frame meanwhile."""
    async with (
        serving(open_session=lambda link, token: PausesItself(link, token)) as served,
        upgraded(served) as client,
    ):
        (connection,) = served.gate.connections
        assert isinstance(connection, WebSocketConnection)
        session = connection._session
        assert isinstance(session, PausesItself)
        connection.data_received(text("a") + odd + text("b") + odd + text("c"))
        counts = [len(session.payloads)]
        while session.payloads[-1] != b"c":
            connection.resume_reading()
            counts.append(len(session.payloads))
        assert all(after - before == 1 for before, after in pairwise(counts))
        assert counts[0] == 1
        await client.send(ping())


# the connection as one of many


async def test_connections_are_counted_and_forgotten() -> None:
    """The gate's numbers are what metrics and limits stand on."""
    async with serving() as served:
        async with upgraded(served), upgraded(served):
            assert (len(served.gate.connections), served.gate.sockets) == (2, 2)
        await until(lambda: (len(served.gate.connections), served.gate.sockets) == (0, 0))


async def test_ordinary_traffic_writes_no_log(caplog: pytest.LogCaptureFixture) -> None:
    """F11: no line per connection, no URL, no header."""
    caplog.set_level(logging.INFO)
    async with serving() as served:
        client = await Client.connect(served.port)
        assert (await client.upgrade("/v1/ws?canary=1", cookie="canary=2")).status == 101
        await client.send(text("canary") + closing(1000, b"canary"))
        assert await client.ended()
        client.close()
    assert not [r for r in caplog.records if "canary" in r.getMessage() or "ws" in r.getMessage()]


async def refused(served: Served) -> tuple[int, str]:
    """Status and Retry-After of one more upgrade."""
    client = await Client.connect(served.port)
    answer = await client.upgrade()
    client.close()
    return answer.status, answer.headers.get("retry-after", "")


async def test_a_full_node_refuses_upgrades_and_keeps_what_it_has() -> None:
    """T13: 503 with Retry-After at the cap, and room again when one leaves."""
    async with serving(limits=limits(connections=1)) as served:
        async with upgraded(served) as client:
            assert await refused(served) == (503, "5")
            await client.send(text("still here"))
            assert (await client.frame()).payload == b"still here"
            assert served.gate.counts["node_full"] == 1
        await until(lambda: not served.gate.connections)
        async with upgraded(served):
            pass


async def test_a_draining_node_refuses_upgrades() -> None:
    """P12: the balancer sends them elsewhere; who is in stays in."""
    async with serving() as served, upgraded(served) as client:
        served.gate.is_draining = True
        assert await refused(served) == (503, "1")
        await client.send(text("still here"))
        assert (await client.frame()).payload == b"still here"


async def test_a_storm_is_admitted_at_its_rate() -> None:
    """T14, P13: what is over the rate is told to come back."""
    async with serving(limits=limits(connects_per_second=1, connects_burst=3)) as served:
        clients = [await Client.connect(served.port) for _ in range(5)]
        statuses = [(await client.upgrade()).status for client in clients]
        assert statuses == [101, 101, 101, 503, 503]
        assert served.gate.counts["connect_rate"] == 2
        for client in clients:
            client.close()
