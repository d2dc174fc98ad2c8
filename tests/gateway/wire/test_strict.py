"""Strict decoding: what is refused, with which code, and that both encodings agree."""

import inspect
import json
import math
import resource
import struct
import sys

import msgpack
import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.wire.encoding import Encoding
from gateway.wire.strict import MAX_DEPTH, MAX_INTEGER, DecodeError, decode_json, decode_msgpack
from gateway.wire.strict import decode as decode_either
from tests.timing import quickest

LIMIT = 65_536


def refusal(payload: bytes, encoding: Encoding = Encoding.JSON) -> str | None:
    """The code with which these bytes are refused, or None."""
    try:
        decode_either(payload, encoding, LIMIT)
    except DecodeError as error:
        return error.code
    return None


def nested(depth: int) -> object:
    value: object = 1
    for level in range(depth):
        value = [value] if level % 2 else {"a": value}
    return value


REFUSED_JSON = {
    "nothing": (b"", "malformed"),
    "white space": (b" \n", "malformed"),
    "a word": (b"nope", "malformed"),
    "single quotes": (b"{'a':1}", "malformed"),
    "comma at the end": (b"[1,]", "malformed"),
    "comment": (b"/*x*/1", "malformed"),
    "two values": (b"1 2", "malformed"),
    "half": (b'{"a":', "malformed"),
    "leading zero": (b"01", "malformed"),
    "NUL after the value": (b"[12]\x00", "malformed"),
    "escape of nothing": (rb'"\x41"', "malformed"),
    # T28
    "deep arrays": (b"[" * 60_000, "too_deep"),
    "deep objects": (b'{"a":' * 12_000, "too_deep"),
    "deep and closed": (b"[" * 500 + b"]" * 500, "too_deep"),
    "one too deep": (json.dumps(nested(MAX_DEPTH + 1)).encode(), "too_deep"),
    "one array too deep": (b"[" * (MAX_DEPTH + 1) + b"]" * (MAX_DEPTH + 1), "too_deep"),
    # T29
    "2^53 + 1": (b"9007199254740993", "bad_number"),
    "-(2^53 + 1)": (b"-9007199254740993", "bad_number"),
    "4,299 digits": (b"1" * 4_299, "bad_number"),
    "60,000 digits": (b"1" * 60_000, "bad_number"),
    # T30
    "NaN": (b"[NaN]", "bad_number"),
    "Infinity": (b'{"a":Infinity}', "bad_number"),
    "-Infinity": (b"-Infinity", "bad_number"),
    "1e999": (b"1e999", "bad_number"),
    # T31
    "same key twice": (b'{"a":1,"a":2}', "duplicate_key"),
    "same key twice, deep": (b'[{"x":[{"a":1,"b":":","a":1}]}]', "duplicate_key"),
    "same key, once escaped": (rb'{"\u0061":1,"a":2}', "duplicate_key"),
    "hidden by a colon that is escaped": (rb'{"a":1,"a":2,"b":"\u003a"}', "duplicate_key"),
    "hidden by quotes that are escaped": (rb'{"a":"\\\"","a":":\"","b":"\\"}', "duplicate_key"),
    "empty key twice": (b'{"":1,"":2}', "duplicate_key"),
    # T32
    "high surrogate alone": (rb'"\ud800"', "bad_text"),
    "low surrogate alone": (rb'["\udc00x"]', "bad_text"),
    "surrogates in the wrong order": (rb'"\udc00\ud800"', "bad_text"),
    "surrogate in a key": (rb'{"\ud800":1}', "bad_text"),
    "surrogate as bytes": (b'"\xed\xa0\x80"', "bad_text"),
    "not UTF-8": (b'"\xff"', "bad_text"),
    "overlong": (b'"\xc0\xaf"', "bad_text"),
    "byte order mark": (b"\xef\xbb\xbf{}", "bad_text"),
    "UTF-16": ('{"a":1}'.encode("utf-16"), "bad_text"),
    "UTF-16 without mark": ('{"a":1}'.encode("utf-16-le"), "bad_text"),
    "UTF-32": ('{"a":1}'.encode("utf-32"), "bad_text"),
    "NUL": (rb'"\u0000"', "bad_text"),
    "NUL in a key": (rb'{"a\u0000":1}', "bad_text"),
    "escape character": (rb'"\u001b[31m"', "bad_text"),
    "carriage return": (rb'"\r"', "bad_text"),
    "raw control character": (b'"a\x01"', "malformed"),
}


