"""One operation of the API: everything that routing, authentication, parsing and documents need.

Values only; `operations` lists them, `edge` runs them.
"""

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Generic, TypeVar

from gateway.http.answers import Answer, Stream
from gateway.http.body import Body
from gateway.http.queries import Query
from gateway.http.services import Services
from gateway.model.admin import AdminKey, Caller, Scope

B = TypeVar("B")
Q = TypeVar("Q")

Headers = Mapping[bytes, bytes]


@dataclass(slots=True, kw_only=True)
class Call(Generic[B, Q]):
    """One request to one operation, parsed and allowed.

    Args:
        body: the parsed body; an empty one where the operation takes none.
        query: the parsed query.
        params: parts of the path, decoded.
        if_match: the revision of `If-Match`, None when absent or `*`.
    """

    services: Services
    body: B
    query: Q
    params: Mapping[str, str]
    headers: Headers
    caller: Caller
    if_match: int | None = None

    def accepts(self, media_type: bytes) -> bool:
        """True when the client asks for exactly this form (`*/*` asks for the usual one)."""
        wanted = self.headers.get(b"accept", b"").lower()
        return any(part.split(b";")[0].strip() == media_type for part in wanted.split(b","))


Handler = Callable[[Call[Any, Any]], Awaitable[Answer | Stream]]
Rebuild = Callable[[Services, str], Awaitable[Answer]]


@dataclass(frozen=True, slots=True, kw_only=True)
class Operation:
    """One method on one path.

    Args:
        id: `operationId`, stable for generated clients.
        path: with parts in braces, `/v1/messages/{id}`.
        scopes: any of them lets a key in; empty: anybody may call.
        body, query: models; None where none is taken.
        returns: the type of the JSON answer.
        streams: other media types of the answer, by what they hold.
        statuses: what is answered besides 2xx and what follows from the rest of this record.
        if_match: a message's ETag is understood.
        rebuild: builds the answer again from the resource, when a crash lost it.
        keeps_answer: False where the answer holds a secret, so a replay is rebuilt without it.
    """

    id: str
    method: str
    path: str
    summary: str
    tag: str
    handler: Handler
    description: str = ""
    scopes: tuple[Scope, ...] = ()
    body: type[Body] | None = None
    query: type[Query] = Query
    returns: Any = None
    status: int = 200
    streams: Mapping[str, str] = field(default_factory=dict)
    statuses: tuple[int, ...] = ()
    if_match: bool = False
    rebuild: Rebuild | None = None
    keeps_answer: bool = True

    @property
    def is_idempotent(self) -> bool:
        """True when an Idempotency-Key is understood: on every POST and PATCH."""
        return self.method in ("POST", "PATCH")

    def lets_in(self, key: AdminKey) -> bool:
        """True when the key may call this."""
        return not self.scopes or any(key.may(scope) for scope in self.scopes)
