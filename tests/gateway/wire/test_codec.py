"""The codec: client frames from bytes, node frames to bytes."""

import json
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.wire import codec, frames
from gateway.wire.codec import FrameError
from gateway.wire.encoding import Encoding

BOTH = pytest.mark.parametrize("encoding", Encoding)


def write(value: object, encoding: Encoding) -> bytes:
    return (msgspec.json if encoding is Encoding.JSON else msgspec.msgpack).encode(value)


def read(value: object, encoding: Encoding = Encoding.JSON) -> list[Any]:
    return list(codec.decode(write(value, encoding), encoding))


EVERY_FRAME: dict[str, dict[str, Any]] = {
    "connect": {
        "token": "t",
        "device": {"id": "d", "platform": "web", "app": "shop", "version": "1.2.3"},
        "locale": "en",
        "timezone": "Europe/Berlin",
        "page": "https://shop.example/",
        "visibility": "hidden",
        "activity": "idle",
        "showing": [["msg_1", 3]],
        "layouts": ["modal"],
    },
    "page": {"url": "/a", "title": "A"},
    "track": {"id": "1", "event": "limit_hit", "properties": {"limit": 3}},
    "identify": {"id": "1", "traits": {"tier": "free"}},
    "state": {"visibility": "visible", "activity": "active", "busy": True},
    "receipt": {
        "receipts": [
            {
                "message": "msg_1",
                "revision": 1,
                "stage": "clicked",
                "action": "more",
                "reason": None,
                "answers": None,
                "at": 1_790_000_000_000,
            }
        ]
    },
    "inbox": {"id": "1", "op": "list", "messages": ["msg_1"], "cursor": "c", "limit": 5},
    "preferences": {"id": "1", "muted": ["marketing"]},
    "refresh": {"id": "1", "token": "t"},
    "pong": {},
}


@BOTH
@pytest.mark.parametrize("name", EVERY_FRAME)
def test_every_client_frame_is_read_with_all_its_fields(name: str, encoding: Encoding) -> None:
    """PROTOCOL §2: client → node."""
    fields = EVERY_FRAME[name]
    (frame,) = read({"type": name, **fields}, encoding)
    written = json.loads(msgspec.json.encode(frame))
    assert written["type"] == name
    for key, value in fields.items():
        assert written[key] == value


def test_every_client_frame_of_the_contract_is_known() -> None:
    """PROTOCOL §2: the table above holds them all."""
    assert set(EVERY_FRAME) == set(codec._TYPES)


@BOTH
def test_unknown_keys_are_ignored(encoding: Encoding) -> None:
    """PROTOCOL §2: newer clients may say more."""
    assert read({"type": "pong", "new": {"deep": [1]}}, encoding) == [frames.Pong()]


@BOTH
def test_an_unknown_type_is_named_as_such(encoding: Encoding) -> None:
    """PROTOCOL §2: `unknown_frame`, with the request's id."""
    (error,) = read({"type": "pge", "id": "r-1"}, encoding)
    assert (error.code, error.id) == ("unknown_frame", "r-1")
    assert "`pge`" in error.message
    assert "page" in error.message


@BOTH
def test_frames_around_a_bad_one_still_count(encoding: Encoding) -> None:
    """PROTOCOL §2: an array of objects, each for itself and in order."""
    got = read(
        [
            {"type": "page", "url": "/a"},
            {"type": "track", "id": "7", "event": 5},
            "no object",
            {"type": "new_thing"},
            {"type": "pong"},
        ],
        encoding,
    )
    kinds = [item.code if isinstance(item, FrameError) else type(item).__name__ for item in got]
    assert kinds == ["PageView", "bad_frame", "bad_frame", "unknown_frame", "Pong"]
    assert got[1].id == "7"


BAD_FRAMES = {
    "no object": 5,
    "null": None,
    "text": "hello",
    "no type": {"url": "/a"},
    "type is a number": {"type": 1},
    "type is an array": {"type": ["page"]},
    "array in an array": [[{"type": "pong"}]],
    "no frames": [],
    "too many frames": [{"type": "pong"}] * (codec.MAX_FRAMES + 1),
    "missing field": {"type": "page"},
    "null for a field that must be": {"type": "page", "url": None},
    "long url": {"type": "page", "url": "/" * 2_049},
    "long event": {"type": "track", "id": "1", "event": "e" * 129},
    "empty id": {"type": "track", "id": "", "event": "e"},
    "number as id": {"type": "track", "id": 1, "event": "e"},
    "number as flag": {"type": "state", "busy": 1},
    "unknown choice": {"type": "state", "visibility": "half"},
    "negative revision": {
        "type": "receipt",
        "receipts": [{"message": "m", "revision": -1, "stage": "received"}],
    },
    "fraction as revision": {
        "type": "receipt",
        "receipts": [{"message": "m", "revision": 1.5, "stage": "received"}],
    },
    "too many receipts": {
        "type": "receipt",
        "receipts": [{"message": "m", "revision": 1, "stage": "received"}] * 101,
    },
    "pair of three": {"type": "connect", "showing": [["m", 1, 2]]},
}


