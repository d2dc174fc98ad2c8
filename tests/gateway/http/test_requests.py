"""What the edge refuses before any operation sees it, and how it says so."""

import time
from typing import Any

import pytest
from structlog.testing import capture_logs

from gateway.errors import (
    BadInput,
    Conflict,
    DependencyDown,
    GatewayError,
    Misconfigured,
    Overloaded,
    StoreUnavailable,
)
from gateway.http.operations import operations
from gateway.http.problems import status_of
from tests.gateway.http.http_kit import Gateway

BROADCAST = "/v1/broadcast"


# Paths and methods


@pytest.mark.parametrize(
    "path",
    ["/nowhere", "/", "/v1", "/v1/", "/v1/messages/", "//v1/messages", "/v1/messages/a/b",
     "/v1/presence/", "/%76%31/messages", "/v1/../v1/messages", "/demo", "/demo/config.json",
     "/v1/messages/{id}/nothing", "*", ""],
)  # fmt: skip
async def test_an_unknown_path_is_a_problem_too(gateway: Gateway, path: str) -> None:
    """404 in the shape of all errors, for whoever asks."""
    reply = await gateway.get(path)
    assert (reply.status, reply.problem["code"]) == (404, "not_found")


@pytest.mark.parametrize(
    ("method", "path", "allow"),
    [
        ("GET", BROADCAST, "OPTIONS, POST"),
        ("PUT", "/v1/messages", "GET, HEAD, OPTIONS, POST"),
        ("POST", "/v1/presence", "GET, HEAD, OPTIONS"),
        ("TRACE", "/v1/messages/1", "GET, HEAD, OPTIONS, PATCH"),
        ("DELETE", "/v1/users/1/revoke", "OPTIONS, POST"),
        ("POST", "/sdk.js", "GET, HEAD, OPTIONS"),
        ("BREW", "/healthz", "GET, HEAD, OPTIONS"),
    ],
)
async def test_a_wrong_method_is_told_the_right_ones(
    gateway: Gateway, method: str, path: str, allow: str
) -> None:
    """RFC 9110 §15.5.6: 405 with Allow."""
    reply = await gateway.call(method, path, key="admin")
    assert (reply.status, reply.problem["code"]) == (405, "method_not_allowed")
    assert reply.header("Allow") == allow


async def test_options_names_the_methods(gateway: Gateway) -> None:
    """204 with Allow, without a key."""
    reply = await gateway.call("OPTIONS", "/v1/messages")
    assert (reply.status, reply.body) == (204, b"")
    assert reply.header("Allow") == "GET, HEAD, OPTIONS, POST"
    assert (await gateway.call("OPTIONS", "/nowhere")).status == 404


async def test_head_is_get_without_a_body(gateway: Gateway) -> None:
    """RFC 9110 §9.3.2: the same headers, Content-Length included."""
    get, head = await gateway.get("/v1/stats"), await gateway.call("HEAD", "/v1/stats", key="admin")
    assert (head.status, head.body) == (200, b"")
    assert head.header("Content-Length") == get.header("Content-Length")


async def test_an_escaped_slash_stays_inside_an_identifier(gateway: Gateway) -> None:
    """A user called `a/b` is not another path; neither is one called `query`."""
    assert (await gateway.get("/v1/presence/a%2Fb")).json["user"] == "a/b"
    assert (await gateway.get("/v1/presence/query")).json["user"] == "query"
    assert (await gateway.get("/v1/presence/{}")).json["user"] == "{}"
    assert (await gateway.get("/v1/presence/%C3%A9")).json["user"] == "é"
    assert (await gateway.get("/v1/presence/e%CC%81")).json["user"] == "é"


@pytest.mark.parametrize(
    "segment", ["%ff", "%00", "%0a", "%", "%zz", "%u0041", "é", "%E2%80%8B", "%20x", "x" * 129]
)
async def test_a_broken_identifier_in_the_path_is_refused(gateway: Gateway, segment: str) -> None:
    """T41: 400, never another user's record and never a fault of ours."""
    reply = await gateway.get(f"/v1/presence/{segment}")
    assert (reply.status, reply.problem["code"]) == (400, "bad_path")


