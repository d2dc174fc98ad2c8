"""What uvicorn does wrong as it comes, and that the gateway does not (RELIABILITY.md, F1-F16).

Every test runs one provocation against both: the stock server must misbehave as found, which keeps
the provocation honest, and ours must not. F2 is in test_listener, since it needs no server.
"""

import asyncio
import contextlib
import logging
import signal
import sys
from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from gateway.sessions.link import Encoding
from gateway.transport.listener import ListenerOptions
from gateway.wire import prepared, strict
from gateway.wire.frames import Bye
from gateway.wire.prepared import prepare
from tests.gateway.transport.kit import (
    MS,
    Client,
    connected,
    handshake,
    limits,
    more,
    ping,
    serving,
    serving_stock,
    serving_whole,
    text,
    until,
    upgraded,
)

LONG = 900 * MS
"""Three times as long as any deadline of the tests: what is open after it would stay open."""


@dataclass
class Told:
    """What a stock application was told."""

    codes: list[int]
    sends_hang: bool = False
    body_bytes: int = 0


@contextlib.asynccontextmanager
async def stock_websocket(**options: Any) -> AsyncIterator[tuple[int, Told]]:
    """An application on the stock server that accepts, and sends when it gets a message."""
    told = Told([])

    async def app(scope: Any, receive: Any, send: Any) -> None:
        if scope["type"] == "http":
            while (event := await receive()).get("more_body"):
                told.body_bytes += len(event["body"])
            return
        await receive()
        await send({"type": "websocket.accept"})
        while (event := await receive())["type"] == "websocket.receive":
            await obey(event["text"], send, told)
        told.codes.append(event["code"])

    async with serving_stock(app, lifespan="off", **options) as port:
        yield port, told


async def obey(order: str | None, send: Any, told: Told) -> None:
    """Do as a message says."""
    if order == "flood":
        told.sends_hang = True
        for _ in range(200):
            await send({"type": "websocket.send", "bytes": bytes(64_000)})
        told.sends_hang = False
    elif order == "surrogate":
        await send({"type": "websocket.send", "text": "\ud800"})


async def stock_client(port: int, **options: Any) -> Client:
    """A WebSocket on the stock server."""
    client = await Client.connect(port, **options)
    assert (await client.upgrade("/")).status == 101
    return client


async def is_open(client: Client, seconds: float = LONG) -> bool:
    """Whether the other side leaves the connection open for that long, sending nothing."""
    try:
        async with asyncio.timeout(seconds):
            await client.reader.read(1)
    except TimeoutError:
        return True
    except ConnectionError:
        return False
    return False


def stop_reading(client: Client) -> None:
    transport: Any = client.writer.transport
    transport.pause_reading()


async def test_f1_a_stalled_reader_is_dropped() -> None:
    """F1, T12: stock pings time out, and yet it waits for bytes that nobody reads."""
    pings = {"ws_ping_interval": 0.1, "ws_ping_timeout": 0.1}
    async with stock_websocket(**pings) as (port, told):
        client = await stock_client(port, receive_buffer=4_096)
        stop_reading(client)
        await client.send(text("flood"))
        await asyncio.sleep(LONG)
        assert (told.sends_hang, told.codes) == (True, [])
        client.reset()

    async with serving(options=ListenerOptions(send_buffer_bytes=4_096)) as served:
        client = await Client.connect(served.port, receive_buffer=4_096)
        await client.upgrade()
        stop_reading(client)
        session = served.sessions[0]
        for _ in range(4):
            session.link.write(prepare(bytes(64_000), Encoding.JSON))
        await until(lambda: session.closed == [4108])
        await until(lambda: served.gate.sockets == 0)
        client.close()


