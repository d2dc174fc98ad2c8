"""Who changed what: admin keys, the caller of an operation, the audit trail."""

from collections.abc import Mapping
from datetime import datetime
from enum import StrEnum
from typing import Any

import msgspec


class Scope(StrEnum):
    """What an admin key may do (PROTOCOL §3). `admin` includes all others."""

    BANNER_WRITE = "banner:write"
    MESSAGE_WRITE = "message:write"
    READ = "read"
    INGEST = "ingest"
    PRESENCE = "presence"
    ADMIN = "admin"


class AdminKey(msgspec.Struct, frozen=True, kw_only=True):
    """A key as stored: never the secret, only its SHA-256 in hex."""

    id: str
    name: str
    hash: str
    scopes: frozenset[Scope]
    created_at: datetime
    owner: str | None = None
    contact: str | None = None
    revoked_at: datetime | None = None

    def may(self, scope: Scope) -> bool:
        """True when the key carries the scope, or `admin`."""
        return scope in self.scopes or Scope.ADMIN in self.scopes


class IdempotencyClaim(msgspec.Struct, frozen=True, kw_only=True):
    """The caller's Idempotency-Key, bound to the request it came with.

    Args:
        key: unique over admin keys: `<admin key id>:<Idempotency-Key>`.
        fingerprint: SHA-256 in hex over method, path, query and body.
    """

    key: str
    fingerprint: str


class Caller(msgspec.Struct, frozen=True, kw_only=True):
    """Who asks for an operation, and in which request."""

    key: AdminKey
    request_id: str
    idempotency: IdempotencyClaim | None = None


class IdempotencyRecord(msgspec.Struct, frozen=True, kw_only=True):
    """What happened to an Idempotency-Key. `status` is 0 until the answer was recorded.

    `resource` names what the accepted write made (a message id), so that an answer lost in a
    crash can be built again.
    """

    key: str
    fingerprint: str
    created_at: datetime
    resource: str | None = None
    status: int = 0
    headers: Mapping[str, str] = {}
    body: bytes = b""


class AuditEntry(msgspec.Struct, frozen=True, kw_only=True):
    """One change: who, when, what. `detail` never holds a secret or a message's text."""

    id: int
    at: datetime
    key_id: str
    key_name: str
    action: str
    target: str
    request_id: str
    detail: Mapping[str, Any] = {}


class Mute(msgspec.Struct, frozen=True, kw_only=True):
    """The kill switch for a kind, or for `all`."""

    kind: str
    at: datetime
    by: str
    reason: str | None = None
