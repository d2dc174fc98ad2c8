"""What answers look like: values of the domain → the JSON of the contract (PROTOCOL §3 and §6).

Names here are the API's, fixed once published; add, never rename.
"""

from collections.abc import Mapping
from datetime import datetime
from typing import Annotated, Any, Generic, TypeVar

import msgspec
from msgspec import Meta

from gateway.messaging.messages import Published
from gateway.model.admin import AdminKey, AuditEntry, Mute, Scope
from gateway.model.message import (
    Content,
    Impact,
    Incident,
    IncidentStatus,
    Kind,
    Message,
    Pages,
    Resurface,
    Severity,
    State,
)
from gateway.model.receipt import Reach, Receipt, Stage
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


# Messages


class BroadcastView(View, frozen=True, kw_only=True):
    """What a broadcast did. `state` is `live`; `dry_run` is true when nothing was changed."""

    id: str
    revision: int
    kind: Kind
    state: State
    expires_at: Time | None
    reach: Reach
    dry_run: bool


class UpdateView(View, frozen=True, kw_only=True):
    """One line of an incident's history."""

    at: Time
    status: IncidentStatus
    body: str


class IncidentView(View, frozen=True, kw_only=True):
    """An outage or a maintenance; `updates` are oldest first."""

    status: IncidentStatus
    impact: Impact
    updates: tuple[UpdateView, ...]


class RevisionView(View, frozen=True, kw_only=True):
    """One revision of a message.

    Args:
        content: what people read, by locale; `body` is Markdown.
        audience: null: everybody.
        ends_at: the same moment as `expires_at`, under its name in definitions.
        ended_reason: why it is over, once `state` is `ended`.
    """

    id: str
    revision: int
    kind: Kind
    state: State
    severity: Severity | None
    incident: IncidentView | None
    content: Mapping[str, Content]
    default_locale: str
    dismissible: bool
    pages: Pages
    audience: None
    priority: int
    category: str
    tags: tuple[str, ...]
    resurface: Resurface
    starts_at: Time | None
    expires_at: Time | None
    ends_at: Time | None
    ended_reason: str | None
    created_at: Time
    updated_at: Time
    created_by: str
    updated_by: str
    owner: str | None
    contact: str | None


class MessageView(RevisionView, frozen=True, kw_only=True):
    """A message: its newest revision, and how far it came."""

    reach: Reach


class ReceiptView(View, frozen=True, kw_only=True):
    """How far the message came with one user, at one stage."""

    user: str
    stage: Stage
    revision: int
    at: Time
    sessions: int
    action: str | None
    reason: str | None


def broadcast_view(published: Published, dry_run: bool = False) -> BroadcastView:
    """The answer of a broadcast."""
    message = published.message
    return BroadcastView(
        id=message.id,
        revision=message.revision,
        kind=message.kind,
        state=message.state,
        expires_at=time(message.expires_at),
        reach=published.reach,
        dry_run=dry_run,
    )


def _fields(message: Message) -> dict[str, Any]:
    ends = time(message.expires_at)
    return {
        "id": message.id,
        "revision": message.revision,
        "kind": message.kind,
        "state": message.state,
        "severity": message.severity,
        "incident": message.incident and incident_view(message.incident),
        "content": message.content,
        "default_locale": message.default_locale,
        "dismissible": message.dismissible,
        "pages": message.pages,
        "audience": None,
        "priority": message.priority,
        "category": message.category,
        "tags": message.tags,
        "resurface": message.resurface,
        "starts_at": time(message.starts_at),
        "expires_at": ends,
        "ends_at": ends,
        "ended_reason": message.ended_reason,
        "created_at": rfc3339(message.created_at),
        "updated_at": rfc3339(message.updated_at),
        "created_by": message.created_by,
        "updated_by": message.updated_by,
        "owner": message.owner,
        "contact": message.contact,
    }


def revision_view(message: Message) -> RevisionView:
    """One revision."""
    return RevisionView(**_fields(message))


def message_view(published: Published) -> MessageView:
    """A message with its reach."""
    return MessageView(**_fields(published.message), reach=published.reach)


def incident_view(incident: Incident) -> IncidentView:
    """An incident with its history."""
    updates = tuple(
        UpdateView(at=rfc3339(line.at), status=line.status, body=line.body)
        for line in incident.updates
    )
    return IncidentView(status=incident.status, impact=incident.impact, updates=updates)


def receipt_view(receipt: Receipt) -> ReceiptView:
    """One line of the receipts."""
    return ReceiptView(
        user=receipt.user_id,
        stage=receipt.stage,
        revision=receipt.revision,
        at=rfc3339(receipt.at),
        sessions=receipt.sessions,
        action=receipt.action,
        reason=receipt.reason,
    )


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


class UserView(SeenView, frozen=True, kw_only=True):
    """One user with all sessions; `online: false` for a user never seen."""

    user: str
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
    live: tuple[Mapping[str, Any], ...]


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
