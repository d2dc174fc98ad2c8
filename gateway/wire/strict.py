"""Bytes from outside → plain values, or a typed error. One strict reading for JSON and msgpack.

What comes out is made of dict (string keys, each once), list, str, int within ±2⁵³, finite float,
bool and None; at most 16 containers deep; its text is encodable and free of control characters
but line feed and tab. The same object in either encoding gives the same value or the same code.
Never raises anything but DecodeError for any bytes whatsoever, and never says in an error what
the bytes were.

msgspec parses; what it lets pass is refused by one walk over the value. Duplicate keys leave no
trace in the value, so keys are counted in the source as well: fewer in the value means that one
was there twice. When several rules are broken, which one is reported is not promised.
"""

import json
import re
from collections.abc import Callable
from math import isfinite
from typing import Any

import msgspec

from gateway.errors import BadInput
from gateway.wire.encoding import Encoding

MAX_DEPTH = 16
"""Containers inside each other; frames and bodies need 6 (RELIABILITY T28)."""
MAX_INTEGER = 2**53
"""Beyond this, browsers' numbers are no longer exact (RFC 8259 §6)."""

_REFUSED_TEXT = re.compile(r"[\x00-\x08\x0b-\x1f\ud800-\udfff]")

_DETAILS = {
    "too_big": "larger than {limit} bytes",
    "malformed": "not valid {name}",
    "too_deep": f"nested deeper than {MAX_DEPTH} levels",
    "bad_number": "a number is not finite, or an integer is outside ±2^53",
    "bad_text": "text must be UTF-8 without byte order mark, lone surrogates or control characters"
    " other than line feed and tab",
    "bad_type": "only objects with text as keys, arrays, text, numbers, booleans and null",
    "duplicate_key": "an object has the same key twice",
}
"""Every code that DecodeError can carry, and what it says to people."""

_json_decoder = msgspec.json.Decoder()
_msgpack_decoder = msgspec.msgpack.Decoder()
_msgpack_encoder = msgspec.msgpack.Encoder()


class DecodeError(BadInput):
    """These bytes are not what we read. `code` is a key of the table above."""

    def __init__(self, code: str, **fields: object) -> None:
        super().__init__(_DETAILS[code].format(**fields), code=code)


def decode_json(payload: bytes, limit: int) -> Any:
    """Read one JSON text of at most `limit` bytes."""
    value, keys = _read(_json_decoder.decode, payload, limit, _why_not_json)
    if keys != _count_json_keys(payload):
        raise DecodeError("duplicate_key")
    return value


def decode_msgpack(payload: bytes, limit: int) -> Any:
    """Read one msgpack value of at most `limit` bytes."""
    value, keys = _read(_msgpack_decoder.decode, payload, limit, _why_not_msgpack)
    # Bytes that the encoder would write again held every key of the value, and no other.
    if _msgpack_encoder.encode(value) != payload and keys != _count_msgpack_keys(payload):
        raise DecodeError("duplicate_key")
    return value


def decode(payload: bytes, encoding: Encoding, limit: int) -> Any:
    """Read one value in the connection's encoding."""
    if encoding is Encoding.JSON:
        return decode_json(payload, limit)
    return decode_msgpack(payload, limit)


def _read(
    parse: Callable[[bytes], Any],
    payload: bytes,
    limit: int,
    why: Callable[[bytes, Exception], DecodeError],
) -> tuple[Any, int]:
    """Parse and check; return the value and how many keys it has."""
    if len(payload) > limit:
        raise DecodeError("too_big", limit=limit)
    try:
        value = parse(payload)
        return value, _check(value, 0)
    except RecursionError:
        raise DecodeError("too_deep") from None
    except (ValueError, TypeError, OverflowError, MemoryError, msgspec.MsgspecError) as error:
        raise why(payload, error) from None