async def test_f3_a_flood_of_pings_by_a_client_that_does_not_read_is_not_taken() -> None:
    """F3, T20: stock answers into memory without end; ours reads on when the answers have left."""
    flood, rounds = ping(b"x" * 120) * 500, 300  # 19 MB, and as much in answers

    async def taken(client: Client) -> int:
        stop_reading(client)
        for number in range(rounds):
            try:
                async with asyncio.timeout(1_000 * MS):
                    client.writer.write(flood)
                    await client.writer.drain()
            except (TimeoutError, ConnectionError):
                return number
        return rounds

    async with stock_websocket() as (port, _):
        client = await stock_client(port)
        assert await taken(client) == rounds
        client.reset()

    polite = limits(controls_per_second=1e9, controls_burst=1e9, stall_timeout=60)
    async with serving(limits=polite) as served:
        client = await Client.connect(served.port)
        await client.upgrade()
        assert await taken(client) < rounds
        client.reset()


@pytest.mark.parametrize("part", [b"", b"x"])
async def test_f4_endless_fragments_end(part: bytes) -> None:
    """F4, T21: no limit of stock counts them, empty ones least of all."""
    flood = text("x", fin=False) + more(part, fin=False) * 20_000
    async with stock_websocket() as (port, _):
        client = await stock_client(port)
        await client.send(flood)
        assert await is_open(client, 300 * MS)
        client.close()
    async with serving() as served, upgraded(served) as client:
        client.writer.write(flood)
        assert (await client.frame()).close_code == 1009


@pytest.mark.parametrize(
    "raw",
    [handshake("/v1/ws", **{f"x_{n}": "y" for n in range(130)}), handshake(cookie="c" * 9_000)],
    ids=["130 fields", "9 kB of cookies"],
)
async def test_f5_an_upgrade_with_much_in_its_head_is_answered(raw: bytes) -> None:
    """F5, T5: stock never answers and never closes."""
    async with stock_websocket() as (port, _), connected(port) as client:
        await client.send(raw)
        assert await is_open(client)
    async with serving() as served, connected(served.port) as client:
        assert (await client.ask(raw)).status in (101, 431)


async def test_f6_silence_and_dripping_heads_end() -> None:
    """F6, T1, T3: stock has no deadline for a head."""
    async with stock_websocket() as (port, _), connected(port) as silent, connected(port) as drip:
        await drip.send(b"GET / HTTP/1.1\r\nHost: a\r\nX-")
        assert all(await asyncio.gather(is_open(silent), is_open(drip)))
    async with serving() as served, connected(served.port) as silent:
        async with connected(served.port) as drip:
            await drip.send(b"GET / HTTP/1.1\r\nHost: a\r\nX-")
            assert (await drip.answer()).status == 408
        assert not await is_open(silent)


async def test_f7_text_that_cannot_be_encoded_kills_no_connection() -> None:
    """F7, T32: stock encodes for each socket, and each dies of it."""
    async with stock_websocket() as (port, _):
        client = await stock_client(port)
        await client.send(text("surrogate"))
        assert not await is_open(client)
        client.close()

    async with serving() as served, upgraded(served) as client:
        with pytest.raises(strict.DecodeError):
            strict.decode(b'{"text":"\\ud800"}', Encoding.JSON, 1_000)
        with pytest.raises(UnicodeEncodeError):  # once, before the fan-out
            prepared.frame(Bye(code=1, reason="\ud800", reconnect=True, after=0), Encoding.JSON)
        await client.send(text("alive"))
        assert (await client.frame()).payload == b"alive"


async def test_f11_query_strings_stay_out_of_the_log(caplog: pytest.LogCaptureFixture) -> None:
    """F11, T52: stock writes the whole URL of every WebSocket it accepts."""
    caplog.set_level(logging.INFO)
    target = "/v1/ws?secret=canary"
    async with stock_websocket(access_log=False, log_level="info") as (port, _):
        async with connected(port) as client:
            await client.upgrade(target)
        assert "canary" in caplog.text
    caplog.clear()
    async with serving_whole() as served, connected(served.port) as client:
        assert (await client.upgrade(target)).status == 101
    assert "canary" not in caplog.text


async def test_f12_a_reset_is_not_taken_for_a_goodbye() -> None:
    """F12: stock tells the application 1005, as if the client had closed."""
    async with stock_websocket() as (port, told):
        client = await stock_client(port)
        client.reset()
        await until(lambda: told.codes == [1005])
    async with serving() as served, upgraded(served) as client:
        client.reset()
        await until(lambda: served.sessions[0].closed == [1006])


