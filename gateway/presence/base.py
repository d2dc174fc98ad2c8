"""The presence interface: who is online, in what state, on which nodes.

Presence is routing: an offline user must cost no publish. The final word is the node that owns
the socket, at write time.
"""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Protocol

import msgspec

from gateway.model.receipt import Tally
from gateway.model.user import UserPresence


class Census(msgspec.Struct, frozen=True, kw_only=True):
    """Everybody who is here, counted. A user is in the state of their most present session;
    platforms are counted by session."""

    users: int
    sessions: int
    by_state: Mapping[str, int]
    by_platform: Mapping[str, int]


class Presence(Protocol):
    """Which users are here. Never says offline while a connection is live."""

    async def enter(self, user_ids: Sequence[str]) -> None:
        """The first sessions of these users on this node have begun."""
        ...

    async def leave(self, users: Mapping[str, datetime]) -> None:
        """The last sessions of these users on this node have ended, each at the time given,
        which becomes their `last_seen`."""
        ...

    def online(self) -> Tally:
        """Distinct users and sessions online, as of the last count; costs nothing."""
        ...

    async def census(self) -> Census:
        """Counts over all nodes."""
        ...

    async def lookup(self, user_id: str) -> UserPresence:
        """One user with all sessions; also for a user never seen."""
        ...

    async def query(self, user_ids: Sequence[str]) -> Mapping[str, UserPresence]:
        """Many users at once, without their sessions; one entry for each that was asked."""
        ...
