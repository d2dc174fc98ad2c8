"""What answers about messages look like: values of the domain → the JSON of the contract
(PROTOCOL §3 and §6).

Names here are the API's, fixed once published; add, never rename.
"""

from collections.abc import Mapping
from typing import Any

from gateway.http.views import Time, View, time
from gateway.messaging.messages import Published
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
from gateway.wire.timestamps import rfc3339


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
