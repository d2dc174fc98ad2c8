"""Reach is honest: counted once per user and stage, never claimed early, never lost."""

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from gateway.errors import StoreUnavailable
from gateway.model.receipt import Stage as ReceiptStage
from tests.fakes import FakeClock
from tests.gateway.messaging.stage import CALLER, Stage, a_stage


@pytest.fixture
async def stage(tmp_path: Path) -> AsyncIterator[Stage]:
    async with a_stage(tmp_path) as stage:
        yield stage


async def test_users_and_sessions_are_counted_apart(stage: Stage) -> None:
    tabs = [stage.connect("ada"), stage.connect("ada"), stage.connect("grace")]
    published = await stage.banner()
    for tab in tabs:
        tab.receipt(published, "received", "displayed")
    reach = await stage.core.messages.reach(published.message.id)
    assert (reach.sent, reach.received, reach.displayed) == (2, 2, 2)
    assert (reach.sessions["sent"], reach.sessions["displayed"]) == (3, 3)
    assert (reach.targeted, reach.offline, reach.online) == (None, None, 2)
    assert reach.sessions["online"] == 3


async def test_what_waits_for_a_slow_client_is_sent_when_the_socket_has_taken_it(
    stage: Stage,
) -> None:
    """PROTOCOL §3: none of the stages is ever claimed earlier."""
    screen = stage.connect("ada")
    screen.link.waits = True
    published = await stage.banner()
    assert published.reach.sent == 0
    screen.link.waits = False
    screen.session.on_drained(lost=False)
    assert (await stage.core.messages.reach(published.message.id)).sent == 1


async def test_what_a_slow_client_lost_is_sent_with_the_snapshot(stage: Stage) -> None:
    screen = stage.connect("ada")
    screen.link.waits = True
    published = await stage.banner()
    screen.link.waits = False
    screen.session.on_drained(lost=True)
    assert screen.live == [published.message.id]
    assert (await stage.core.messages.reach(published.message.id)).sent == 1


async def test_what_was_taken_back_while_it_waited_was_never_sent(stage: Stage) -> None:
    screen = stage.connect("ada")
    screen.link.waits = True
    published = await stage.banner()
    await stage.core.messages.retract(CALLER, published.message.id)
    screen.link.waits = False
    screen.session.on_drained(lost=False)
    assert (await stage.core.messages.reach(published.message.id)).sent == 0


async def test_a_receipt_said_twice_counts_once(stage: Stage) -> None:
    screen = stage.connect("ada")
    published = await stage.banner()
    for _ in range(3):
        screen.receipt(published, "received", "received", "clicked", action="more")
    reach = await stage.core.messages.reach(published.message.id)
    assert (reach.received, reach.clicked, reach.sessions["clicked"]) == (1, 1, 1)


async def test_nobody_can_confirm_what_they_were_not_sent(stage: Stage) -> None:
    published = await stage.banner()
    await stage.core.messages.retract(CALLER, published.message.id)
    stage.connect("mallory").receipt(published, "displayed", "clicked")
    reach = await stage.core.messages.reach(published.message.id)
    assert (reach.displayed, reach.clicked) == (0, 0)


