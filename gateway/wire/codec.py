"""Frames ↔ bytes. The only place that makes client frames, and that turns node frames into bytes.

A payload is one object or an array of 1 to 50 objects. In an array every element stands for
itself: a bad one becomes a FrameError in its place, those before and after it still count. Error
messages name the field and what it should be, and never repeat what was sent.
"""

import re
from collections.abc import Sequence
from typing import Any, get_args

import msgspec

from gateway.wire import frames, strict
from gateway.wire.encoding import Encoding
from gateway.wire.frames import ClientFrame, NodeFrame

MAX_FRAMES = 50
"""Frames in one array; a client that was away for a minute sends fewer."""
MAX_BYTES = 16_384
"""Bytes of one payload, as PROTOCOL §2 has it; the transport refuses more before this does."""

_TYPES: dict[str, type[Any]] = {
    str(frame.__struct_config__.tag): frame for frame in get_args(frames.ClientFrame)
}
_PLAIN_TYPE = re.compile(r"[a-z_]{1,32}")

_encoders = (msgspec.json.Encoder(), msgspec.msgpack.Encoder())  # by Encoding


class FrameError(msgspec.Struct, frozen=True, kw_only=True):
    """A frame that could not be read: `code` is `bad_frame` or `unknown_frame`.

    `id` is the request id of the offending frame, where it had one, for the `error` frame.
    """

    code: str
    message: str
    id: str | None = None


def decode(
    payload: bytes, encoding: Encoding, limit: int = MAX_BYTES
) -> list[ClientFrame | FrameError]:
    """Read what a client sent, in order. Never raises and never returns an empty list."""
    try:
        value = strict.decode(payload, encoding, limit)
    except strict.DecodeError as error:
        return [_bad(str(error))]
    if type(value) is not list:
        return [_frame(value)]
    if not 1 <= len(value) <= MAX_FRAMES:
        return [_bad(f"an array must hold 1 to {MAX_FRAMES} frames")]
    return [_frame(item) for item in value]


def encode(frame: NodeFrame, encoding: Encoding) -> bytes:
    """Write a node frame; `Raw` parts must have been made in the same encoding."""
    return _encoders[encoding].encode(frame)


def raw(value: object, encoding: Encoding) -> msgspec.Raw:
    """Write a part once, to be put into many frames as it is."""
    return msgspec.Raw(_encoders[encoding].encode(value))


def _frame(value: Any) -> ClientFrame | FrameError:
    if type(value) is not dict:
        return _bad("a frame must be an object")
    name = value.get("type")
    frame_type = _TYPES.get(name) if type(name) is str else None
    if frame_type is None:
        return _unknown(value)
    try:
        frame: ClientFrame = msgspec.convert(value, frame_type)
    except msgspec.ValidationError as error:
        return _bad(f"{name}: {_describe(error)}", value)
    return frame


def _unknown(value: dict[str, Any]) -> FrameError:
    name = value.get("type")
    if type(name) is not str:
        return _bad("a frame must have a `type`, as text", value)
    shown = f"`{name}` " if _PLAIN_TYPE.fullmatch(name) else ""
    message = f"unknown frame type {shown}(known: {_choices(_TYPES)})"
    return FrameError(code="unknown_frame", message=message, id=_request_id(value))


def _bad(message: str, value: dict[str, Any] | None = None) -> FrameError:
    return FrameError(code="bad_frame", message=message, id=_request_id(value or {}))


def _request_id(value: dict[str, Any]) -> str | None:
    request_id = value.get("id")
    return request_id if type(request_id) is str and 1 <= len(request_id) <= 64 else None


def _describe(error: msgspec.ValidationError) -> str:
    """What msgspec says, without the value that it repeats for a wrong choice."""
    text = str(error)
    if not text.startswith("Invalid enum value"):
        return text
    _, found, path = text.rpartition(" - at ")
    return f"Not one of the allowed values{found}{path}"


def _choices(names: Sequence[str] | dict[str, Any]) -> str:
    return ", ".join(names)
