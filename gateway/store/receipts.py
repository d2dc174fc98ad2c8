"""Receipts and reach: who came how far with a message. Plain functions of a connection.

A row is one user at one stage of one message; it merges whatever is said of it, in any order.
What sockets took is kept apart, as rosters: a line per flush, not a row per user.
"""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Literal

import sqlalchemy as sa
from sqlalchemy import Connection

from gateway.model.receipt import Receipt, Stage, Tally
from gateway.store.base import Page, Sent
from gateway.store.cursors import read_cursor, write_cursor
from gateway.store.schema import receipts, sent_rosters, to_microseconds
from gateway.store.statements import Insert, batch, insert_batch

_COLUMNS = (
    "message_id",
    "user_id",
    "stage",
    "first_at",
    "last_at",
    "revision",
    "sessions",
    "action",
    "reason",
)


def _merge() -> Insert:
    """A user counts once: the first and the last time, the newest revision and its words."""
    statement = insert_batch(receipts, _COLUMNS)
    known, new = receipts.c, statement.excluded
    is_newer = new.last_at >= known.last_at

    def newer_word(name: str) -> sa.ColumnElement[Any]:
        newer, older = (
            sa.func.coalesce(new[name], known[name]),
            sa.func.coalesce(known[name], new[name]),
        )
        return sa.case((is_newer, newer), else_=older)

    changes = {
        "first_at": sa.case((new.first_at < known.first_at, new.first_at), else_=known.first_at),
        "last_at": sa.case((is_newer, new.last_at), else_=known.last_at),
        "revision": sa.case((new.revision > known.revision, new.revision), else_=known.revision),
        "sessions": known.sessions + new.sessions,
        "action": newer_word("action"),
        "reason": newer_word("reason"),
    }
    return statement.on_conflict_do_update(
        index_elements=["message_id", "user_id", "stage"], set_=changes
    )


_OF_MESSAGE = receipts.c.message_id == sa.bindparam("wanted_id")
_SENT_OF_MESSAGE = sent_rosters.c.message_id == sa.bindparam("wanted_id")

_ADD_RECEIPTS = _merge()
_ADD_SENT = sa.insert(sent_rosters)
_TALLIES = (
    sa.select(receipts.c.stage, sa.func.count(), sa.func.sum(receipts.c.sessions))
    .where(_OF_MESSAGE)
    .group_by(receipts.c.stage)
)
_SENT_TALLY = sa.select(
    sa.func.count(), sa.func.sum(sent_rosters.c.user_count), sa.func.sum(sent_rosters.c.sessions)
).where(_SENT_OF_MESSAGE)
_SUPPRESSIONS = (
    sa.select(sa.func.coalesce(receipts.c.reason, ""), sa.func.count())
    .where(_OF_MESSAGE, receipts.c.stage == Stage.SUPPRESSED.value)
    .group_by(receipts.c.reason)
)
_ROSTERS = sa.select(sent_rosters.c.users).where(_SENT_OF_MESSAGE)
_USERS_AT = sa.select(receipts.c.user_id, receipts.c.revision).where(
    _OF_MESSAGE, receipts.c.stage == sa.bindparam("wanted_stage")
)
_PAGE = (
    sa.select(receipts)
    .where(_OF_MESSAGE)
    .order_by(receipts.c.user_id, receipts.c.stage)
    .limit(sa.bindparam("at_most"))
)
_PAGE_AFTER = _PAGE.where(
    sa.tuple_(receipts.c.user_id, receipts.c.stage)
    > sa.tuple_(sa.bindparam("after_user"), sa.bindparam("after_stage"))
)


def add(connection: Connection, new: Sequence[Receipt], sent: Mapping[str, Sent]) -> None:
    """Merge a batch of receipts, and keep what sockets took."""
    if new:
        connection.execute(_ADD_RECEIPTS, batch(_rows(new)))
    if sent:
        connection.execute(_ADD_SENT, [_roster(*item) for item in sent.items()])


def _rows(new: Sequence[Receipt]) -> Iterator[tuple[Any, ...]]:
    for one in new:
        at = to_microseconds(one.at)
        yield (
            one.message_id,
            one.user_id,
            one.stage.value,
            at,
            at,
            one.revision,
            one.sessions,
            one.action,
            one.reason,
        )


def _roster(message_id: str, sent: Sent) -> dict[str, Any]:
    return {
        "message_id": message_id,
        "users": sent.users,
        "user_count": len(sent.users),
        "sessions": sent.sessions,
    }


def tallies(connection: Connection, message_id: str) -> Mapping[str, Tally]:
    """Counts by stage, and under `sent` what sockets took."""
    wanted = {"wanted_id": message_id}
    counts = {
        stage: Tally(users=users, sessions=int(sessions))
        for stage, users, sessions in connection.execute(_TALLIES, wanted)
    }
    rosters, users, sessions = connection.execute(_SENT_TALLY, wanted).one()
    if rosters:
        counts["sent"] = Tally(users=int(users), sessions=int(sessions))
    return counts


def suppressions(connection: Connection, message_id: str) -> Mapping[str, int]:
    """Users by the reason why they were not shown the message."""
    found = connection.execute(_SUPPRESSIONS, {"wanted_id": message_id})
    return dict(found.all())


def sent_users(connection: Connection, message_id: str) -> frozenset[str]:
    """Everybody whose socket took the message."""
    rosters = connection.execute(_ROSTERS, {"wanted_id": message_id}).scalars()
    return frozenset().union(*rosters)


def users_at(connection: Connection, message_id: str, stage: Stage) -> Mapping[str, int]:
    """User → newest revision with that stage."""
    wanted = {"wanted_id": message_id, "wanted_stage": stage.value}
    return dict(connection.execute(_USERS_AT, wanted).all())


def page(connection: Connection, message_id: str, cursor: str | None, limit: int) -> Page:
    """A page of receipts, ordered by user, then stage."""
    wanted: dict[str, Any] = {"wanted_id": message_id, "at_most": limit + 1}
    query = _PAGE
    if cursor is not None:
        query = _PAGE_AFTER
        _, user, stage = read_cursor(cursor, tuple[Literal["receipts"], str, str])
        wanted |= {"after_user": user, "after_stage": stage}
    found = [_receipt(row) for row in connection.execute(query, wanted)]
    return Page(data=tuple(found[:limit]), next_cursor=_cursor(found, limit))


def _receipt(row: "sa.Row[Any]") -> Receipt:
    return Receipt(
        message_id=row.message_id,
        user_id=row.user_id,
        stage=Stage(row.stage),
        revision=row.revision,
        at=row.last_at,
        sessions=row.sessions,
        action=row.action,
        reason=row.reason,
    )


def _cursor(found: Sequence[Receipt], limit: int) -> str | None:
    if len(found) <= limit:
        return None
    return write_cursor(("receipts", found[limit - 1].user_id, found[limit - 1].stage.value))
