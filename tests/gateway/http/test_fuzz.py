"""Whatever is sent, the answer is typed: no 5xx, no line in the log, no half-made banner (P11)."""

import contextlib
import json
import re
from datetime import datetime, timedelta, timezone
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from structlog.testing import capture_logs

from gateway.http.bodies import BroadcastBody
from gateway.http.fields import parse_duration, parse_moment
from gateway.http.operation import Operation
from gateway.http.operations import API
from gateway.http.parsing import decode_segment
from gateway.http.problems import HttpError
from tests.gateway.http.http_kit import Gateway, Reply

WITH_BODY = [operation for operation in API if operation.body is not None]
FIELDS = sorted({name for o in WITH_BODY if o.body for name in o.body.model_fields})

scalars = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(),
    st.floats(),
    st.text(max_size=20),
    st.sampled_from(["live", "banner", "critical", "resolved", "4h", "en", "**", "/a", "read"]),
)
values = st.recursive(
    scalars,
    lambda inner: st.one_of(
        st.lists(inner, max_size=4),
        st.dictionaries(st.one_of(st.sampled_from(FIELDS), st.text(max_size=8)), inner, max_size=4),
    ),
    max_leaves=12,
)
bodies = st.dictionaries(st.sampled_from(FIELDS), values, max_size=6)
surrogates = st.text(st.characters(codec=None, categories=None), max_size=40)


async def _sent(gateway: Gateway, operation: Operation, payload: bytes) -> Reply:
    path = operation.path.replace("{id}", "alice")
    headers = {"Content-Type": "application/json"}
    with capture_logs() as logs:
        reply = await gateway.call(
            operation.method, path, key="admin", body=payload, headers=headers
        )
    assert logs == []
    assert reply.status < 500
    if reply.status >= 400:
        assert reply.problem["code"]
    return reply


@settings(deadline=None)
@given(st.sampled_from(WITH_BODY), st.binary(max_size=200))
async def test_any_bytes_get_a_typed_answer(operation: Operation, payload: bytes) -> None:
    """F13: bytes that are no JSON are a 400, for every operation."""
    await _sent(Gateway(), operation, payload)


@settings(max_examples=200, deadline=None)
@given(st.sampled_from(WITH_BODY), bodies)
async def test_any_json_gets_a_typed_answer(operation: Operation, body: dict[str, Any]) -> None:
    """Right names with wrong values, nested anyhow: 422 at the field, never a fault of ours."""
    reply = await _sent(Gateway(), operation, json.dumps(body).encode())
    if reply.status == 422:
        assert all(
            re.fullmatch(r"(/.*)?", error["pointer"], re.DOTALL)
            for error in reply.problem["errors"]
        )


@settings(deadline=None)
@given(st.fixed_dictionaries({}, optional=dict.fromkeys(BroadcastBody.model_fields, values)))
async def test_a_refused_broadcast_makes_no_banner(body: dict[str, Any]) -> None:
    """All or nothing, and what is answered can be read as JSON by anybody."""
    gateway = Gateway()
    broadcast = next(operation for operation in API if operation.id == "broadcast")
    reply = await _sent(gateway, broadcast, json.dumps(body).encode())
    assert len(gateway.messages.known) == (reply.status == 201)


@settings(deadline=None)
@given(surrogates)
async def test_any_text_is_either_refused_or_harmless(text: str) -> None:
    """F7, T32: what a banner says can be encoded and sent, whatever was typed."""
    gateway = Gateway()
    broadcast = next(operation for operation in API if operation.id == "broadcast")
    payload = json.dumps({"text": text}).encode()
    reply = await _sent(gateway, broadcast, payload)
    if reply.status != 201:
        assert reply.status in (400, 422)
        return
    body = gateway.messages.known[reply.json["id"]][0].content["en"].body
    assert body.encode("utf-8")
    assert not re.search(r"[\x00-\x08\x0b-\x1f\u202a-\u202e\u2066-\u2069\u200b\ufeff]", body)


