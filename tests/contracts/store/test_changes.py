"""A change is whole or never happened, and only one is made at a time."""

import asyncio
from pathlib import Path

import pytest

from gateway.errors import Conflict, StoreUnavailable
from gateway.model.admin import AdminKey, IdempotencyRecord, Mute
from gateway.model.message import State
from gateway.model.user import Restriction, TokenRevocation
from gateway.store.base import Store
from tests.contracts.store.kit import CALLER, OpenStore, caller, message, put
from tests.fakes import START, FakeClock


class Stop(Exception):
    """What goes wrong in these tests."""


async def test_an_accepted_change_is_there_as_a_whole(store: Store, clock: FakeClock) -> None:
    """P1: message, live revision, audit line and idempotency claim are committed together."""
    async with store.change(
        caller("a"), "message.publish", "msg_0001", {"state": "live"}
    ) as change:
        await change.put_message(message())
        assert await change.raise_live_revision() == 1

    live = await store.live_state()
    (line,) = (await store.audit()).data
    record = await store.idempotency("key_ops:a")

    assert (live.revision, live.messages) == (1, (message(),))
    assert (line.key_id, line.key_name, line.request_id) == ("key_ops", "ops", "req_1")
    assert (line.action, line.target, line.at) == ("message.publish", "msg_0001", START)
    assert line.detail == {"state": "live"}
    assert record == IdempotencyRecord(
        key="key_ops:a", fingerprint="f" * 64, created_at=START, resource="msg_0001"
    )


async def test_a_change_that_fails_leaves_nothing_behind(store: Store) -> None:
    """P1: on an error none of it is kept, and the store goes on."""

    async def fail_at_the_end() -> None:
        async with store.change(caller("a"), "message.publish", "msg_0001") as change:
            await change.put_message(message())
            await change.put_mute(Mute(kind="all", at=START, by="key_ops"))
            await change.raise_live_revision()
            raise Stop

    with pytest.raises(Stop):
        await fail_at_the_end()

    live = await store.live_state()
    assert (live.revision, live.messages, live.mutes) == (0, (), ())
    assert (await store.audit()).data == ()
    assert await store.idempotency("key_ops:a") is None
    await put(store, message())
    assert await store.message("msg_0001") == message()


async def test_a_cancelled_change_leaves_nothing_behind(store: Store) -> None:
    """T53: cancelled between two steps, the change is undone before the next one begins."""
    inside = asyncio.Event()

    async def never_ends() -> None:
        async with store.change(CALLER, "message.publish", "msg_0001") as change:
            await change.put_message(message())
            inside.set()
            await asyncio.Event().wait()

    task = asyncio.create_task(never_ends())
    await inside.wait()
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task

    await put(store, message(2))
    assert await store.message("msg_0001") is None
    assert [line.target for line in (await store.audit()).data] == ["msg_0002"]


async def test_changes_cancelled_at_any_moment_are_whole_or_not_there(store: Store) -> None:
    """T53: a cancellation may meet any step, the commit too; each message has its audit line and
    its live revision, or has neither."""

    async def publish(number: int) -> None:
        async with store.change(CALLER, "message.publish", f"msg_{number:04}") as change:
            await change.put_message(message(number))
            await change.raise_live_revision()

    async def cancel_after(number: int) -> None:
        task = asyncio.create_task(publish(number))
        for _ in range(number % 13):
            await asyncio.sleep(0)
        if number % 3 == 0:
            await asyncio.sleep(0.0005 * (number % 5))
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)

    await asyncio.gather(*(cancel_after(number) for number in range(60)))

    live = await store.live_state()
    lines = (await store.audit(limit=100)).data
    assert live.revision == len(live.messages) == len(lines)
    assert {line.target for line in lines} == {one.id for one in live.messages}
    await put(store, message(99))


async def test_changes_are_made_one_after_the_other(store: Store) -> None:
    """Two operators at once: each change sees what the one before it left."""

    async def publish(number: int) -> int:
        async with store.change(CALLER, "message.publish", f"msg_{number:04}") as change:
            await asyncio.sleep(0)
            await change.put_message(message(number))
            await asyncio.sleep(0)
            return await change.raise_live_revision()

    revisions = await asyncio.gather(*(publish(number) for number in range(40)))

    assert sorted(revisions) == list(range(1, 41))
    assert (await store.live_state()).revision == 40


async def test_only_the_change_itself_sees_what_is_not_committed(store: Store) -> None:
    """Readers get the state before the change until it is durable."""
    async with store.change(CALLER, "message.create", "msg_0001") as change:
        await change.put_message(message())
        assert await change.message("msg_0001") == message()
        assert await store.message("msg_0001") is None
    assert await store.message("msg_0001") == message()


async def test_a_change_without_a_write_is_audited(store: Store) -> None:
    """Disconnecting a user changes nothing that is stored, but is on record."""
    async with store.change(CALLER, "user.disconnect", "mia"):
        pass
    assert [line.action for line in (await store.audit()).data] == ["user.disconnect"]


async def test_a_revision_can_be_put_only_once(store: Store) -> None:
    """Of two operators who both made revision 2, one is told so; the first one's words stand."""
    await put(store, message(), message(revision=2, priority=10))

    with pytest.raises(Conflict, match="msg_0001") as refused:
        await put(store, message(revision=2, priority=90))

    assert refused.value.code == "revision_exists"
    newest = await store.message("msg_0001")
    assert newest is not None
    assert newest.priority == 10


