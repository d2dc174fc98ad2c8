"""Keys, the audit trail, and answers kept for Idempotency-Keys."""

from datetime import timedelta

import msgspec
import pytest

from gateway.model.admin import AdminKey, AuditEntry, IdempotencyRecord, Scope
from gateway.store.base import Page, Store
from tests.contracts.store.kit import CALLER, all_pages, caller
from tests.fakes import START, FakeClock

HOUR = timedelta(hours=1)


async def put_keys(store: Store, *keys: AdminKey) -> None:
    async with store.change(CALLER, "key.create", "key") as change:
        for key in keys:
            await change.put_key(key)


async def do(store: Store, *targets: str) -> None:
    for target in targets:
        async with store.change(CALLER, "message.create", target):
            pass


async def test_keys_are_listed_oldest_first_and_replaced(store: Store) -> None:
    """A revoked key stays on the list."""
    new = AdminKey(
        id="key_a",
        name="new",
        hash="a" * 64,
        scopes=frozenset({Scope.READ, Scope.BANNER_WRITE}),
        created_at=START + HOUR,
        owner="growth",
        contact="#growth",
    )
    old = AdminKey(id="key_b", name="old", hash="b" * 64, scopes=frozenset(), created_at=START)
    await put_keys(store, new, old)
    assert list(await store.keys()) == [old, new]
    revoked = msgspec.structs.replace(old, revoked_at=START + HOUR)
    await put_keys(store, revoked)
    assert list(await store.keys()) == [revoked, new]


@pytest.mark.parametrize("limit", [1, 2, 50])
async def test_the_audit_trail_is_complete_and_newest_first(store: Store, limit: int) -> None:
    """Also while changes go on between two pages."""
    await do(store, *(f"msg_{number}" for number in range(5)))

    async def fetch(cursor: str | None) -> Page:
        await do(store, "later")
        return await store.audit(cursor=cursor, limit=limit)

    found: list[AuditEntry] = await all_pages(fetch)
    assert [line.target for line in found] == [
        "later",
        *(f"msg_{number}" for number in reversed(range(5))),
    ]
    assert len({line.id for line in found}) == 6


async def test_the_audit_trail_of_one_target(store: Store) -> None:
    """Who did what to this message."""
    await do(store, "msg_1", "msg_2", "msg_1")
    page = await store.audit(target="msg_1", limit=1)
    rest = await store.audit(target="msg_1", limit=1, cursor=page.next_cursor)
    assert [line.target for line in page.data + rest.data] == ["msg_1", "msg_1"]
    assert rest.next_cursor is None
    assert (await store.audit(target="nope")).data == ()


async def test_an_answer_is_kept_for_24_hours(store: Store, clock: FakeClock) -> None:
    """T63: the same request gets the same answer, bytes and headers alike."""
    async with store.change(caller("a"), "message.create", "msg_1"):
        pass
    answer = IdempotencyRecord(
        key="key_ops:a",
        fingerprint="f" * 64,
        created_at=START,
        resource="msg_1",
        status=201,
        headers={"etag": '"1"'},
        body=b'{"id":"msg_1"}\x00\xff',
    )
    await store.put_idempotent_answer(answer)
    assert await store.idempotency("key_ops:a") == answer
    assert await store.idempotency("key_ops:b") is None
    clock.pass_seconds(24 * 3600)
    assert await store.idempotency("key_ops:a") is None


async def test_a_late_answer_does_not_prolong_its_key(store: Store, clock: FakeClock) -> None:
    """The 24 h run from the request."""
    async with store.change(caller("a"), "message.create", "msg_1"):
        pass
    answer = IdempotencyRecord(
        key="key_ops:a", fingerprint="f" * 64, created_at=START + HOUR, status=200
    )
    await store.put_idempotent_answer(answer)
    kept = await store.idempotency("key_ops:a")
    assert kept is not None
    assert (kept.status, kept.created_at, kept.resource) == (200, START, "msg_1")


async def test_housekeeping_drops_only_what_has_run_out(store: Store, clock: FakeClock) -> None:
    """`forget_old` never touches messages, audit or records that still hold."""
    async with store.change(caller("old"), "message.create", "msg_1"):
        pass
    clock.pass_seconds(3600)
    async with store.change(caller("new"), "message.create", "msg_2"):
        pass
    await store.forget_old(START + 24 * HOUR)
    assert await store.idempotency("key_ops:old") is None
    assert await store.idempotency("key_ops:new") is not None
    assert len((await store.audit()).data) == 2
