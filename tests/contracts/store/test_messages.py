"""Messages come back as they were put, and lists are complete."""

from datetime import UTC, datetime

import msgspec
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from gateway.errors import BadInput
from gateway.model.message import (
    Action,
    Content,
    Image,
    Impact,
    Incident,
    IncidentStatus,
    IncidentUpdate,
    Kind,
    Message,
    Pages,
    Resurface,
    Severity,
    State,
)
from gateway.store.base import Page, Store
from tests.contracts.store.kit import CALLER, all_pages, message, put
from tests.fakes import START

TEXT = st.text(st.characters(codec="utf-8"), max_size=40)
SOME_TEXT = TEXT.filter(bool)
WORDS = st.text(st.characters(codec="utf-8", exclude_categories=["Cc"]), min_size=1, max_size=20)
MOMENTS = st.datetimes(datetime(2000, 1, 1), datetime(2100, 1, 1), timezones=st.just(UTC))  # noqa: DTZ001
CONTENTS = st.builds(
    Content,
    title=st.none() | TEXT,
    body=TEXT,
    image=st.none() | st.builds(Image, src=TEXT, alt=TEXT),
    icon=st.none() | TEXT,
    actions=st.lists(
        st.builds(Action, id=TEXT, label=TEXT, intent=TEXT, href=st.none() | TEXT), max_size=3
    ).map(tuple),
)
INCIDENTS = st.builds(
    Incident,
    status=st.sampled_from(IncidentStatus),
    impact=st.sampled_from(Impact),
    updates=st.lists(
        st.builds(
            IncidentUpdate, at=MOMENTS, status=st.sampled_from(IncidentStatus), body=SOME_TEXT
        ),
        max_size=3,
    ).map(tuple),
)
MESSAGES = st.builds(
    Message,
    id=WORDS,
    revision=st.integers(1, 2**53),
    attention=st.integers(0, 2**53),
    kind=st.sampled_from(Kind),
    state=st.sampled_from(State),
    created_at=MOMENTS,
    updated_at=MOMENTS,
    content=st.dictionaries(TEXT, CONTENTS, max_size=3),
    default_locale=TEXT,
    severity=st.none() | st.sampled_from(Severity),
    incident=st.none() | INCIDENTS,
    dismissible=st.booleans(),
    pages=st.builds(
        Pages,
        allow=st.lists(TEXT, max_size=2).map(tuple),
        block=st.lists(TEXT, max_size=2).map(tuple),
    ),
    priority=st.integers(0, 100),
    category=TEXT,
    tags=st.lists(WORDS, max_size=3).map(tuple),
    resurface=st.sampled_from(Resurface),
    starts_at=st.none() | MOMENTS,
    expires_at=st.none() | MOMENTS,
    ended_reason=st.none() | TEXT,
    created_by=TEXT,
    updated_by=TEXT,
    owner=st.none() | TEXT,
    contact=st.none() | TEXT,
)


async def ids(store: Store, limit: int = 50, **filters: object) -> list[str]:
    """The ids of a list, fetched in pages of `limit`."""

    async def fetch(cursor: str | None) -> Page:
        return await store.messages(cursor=cursor, limit=limit, **filters)  # type: ignore[arg-type]

    return [one.id for one in await all_pages(fetch)]