# Host


@pytest.mark.parametrize(
    "host",
    [b"a/b?x", b"evil@gateway", b"a b", b"", b"-", b"host:port", b"host:123456", b"[::1", b"\xff",
     b"host\r\nx: y", b"a#b", b"[]"],
)  # fmt: skip
async def test_a_host_that_is_none_is_refused(gateway: Gateway, host: bytes) -> None:
    """T8: whatever Host says decides nothing, and nonsense is a 400."""
    reply = await gateway.get("/v1/stats", headers=[(b"host", host)])
    assert (reply.status, reply.problem["code"]) == (400, "bad_host")


@pytest.mark.parametrize("host", [b"localhost:8000", b"127.0.0.1", b"[::1]:80", b"my_host", b"A.b"])
async def test_a_usual_host_is_fine(gateway: Gateway, host: bytes) -> None:
    """Names, addresses, with a port and without."""
    assert (await gateway.get("/v1/stats", headers=[(b"host", host)])).status == 200


async def test_two_hosts_are_none(gateway: Gateway) -> None:
    """T7: two Host headers are refused."""
    twice = [(b"host", b"a.example.com"), (b"host", b"b.example.com")]
    reply = await gateway.get("/v1/stats", headers=twice)
    assert (reply.status, reply.problem["code"]) == (400, "bad_host")


async def test_no_host_is_none() -> None:
    """RFC 9112 §3.2: 400."""
    gateway = Gateway()
    wire = gateway.wire("GET", "/healthz")
    wire.scope["headers"] = []
    await gateway.app(wire.scope, wire.receive, wire.send)  # type: ignore[arg-type] # ASGI's own types are wider
    assert wire.reply().problem["code"] == "bad_host"


# Bodies


@pytest.mark.parametrize(
    ("body", "code"),
    [
        (b"{", "malformed"),
        (b"{'text': 1}", "malformed"),
        (b'{"text": "x"} x', "malformed"),
        (b"[" * 100_000, "body_too_large"),
        (b"[" * 20_000, "too_deep"),
        (b'{"a":' * 40 + b"1" + b"}" * 40, "too_deep"),
        (b'{"text": NaN}', "bad_number"),
        (b'{"text": 1e999}', "bad_number"),
        (b'{"text": ' + b"9" * 4_299 + b"}", "bad_number"),
        (b'{"text": 9007199254740993}', "bad_number"),
        (b'{"text": "a", "text": "b"}', "duplicate_key"),
        (b'{"text": "\\ud800"}', "bad_text"),
        (b'{"text": "\\u0000"}', "bad_text"),
        (b'{"text": "\xff"}', "bad_text"),
        (b'\xef\xbb\xbf{"text": "x"}', "bad_text"),
        ('{"text": "x"}'.encode("utf-16"), "bad_text"),
    ],
)
async def test_malformed_json_is_refused_with_its_reason(
    gateway: Gateway, body: bytes, code: str
) -> None:
    """T28–T32, F7, F13: 400 with a code, for everything that parsers disagree about."""
    headers = {"Content-Type": "application/json"}
    reply = await gateway.post(BROADCAST, body=body, headers=headers)
    assert (reply.status, reply.problem["code"]) == (413 if code == "body_too_large" else 400, code)


@pytest.mark.parametrize("body", [b"[]", b'"text"', b"1", b"null", b"true"])
async def test_a_body_that_is_no_object_is_refused(gateway: Gateway, body: bytes) -> None:
    """422: well-formed, but not what is taken."""
    headers = {"Content-Type": "application/json"}
    reply = await gateway.post(BROADCAST, body=body, headers=headers)
    assert (reply.status, reply.pointers) == (422, {"": "wrong_type"})


@pytest.mark.parametrize(
    "headers",
    [
        {},
        {"Content-Type": "text/plain"},
        {"Content-Type": "application/x-www-form-urlencoded"},
        {"Content-Type": "application/json; charset=latin-1"},
        {"Content-Type": "application/jsonp"},
        {"Content-Type": "application/json", "Content-Encoding": "gzip"},
    ],
)
async def test_only_json_is_read(gateway: Gateway, headers: dict[str, str]) -> None:
    """T58: 415 says what to send; a form of another site cannot reach an operation."""
    reply = await gateway.post(BROADCAST, body=b'{"text": "x"}', headers=headers)
    assert (reply.status, reply.problem["code"]) == (415, "not_json")
    assert gateway.messages.known == {}


