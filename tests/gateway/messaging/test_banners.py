"""From one call to every screen: the banner goes on, changes in place, ends, never comes back."""

from collections.abc import AsyncIterator
from datetime import timedelta
from pathlib import Path

import pytest

from gateway.errors import Conflict, Refused
from gateway.messaging.drafts import IncidentDraft, MessagePatch
from gateway.model.message import Content, IncidentStatus, Pages, Resurface, Severity, State
from gateway.sessions.link import Encoding
from tests.fakes import START, FakeClock
from tests.gateway.messaging.stage import CALLER, Stage, a_stage


@pytest.fixture
async def stage(tmp_path: Path) -> AsyncIterator[Stage]:
    async with a_stage(tmp_path) as stage:
        yield stage


def resolved(body: str = "All good") -> MessagePatch:
    return MessagePatch(incident=IncidentDraft(status=IncidentStatus.RESOLVED, body=body))


@pytest.mark.parametrize("encoding", list(Encoding))
async def test_a_banner_reaches_every_open_screen(stage: Stage, encoding: Encoding) -> None:
    """A17."""
    screens = [stage.connect(f"u{n}", encoding=encoding) for n in range(20)]
    published = await stage.banner()
    assert all(screen.shown == [published.message.id] for screen in screens)
    assert published.reach.sent == 20
    assert published.reach.sessions["sent"] == 20


async def test_who_connects_later_gets_it_in_the_welcome(stage: Stage) -> None:
    published = await stage.banner()
    assert stage.connect("ada").live == [published.message.id]


async def test_a_banner_on_the_wire_is_as_the_contract_says(stage: Stage) -> None:
    screen = stage.connect("ada")
    published = await stage.banner("**Checkout** is down", severity=Severity.CRITICAL)
    frame = screen.link.of_type("message")[0]
    assert frame["op"] == "show"
    assert frame["message"]["id"] == published.message.id
    assert frame["message"]["severity"] == "critical"
    assert frame["message"]["expires_at"] == "2026-11-21T16:00:00.000Z"
    assert frame["message"]["locale"] == "en"


async def test_a_change_reaches_the_shown_copies_in_place(stage: Stage) -> None:
    screen = stage.connect("ada")
    published = await stage.banner()
    patch = MessagePatch(content={"en": Content(body="Checkout is slow")})
    await stage.core.messages.patch(CALLER, published.message.id, patch)
    ops = [frame["op"] for frame in screen.link.of_type("message")]
    assert ops == ["show", "update"]
    assert screen.shown == [published.message.id]


async def test_of_two_operators_who_change_at_once_the_second_is_told(stage: Stage) -> None:
    published = await stage.banner()
    patch = MessagePatch(severity=Severity.MINOR)
    await stage.core.messages.patch(CALLER, published.message.id, patch, if_match=1)
    with pytest.raises(Conflict) as conflict:
        await stage.core.messages.patch(CALLER, published.message.id, patch, if_match=1)
    assert conflict.value.code == "precondition_failed"


async def test_a_retracted_banner_leaves_and_never_comes_back(stage: Stage) -> None:
    """P7."""
    screen = stage.connect("ada")
    published = await stage.banner()
    await stage.core.messages.retract(CALLER, published.message.id)
    assert screen.link.of_type("retract")[0]["reason"] == "retracted"
    assert stage.connect("grace").live == []
    with pytest.raises(Refused):
        await stage.core.messages.publish(CALLER, published.message.id)


async def test_retracting_twice_is_no_error(stage: Stage) -> None:
    published = await stage.banner()
    await stage.core.messages.retract(CALLER, published.message.id)
    again = await stage.core.messages.retract(CALLER, published.message.id)
    assert again.message.revision == 2


async def test_a_paused_banner_comes_back_when_it_is_published_again(stage: Stage) -> None:
    screen = stage.connect("ada")
    published = await stage.banner()
    await stage.core.messages.pause(CALLER, published.message.id)
    assert screen.shown == []
    await stage.core.messages.publish(CALLER, published.message.id)
    assert screen.shown == [published.message.id]


async def test_a_draft_is_on_no_screen(stage: Stage) -> None:
    screen = stage.connect("ada")
    await stage.banner(state=State.DRAFT)
    assert screen.shown == []


