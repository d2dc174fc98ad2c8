"""Blocked users, revoked users and tokens (RELIABILITY T50; close codes 4003 and 4302)."""

import asyncio

import pytest

from gateway.broker.base import Envelope, Topic
from gateway.errors import StoreUnavailable
from gateway.identity.refusals import TokenRefused
from gateway.identity.restrictions import Restrictions
from gateway.model.user import Claims, Restriction, TokenRevocation
from gateway.wire.close_codes import CloseCode
from tests.fakes import FakeClock
from tests.gateway.identity.identity_kit import NOW

DAY = 86_400


class StoredRestrictions:
    """The two questions that a store is asked here."""

    def __init__(self, *held: Restriction | TokenRevocation) -> None:
        self.held = held

    async def restrictions(self) -> list[Restriction]:
        return [one for one in self.held if isinstance(one, Restriction)]

    async def token_revocations(self, now: object) -> list[TokenRevocation]:
        return [one for one in self.held if isinstance(one, TokenRevocation)]


@pytest.fixture
def clock() -> FakeClock:
    return FakeClock()


@pytest.fixture
def restrictions(clock: FakeClock) -> Restrictions:
    return Restrictions(clock, DAY)


def claims(
    user: str = "u-1", issued_at: float | None = NOW - 60, token: str | None = None
) -> Claims:
    return Claims(user_id=user, expires_at=NOW + 60, issued_at=issued_at, token_id=token)


def envelope(verb: str, user: str | None = "u-1", **fields: object) -> Envelope:
    return Envelope(topic=Topic.USER, node="n", user_id=user, verb=verb, **fields)  # type: ignore[arg-type]


def refused(restrictions: Restrictions, said: Claims) -> CloseCode | None:
    try:
        restrictions.check(said)
    except TokenRefused as refusal:
        return refusal.close_code
    return None


def test_nobody_is_restricted_at_first(restrictions: Restrictions) -> None:
    assert refused(restrictions, claims(token="t-1")) is None


async def test_what_the_store_holds_is_in_force_after_a_start(restrictions: Restrictions) -> None:
    held = StoredRestrictions(
        Restriction(user_id="blocked", blocked=True),
        Restriction(user_id="revoked", revoked_before=NOW),
        TokenRevocation(token_id="t-1", expires_at=NOW + 60),
    )
    await restrictions.load(held)  # type: ignore[arg-type]
    assert refused(restrictions, claims("blocked")) == CloseCode.BLOCKED
    assert refused(restrictions, claims("revoked")) == CloseCode.TOKEN_REVOKED
    assert refused(restrictions, claims("anybody", token="t-1")) == CloseCode.TOKEN_REVOKED
    assert refused(restrictions, claims("anybody", token="t-2")) is None


async def test_loading_again_forgets_what_the_store_no_longer_holds(
    restrictions: Restrictions,
) -> None:
    restrictions.apply(envelope("block"))
    await restrictions.load(StoredRestrictions())  # type: ignore[arg-type]
    assert refused(restrictions, claims()) is None


def test_a_blocked_user_is_let_in_after_unblocking(restrictions: Restrictions) -> None:
    restrictions.apply(envelope("block"))
    assert refused(restrictions, claims()) == CloseCode.BLOCKED
    assert refused(restrictions, claims("u-2")) is None
    restrictions.apply(envelope("unblock"))
    assert refused(restrictions, claims()) is None
    assert not restrictions._users


def test_revoking_a_user_ends_the_tokens_made_before_and_no_other(
    restrictions: Restrictions,
) -> None:
    restrictions.apply(envelope("revoke", before=NOW))
    assert refused(restrictions, claims(issued_at=NOW - 1)) == CloseCode.TOKEN_REVOKED
    assert refused(restrictions, claims(issued_at=NOW)) is None


def test_a_token_that_hides_its_age_counts_as_old(restrictions: Restrictions) -> None:
    restrictions.apply(envelope("revoke", before=NOW))
    assert refused(restrictions, claims(issued_at=None)) == CloseCode.TOKEN_REVOKED


def test_a_late_envelope_takes_no_revocation_back(restrictions: Restrictions) -> None:
    """Brokers deliver at most once, and nodes load in between: order is not a promise."""
    restrictions.apply(envelope("revoke", before=NOW))
    restrictions.apply(envelope("revoke", before=NOW - 100))
    assert refused(restrictions, claims(issued_at=NOW - 1)) == CloseCode.TOKEN_REVOKED


