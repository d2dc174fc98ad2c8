"""A message: what an operator composes and users see. Values only; lifecycle rules live in
`messaging`. A message never changes: each change makes a new revision with the same id.
"""

from collections.abc import Mapping
from datetime import datetime
from enum import StrEnum
from typing import Any

import msgspec


class Kind(StrEnum):
    """What sort of thing is shown."""

    BANNER = "banner"
    PROMPT = "prompt"
    NOTIFICATION = "notification"
    TOAST = "toast"


class State(StrEnum):
    """Where a message is in its life."""

    DRAFT = "draft"
    REVIEW = "review"
    LIVE = "live"
    PAUSED = "paused"
    ENDED = "ended"


class Severity(StrEnum):
    """How bad it is; `rank` orders them."""

    INFO = "info"
    MINOR = "minor"
    MAJOR = "major"
    CRITICAL = "critical"

    @property
    def rank(self) -> int:
        return _SEVERITY_RANK[self]


_SEVERITY_RANK = {Severity.INFO: 0, Severity.MINOR: 1, Severity.MAJOR: 2, Severity.CRITICAL: 3}


class Resurface(StrEnum):
    """When a dismissed message may come back after a change."""

    NEVER = "never"
    ON_SEVERITY_UP = "on_severity_up"
    ALWAYS = "always"


class IncidentStatus(StrEnum):
    """Statuspage's words: the first four for incidents, the last four for maintenance."""

    INVESTIGATING = "investigating"
    IDENTIFIED = "identified"
    MONITORING = "monitoring"
    RESOLVED = "resolved"
    SCHEDULED = "scheduled"
    IN_PROGRESS = "in_progress"
    VERIFYING = "verifying"
    COMPLETED = "completed"

    @property
    def is_final(self) -> bool:
        """True when the incident or the maintenance is over."""
        return self in (IncidentStatus.RESOLVED, IncidentStatus.COMPLETED)


class Impact(StrEnum):
    """Statuspage's impact of an incident."""

    NONE = "none"
    MINOR = "minor"
    MAJOR = "major"
    CRITICAL = "critical"
    MAINTENANCE = "maintenance"


class IncidentUpdate(msgspec.Struct, frozen=True, kw_only=True):
    """One line of an incident's history."""

    at: datetime
    status: IncidentStatus
    body: str


class Incident(msgspec.Struct, frozen=True, kw_only=True):
    """An outage or a maintenance; `updates` are oldest first."""

    status: IncidentStatus
    impact: Impact = Impact.MAJOR
    updates: tuple[IncidentUpdate, ...] = ()


class Image(msgspec.Struct, frozen=True, kw_only=True):
    """A picture with the text for those who cannot see it."""

    src: str
    alt: str


class Action(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """A button or link. `intent` is one of open, dismiss, next, back, snooze, custom."""

    id: str
    label: str
    intent: str = "open"
    href: str | None = None


class Content(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """What people read, in one locale. `body` is Markdown; the wire carries a tree of nodes."""

    title: str | None = None
    body: str = ""
    image: Image | None = None
    icon: str | None = None
    actions: tuple[Action, ...] = ()


class Pages(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """Globs over host, path, query and hash; block wins. Both empty: every page."""

    allow: tuple[str, ...] = ()
    block: tuple[str, ...] = ()

    def __bool__(self) -> bool:
        return bool(self.allow or self.block)


class Message(msgspec.Struct, frozen=True, kw_only=True):
    """One revision of a message.

    Args:
        revision: 1 for the first, one more for each change.
        attention: the latest revision that asked for attention; a dismissal of an older
            revision no longer counts, so `resurface` is plain arithmetic.
        content: by locale (BCP 47); `default_locale` is always among the keys.
        ended_reason: why it ended: a retract reason of the wire, or None.
    """

    id: str
    revision: int
    attention: int
    kind: Kind
    state: State
    created_at: datetime
    updated_at: datetime
    content: Mapping[str, Content]
    default_locale: str = "en"
    severity: Severity | None = None
    incident: Incident | None = None
    dismissible: bool = True
    pages: Pages = Pages()
    priority: int = 50
    category: str = "incident"
    tags: tuple[str, ...] = ()
    resurface: Resurface = Resurface.NEVER
    starts_at: datetime | None = None
    expires_at: datetime | None = None
    ended_reason: str | None = None
    created_by: str = ""
    updated_by: str = ""
    owner: str | None = None
    contact: str | None = None

    def changed(self, **changes: Any) -> "Message":
        """Return the next revision with `changes` applied."""
        return msgspec.structs.replace(self, revision=self.revision + 1, **changes)
