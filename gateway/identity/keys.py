"""Admin keys: made once, shown once, stored as a hash."""

from collections.abc import Sequence

from gateway.model.admin import AdminKey, Caller, Scope


class Keys:
    """All admin keys, cached in memory; reloaded after each change."""

    async def load(self) -> None:
        """Read the keys from the store."""
        raise NotImplementedError

    def authenticate(self, secret: str) -> AdminKey:
        """The key with this secret, in constant time. Raises Unauthenticated with code
        `key_missing`, `key_unknown` or `key_revoked`."""
        raise NotImplementedError

    async def create(
        self,
        caller: Caller,
        name: str,
        scopes: frozenset[Scope],
        owner: str | None = None,
        contact: str | None = None,
    ) -> tuple[AdminKey, str]:
        """Make a key; the second value is its secret, told only now."""
        raise NotImplementedError

    async def revoke(self, caller: Caller, key_id: str) -> AdminKey:
        """End a key at once. Raises NotFound."""
        raise NotImplementedError

    def list(self) -> Sequence[AdminKey]:
        """All keys, revoked ones too, oldest first."""
        raise NotImplementedError
