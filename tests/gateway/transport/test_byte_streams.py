"""Any bytes, cut anywhere: the fast path and the fallback must agree, and nothing may break."""

import asyncio
from itertools import pairwise
from typing import Any, cast

from hypothesis import given, settings
from hypothesis import strategies as st

from gateway.sessions.link import Encoding
from gateway.transport.gate import Gate
from gateway.transport.handshake import Accepted
from gateway.transport.origins import Origins
from gateway.transport.websocket import WebSocketConnection
from tests.gateway.transport.kit import LoopWheel, RecordingSession, limits, masked


class Paper:
    """A transport that writes everything down. It says it is encrypted, so no descriptor is
    used."""

    def __init__(self) -> None:
        self.written = b""
        self.protocol: asyncio.BaseProtocol | None = None

    def set_protocol(self, protocol: asyncio.BaseProtocol) -> None:
        self.protocol = protocol

    def get_extra_info(self, name: str) -> object:
        return self if name == "sslcontext" else None

    def write(self, data: bytes) -> None:
        self.written += data

    def get_write_buffer_size(self) -> int:
        return 0

    def can_write_eof(self) -> bool:
        return True

    def set_write_buffer_limits(self, high: int, low: int) -> None: ...

    def write_eof(self) -> None: ...

    def pause_reading(self) -> None: ...

    def resume_reading(self) -> None: ...


class NoWheel(LoopWheel):
    """Time does not pass."""

    def schedule(self, delay_seconds: float, callback: object) -> Any:
        return self

    def cancel(self) -> None: ...


Outcome = tuple[list[bytes], list[int | None], bytes]


def outcome(pieces: list[bytes], encoding: Encoding) -> Outcome:
    """What a session got, how it ended, and what the client would read."""
    sessions: list[RecordingSession] = []

    def open_session(link: Any, token: str | None) -> RecordingSession:
        sessions.append(RecordingSession(link, token))
        return sessions[-1]

    gate = Gate(
        limits=limits(frame_bytes=300, fragments=5, controls_burst=3),
        origins=Origins([]),
        wheel=NoWheel(),
        open_session=open_session,
        monotonic=lambda: 100.0,
    )
    paper = Paper()
    connection = WebSocketConnection(gate, encoding)
    accepted = Accepted(response=b"", encoding=encoding, token=None)
    connection.start(cast("asyncio.Transport", paper), accepted, b"")
    for piece in pieces:
        connection.data_received(piece)
    return sessions[0].payloads, sessions[0].closed, paper.written


def cut(stream: bytes, places: list[int]) -> list[bytes]:
    """The stream in pieces, none of them empty."""
    borders = sorted({place % (len(stream) + 1) for place in places} | {0, len(stream)})
    return [stream[a:b] for a, b in pairwise(borders)]


frames = st.builds(
    masked,
    st.sampled_from([0x0, 0x1, 0x1, 0x1, 0x2, 0x8, 0x9, 0xA, 0x3]),
    st.one_of(
        st.binary(max_size=20),
        st.text(max_size=20).map(str.encode),
        st.integers(100, 400).map(bytes),
        st.sampled_from([b"\x03\xe8", b"\x03\xe8bye", b"\x03\xed", b'{"type":"pong"}']),
    ),
    fin=st.sampled_from([True, True, True, False]),
    key=st.binary(min_size=4, max_size=4),
)
streams = st.lists(st.one_of(frames, frames, frames, st.binary(max_size=12)), max_size=12)


@settings(max_examples=200, deadline=None)
@given(
    parts=streams,
    places=st.lists(st.integers(0, 5_000), max_size=8),
    encoding=st.sampled_from(list(Encoding)),
)
def test_where_a_stream_is_cut_makes_no_difference(
    parts: list[bytes], places: list[int], encoding: Encoding
) -> None:
    """T22, T27: whole, byte by byte, or cut anywhere: the same messages, answers and end."""
    stream = b"".join(parts)
    whole = outcome([stream] if stream else [], encoding)
    assert outcome(cut(stream, places), encoding) == whole
    assert outcome([bytes([byte]) for byte in stream], encoding) == whole


@settings(max_examples=200, deadline=None)
@given(st.binary(max_size=400))
def test_noise_ends_in_a_typed_close_or_in_waiting(noise: bytes) -> None:
    """T27: no byte stream raises, and what is closed has a code that may be sent."""
    _, closed, _ = outcome([noise] if noise else [], Encoding.JSON)
    assert all(code in (1002, 1003, 1007, 1008, 1009) or _is_peers(code) for code in closed)


def _is_peers(code: int | None) -> bool:
    return code is not None and (code == 1005 or 1000 <= code < 5000)


def test_lengths_beyond_belief_are_refused_before_anything_is_kept() -> None:
    """T22: 63 bits of length (NATS GHSA-pq2q-rcw4-3hr6), in every position of the sign."""
    for length in (1 << 63, (1 << 64) - 1, (1 << 63) - 1, 1 << 32):
        head = b"\x81\xff" + length.to_bytes(8) + b"\0\0\0\0"
        _, closed, written = outcome([head], Encoding.JSON)
        assert closed == [1009]
        assert written[2:4] == (1009).to_bytes(2)
