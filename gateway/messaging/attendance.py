"""Who comes and goes: told to presence in bulk, on change only, never once per connection.

A user who comes back before the batch is written was never away.
"""

from datetime import datetime

from gateway.errors import DependencyDown
from gateway.presence.base import Presence


class Attendance:
    """First arrivals and last departures that presence does not know yet."""

    def __init__(self, presence: Presence) -> None:
        self._presence = presence
        self._entered: dict[str, None] = {}
        self._left: dict[str, datetime] = {}

    def note_entered(self, user_id: str) -> None:
        """The user's first session on this node has begun."""
        if self._left.pop(user_id, None) is None:
            self._entered[user_id] = None

    def note_left(self, user_id: str, at: datetime) -> None:
        """The user's last session on this node has ended."""
        self._entered.pop(user_id, None)
        self._left[user_id] = at

    async def flush(self) -> None:
        """Tell presence. Raises DependencyDown after keeping what could not be told."""
        entered, self._entered = self._entered, {}
        left, self._left = self._left, {}
        try:
            if entered:
                await self._presence.enter(list(entered))
            if left:
                await self._presence.leave(left)
        except DependencyDown:
            self._entered = entered | self._entered
            self._left = {u: at for u, at in left.items() if u not in self._entered} | self._left
            raise
