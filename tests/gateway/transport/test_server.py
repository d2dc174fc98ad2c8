"""Starting and stopping: drain first, shut down in bounded time, say little."""

import asyncio
import logging
import signal
import socket
import sys
import threading
from pathlib import Path
from typing import Any

import pytest
from structlog.testing import capture_logs

from gateway.transport import server as server_module
from gateway.transport.server import quiet_uvicorn
from tests.gateway.transport.kit import (
    MS,
    PATIENCE,
    ServedWhole,
    answer_lifespan,
    closing,
    connected,
    limits,
    serving_whole,
    text,
    upgraded,
)

pytestmark = pytest.mark.both_loops

MOST_WAITING = int(Path("/proc/sys/net/core/somaxconn").read_text())
GET = b"GET /fine HTTP/1.1\r\nHost: a\r\n\r\n"


class HeldDrain:
    """A drain that goes on until the test lets it end."""

    def __init__(self) -> None:
        self.begun = asyncio.Event()
        self.may_end = asyncio.Event()
        self.was_cut = False

    async def __call__(self) -> None:
        self.begun.set()
        try:
            await self.may_end.wait()
        except asyncio.CancelledError:
            self.was_cut = True
            raise


async def ended(served: ServedWhole, seconds: float = PATIENCE) -> None:
    """The server has returned, by itself."""
    async with asyncio.timeout(seconds):
        await asyncio.shield(served.serving)


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
async def test_a_signal_drains_before_anything_is_closed(number: signal.Signals) -> None:
    """F14, P12: during the drain everything is served but new upgrades."""
    drain = HeldDrain()
    async with serving_whole(drain=drain) as served, upgraded(served) as client:
        assert threading.current_thread() is threading.main_thread()
        signal.raise_signal(number)
        async with asyncio.timeout(PATIENCE):
            await drain.begun.wait()
        assert served.gate.is_draining
        await client.send(text("still here"))
        assert (await client.frame()).payload == b"still here"
        async with connected(served.port) as other:
            assert (await other.ask(GET)).status == 200
        async with connected(served.port) as other:
            assert (await other.upgrade()).status == 503
        drain.may_end.set()
        await ended(served)


async def test_what_the_drain_left_is_told_goodbye_not_1012() -> None:
    """F14: no service-restart to all at once; 1001 to the few that are left."""
    async with serving_whole() as served, upgraded(served) as client:
        served.server.stop()
        frame = await client.frame()
        assert frame.close_code == 1001
        await client.send(closing(1001))
        await ended(served)
        assert served.sessions[0].closed == [1001]


async def test_a_second_signal_cuts_the_drain_short() -> None:
    """An operator in a hurry presses twice."""
    drain = HeldDrain()
    async with serving_whole(drain=drain) as served:
        served.server.stop()
        await drain.begun.wait()
        served.server.stop()
        await ended(served)
        assert drain.was_cut


async def test_a_drain_that_hangs_is_ended() -> None:
    """Stopping ends within the time the operator gave it."""
    drain = HeldDrain()
    async with serving_whole(drain=drain, drain_timeout=50 * MS) as served:
        served.server.stop()
        await ended(served)
        assert drain.was_cut


async def test_a_drain_that_fails_does_not_keep_the_node() -> None:
    """A bug there must not make a node unstoppable."""

    async def fail() -> None:
        raise RuntimeError("bug")

    with capture_logs() as lines:
        async with serving_whole(drain=fail) as served:
            served.server.stop()
            await ended(served)
    assert "drain_failed" in [line["event"] for line in lines]