async def test_expiry_takes_effect_without_any_other_event(stage: Stage) -> None:
    screen = stage.connect("ada")
    published = await stage.banner(expires_at=START + timedelta(seconds=10))
    await stage.wait(9)
    assert screen.shown == [published.message.id]
    await stage.wait(1.5)
    assert screen.link.of_type("retract")[0]["reason"] == "expired"
    assert stage.connect("grace").live == []
    ended = await stage.core.messages.get(published.message.id)
    assert (ended.message.state, ended.message.ended_reason) == (State.ENDED, "expired")


async def test_a_later_end_moves_the_end(stage: Stage) -> None:
    screen = stage.connect("ada")
    published = await stage.banner(expires_at=START + timedelta(seconds=10))
    patch = MessagePatch(expires_at=START + timedelta(seconds=60))
    await stage.core.messages.patch(CALLER, published.message.id, patch)
    await stage.wait(30)
    assert screen.shown == [published.message.id]
    await stage.wait(31)
    assert screen.shown == []


async def test_a_banner_that_starts_later_is_shown_then(stage: Stage) -> None:
    screen = stage.connect("ada")
    published = await stage.banner(starts_at=START + timedelta(seconds=10))
    assert (screen.shown, stage.connect("grace").live) == ([], [])
    await stage.wait(11)
    assert screen.shown == [published.message.id]


async def test_a_start_that_is_moved_takes_it_off_until_then(stage: Stage) -> None:
    screen = stage.connect("ada")
    published = await stage.banner()
    patch = MessagePatch(starts_at=START + timedelta(seconds=10))
    await stage.core.messages.patch(CALLER, published.message.id, patch)
    assert screen.link.of_type("retract")[0]["reason"] == "audience"
    await stage.wait(11)
    assert screen.shown == [published.message.id]


async def test_a_resolved_outage_is_told_to_those_who_saw_it_and_then_leaves(
    stage: Stage,
) -> None:
    saw = stage.connect("ada")
    published = await stage.banner(incident=IncidentDraft())
    await stage.core.messages.patch(CALLER, published.message.id, resolved())
    came_later = stage.connect("grace")
    assert saw.link.of_type("message")[-1]["message"]["incident"]["status"] == "resolved"
    assert came_later.live == []
    await stage.wait(31)
    assert saw.link.of_type("retract")[0]["reason"] == "resolved"
    assert saw.shown == []


async def test_who_reconnects_while_a_resolved_banner_lingers_keeps_it(stage: Stage) -> None:
    published = await stage.banner(incident=IncidentDraft())
    stage.connect("ada").drop()
    await stage.core.messages.patch(CALLER, published.message.id, resolved())
    back = stage.connect("ada", showing=[[published.message.id, 1]])
    assert back.live == [published.message.id]


async def test_a_banner_with_pages_is_sent_only_where_it_matches(stage: Stage) -> None:
    shop = stage.connect("ada", page="https://x.test/shop/cart")
    blog = stage.connect("grace", page="https://x.test/blog")
    published = await stage.banner(pages=Pages(allow=("/shop/**",)))
    assert (shop.shown, blog.shown) == ([published.message.id], [])
    assert published.reach.sent == 1


async def test_another_page_is_looked_at_anew(stage: Stage) -> None:
    """A5."""
    screen = stage.connect("ada", page="/blog")
    published = await stage.banner(pages=Pages(allow=("/shop/**",)))
    screen.say(type="page", url="/shop/cart")
    assert screen.shown == [published.message.id]
    screen.say(type="page", url="/blog")
    assert screen.link.of_type("retract")[0]["reason"] == "page"
    screen.say(type="page", url="/shop/")
    assert screen.shown == [published.message.id]


async def test_pages_that_are_added_later_take_it_off_elsewhere(stage: Stage) -> None:
    shop, blog = stage.connect("ada", page="/shop/"), stage.connect("grace", page="/blog")
    published = await stage.banner()
    patch = MessagePatch(pages=Pages(allow=("/shop/**",)))
    await stage.core.messages.patch(CALLER, published.message.id, patch)
    assert (shop.shown, blog.shown) == ([published.message.id], [])


async def test_a_dismissal_reaches_the_users_other_sessions(stage: Stage) -> None:
    desk, phone = stage.connect("ada"), stage.connect("ada")
    other = stage.connect("grace")
    published = await stage.banner()
    desk.receipt(published, "received", "displayed", "dismissed")
    assert phone.link.of_type("retract")[0]["reason"] == "dismissed_elsewhere"
    assert other.shown == [published.message.id]
    assert stage.connect("ada").live == []


