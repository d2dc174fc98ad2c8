"""The error tree. Says whose fault it is; carries fields; builds its text in `__str__`.

GatewayError
├── BadInput                 the caller's fault; safe to show to the caller
│   ├── Refused              understood, but not allowed (policy, state, scope)
│   ├── NotFound
│   └── Conflict             somebody else was faster, or the key was used before
├── Unauthenticated          no or wrong credentials
├── Overloaded               come back later (`retry_after` seconds)
├── DependencyDown           a store, broker or key server does not answer
│   └── StoreUnavailable
└── Misconfigured            the operator's fault; stops the start with what to type
"""

from collections.abc import Sequence
from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class Fault:
    """One thing wrong with one field.

    Args:
        pointer: JSON pointer of the field (RFC 6901), "" for the whole body.
        detail: what is wrong and what would be right, for people.
        code: stable word for programs, e.g. `missing`, `too_long`, `in_the_past`.
    """

    pointer: str
    detail: str
    code: str


class GatewayError(Exception):
    """Root of all errors that the gateway raises on purpose."""

    code = "internal"

    def __init__(self, detail: str = "", *, code: str | None = None) -> None:
        super().__init__(detail)
        self.detail = detail
        if code is not None:
            self.code = code

    def __str__(self) -> str:
        return self.detail or self.code


class BadInput(GatewayError):
    """The caller sent something wrong; `faults` names every bad field at once."""

    code = "bad_input"

    def __init__(
        self, detail: str = "", *, code: str | None = None, faults: Sequence[Fault] = ()
    ) -> None:
        super().__init__(detail, code=code)
        self.faults = tuple(faults)


class Refused(BadInput):
    """Understood and well-formed, but not allowed: policy, lifecycle or scope."""

    code = "refused"


class NotFound(BadInput):
    """No such thing, or none that this caller may know of."""

    code = "not_found"


class Conflict(BadInput):
    """The state moved on: a stale `If-Match`, or an idempotency key in use."""

    code = "conflict"


class Unauthenticated(GatewayError):
    """No credentials, or credentials that do not hold."""

    code = "unauthenticated"


class Overloaded(GatewayError):
    """Too much at once; the caller may come back after `retry_after` seconds."""

    code = "overloaded"

    def __init__(self, detail: str = "", *, retry_after: float, code: str | None = None) -> None:
        super().__init__(detail, code=code)
        self.retry_after = retry_after


class DependencyDown(GatewayError):
    """Something the gateway needs does not answer; the caller may try again."""

    code = "dependency_down"
    retry_after: float = 1.0


class StoreUnavailable(DependencyDown):
    """The store refused or did not answer. `code` tells why: `store_unavailable`, `store_full`."""

    code = "store_unavailable"


class Misconfigured(GatewayError):
    """A setting or the environment is wrong; the text says what to type."""

    code = "misconfigured"
