"""The store over a SQL database: hands each question to the functions of its noun.

Holds no SQL and no data; the only place that ties together transaction, audit and idempotency.
"""

from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from datetime import datetime
from functools import partial
from typing import Any, TypeVar

from sqlalchemy import Connection

from gateway.clock import Clock, SystemClock
from gateway.model.admin import AdminKey, Caller, IdempotencyRecord, Mute
from gateway.model.message import Kind, Message, State
from gateway.model.receipt import Receipt, Stage, Tally
from gateway.model.user import Restriction, TokenRevocation
from gateway.store import admin, migrate, people
from gateway.store import messages as message_sql
from gateway.store import receipts as receipt_sql
from gateway.store.base import Change, LiveState, Page, Sent, Store
from gateway.store.database import Transaction, Work
from gateway.store.location import Location
from gateway.store.sqlite import SqliteDatabase

T = TypeVar("T")


class SqlChange(Change):
    """Writes of one caller inside one transaction. Each step takes effect at once in there."""

    def __init__(self, transaction: Transaction, claim: Work[None] | None) -> None:
        self._transaction = transaction
        self._claim = claim

    async def message(self, message_id: str) -> Message | None:
        return await self._run(lambda connection: message_sql.newest(connection, message_id))

    async def put_message(self, message: Message) -> None:
        await self._run(lambda connection: message_sql.put(connection, message))

    async def raise_live_revision(self) -> int:
        return await self._run(message_sql.raise_live_revision)

    async def put_mute(self, mute: Mute) -> None:
        await self._run(lambda connection: message_sql.put_mute(connection, mute))

    async def remove_mute(self, kind: str) -> bool:
        return await self._run(lambda connection: message_sql.remove_mute(connection, kind))

    async def put_key(self, key: AdminKey) -> None:
        await self._run(lambda connection: admin.put_key(connection, key))

    async def put_restriction(self, restriction: Restriction) -> None:
        await self._run(lambda connection: people.restrict(connection, restriction))

    async def put_token_revocation(self, revocation: TokenRevocation) -> None:
        await self._run(lambda connection: people.revoke(connection, revocation))

    async def finish(self, work: Work[None]) -> None:
        """Write the last line and commit."""
        await self._transaction.finish(self._claimed(work))

    async def _run(self, work: Work[T]) -> T:
        return await self._transaction.run(self._claimed(work))

    def _claimed(self, work: Work[T]) -> Work[T]:
        """The first step claims the caller's key before anything else, in the same hop."""
        claim, self._claim = self._claim, None
        if claim is None:
            return work

        def both(connection: Connection) -> T:
            claim(connection)
            return work(connection)

        return both