@settings(
    max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(original=MESSAGES)
async def test_a_message_comes_back_as_it_was_put(store: Store, original: Message) -> None:
    """Any text, any moment, any combination of fields; each example is a revision of its own."""
    before = await store.message(original.id)
    revision = max(original.revision, before.revision + 1 if before else 1)
    put_in = msgspec.structs.replace(original, revision=revision)
    await put(store, put_in)

    assert await store.message(put_in.id) == put_in
    assert (await store.revisions(put_in.id))[-1] == put_in


async def test_every_revision_is_kept(store: Store) -> None:
    """Revisions are immutable and never lost; the newest is the message."""
    made = [message(), message(revision=2, priority=9), message(revision=3, state=State.ENDED)]
    await put(store, *made)
    assert list(await store.revisions("msg_0001")) == made
    assert await store.message("msg_0001") == made[-1]


async def test_an_unknown_message_is_none(store: Store) -> None:
    """Not an error: the edge decides what to say."""
    assert await store.message("msg_nope") is None
    assert list(await store.revisions("msg_nope")) == []
    async with store.change(CALLER, "look", "msg_nope") as change:
        assert await change.message("msg_nope") is None


async def test_the_live_set_holds_the_newest_revision_of_what_is_live(store: Store) -> None:
    """What a node shows after a start: every live message, oldest first, and nothing else."""
    await put(store, message(2), message(1), message(3), message(4, state=State.DRAFT))
    await put(store, message(1, revision=2, priority=7), message(3, revision=2, state=State.PAUSED))
    live = await store.live_state()
    assert live.messages == (message(1, revision=2, priority=7), message(2))
    await put(store, message(3, revision=3))
    assert [one.id for one in (await store.live_state()).messages] == [
        "msg_0001",
        "msg_0002",
        "msg_0003",
    ]


async def test_lists_are_newest_first_and_filtered_by_the_newest_revision(store: Store) -> None:
    """`GET /v1/messages?state=&kind=&tag=`, each alone and all together."""
    await put(
        store,
        message(1, tags=("eu", "db")),
        message(2, kind=Kind.TOAST, tags=("eu",)),
        message(3, state=State.DRAFT, tags=("us",)),
        message(4, tags=("db", "db")),
    )
    await put(store, message(4, revision=2, tags=("eu",), state=State.ENDED))

    assert await ids(store) == ["msg_0004", "msg_0003", "msg_0002", "msg_0001"]
    assert await ids(store, state=State.LIVE) == ["msg_0002", "msg_0001"]
    assert await ids(store, kind=Kind.TOAST) == ["msg_0002"]
    assert await ids(store, tag="eu") == ["msg_0004", "msg_0002", "msg_0001"]
    assert await ids(store, tag="db") == ["msg_0001"]
    assert await ids(store, tag="eu", state=State.LIVE, kind=Kind.BANNER) == ["msg_0001"]
    assert await ids(store, tag="nope") == []


async def test_messages_are_sorted_by_the_microsecond(store: Store) -> None:
    """Two broadcasts in the same second, whatever their ids."""
    first, second = (START.replace(microsecond=number) for number in (1, 2))
    await put(store, message(1, created_at=second), message(2, created_at=first))
    assert await ids(store) == ["msg_0001", "msg_0002"]
    assert [one.id for one in (await store.live_state()).messages] == ["msg_0002", "msg_0001"]


@pytest.mark.parametrize("limit", [1, 2, 3, 7, 8])
async def test_pages_hold_everything_once(store: Store, limit: int) -> None:
    """Also messages that were created in the same microsecond."""
    same = message(5).created_at
    await put(store, *(message(n) for n in range(4)))
    await put(store, *(message(n, created_at=same) for n in range(5, 9)))
    expected = ["msg_0008", "msg_0007", "msg_0006", "msg_0005"]
    expected += ["msg_0003", "msg_0002", "msg_0001", "msg_0000"]
    assert await ids(store, limit=limit) == expected


async def test_pages_stay_complete_while_messages_are_made_and_changed(store: Store) -> None:
    """A new message or revision between two pages neither hides nor repeats an older one."""
    await put(store, *(message(n) for n in range(10)))
    number = 10

    async def fetch(cursor: str | None) -> Page:
        nonlocal number
        number += 1
        await put(store, message(number), message(number % 10, revision=2))
        return await store.messages(cursor=cursor, limit=2)

    found = [one.id for one in await all_pages(fetch)]
    assert found[0] == "msg_0011"
    assert found[1:] == [f"msg_{n:04}" for n in reversed(range(10))]


@pytest.mark.parametrize(
    "cursor",
    [
        "",
        "x",
        "====",
        "ümlaut",
        "WzFd",
        "W10",
        "bnVsbA",
        "WyJhdWRpdCIsNTk5XQ",
        "WyJtZXNzYWdlcyIsIDk5OTk5OTk5OTk5OTk5OTk5OTk5OTksICJ4Il0",
        "A" * 5000,
        "\ud800",
    ],
)
async def test_a_cursor_that_is_not_ours_is_named(store: Store, cursor: str) -> None:
    """A bad cursor is the caller's fault and says where; one of another list is bad too."""
    for ask in (
        store.messages(cursor=cursor),
        store.receipts("msg_0001", cursor=cursor, limit=5),
        store.audit(cursor=cursor)
        if not cursor.startswith("WyJhdWRp")
        else store.messages(cursor=cursor),
    ):
        with pytest.raises(BadInput) as refused:
            await ask
        assert [fault.pointer for fault in refused.value.faults] == ["/cursor"]


async def test_an_id_that_cannot_be_stored_is_refused(store: Store) -> None:
    """F7: a lone surrogate is nobody's id; it must not end as an internal error."""
    with pytest.raises(BadInput):
        await store.message("\ud800")
    await put(store, message())