@pytest.mark.parametrize(
    "content_type",
    ["application/json", "Application/JSON", 'application/json; charset="UTF-8"'],
)
async def test_json_by_any_of_its_names(gateway: Gateway, content_type: str) -> None:
    """RFC 9110 §8.3.1: case and quotes do not matter."""
    headers = {"Content-Type": content_type}
    reply = await gateway.post(BROADCAST, body=b'{"text": "x"}', headers=headers)
    assert reply.status == 201


async def test_no_body_is_an_empty_object_where_nothing_is_needed(gateway: Gateway) -> None:
    """`POST …/retract` without a body is what people type; a broadcast needs one."""
    message_id = await gateway.banner()
    assert (await gateway.post(f"/v1/messages/{message_id}/retract")).status == 200
    reply = await gateway.post(BROADCAST)
    assert (reply.status, reply.problem["code"]) == (400, "body_missing")


@pytest.mark.parametrize("method", ["GET", "DELETE"])
async def test_a_body_that_would_be_dropped_is_refused(gateway: Gateway, method: str) -> None:
    """`DELETE /v1/mute` with a kind in the body must not unmute everything."""
    reply = await gateway.call(method, "/v1/mute", key="admin", json={"kind": "banner"})
    assert (reply.status, reply.problem["code"]) == (400, "body_not_allowed")


async def test_a_body_over_the_limit_is_not_even_read(gateway: Gateway) -> None:
    """T6, F13: an announced 300 MiB is refused by its Content-Length alone."""
    wire = gateway.wire("POST", BROADCAST, key="admin", headers={"Content-Length": "314572800"})
    wire.parts = [b"x"] * 10
    await gateway.app(wire.scope, wire.receive, wire.send)  # type: ignore[arg-type]
    assert (wire.reply().status, len(wire.parts)) == (413, 10)


async def test_a_body_of_unknown_length_is_read_up_to_the_limit(gateway: Gateway) -> None:
    """T6: chunked bodies are counted; at most one part beyond the limit is taken."""
    headers = {"Transfer-Encoding": "chunked", "Content-Length": "0"}
    wire = gateway.wire("POST", BROADCAST, key="admin", headers=headers)
    wire.parts = [b"x" * 10_000] * 100
    await gateway.app(wire.scope, wire.receive, wire.send)  # type: ignore[arg-type]
    reply = wire.reply()
    assert (reply.status, reply.problem["code"]) == (413, "body_too_large")
    assert reply.header("Connection") == "close"
    assert len(wire.parts) == 93


async def test_a_body_in_parts_is_one_body(gateway: Gateway) -> None:
    """However the network cut it."""
    headers = {"Content-Type": "application/json"}
    parts: list[bytes | None] = [b'{"te', b"", b'xt": "x"', b"}"]
    reply = await gateway.post(BROADCAST, body=parts, headers=headers)
    assert reply.status == 201


async def test_a_body_that_stalls_is_given_up() -> None:
    """T2, F13: 408 after the body's deadline, and the connection is closed."""
    gateway = Gateway(body_timeout=0.02)
    wire = gateway.wire("POST", BROADCAST, key="admin", headers={"Content-Length": "10"})
    wire.parts = []
    await gateway.app(wire.scope, wire.receive, wire.send)  # type: ignore[arg-type]
    reply = wire.reply()
    assert (reply.status, reply.problem["code"]) == (408, "body_timeout")
    assert reply.header("Connection") == "close"


async def test_a_client_that_leaves_in_the_middle_gets_nothing(gateway: Gateway) -> None:
    """Half a body is no body: nothing is published, nothing is logged."""
    headers = {"Content-Type": "application/json", "Content-Length": "15"}
    wire = gateway.wire("POST", BROADCAST, key="admin", headers=headers)
    wire.parts = [b'{"text": "x"}', None]
    with capture_logs() as logs:
        await gateway.app(wire.scope, wire.receive, wire.send)  # type: ignore[arg-type]
    assert (wire.sent, logs, gateway.messages.known) == ([], [], {})


