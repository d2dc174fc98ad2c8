"""The life of a message: create, publish, change, pause, retract; what is live and how far it came.

Every change is decided here (policy, lifecycle), made durable by the store in one transaction with
its audit line, and only then handed to the broker.
"""

from collections.abc import AsyncIterator, Mapping
from datetime import datetime
from typing import Any

import msgspec
from msgspec import UNSET, UnsetType

from gateway.model.admin import Caller
from gateway.model.message import (
    Content,
    Impact,
    IncidentStatus,
    Kind,
    Message,
    Pages,
    Resurface,
    Severity,
    State,
)
from gateway.model.receipt import Reach
from gateway.store.base import Page


class IncidentDraft(msgspec.Struct, frozen=True, kw_only=True):
    """What an operator says about an incident: a status, and with `body` an update."""

    status: IncidentStatus | None = None
    impact: Impact | None = None
    body: str | None = None


class MessageDraft(msgspec.Struct, frozen=True, kw_only=True):
    """What an author writes. `expires_at` None means the policy's default for the kind."""

    kind: Kind
    content: Mapping[str, Content]
    default_locale: str = "en"
    state: State = State.DRAFT
    severity: Severity | None = None
    incident: IncidentDraft | None = None
    dismissible: bool = True
    pages: Pages = Pages()
    priority: int = 50
    category: str | None = None
    tags: tuple[str, ...] = ()
    resurface: Resurface = Resurface.NEVER
    starts_at: datetime | None = None
    expires_at: datetime | None = None
    owner: str | None = None
    contact: str | None = None


class MessagePatch(msgspec.Struct, frozen=True, kw_only=True):
    """What to change; UNSET stays as it was."""

    content: Mapping[str, Content] | UnsetType = UNSET
    default_locale: str | UnsetType = UNSET
    severity: Severity | UnsetType = UNSET
    incident: IncidentDraft | UnsetType = UNSET
    dismissible: bool | UnsetType = UNSET
    pages: Pages | UnsetType = UNSET
    priority: int | UnsetType = UNSET
    category: str | UnsetType = UNSET
    tags: tuple[str, ...] | UnsetType = UNSET
    resurface: Resurface | UnsetType = UNSET
    starts_at: datetime | None | UnsetType = UNSET
    expires_at: datetime | UnsetType = UNSET
    owner: str | None | UnsetType = UNSET
    contact: str | None | UnsetType = UNSET


class Published(msgspec.Struct, frozen=True, kw_only=True):
    """A message after a change, and how far it has come."""

    message: Message
    reach: Reach


class Messages:
    """Every operation on messages. Raises BadInput with all faults at once, Refused for a breach of
    policy or lifecycle, NotFound, Conflict for a stale `if_match`, StoreUnavailable."""

    async def create(self, caller: Caller, draft: MessageDraft) -> Published:
        """Make a message; with `state=live` it is on every screen that it is for when this returns."""
        raise NotImplementedError

    async def preview(self, caller: Caller, draft: MessageDraft) -> Published:
        """What `create` would do, with the same refusals; changes and sends nothing."""
        raise NotImplementedError

    async def patch(
        self, caller: Caller, message_id: str, patch: MessagePatch, if_match: int | None = None
    ) -> Published:
        """Make a new revision; shown copies change in place. `if_match` is the revision that the
        caller has seen; another newest revision is a Conflict with code `precondition_failed`."""
        raise NotImplementedError

    async def publish(
        self, caller: Caller, message_id: str, if_match: int | None = None
    ) -> Published:
        """Draft, review or paused → live."""
        raise NotImplementedError

    async def pause(
        self, caller: Caller, message_id: str, if_match: int | None = None
    ) -> Published:
        """Live → paused: off all screens, may be published again."""
        raise NotImplementedError

    async def retract(
        self,
        caller: Caller,
        message_id: str,
        reason: str | None = None,
        if_match: int | None = None,
    ) -> Published:
        """→ ended: off all screens and never again. Ending an ended message changes nothing."""
        raise NotImplementedError

    async def get(self, message_id: str) -> Published:
        """The newest revision with its reach."""
        raise NotImplementedError

    async def revisions(self, message_id: str) -> tuple[Message, ...]:
        """All revisions, oldest first."""
        raise NotImplementedError

    async def find(
        self,
        *,
        state: State | None = None,
        kind: Kind | None = None,
        tag: str | None = None,
        cursor: str | None = None,
        limit: int = 50,
    ) -> Page:
        """Newest first; `Page.data` holds Published."""
        raise NotImplementedError

    async def reach(self, message_id: str) -> Reach:
        """Counts as of now, those not flushed yet included."""
        raise NotImplementedError

    def watch_reach(self, message_id: str) -> AsyncIterator[Reach]:
        """The reach now, then again whenever it has changed, at most four times a second; ends
        when the message has ended and nothing more is to come."""
        raise NotImplementedError

    async def wait_received(self, message_id: str, seconds: float) -> Reach:
        """The reach once every session that was sent the message has said `received`, or after
        `seconds`, whichever comes first."""
        raise NotImplementedError

    async def receipts(self, message_id: str, *, cursor: str | None, limit: int) -> Page:
        """Per user and stage; `Page.data` holds Receipt."""
        raise NotImplementedError

    async def audit(self, *, target: str | None, cursor: str | None, limit: int) -> Page:
        """Who changed what, newest first; `Page.data` holds AuditEntry."""
        raise NotImplementedError


class LiveView(msgspec.Struct, frozen=True, kw_only=True):
    """The anonymous live set (`GET /v1/public/banners`): its revision, and messages as on the wire,
    without those that are for certain users only."""

    revision: int
    messages: tuple[Mapping[str, Any], ...]
