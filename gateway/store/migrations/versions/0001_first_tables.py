"""First tables."""

import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision = None

_COUNTER = sa.BigInteger().with_variant(sa.Integer, "sqlite")


def _text(name: str, *, null: bool = False) -> "sa.Column[str]":
    return sa.Column(name, sa.Text, nullable=null)


def _number(name: str, *, null: bool = False) -> "sa.Column[int]":
    return sa.Column(name, sa.BigInteger, nullable=null)


def upgrade() -> None:
    _create_live_set()
    _create_messages()
    _create_message_parts()
    _create_receipts()
    _create_people()
    _create_admin()


def _create_live_set() -> None:
    live_set = op.create_table(
        "live_set",
        sa.Column("id", sa.Integer, autoincrement=False),
        _number("revision"),
        sa.PrimaryKeyConstraint("id", name="live_set_key"),
    )
    op.bulk_insert(live_set, [{"id": 1, "revision": 0}])
    op.create_table(
        "mutes",
        _text("kind"),
        _number("at"),
        _text("by"),
        _text("reason", null=True),
        sa.PrimaryKeyConstraint("kind", name="mutes_key"),
    )


def _create_messages() -> None:
    op.create_table(
        "messages",
        _text("id"),
        _text("kind"),
        _text("state"),
        _number("revision"),
        _number("created_at"),
        _number("updated_at"),
        sa.PrimaryKeyConstraint("id", name="messages_key"),
    )
    op.create_index("messages_by_created_at_id", "messages", ["created_at", "id"])
    op.create_index("messages_by_state_created_at_id", "messages", ["state", "created_at", "id"])


def _create_message_parts() -> None:
    op.create_table(
        "message_tags",
        _text("message_id"),
        _text("tag"),
        sa.PrimaryKeyConstraint("message_id", "tag", name="message_tags_key"),
        sa.ForeignKeyConstraint(["message_id"], ["messages.id"], name="message_tags_of_messages"),
        sqlite_with_rowid=False,
    )
    op.create_index("message_tags_by_tag_message_id", "message_tags", ["tag", "message_id"])
    op.create_table(
        "message_revisions",
        _text("message_id"),
        sa.Column("revision", sa.BigInteger, autoincrement=False),
        _text("document"),
        sa.PrimaryKeyConstraint("message_id", "revision", name="message_revisions_key"),
        sa.ForeignKeyConstraint(
            ["message_id"], ["messages.id"], name="message_revisions_of_messages"
        ),
    )


def _create_receipts() -> None:
    op.create_table(
        "receipts",
        _text("message_id"),
        _text("user_id"),
        _text("stage"),
        _number("first_at"),
        _number("last_at"),
        _number("revision"),
        _number("sessions"),
        _text("action", null=True),
        _text("reason", null=True),
        sa.PrimaryKeyConstraint("message_id", "user_id", "stage", name="receipts_key"),
        sqlite_with_rowid=False,
    )
    op.create_table(
        "sent_rosters",
        sa.Column("id", _COUNTER),
        _text("message_id"),
        _text("users"),
        _number("user_count"),
        _number("sessions"),
        sa.PrimaryKeyConstraint("id", name="sent_rosters_key"),
    )
    op.create_index("sent_rosters_by_message_id", "sent_rosters", ["message_id"])


def _create_people() -> None:
    op.create_table(
        "users",
        _text("id"),
        _number("last_seen_at", null=True),
        _text("traits", null=True),
        _number("traits_at", null=True),
        sa.PrimaryKeyConstraint("id", name="users_key"),
        sqlite_with_rowid=False,
    )
    op.create_table(
        "restrictions",
        _text("user_id"),
        sa.Column("blocked", sa.Boolean, nullable=False),
        sa.Column("revoked_before", sa.Double),
        sa.PrimaryKeyConstraint("user_id", name="restrictions_key"),
    )
    op.create_table(
        "token_revocations",
        _text("token_id"),
        sa.Column("expires_at", sa.Double, nullable=False),
        sa.PrimaryKeyConstraint("token_id", name="token_revocations_key"),
    )


def _create_admin() -> None:
    op.create_table(
        "admin_keys",
        _text("id"),
        _text("name"),
        _text("hash"),
        _text("scopes"),
        _number("created_at"),
        _text("owner", null=True),
        _text("contact", null=True),
        _number("revoked_at", null=True),
        sa.PrimaryKeyConstraint("id", name="admin_keys_key"),
    )
    op.create_table(
        "audit",
        sa.Column("id", _COUNTER),
        _number("at"),
        _text("key_id"),
        _text("key_name"),
        _text("action"),
        _text("target"),
        _text("request_id"),
        _text("detail"),
        sa.PrimaryKeyConstraint("id", name="audit_key"),
        sqlite_autoincrement=True,
    )
    op.create_index("audit_by_target_id", "audit", ["target", "id"])
    op.create_table(
        "idempotency",
        _text("key"),
        _text("fingerprint"),
        _number("created_at"),
        _text("resource", null=True),
        sa.Column("status", sa.Integer, nullable=False),
        _text("headers"),
        sa.Column("body", sa.LargeBinary, nullable=False),
        sa.PrimaryKeyConstraint("key", name="idempotency_key"),
    )
    op.create_index("idempotency_by_created_at", "idempotency", ["created_at"])
