"""Messages, their revisions, the live set and what is muted. Plain functions of a connection.

A revision is never changed and never deleted; `messages` only points to the newest one.
"""

from collections.abc import Sequence
from typing import Any, Literal

import sqlalchemy as sa
from sqlalchemy import Connection

from gateway.errors import Conflict
from gateway.model.admin import Mute
from gateway.model.message import Kind, Message, State
from gateway.store.base import LiveState, Page
from gateway.store.cursors import BigInt, read_cursor, write_cursor
from gateway.store.schema import (
    live_set,
    message_revisions,
    message_tags,
    messages,
    mutes,
    to_microseconds,
)
from gateway.store.statements import insert, upsert

_ID = sa.bindparam("wanted_id", type_=sa.Text)

_newest = sa.select(message_revisions.c.document).join_from(
    messages,
    message_revisions,
    sa.and_(
        message_revisions.c.message_id == messages.c.id,
        message_revisions.c.revision == messages.c.revision,
    ),
)
_ONE = _newest.where(messages.c.id == _ID)
_LIVE = _newest.where(messages.c.state == State.LIVE.value).order_by(
    messages.c.created_at, messages.c.id
)
_REVISIONS = (
    sa.select(message_revisions.c.document)
    .where(message_revisions.c.message_id == _ID)
    .order_by(message_revisions.c.revision)
)
_LIVE_REVISION = sa.select(live_set.c.revision)
_RAISE_LIVE_REVISION = (
    sa.update(live_set).values(revision=live_set.c.revision + 1).returning(live_set.c.revision)
)
_ADD_REVISION = sa.insert(message_revisions)
_POINT_TO_NEWEST = upsert(
    messages,
    keep=["created_at"],
    only_if=insert(messages).excluded.revision > messages.c.revision,
)
_DROP_TAGS = sa.delete(message_tags).where(message_tags.c.message_id == _ID)
_ADD_TAGS = sa.insert(message_tags)
_MUTES = sa.select(mutes).order_by(mutes.c.kind)
_MUTE = upsert(mutes)
_UNMUTE = sa.delete(mutes).where(mutes.c.kind == sa.bindparam("wanted_kind"))


def live_state(connection: Connection) -> LiveState:
    """The live set, oldest message first."""
    return LiveState(
        revision=connection.execute(_LIVE_REVISION).scalar_one(),
        messages=tuple(connection.execute(_LIVE).scalars()),
        mutes=tuple(Mute(**row._mapping) for row in connection.execute(_MUTES)),
    )


def newest(connection: Connection, message_id: str) -> Message | None:
    """The newest revision of one message."""
    return connection.execute(_ONE, {"wanted_id": message_id}).scalar()


def revisions(connection: Connection, message_id: str) -> Sequence[Message]:
    """All revisions of one message, oldest first."""
    return connection.execute(_REVISIONS, {"wanted_id": message_id}).scalars().all()


def put(connection: Connection, message: Message) -> None:
    """Add a revision and point to it. Raises Conflict when it, or a later one, is there."""
    if not connection.execute(_POINT_TO_NEWEST, _head_of(message)).rowcount:
        text = f"Revision {message.revision} of {message.id} is not a new one; read it again."
        raise Conflict(text, code="revision_exists")
    revision = {"message_id": message.id, "revision": message.revision, "document": message}
    connection.execute(_ADD_REVISION, revision)
    if message.revision > 1:
        connection.execute(_DROP_TAGS, {"wanted_id": message.id})
    if message.tags:
        tags = [{"message_id": message.id, "tag": tag} for tag in dict.fromkeys(message.tags)]
        connection.execute(_ADD_TAGS, tags)


def _head_of(message: Message) -> dict[str, Any]:
    return {
        "id": message.id,
        "kind": message.kind.value,
        "state": message.state.value,
        "revision": message.revision,
        "created_at": message.created_at,
        "updated_at": message.updated_at,
    }


def raise_live_revision(connection: Connection) -> int:
    """Raise the live set's revision and return it."""
    revision: int = connection.execute(_RAISE_LIVE_REVISION).scalar_one()
    return revision


def put_mute(connection: Connection, mute: Mute) -> None:
    """Mute a kind; replaces an earlier mute of it."""
    values = {"kind": mute.kind, "at": mute.at, "by": mute.by, "reason": mute.reason}
    connection.execute(_MUTE, values)


def remove_mute(connection: Connection, kind: str) -> bool:
    """Unmute a kind; False when it was not muted."""
    return connection.execute(_UNMUTE, {"wanted_kind": kind}).rowcount > 0


def page(
    connection: Connection,
    *,
    state: State | None,
    kind: Kind | None,
    tag: str | None,
    cursor: str | None,
    limit: int,
) -> Page:
    """A page of newest revisions. Newest message first, so that new ones move no page."""
    query = _newest.order_by(messages.c.created_at.desc(), messages.c.id.desc()).limit(limit + 1)
    if state is not None:
        query = query.where(messages.c.state == state.value)
    if kind is not None:
        query = query.where(messages.c.kind == kind.value)
    if tag is not None:
        query = query.join(message_tags, message_tags.c.message_id == messages.c.id)
        query = query.where(message_tags.c.tag == tag)
    if cursor is not None:
        query = query.where(sa.tuple_(messages.c.created_at, messages.c.id) < _place(cursor))
    found: list[Message] = list(connection.execute(query).scalars())
    return Page(data=tuple(found[:limit]), next_cursor=_cursor(found, limit))


def _place(cursor: str) -> sa.Tuple:
    _, created_at, message_id = read_cursor(cursor, tuple[Literal["messages"], BigInt, str])
    return sa.tuple_(sa.literal(created_at, sa.BigInteger), sa.literal(message_id, sa.Text))


def _cursor(found: Sequence[Message], limit: int) -> str | None:
    if len(found) <= limit:
        return None
    last = found[limit - 1]
    return write_cursor(("messages", to_microseconds(last.created_at), last.id))