async def test_an_older_revision_never_replaces_a_newer_one(store: Store) -> None:
    """P7: merge keeps the highest revision."""
    await put(store, message(), message(revision=3, state=State.ENDED))
    with pytest.raises(Conflict):
        await put(store, message(revision=2, state=State.LIVE))
    assert (await store.live_state()).messages == ()


async def test_an_idempotency_key_is_claimed_once(store: Store) -> None:
    """T63: the second request with the key changes nothing and is told why."""
    async with store.change(caller("a"), "message.create", "msg_0001") as change:
        await change.put_message(message(1))

    with pytest.raises(Conflict) as refused:
        async with store.change(caller("a"), "message.create", "msg_0002") as change:
            await change.put_message(message(2))

    assert refused.value.code == "idempotency_key_in_use"
    assert await store.message("msg_0002") is None
    record = await store.idempotency("key_ops:a")
    assert record is not None
    assert record.resource == "msg_0001"


async def test_of_many_requests_with_one_key_one_is_accepted(store: Store) -> None:
    """T63: at once, in any order."""

    async def create(number: int) -> bool:
        try:
            async with store.change(caller("a"), "message.create", f"msg_{number:04}") as change:
                await change.put_message(message(number))
        except Conflict:
            return False
        return True

    accepted = await asyncio.gather(*(create(number) for number in range(20)))

    assert accepted.count(True) == 1
    assert len((await store.messages()).data) == 1


async def test_a_claim_comes_before_what_the_change_does(store: Store) -> None:
    """A repeated PATCH hears that its key is in use, not that its revision is stale."""
    async with store.change(caller("a"), "message.create", "msg_0001") as change:
        await change.put_message(message(1))
    with pytest.raises(Conflict) as refused:
        async with store.change(caller("a"), "message.create", "msg_0001") as change:
            await change.put_message(message(1))
    assert refused.value.code == "idempotency_key_in_use"


async def test_a_key_of_a_failed_request_may_be_used_again(store: Store) -> None:
    """T63: a retry after an error is a first try."""

    async def fail() -> None:
        async with store.change(caller("a"), "message.create", "msg_0001") as change:
            await change.put_message(message(1))
            raise Stop

    with pytest.raises(Stop):
        await fail()
    async with store.change(caller("a"), "message.create", "msg_0001") as change:
        await change.put_message(message(1))
    assert await store.message("msg_0001") == message(1)


async def test_a_key_is_free_again_after_24_hours(store: Store, clock: FakeClock) -> None:
    """PROTOCOL §3: Idempotency-Key holds for 24 h."""
    async with store.change(caller("a"), "message.create", "msg_0001"):
        pass
    clock.pass_seconds(24 * 3600 - 1)
    with pytest.raises(Conflict):
        async with store.change(caller("a"), "message.create", "msg_0002"):
            pass
    clock.pass_seconds(1)
    async with store.change(caller("a", "e" * 64), "message.create", "msg_0002"):
        pass
    record = await store.idempotency("key_ops:a")
    assert record is not None
    assert (record.resource, record.fingerprint) == ("msg_0002", "e" * 64)


async def test_everything_else_an_admin_changes_is_kept(store: Store) -> None:
    """Mutes, keys, restrictions and revoked tokens, all in one change."""
    key = AdminKey(id="key_2", name="n", hash="1" * 64, scopes=frozenset(), created_at=START)
    blocked = Restriction(user_id="eve", blocked=True)
    revoked = TokenRevocation(token_id="t1", expires_at=START.timestamp() + 60)
    mute = Mute(kind="banner", at=START, by="key_ops", reason="test")
    async with store.change(CALLER, "all", "at once") as change:
        await change.put_mute(mute)
        await change.put_key(key)
        await change.put_restriction(blocked)
        await change.put_token_revocation(revoked)

    assert (await store.live_state()).mutes == (mute,)
    assert list(await store.keys()) == [key]
    assert list(await store.restrictions()) == [blocked]
    assert list(await store.token_revocations(START)) == [revoked]


async def test_unmuting_tells_whether_it_was_muted(store: Store) -> None:
    """`DELETE /v1/mute` for a kind that is not muted says so; a second mute replaces the first."""
    async with store.change(CALLER, "mute", "banner") as change:
        await change.put_mute(Mute(kind="banner", at=START, by="a"))
        await change.put_mute(Mute(kind="banner", at=START, by="b", reason="again"))
    assert [mute.by for mute in (await store.live_state()).mutes] == ["b"]
    async with store.change(CALLER, "unmute", "banner") as change:
        assert await change.remove_mute("banner") is True
        assert await change.remove_mute("banner") is False
    assert (await store.live_state()).mutes == ()


async def test_a_closed_store_says_so(
    open_store: OpenStore, tmp_path: Path, clock: FakeClock
) -> None:
    """Late callers get a typed error, not one of a driver."""
    async with open_store(tmp_path, clock) as store:
        await put(store, message())
    with pytest.raises(StoreUnavailable, match="not open"):
        await store.live_state()
    with pytest.raises(StoreUnavailable, match="not open"):
        await put(store, message(2))
    with pytest.raises(StoreUnavailable, match="not open"):
        await store.ping()
    await store.close()


async def test_what_was_accepted_is_there_after_a_restart(
    open_store: OpenStore, tmp_path: Path, clock: FakeClock
) -> None:
    """P1, in the mildest case; the SQLite tests kill the process."""
    async with open_store(tmp_path, clock) as store:
        await put(store, message(), message(revision=2))
    async with open_store(tmp_path, clock) as store:
        assert (await store.live_state()).messages == (message(revision=2),)
        await store.ping()
