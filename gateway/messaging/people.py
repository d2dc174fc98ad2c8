"""What an admin may do to a user's connections and tokens."""

from gateway.model.admin import Caller


class People:
    """Disconnect, revoke, block; each returns how many sessions were closed by it."""

    async def disconnect(self, caller: Caller, user_id: str) -> int:
        """Close every session of the user with 4007; they may connect again by themselves."""
        raise NotImplementedError

    async def revoke(self, caller: Caller, user_id: str, token_id: str | None = None) -> int:
        """Void all tokens issued so far, or the one with this `jti`; close their sessions with
        4302, so that clients fetch a new token."""
        raise NotImplementedError

    async def block(self, caller: Caller, user_id: str, blocked: bool = True) -> int:
        """Refuse the user until unblocked; close their sessions with 4003."""
        raise NotImplementedError