@settings(deadline=None)
@given(
    st.sampled_from(
        [b"host", b"accept", b"if-match", b"idempotency-key", b"if-none-match", b"x-request-id",
         b"content-type", b"content-length", b"content-encoding", b"authorization", b"origin"]
    ),
    st.binary(max_size=60),
)  # fmt: skip
async def test_any_header_gets_a_typed_answer(name: bytes, value: bytes) -> None:
    """Bytes that no client library would send."""
    gateway = Gateway()
    message_id = await gateway.banner()
    headers = [(name, value), (b"content-type", b"application/json")]
    for method, path, payload in (
        ("PATCH", f"/v1/messages/{message_id}", b'{"priority": 1}'),
        ("GET", f"/v1/messages/{message_id}/receipts", b""),
        ("GET", "/v1/public/banners", b""),
    ):
        with capture_logs() as logs:
            request: dict[str, Any] = {"headers": headers, "body": payload}
            reply = await gateway.call(method, path, key="admin", **request)
        assert (logs, reply.status < 500) == ([], True)


@settings(deadline=None)
@given(st.text(st.characters(min_codepoint=33, max_codepoint=126), max_size=30))
async def test_any_address_gets_a_typed_answer(address: str) -> None:
    """Paths and queries of any visible characters."""
    gateway = Gateway()
    for path in (address, f"/{address}", f"/v1/presence/{address}", f"/v1/messages?{address}"):
        with capture_logs() as logs:
            reply = await gateway.get(path)
        assert (logs, reply.status < 500) == ([], True)


# Single fields


@settings(deadline=None)
@given(st.timedeltas(min_value=timedelta(milliseconds=1), max_value=timedelta(days=366)))
def test_a_duration_is_read_as_it_was_written(length: timedelta) -> None:
    """Any number of units, largest first."""
    milliseconds = length // timedelta(milliseconds=1)
    seconds, ms = divmod(milliseconds, 1000)
    minutes, s = divmod(seconds, 60)
    hours, m = divmod(minutes, 60)
    days, h = divmod(hours, 24)
    units = ((days, "d"), (h, "h"), (m, "m"), (s, "s"), (ms, "ms"))
    text = "".join(f"{number}{unit}" for number, unit in units if number)
    assert parse_duration(text) == timedelta(milliseconds=milliseconds)


@pytest.mark.parametrize(
    ("text", "length"),
    [
        ("4h", timedelta(hours=4)),
        ("1d12h", timedelta(days=1, hours=12)),
        ("2w", timedelta(weeks=2)),
        ("90m", timedelta(minutes=90)),
        ("250ms", timedelta(milliseconds=250)),
        ("1m500ms", timedelta(minutes=1, milliseconds=500)),
    ],
)
def test_durations_that_people_write(text: str, length: timedelta) -> None:
    """Units may be left out and may overflow, but not change places."""
    assert parse_duration(text) == length


@pytest.mark.parametrize(
    "text", ["", "4", "h", "1h1d", "-1h", "1.5h", "1 h", "1H", "\u0661h", "0s", "367d", "9999999s"]
)
def test_durations_that_nobody_can_mean(text: str) -> None:
    """Refused with what to write."""
    with pytest.raises(ValueError, match=r"write e\.g\.|at most"):
        parse_duration(text)


offsets = st.integers(-14 * 60, 14 * 60).map(lambda m: timezone(timedelta(minutes=m)))
within_reach = (datetime(2, 1, 1), datetime(9998, 1, 1))  # noqa: DTZ001 - hypothesis adds the zone


@settings(deadline=None)
@given(st.datetimes(*within_reach, timezones=offsets))
def test_a_moment_is_read_as_it_was_written(moment: datetime) -> None:
    """RFC 3339 with any offset, as the standard library writes it."""
    assert parse_moment(moment.isoformat()) == moment


@pytest.mark.parametrize(
    "text",
    ["2026-12-01T09:00:00", "2026-12-01", "09:00Z", "20261201T090000Z", "2026-W49-2T09:00:00Z",
     "2026-12-01 09:00:00Z", "2026-13-01T09:00:00Z", "2026-12-01T09:00:60Z", "", "now",
     "0001-01-01T00:00:00+14:00", "2026-12-01T09:00:00+25:00", "\u0662026-12-01T09:00:00Z"],
)  # fmt: skip
def test_moments_that_are_none(text: str) -> None:
    """Without zone, in another notation, or not on the calendar: refused with what to write."""
    with pytest.raises(ValueError, match="RFC 3339"):
        parse_moment(text)


@settings(deadline=None)
@given(st.text(max_size=30))
def test_any_escaped_part_of_a_path_is_read_or_refused(text: str) -> None:
    """What comes out has no control characters; what cannot be read is a typed refusal."""
    with contextlib.suppress(HttpError):
        assert all(ord(c) >= 32 for c in decode_segment("%" + text))
