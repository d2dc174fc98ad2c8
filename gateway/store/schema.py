"""The tables, and how values rest in them. Knows nothing of connections or of how rows are used.

Moments are whole microseconds since 1970 (exact, and they sort as numbers); values with structure
are JSON text as msgspec writes it. A change here needs a revision in `migrations/versions`, a
file that begins with the next four digits; a test holds the two together.
"""

from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import Any

import msgspec
import sqlalchemy as sa
from sqlalchemy.types import TypeDecorator

from gateway.model.admin import Scope
from gateway.model.message import Message

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MICROSECOND = timedelta(microseconds=1)
_encode = msgspec.json.Encoder().encode


def to_microseconds(at: datetime) -> int:
    """The moment as a whole number."""
    return (at - _EPOCH) // _MICROSECOND


def to_moment(microseconds: int) -> datetime:
    """The moment of a whole number, in UTC."""
    return _EPOCH + timedelta(microseconds=microseconds)


class Moment(TypeDecorator[datetime]):
    """A point in time."""

    impl = sa.BigInteger
    cache_ok = True

    def process_bind_param(self, value: datetime | None, dialect: sa.Dialect) -> int | None:
        return None if value is None else to_microseconds(value)

    def process_result_value(self, value: int | None, dialect: sa.Dialect) -> datetime | None:
        return None if value is None else to_moment(value)


class Json(TypeDecorator[Any]):
    """A value of one type, as JSON text; what is read is validated against that type."""

    impl = sa.Text
    cache_ok = True

    def __init__(self, kind: Any) -> None:
        super().__init__()
        self.kind = kind
        self._decode = msgspec.json.Decoder(kind).decode

    def process_bind_param(self, value: Any, dialect: sa.Dialect) -> str | None:
        return None if value is None else _encode(value).decode()

    def process_result_value(self, value: str | None, dialect: sa.Dialect) -> Any:
        return None if value is None else self._decode(value)


# A counting key: SQLite counts only a column that is declared INTEGER.
_Counter = sa.BigInteger().with_variant(sa.Integer, "sqlite")

metadata = sa.MetaData(
    naming_convention={
        "ix": "%(table_name)s_by_%(column_0_N_name)s",
        "pk": "%(table_name)s_key",
        "uq": "%(table_name)s_one_%(column_0_N_name)s",
        "fk": "%(table_name)s_of_%(referred_table_name)s",
    }
)

# One row: the live set's revision.
live_set = sa.Table(
    "live_set",
    metadata,
    sa.Column("id", sa.Integer, primary_key=True, autoincrement=False),
    sa.Column("revision", sa.BigInteger, nullable=False),
)

# The newest revision of each message, with what lists filter and sort by.
messages = sa.Table(
    "messages",
    metadata,
    sa.Column("id", sa.Text, primary_key=True),
    sa.Column("kind", sa.Text, nullable=False),
    sa.Column("state", sa.Text, nullable=False),
    sa.Column("revision", sa.BigInteger, nullable=False),
    sa.Column("created_at", Moment, nullable=False),
    sa.Column("updated_at", Moment, nullable=False),
    sa.Index(None, "created_at", "id"),
    sa.Index(None, "state", "created_at", "id"),
)

message_tags = sa.Table(
    "message_tags",
    metadata,
    sa.Column("message_id", sa.Text, sa.ForeignKey("messages.id"), primary_key=True),
    sa.Column("tag", sa.Text, primary_key=True),
    sa.Index(None, "tag", "message_id"),
    sqlite_with_rowid=False,
)

# Never updated, never deleted.
message_revisions = sa.Table(
    "message_revisions",
    metadata,
    sa.Column("message_id", sa.Text, sa.ForeignKey("messages.id"), primary_key=True),
    sa.Column("revision", sa.BigInteger, primary_key=True, autoincrement=False),
    sa.Column("document", Json(Message), nullable=False),
)

