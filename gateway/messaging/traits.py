"""Traits that clients set of themselves: only those that the deployment allows, written in batches.

Traits in a token always win over these, and nothing that decides about rights may be listed.
"""

from collections.abc import Collection, Mapping
from datetime import datetime
from typing import Any

from gateway.errors import BadInput, StoreUnavailable
from gateway.store.base import Store

MOST_TRAITS = 50
_MOST_WAITING = 10_000
"""Users whose traits may wait for the store; a client that asks beyond that is told to come back."""


class TraitBook:
    """Traits that are not in the store yet."""

    def __init__(self, store: Store, allowed: Collection[str]) -> None:
        self._store = store
        self._allowed = frozenset(allowed)
        self._waiting: dict[str, tuple[dict[str, Any], datetime]] = {}

    def note(self, user_id: str, traits: Mapping[str, Any], at: datetime) -> None:
        """Take traits of a user. Raises BadInput with code `trait_not_allowed`, `trait_value` or
        `busy`."""
        self._check(user_id, traits)
        known, _ = self._waiting.get(user_id, ({}, at))
        self._waiting[user_id] = (known | dict(traits), at)

    def _check(self, user_id: str, traits: Mapping[str, Any]) -> None:
        strange = sorted(set(traits) - self._allowed)
        if strange:
            names = ", ".join(name[:64] for name in strange[:5])
            raise BadInput(f"clients may not set: {names}", code="trait_not_allowed")
        if any(isinstance(value, dict) for value in traits.values()) or len(traits) > MOST_TRAITS:
            text = f"a trait is text, a number, true, false, null or a list; at most {MOST_TRAITS}"
            raise BadInput(text, code="trait_value")
        if len(self._waiting) >= _MOST_WAITING and user_id not in self._waiting:
            raise BadInput("too many traits wait to be stored; try again later", code="busy")

    async def flush(self) -> None:
        """Write what waits. Raises StoreUnavailable after putting the rest back."""
        waiting, self._waiting = self._waiting, {}
        while waiting:
            user_id, (traits, at) = waiting.popitem()
            try:
                await self._store.merge_traits(user_id, traits, at)
            except StoreUnavailable:
                waiting[user_id] = (traits, at)
                self._waiting = waiting | self._waiting
                raise
