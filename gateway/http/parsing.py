"""Request → typed values: head, path, query, body. Nothing unparsed goes past this file.

Every refusal names all that is wrong at once. Bodies are bounded in bytes and in time.
"""

import asyncio
import re
from typing import Any, TypeVar
from urllib.parse import parse_qsl, unquote_to_bytes

from pydantic import BaseModel, ValidationError
from starlette.types import Receive

from gateway.errors import Fault
from gateway.http.body import Body
from gateway.http.faults import code_of, faults_of, merged, summary
from gateway.http.operation import Headers
from gateway.http.problems import HttpError
from gateway.wire.strict import decode_json

B = TypeVar("B", bound=Body)
Model = TypeVar("Model", bound=BaseModel)

_HOST = re.compile(
    rb"(?:[A-Za-z0-9](?:[A-Za-z0-9._-]{0,252})|\[[0-9A-Fa-f:.]{2,45}\])(?::\d{1,5})?"
)
_REQUEST_ID = re.compile(rb"[A-Za-z0-9._:-]{1,64}")
_ETAG = re.compile(rb'"(\d{1,15})"')
_BROKEN_ESCAPE = re.compile(r"%(?![0-9A-Fa-f]{2})")
_MOST_PARAMETERS = 20


class ClientGone(Exception):
    """The client left before its request was whole; nobody is there to answer."""


# Head

_ONCE = frozenset({b"host", b"authorization", b"content-type", b"content-length", b"idempotency-key",
                   b"if-match"})  # fmt: skip
"""Headers that decide something; two of them would let a proxy and us decide differently (T7)."""


def read_headers(raw: list[tuple[bytes, bytes]]) -> dict[bytes, bytes]:
    """Headers by lower-case name; those that may be lists are joined."""
    headers: dict[bytes, bytes] = {}
    for name, value in raw:
        if name not in headers:
            headers[name] = value
        elif name in _ONCE:
            code = "bad_host" if name == b"host" else "bad_header"
            raise HttpError(code, f"The header `{name.decode('latin-1')}` came twice.")
        else:
            headers[name] = headers[name] + b", " + value
    return headers


def check_host(headers: Headers) -> None:
    """Refuse a Host that is none; nothing is ever decided by what it says (T8)."""
    host = headers.get(b"host")
    if host is None or _HOST.fullmatch(host) is None:
        raise HttpError("bad_host")


def given_request_id(headers: Headers) -> str | None:
    """The caller's own number for this request, when it is harmless in a log."""
    given = headers.get(b"x-request-id")
    if given is None or _REQUEST_ID.fullmatch(given) is None:
        return None
    return given.decode()


def revision_of(headers: Headers) -> int | None:
    """The revision in `If-Match`; None when there is none, or when any will do."""
    value = headers.get(b"if-match", b"*").strip()
    if value == b"*":
        return None
    match = _ETAG.fullmatch(value)
    if match is None:
        raise HttpError(
            "bad_header", '`If-Match` takes one ETag as the gateway gave it, e.g. "3", or *.'
        )
    return int(match[1])


def decode_segment(segment: str) -> str:
    """One part of the path, percent-decoded. Raises for what is not UTF-8 or not printable."""
    if "%" not in segment:
        return segment
    try:
        text = unquote_to_bytes(segment).decode("utf-8")
    except UnicodeDecodeError:
        raise HttpError("bad_path", "A percent escape in the path is not UTF-8.") from None
    if _BROKEN_ESCAPE.search(segment) or any(ord(c) < 32 or ord(c) == 127 for c in text):
        raise HttpError("bad_path")
    return text


# Query