@pytest.mark.parametrize(("payload", "code"), REFUSED_JSON.values(), ids=REFUSED_JSON.keys())
def test_json_that_breaks_a_rule_is_refused_with_its_code(payload: bytes, code: str) -> None:
    """T28-T32: typed errors, for all that the standard library accepts or dies of."""
    assert refusal(payload) == code


REFUSED_MSGPACK = {
    "nothing": (b"", "malformed"),
    "never used head": (b"\xc1", "malformed"),
    "two values": (b"\x01\x02", "malformed"),
    "half a map": (b"\x82\xa1a\x01", "malformed"),
    # T31
    "same key twice": (b"\x82\xa1a\x01\xa1a\x02", "duplicate_key"),
    "same key twice, deep": (b"\x91\x81\xa1x\x82\xa1a\x01\xa1a\x01", "duplicate_key"),
    "same key in two widths": (b"\x82\xa1a\x01\xd9\x01a\x02", "duplicate_key"),
    "same key twice in map16": (b"\xde\x00\x02\xa1a\x01\xa1a\x02", "duplicate_key"),
    "same key twice in map32": (b"\xdf\x00\x00\x00\x02\xa1a\x01\xa1a\x02", "duplicate_key"),
    "made up for by a wide number": (
        b"\x83\xa1a\x01\xa1a\x02\xa1b\xd3\x00\x00\x00\x00\x00\x00\x00\x05",
        "duplicate_key",
    ),
    "made up for by a short float": (
        b"\x83\xa1a\x01\xa1a\x02\xa1b\xca\x3f\x80\x00\x00",
        "duplicate_key",
    ),
    "made up for to the byte by a short float": (
        b"\x83\xa2aa\x01\xa2aa\x02\xa1b\xca\x3f\x80\x00\x00",
        "duplicate_key",
    ),
    # T33
    "deep arrays": (b"\x91" * 60_000, "too_deep"),
    "deep maps": (b"\x81\xa1a" * 20_000, "too_deep"),
    "511 levels, closed": (b"\x91" * 511 + b"\xc0", "too_deep"),
    "integer as key": (b"\x81\x01\x02", "bad_type"),
    "null as key": (b"\x81\xc0\x02", "bad_type"),
    "array as key": (b"\x81\x90\x02", "bad_type"),
    "map as key": (b"\x81\x80\x02", "malformed"),
    "bytes as key": (b"\x81\xc4\x01a\x02", "bad_type"),
    "bytes": (b"\xc4\x01a", "bad_type"),
    "fixext": (b"\xd4\x05a", "bad_type"),
    "ext8": (b"\xc7\x01\x05a", "bad_type"),
    "timestamp 32": (b"\xd6\xff\x00\x00\x00\x01", "bad_type"),
    "timestamp 64 of no moment": (b"\xd7\xff" + b"\xff" * 8, "bad_type"),
    "timestamp 96 of no moment": (b"\xc7\x0c\xff" + b"\xff" * 12, "bad_type"),
    "uint64": (b"\xcf" + b"\xff" * 8, "bad_number"),
    "int64": (b"\xd3\x80" + b"\0" * 7, "bad_number"),
    "NaN": (b"\xcb\x7f\xf8" + b"\0" * 6, "bad_number"),
    "short NaN": (b"\xca\x7f\xc0\x00\x00", "bad_number"),
    "infinity": (b"\xca\xff\x80\x00\x00", "bad_number"),
    "not UTF-8": (b"\xa1\xff", "bad_text"),
    "surrogate": (b"\xa3\xed\xa0\x80", "bad_text"),
    "NUL": (b"\xa1\x00", "bad_text"),
    "NUL in a key": (b"\x81\xa1\x00\x01", "bad_text"),
    # T34
    "str32 bomb": (b"\xdb\xff\xff\xff\xff", "malformed"),
    "bin32 bomb": (b"\xc6\xff\xff\xff\xff", "malformed"),
    "array32 bomb": (b"\xdd\xff\xff\xff\xff", "malformed"),
    "array32 bomb, smaller": (b"\xdd\x0f\xff\xff\xff\x01", "malformed"),
    "map32 bomb": (b"\xdf\xff\xff\xff\xff", "malformed"),
    "ext32 bomb": (b"\xc9\xff\xff\xff\xff\x01", "malformed"),
}