mutes = sa.Table(
    "mutes",
    metadata,
    sa.Column("kind", sa.Text, primary_key=True),
    sa.Column("at", Moment, nullable=False),
    sa.Column("by", sa.Text, nullable=False),
    sa.Column("reason", sa.Text),
)

# No foreign key here and below: a late receipt must never cost its whole batch.
receipts = sa.Table(
    "receipts",
    metadata,
    sa.Column("message_id", sa.Text, primary_key=True),
    sa.Column("user_id", sa.Text, primary_key=True),
    sa.Column("stage", sa.Text, primary_key=True),
    sa.Column("first_at", Moment, nullable=False),
    sa.Column("last_at", Moment, nullable=False),
    sa.Column("revision", sa.BigInteger, nullable=False),
    sa.Column("sessions", sa.BigInteger, nullable=False),
    sa.Column("action", sa.Text),
    sa.Column("reason", sa.Text),
    sqlite_with_rowid=False,
)

# Who was sent a message, a chunk for each flush. Nodes name a user once, so chunks are disjoint.
sent_rosters = sa.Table(
    "sent_rosters",
    metadata,
    sa.Column("id", _Counter, primary_key=True),
    sa.Column("message_id", sa.Text, nullable=False),
    sa.Column("users", Json(list[str]), nullable=False),
    sa.Column("user_count", sa.BigInteger, nullable=False),
    sa.Column("sessions", sa.BigInteger, nullable=False),
    sa.Index(None, "message_id"),
)

users = sa.Table(
    "users",
    metadata,
    sa.Column("id", sa.Text, primary_key=True),
    sa.Column("last_seen_at", Moment),
    sa.Column("traits", Json(dict[str, Any])),
    sa.Column("traits_at", Moment),
    sqlite_with_rowid=False,
)

restrictions = sa.Table(
    "restrictions",
    metadata,
    sa.Column("user_id", sa.Text, primary_key=True),
    sa.Column("blocked", sa.Boolean, nullable=False),
    sa.Column("revoked_before", sa.Double),
)

token_revocations = sa.Table(
    "token_revocations",
    metadata,
    sa.Column("token_id", sa.Text, primary_key=True),
    sa.Column("expires_at", sa.Double, nullable=False),
)

admin_keys = sa.Table(
    "admin_keys",
    metadata,
    sa.Column("id", sa.Text, primary_key=True),
    sa.Column("name", sa.Text, nullable=False),
    sa.Column("hash", sa.Text, nullable=False),
    sa.Column("scopes", Json(frozenset[Scope]), nullable=False),
    sa.Column("created_at", Moment, nullable=False),
    sa.Column("owner", sa.Text),
    sa.Column("contact", sa.Text),
    sa.Column("revoked_at", Moment),
)

audit = sa.Table(
    "audit",
    metadata,
    sa.Column("id", _Counter, primary_key=True),
    sa.Column("at", Moment, nullable=False),
    sa.Column("key_id", sa.Text, nullable=False),
    sa.Column("key_name", sa.Text, nullable=False),
    sa.Column("action", sa.Text, nullable=False),
    sa.Column("target", sa.Text, nullable=False),
    sa.Column("request_id", sa.Text, nullable=False),
    sa.Column("detail", Json(Mapping[str, Any]), nullable=False),
    sa.Index(None, "target", "id"),
    sqlite_autoincrement=True,
)

idempotency = sa.Table(
    "idempotency",
    metadata,
    sa.Column("key", sa.Text, primary_key=True),
    sa.Column("fingerprint", sa.Text, nullable=False),
    sa.Column("created_at", Moment, nullable=False),
    sa.Column("resource", sa.Text),
    sa.Column("status", sa.Integer, nullable=False),
    sa.Column("headers", Json(Mapping[str, str]), nullable=False),
    sa.Column("body", sa.LargeBinary, nullable=False),
    sa.Index(None, "created_at"),
)
