"""Admin keys, the audit trail, idempotency records. Plain functions of a connection."""

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any, Literal

import msgspec
import sqlalchemy as sa
from sqlalchemy import Connection

from gateway.errors import Conflict
from gateway.model.admin import AdminKey, AuditEntry, Caller, IdempotencyRecord
from gateway.store.base import Page
from gateway.store.cursors import BigInt, read_cursor, write_cursor
from gateway.store.schema import Moment, admin_keys, audit, idempotency
from gateway.store.statements import upsert

# PROTOCOL §3: an Idempotency-Key holds for 24 h.
_IDEMPOTENCY_HOLDS = timedelta(hours=24)

_CUTOFF = sa.bindparam("cutoff", type_=Moment)

_KEYS = sa.select(admin_keys).order_by(admin_keys.c.created_at, admin_keys.c.id)
_PUT_KEY = upsert(admin_keys)
_WRITE_AUDIT = sa.insert(audit)
_CLAIM = upsert(idempotency, only_if=idempotency.c.created_at <= _CUTOFF)
_ANSWER = upsert(idempotency, keep=["created_at", "resource"])
_RECORD = sa.select(idempotency).where(
    idempotency.c.key == sa.bindparam("wanted_key"), idempotency.c.created_at > _CUTOFF
)
_FORGET = sa.delete(idempotency).where(idempotency.c.created_at <= _CUTOFF)


def keys(connection: Connection) -> Sequence[AdminKey]:
    """All keys, oldest first."""
    return [AdminKey(**row._mapping) for row in connection.execute(_KEYS)]


def put_key(connection: Connection, key: AdminKey) -> None:
    """Add or replace a key."""
    connection.execute(_PUT_KEY, msgspec.structs.asdict(key))


def write_audit(
    connection: Connection,
    caller: Caller,
    at: datetime,
    action: str,
    target: str,
    detail: Mapping[str, Any],
) -> None:
    """Add a line: who changed what."""
    values = {
        "at": at,
        "key_id": caller.key.id,
        "key_name": caller.key.name,
        "action": action,
        "target": target,
        "request_id": caller.request_id,
        "detail": detail,
    }
    connection.execute(_WRITE_AUDIT, values)


def audit_page(connection: Connection, target: str | None, cursor: str | None, limit: int) -> Page:
    """A page of the audit trail, newest first."""
    query = sa.select(audit).order_by(audit.c.id.desc()).limit(limit + 1)
    if target is not None:
        query = query.where(audit.c.target == target)
    if cursor is not None:
        query = query.where(audit.c.id < read_cursor(cursor, tuple[Literal["audit"], BigInt])[1])
    found = [AuditEntry(**row._mapping) for row in connection.execute(query)]
    has_more = len(found) > limit
    next_cursor = write_cursor(("audit", found[limit - 1].id)) if has_more else None
    return Page(data=tuple(found[:limit]), next_cursor=next_cursor)


def claim(connection: Connection, record: IdempotencyRecord) -> None:
    """Bind a key to a request. Raises Conflict when another request of 24 h holds it."""
    cutoff = {"cutoff": record.created_at - _IDEMPOTENCY_HOLDS}
    if not connection.execute(_CLAIM, msgspec.structs.asdict(record) | cutoff).rowcount:
        text = "This Idempotency-Key belongs to another request of the last 24 hours."
        raise Conflict(text, code="idempotency_key_in_use")


def answer(connection: Connection, record: IdempotencyRecord) -> None:
    """Keep the answer of a claimed request."""
    connection.execute(_ANSWER, msgspec.structs.asdict(record))


def record_of(connection: Connection, key: str, now: datetime) -> IdempotencyRecord | None:
    """What is known of a key."""
    wanted = {"wanted_key": key, "cutoff": now - _IDEMPOTENCY_HOLDS}
    row = connection.execute(_RECORD, wanted).one_or_none()
    return None if row is None else IdempotencyRecord(**row._mapping)


def forget_records(connection: Connection, now: datetime) -> None:
    """Drop records that no longer hold."""
    connection.execute(_FORGET, {"cutoff": now - _IDEMPOTENCY_HOLDS})