async def test_a_receipt_that_overtakes_the_end_of_the_fan_out_counts(
    stage: Stage, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The first of many screens answers while the last ones are still being written to."""
    monkeypatch.setattr("gateway.sessions.hub.SLICE", 1)
    tabs = [stage.connect("ada"), stage.connect("grace"), stage.connect("linus")]
    publishing = asyncio.create_task(stage.banner())
    while not (early := [tab for tab in tabs if tab.link.of_type("message")]):  # noqa: ASYNC110 - one turn of the loop at a time
        await asyncio.sleep(0)
    assert len(early) < len(tabs)
    shown = early[0].link.of_type("message")[0]["message"]
    line = {"message": shown["id"], "revision": 1, "stage": "received"}
    early[0].say(type="receipt", receipts=[line])
    published = await publishing
    reach = await stage.core.messages.reach(published.message.id)
    assert (reach.sent, reach.received) == (3, 1)


async def test_unknown_messages_and_stages_are_ignored(stage: Stage) -> None:
    screen = stage.connect("ada")
    published = await stage.banner()
    screen.receipt(published, "teleported")
    screen.say(type="receipt", receipts=[{"message": "msg_x", "revision": 1, "stage": "displayed"}])
    assert screen.link.of_type("error") == []
    assert (await stage.core.messages.reach(published.message.id)).displayed == 0


async def test_late_receipts_of_an_ended_message_count(stage: Stage) -> None:
    screen = stage.connect("ada")
    published = await stage.banner()
    await stage.core.messages.retract(CALLER, published.message.id)
    screen.receipt(published, "received", "displayed")
    assert (await stage.core.messages.reach(published.message.id)).displayed == 1


async def test_suppressed_receipts_are_counted_by_reason(stage: Stage) -> None:
    screen = stage.connect("ada")
    published = await stage.banner()
    screen.receipt(published, "suppressed", reason="stale")
    reach = await stage.core.messages.reach(published.message.id)
    assert reach.suppressed == {"stale": 1}


async def test_counts_outlive_the_node(tmp_path: Path) -> None:
    clock = FakeClock()
    async with a_stage(tmp_path, clock) as stage:
        screens = [stage.connect("ada"), stage.connect("ada"), stage.connect("grace")]
        published = await stage.banner()
        screens[0].receipt(published, "received", "displayed")
        screens[2].receipt(published, "received")
        before = await stage.core.messages.reach(published.message.id)
    async with a_stage(tmp_path, clock) as stage:
        again = stage.connect("ada", showing=[[published.message.id, 1]])
        again.receipt(published, "received")
        after = await stage.core.messages.reach(published.message.id)
        assert (after.sent, after.received, after.displayed) == (
            before.sent,
            before.received,
            before.displayed,
        )
        assert after.sessions["sent"] == before.sessions["sent"]


async def test_counts_of_an_ended_message_are_read_from_the_store(tmp_path: Path) -> None:
    clock = FakeClock()
    async with a_stage(tmp_path, clock) as stage:
        screen = stage.connect("ada")
        published = await stage.banner()
        screen.receipt(published, "received", "displayed", "dismissed")
        await stage.core.messages.retract(CALLER, published.message.id)
    async with a_stage(tmp_path, clock) as stage:
        reach = await stage.core.messages.reach(published.message.id)
        assert (reach.sent, reach.received, reach.displayed, reach.dismissed) == (1, 1, 1, 1)


async def test_receipts_wait_for_a_store_that_is_away(
    stage: Stage, monkeypatch: pytest.MonkeyPatch
) -> None:
    screen = stage.connect("ada")
    published = await stage.banner()
    screen.receipt(published, "received")
    works = stage.core.store.add_receipts

    async def fails(*_: object) -> None:
        raise StoreUnavailable("no room", code="store_full")

    monkeypatch.setattr(stage.core.store, "add_receipts", fails)
    await stage.core.flusher.flush()
    monkeypatch.setattr(stage.core.store, "add_receipts", works)
    screen.receipt(published, "displayed")
    await stage.core.flusher.flush()
    tallies = await stage.core.store.tallies(published.message.id)
    assert (tallies["sent"].users, tallies["received"].users, tallies["displayed"].users) == (
        1,
        1,
        1,
    )


async def test_wait_ends_when_everybody_has_received(stage: Stage) -> None:
    screens = [stage.connect(f"u{n}") for n in range(3)]
    published = await stage.banner()
    waiting = asyncio.create_task(stage.core.messages.wait_received(published.message.id, 60))
    await asyncio.sleep(0)
    for screen in screens:
        assert not waiting.done()
        screen.receipt(published, "received")
    assert (await asyncio.wait_for(waiting, 5)).received == 3


async def test_wait_ends_at_its_time_with_what_there_is(stage: Stage) -> None:
    stage.connect("ada")
    published = await stage.banner()
    reach = await stage.core.messages.wait_received(published.message.id, 0.01)
    assert (reach.sent, reach.received) == (1, 0)


async def test_a_stream_of_reach_begins_with_now_and_ends_with_the_message(stage: Stage) -> None:
    screen = stage.connect("ada")
    published = await stage.banner()
    stream = stage.core.messages.watch_reach(published.message.id)
    first = await anext(stream)
    screen.receipt(published, "received")
    await stage.core.messages.retract(CALLER, published.message.id)
    await stage.core.flusher.flush()
    rest = [reach async for reach in stream]
    assert first.received == 0
    assert rest[-1].received == 1


actions = st.lists(
    st.tuples(st.sampled_from("abc"), st.integers(0, 2), st.sampled_from(list(ReceiptStage))),
    max_size=40,
)


@given(actions)
@settings(
    max_examples=30,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)
async def test_counts_equal_a_plain_count_of_what_clients_said(
    stage: Stage, said: list[tuple[str, int, ReceiptStage]]
) -> None:
    """P16: the sum is the truth of the clients' own words."""
    tabs = {(user, tab): stage.connect(user) for user in "abc" for tab in range(3)}
    published = await stage.banner()
    for user, tab, kind in said:
        tabs[user, tab].receipt(published, kind)
    tallies = stage.core.live_set.messages[published.message.id].ledger.tally
    for kind in ReceiptStage:
        assert tallies[kind] == [
            len({user for user, _, stage_ in said if stage_ is kind}),
            len({(user, tab) for user, tab, stage_ in said if stage_ is kind}),
        ]
    await stage.core.messages.retract(CALLER, published.message.id)
    for tab in tabs.values():
        tab.drop()
