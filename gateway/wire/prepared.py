"""Frames as they go on the socket: header and payload, made once and written to every session.

Server frames are never masked, never fragmented, never compressed (RFC 6455 §5.1, §5.2), so the
same bytes serve everybody. Pure bytes; knows no connection.
"""

from collections.abc import Callable

from gateway.wire import codec
from gateway.wire.encoding import Encoding
from gateway.wire.frames import NodeFrame

_FIN_TEXT, _FIN_BINARY, _FIN_CLOSE = 0x81, 0x82, 0x88
_MAX_REASON_BYTES = 123
"""A control frame carries 125 bytes, two of which are the code (RFC 6455 §5.5)."""


def prepare(payload: bytes, encoding: Encoding) -> bytes:
    """Put the header of a text (JSON) or binary (msgpack) frame before the payload."""
    return _header(_FIN_TEXT if encoding is Encoding.JSON else _FIN_BINARY, len(payload)) + payload


def frame(node_frame: NodeFrame, encoding: Encoding) -> bytes:
    """Encode a node frame and put its header before it."""
    return prepare(codec.encode(node_frame, encoding), encoding)


def close_frame(code: int, reason: str = "") -> bytes:
    """Return a close frame; a reason too long for it is cut between two characters."""
    text = reason.encode()[:_MAX_REASON_BYTES].decode(errors="ignore").encode()
    payload = code.to_bytes(2) + text
    return _header(_FIN_CLOSE, len(payload)) + payload


class PreparedFrames:
    """One frame for many sessions: encoded when first asked for, once per encoding.

    `build` gets the encoding, since messages inside a frame were encoded before it.
    """

    __slots__ = ("_build", "_prepared")

    def __init__(self, build: Callable[[Encoding], NodeFrame]) -> None:
        self._build = build
        self._prepared: list[bytes | None] = [None] * len(Encoding)

    @classmethod
    def of(cls, node_frame: NodeFrame) -> "PreparedFrames":
        """For a frame that holds nothing encoded before."""
        return cls(lambda _: node_frame)

    def get(self, encoding: Encoding) -> bytes:
        """Return the bytes for the socket; the same object each time."""
        prepared = self._prepared[encoding]
        if prepared is None:
            prepared = self._prepared[encoding] = frame(self._build(encoding), encoding)
        return prepared


def _header(first: int, length: int) -> bytes:
    if length < 126:
        return bytes((first, length))
    if length < 65_536:
        return bytes((first, 126)) + length.to_bytes(2)
    return bytes((first, 127)) + length.to_bytes(8)
