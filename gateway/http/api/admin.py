"""Kill switch, admin keys, audit trail, statistics: what operators run the gateway with."""

from typing import Any

from gateway.errors import NotFound
from gateway.http.answers import Answer, answer
from gateway.http.bodies import KeyBody, MuteBody
from gateway.http.body import Nothing
from gateway.http.operation import Call, Operation
from gateway.http.problems import HttpError
from gateway.http.queries import AuditQuery, MuteQuery, PageQuery, Query
from gateway.http.services import Services
from gateway.http.views import (
    AuditView,
    KeyView,
    Listed,
    MuteView,
    NewKeyView,
    UnmutedView,
    audit_view,
    key_view,
    mute_view,
    new_key_view,
)
from gateway.model.admin import Scope

_ADMIN = (Scope.ADMIN,)
_READ = (Scope.READ,)


# Kill switch


async def mute(call: Call[MuteBody, Query]) -> Answer:
    """Mute a kind, or all."""
    made = await call.services.mutes.mute(call.caller, call.body.kind, call.body.reason)
    return answer(mute_view(made))


async def unmute(call: Call[Any, MuteQuery]) -> Answer:
    """Unmute a kind, or all."""
    kind = call.query.kind
    unmuted = await call.services.mutes.unmute(call.caller, kind)
    return answer(UnmutedView(kind=kind, unmuted=unmuted))


async def mutes(call: Call[Any, Query]) -> Answer:
    """What is muted now."""
    current = tuple(mute_view(one) for one in call.services.mutes.current())
    return answer(Listed(data=current, next_cursor=None))


async def _mute_again(services: Services, kind: str) -> Answer:
    for one in services.mutes.current():
        if one.kind == kind:
            return answer(mute_view(one))
    raise NotFound("This was muted, and has been unmuted since.", code="not_found")


# Keys


async def create_key(call: Call[KeyBody, Query]) -> Answer:
    """Make a key."""
    body = call.body
    key, secret = await call.services.keys.create(
        call.caller, body.name, frozenset(body.scopes), body.owner, body.contact
    )
    return answer(new_key_view(key, secret), status=201)


async def _create_key_again(services: Services, key_id: str) -> Answer:
    for key in services.keys.list():
        if key.id == key_id:
            return answer(new_key_view(key, None), status=201)
    raise NotFound("no such admin key", code="key_not_found")


async def keys(call: Call[Any, PageQuery]) -> Answer:
    """All keys, a page at a time; the cursor is the id of the last one seen."""
    known = call.services.keys.list()
    start = 0
    if call.query.cursor is not None:
        ids = [key.id for key in known]
        if call.query.cursor not in ids:
            raise HttpError("bad_cursor")
        start = ids.index(call.query.cursor) + 1
    page = known[start : start + call.query.limit]
    has_more = len(known) > start + len(page)
    cursor = page[-1].id if page and has_more else None
    return answer(Listed(data=tuple(key_view(key) for key in page), next_cursor=cursor))


async def revoke_key(call: Call[Any, Query]) -> Answer:
    """End a key."""
    return answer(key_view(await call.services.keys.revoke(call.caller, call.params["id"])))


async def _revoke_key_again(services: Services, key_id: str) -> Answer:
    for key in services.keys.list():
        if key.id == key_id:
            return answer(key_view(key))
    raise NotFound("no such admin key", code="key_not_found")


# What happened, and how it is


async def audit(call: Call[Any, AuditQuery]) -> Answer:
    """Who changed what."""
    wanted = call.query
    page = await call.services.messages.audit(
        target=wanted.target, cursor=wanted.cursor, limit=wanted.limit
    )
    data = tuple(audit_view(entry) for entry in page.data)
    return answer(Listed(data=data, next_cursor=page.next_cursor))


async def stats(call: Call[Any, Query]) -> Answer:
    """One look at this gateway."""
    node = call.services.node
    numbers = {"node": node.node_id, "draining": node.is_draining, **node.stats()}
    return answer({**numbers, "nodes": {"answered": 1, "known": 1}})


OPERATIONS: tuple[Operation, ...] = (
    Operation(
        id="mute",
        method="POST",
        path="/v1/mute",
        tag="kill switch",
        summary="Hide a kind of message, or all, everywhere",
        description="Muted messages stay live but nobody sees them. Without `kind`: all.",
        handler=mute,
        scopes=_ADMIN,
        body=MuteBody,
        returns=MuteView,
        rebuild=_mute_again,
    ),
    Operation(
        id="unmute",
        method="DELETE",
        path="/v1/mute",
        tag="kill switch",
        summary="Show a kind of message, or all, again",
        description="What is still live comes back. Unmuting `all` leaves single kinds muted.",
        handler=unmute,
        scopes=_ADMIN,
        query=MuteQuery,
        returns=UnmutedView,
    ),
    Operation(
        id="list_mutes",
        method="GET",
        path="/v1/mute",
        tag="kill switch",
        summary="See what is muted",
        handler=mutes,
        scopes=_READ,
        returns=Listed[MuteView],
    ),
    Operation(
        id="create_key",
        method="POST",
        path="/v1/keys",
        tag="keys",
        summary="Make an admin key",
        description="`secret` is told this once: the gateway keeps only its hash. A replay of the"
        " same Idempotency-Key has `secret: null`.",
        handler=create_key,
        scopes=_ADMIN,
        body=KeyBody,
        returns=NewKeyView,
        status=201,
        rebuild=_create_key_again,
        keeps_answer=False,
    ),
    Operation(
        id="list_keys",
        method="GET",
        path="/v1/keys",
        tag="keys",
        summary="List admin keys, revoked ones too",
        handler=keys,
        scopes=_ADMIN,
        query=PageQuery,
        returns=Listed[KeyView],
    ),
    Operation(
        id="revoke_key",
        method="DELETE",
        path="/v1/keys/{id}",
        tag="keys",
        summary="End an admin key at once",
        handler=revoke_key,
        scopes=_ADMIN,
        returns=KeyView,
    ),
    Operation(
        id="revoke_key_post",
        method="POST",
        path="/v1/keys/{id}/revoke",
        tag="keys",
        summary="End an admin key at once",
        description="The same as DELETE, for clients that retry under an Idempotency-Key.",
        handler=revoke_key,
        scopes=_ADMIN,
        body=Nothing,
        returns=KeyView,
        rebuild=_revoke_key_again,
    ),
    Operation(
        id="list_audit",
        method="GET",
        path="/v1/audit",
        tag="operations",
        summary="See who changed what, newest first",
        handler=audit,
        scopes=_ADMIN,
        query=AuditQuery,
        returns=Listed[AuditView],
    ),
    Operation(
        id="get_stats",
        method="GET",
        path="/v1/stats",
        tag="operations",
        summary="One look: sessions, users, live messages, rates, nodes",
        handler=stats,
        scopes=_READ,
        returns=dict[str, Any],
    ),
)
