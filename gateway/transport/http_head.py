"""What must hold of a request's head before anybody acts on it (T7-T9). Pure.

llhttp refuses bare LF, folded lines, bad names, doubled or odd Content-Length, and length beside
Transfer-Encoding. Checked here is what it lets pass. Every check guards against two parties that
read one request in two ways.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from http import HTTPStatus

from gateway.transport.handshake import PATH
from gateway.transport.refusal import Refusal

_HOST = re.compile(rb"[A-Za-z0-9.\-_~%!$&'()*+,;=:\[\]]+")
"""What may stand in `Host`: a name or address and a port (RFC 3986 §3.2.2), nothing of a path."""

_VERSIONS = ("1.0", "1.1")
_WEBSOCKET_PATH = PATH.encode()


@dataclass(frozen=True, slots=True, kw_only=True)
class Head:
    """A parsed head; header names are lower case."""

    method: str
    target: bytes
    version: str
    headers: Sequence[tuple[bytes, bytes]]
    asks_for_upgrade: bool
    """`Connection: Upgrade` with any `Upgrade`, or CONNECT: no body will be read."""


def check(head: Head, body_bytes: int) -> Refusal | None:
    """Return why this request must not be taken, or None."""
    if head.version not in _VERSIONS:
        return _refusal(
            HTTPStatus.HTTP_VERSION_NOT_SUPPORTED, "bad_version", "this server speaks HTTP/1.1"
        )
    if head.method == "CONNECT":
        return _refusal(HTTPStatus.METHOD_NOT_ALLOWED, "bad_method", "this is no proxy")
    hosts: list[bytes] = []
    length, coding = 0, None
    for name, value in head.headers:
        if name == b"host":
            hosts.append(value)
        elif name == b"content-length":
            length = int(value)
        elif name == b"transfer-encoding":
            coding = value
    return (
        _check_host(hosts, head.version)
        or _check_body(head, length, coding, body_bytes)
        or _check_path(head)
    )


def _check_host(hosts: Sequence[bytes], version: str) -> Refusal | None:
    if not hosts and version == "1.0":
        return None
    if len(hosts) != 1 or _HOST.fullmatch(hosts[0].strip()) is None:
        return _bad("bad_host", "a request needs one Host header with a plain host name")
    return None


def _check_body(head: Head, length: int, coding: bytes | None, most: int) -> Refusal | None:
    if coding is not None and (coding.lower() != b"chunked" or head.version == "1.0"):
        return _bad("bad_framing", "the only Transfer-Encoding taken is `chunked`, in HTTP/1.1")
    if head.asks_for_upgrade and (length or coding is not None):
        return _bad("bad_upgrade", "a request with a body cannot ask for an upgrade")
    if length > most:
        return too_large(most)
    return None


def _check_path(head: Head) -> Refusal | None:
    if head.asks_for_upgrade or not head.target.startswith(_WEBSOCKET_PATH):
        return None
    if head.target.partition(b"?")[0] != _WEBSOCKET_PATH:
        return None
    return Refusal(
        status=HTTPStatus.UPGRADE_REQUIRED,
        code="bad_upgrade",
        detail="this is a WebSocket: ask for `Upgrade: websocket` with `Connection: Upgrade`",
        headers={"upgrade": "websocket"},
    )


def too_large(most: int) -> Refusal:
    """The body has, or will have, more bytes than a body may."""
    return _refusal(
        HTTPStatus.REQUEST_ENTITY_TOO_LARGE, "body_too_large", f"a body may have {most} bytes"
    )


def malformed() -> Refusal:
    """The parser gave up."""
    return _bad("bad_request", "this is not valid HTTP/1.1")


def _bad(code: str, detail: str) -> Refusal:
    return _refusal(HTTPStatus.BAD_REQUEST, code, detail)


def _refusal(status: HTTPStatus, code: str, detail: str) -> Refusal:
    return Refusal(status=status, code=code, detail=detail)