async def test_a_dismissal_outlives_the_node(tmp_path: Path) -> None:
    clock = FakeClock()
    async with a_stage(tmp_path, clock) as stage:
        screen = stage.connect("ada")
        published = await stage.banner()
        screen.receipt(published, "received", "dismissed")
    async with a_stage(tmp_path, clock) as stage:
        assert stage.connect("ada").live == []
        assert stage.connect("grace").live == [published.message.id]


@pytest.mark.parametrize(
    ("resurface", "comes_back"),
    [(Resurface.NEVER, False), (Resurface.ON_SEVERITY_UP, True), (Resurface.ALWAYS, True)],
)
async def test_a_dismissed_banner_comes_back_only_as_its_author_chose(
    stage: Stage, resurface: Resurface, comes_back: bool
) -> None:
    """P23."""
    screen = stage.connect("ada")
    published = await stage.banner(resurface=resurface)
    screen.receipt(published, "received", "dismissed")
    screen.link.clear()
    patch = MessagePatch(severity=Severity.CRITICAL)
    await stage.core.messages.patch(CALLER, published.message.id, patch)
    assert bool(screen.link.of_type("message")) is comes_back
    assert bool(stage.connect("ada").live) is comes_back


async def test_the_kill_switch_empties_every_screen_and_gives_back_what_is_live(
    stage: Stage,
) -> None:
    """P6."""
    screen = stage.connect("ada")
    published = await stage.banner()
    await stage.core.mutes.mute(CALLER, "banner", "too loud")
    assert (screen.shown, stage.connect("grace").live) == ([], [])
    await stage.core.mutes.unmute(CALLER, "banner")
    assert screen.shown == [published.message.id]


async def test_a_banner_published_while_muted_says_so(stage: Stage) -> None:
    screen = stage.connect("ada")
    await stage.core.mutes.mute(CALLER, "all")
    published = await stage.banner()
    assert screen.shown == []
    assert published.reach.suppressed == {"muted_kind": 1}
    await stage.core.mutes.unmute(CALLER, "all")
    assert screen.shown == [published.message.id]


async def test_a_locale_gets_its_own_text_and_the_rest_the_default(stage: Stage) -> None:
    german = stage.connect("ada", locale="de-AT")
    french = stage.connect("grace", locale="fr")
    await stage.banner(content={"en": Content(body="Down"), "de": Content(body="Ausfall")})
    assert german.link.of_type("message")[0]["message"]["locale"] == "de"
    assert french.link.of_type("message")[0]["message"]["locale"] == "en"


async def test_the_live_set_survives_a_restart_exactly_once(tmp_path: Path) -> None:
    clock = FakeClock()
    async with a_stage(tmp_path, clock) as stage:
        first = await stage.banner("one")
        second = await stage.banner("two", severity=Severity.CRITICAL)
        revision = stage.core.live_set.revision
    async with a_stage(tmp_path, clock) as stage:
        assert stage.connect("ada").live == [second.message.id, first.message.id]
        assert stage.core.live_set.revision == revision


async def test_what_expired_while_the_node_was_down_is_never_shown(tmp_path: Path) -> None:
    clock = FakeClock()
    async with a_stage(tmp_path, clock) as stage:
        published = await stage.banner(expires_at=START + timedelta(seconds=10))
    clock.pass_seconds(20)
    async with a_stage(tmp_path, clock) as stage:
        assert stage.connect("ada").live == []
        await stage.settle()
        ended = await stage.core.messages.get(published.message.id)
        assert ended.message.state is State.ENDED


async def test_fifty_live_banners_are_enough(stage: Stage) -> None:
    """T65."""
    for number in range(50):
        await stage.banner(f"{number}")
    with pytest.raises(Refused) as refused:
        await stage.banner("one more")
    assert refused.value.code == "too_many_live"


async def test_a_preview_changes_and_sends_nothing(stage: Stage) -> None:
    from tests.gateway.messaging.test_lifecycle import draft

    screen = stage.connect("ada")
    preview = await stage.core.messages.preview(CALLER, draft())
    assert preview.reach.online == 1
    assert (screen.shown, (await stage.core.messages.find()).data) == ([], ())
