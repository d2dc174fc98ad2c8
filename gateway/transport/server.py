"""uvicorn's server, made to stop well: drain first, then shut down, in bounded time (F14).

First SIGTERM or SIGINT: the injected `drain` runs while everything is still served. When it is
done, or at a second signal, uvicorn shuts down; a third makes it skip the rest. The process goes on
after `serve`, so that its owner can stop what it started. Knows nothing of sessions.
"""

import asyncio
import contextlib
import logging
import socket
from collections.abc import Awaitable, Callable, Sequence
from types import FrameType
from typing import Any

import uvicorn
from uvicorn._types import ASGIApplication

from gateway.log import get_logger
from gateway.transport.gate import Gate
from gateway.transport.http_guard import HttpGuard
from gateway.transport.listener import BACKLOG
from gateway.transport.quiet import QuietLog
from gateway.transport.websocket import WebSocketConnection
from gateway.wire.close_codes import REASONS, CloseCode

_GOODBYE_SECONDS = 1.0
"""For close frames to get out when the drain was cut short."""
_REQUESTS_SECONDS = 5
"""For requests that are being answered when the shutdown begins."""
_SHUTDOWN_SECONDS = 15.0
"""For all of uvicorn's shutdown, the application's lifespan included."""
_OUT_OF_FILES = "socket.accept() out of system resource"

_log = get_logger("gateway.transport")

Drain = Callable[[], Awaitable[None]]


def make_config(
    app: ASGIApplication, gate: Gate, trusted_proxies: Sequence[str] = ()
) -> uvicorn.Config:
    """uvicorn's settings: our protocol classes, nothing logged by request, nothing from the
    environment."""
    config = uvicorn.Config(
        app,
        http=HttpGuard.bind(gate),
        ws=WebSocketConnection,
        ws_per_message_deflate=False,
        loop="none",
        lifespan="on",
        workers=1,
        log_config=None,
        access_log=False,
        server_header=False,
        proxy_headers=bool(trusted_proxies),
        forwarded_allow_ips=list(trusted_proxies),
        backlog=gate.limits.accept_batch,
        timeout_keep_alive=gate.limits.keep_alive,
        timeout_graceful_shutdown=_REQUESTS_SECONDS,
    )
    quiet_uvicorn()
    return config


def quiet_uvicorn() -> None:
    """Let uvicorn's loggers tell of errors only; never of requests, whose URLs are not ours to
    write down (F11)."""
    logging.getLogger("uvicorn.access").disabled = True
    errors = logging.getLogger("uvicorn.error")
    errors.setLevel(logging.WARNING)
    if _is_worth_a_line not in errors.filters:
        errors.addFilter(_is_worth_a_line)


_NO_ERRORS = {"ClientDisconnect", "CancelledError"}
"""Raised out of the application when a client left in the middle of its body, and when a stream
was cut at the end; uvicorn writes a traceback for either."""


def _is_worth_a_line(record: logging.LogRecord) -> bool:
    error = record.exc_info[0] if record.exc_info else None
    return error is None or error.__name__ not in _NO_ERRORS


class GatewayServer(uvicorn.Server):
    """Serves until it is told to stop; `serve(sockets)` returns when all is over."""

    def __init__(
        self, config: uvicorn.Config, gate: Gate, *, drain: Drain, drain_timeout: float
    ) -> None:
        super().__init__(config)
        self._gate = gate
        self._drain = drain
        self._drain_timeout = drain_timeout
        self._loop: asyncio.AbstractEventLoop | None = None
        self._draining: asyncio.Task[None] | None = None
        self.ready = asyncio.Event()
        """Set once the listeners accept."""

    # starting

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        """Start to accept, few at a time, from a long queue."""
        self._loop = asyncio.get_running_loop()
        self._loop.set_exception_handler(_quiet_out_of_files(self._loop))
        await super().startup(sockets)
        for listener in sockets or ():
            listener.listen(BACKLOG)  # uvicorn lowered it to the size of a batch
        self.ready.set()

    # stopping

    def handle_exit(self, sig: int, frame: FrameType | None) -> None:
        """A signal came; may run between any two instructions, so it only wakes the loop."""
        if self._loop is None:
            self.should_exit = True
        else:
            self._loop.call_soon_threadsafe(self.stop)

    def stop(self) -> None:
        """Drain and shut down; called again, hurry."""
        if self._draining is None:
            self._gate.is_draining = True
            self._draining = asyncio.create_task(self._drain_first(), name="drain")
        elif not self._draining.done():
            self._draining.cancel()
        else:
            self.force_exit = True

    async def _drain_first(self) -> None:
        try:
            async with asyncio.timeout(self._drain_timeout):
                await self._drain()
        except TimeoutError:
            _log.warning("drain_overran", seconds=self._drain_timeout)
        except Exception as error:
            _log.error("drain_failed", exc_info=error)
        finally:
            self.should_exit = True

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        """End what the drain left, then let uvicorn end the rest; never hangs."""
        self._gate.is_draining = True
        await self._say_goodbye()
        try:
            async with asyncio.timeout(_SHUTDOWN_SECONDS):
                await super().shutdown(sockets)
        except TimeoutError:
            _log.error("shutdown_overran", seconds=_SHUTDOWN_SECONDS)

    async def _say_goodbye(self) -> None:
        self._gate.close_all(CloseCode.GOING_AWAY, REASONS[CloseCode.GOING_AWAY])
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(_GOODBYE_SECONDS):
                await self._gate.wait_empty()
        self._gate.abort_all()


def _quiet_out_of_files(
    loop: asyncio.AbstractEventLoop,
) -> Callable[[asyncio.AbstractEventLoop, dict[str, Any]], object]:
    """An exception handler that keeps asyncio from writing megabytes when files run out (F16)."""
    usual = loop.get_exception_handler()
    quiet = QuietLog("gateway.transport")

    def handle(loop: asyncio.AbstractEventLoop, context: dict[str, Any]) -> None:
        if context.get("message") == _OUT_OF_FILES:
            quiet.warning("accept_paused", "out of file descriptors")
        elif usual is not None:
            usual(loop, context)
        else:
            loop.default_exception_handler(context)

    return handle
