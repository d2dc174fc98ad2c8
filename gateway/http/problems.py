"""Errors as `application/problem+json` (RFC 9457): one shape for every refusal.

Nothing of an unexpected error reaches the caller but a number to look for in the log.
"""

from collections.abc import Mapping, Sequence
from math import ceil

import msgspec

from gateway.errors import (
    BadInput,
    Conflict,
    DependencyDown,
    Fault,
    GatewayError,
    NotFound,
    Overloaded,
    Refused,
    Unauthenticated,
)
from gateway.http.answers import Answer, encode
from gateway.http.catalogue import CATALOGUE

PROBLEM_JSON = "application/problem+json"
DOCS = "/docs/problems"
_REALM = 'Bearer realm="gateway"'


_STATUS_OF_TYPE: Mapping[type, int] = {
    Refused: 422,
    NotFound: 404,
    Conflict: 409,
    BadInput: 422,
    Unauthenticated: 401,
    Overloaded: 503,
    DependencyDown: 503,
}


class HttpError(GatewayError):
    """A refusal by this edge; `code` is one of the catalogue."""

    def __init__(
        self,
        code: str,
        detail: str = "",
        *,
        faults: Sequence[Fault] = (),
        headers: Mapping[str, str] | None = None,
    ) -> None:
        super().__init__(detail or CATALOGUE[code].meaning, code=code)
        self.faults = tuple(faults)
        self.headers = headers or {}


class Problem(msgspec.Struct, frozen=True, kw_only=True):
    """The body of every refusal.

    Args:
        type: where the problem is explained; the fragment is `code`.
        code: the stable word for programs.
        detail: what happened this time, for people.
        errors: every bad field at once; empty when no field is to blame.
        request_id: also in the header `X-Request-Id`, and in the log.
    """

    type: str
    title: str
    status: int
    detail: str
    code: str
    errors: tuple["FieldError", ...] = ()
    request_id: str


class FieldError(msgspec.Struct, frozen=True, kw_only=True):
    """One thing wrong with one field. `pointer` is a JSON Pointer into the body (RFC 6901); for a
    query parameter it is `/name`."""

    pointer: str
    detail: str
    code: str


def problem(error: Exception, request_id: str, *, has_body: bool = True) -> Answer:
    """The answer to an error; `has_body` tells whether its faults are about a body."""
    if not isinstance(error, GatewayError) or status_of(error, has_body=has_body) == 500:
        error = HttpError("internal")
    code, status = error.code, status_of(error, has_body=has_body)
    entry = CATALOGUE.get(code)
    body = Problem(
        type=f"{DOCS}#{code}",
        title=entry.title if entry else code.replace("_", " ").capitalize(),
        status=status,
        detail=str(error),
        code=code,
        errors=_field_errors(error),
        request_id=request_id,
    )
    return Answer(
        status=status, body=encode(body), media_type=PROBLEM_JSON, headers=_headers(error, status)
    )


def status_of(error: GatewayError, *, has_body: bool = True) -> int:
    """The status for an error: by its code when the catalogue knows it, else by its type."""
    if type(error) is BadInput and not has_body:
        return 400
    entry = CATALOGUE.get(error.code)
    if entry is not None:
        return entry.status
    return next(
        (_STATUS_OF_TYPE[kind] for kind in type(error).__mro__ if kind in _STATUS_OF_TYPE), 500
    )


def _field_errors(error: GatewayError) -> tuple[FieldError, ...]:
    faults: Sequence[Fault] = getattr(error, "faults", ())
    return tuple(
        FieldError(pointer=fault.pointer, detail=fault.detail, code=fault.code) for fault in faults
    )


def _headers(error: GatewayError, status: int) -> dict[str, str]:
    headers = dict(error.headers) if isinstance(error, HttpError) else {}
    if status == 401:
        is_given = error.code != "key_missing"
        headers["WWW-Authenticate"] = _REALM if not is_given else f'{_REALM}, error="invalid_token"'
    retry_after = getattr(error, "retry_after", None)
    if retry_after is None and status == 503:
        retry_after = 1.0
    if retry_after is not None:
        headers["Retry-After"] = str(max(1, ceil(retry_after)))
    return headers


def scope_missing(needed: Sequence[str]) -> HttpError:
    """The refusal of a valid key that may not do this; names what it would need (RFC 6750 §3.1)."""
    listed = " or ".join(f"`{scope}`" for scope in needed)
    challenge = f'{_REALM}, error="insufficient_scope", scope="{" ".join(needed)}"'
    return HttpError(
        "scope_missing",
        f"This key lacks the scope {listed}. A key with the scope `admin` can make one that has it.",
        headers={"WWW-Authenticate": challenge},
    )
