"""HTTP requests that must not reach the application, and those that must."""

import asyncio
import json
from typing import Any

import pytest
from structlog.testing import capture_logs

from tests.gateway.transport.kit import (
    MS,
    Client,
    Served,
    answer_lifespan,
    connected,
    handshake,
    limits,
    serving,
    text,
    until,
)

pytestmark = pytest.mark.both_loops

GET = b"GET /fine HTTP/1.1\r\nHost: a\r\n\r\n"


def post(length: int, body: bytes = b"", extra: str = "") -> bytes:
    """A POST that promises a length."""
    return f"POST /p HTTP/1.1\r\nHost: a\r\nContent-Length: {length}\r\n{extra}\r\n".encode() + body


def chunked(*chunks: bytes) -> bytes:
    """A POST in chunks, without its end."""
    head = b"POST /p HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n"
    return head + b"".join(b"%x\r\n%s\r\n" % (len(chunk), chunk) for chunk in chunks)


# what passes


async def test_ordinary_requests_pass_on_one_connection() -> None:
    """Keep-alive, bodies with a length and in chunks."""
    async with serving() as served, connected(served.port) as client:
        assert (await client.ask(GET)).body == b"/fine 0"
        assert (await client.ask(post(3, b"abc"))).body == b"/p 3"
        assert (await client.ask(chunked(b"abc", b"de") + b"0\r\n\r\n")).body == b"/p 5"
        assert (await client.ask(post(65_536, b"x" * 65_536))).body == b"/p 65536"


async def test_pipelined_requests_are_answered_in_order() -> None:
    """RFC 9112 §9.3.2, bodies and all."""
    requests = [GET, post(4, b"abcd"), chunked(b"x" * 10) + b"0\r\n\r\n", GET]
    async with serving() as served, connected(served.port) as client:
        await client.send(b"".join(requests))
        bodies = [(await client.answer()).body for _ in requests]
        assert bodies == [b"/fine 0", b"/p 4", b"/p 10", b"/fine 0"]


async def test_a_request_may_come_byte_by_byte() -> None:
    """TCP has no borders."""
    async with serving() as served, connected(served.port) as client:
        for byte in post(3, b"abc"):
            await client.send(bytes([byte]))
        assert (await client.answer()).body == b"/p 3"


async def test_a_body_is_asked_for_only_when_it_may_come() -> None:
    """Expect: 100-continue (RFC 9110 §10.1.1)."""
    expect = "Expect: 100-continue\r\n"
    async with serving() as served, connected(served.port) as client:
        await client.send(post(3, extra=expect))
        assert (await client.answer()).status == 100
        await client.send(b"abc")
        assert (await client.answer()).body == b"/p 3"
    async with serving() as served, connected(served.port) as client:
        assert (await client.ask(post(65_537, extra=expect))).status == 413


