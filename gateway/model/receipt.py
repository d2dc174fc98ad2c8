"""What a client says about a message, and the counts that come of it."""

from collections.abc import Mapping
from datetime import datetime
from enum import StrEnum

import msgspec


class Stage(StrEnum):
    """How far a message came with one session."""

    RECEIVED = "received"
    DISPLAYED = "displayed"
    CLICKED = "clicked"
    DISMISSED = "dismissed"
    ANSWERED = "answered"
    SNOOZED = "snoozed"
    SUPPRESSED = "suppressed"
    FAILED = "failed"


class Receipt(msgspec.Struct, frozen=True, kw_only=True):
    """One session's word on one message. `sessions` is 0 when that session said so before."""

    message_id: str
    user_id: str
    stage: Stage
    revision: int
    at: datetime
    sessions: int = 1
    action: str | None = None
    reason: str | None = None


class Tally(msgspec.Struct, frozen=True, kw_only=True):
    """One count, by user and by session."""

    users: int = 0
    sessions: int = 0


class Reach(msgspec.Struct, frozen=True, kw_only=True):
    """Counts of one message, by user, with `sessions` beside it (PROTOCOL §3).

    `targeted` and `offline` are None where the audience is a condition rather than a list: the
    gateway cannot know who it has never seen.
    """

    targeted: int | None = None
    online: int = 0
    sent: int = 0
    received: int = 0
    displayed: int = 0
    clicked: int = 0
    dismissed: int = 0
    answered: int = 0
    offline: int | None = None
    suppressed: Mapping[str, int] = {}
    sessions: Mapping[str, int] = {}
