"""What an admin may do to a user's connections and tokens."""

from collections.abc import Mapping
from typing import Any

from gateway.broker.base import Broker, Delivery, Envelope, Topic
from gateway.clock import Clock
from gateway.model.admin import Caller
from gateway.model.user import Restriction, TokenRevocation
from gateway.identity.restrictions import Restrictions
from gateway.store.base import Change, Store

_LONGEST_TOKEN_SECONDS = 30 * 86_400.0
"""How long a revoked `jti` is remembered when nothing tells when its token ends."""


class People:
    """Disconnect, revoke, block; each returns how many sessions were closed by it."""

    def __init__(
        self,
        store: Store,
        broker: Broker,
        restrictions: Restrictions,
        clock: Clock,
        node_id: str,
        token_lifetime: float = _LONGEST_TOKEN_SECONDS,
    ) -> None:
        self._store = store
        self._broker = broker
        self._restrictions = restrictions
        self._clock = clock
        self._node_id = node_id
        self._token_lifetime = token_lifetime

    async def disconnect(self, caller: Caller, user_id: str) -> int:
        """Close every session of the user with 4007; they may connect again by themselves."""
        async with self._store.change(caller, "user.disconnect", user_id):
            pass  # nothing but the audit line
        return await self._tell(Envelope(
            topic=Topic.USER, node=self._node_id, user_id=user_id, verb="disconnect"
        ))

    async def revoke(self, caller: Caller, user_id: str, token_id: str | None = None) -> int:
        """Void all tokens issued so far, or the one with this `jti`; close their sessions with
        4302, so that clients fetch a new token."""
        now = self._clock.now().timestamp()
        detail: Mapping[str, Any] = {"token_id": token_id} if token_id else {}
        async with self._store.change(caller, "user.revoke", user_id, detail) as change:
            if token_id is None:
                await change.put_restriction(self._revoked_before(user_id, now))
            else:
                await self._put_revocation(change, token_id, now)
        return await self._tell(Envelope(
            topic=Topic.USER,
            node=self._node_id,
            user_id=user_id,
            verb="revoke",
            token_id=token_id,
            before=now if token_id is None else now + self._token_lifetime,
        ))

    def _revoked_before(self, user_id: str, now: float) -> Restriction:
        known = self._restrictions.of(user_id)
        return Restriction(user_id=user_id, blocked=known.blocked, revoked_before=now)

    async def _put_revocation(self, change: Change, token_id: str, now: float) -> None:
        ends = now + self._token_lifetime
        await change.put_token_revocation(TokenRevocation(token_id=token_id, expires_at=ends))

    async def block(self, caller: Caller, user_id: str, blocked: bool = True) -> int:
        """Refuse the user until unblocked; close their sessions with 4003."""
        verb = "block" if blocked else "unblock"
        known = self._restrictions.of(user_id)
        restriction = Restriction(
            user_id=user_id, blocked=blocked, revoked_before=known.revoked_before
        )
        async with self._store.change(caller, f"user.{verb}", user_id) as change:
            await change.put_restriction(restriction)
        return await self._tell(
            Envelope(topic=Topic.USER, node=self._node_id, user_id=user_id, verb=verb)
        )

    async def _tell(self, envelope: Envelope) -> int:
        delivery: Delivery = await self._broker.publish(envelope)
        return delivery.sessions
