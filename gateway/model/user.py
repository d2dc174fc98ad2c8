"""What the gateway knows of a person: who they are, whether they are here."""

from collections.abc import Mapping
from datetime import datetime
from enum import StrEnum
from typing import Any

import msgspec


class Presence(StrEnum):
    """The most present of a user's sessions; `rank` orders them."""

    OFFLINE = "offline"
    HIDDEN = "hidden"
    IDLE = "idle"
    ACTIVE = "active"

    @property
    def rank(self) -> int:
        return _PRESENCE_RANK[self]


_PRESENCE_RANK = {name: rank for rank, name in enumerate(Presence)}


class Claims(msgspec.Struct, frozen=True, kw_only=True):
    """What a verified token says. `expires_at` is seconds since the epoch."""

    user_id: str
    expires_at: float
    issued_at: float | None = None
    token_id: str | None = None
    roles: tuple[str, ...] = ()
    traits: Mapping[str, Any] = {}
    is_anonymous: bool = False


class SessionPresence(msgspec.Struct, frozen=True, kw_only=True):
    """One session as presence shows it (PROTOCOL §3, `GET /v1/presence/{user}`)."""

    session: str
    platform: str | None
    app: str | None
    version: str | None
    page: str | None
    visibility: str
    activity: str
    since: datetime


class UserPresence(msgspec.Struct, frozen=True, kw_only=True):
    """One user as presence shows them; a user never seen is `online=False`, `last_seen=None`."""

    user: str
    online: bool
    state: Presence
    last_seen: datetime | None
    sessions: tuple[SessionPresence, ...] = ()


class Restriction(msgspec.Struct, frozen=True, kw_only=True):
    """What an admin decided about a user's tokens and connections.

    Args:
        blocked: refuse every connection (close code 4003).
        revoked_before: tokens issued before this moment (seconds since the epoch) no longer hold.
    """

    user_id: str
    blocked: bool = False
    revoked_before: float | None = None


class TokenRevocation(msgspec.Struct, frozen=True, kw_only=True):
    """One token, by its `jti`, that no longer holds; forgotten once it would have expired."""

    token_id: str
    expires_at: float
