"""What an author writes, before it is a message: drafts and patches. Values only."""

from collections.abc import Mapping
from datetime import datetime

import msgspec
from msgspec import UNSET, UnsetType

from gateway.model.message import (
    Content,
    Impact,
    IncidentStatus,
    Kind,
    Pages,
    Resurface,
    Severity,
    State,
)


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
    starts_at: datetime | UnsetType | None = UNSET
    expires_at: datetime | UnsetType = UNSET
    owner: str | UnsetType | None = UNSET
    contact: str | UnsetType | None = UNSET
