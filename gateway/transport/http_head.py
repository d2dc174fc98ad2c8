"""What must hold of a request's head before anybody acts on it (T7-T9). Pure.

llhttp refuses bare LF, folded lines, bad names, doubled or odd Content-Length, and length beside
Transfer-Encoding. Checked here is what it lets pass. Every check guards against two parties that
read one request in two ways.
"""

import re
from collections.abc import Sequence
from http import HTTPStatus

from gateway.transport.handshake import PATH
from gateway.transport.limits import Limits
from gateway.transport.refusal import Refusal

_HOST = re.compile(rb"[A-Za-z0-9.\-_~%!$&'()*+,;=:\[\]]+")
"""What may stand in `Host`: a name or address and a port (RFC 3986 §3.2.2), nothing of a path."""

_VERSIONS = ("1.0", "1.1")
_AROUND_FIELD = len(": \r\n")
_WEBSOCKET_PATH = PATH.encode()


def check(
    headers: Sequence[tuple[bytes, bytes]],
    *,
    method: str,
    target: bytes,
    version: str,
    asks_for_upgrade: bool,
    limits: Limits,
) -> Refusal | None:
    """Return why this request must not be taken, or None.

    Args:
        headers: with names in lower case.
        asks_for_upgrade: `Connection: Upgrade` with any `Upgrade`: no body will be read.
    """
    if version not in _VERSIONS or method == "CONNECT":
        return _not_spoken_here(version)
    hosts: list[bytes] = []
    size, length, coding = 0, 0, None
    for name, value in headers:
        size += len(name) + len(value) + _AROUND_FIELD
        if name == b"host":
            hosts.append(value)
        elif name == b"content-length":
            length = int(value)
        elif name == b"transfer-encoding":
            coding = value
    if size > limits.head_bytes or len(headers) > limits.head_fields:
        return head_too_large(limits)
    if len(hosts) != 1 or _HOST.fullmatch(hosts[0]) is None:
        return _bad_host(hosts, version)
    if length or coding is not None:
        return _check_body(version, asks_for_upgrade, length, coding, limits.body_bytes)
    if target.startswith(_WEBSOCKET_PATH) and not asks_for_upgrade:
        return _check_path(target)
    return None


def _not_spoken_here(version: str) -> Refusal:
    if version in _VERSIONS:
        return _refusal(HTTPStatus.METHOD_NOT_ALLOWED, "bad_method", "this is no proxy")
    return _refusal(
        HTTPStatus.HTTP_VERSION_NOT_SUPPORTED, "bad_version", "this server speaks HTTP/1.1"
    )


def _bad_host(hosts: Sequence[bytes], version: str) -> Refusal | None:
    if not hosts and version == "1.0":
        return None
    return _bad("bad_host", "a request needs one Host header with a plain host name")


def _check_body(
    version: str, asks_for_upgrade: bool, length: int, coding: bytes | None, most: int
) -> Refusal | None:
    if coding is not None and (coding.lower() != b"chunked" or version == "1.0"):
        return _bad("bad_framing", "the only Transfer-Encoding taken is `chunked`, in HTTP/1.1")
    if asks_for_upgrade:
        return _bad("bad_upgrade", "a request with a body cannot ask for an upgrade")
    return body_too_large(most) if length > most else None


def _check_path(target: bytes) -> Refusal | None:
    if target.partition(b"?")[0] != _WEBSOCKET_PATH:
        return None
    return Refusal(
        status=HTTPStatus.UPGRADE_REQUIRED,
        code="bad_upgrade",
        detail="this is a WebSocket: ask for `Upgrade: websocket` with `Connection: Upgrade`",
        headers={"upgrade": "websocket"},
    )


def head_too_large(limits: Limits) -> Refusal:
    """The head has, or will have, more bytes or fields than a head may."""
    return _refusal(
        HTTPStatus.REQUEST_HEADER_FIELDS_TOO_LARGE,
        "head_too_large",
        f"the head of a request may have {limits.head_bytes} bytes in {limits.head_fields} fields",
    )


def body_too_large(most: int) -> Refusal:
    """The body has, or will have, more bytes than a body may."""
    return _refusal(
        HTTPStatus.REQUEST_ENTITY_TOO_LARGE, "body_too_large", f"a body may have {most} bytes"
    )


def url_too_long(most: int) -> Refusal:
    """The target has more bytes than a target may."""
    return _refusal(HTTPStatus.REQUEST_URI_TOO_LONG, "url_too_long", f"a URL may have {most} bytes")


def malformed() -> Refusal:
    """The parser gave up."""
    return _bad("bad_request", "this is not valid HTTP/1.1")


def _bad(code: str, detail: str) -> Refusal:
    return _refusal(HTTPStatus.BAD_REQUEST, code, detail)


def _refusal(status: HTTPStatus, code: str, detail: str) -> Refusal:
    return Refusal(status=status, code=code, detail=detail)