async def test_other_upgrades_are_answered_as_plain_http() -> None:
    """T15: a client that offers h2c gets HTTP/1.1, once."""
    h2c = b"GET /x HTTP/1.1\r\nHost: a\r\nConnection: Upgrade\r\nUpgrade: h2c\r\n\r\n"
    async with serving() as served, connected(served.port) as client:
        answer = await client.ask(h2c + b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n")
        assert (answer.status, answer.body) == (200, b"/x 0")
        assert await client.ended()


# T7, T9: framing that two parties could read in two ways


RAW = {
    "length and coding": post(3, b"0\r\n\r\n", "Transfer-Encoding: chunked\r\n"),
    "two lengths": post(3, b"abcd", "Content-Length: 4\r\n"),
    "the same length twice": post(3, b"abc", "Content-Length: 3\r\n"),
    "a list of lengths": b"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 3, 3\r\n\r\nabc",
    "a signed length": b"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: +3\r\n\r\nabc",
    "a negative length": b"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: -3\r\n\r\nabc",
    "a hex length": b"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 0x3\r\n\r\nabc",
    "an endless length": post(10**30),
    "an empty length": b"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: \r\n\r\nabc",
    "another coding": b"POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: xchunked\r\n\r\n",
    "two codings": b"POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: gzip, chunked\r\n\r\n0\r\n\r\n",
    "chunked not last": b"POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked, x\r\n\r\n",
    "chunked in 1.0": b"POST / HTTP/1.0\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
    "a folded field": b"GET / HTTP/1.1\r\nHost: a\r\nX: a\r\n b\r\n\r\n",
    "a folded coding": b"POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding:\r\n chunked\r\n\r\n",
    "bare LF everywhere": b"GET / HTTP/1.1\nHost: a\n\n",
    "bare LF after a field": b"GET / HTTP/1.1\r\nHost: a\nX: b\r\n\r\n",
    "bare LF at the end": b"GET / HTTP/1.1\r\nHost: a\r\n\n",
    "bare CR": b"GET / HTTP/1.1\r\nHost: a\rX: b\r\n\r\n",
    "bare LF in a chunk": b"POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n1\na\n",
    "a chunk of no size": b"POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n",
    "two hosts": b"GET / HTTP/1.1\r\nHost: a\r\nHost: b\r\n\r\n",
    "no host": b"GET / HTTP/1.1\r\n\r\n",
    "an empty host": b"GET / HTTP/1.1\r\nHost:\r\n\r\n",
    "a path in the host": b"GET / HTTP/1.1\r\nHost: a/b?x\r\n\r\n",
    "a user in the host": b"GET / HTTP/1.1\r\nHost: evil@a\r\n\r\n",
    "a space in the host": b"GET / HTTP/1.1\r\nHost: a b\r\n\r\n",
    "a space before the colon": b"GET / HTTP/1.1\r\nHost : a\r\n\r\n",
    "a space before a field": b"GET / HTTP/1.1\r\n Host: a\r\n\r\n",
    "NUL in a value": b"GET / HTTP/1.1\r\nHost: a\r\nX: a\0b\r\n\r\n",
    "ESC in the URL": b"GET /\x1b[31m HTTP/1.1\r\nHost: a\r\n\r\n",
    "a raw byte in the URL": b"GET /\xff HTTP/1.1\r\nHost: a\r\n\r\n",
    "an unknown method": b"FOO / HTTP/1.1\r\nHost: a\r\n\r\n",
    "HTTP/1.2": b"GET / HTTP/1.2\r\nHost: a\r\n\r\n",
    "TLS": b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03",
    "the preface of HTTP/2": b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\0\0\0",
    "a body with an upgrade": b"POST / HTTP/1.1\r\nHost: a\r\nConnection: Upgrade\r\n"
    b"Upgrade: h2c\r\nContent-Length: 3\r\n\r\nabc",
    "no such target": b"GET http:// HTTP/1.1\r\nHost: a\r\n\r\n",
}


@pytest.mark.parametrize("raw", RAW.values(), ids=RAW.keys())
async def test_ambiguous_requests_are_refused_and_end_the_connection(raw: bytes) -> None:
    """T7: 400 as a problem document, and no second answer to what follows."""
    async with serving() as served, connected(served.port) as client:
        answer = await client.ask(raw + GET)
        assert answer.status == 400
        assert answer.headers["content-type"] == "application/problem+json"
        assert len(json.loads(answer.body)["detail"]) > 10
        assert await client.reader.read() == b""


@pytest.mark.parametrize(
    ("raw", "status"),
    [
        (b"GET / HTTP/2.0\r\nHost: a\r\n\r\n", 505),
        (b"GET /\r\n\r\n", 505),
        (b"CONNECT a:1 HTTP/1.1\r\nHost: a:1\r\n\r\n", 405),
        (b"GET /v1/ws HTTP/1.1\r\nHost: a\r\n\r\n", 426),
        (b"GET /v1/ws?x=1 HTTP/1.1\r\nHost: a\r\nConnection: Upgrade\r\n\r\n", 426),
        (b"GET /%s HTTP/1.1\r\nHost: a\r\n\r\n" % (b"x" * 8_192), 414),
        (b"GET / HTTP/1.1\r\nHost: a\r\nCookie: %s\r\n\r\n" % (b"x" * 16_384), 431),
        (b"GET / HTTP/1.1\r\nHost: a\r\n" + b"X: y\r\n" * 100 + b"\r\n", 431),
        (post(65_537), 413),
        (post(300 * 1_024 * 1_024, b"x" * 100_000), 413),
        (chunked(b"x" * 65_536, b"x"), 413),
    ],
)
async def test_what_is_too_much_or_not_spoken_here_has_its_own_status(
    raw: bytes, status: int
) -> None:
    """T4-T6, T9: each told apart, each ends the connection."""
    async with serving() as served, connected(served.port) as client:
        answer = await client.ask(raw)
        assert (answer.status, json.loads(answer.body)["status"]) == (status, status)
        client.close()
        await until(lambda: served.gate.sockets == 0)


async def test_a_plain_request_for_the_websocket_is_told_how() -> None:
    """RFC 9110 §15.5.22: 426 names the protocol."""
    async with serving() as served, connected(served.port) as client:
        answer = await client.ask(b"GET /v1/ws HTTP/1.1\r\nHost: a\r\n\r\n")
        assert answer.headers["upgrade"] == "websocket"
        assert answer.headers["connection"] == "upgrade, close"


async def test_hosts_of_every_honest_kind_pass() -> None:
    """Names, ports, addresses (RFC 3986 §3.2.2)."""
    async with serving() as served, connected(served.port) as client:
        for host in ("a", "gateway.example.com:8000", "127.0.0.1:80", "[::1]:8000", "a_b-c.d"):
            raw = f"GET / HTTP/1.1\r\nHost: {host}\r\n\r\n".encode()
            assert (await client.ask(raw)).status == 200, host
        assert (await client.ask(b"GET / HTTP/1.0\r\n\r\n")).status == 200


async def test_the_limits_themselves_pass() -> None:
    """One less than too much is fine."""
    async with serving() as served, connected(served.port) as client:
        assert (await client.ask(b"GET /%s HTTP/1.1\r\nHost: a\r\n\r\n" % (b"x" * 8_000))).status
        cookie = b"GET / HTTP/1.1\r\nHost: a\r\nCookie: %s\r\n\r\n" % (b"x" * 15_000)
        assert (await client.ask(cookie)).status == 200
        fields = b"GET / HTTP/1.1\r\nHost: a\r\n" + b"X: y\r\n" * 99 + b"\r\n"
        assert (await client.ask(fields)).status == 200


@pytest.mark.parametrize("size", [100, 1_000, 20_000])
async def test_an_endless_head_is_refused_before_it_is_read(size: int) -> None:
    """F6, T4: 57 MiB of headers went into memory; here 16 KiB, however they are cut."""
    head = b"GET / HTTP/1.1\r\nHost: a\r\nX: " + b"y" * 1_000_000
    async with serving() as served, connected(served.port) as client:
        sent = 0
        while sent < 64_000 and not client.reader._buffer:  # type: ignore[attr-defined]
            await client.send(head[sent : sent + size])
            sent += size
            if sent % 1_000 < size:
                await asyncio.sleep(0)
        assert (await client.answer()).status == 431
        assert served.gate.counts["head_too_large"] == 1


async def test_chunks_with_megabytes_of_extensions_are_refused() -> None:
    """T6: bytes that are not body count too."""
    head = b"POST /p HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n1;"
    async with serving() as served, connected(served.port) as client:
        client.writer.write(head + b"x" * 2_000_000)
        assert (await client.answer()).status == 413


async def test_trailers_do_not_become_headers() -> None:
    """A trailer named Host must not change what the application decides by (T8)."""
    seen: list[Any] = []

    async def app(scope: Any, receive: Any, send: Any) -> None:
        if scope["type"] == "lifespan":
            return await answer_lifespan(receive, send)
        while (await receive()).get("more_body"):
            pass
        seen.extend(name for name, _ in scope["headers"])
        await send({"type": "http.response.start", "status": 204, "headers": []})
        await send({"type": "http.response.body"})
        return None

    async with serving(app=app) as served, connected(served.port) as client:
        await client.ask(chunked(b"abc") + b"0\r\nX-Evil: 1\r\n\r\n")
        assert seen == [b"host", b"transfer-encoding"]


async def test_a_pipeline_has_an_end() -> None:
    """Requests that wait cost memory; thousands fit in one read."""
    gate = asyncio.Event()

    async def app(scope: Any, receive: Any, send: Any) -> None:
        await gate.wait()
        await send({"type": "http.response.start", "status": 204, "headers": []})
        await send({"type": "http.response.body"})

    async with serving(app=app) as served, connected(served.port) as client:
        await client.send(GET * 2_000)
        await until(lambda: served.gate.counts["too_many_pipelined"] == 1)
        gate.set()
        statuses = [(await client.answer()).status for _ in range(34)]
        assert statuses == [204] * 33 + [503]


# deadlines


async def test_silent_connections_are_closed() -> None:
    """F6, T3: nothing came, nothing is said."""
    async with serving() as served:
        clients = [await Client.connect(served.port) for _ in range(50)]
        await until(lambda: served.gate.counts["silent"] == 50)
        await until(lambda: served.gate.sockets == 0)
        for client in clients:
            assert await client.reader.read() == b""
            client.close()


async def drip(client: Client, stream: bytes) -> None:
    """A byte now and then, for as long as the node takes it."""
    try:
        for byte in stream:
            await client.send(bytes([byte]))
            await asyncio.sleep(20 * MS)
    except (ConnectionError, RuntimeError):  # uvloop says it the second way
        pass


@pytest.mark.parametrize("before", [b"", GET])
async def test_a_dripping_head_has_a_deadline(before: bytes) -> None:
    """F6, T1: from the first byte, also of a later request."""
    async with serving() as served, connected(served.port) as client:
        if before:
            await client.ask(before)
        dripping = asyncio.create_task(
            drip(client, b"GET / HTTP/1.1\r\nHost: a\r\nX: " + b"y" * 999)
        )
        assert (await client.answer()).status == 408
        assert served.gate.counts["head_timeout"] == 1
        await dripping


async def test_empty_lines_do_not_keep_a_connection_alive() -> None:
    """Before a request they are allowed (RFC 9112 §2.2), for ever they are not."""
    async with serving() as served, connected(served.port) as client:
        await client.ask(GET)
        dripping = asyncio.create_task(drip(client, b"\r\n" * 500))
        await until(lambda: served.gate.sockets == 0)
        await dripping


@pytest.mark.parametrize("begin", [post(100, b"x"), chunked(b"x")])
async def test_a_dripping_body_has_a_deadline(begin: bytes) -> None:
    """F13, T2: though the application has begun to read it."""
    async with serving() as served, connected(served.port) as client:
        await client.send(begin)
        dripping = asyncio.create_task(drip(client, b"x" * 99 if b"Length" in begin else b"1"))
        answer = await client.answer()
        assert (answer.status, json.loads(answer.body)["code"]) == (408, "body_timeout")
        assert await client.ended()
        await dripping


async def test_a_long_answer_is_not_cut_by_deadlines() -> None:
    """Server-Sent Events go on after head and body are done."""

    async def app(scope: Any, receive: Any, send: Any) -> None:
        await send({"type": "http.response.start", "status": 200, "headers": []})
        for number in range(8):
            body = b"data: %d\n\n" % number
            await send({"type": "http.response.body", "body": body, "more_body": True})
            await asyncio.sleep(100 * MS)
        await send({"type": "http.response.body"})

    async with serving(app=app) as served, connected(served.port) as client:
        await client.send(GET)
        stream = await client.reader.readuntil(b"0\r\n\r\n")
        assert b"data: 7" in stream


async def test_a_slow_application_is_not_the_client_s_fault() -> None:
    """A request that is complete has no deadline here."""

    async def app(scope: Any, receive: Any, send: Any) -> None:
        await asyncio.sleep(700 * MS)
        await send({"type": "http.response.start", "status": 204, "headers": []})
        await send({"type": "http.response.body"})

    async with serving(app=app) as served, connected(served.port) as client:
        assert (await client.ask(post(3, b"abc") + GET)).status == 204
        assert (await client.answer()).status == 204


# refusing in the midst of things


async def test_a_refusal_waits_for_the_answers_before_it() -> None:
    """Else it would be taken for the answer to an earlier request."""
    release = asyncio.Event()

    async def app(scope: Any, receive: Any, send: Any) -> None:
        await release.wait()
        body = scope["path"].encode()
        headers = [(b"content-length", str(len(body)).encode())]
        await send({"type": "http.response.start", "status": 200, "headers": headers})
        await send({"type": "http.response.body", "body": body})

    async with serving(app=app) as served, connected(served.port) as client:
        await client.send(b"".join(GET.replace(b"fine", b"%d" % n) for n in range(3)))
        await client.send(b"broken\r\n\r\n")
        await until(lambda: served.gate.counts["bad_request"] == 1)
        release.set()
        assert [(await client.answer()).body for _ in range(3)] == [b"/0", b"/1", b"/2"]
        assert (await client.answer()).status == 400
        assert await client.ended()


async def test_a_request_refused_in_line_never_reaches_the_application() -> None:
    """Its body was too large while an earlier one was being answered."""
    release, paths = asyncio.Event(), []

    async def app(scope: Any, receive: Any, send: Any) -> None:
        paths.append(scope["path"])
        await release.wait()
        await send({"type": "http.response.start", "status": 204, "headers": []})
        await send({"type": "http.response.body"})

    async with serving(app=app) as served, connected(served.port) as client:
        await client.send(GET + chunked(b"x" * 40_000, b"x" * 40_000))
        await until(lambda: served.gate.counts["body_too_large"] == 1)
        release.set()
        assert [(await client.answer()).status for _ in range(2)] == [204, 413]
        assert paths == ["/fine"]


async def test_an_application_that_reads_learns_that_the_body_was_refused() -> None:
    """It gets a disconnect, and whatever it still sends goes nowhere."""
    events: list[str] = []

    async def app(scope: Any, receive: Any, send: Any) -> None:
        while (event := await receive())["type"] != "http.disconnect":
            pass
        events.append(event["type"])
        await send({"type": "http.response.start", "status": 200, "headers": []})
        await send({"type": "http.response.body", "body": b"too late"})

    async with serving(app=app) as served, connected(served.port) as client:
        await client.send(chunked(b"x" * 10))
        await client.send(b"10000\r\n" + b"x" * 65_536)
        answer = await client.answer()
        assert answer.status == 413
        assert await client.reader.read() == b""
        assert events == ["http.disconnect"]


async def test_an_early_answer_is_not_followed_by_a_second() -> None:
    """The application refused before the body was there; then the body was too large."""

    async def app(scope: Any, receive: Any, send: Any) -> None:
        headers = [(b"content-length", b"0")]
        await send({"type": "http.response.start", "status": 401, "headers": headers})
        await send({"type": "http.response.body"})

    async with serving(app=app) as served, connected(served.port) as client:
        assert (await client.ask(chunked(b"x"))).status == 401
        await client.send(b"10000\r\n" + b"x" * 65_536)
        assert await client.reader.read() == b""


# upgrades


async def test_an_upgrade_with_a_big_cookie_jar_is_answered() -> None:
    """F5, T5: 12 KiB of cookies are no reason to hang."""
    async with serving() as served, connected(served.port) as client:
        assert (await client.upgrade(cookie="c=" + "x" * 12_000)).status == 101
        await client.send(text("hello"))
        assert (await client.frame()).payload == b"hello"


@pytest.mark.parametrize(
    ("raw", "status"),
    [
        (handshake(**{f"x_{n}": "y" for n in range(150)}), 431),
        (handshake(cookie="x" * 20_000), 431),
        (handshake("/v1/ws?" + "x" * 9_000), 414),
        (handshake().replace(b"HTTP/1.1", b"HTTP/1.0"), 505),
        (handshake().replace(b"GET", b"POST"), 405),
        (handshake("/elsewhere"), 404),
        (handshake(origin="https://evil.test"), 403),
        (handshake("/v1/ws?token=x"), 400),
        (handshake().replace(b"host: gateway.test", b"host: a\r\nhost: b"), 400),
    ],
)
async def test_an_upgrade_that_is_refused_is_answered_at_once(raw: bytes, status: int) -> None:
    """F5, T5, T7, T9: never left hanging, always told why, the socket given back."""
    async with serving() as served, connected(served.port) as client:
        started = asyncio.get_running_loop().time()
        answer = await client.ask(raw)
        assert asyncio.get_running_loop().time() - started < 1_000 * MS
        assert (answer.status, json.loads(answer.body)["status"]) == (status, status)
        assert answer.headers["connection"].endswith("close")
        client.close()
        await until(lambda: served.gate.sockets == 0)
        assert not served.sessions


async def test_an_upgrade_may_follow_an_answered_request() -> None:
    """On one connection, as proxies do it."""
    async with serving() as served, connected(served.port) as client:
        assert (await client.ask(GET)).status == 200
        assert (await client.upgrade()).status == 101
        await client.send(text("hello"))
        assert (await client.frame()).payload == b"hello"


async def test_an_upgrade_behind_an_unanswered_request_is_refused() -> None:
    """Its 101 would come in the middle of another answer."""
    release = asyncio.Event()

    async def app(scope: Any, receive: Any, send: Any) -> None:
        await release.wait()
        await send({"type": "http.response.start", "status": 204, "headers": []})
        await send({"type": "http.response.body"})

    async with serving(app=app) as served, connected(served.port) as client:
        await client.send(GET + handshake())
        await until(lambda: served.gate.counts["bad_upgrade"] == 1)
        release.set()
        assert [(await client.answer()).status for _ in range(2)] == [204, 400]


# a full node


async def test_sockets_over_the_cap_are_told_so_at_once() -> None:
    """F16, T10: 503 without waiting for a request; the others go on."""
    few = limits(sockets=2, accept_batch=10)
    async with serving(limits=few) as served:
        first, second = [await Client.connect(served.port) for _ in range(2)]
        third = await Client.connect(served.port)
        answer = await third.answer()
        assert (answer.status, answer.headers["retry-after"]) == (503, "5")
        assert (await first.ask(GET)).status == 200
        first.close()
        third.close()
        await until(lambda: served.gate.sockets == 1)
        assert (await second.ask(GET)).status == 200
        second.close()


async def test_far_over_the_cap_nothing_is_said() -> None:
    """Even an answer takes a descriptor."""
    async with serving(limits=limits(sockets=0, accept_batch=1)) as served:
        first, second = [await Client.connect(served.port) for _ in range(2)]
        assert (await first.answer()).status == 503
        with pytest.raises((asyncio.IncompleteReadError, ConnectionError)):
            await second.answer()
        first.close()
        second.close()


async def test_refusals_are_counted_and_barely_logged(caplog: pytest.LogCaptureFixture) -> None:
    """F16: a thousand refusals are one line; nothing of a request is in it."""

    async def one(served: Served) -> None:
        async with connected(served.port) as client:
            await client.ask(b"GET /canary HTTP/1.1\r\nCanary: canary\r\n\r\n")

    with capture_logs() as lines:
        async with serving() as served:
            for _ in range(100):
                await one(served)
            assert served.gate.counts["bad_host"] == 100
    assert [(line["event"], line["reason"]) for line in lines] == [("request_refused", "bad_host")]
    assert "canary" not in f"{lines}{caplog.text}".lower()