async def test_thousands_of_bad_fields_cost_no_more_than_fifty(gateway: Gateway) -> None:
    """API4: looking for the right name of each of 4,500 unknown fields would hold up everybody."""
    body = {f"f{n}": n for n in range(4_500)}
    started = time.process_time()
    reply = await gateway.post(BROADCAST, body)
    assert reply.status == 422
    assert len(reply.problem["errors"]) == 50
    assert time.process_time() - started < 0.5
    actions = [{"id": f"a{n}"} for n in range(3_500)]
    content = {"text": "x", "actions": actions}
    started = time.process_time()
    reply = await gateway.post("/v1/messages", {"kind": "banner", "content": content})
    assert (reply.status, time.process_time() - started < 0.5) == (422, True)


# Queries and headers


@pytest.mark.parametrize(
    ("query", "pointers"),
    [
        ("limti=5", ["/limti"]),
        ("limit=0", ["/limit"]),
        ("limit=201", ["/limit"]),
        ("limit=x", ["/limit"]),
        ("limit=", ["/limit"]),
        ("state=alive&kind=flyer", ["/kind", "/state"]),
        ("limit=5&limit=6", []),
        ("limit", ["/limit"]),
        ("cursor=%ff", []),
        ("&".join(f"a{n}=1" for n in range(50)), []),
    ],
)
async def test_a_query_that_is_not_understood_is_refused(
    gateway: Gateway, query: str, pointers: list[str]
) -> None:
    """Unknown parameters are refused, not ignored; each bad one is named."""
    reply = await gateway.get(f"/v1/messages?{query}")
    assert (reply.status, reply.problem["code"]) == (400, "bad_query")
    assert sorted(reply.pointers) == pointers


async def test_an_operation_without_parameters_takes_none(gateway: Gateway) -> None:
    """Also where there is no parameter at all."""
    assert (await gateway.get("/v1/stats?verbose=1")).status == 400


@pytest.mark.parametrize("etag", ['W/"1"', "1", '"one"', '"1", "2"', '""', "'1'", '"1'])
async def test_an_if_match_that_is_no_etag_of_ours_is_refused(gateway: Gateway, etag: str) -> None:
    """RFC 9110 §13.1.1: strong comparison; weak or foreign tags are a mistake worth telling."""
    message_id = await gateway.banner()
    reply = await gateway.patch(
        f"/v1/messages/{message_id}", {"priority": 1}, headers={"If-Match": etag}
    )
    assert (reply.status, reply.problem["code"]) == (400, "bad_header")


async def test_a_request_keeps_the_number_it_came_with(gateway: Gateway) -> None:
    """X-Request-Id goes through when it is harmless, else the gateway makes one."""
    given = await gateway.get("/v1/stats", headers={"X-Request-Id": "abc-123"})
    assert given.header("X-Request-Id") == "abc-123"
    for bad in ("x y", "é", "x" * 65, ""):
        reply = await gateway.get("/v1/stats", headers={"X-Request-Id": bad})
        assert (reply.header("X-Request-Id") or "").startswith("req_")


# Faults that are not the caller's


@pytest.mark.parametrize(
    ("error", "status", "code", "retry_after"),
    [
        (StoreUnavailable("gone"), 503, "store_unavailable", "1"),
        (StoreUnavailable("full", code="store_full"), 503, "store_full", "1"),
        (DependencyDown("gone"), 503, "dependency_down", "1"),
        (Overloaded("busy", retry_after=2.2), 503, "overloaded", "3"),
        (Overloaded("busy", retry_after=0, code="rate_limited"), 429, "rate_limited", "1"),
        (Conflict("late"), 409, "conflict", None),
        (Conflict("late", code="made_up_later"), 409, "made_up_later", None),
    ],
)
async def test_each_error_of_the_core_has_its_status(
    gateway: Gateway, error: GatewayError, status: int, code: str, retry_after: str | None
) -> None:
    """T61: typed problems with Retry-After where another try may succeed."""
    gateway.messages.broken = error
    reply = await gateway.post(BROADCAST, {"text": "x"})
    assert (reply.status, reply.problem["code"]) == (status, code)
    assert reply.header("Retry-After") == retry_after


