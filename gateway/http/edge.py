"""The ASGI application: one request in, one answer out, whatever happens.

Owns the order of checks: host, route, key and scope, headers, body, idempotency. Decides nothing
about messages. There is no middleware: each step is a call that can be read here. Measured beside
Starlette's router and middleware in docs/decisions.
"""

import traceback
from datetime import UTC, datetime
from pathlib import PurePath
from typing import Any

from starlette.types import Receive, Scope, Send

from gateway.errors import GatewayError, Unauthenticated
from gateway.http.answers import Answer, Stream
from gateway.http.assets import Assets
from gateway.http.body import Nothing
from gateway.http.caching import cached
from gateway.http.idempotency import Once, claim_of
from gateway.http.operation import Call, Headers, Operation
from gateway.http.parsing import (
    ClientGone,
    check_content_type,
    check_host,
    given_request_id,
    parse_body,
    read_body,
    read_headers,
    read_query,
    refuse_body,
    revision_of,
)
from gateway.http.problems import HttpError, problem, scope_missing
from gateway.http.routes import Routes
from gateway.http.services import Services
from gateway.ids import new_id
from gateway.log import get_logger
from gateway.model.admin import AdminKey, Caller

_NOBODY = AdminKey(
    id="", name="", hash="", scopes=frozenset(), created_at=datetime.min.replace(tzinfo=UTC)
)
"""Who calls an operation that needs no key."""
_NO_BODY = Nothing()
_FRAMES_LOGGED = 12

_log = get_logger("gateway.http")


class _Request:
    """What is known of a request; more with each step, so that the log can tell."""

    __slots__ = ("headers", "id", "operation", "receive", "scope")

    def __init__(self, scope: Scope, receive: Receive) -> None:
        self.scope = scope
        self.receive = receive
        self.id = ""
        self.headers: Headers = {}
        self.operation: Operation | None = None

    @property
    def method(self) -> str:
        """HEAD is a GET whose body is not sent."""
        method: str = self.scope["method"]
        return "GET" if method == "HEAD" else method

    @property
    def raw_path(self) -> bytes:
        """The path as it was sent, percent escapes and all."""
        raw: bytes | None = self.scope.get("raw_path")
        return self.scope["path"].encode() if raw is None else raw


