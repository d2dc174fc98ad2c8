"""What is kept of people: when they were here, traits, what admins decided about them and their
tokens. Plain functions of a connection.
"""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

import sqlalchemy as sa
from sqlalchemy import Connection

from gateway.model.user import Restriction, TokenRevocation
from gateway.store.schema import restrictions, to_microseconds, token_revocations, users
from gateway.store.statements import batch, each_of_batch, insert_batch, upsert

_SEE = insert_batch(users, ["id", "last_seen_at"])
_PUT_LAST_SEEN = _SEE.on_conflict_do_update(
    index_elements=["id"],
    set_={"last_seen_at": _SEE.excluded.last_seen_at},
    where=sa.func.coalesce(users.c.last_seen_at, 0) < _SEE.excluded.last_seen_at,
)
_LAST_SEEN = sa.select(users.c.id, users.c.last_seen_at).where(
    users.c.id.in_(sa.select(each_of_batch().c.value)), users.c.last_seen_at.is_not(None)
)
_TRAITS = sa.select(users.c.traits).where(users.c.id == sa.bindparam("wanted_id"))
_PUT_TRAITS = upsert(users, keep=["last_seen_at"])
_RESTRICTIONS = (
    sa.select(restrictions)
    .where(sa.or_(restrictions.c.blocked, restrictions.c.revoked_before.is_not(None)))
    .order_by(restrictions.c.user_id)
)
_RESTRICT = upsert(restrictions)
_REVOCATIONS = (
    sa.select(token_revocations)
    .where(token_revocations.c.expires_at > sa.bindparam("moment"))
    .order_by(token_revocations.c.token_id)
)
_REVOKE = upsert(token_revocations)
_FORGET_REVOCATIONS = sa.delete(token_revocations).where(
    token_revocations.c.expires_at <= sa.bindparam("moment")
)


def put_last_seen(connection: Connection, seen: Mapping[str, datetime]) -> None:
    """Remember when users were last here; an older moment changes nothing."""
    rows = ((user, to_microseconds(at)) for user, at in seen.items())
    connection.execute(_PUT_LAST_SEEN, batch(rows))


def last_seen(connection: Connection, user_ids: Sequence[str]) -> Mapping[str, datetime]:
    """When those users were last here, of those who ever were."""
    found = connection.execute(_LAST_SEEN, batch(user_ids))
    return dict(found.all())


def merge_traits(
    connection: Connection, user_id: str, changes: Mapping[str, Any], at: datetime
) -> None:
    """Lay the changes over what is known; None removes a trait."""
    merged = {**(traits(connection, user_id) or {}), **changes}
    kept = {name: value for name, value in merged.items() if value is not None}
    values = {"id": user_id, "last_seen_at": None, "traits": kept, "traits_at": at}
    connection.execute(_PUT_TRAITS, values)


def traits(connection: Connection, user_id: str) -> Mapping[str, Any] | None:
    """A user's traits; empty for one who was only ever seen, None for one never heard of."""
    row = connection.execute(_TRAITS, {"wanted_id": user_id}).one_or_none()
    return None if row is None else row.traits or {}


def in_force(connection: Connection) -> Sequence[Restriction]:
    """Restrictions that restrict something."""
    return [Restriction(**row._mapping) for row in connection.execute(_RESTRICTIONS)]


def restrict(connection: Connection, restriction: Restriction) -> None:
    """Replace what was decided about a user."""
    values = {
        "user_id": restriction.user_id,
        "blocked": restriction.blocked,
        "revoked_before": restriction.revoked_before,
    }
    connection.execute(_RESTRICT, values)


def revocations(connection: Connection, now: datetime) -> Sequence[TokenRevocation]:
    """Revoked tokens that would still be good."""
    found = connection.execute(_REVOCATIONS, {"moment": now.timestamp()})
    return [TokenRevocation(**row._mapping) for row in found]


def revoke(connection: Connection, revocation: TokenRevocation) -> None:
    """Remember a token that no longer holds."""
    values = {"token_id": revocation.token_id, "expires_at": revocation.expires_at}
    connection.execute(_REVOKE, values)


def forget_revocations(connection: Connection, now: datetime) -> None:
    """Drop revoked tokens that have expired anyway."""
    connection.execute(_FORGET_REVOCATIONS, {"moment": now.timestamp()})
