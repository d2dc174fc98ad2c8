"""What identity remembers over a restart, with the real store on a real file."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from gateway.broker.memory import MemoryBroker
from gateway.errors import Unauthenticated
from gateway.identity.keys import Keys
from gateway.identity.refusals import TokenRefused
from gateway.identity.restrictions import Restrictions
from gateway.messaging.people import People
from gateway.model.admin import Caller, Scope
from gateway.model.user import Claims, Restriction
from gateway.settings import Settings
from gateway.store.sql import SqlStore
from gateway.wire.close_codes import CloseCode
from tests.fakes import FakeClock

BOOTSTRAP = "a-bootstrap-secret-of-some-length"


class Life:
    """One run of a gateway, as far as identity goes."""

    def __init__(self, store: SqlStore, clock: FakeClock) -> None:
        self.keys = Keys(store, clock)
        self.restrictions = Restrictions(clock, 3600)
        self.people = People(store, MemoryBroker(), self.restrictions, clock, "n")
        self.store = store

    @property
    def caller(self) -> Caller:
        return Caller(key=self.keys.authenticate(BOOTSTRAP), request_id="req-1")


@asynccontextmanager
async def life(path: Path, clock: FakeClock) -> AsyncIterator[Life]:
    store = SqlStore(f"sqlite:///{path}/gateway.db", clock)
    await store.open(create=True)
    try:
        made = Life(store, clock)
        await made.keys.load()
        made.keys.ensure_bootstrap(Settings(admin_key=BOOTSTRAP))  # type: ignore[arg-type]
        await made.restrictions.load(store)
        yield made
    finally:
        await store.close()


async def test_keys_and_their_ends_outlast_the_process(tmp_path: Path) -> None:
    clock = FakeClock()
    async with life(tmp_path, clock) as first:
        kept, secret = await first.keys.create(first.caller, "kept", frozenset({Scope.READ}), "ops")
        ended, lost = await first.keys.create(first.caller, "ended", frozenset(Scope))
        await first.keys.revoke(first.caller, ended.id)
    async with life(tmp_path, clock) as second:
        assert second.keys.authenticate(secret) == kept
        with pytest.raises(Unauthenticated) as caught:
            second.keys.authenticate(lost)
        assert caught.value.code == "key_revoked"
        trail = [(line.action, line.key_name) for line in (await second.store.audit()).data]
        assert trail == [("key.revoke", "bootstrap"), *[("key.create", "bootstrap")] * 2]


async def test_no_secret_is_in_the_database(tmp_path: Path) -> None:
    """P18: neither of made keys nor of the settings."""
    async with life(tmp_path, FakeClock()) as first:
        _, secret = await first.keys.create(first.caller, "k", frozenset({Scope.READ}))
    written = all_bytes(tmp_path)
    assert b"key.create" in written
    assert secret.encode() not in written
    assert BOOTSTRAP.encode() not in written


async def test_blocks_and_revocations_outlast_the_process(tmp_path: Path) -> None:
    """T50."""
    clock = FakeClock()
    now = clock.now().timestamp()
    async with life(tmp_path, clock) as first:
        await first.people.block(first.caller, "blocked")
        await first.people.revoke(first.caller, "revoked")
        await first.people.revoke(first.caller, "any", "t-1")
        await first.people.block(first.caller, "free")
        await first.people.block(first.caller, "free", blocked=False)
    async with life(tmp_path, clock) as second:
        assert refused(second, "blocked", now) == CloseCode.BLOCKED
        assert refused(second, "revoked", now - 1) == CloseCode.TOKEN_REVOKED
        assert refused(second, "revoked", now) is None
        assert refused(second, "any", now, "t-1") == CloseCode.TOKEN_REVOKED
        assert refused(second, "free", now) is None
    clock.pass_seconds(2 * 3600)
    async with life(tmp_path, clock) as third:
        assert refused(third, "any", now, "t-1") is None  # expired long since


async def test_a_block_and_a_revocation_at_once_both_hold(tmp_path: Path) -> None:
    """T50: two operators at the same user; neither may undo the other in the store."""
    clock = FakeClock()
    users = [f"u-{number}" for number in range(10)]
    async with life(tmp_path, clock) as first:
        for user in users:
            both = [first.people.block(first.caller, user), first.people.revoke(first.caller, user)]
            await asyncio.gather(*(both if users.index(user) % 2 else reversed(both)))
    async with life(tmp_path, clock) as second:
        now = clock.now().timestamp()
        expected = [Restriction(user_id=user, blocked=True, revoked_before=now) for user in users]
        assert [second.restrictions.of_user(user) for user in users] == expected


def refused(run: Life, user: str, issued: float, token: str | None = None) -> CloseCode | None:
    said = Claims(user_id=user, expires_at=issued + 60, issued_at=issued, token_id=token)
    try:
        run.restrictions.check(said)
    except TokenRefused as refusal:
        return refusal.close_code
    return None


def all_bytes(folder: Path) -> bytes:
    """Everything that was written, the write-ahead log included."""
    return b"".join(path.read_bytes() for path in folder.iterdir())
