"""What an admin may do to a user's connections and tokens."""

from msgspec import structs

from gateway.broker.base import Broker, Envelope, Topic
from gateway.clock import Clock
from gateway.identity.restrictions import Restrictions
from gateway.messaging.whole import whole
from gateway.model.admin import Caller
from gateway.store.base import Store


class People:
    """Disconnect, revoke, block; each returns how many sessions were closed by it."""

    def __init__(
        self,
        store: Store,
        broker: Broker,
        restrictions: Restrictions,
        clock: Clock,
        node_id: str,
    ) -> None:
        self._store = store
        self._broker = broker
        self._restrictions = restrictions
        self._clock = clock
        self._node_id = node_id

    @whole
    async def disconnect(self, caller: Caller, user_id: str) -> int:
        """Close every session of the user with 4007; they may connect again by themselves."""
        async with self._store.change(caller, "user.disconnect", user_id):
            pass  # nothing but the audit line
        return await self._tell(user_id, "disconnect")

    @whole
    async def revoke(self, caller: Caller, user_id: str, token_id: str | None = None) -> int:
        """Void all tokens issued so far, or the one with this `jti`; close their sessions with
        4302, so that clients fetch a new token."""
        now = self._clock.now().timestamp()
        detail = {"token_id": token_id} if token_id else None
        async with self._store.change(caller, "user.revoke", user_id, detail) as change:
            if token_id is not None:
                await change.put_token_revocation(self._restrictions.revocation(token_id))
            else:
                known = self._restrictions.of_user(user_id)
                await change.put_restriction(structs.replace(known, revoked_before=now))
        return await self._tell(user_id, "revoke", token_id=token_id, before=now)

    @whole
    async def block(self, caller: Caller, user_id: str, blocked: bool = True) -> int:
        """Refuse the user until unblocked; close their sessions with 4003."""
        verb = "block" if blocked else "unblock"
        async with self._store.change(caller, f"user.{verb}", user_id) as change:
            known = self._restrictions.of_user(user_id)
            await change.put_restriction(structs.replace(known, blocked=blocked))
        return await self._tell(user_id, verb)

    async def _tell(
        self, user_id: str, verb: str, token_id: str | None = None, before: float | None = None
    ) -> int:
        envelope = Envelope(
            topic=Topic.USER,
            node=self._node_id,
            user_id=user_id,
            verb=verb,
            token_id=token_id,
            before=before,
        )
        # At once, before the next transaction reads what is known: a block and a revocation at the
        # same moment must not undo each other in the store.
        self._restrictions.apply(envelope)
        delivery = await self._broker.publish(envelope)
        return delivery.sessions
