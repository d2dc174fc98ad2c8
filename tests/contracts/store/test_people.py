"""What is kept of people."""

from datetime import timedelta

from gateway.model.user import Restriction, TokenRevocation
from gateway.store.base import Store
from tests.contracts.store.kit import CALLER
from tests.fakes import START

HOUR = timedelta(hours=1)


async def restrict(store: Store, *restrictions: Restriction) -> None:
    async with store.change(CALLER, "user.block", "mia") as change:
        for restriction in restrictions:
            await change.put_restriction(restriction)


async def test_last_seen_is_when_they_were_last_here(store: Store) -> None:
    """P9: a late flush of an older moment takes nothing back."""
    await store.put_last_seen({"mia": START + HOUR, "o'neil": START})
    await store.put_last_seen({"mia": START, "o'neil": START + HOUR, "": START})
    await store.put_last_seen({})
    assert await store.last_seen(["mia", "o'neil", "nobody", ""]) == {
        "mia": START + HOUR,
        "o'neil": START + HOUR,
        "": START,
    }
    assert await store.last_seen([]) == {}


async def test_last_seen_of_very_many_users(store: Store) -> None:
    """A node that drains tells all at once; no limit of the database's parameters applies."""
    everybody = {f"user-{number}": START for number in range(40_000)}
    await store.put_last_seen(everybody)
    assert await store.last_seen(list(everybody)) == everybody


async def test_traits_are_merged_and_none_removes(store: Store) -> None:
    """`identify` changes what it names and nothing else."""
    assert await store.traits("mia") is None
    await store.merge_traits("mia", {"plan": "free", "seats": 3, "tags": ["a", {"b": None}]}, START)
    await store.merge_traits("mia", {"plan": "pro", "seats": None, "gone": None}, START + HOUR)
    assert await store.traits("mia") == {"plan": "pro", "tags": ["a", {"b": None}]}


async def test_traits_and_last_seen_do_not_disturb_each_other(store: Store) -> None:
    """One row per user, two writers."""
    await store.put_last_seen({"mia": START})
    assert await store.traits("mia") == {}
    await store.merge_traits("mia", {"plan": "pro"}, START)
    assert await store.last_seen(["mia"]) == {"mia": START}
    await store.put_last_seen({"mia": START + HOUR})
    assert await store.traits("mia") == {"plan": "pro"}
    assert await store.last_seen(["mia"]) == {"mia": START + HOUR}
    await store.merge_traits("bo", {}, START)
    assert await store.traits("bo") == {}
    assert await store.last_seen(["bo"]) == {}


async def test_restrictions_in_force_are_listed(store: Store) -> None:
    """Unblocking ends the block, and what was revoked stays revoked."""
    blocked = Restriction(user_id="mia", blocked=True)
    revoked = Restriction(user_id="bo", revoked_before=1_790_000_000.25)
    await restrict(store, blocked, revoked)
    assert list(await store.restrictions()) == [revoked, blocked]
    await restrict(store, Restriction(user_id="mia"), Restriction(user_id="bo", blocked=True))
    assert list(await store.restrictions()) == [Restriction(user_id="bo", blocked=True)]


async def test_revoked_tokens_are_forgotten_once_they_have_expired(store: Store) -> None:
    """T50: a revocation holds as long as the token would have."""
    soon = TokenRevocation(token_id="soon", expires_at=START.timestamp() + 10)
    late = TokenRevocation(token_id="late", expires_at=START.timestamp() + 3600.5)
    async with store.change(CALLER, "user.revoke", "mia") as change:
        await change.put_token_revocation(soon)
        await change.put_token_revocation(late)
        await change.put_token_revocation(late)
    assert list(await store.token_revocations(START)) == [late, soon]
    assert list(await store.token_revocations(START + timedelta(seconds=10))) == [late]
    await store.forget_old(START + timedelta(seconds=10))
    assert list(await store.token_revocations(START)) == [late]
    assert list(await store.token_revocations(START + HOUR)) == [late]
    assert list(await store.token_revocations(START + 2 * HOUR)) == []