def _check(value: Any, depth: int) -> int:
    """Refuse what the parser let pass; return how many keys the value has, at all depths."""
    kind = type(value)
    if kind is str:
        if not value.isprintable() and _REFUSED_TEXT.search(value):
            raise DecodeError("bad_text")
    elif kind is dict:
        return _check_object(value, depth + 1)
    elif kind is list:
        if depth >= MAX_DEPTH:
            raise DecodeError("too_deep")
        return sum([_check(item, depth + 1) for item in value])
    elif kind is int or kind is float:
        if not (-MAX_INTEGER <= value <= MAX_INTEGER if kind is int else isfinite(value)):
            raise DecodeError("bad_number")
    elif kind is not bool and value is not None:
        raise DecodeError("bad_type")  # msgpack's bin, ext and timestamp
    return 0


def _check_object(value: dict[Any, Any], depth: int) -> int:
    if depth > MAX_DEPTH:
        raise DecodeError("too_deep")
    keys = len(value)
    for key, item in value.items():
        if type(key) is not str:
            raise DecodeError("bad_type")
        if not key.isprintable() and _REFUSED_TEXT.search(key):
            raise DecodeError("bad_text")
        keys += _check(item, depth)
    return keys


def _count_json_keys(payload: bytes) -> int:
    """Count the keys of a valid JSON text: the colons outside of strings."""
    if b"\\" in payload:
        # Escaped quotes end no string. Pairs of backslashes go first, as the parser reads them.
        payload = payload.replace(b"\\\\", b"").replace(b'\\"', b"")
    return b"".join(payload.split(b'"')[::2]).count(b":")


def _count_msgpack_keys(payload: bytes) -> int:
    """Count the keys of a valid msgpack value: what the heads of its maps announce.

    Heads and text follow each other flat, whatever the nesting, so one pass sees them all.
    """
    at = keys = 0
    while at < len(payload):
        head = payload[at]
        at += 1
        if 0x80 <= head <= 0x8F:
            keys += head & 0x0F
        elif 0xA0 <= head <= 0xBF:
            at += head & 0x1F
        elif head in _SIZED:
            width, is_text = _SIZED[head]
            size = int.from_bytes(payload[at : at + width])
            at += width + (size if is_text else 0)
            keys += 0 if is_text else size
        else:
            at += _SKIPPED.get(head, 0)
    return keys


_SIZED = {0xD9: (1, True), 0xDA: (2, True), 0xDB: (4, True), 0xDE: (2, False), 0xDF: (4, False)}
"""str8, str16, str32, map16, map32: bytes of their length, and whether text follows."""

_SKIPPED = {0xCA: 4, 0xCB: 8, 0xCC: 1, 0xCD: 2, 0xCE: 4, 0xCF: 8} | {
    0xD0: 1, 0xD1: 2, 0xD2: 4, 0xD3: 8, 0xDC: 2, 0xDD: 4
}  # fmt: skip
"""Numbers and the lengths of arrays: bytes after the head. All other heads stand alone."""


def _why_not_json(payload: bytes, error: Exception) -> DecodeError:
    """Name the broken rule: the standard library reads NaN, lone surrogates and UTF-16, too."""
    if isinstance(error, UnicodeDecodeError):
        return DecodeError("bad_text")
    if isinstance(error, msgspec.ValidationError):
        return DecodeError("bad_number")  # untyped, so all that it refuses is 1e999
    constants: list[str] = []
    try:
        json.loads(payload, parse_constant=constants.append)
    except (ValueError, RecursionError):
        return DecodeError("malformed", name="JSON")
    return DecodeError("bad_number" if constants else "bad_text")


def _why_not_msgpack(payload: bytes, error: Exception) -> DecodeError:
    del payload
    if isinstance(error, UnicodeDecodeError):
        return DecodeError("bad_text")
    if isinstance(error, msgspec.ValidationError):
        return DecodeError("bad_type")  # untyped, so all that it refuses is a timestamp
    return DecodeError("malformed", name="msgpack")
