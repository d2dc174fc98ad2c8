"""Receipts count a user once, whatever is said how often and in which order."""

import itertools
from collections import defaultdict
from datetime import timedelta

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from gateway.model.receipt import Receipt, Stage, Tally
from gateway.store.base import Page, Sent, Store
from tests.contracts.store.kit import all_pages, receipt
from tests.fakes import START

# Examples share a store; each has messages of its own.
SALTS = itertools.count()
LATER = START + timedelta(seconds=1)
RECEIPTS = st.builds(
    receipt,
    user=st.sampled_from(["mia", "bo", "zoë", "o'neil", '"', "\\", "日本"]),
    stage=st.sampled_from(Stage),
    message_id=st.sampled_from(["msg_a", "msg_b"]),
    revision=st.integers(1, 5),
    sessions=st.integers(0, 3),
)


async def everything(store: Store, message_id: str = "msg_0001", limit: int = 100) -> list[Receipt]:
    """All receipts of a message, in pages of `limit`."""

    async def fetch(cursor: str | None) -> Page:
        return await store.receipts(message_id, cursor=cursor, limit=limit)

    return await all_pages(fetch)


async def test_a_user_counts_once_and_sessions_add_up(store: Store) -> None:
    """P16: reach counts users; `sessions` stands beside it."""
    await store.add_receipts([receipt("mia"), receipt("bo"), receipt("mia", sessions=0)], {})
    await store.add_receipts([receipt("mia"), receipt("mia", Stage.CLICKED)], {})
    assert await store.tallies("msg_0001") == {
        "displayed": Tally(users=2, sessions=3),
        "clicked": Tally(users=1, sessions=1),
    }


async def test_a_receipt_comes_back_as_it_was_given(store: Store) -> None:
    """With the button and the reason, if there were any, and its time to the microsecond."""
    at = START + timedelta(microseconds=1)
    given_ = receipt("mia", Stage.CLICKED, revision=3, at=at, action="a", reason="b", sessions=2)
    await store.add_receipts([given_], {})
    assert await everything(store) == [given_]


async def test_the_newest_word_of_a_user_stands(store: Store) -> None:
    """A later receipt moves revision, time and words; one that arrives late moves nothing back."""
    await store.add_receipts([receipt(revision=2, at=LATER, action="new")], {})
    await store.add_receipts([receipt(revision=1, at=START, action="old", reason="slow")], {})
    expected = receipt(revision=2, at=LATER, action="new", reason="slow", sessions=2)
    assert await everything(store) == [expected]
    newest = receipt(revision=3, at=LATER + timedelta(seconds=1))
    await store.add_receipts([newest], {})
    (merged,) = await everything(store)
    assert (merged.revision, merged.at, merged.action) == (3, newest.at, "new")


