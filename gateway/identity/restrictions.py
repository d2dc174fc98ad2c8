"""Who may not connect although their token holds: blocked users, revoked users and tokens.

This node's copy of what the store holds, so that a connect costs two look-ups and no query. It
decides nothing by itself: changes arrive from the store at the start, and as envelopes later.
"""

import asyncio

from gateway.broker.base import Envelope
from gateway.clock import Clock
from gateway.identity.claims import LEEWAY_SECONDS
from gateway.identity.refusals import TokenRefused
from gateway.model.user import Claims, Restriction, TokenRevocation
from gateway.store.base import Store

_SWEEP_AT = 1024
"""So many revoked tokens are never worth a sweep."""


class Restrictions:
    """All restrictions in force. `load` before use; `apply` for each change after."""

    def __init__(self, clock: Clock, token_max_lifetime: float) -> None:
        self._clock = clock
        self._longest = token_max_lifetime + LEEWAY_SECONDS
        self._users: dict[str, Restriction] = {}
        self._tokens: dict[str, float] = {}
        self._sweep_at = _SWEEP_AT
        self._late: list[Envelope] | None = None
        self._turn = asyncio.Lock()

    async def load(self, store: Store) -> None:
        """Take over what the store holds, and what happens while it is read."""
        async with self._turn:
            late: list[Envelope] = []
            self._late = late
            try:
                users = await store.restrictions()
                tokens = await store.token_revocations(self._clock.now())
            finally:
                self._late = None
            self._users = {user.user_id: user for user in users}
            self._tokens = {token.token_id: token.expires_at for token in tokens}
            for envelope in late:
                self._do(envelope)

    def check(self, claims: Claims) -> None:
        """Raises TokenRefused for a blocked user (closes with 4003), and for a revoked token, or
        one issued before all of its user's tokens were revoked (4302).

        A token that does not say when it was issued counts as old.
        """
        restriction = self._users.get(claims.user_id)
        if restriction is not None:
            _check_user(restriction, claims.issued_at)
        if claims.token_id is not None and claims.token_id in self._tokens:
            raise TokenRefused("token_revoked")

    def of_user(self, user_id: str) -> Restriction:
        """What is decided about a user now; an empty restriction for most."""
        return self._users.get(user_id) or Restriction(user_id=user_id)

    def revocation(self, token_id: str) -> TokenRevocation:
        """A revocation that outlasts the token, whenever that expires."""
        expires_at = self._clock.now().timestamp() + self._longest
        return TokenRevocation(token_id=token_id, expires_at=expires_at)

    def apply(self, envelope: Envelope) -> None:
        """Do what an envelope about a user says; verbs that restrict nothing are ignored."""
        if self._late is not None:
            self._late.append(envelope)
        self._do(envelope)

    def _do(self, envelope: Envelope) -> None:
        if envelope.verb == "revoke" and envelope.token_id is not None:
            revocation = self.revocation(envelope.token_id)
            self._tokens[revocation.token_id] = revocation.expires_at
            self._sweep()
        elif envelope.user_id is not None:
            self._do_to_user(envelope.user_id, envelope)

    def _do_to_user(self, user_id: str, envelope: Envelope) -> None:
        known = self.of_user(user_id)
        blocked, before = known.blocked, known.revoked_before
        if envelope.verb == "revoke" and envelope.before is not None:
            # Envelopes may come late or twice; a revocation is never taken back by an older one.
            before = max(before or 0, envelope.before)
        elif envelope.verb in ("block", "unblock"):
            blocked = envelope.verb == "block"
        if blocked or before is not None:
            restriction = Restriction(user_id=user_id, blocked=blocked, revoked_before=before)
            self._users[user_id] = restriction
        else:
            self._users.pop(user_id, None)

    def _sweep(self) -> None:
        """Forget tokens that have expired, once there are twice as many as the last time."""
        if len(self._tokens) < self._sweep_at:
            return
        now = self._clock.now().timestamp()
        self._tokens = {token: end for token, end in self._tokens.items() if end > now}
        self._sweep_at = max(_SWEEP_AT, 2 * len(self._tokens))


def _check_user(restriction: Restriction, issued_at: float | None) -> None:
    # Blocked first: that client is told to stop, not to come back with another token.
    if restriction.blocked:
        raise TokenRefused("user_blocked")
    before = restriction.revoked_before
    if before is not None and (issued_at is None or issued_at < before):
        raise TokenRefused("token_revoked")