@pytest.mark.parametrize(("payload", "code"), REFUSED_MSGPACK.values(), ids=REFUSED_MSGPACK.keys())
def test_msgpack_that_breaks_a_rule_is_refused_with_its_code(payload: bytes, code: str) -> None:
    """T33, T34: typed errors for extensions, odd keys, bombs."""
    assert refusal(payload, Encoding.MSGPACK) == code


def test_length_bombs_take_no_memory() -> None:
    """T34: what a header announces is not reserved before it is there."""
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    for head in (b"\xdb", b"\xc6", b"\xdd", b"\xdf", b"\xc9"):
        for size in (b"\x0f\xff\xff\xff", b"\x7f\xff\xff\xff", b"\xff\xff\xff\xff"):
            assert refusal(head + size + b"\x01" * 100, Encoding.MSGPACK) == "malformed"
    grown = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before
    assert grown < 8_192  # KiB


def test_a_payload_of_empty_maps_takes_little_memory() -> None:
    """T35: 64 KiB of empty maps."""
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    decode_msgpack(b"\xdd" + struct.pack(">I", 60_000) + b"\x80" * 60_000, LIMIT)
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before < 16_384  # KiB


ACCEPTED = [
    None,
    True,
    0,
    MAX_INTEGER,
    -MAX_INTEGER,
    1.5,
    1e300,
    "",
    "line\nand\ttab",
    'quotes " and \\ backslashes \\" : {"a": 1}',
    "😀 é \u202e \u2028",
    {"": {"": ":"}, ":": '"', "\\": "a:b"},
    nested(MAX_DEPTH),
    {f"key{i}": i for i in range(70_0)},
    {"type": "page", "url": "https://app.example.com/a?b=c:d", "title": None},
]


@pytest.mark.parametrize("value", ACCEPTED, ids=lambda value: repr(value)[:40])
def test_plain_values_come_out_as_they_went_in(value: object) -> None:
    """T37: strictness costs no valid object."""
    assert decode_json(json.dumps(value).encode(), LIMIT) == value
    assert decode_json(msgspec.json.encode(value), LIMIT) == value
    assert decode_msgpack(msgspec.msgpack.encode(value), LIMIT) == value
    assert decode_msgpack(msgpack.packb(value), LIMIT) == value


