"""The HTTP side of the socket edge: uvicorn's protocol with the limits and deadlines it lacks.

Guards every request before the application sees it (F4-F6, F13, F16; T1-T10): time for head and
body, size of head, URL and body, ambiguous framing, full nodes. Hands upgrades for WebSockets to
`WebSocketConnection`. Decides nothing about users, keys or content, and logs no request.

One timer of the loop a connection, looked at lazily: a request that comes in one read sets no
timer and looks at no clock.
"""

import asyncio
import contextlib
from asyncio import TimerHandle
from enum import IntEnum
from http import HTTPStatus
from typing import Any

import httptools
from uvicorn.config import Config
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol
from uvicorn.server import ServerState

from gateway.transport import http_head
from gateway.transport.gate import Gate
from gateway.transport.handshake import Accepted, UpgradeRequest, negotiate
from gateway.transport.refusal import Refusal, overloaded
from gateway.transport.websocket import WebSocketConnection

_RAW_PER_BODY_BYTE = 8
"""Raw bytes read for each byte of body allowed: room for honest chunking, none for megabytes of
chunk extensions and trailers."""

_MOST_PIPELINED = 32
"""Requests that may wait behind one that is being answered; each costs memory."""

_FULL_LINGER = 0.5
"""Seconds a socket over the limit may live on to read its 503 (F16)."""


class _Stage(IntEnum):
    IDLE = 0
    """Between two requests; uvicorn's own keep-alive timeout is at work."""
    HEAD = 1
    BODY = 2


class _Dropped(list[tuple[bytes, bytes]]):
    """Where header fields after a body go: else the parser would add them to those that the
    application already decides by (T8)."""

    def append(self, field: tuple[bytes, bytes], /) -> None: ...


_TRAILERS = _Dropped()


class _StopError(Exception):
    """Raised in a callback, stops the parser."""


