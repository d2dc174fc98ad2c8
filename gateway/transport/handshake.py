"""The opening handshake: a parsed upgrade request in, a decision out. No socket, no clock.

RFC 6455's own rules (method, version, `Upgrade`, key) are checked by websockets' sans-I/O
protocol; the rules of PROTOCOL §2 (path, subprotocols, token, Origin) are checked here. The token
is handed on and never written anywhere; refusals name no value that was sent.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from http import HTTPStatus
from urllib.parse import parse_qsl

from websockets.datastructures import Headers, MultipleValuesError
from websockets.exceptions import InvalidHeaderValue
from websockets.http11 import Request, Response
from websockets.server import ServerProtocol

from gateway.sessions.link import Encoding
from gateway.transport.origins import Origins
from gateway.transport.refusal import Refusal

PATH = "/v1/ws"
SUBPROTOCOLS = {"inapp.v1.json": Encoding.JSON, "inapp.v1.msgpack": Encoding.MSGPACK}

_BEARER = "bearer."
_TOKEN_NAMES = frozenset(
    {"access_token", "api_key", "apikey", "auth", "auth_token", "authorization"}
    | {"bearer", "id_token", "jwt", "key", "token"}
)
_TOKEN_LIKE = re.compile(r"(bearer[ .])?eyJ[\w-]*\.[\w-]+\.", re.IGNORECASE)
"""A JWT starts with `{"`, which base64 writes as `eyJ`."""

_RELEVANT = frozenset(
    b"authorization connection host origin sec-websocket-key sec-websocket-version upgrade".split()
)
"""Headers that the RFC's rules and ours look at; cookies and the like are not even decoded."""

_protocol = ServerProtocol()
"""Used for `accept` alone, which reads nothing that an earlier request left behind; one for all,
since making one takes longer than the handshake."""


@dataclass(frozen=True, slots=True, kw_only=True)
class UpgradeRequest:
    """The head of a request that asked to become a WebSocket; names are lower case."""

    method: str
    target: str
    version: str
    headers: Sequence[tuple[bytes, bytes]]


@dataclass(frozen=True, slots=True, kw_only=True)
class Accepted:
    """The answer to a request that may become a WebSocket, and what it brought."""

    response: bytes
    encoding: Encoding
    token: str | None


class _RefusedError(Exception):
    def __init__(self, status: HTTPStatus, code: str, detail: str, **headers: str) -> None:
        self.refusal = Refusal(status=status, code=code, detail=detail, headers=headers)


def negotiate(request: UpgradeRequest, origins: Origins) -> Accepted | Refusal:
    """Decide on an upgrade request; cheap, since a storm of reconnects comes through here."""
    try:
        return _negotiate(request, origins)
    except _RefusedError as refused:
        return refused.refusal


def _negotiate(request: UpgradeRequest, origins: Origins) -> Accepted:
    path, _, query = request.target.partition("?")
    if path != PATH:
        raise _RefusedError(
            HTTPStatus.NOT_FOUND, "not_found", f"WebSockets are served at {PATH} only"
        )
    headers = _headers(request)
    _check_query(query)
    response = _accept(request, headers)
    _check_origin(headers, origins)
    name, encoding, token = _subprotocol(request)
    if name is not None:
        response.headers["Sec-WebSocket-Protocol"] = name
    if token is None:
        token = _authorization(headers)
    return Accepted(response=response.serialize(), encoding=encoding, token=token)


def _headers(request: UpgradeRequest) -> Headers:
    headers = Headers()
    try:
        for name, value in request.headers:
            if name in _RELEVANT:
                headers[name.decode("latin-1")] = value.decode("latin-1")
    except InvalidHeaderValue:
        raise _bad("bad_header", "a header holds a character that HTTP does not allow") from None
    return headers


def _check_query(query: str) -> None:
    """A URL ends up in logs, histories and Referer headers, so it must hold no token."""
    if not query:
        return
    for name, value in parse_qsl(query, keep_blank_values=True):
        if name.lower() in _TOKEN_NAMES or _TOKEN_LIKE.match(value):
            raise _bad(
                "token_in_url",
                "the URL must not hold a token: send it in the `connect` frame, in the "
                "`Authorization` header, or as the subprotocol `bearer.<token>`",
            )


def _accept(request: UpgradeRequest, headers: Headers) -> Response:
    response = _protocol.accept(
        Request(request.target, headers, request.method, f"HTTP/{request.version}")
    )
    if response.status_code == HTTPStatus.SWITCHING_PROTOCOLS:
        return response
    _protocol.handshake_exc = None  # it would keep the request, and its token, alive
    status = HTTPStatus(response.status_code)
    extra = {
        name.lower(): value
        for name in ("Allow", "Upgrade", "Sec-WebSocket-Version")
        if (value := response.headers.get(name)) is not None
    }
    raise _RefusedError(status, "bad_upgrade", _WHY.get(status, _WHY_BAD), **extra)


_WHY_BAD = (
    "this is no valid WebSocket handshake: it needs one Sec-WebSocket-Key of 16 bytes in base64, "
    "and Sec-WebSocket-Version: 13"
)
_WHY = {
    HTTPStatus.METHOD_NOT_ALLOWED: "a WebSocket handshake is a GET",
    HTTPStatus.UPGRADE_REQUIRED: "ask for `Upgrade: websocket` with `Connection: Upgrade`",
    HTTPStatus.HTTP_VERSION_NOT_SUPPORTED: "a WebSocket handshake needs HTTP/1.1",
}


def _check_origin(headers: Headers, origins: Origins) -> None:
    origin = _one(headers, "origin")
    if origin is not None and not origins.allow(origin, _one(headers, "host") or ""):
        raise _RefusedError(
            HTTPStatus.FORBIDDEN,
            "origin_not_allowed",
            "pages of this origin may not connect; the operator can add it to "
            "GATEWAY_ALLOWED_ORIGINS",
        )


def _subprotocol(request: UpgradeRequest) -> tuple[str | None, Encoding, str | None]:
    """Choose the client's first known subprotocol; pick out a token that came beside it."""
    offers = [
        offer.strip()
        for name, value in request.headers
        if name == b"sec-websocket-protocol"
        for offer in value.decode("latin-1").split(",")
    ]
    if not offers:
        return None, Encoding.JSON, None
    tokens = [offer for offer in offers if offer.startswith(_BEARER)]
    if len(tokens) > 1:
        raise _bad("bad_token", "offer one `bearer.<token>` entry, not more")
    token = tokens[0].removeprefix(_BEARER) if tokens else None
    for offer in offers:
        encoding = SUBPROTOCOLS.get(offer)
        if encoding is not None:
            return offer, encoding, token
    raise _bad("unknown_subprotocol", f"offer one of the subprotocols {', '.join(SUBPROTOCOLS)}")


def _authorization(headers: Headers) -> str | None:
    value = _one(headers, "authorization")
    if value is None:
        return None
    scheme, _, token = value.partition(" ")
    token = token.strip()
    if scheme.lower() != "bearer" or not token:
        raise _bad("bad_token", "the Authorization header must be `Bearer <token>`")
    return token


def _one(headers: Headers, name: str) -> str | None:
    try:
        return headers.get(name)
    except MultipleValuesError:
        raise _bad("bad_header", f"the header {name} was sent more than once") from None


def _bad(code: str, detail: str) -> _RefusedError:
    return _RefusedError(HTTPStatus.BAD_REQUEST, code, detail)