async def test_f13_bodies_have_a_limit_and_a_deadline() -> None:
    """F13, T2, T6: stock hands on whatever comes, and waits for the rest for ever."""
    head = b"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 3000000\r\n\r\n"
    async with stock_websocket() as (port, told), connected(port) as client:
        await client.send(head + bytes(2_000_000))
        await until(lambda: told.body_bytes > 1_900_000)
        assert await is_open(client)
    async with serving() as served:
        async with connected(served.port) as client:
            assert (await client.ask(head + bytes(100_000))).status == 413
        async with connected(served.port) as client:
            stalled = b"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 30\r\n\r\nx"
            assert (await client.ask(stalled)).status == 408


async def test_f14_a_signal_to_stop_does_not_close_everybody_at_once() -> None:
    """F14: stock sends 1012 to all in the same moment; ours drains first."""
    async with stock_websocket() as (port, _):
        client = await stock_client(port)  # leaving the block stops the server as a signal does
    assert (await client.frame()).close_code == 1012
    client.close()

    draining = asyncio.Event()

    async def drain() -> None:
        draining.set()
        await asyncio.sleep(300 * MS)

    async with serving_whole(drain=drain) as served, upgraded(served) as client:
        signal.raise_signal(signal.SIGTERM)
        await draining.wait()
        await client.send(text("still here"))
        assert (await client.frame()).payload == b"still here"


# F16: in processes of their own, since it takes their last file descriptor


@contextlib.asynccontextmanager
async def process(kind: str, loop: str, log: Path) -> AsyncIterator[int]:
    """A server with 64 file descriptors; what it logs goes to a file."""
    command = [sys.executable, "-m", "tests.integration.guard_process", kind, loop, "64"]
    with log.open("wb") as sink:
        server = await asyncio.create_subprocess_exec(
            *command, stdout=asyncio.subprocess.PIPE, stderr=sink
        )
    try:
        assert server.stdout is not None
        async with asyncio.timeout(10_000 * MS):
            port = int(await server.stdout.readline())
        yield port
    finally:
        if server.returncode is None:
            server.terminate()
        try:
            async with asyncio.timeout(10_000 * MS):
                await server.wait()
        except TimeoutError:
            server.kill()
            await server.wait()


async def crowd(port: int) -> list[Client]:
    """More clients than the server has descriptors for."""
    return [await Client.connect(port) for _ in range(200)]


async def test_f16_stock_asyncio_floods_its_log_when_files_run_out(tmp_path: Path) -> None:
    """F16: megabytes of tracebacks, from one burst of connects."""
    log = tmp_path / "log"
    async with process("stock", "asyncio", log) as port:
        clients = await crowd(port)
        await until(lambda: log.stat().st_size > 500_000)
        for client in clients:
            client.close()


@pytest.mark.parametrize("loop", ["asyncio", "uvloop"])
async def test_f16_a_full_node_stays_calm_and_recovers(loop: str, tmp_path: Path) -> None:
    """F16, T10: who is in stays in, others hear 503, the log is short, and it comes back."""
    log = tmp_path / "log"
    async with process("ours", loop, log) as port:
        first = await Client.connect(port)
        assert (await first.upgrade()).status == 101
        clients = await crowd(port)
        statuses = await asyncio.gather(*(status(client) for client in clients))
        assert statuses.count(101) >= 20
        assert statuses.count(503) >= 1
        await first.send(text("still here"))
        assert (await first.frame()).payload == b"still here"
        for client in clients:
            client.reset()
        assert await comes_back(port)
        first.close()
    assert log.stat().st_size < 50_000, log.read_text()[:2_000]


async def status(client: Client) -> int:
    """Of an upgrade; 0 when the connection was dropped or nothing came."""
    try:
        async with asyncio.timeout(1_500 * MS):
            return (await client.upgrade()).status
    except (TimeoutError, ConnectionError, asyncio.IncompleteReadError):
        return 0


async def comes_back(port: int) -> bool:
    """Whether the server takes connections again, soon after there is room."""
    for _ in range(40):
        async with connected(port) as client:
            if await status(client) == 101:
                return True
        await asyncio.sleep(50 * MS)
    return False