async def test_clients_that_do_not_answer_do_not_hold_up_the_end(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """F1: a SIGTERM must end the process, whatever peers do."""
    monkeypatch.setattr(server_module, "_GOODBYE_SECONDS", 50 * MS)
    patient = limits(close_timeout=600, stall_timeout=600, head_timeout=600)
    async with serving_whole(limits=patient) as served, upgraded(served), connected(served.port):
        served.server.stop()
        await ended(served)
        assert served.gate.sockets == 0


async def test_answers_in_the_making_are_finished() -> None:
    """A POST that was accepted gets its answer."""
    begun = asyncio.Event()

    async def app(scope: Any, receive: Any, send: Any) -> None:
        if scope["type"] == "lifespan":
            return await answer_lifespan(receive, send)
        begun.set()
        await asyncio.sleep(100 * MS)
        headers = [(b"content-length", b"0")]
        await send({"type": "http.response.start", "status": 201, "headers": headers})
        await send({"type": "http.response.body"})
        return None

    async with serving_whole(app=app) as served, connected(served.port) as client:
        await client.send(GET)
        await begun.wait()
        served.server.stop()
        assert (await client.answer()).status == 201
        await ended(served)


async def test_an_answer_without_end_is_cut(monkeypatch: pytest.MonkeyPatch) -> None:
    """Server-Sent Events would hold the process for ever."""
    monkeypatch.setattr(server_module, "_REQUESTS_SECONDS", 50 * MS)

    async def app(scope: Any, receive: Any, send: Any) -> None:
        if scope["type"] == "lifespan":
            return await answer_lifespan(receive, send)
        await send({"type": "http.response.start", "status": 200, "headers": []})
        while True:
            await send({"type": "http.response.body", "body": b"x", "more_body": True})
            await asyncio.sleep(10 * MS)

    async with serving_whole(app=app) as served, connected(served.port) as client:
        await client.send(GET)
        await client.reader.readuntil(b"\r\n\r\n")
        served.server.stop()
        await ended(served)


async def test_a_lifespan_that_hangs_is_left(monkeypatch: pytest.MonkeyPatch) -> None:
    """Bounded, whatever is below."""
    monkeypatch.setattr(server_module, "_SHUTDOWN_SECONDS", 300 * MS)

    async def app(scope: Any, receive: Any, send: Any) -> None:
        await receive()
        await send({"type": "lifespan.startup.complete"})
        await asyncio.Event().wait()

    async with serving_whole(app=app) as served:
        served.server.stop()
        await ended(served)


async def test_the_process_goes_on_after_the_signal() -> None:
    """uvicorn raises the signal anew, which would skip everything that is to be closed after."""
    async with serving_whole() as served:
        signal.raise_signal(signal.SIGTERM)
        await ended(served)


async def test_the_listening_queue_is_long_though_accepts_come_in_batches() -> None:
    """A reconnect storm waits in the kernel; `accept` takes no more at once than can be counted."""
    async with serving_whole(limits=limits(accept_batch=1)) as served:
        (listener,) = served.listeners
        info = listener.getsockopt(socket.IPPROTO_TCP, socket.TCP_INFO, 32)
        backlog = int.from_bytes(info[28:32], sys.byteorder)  # tcpi_sacked of a listening socket
        assert backlog == min(4_096, MOST_WAITING)


async def test_uvicorn_says_nothing_of_requests(caplog: pytest.LogCaptureFixture) -> None:
    """F11, T52, P18: no line of any level holds a URL or a header."""
    caplog.set_level(logging.DEBUG)
    async with serving_whole() as served:
        async with connected(served.port) as client:
            await client.ask(GET.replace(b"fine", b"canary?token=canary"))
            await client.ask(b"canary\r\n\r\n")
        async with upgraded(served, authorization="Bearer canary") as ws:
            await ws.send(text("canary"))
            await ws.frame()
        async with connected(served.port) as client:
            await client.upgrade("/v1/ws?token=canary")
    assert "canary" not in caplog.text


def test_a_client_that_left_is_not_logged_as_an_error(caplog: pytest.LogCaptureFixture) -> None:
    """starlette raises ClientDisconnect out of the application, and uvicorn writes a traceback."""

    class ClientDisconnect(Exception):
        pass

    quiet_uvicorn()
    logger = logging.getLogger("uvicorn.error")
    logger.error("Exception in ASGI application\n", exc_info=ClientDisconnect())
    assert caplog.records == []
    logger.error("Exception in ASGI application\n", exc_info=KeyError())
    assert len(caplog.records) == 1