def read_query(model: type[Model], raw: bytes) -> Model:
    """Parse the query string into a model."""
    if not raw:
        return _defaults(model)
    try:
        pairs = parse_qsl(
            raw.decode("ascii"),
            keep_blank_values=True,
            errors="strict",
            max_num_fields=_MOST_PARAMETERS,
        )
    except ValueError:
        raise HttpError(
            "bad_query", "The query string cannot be read as name=value pairs."
        ) from None
    values = dict(pairs)
    if len(values) < len(pairs):
        raise HttpError("bad_query", "A query parameter came twice.")
    try:
        return model.model_validate(values)
    except ValidationError as error:
        faults = faults_of(error, model, {})
        raise HttpError("bad_query", summary(faults), faults=faults) from None


_defaults_of: dict[type[BaseModel], BaseModel] = {}


def _defaults(model: type[Model]) -> Model:
    """Models are frozen, so one without any parameter serves everybody."""
    known = _defaults_of.get(model)
    if known is None:
        known = _defaults_of.setdefault(model, model())
    if not isinstance(known, model):
        raise TypeError(model)
    return known


# Body


async def read_body(receive: Receive, headers: Headers, limit: int, seconds: float) -> bytes:
    """Take the body, at most `limit` bytes within `seconds`."""
    announced = headers.get(b"content-length", b"")
    if announced.isdigit() and int(announced[:12]) > limit:
        raise _too_big(limit)
    try:
        async with asyncio.timeout(seconds):
            return await _read_parts(receive, limit)
    except TimeoutError:
        raise HttpError("body_timeout", headers={"Connection": "close"}) from None


async def _read_parts(receive: Receive, limit: int) -> bytes:
    body, more = await _next_part(receive)
    while more and len(body) <= limit:
        part, more = await _next_part(receive)
        body += part  # few parts: the limit is one or two reads of a socket
    if len(body) > limit:
        raise _too_big(limit)
    return body


async def _next_part(receive: Receive) -> tuple[bytes, bool]:
    event = await receive()
    if event["type"] == "http.disconnect":
        raise ClientGone
    return event.get("body", b""), event.get("more_body", False)


def _too_big(limit: int) -> HttpError:
    return HttpError(
        "body_too_large", f"A body has at most {limit} bytes.", headers={"Connection": "close"}
    )


def refuse_body(headers: Headers) -> None:
    """For operations without a body: what is sent must not be dropped in silence."""
    if headers.get(b"content-length", b"0") != b"0" or b"transfer-encoding" in headers:
        raise HttpError("body_not_allowed", headers={"Connection": "close"})


def check_content_type(headers: Headers) -> None:
    """JSON in UTF-8, uncompressed, and nothing else."""
    kind, _, parameters = headers.get(b"content-type", b"").lower().partition(b";")
    charset = parameters.replace(b" ", b"").replace(b'"', b"")
    if kind.strip() != b"application/json" or charset not in (b"", b"charset=utf-8"):
        raise HttpError("not_json", headers={"Accept": "application/json"})
    if headers.get(b"content-encoding", b"identity").lower() != b"identity":
        raise HttpError("not_json", "The gateway takes no compressed bodies.")


def parse_body(model: type[B], payload: bytes, limit: int, *, allow_http: bool = False) -> B:
    """Bytes → model; a body without bytes is `{}` where no field is needed."""
    if not payload:
        return _empty(model)
    value = decode_json(payload, limit)
    if not isinstance(value, dict):
        fault = Fault(pointer="", detail="send a JSON object, {…}", code="wrong_type")
        raise HttpError("invalid_body", "The body is not a JSON object.", faults=[fault])
    return _validate(model, value, allow_http)


def _empty(model: type[B]) -> B:
    if any(field.is_required() for field in model.model_fields.values()):
        raise HttpError("body_missing")
    return _validate(model, {}, allow_http=False)


def _validate(model: type[B], value: dict[str, Any], allow_http: bool) -> B:
    faults = model.faults_across(value)
    try:
        body = model.model_validate(value, context={"allow_http": allow_http})
    except ValidationError as error:
        faults = merged(faults_of(error, model, model.hints), faults)
    else:
        if not faults:
            return body
    raise HttpError(code_of(faults), summary(faults), faults=faults)