def test_msgpack_of_any_width_is_understood() -> None:
    """Encoders need not choose the shortest form; what is inside of numbers are no heads."""
    wide = (
        b"\xdf\x00\x00\x00\x0c"
        b"\xda\x00\x01a\xd9\x01x"
        b"\xdb\x00\x00\x00\x01b\xdc\x00\x01\xcc\x8f"
        b"\xa1c\xdd\x00\x00\x00\x01\xcd\x8f\x8f"
        b"\xa1d\xce\x8f\x8f\x8f\x8f\xa1e\xcf\x00\x1f\x8f\x8f\x8f\x8f\x8f\x8f"
        b"\xa1f\xd0\x8f\xa1g\xd1\x8f\x8f\xa1h\xd2\x8f\x8f\x8f\x8f"
        b"\xa1i\xca\x3f\x8f\x8f\x8f"
        b"\xa1j\xde\x00\x01\xa1k\xd3\x00\x1f\x8f\x8f\x8f\x8f\x8f\x8f"
        b"\xa1l\xcb\x3f\x8f\x8f\x8f\x8f\x8f\x8f\x8f"
        b"\xa1m\xda\x00\x02\xc2\x8f"
    )
    value = decode_msgpack(wide, LIMIT)
    assert value["j"] == {"k": 0x1F8F8F8F8F8F8F}
    assert value == msgpack.unpackb(wide)


@pytest.mark.parametrize("decode", [decode_json, decode_msgpack])
def test_size_is_checked_before_anything_is_read(decode: object) -> None:
    """T35: the limit counts bytes, and what is over it is not parsed."""
    with pytest.raises(DecodeError, match="larger than 10 bytes") as raised:
        decode(b"[" * 11, 10)  # type: ignore[operator] # both take bytes and a limit
    assert raised.value.code == "too_big"
    assert decode_json(b'"' + b"a" * 8 + b'"', 10) == "aaaaaaaa"


def test_a_deep_caller_gets_a_typed_error_too() -> None:
    """T28: whatever room the stack has left."""

    payload = json.dumps(nested(MAX_DEPTH)).encode()

    def call(levels: int) -> str | None:
        return call(levels - 1) if levels else refusal(payload)

    room = sys.getrecursionlimit() - len(inspect.stack(0))
    assert {call(room - left) for left in range(24, 100)} == {None, "too_deep"}


def test_errors_never_repeat_what_was_sent() -> None:
    """P18: error texts go to logs and to other people's screens."""
    canary = "canary-8f2c"
    for payload in (
        f'{{"token":"{canary}","token":"{canary}"}}',
        f'{{"{canary}":1e999}}',
        f'{{"{canary}\\u0000":1}}',
        f'"{canary}',
        f'["\\ud800{canary}"]',
    ):
        with pytest.raises(DecodeError) as raised:
            decode_json(payload.encode(), LIMIT)
        assert canary not in str(raised.value)
        assert raised.value.__cause__ is None


plain_text = st.text(
    st.characters(codec="utf-8", exclude_categories=["Cc", "Cs"]) | st.sampled_from('\n\t:"\\{},'),
    max_size=12,
)
plain_values = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-MAX_INTEGER, MAX_INTEGER)
    | st.floats(allow_nan=False, allow_infinity=False)
    | plain_text,
    lambda inner: st.lists(inner, max_size=5) | st.dictionaries(plain_text, inner, max_size=5),
    max_leaves=25,
)


@given(plain_values, st.booleans())
def test_the_same_object_means_the_same_in_both_encodings(value: object, ascii_only: bool) -> None:
    """T37."""
    from_json = decode_json(json.dumps(value, ensure_ascii=ascii_only).encode(), LIMIT)
    from_msgpack = decode_msgpack(msgpack.packb(value), LIMIT)
    assert from_json == from_msgpack == value
    assert repr(from_json) == repr(from_msgpack)


odd_text = st.text(st.characters(exclude_categories=[]), max_size=6)
odd_values = st.recursive(
    st.integers(-(2**63), 2**64 - 1) | st.floats() | odd_text,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(odd_text, inner, max_size=3),
    max_leaves=6,
)


def faults_of(value: object) -> set[str]:
    """Every rule that a value breaks, found independently of the decoder."""
    if isinstance(value, str):
        is_bad = any((ord(c) < 32 and c not in "\n\t") or 0xD800 <= ord(c) < 0xE000 for c in value)
        return {"bad_text"} if is_bad else set()
    if isinstance(value, float):
        return set() if math.isfinite(value) else {"bad_number"}
    if isinstance(value, int):
        return set() if abs(value) <= MAX_INTEGER else {"bad_number"}
    parts = [*value, *value.values()] if isinstance(value, dict) else value
    assert isinstance(parts, list)
    return set().union(*(faults_of(part) for part in parts))