@BOTH
@pytest.mark.parametrize("value", BAD_FRAMES.values(), ids=BAD_FRAMES.keys())
def test_wrong_frames_are_refused_as_bad(value: object, encoding: Encoding) -> None:
    """F7, T28-T37: one `bad_frame`, whatever is wrong, and never an exception."""
    (error,) = read(value, encoding)
    assert isinstance(error, FrameError)
    assert error.code == "bad_frame"


@pytest.mark.parametrize("payload", [b"", b"nope", b"[NaN]", b'{"type":"pong","type":"pong"}'])
def test_bytes_that_are_no_json_are_one_bad_frame(payload: bytes) -> None:
    """T28-T32: what strict decoding refuses is told in the same way."""
    (error,) = codec.decode(payload, Encoding.JSON)
    assert isinstance(error, FrameError)
    assert error.code == "bad_frame"
    assert error.id is None


def test_a_payload_over_the_limit_is_refused() -> None:
    """T19: 16 KiB unless the settings say otherwise."""
    padded = b'{"type":"pong","x":"' + b"x" * codec.MAX_BYTES + b'"}'
    (error,) = codec.decode(padded, Encoding.JSON)
    assert isinstance(error, FrameError)
    assert codec.decode(padded, Encoding.JSON, limit=65_536) == [frames.Pong()]


def test_the_message_names_the_field_and_what_it_should_be() -> None:
    """PROTOCOL §2: every refusal says what was wrong."""
    (error,) = read({"type": "receipt", "receipts": [{"message": "m", "revision": "1"}]})
    assert error.message == "receipt: Expected `int`, got `str` - at `$.receipts[0].revision`"


CANARY = "eyJhbGciOi.canary"


@pytest.mark.parametrize(
    "value",
    [
        {"type": CANARY},
        {"type": "state", "visibility": CANARY},
        {"type": "state", "visibility": f"{CANARY} - at `x`"},
        {"type": "inbox", "id": "1", "op": CANARY},
        {"type": "connect", "token": [CANARY]},
        {"type": "connect", "device": {"id": CANARY * 20}},
        {"type": "identify", "id": "1", "traits": CANARY},
        {CANARY: CANARY},
    ],
    ids=repr,
)
def test_a_message_never_repeats_what_was_sent(value: object) -> None:
    """P18: clients put tokens into the wrong field."""
    (error,) = read(value)
    assert "canary" not in error.message


@pytest.mark.parametrize("request_id", [5, "", "x" * 65, None, ["a"]])
def test_only_a_proper_request_id_is_given_back(request_id: object) -> None:
    """What comes back in `error` is bounded."""
    (error,) = read({"type": "track", "id": request_id})
    assert error.id is None


@given(st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=4)
    | st.dictionaries(st.sampled_from(["type", "id", "url", "receipts", "op"]), inner, max_size=4),
))  # fmt: skip
def test_no_value_makes_the_codec_raise(value: object) -> None:
    """F7: whatever a client sends, the session gets frames or FrameErrors, at least one."""
    assert codec.decode(json.dumps(value).encode(), Encoding.JSON)


@given(st.binary(max_size=50), st.sampled_from(Encoding))
def test_no_bytes_make_the_codec_raise(payload: bytes, encoding: Encoding) -> None:
    """T27, T33: the same for bytes."""
    assert codec.decode(payload, encoding)


@BOTH
def test_node_frames_are_written_with_their_type(encoding: Encoding) -> None:
    """PROTOCOL §2: node → client; absent optional fields are left out."""
    payload = codec.encode(frames.Error(code="bad_frame", message="no"), encoding)
    decoder = msgspec.json if encoding is Encoding.JSON else msgspec.msgpack
    assert decoder.decode(payload) == {"type": "error", "code": "bad_frame", "message": "no"}


@BOTH
def test_parts_written_before_are_put_in_as_they_are(encoding: Encoding) -> None:
    """Encoded once per revision, encoding and locale; every frame after that only copies."""
    part = codec.raw({"id": "msg_1", "title": "é"}, encoding)
    payload = codec.encode(frames.MessageFrame(op="show", message=part), encoding)
    decoder = msgspec.json if encoding is Encoding.JSON else msgspec.msgpack
    assert bytes(part) in payload
    assert decoder.decode(payload)["message"] == {"id": "msg_1", "title": "é"}