def test_blocking_keeps_a_revocation_and_unblocking_too(restrictions: Restrictions) -> None:
    restrictions.apply(envelope("revoke", before=NOW))
    restrictions.apply(envelope("block"))
    assert refused(restrictions, claims()) == CloseCode.BLOCKED
    restrictions.apply(envelope("unblock"))
    assert refused(restrictions, claims()) == CloseCode.TOKEN_REVOKED
    assert restrictions.of_user("u-1") == Restriction(user_id="u-1", revoked_before=NOW)
    assert restrictions.of_user("u-2") == Restriction(user_id="u-2")


def test_revoking_one_token_leaves_the_others_of_its_user(restrictions: Restrictions) -> None:
    restrictions.apply(envelope("revoke", token_id="t-1"))
    assert refused(restrictions, claims(token="t-1")) == CloseCode.TOKEN_REVOKED
    assert refused(restrictions, claims(token="t-2")) is None
    assert refused(restrictions, claims()) is None


@pytest.mark.parametrize("verb", ["disconnect", "unknown"])
def test_a_verb_that_restricts_nothing_changes_nothing(
    restrictions: Restrictions, verb: str
) -> None:
    restrictions.apply(envelope(verb))
    assert refused(restrictions, claims()) is None
    assert not restrictions._users


def test_a_revoked_token_is_remembered_for_as_long_as_any_token_can_live(
    restrictions: Restrictions, clock: FakeClock
) -> None:
    end = restrictions.revocation("t-1").expires_at
    assert end >= NOW + DAY
    restrictions.apply(envelope("revoke", token_id="t-1"))
    clock.pass_seconds(DAY)
    for number in range(5000):
        restrictions.apply(envelope("revoke", token_id=f"other-{number}"))
    assert refused(restrictions, claims(token="t-1")) == CloseCode.TOKEN_REVOKED


def test_revoked_tokens_take_bounded_memory(restrictions: Restrictions, clock: FakeClock) -> None:
    """What has expired by itself is forgotten."""
    for _ in range(20):
        for number in range(1000):
            restrictions.apply(envelope("revoke", token_id=f"{clock.ticks}-{number}"))
        clock.pass_seconds(DAY / 2)
    assert len(restrictions._tokens) < 5 * 1000


class SlowStore(StoredRestrictions):
    """A store that answers when told; what it answers was read before that."""

    def __init__(self, *held: Restriction | TokenRevocation) -> None:
        super().__init__(*held)
        self.asked, self.go_on = asyncio.Event(), asyncio.Event()

    async def token_revocations(self, now: object) -> list[TokenRevocation]:
        self.asked.set()
        await self.go_on.wait()
        return await super().token_revocations(now)


async def test_what_is_decided_while_the_store_is_read_is_not_lost(
    restrictions: Restrictions,
) -> None:
    """T50: else a user blocked in that moment would stay until the next start."""
    store = SlowStore(Restriction(user_id="u-1", blocked=True))
    loading = asyncio.create_task(restrictions.load(store))  # type: ignore[arg-type]
    await store.asked.wait()
    restrictions.apply(envelope("revoke", before=NOW))
    restrictions.apply(envelope("block", "u-2"))
    restrictions.apply(envelope("revoke", token_id="t-1"))
    assert refused(restrictions, claims("u-2")) == CloseCode.BLOCKED
    store.go_on.set()
    await loading
    assert restrictions.of_user("u-1") == Restriction(
        user_id="u-1", blocked=True, revoked_before=NOW
    )
    assert refused(restrictions, claims("u-2")) == CloseCode.BLOCKED
    assert refused(restrictions, claims("u-3", token="t-1")) == CloseCode.TOKEN_REVOKED
    assert not restrictions._late


async def test_a_store_that_fails_changes_nothing(restrictions: Restrictions) -> None:
    class DownStore(StoredRestrictions):
        async def restrictions(self) -> list[Restriction]:
            raise StoreUnavailable

    restrictions.apply(envelope("block"))
    with pytest.raises(StoreUnavailable):
        await restrictions.load(DownStore())  # type: ignore[arg-type]
    assert refused(restrictions, claims()) == CloseCode.BLOCKED
    restrictions.apply(envelope("unblock"))
    assert not restrictions._late


def test_a_blocked_user_with_a_revoked_token_is_told_to_stop(restrictions: Restrictions) -> None:
    """4003, not 4302: another token would not help."""
    restrictions.apply(envelope("revoke", token_id="t-1"))
    restrictions.apply(envelope("block"))
    assert refused(restrictions, claims(token="t-1")) == CloseCode.BLOCKED
