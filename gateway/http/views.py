"""What answers look like: people, keys, kill switches, the node (PROTOCOL §3).

Names here are the API's, fixed once published; add, never rename.
"""

from collections.abc import Mapping
from datetime import datetime
from typing import Annotated, Any, Generic, TypeVar

import msgspec
from msgspec import Meta

from gateway.model.admin import AdminKey, AuditEntry, Mute, Scope
from gateway.model.user import Presence, SessionPresence, UserPresence
from gateway.presence.base import Census
from gateway.wire.timestamps import rfc3339

Time = Annotated[str, Meta(extra_json_schema={"format": "date-time"})]
"""RFC 3339 in UTC, e.g. `2026-12-01T09:00:00.000Z`."""

T = TypeVar("T")


class View(msgspec.Struct, frozen=True, kw_only=True):
    """The root of all views: every field is always there."""


class Listed(View, Generic[T], frozen=True, kw_only=True):
    """A slice of a list. `next_cursor` is null on the last one."""

    data: tuple[T, ...]
    next_cursor: str | None


def time(at: datetime | None) -> str | None:
    """A moment that may be missing."""
    return None if at is None else rfc3339(at)


# People


class SessionView(View, frozen=True, kw_only=True):
    """One tab or app launch."""

    session: str
    platform: str | None
    app: str | None
    version: str | None
    page: str | None
    visibility: str
    activity: str
    since: Time


class SeenView(View, frozen=True, kw_only=True):
    """Whether a user is here, and when they last were."""

    online: bool
    state: Presence
    last_seen: Time | None


class UserView(View, frozen=True, kw_only=True):
    """One user with all sessions; `online: false` for a user never seen."""

    user: str
    online: bool
    state: Presence
    last_seen: Time | None
    sessions: tuple[SessionView, ...]


class SeenUsersView(View, frozen=True, kw_only=True):
    """Users by id; one entry for each that was asked for."""

    users: Mapping[str, SeenView]


class ClosedView(View, frozen=True, kw_only=True):
    """What was done to a user. `sessions_closed` is null when a crash lost the count."""

    user: str
    done: str
    sessions_closed: int | None


CensusView = Census


def user_view(user: UserPresence) -> UserView:
    """One user with all sessions."""
    return UserView(
        user=user.user,
        online=user.online,
        state=user.state,
        last_seen=time(user.last_seen),
        sessions=tuple(_session_view(session) for session in user.sessions),
    )


def _session_view(session: SessionPresence) -> SessionView:
    return SessionView(
        session=session.session,
        platform=session.platform,
        app=session.app,
        version=session.version,
        page=session.page,
        visibility=session.visibility,
        activity=session.activity,
        since=rfc3339(session.since),
    )


def seen_view(user: UserPresence) -> SeenView:
    """One user without sessions."""
    return SeenView(online=user.online, state=user.state, last_seen=time(user.last_seen))


# Admin


class MuteView(View, frozen=True, kw_only=True):
    """A kill switch in force: a kind, or `all`."""

    kind: str
    at: Time
    by: str
    reason: str | None


class UnmutedView(View, frozen=True, kw_only=True):
    """`unmuted` is false when it was not muted."""

    kind: str
    unmuted: bool


class KeyView(View, frozen=True, kw_only=True):
    """An admin key, without its secret."""

    id: str
    name: str
    scopes: tuple[Scope, ...]
    created_at: Time
    revoked_at: Time | None
    owner: str | None
    contact: str | None


class NewKeyView(KeyView, frozen=True, kw_only=True):
    """A key just made. `secret` is told this once; it is null when the answer is a replay."""

    secret: str | None


class AuditView(View, frozen=True, kw_only=True):
    """One change: who, when, what."""

    id: int
    at: Time
    key_id: str
    key_name: str
    action: str
    target: str
    request_id: str
    detail: Mapping[str, Any]


class HealthView(View, frozen=True, kw_only=True):
    """`ok`, or `ready`."""

    status: str
    node: str


class PublicView(View, frozen=True, kw_only=True):
    """The anonymous live set: its revision, and messages as on the wire."""

    revision: int
    live: tuple[msgspec.Raw, ...]


def mute_view(mute: Mute) -> MuteView:
    """A kill switch."""
    return MuteView(kind=mute.kind, at=rfc3339(mute.at), by=mute.by, reason=mute.reason)


def _key_fields(key: AdminKey) -> dict[str, Any]:
    return {
        "id": key.id,
        "name": key.name,
        "scopes": tuple(scope for scope in Scope if scope in key.scopes),
        "created_at": rfc3339(key.created_at),
        "revoked_at": time(key.revoked_at),
        "owner": key.owner,
        "contact": key.contact,
    }


def key_view(key: AdminKey) -> KeyView:
    """A key without its secret."""
    return KeyView(**_key_fields(key))


def new_key_view(key: AdminKey, secret: str | None) -> NewKeyView:
    """A key with its secret."""
    return NewKeyView(**_key_fields(key), secret=secret)


def audit_view(entry: AuditEntry) -> AuditView:
    """One line of the audit trail."""
    return AuditView(
        id=entry.id,
        at=rfc3339(entry.at),
        key_id=entry.key_id,
        key_name=entry.key_name,
        action=entry.action,
        target=entry.target,
        request_id=entry.request_id,
        detail=entry.detail,
    )