@settings(
    max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(batches=st.lists(st.lists(RECEIPTS, max_size=12), max_size=4))
async def test_counts_agree_with_counting_by_hand(
    store: Store, batches: list[list[Receipt]]
) -> None:
    """P16: any split into batches, any repetition within one."""
    salt = next(SALTS)
    users: dict[tuple[str, str], set[str]] = defaultdict(set)
    sessions: dict[tuple[str, str], int] = defaultdict(int)
    newest: dict[tuple[str, str, str], int] = defaultdict(int)
    for batch in batches:
        await store.add_receipts([_with_id(one, f"{one.message_id}-{salt}") for one in batch], {})
        for one in batch:
            users[one.message_id, one.stage].add(one.user_id)
            sessions[one.message_id, one.stage] += one.sessions
            place = (one.message_id, one.stage, one.user_id)
            newest[place] = max(newest[place], one.revision)

    for message_id in ("msg_a", "msg_b"):
        assert await store.tallies(f"{message_id}-{salt}") == {
            stage: Tally(users=len(names), sessions=sessions[of, stage])
            for (of, stage), names in users.items()
            if of == message_id
        }
        for stage in Stage:
            assert await store.users_at(f"{message_id}-{salt}", stage) == {
                user: revision
                for (of, at, user), revision in newest.items()
                if (of, at) == (message_id, stage)
            }


def _with_id(one: Receipt, message_id: str) -> Receipt:
    return receipt(
        one.user_id, one.stage, message_id=message_id, revision=one.revision, sessions=one.sessions
    )


async def test_ten_thousand_receipts_are_counted_exactly(store: Store) -> None:
    """A broadcast to 10,000 people comes back as 10,000 receipts in one batch, or twice."""
    batch = [receipt(f"user-{number}") for number in range(10_000)]
    await store.add_receipts(batch, {})
    await store.add_receipts(batch, {})
    tallies = await store.tallies("msg_0001")
    assert tallies == {"displayed": Tally(users=10_000, sessions=20_000)}


async def test_sent_counts_what_sockets_took(store: Store) -> None:
    """`sent` is kept apart from what clients say; a flush adds only users that are new."""
    await store.add_receipts(
        [receipt("mia")],
        {
            "msg_0001": Sent(users=["mia", "bo"], sessions=3),
            "msg_0002": Sent(users=["zoë"], sessions=1),
        },
    )
    await store.add_receipts([], {"msg_0001": Sent(users=["kim\n"], sessions=1)})
    await store.add_receipts([], {"msg_0001": Sent(users=[], sessions=2)})

    tallies = await store.tallies("msg_0001")
    assert tallies["sent"] == Tally(users=3, sessions=6)
    assert tallies["displayed"] == Tally(users=1, sessions=1)
    assert await store.sent_users("msg_0001") == {"mia", "bo", "kim\n"}
    assert await store.sent_users("msg_0002") == {"zoë"}


async def test_a_message_that_nobody_got_has_no_counts(store: Store) -> None:
    """Empty answers, not errors; an empty batch is no work."""
    await store.add_receipts([], {})
    assert await store.tallies("msg_nope") == {}
    assert await store.suppressions("msg_nope") == {}
    assert await store.sent_users("msg_nope") == frozenset()
    assert await store.users_at("msg_nope", Stage.DISMISSED) == {}
    assert await everything(store, "msg_nope") == []


async def test_suppressions_are_counted_by_reason(store: Store) -> None:
    """A user counts under the reason that was given last."""
    suppressed = Stage.SUPPRESSED
    await store.add_receipts(
        [
            receipt("mia", suppressed, reason="busy"),
            receipt("bo", suppressed, reason="busy"),
            receipt("kim", suppressed, reason="hidden"),
            receipt("zoë", Stage.FAILED, reason="send_failed"),
        ],
        {},
    )
    await store.add_receipts([receipt("bo", suppressed, reason="hidden", at=LATER)], {})
    assert await store.suppressions("msg_0001") == {"busy": 1, "hidden": 2}


async def test_users_at_a_stage_have_their_newest_revision(store: Store) -> None:
    """Who dismissed what, for `resurface`."""
    await store.add_receipts(
        [
            receipt("mia", Stage.DISMISSED, revision=2),
            receipt("mia", Stage.DISMISSED, revision=1, at=LATER),
            receipt("bo", Stage.DISMISSED, revision=4),
            receipt("kim", Stage.DISPLAYED, revision=9),
        ],
        {},
    )
    assert await store.users_at("msg_0001", Stage.DISMISSED) == {"mia": 2, "bo": 4}


@pytest.mark.parametrize("limit", [1, 3, 100])
async def test_receipts_are_listed_by_user_then_stage(store: Store, limit: int) -> None:
    """The export is complete and in one order, however it is paged."""
    batch = [receipt(user, stage) for stage in Stage for user in ("mia", "bo", "zoë")]
    await store.add_receipts(batch, {})
    await store.add_receipts([receipt("bo", message_id="msg_0002")], {})
    found = await everything(store, limit=limit)
    places = [(one.user_id, one.stage.value) for one in found]
    assert len(places) == len(batch)
    assert places == sorted(places)