@given(odd_values)
def test_the_same_object_is_refused_alike_in_both_encodings(value: object) -> None:
    """T37: one broken rule, one code; of several, either may be named."""
    faults = faults_of(value)
    packable = msgpack.packb(value, unicode_errors="surrogatepass")
    answers = {refusal(json.dumps(value).encode()), refusal(packable, Encoding.MSGPACK)}
    if len(faults) <= 1:
        assert answers == {next(iter(faults), None)}
    else:
        assert answers <= faults


keyed = st.recursive(
    st.integers(0, 3) | plain_text,
    lambda inner: st.lists(
        st.tuples(st.sampled_from(["a", "b", ":", '"', "\\"]), inner), max_size=4
    ),
    max_leaves=12,
)


def write_json(value: object) -> str:
    if not isinstance(value, list):
        return json.dumps(value)
    return "{" + ",".join(f"{json.dumps(k)} : {write_json(v)}" for k, v in value) + "}"


def write_msgpack(value: object) -> bytes:
    if not isinstance(value, list):
        return bytes(msgpack.packb(value))
    pairs = b"".join(msgpack.packb(k) + write_msgpack(v) for k, v in value)
    return bytes([0x80 | len(value)]) + pairs


def has_duplicates(value: object) -> bool:
    if not isinstance(value, list):
        return False
    names = [name for name, _ in value]
    return len(set(names)) < len(names) or any(has_duplicates(inner) for _, inner in value)


@given(keyed)
def test_duplicate_keys_are_found_wherever_they_are(value: object) -> None:
    """T31: exactly the objects with a key twice are refused, in both encodings."""
    expected = "duplicate_key" if has_duplicates(value) else None
    assert refusal(write_json(value).encode()) == expected
    assert refusal(write_msgpack(value), Encoding.MSGPACK) == expected


@given(
    st.binary(max_size=60) | st.text(max_size=40).map(lambda text: text.encode("utf-8", "replace"))
)
def test_no_bytes_raise_anything_else(payload: bytes) -> None:
    """T28-T36: any bytes give a value or a DecodeError."""
    refusal(payload, Encoding.JSON)
    refusal(payload, Encoding.MSGPACK)


@given(plain_values, st.data())
def test_damaged_payloads_raise_nothing_else(value: object, data: st.DataObject) -> None:
    """T28-T36: valid bytes with one byte changed, added or removed."""
    encoding = data.draw(st.sampled_from(Encoding))
    writer = msgspec.json if encoding is Encoding.JSON else msgspec.msgpack
    payload = bytearray(writer.encode(value))
    at = data.draw(st.integers(0, len(payload) - 1))
    payload[at : at + data.draw(st.integers(0, 2))] = data.draw(st.binary(max_size=2))
    refusal(bytes(payload), encoding)


@pytest.mark.parametrize(
    "payload",
    [
        b'"' + b"\\\\" * 32_000 + b'"',
        b'"' + b'\\"' * 32_000 + b'"',
        b"[" + b'":",' * 16_000 + b"1]",
        b"{" + b",".join(b'"%d":0' % i for i in range(7_000)) + b"}",
        b"[" + b"[]," * 20_000 + b"[]]",
        b'"' + rb"\u000a" * 10_000 + b'"',
        b"-" + b"9" * 65_000,
    ],
    ids=lambda payload: repr(payload[:12]),
)
def test_the_worst_payload_is_read_in_time(payload: bytes) -> None:
    """T28, T35: 64 KiB of anything hold the loop for less than 0.1 s of processor time."""
    assert quickest(lambda: refusal(payload)) < 0.1
