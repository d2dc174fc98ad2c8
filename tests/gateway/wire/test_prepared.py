"""Prepared frames: the bytes on the socket are what RFC 6455 says."""

import pytest
from hypothesis import given
from hypothesis import strategies as st
from websockets.frames import Close, Frame, Opcode
from websockets.streams import StreamReader

from gateway.wire import frames, prepared
from gateway.wire.encoding import Encoding


def parse(data: bytes) -> Frame:
    """Read the one frame in `data` with the websockets library."""
    reader = StreamReader()
    reader.feed_data(data)
    reader.feed_eof()
    parsing = Frame.parse(reader.read_exact, mask=False, max_size=None)
    try:
        while True:
            next(parsing)
    except StopIteration as done:
        assert not reader.buffer
        frame: Frame = done.value
        return frame


@pytest.mark.parametrize("size", [0, 1, 125, 126, 127, 65_535, 65_536, 70_000])
@pytest.mark.parametrize("encoding", Encoding)
def test_a_frame_of_any_size_is_read_back_whole(size: int, encoding: Encoding) -> None:
    """RFC 6455 §5.2: three forms of length, at their borders."""
    payload = b"x" * size
    frame = parse(prepared.prepare(payload, encoding))
    assert bytes(frame.data) == payload
    assert frame.fin
    assert frame.opcode is (Opcode.TEXT if encoding is Encoding.JSON else Opcode.BINARY)


def test_the_header_is_as_short_as_it_can_be() -> None:
    """RFC 6455 §5.2: the minimal number of bytes must be used."""
    lengths = {125: 2, 126: 4, 65_535: 4, 65_536: 10}
    for size, header in lengths.items():
        assert len(prepared.prepare(b"x" * size, Encoding.JSON)) == size + header


@given(st.sampled_from([1000, 4000, 4301]), st.text(st.characters(codec="utf-8"), max_size=200))
def test_a_close_frame_carries_code_and_as_much_of_the_reason_as_fits(
    code: int, reason: str
) -> None:
    """RFC 6455 §5.5.1: at most 123 bytes, valid UTF-8."""
    frame = parse(prepared.close_frame(code, reason))
    assert frame.opcode is Opcode.CLOSE
    close = Close.parse(bytes(frame.data))
    assert close.code == code
    assert reason.startswith(close.reason)
    assert len(reason.encode()) <= 123 or len(close.reason.encode()) > 119


@pytest.mark.parametrize("before", ["", "x", "xx", "xxx"])
def test_a_reason_is_never_cut_within_a_character(before: str) -> None:
    """RFC 6455 §5.5.1: the reason is UTF-8; a peer fails the connection on half a character."""
    close = Close.parse(bytes(parse(prepared.close_frame(4000, before + "😀" * 60)).data))
    assert set(close.reason) <= {"x", "😀"}
    assert 120 <= len(close.reason.encode()) <= 123


def test_many_sessions_share_the_same_bytes() -> None:
    """ARCHITECTURE §2: encoded once per encoding, when first asked for."""
    built: list[Encoding] = []

    def build(encoding: Encoding) -> frames.Ping:
        built.append(encoding)
        return frames.Ping(now=5)

    shared = prepared.PreparedFrames(build)
    assert built == []
    first = shared.get(Encoding.JSON)
    assert shared.get(Encoding.JSON) is first
    assert built == [Encoding.JSON]
    assert first == prepared.frame(frames.Ping(now=5), Encoding.JSON)
    assert shared.get(Encoding.MSGPACK) != first


def test_a_frame_without_parts_needs_no_builder() -> None:
    """`of` is for frames that are the same object in both encodings."""
    shared = prepared.PreparedFrames.of(frames.Unread(count=2))
    assert parse(shared.get(Encoding.JSON)).data == b'{"type":"unread","count":2}'