class Edge:
    """All of HTTP but the WebSocket."""

    def __init__(self, services: Services, routes: Routes, assets: Assets) -> None:
        self._services = services
        self._routes = routes
        self._assets = assets
        self._once = Once(services.store, services.clock)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one ASGI scope. WebSockets are the transport's and never come here."""
        if scope["type"] == "http":
            await self._serve(_Request(scope, receive), send)
        elif scope["type"] == "lifespan":
            await _live(receive, send)
        else:
            await send({"type": "websocket.close", "code": 1008})

    async def _serve(self, request: _Request, send: Send) -> None:
        clock = self._services.clock
        started = clock.monotonic()
        try:
            answer = await self._answer(request)
        except ClientGone:
            return
        except Exception as error:
            answer = self._problem(request, error)
        # before sending: a stream may last for hours
        name = request.operation.id if request.operation is not None else "none"
        self._services.observe(name, answer.status, clock.monotonic() - started)
        await self._send(request, answer, send)

    # from request to answer

    async def _answer(self, request: _Request) -> Answer | Stream:
        request.headers = read_headers(request.scope["headers"])
        request.id = given_request_id(request.headers) or self._new_id()
        check_host(request.headers)
        path, method = _path(request), request.method
        asset = self._assets.find(path)
        if method == "OPTIONS":
            return self._options(path, asset)
        if asset is not None:
            return _asset(asset, request)
        request.operation, params = self._routes.find(method, path)
        key = self._admit(request.operation, request.headers)
        return await self._run(request, request.operation, params, key)

    def _new_id(self) -> str:
        return new_id("req", self._services.clock.now())

    def _admit(self, operation: Operation, headers: Headers) -> AdminKey:
        if not operation.scopes:
            return _NOBODY
        key = self._services.keys.authenticate(_bearer(headers))
        if not operation.lets_in(key):
            raise scope_missing(operation.scopes)
        return key

    async def _run(
        self, request: _Request, operation: Operation, params: Any, key: AdminKey
    ) -> Answer | Stream:
        scope, headers = request.scope, request.headers
        query = read_query(operation.query, scope["query_string"])
        if_match = revision_of(headers) if operation.if_match else None
        payload, body = await self._body(request, operation)
        claim = None
        if operation.is_idempotent:
            claim = claim_of(
                key, headers, operation.method, request.raw_path, scope["query_string"], payload
            )
        call = Call(
            services=self._services,
            body=body,
            query=query,
            params=params,
            headers=headers,
            caller=Caller(key=key, request_id=request.id, idempotency=claim),
            if_match=if_match,
        )
        if claim is None:
            return await operation.handler(call)
        return await self._once.run(operation, call)

    async def _body(self, request: _Request, operation: Operation) -> tuple[bytes, Any]:
        if operation.body is None:
            refuse_body(request.headers)
            return b"", _NO_BODY
        settings = self._services.settings
        limit, seconds = settings.max_body_bytes, settings.body_timeout
        payload = await read_body(request.receive, request.headers, limit, seconds)
        if payload:
            check_content_type(request.headers)
        return payload, parse_body(operation.body, payload, limit, allow_http=settings.dev)

    def _options(self, path: str, asset: Answer | None) -> Answer:
        methods = ["GET", "HEAD", "OPTIONS"] if asset is not None else self._routes.methods(path)
        if not methods:
            raise HttpError("not_found", "There is no such path.")
        return Answer(status=204, media_type=None, headers={"Allow": ", ".join(methods)})

    # from answer to bytes

    def _problem(self, request: _Request, error: Exception) -> Answer:
        request.id = request.id or self._new_id()
        has_body = request.operation is None or request.operation.body is not None
        answer = problem(error, request.id, has_body=has_body)
        if answer.status == 500:
            _log_unexpected(request, error)
        return answer

    async def _send(self, request: _Request, answer: Answer | Stream, send: Send) -> None:
        head_only = request.scope["method"] == "HEAD"
        if isinstance(answer, Answer):
            await answer.write(send, request.id.encode(), head_only=head_only)
            return
        try:
            await answer.write(send, request.id.encode(), _gone(request.receive), head_only)
        except Exception as error:  # the head is out; all that is left is to cut it off
            _log_unexpected(request, error)


def _path(request: _Request) -> str:
    try:
        return request.raw_path.decode("ascii")
    except UnicodeDecodeError:
        raise HttpError("bad_path", "A path is ASCII; escape other characters.") from None


def _asset(asset: Answer, request: _Request) -> Answer:
    if request.method != "GET":
        allowed = "GET, HEAD, OPTIONS"
        raise HttpError("method_not_allowed", headers={"Allow": allowed})
    return cached(asset, request.headers)


def _bearer(headers: Headers) -> str:
    """The secret in `Authorization: Bearer …` (RFC 6750)."""
    scheme, _, secret = headers.get(b"authorization", b"").partition(b" ")
    if scheme.lower() != b"bearer":
        raise Unauthenticated("Send `Authorization: Bearer <admin key>`.", code="key_missing")
    return secret.strip().decode("latin-1")


async def _gone(receive: Receive) -> None:
    """Return once the client has left."""
    while (await receive())["type"] != "http.disconnect":
        pass


def _log_unexpected(request: _Request, error: BaseException) -> None:
    """One line. The error's own text stays out of it: it may quote a message or a key."""
    frames = traceback.extract_tb(error.__traceback__)[-_FRAMES_LOGGED:]
    where = [f"{PurePath(frame.filename).name}:{frame.lineno} {frame.name}" for frame in frames]
    _log.error(
        "unexpected_error",
        room="http",
        request_id=request.id,
        operation=request.operation.id if request.operation is not None else None,
        error=type(error).__name__,
        code=error.code if isinstance(error, GatewayError) else None,
        where=where,
    )


async def _live(receive: Receive, send: Send) -> None:
    """The lifespan protocol: parts are started and stopped by the composition root."""
    while True:
        event = await receive()
        await send({"type": f"{event['type']}.complete"})
        if event["type"] == "lifespan.shutdown":
            return