def test_bad_input_without_a_body_is_about_the_address() -> None:
    """400 where only the address can be wrong, 422 where a body was understood and refused."""
    error = BadInput("no", code="made_up_later")
    assert (status_of(error, has_body=False), status_of(error, has_body=True)) == (400, 422)


@pytest.mark.parametrize(
    "error", [ValueError("igk_secret Payments"), Misconfigured("igk_secret"), GatewayError("x")]
)
async def test_an_unexpected_error_tells_the_caller_nothing_but_a_number(
    gateway: Gateway, error: Exception
) -> None:
    """T61: 500 without traceback; one log line with the number, without the error's text."""
    gateway.messages.broken = error
    with capture_logs() as logs:
        reply = await gateway.post(BROADCAST, {"text": "Payments"})
    assert (reply.status, reply.problem["code"]) == (500, "internal")
    assert b"secret" not in reply.body
    [line] = logs
    assert line["request_id"] == reply.header("X-Request-Id")
    assert line["operation"] == "broadcast"
    assert line["error"] == type(error).__name__
    assert "Payments" not in str(line)
    assert "http_kit.py" in line["where"][-1]


async def test_every_answer_is_observed(gateway: Gateway) -> None:
    """Metrics see each operation with its status, and unknown paths as one."""
    await gateway.get("/v1/stats")
    await gateway.get("/nowhere")
    await gateway.get("/v1/messages/none")
    assert gateway.observed == [("get_stats", 200), ("none", 404), ("get_message", 404)]


# Headers of every answer


ANSWERS = ["/v1/stats", "/nowhere", "/docs", "/openapi.json", "/sdk.js", "/healthz", "/metrics",
           "/v1/public/banners", "/v1/messages?x=1"]  # fmt: skip


@pytest.mark.parametrize("path", ANSWERS)
async def test_every_answer_protects_itself(gateway: Gateway, path: str) -> None:
    """T59: CSP, nosniff, no framing, no referrer, on every kind of answer."""
    reply = await gateway.get(path)
    policy = reply.header("Content-Security-Policy") or ""
    assert "frame-ancestors 'none'" in policy
    assert "default-src 'none'" in policy
    assert "unsafe" not in policy
    assert reply.header("X-Content-Type-Options") == "nosniff"
    assert reply.header("Referrer-Policy") == "no-referrer"
    assert reply.header("X-Request-Id")


@pytest.mark.parametrize("path", ["/v1/stats", "/v1/messages", "/nowhere", "/v1/keys", "/healthz"])
async def test_no_answer_of_the_api_is_cached_or_shared(gateway: Gateway, path: str) -> None:
    """What one caller may see stays with that caller."""
    reply = await gateway.get(path, headers={"Origin": "https://evil.example.com"})
    assert reply.header("Cache-Control") == "no-store"
    assert reply.header("Access-Control-Allow-Origin") is None
    assert reply.header("Cross-Origin-Resource-Policy") == "same-origin"


async def test_the_lifespan_protocol_is_answered(gateway: Gateway) -> None:
    """A server that asks gets its word, and nothing else happens."""
    events = [{"type": "lifespan.startup"}, {"type": "lifespan.shutdown"}]
    sent: list[dict[str, Any]] = []

    async def receive() -> dict[str, Any]:
        return events.pop(0)

    async def send(event: Any) -> None:
        sent.append(event)

    await gateway.app({"type": "lifespan"}, receive, send)
    names = [event["type"] for event in sent]
    assert names == ["lifespan.startup.complete", "lifespan.shutdown.complete"]


def test_no_two_operations_share_a_name() -> None:
    """Generated clients and metrics go by the operation's id."""
    ids = [operation.id for operation in operations(docs=True, dev_mode=True)]
    assert len(ids) == len(set(ids))