class HttpGuard(HttpToolsProtocol):
    """One HTTP connection, until it ends or becomes a WebSocket. `bind` gives it a gate."""

    gate: Gate

    def __init__(
        self,
        config: Config,
        server_state: ServerState,
        app_state: dict[str, Any],
        _loop: asyncio.AbstractEventLoop | None = None,
    ) -> None:
        super().__init__(config, server_state, app_state, _loop)
        self._is_over = False  # whatever else comes is dropped
        self._reason: Refusal | None = None  # why a callback stopped the parser
        self._farewell: Refusal | None = None  # to be said after the answers that are due
        self._deadline: float | None = None
        self._timer: TimerHandle | None = None
        self._stages = 0  # how many there were
        self._watched = 0  # the one that the deadline is for
        self._enter(_Stage.HEAD)

    @classmethod
    def bind(cls, gate: Gate) -> type["HttpGuard"]:
        """The class for uvicorn's `http` option, with the gate that all connections share."""
        return type("BoundHttpGuard", (cls,), {"gate": gate})

    def _enter(self, stage: _Stage) -> None:
        limits = self.gate.limits
        self._stage = stage
        self._stages += 1
        self._has_begun = False
        self._raw_left = limits.head_bytes
        if stage is _Stage.BODY:
            self._body_left = limits.body_bytes
            self._raw_left += _RAW_PER_BODY_BYTE * limits.body_bytes

    # connection

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        """Start the clock: a head is due, even if not a byte ever comes (T3)."""
        super().connection_made(transport)
        gate, limits = self.gate, self.gate.limits
        gate.sockets += 1
        if gate.sockets <= limits.sockets:
            self._watch()
        elif gate.sockets > limits.sockets + limits.accept_batch:
            self._is_over = True
            transport.abort()
        else:
            self._refuse(overloaded("node_full", "this node holds as many sockets as it may", 5))

    def connection_lost(self, exc: Exception | None) -> None:
        """Forget the connection."""
        self.gate.sockets -= 1
        self._is_over = True
        self._cancel_timer()
        super().connection_lost(exc)

    def data_received(self, data: bytes) -> None:
        """Feed the parser in pieces that the limits can be checked between."""
        if self._is_over:
            return
        self._unset_keepalive_if_required()
        if self._stage is _Stage.IDLE:
            self._enter(_Stage.HEAD)
        piece = self.gate.limits.head_bytes
        if len(data) <= piece:
            self._feed(data)
        else:
            for start in range(0, len(data), piece):
                self._feed(data[start : start + piece])
        if self._stage is _Stage.IDLE:
            self._deadline = None
        elif self._stages != self._watched and not self._is_over:
            self._watch()

    def _feed(self, data: bytes) -> None:
        if self._is_over:
            return
        stages = self._stages
        try:
            self.parser.feed_data(data)
        except httptools.HttpParserUpgrade as upgrade:
            self._on_upgrade(data[upgrade.args[0] :])
            return
        except httptools.HttpParserError:
            self._refuse(self._reason or http_head.malformed())
            return
        if self._stages == stages:
            self._raw_left -= len(data)
            if self._raw_left < 0:
                self._refuse(self._too_much())

    def _too_much(self) -> Refusal:
        limits = self.gate.limits
        if self._stage is _Stage.BODY:
            return http_head.body_too_large(limits.body_bytes)
        return http_head.head_too_large(limits)

    # parser callbacks

    def on_message_begin(self) -> None:
        """The first byte of a request."""
        super().on_message_begin()
        if self._stage is not _Stage.HEAD:
            self._enter(_Stage.HEAD)
        self._has_begun = True

    def on_url(self, url: bytes) -> None:
        """The target, or a part of it (T5)."""
        super().on_url(url)
        most = self.gate.limits.url_bytes
        if len(self.url) > most:
            self._stop(http_head.url_too_long(most))

    def on_headers_complete(self) -> None:
        """Last look before the application: size, framing, host (T4, T6-T9)."""
        parser = self.parser
        asks_for_upgrade = parser.should_upgrade()
        refusal = http_head.check(
            self.headers,
            method=parser.get_method().decode("ascii"),
            target=self.url,
            version=parser.get_http_version(),
            asks_for_upgrade=asks_for_upgrade,
            limits=self.gate.limits,
        )
        if refusal is None and len(self.pipeline) >= _MOST_PIPELINED:
            refusal = overloaded("too_many_pipelined", "wait for an answer now and then", 1)
        if refusal is not None:
            self._stop(refusal)
        super().on_headers_complete()
        if not asks_for_upgrade:
            self.headers = _TRAILERS
        self._enter(_Stage.BODY)

    def on_body(self, body: bytes) -> None:
        """A piece of a body (T6)."""
        self._body_left -= len(body)
        if self._body_left < 0:
            self._stop(http_head.body_too_large(self.gate.limits.body_bytes))
        super().on_body(body)

    def on_message_complete(self) -> None:
        """The last byte of a request."""
        super().on_message_complete()
        self._enter(_Stage.IDLE)

    def _stop(self, refusal: Refusal) -> None:
        self._reason = refusal
        raise _StopError

    # upgrades

    def _on_upgrade(self, rest: bytes) -> None:
        if not self._should_upgrade():  # h2c and the like: answered as plain HTTP (T15)
            self._is_over = True
            self.cycle.keep_alive = False
        elif self._is_answering():
            self._refuse(
                Refusal(
                    status=HTTPStatus.BAD_REQUEST,
                    code="bad_upgrade",
                    detail="wait for the answers before asking for an upgrade",
                )
            )
        else:
            self._become_websocket(rest)

    def _become_websocket(self, rest: bytes) -> None:
        gate = self.gate
        request = UpgradeRequest(
            method=self.scope["method"],
            target=self.url.decode("latin-1"),
            version=self.scope["http_version"],
            headers=self.headers,
        )
        answer = gate.check_room() or negotiate(request, gate.origins)
        if isinstance(answer, Accepted):
            answer = gate.admit() or answer
        if isinstance(answer, Refusal):
            self._refuse(answer)
        else:
            self._hand_over(answer, rest)

    def _hand_over(self, accepted: Accepted, rest: bytes) -> None:
        """Leave the socket to a WebSocket connection, and nothing behind that costs memory."""
        self._is_over = True
        self._cancel_timer()
        self.connections.discard(self)
        self.parser = None  # type: ignore[assignment]  # as uvicorn does in the end
        websocket: type[WebSocketConnection] = self.ws_protocol_class  # type: ignore[assignment]
        websocket(self.gate, accepted.encoding).start(self.transport, accepted, rest)

    # refusing

    def _refuse(self, refusal: Refusal) -> None:
        """Take nothing more from this connection; say why, after the answers that are due."""
        if self._is_over:
            return
        self._is_over = True
        self.gate.counts[refusal.code] += 1
        self.gate.log.warning("request_refused", refusal.code)
        if self._stage is not _Stage.BODY:
            is_due = self._is_answering()
        elif self.pipeline and self.pipeline[0][0] is self.cycle:
            self.pipeline.popleft()  # it never reached the application
            is_due = True
        else:
            self._take_back(refusal)
            return
        if is_due:
            self._farewell = refusal
        else:
            self._say(refusal)

    def _take_back(self, refusal: Refusal) -> None:
        """Refuse a request that the application has begun to read."""
        cycle = self.cycle
        is_unanswered = not cycle.response_started
        cycle.disconnected = True
        cycle.message_event.set()
        self._say(refusal if is_unanswered else None)

    def _is_answering(self) -> bool:
        cycle = self.cycle
        return cycle is not None and not cycle.response_complete

    def on_response_complete(self) -> None:
        """Go on with the next request in line, or say what had to wait for this answer."""
        is_last = not self.pipeline
        super().on_response_complete()
        if is_last and self._farewell is not None:
            self._say(self._farewell)

    def _say(self, refusal: Refusal | None) -> None:
        """Answer and hang up; what still comes in is read and dropped for a while, so that the
        answer is not lost in a reset."""
        self._unset_keepalive_if_required()
        self._cancel_timer()
        transport = self.transport
        if transport.is_closing():
            return
        if refusal is not None:
            transport.write(refusal.response())
        is_full = self.gate.sockets > self.gate.limits.sockets
        linger = _FULL_LINGER if is_full else self.gate.limits.linger
        self._timer = self.loop.call_later(linger, transport.abort)
        self._hang_up()

    def _hang_up(self) -> None:
        transport = self.transport
        if not transport.can_write_eof() or transport.get_write_buffer_size():
            transport.close()
            return
        self.flow.resume_reading()
        with contextlib.suppress(OSError):  # the peer was faster
            transport.write_eof()

    # deadlines

    def _watch(self) -> None:
        limits = self.gate.limits
        timeout = limits.body_timeout if self._stage is _Stage.BODY else limits.head_timeout
        self._watched = self._stages
        self._deadline = self.loop.time() + timeout
        if self._timer is None:
            self._timer = self.loop.call_later(timeout, self._look)

    def _look(self) -> None:
        self._timer = None
        if self._deadline is None or self._is_over:
            return
        left = self._deadline - self.loop.time()
        if left > 0:
            self._timer = self.loop.call_later(left, self._look)
        elif self.flow.read_paused:
            self._watch()  # the peer cannot go on while we do not read
        else:
            self._give_up()

    def _give_up(self) -> None:
        if self._stage is _Stage.HEAD and not self._has_begun:
            self._is_over = True
            self.gate.counts["silent"] += 1
            self.transport.abort()
            return
        part = "body" if self._stage is _Stage.BODY else "head"
        self._refuse(
            Refusal(
                status=HTTPStatus.REQUEST_TIMEOUT,
                code=f"{part}_timeout",
                detail=f"the {part} of the request did not come in time",
            )
        )

    def _cancel_timer(self) -> None:
        self._deadline = None
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