class SqlStore(Store):
    """The store behind a database URL (see `Location` for its forms)."""

    def __init__(self, url: str, clock: Clock | None = None) -> None:
        self._clock = clock or SystemClock()
        self._location = Location(url)
        self._database = SqliteDatabase(self._location)

    async def open(self, create: bool = False) -> None:
        """Connect. With `create`, make or renew the schema first, as `gateway migrate` would.

        Raises:
            Misconfigured: the schema is missing, older or newer, or another process is in.
        """
        create = create or self._location.is_scratch
        if not create and not self._location.exists:
            raise migrate.refusal(migrate.SchemaState.EMPTY, str(self._location))
        prepare = migrate.bring_up if create else migrate.require_current
        await self._database.open(partial(prepare, name=str(self._location)))

    async def close(self) -> None:
        await self._database.close()

    async def ping(self) -> None:
        await self._database.ping()

    @asynccontextmanager
    async def change(
        self, caller: Caller, action: str, target: str, detail: Mapping[str, Any] | None = None
    ) -> AsyncIterator[Change]:
        at = self._clock.now()
        async with self._database.transaction() as transaction:
            change = SqlChange(transaction, _claim_of(caller, target, at))
            yield change
            await change.finish(
                lambda connection: admin.write_audit(
                    connection, caller, at, action, target, detail or {}
                )
            )

    # messages
    async def live_state(self) -> LiveState:
        return await self._database.read(message_sql.live_state)

    async def message(self, message_id: str) -> Message | None:
        return await self._database.read(partial(message_sql.newest, message_id=message_id))

    async def revisions(self, message_id: str) -> Sequence[Message]:
        return await self._database.read(partial(message_sql.revisions, message_id=message_id))

    async def messages(
        self,
        *,
        state: State | None = None,
        kind: Kind | None = None,
        tag: str | None = None,
        cursor: str | None = None,
        limit: int = 50,
    ) -> Page:
        return await self._database.read(
            partial(message_sql.page, state=state, kind=kind, tag=tag, cursor=cursor, limit=limit)
        )

    # receipts and reach
    async def add_receipts(self, receipts: Sequence[Receipt], sent: Mapping[str, Sent]) -> None:
        await self._database.write(partial(receipt_sql.add, new=receipts, sent=sent))

    async def tallies(self, message_id: str) -> Mapping[str, Tally]:
        return await self._database.read(partial(receipt_sql.tallies, message_id=message_id))

    async def suppressions(self, message_id: str) -> Mapping[str, int]:
        return await self._database.read(partial(receipt_sql.suppressions, message_id=message_id))

    async def sent_users(self, message_id: str) -> frozenset[str]:
        return await self._database.read(partial(receipt_sql.sent_users, message_id=message_id))

    async def users_at(self, message_id: str, stage: Stage) -> Mapping[str, int]:
        return await self._database.read(
            partial(receipt_sql.users_at, message_id=message_id, stage=stage)
        )

    async def receipts(self, message_id: str, *, cursor: str | None, limit: int) -> Page:
        return await self._database.read(
            partial(receipt_sql.page, message_id=message_id, cursor=cursor, limit=limit)
        )

    # people
    async def restrictions(self) -> Sequence[Restriction]:
        return await self._database.read(people.in_force)

    async def token_revocations(self, now: datetime) -> Sequence[TokenRevocation]:
        return await self._database.read(partial(people.revocations, now=now))

    async def put_last_seen(self, seen: Mapping[str, datetime]) -> None:
        if seen:
            await self._database.write(partial(people.put_last_seen, seen=seen))

    async def last_seen(self, user_ids: Sequence[str]) -> Mapping[str, datetime]:
        return await self._database.read(partial(people.last_seen, user_ids=user_ids))

    async def merge_traits(self, user_id: str, traits: Mapping[str, Any], at: datetime) -> None:
        await self._database.write(
            partial(people.merge_traits, user_id=user_id, changes=traits, at=at)
        )

    async def traits(self, user_id: str) -> Mapping[str, Any] | None:
        return await self._database.read(partial(people.traits, user_id=user_id))

    # admin
    async def keys(self) -> Sequence[AdminKey]:
        return await self._database.read(admin.keys)

    async def audit(
        self, *, target: str | None = None, cursor: str | None = None, limit: int = 50
    ) -> Page:
        return await self._database.read(
            partial(admin.audit_page, target=target, cursor=cursor, limit=limit)
        )

    async def idempotency(self, key: str) -> IdempotencyRecord | None:
        now = self._clock.now()
        return await self._database.read(partial(admin.record_of, key=key, now=now))

    async def put_idempotent_answer(self, record: IdempotencyRecord) -> None:
        await self._database.write(partial(admin.answer, record=record))

    async def forget_old(self, now: datetime) -> None:
        def forget(connection: Connection) -> None:
            admin.forget_records(connection, now)
            people.forget_revocations(connection, now)

        await self._database.write(forget)


def _claim_of(caller: Caller, target: str, at: datetime) -> Work[None] | None:
    if caller.idempotency is None:
        return None
    record = IdempotencyRecord(
        key=caller.idempotency.key,
        fingerprint=caller.idempotency.fingerprint,
        created_at=at,
        resource=target,
    )
    return partial(admin.claim, record=record)
