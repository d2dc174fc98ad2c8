"""`/v1/presence` and `/v1/users`: who is here, and what an admin may do about it."""

from collections.abc import Awaitable, Callable
from typing import Any

from gateway.errors import BadInput
from gateway.http.answers import Answer, answer
from gateway.http.bodies import PresenceQueryBody, RevokeBody
from gateway.http.body import Nothing
from gateway.http.operation import Call, Operation
from gateway.http.problems import HttpError
from gateway.http.queries import Query
from gateway.http.services import Services
from gateway.http.views import (
    CensusView,
    ClosedView,
    SeenUsersView,
    UserView,
    seen_view,
    user_view,
)
from gateway.model.admin import Scope
from gateway.wire.identifiers import parse_user_id

_PRESENCE = (Scope.PRESENCE,)
_ADMIN = (Scope.ADMIN,)


def _user(call: Call[Any, Any], name: str) -> str:
    """The user of the path, in the one spelling of their id."""
    try:
        return parse_user_id(call.params[name])
    except BadInput as error:
        raise HttpError("bad_path", str(error)) from None


async def census(call: Call[Any, Query]) -> Answer:
    """Count everybody who is here."""
    return answer(await call.services.presence.census())


async def lookup(call: Call[Any, Query]) -> Answer:
    """Look for one user."""
    return answer(user_view(await call.services.presence.lookup(_user(call, "user"))))


async def query(call: Call[PresenceQueryBody, Query]) -> Answer:
    """Look for many users."""
    wanted = list(dict.fromkeys(call.body.users))
    found = await call.services.presence.query(wanted)
    return answer(SeenUsersView(users={user: seen_view(found[user]) for user in wanted}))


async def disconnect(call: Call[Nothing, Query]) -> Answer:
    """Close a user's connections."""
    user = _user(call, "id")
    closed = await call.services.people.disconnect(call.caller, user)
    return _closed(user, "disconnected", closed)


async def revoke(call: Call[RevokeBody, Query]) -> Answer:
    """Void a user's tokens."""
    user = _user(call, "id")
    closed = await call.services.people.revoke(call.caller, user, call.body.jti)
    return _closed(user, "revoked", closed)


async def block(call: Call[Nothing, Query]) -> Answer:
    """Refuse a user."""
    user = _user(call, "id")
    closed = await call.services.people.block(call.caller, user)
    return _closed(user, "blocked", closed)


async def unblock(call: Call[Any, Query]) -> Answer:
    """Let a user in again."""
    user = _user(call, "id")
    closed = await call.services.people.block(call.caller, user, blocked=False)
    return _closed(user, "unblocked", closed)


def _closed(user: str, done: str, sessions: int | None) -> Answer:
    return answer(ClosedView(user=user, done=done, sessions_closed=sessions))


def _rebuild(done: str) -> Callable[[Services, str], Awaitable[Answer]]:
    async def rebuild(services: Services, user: str) -> Answer:
        del services
        return _closed(user, done, None)

    return rebuild


OPERATIONS: tuple[Operation, ...] = (
    Operation(
        id="get_census",
        method="GET",
        path="/v1/presence",
        tag="presence",
        summary="Count who is online",
        handler=census,
        scopes=_PRESENCE,
        returns=CensusView,
    ),
    Operation(
        id="get_presence",
        method="GET",
        path="/v1/presence/{user}",
        tag="presence",
        summary="See whether a user is online, and where",
        description="Also for a user never seen: `online` is false, `last_seen` null.",
        handler=lookup,
        scopes=_PRESENCE,
        returns=UserView,
    ),
    Operation(
        id="query_presence",
        method="POST",
        path="/v1/presence/query",
        tag="presence",
        summary="See which of many users are online",
        description="At most 1,000 users a call; one entry for each that was asked for.",
        handler=query,
        scopes=_PRESENCE,
        body=PresenceQueryBody,
        returns=SeenUsersView,
    ),
    Operation(
        id="disconnect_user",
        method="POST",
        path="/v1/users/{id}/disconnect",
        tag="users",
        summary="Close a user's connections",
        description="Close code 4007; they may connect again by themselves.",
        handler=disconnect,
        scopes=_ADMIN,
        body=Nothing,
        returns=ClosedView,
        rebuild=_rebuild("disconnected"),
    ),
    Operation(
        id="revoke_user",
        method="POST",
        path="/v1/users/{id}/revoke",
        tag="users",
        summary="Void a user's tokens",
        description="All that were issued so far, or the one with this `jti`; connections are"
        " closed with 4302, so that clients fetch a new token.",
        handler=revoke,
        scopes=_ADMIN,
        body=RevokeBody,
        returns=ClosedView,
        rebuild=_rebuild("revoked"),
    ),
    Operation(
        id="block_user",
        method="POST",
        path="/v1/users/{id}/block",
        tag="users",
        summary="Refuse a user until unblocked",
        description="Connections are closed with 4003.",
        handler=block,
        scopes=_ADMIN,
        body=Nothing,
        returns=ClosedView,
        rebuild=_rebuild("blocked"),
    ),
    Operation(
        id="unblock_user",
        method="DELETE",
        path="/v1/users/{id}/block",
        tag="users",
        summary="Let a blocked user in again",
        handler=unblock,
        scopes=_ADMIN,
        returns=ClosedView,
    ),
)
