"""Who gets in, and what a live session may ask."""

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from tests.fakes import FakeClock
from tests.gateway.messaging.stage import CALLER, Stage, a_stage


@pytest.fixture
async def stage(tmp_path: Path) -> AsyncIterator[Stage]:
    async with a_stage(tmp_path, max_connections_per_user=2, client_traits=("plan",)) as stage:
        yield stage


async def test_the_welcome_says_what_the_contract_says(stage: Stage) -> None:
    """PROTOCOL §2."""
    welcome = stage.connect("ada").welcome
    assert welcome["user"] == "ada"
    assert welcome["now"] == int(stage.clock.now().timestamp() * 1000)
    assert welcome["heartbeat"] == {"interval": 25, "grace": 10}
    assert welcome["expires_at"] == "2026-11-21T13:00:00.000Z"
    assert (welcome["live"], welcome["unread"], welcome["preferences"]) == ([], 0, {})
    assert welcome["limits"]["frame_bytes"] == 16_384


@pytest.mark.parametrize(("token", "code"), [("bad", 4303), ("", 4303)])
async def test_a_token_that_does_not_hold_closes_with_its_code(
    stage: Stage, token: str, code: int
) -> None:
    screen = stage.connect(token)
    assert screen.code == code
    assert screen.link.of_type("bye")[0]["code"] == code
    assert screen.link.of_type("error")[0]["code"].startswith("token_")


async def test_a_user_without_a_token_is_let_in_by_dev_only(tmp_path: Path, stage: Stage) -> None:
    assert stage.connect("", user="ada", token=None).code == 4303
    async with a_stage(tmp_path.parent, dev=True) as dev:
        assert dev.connect("", user="ada", token=None).welcome["user"] == "ada"


async def test_no_keys_yet_and_the_client_comes_back_later(stage: Stage) -> None:
    stage.verifier.down = True
    assert stage.connect("ada").code == 4109


async def test_a_connect_waits_for_keys_that_are_being_fetched(stage: Stage) -> None:
    loading = stage.verifier.loading = asyncio.get_running_loop().create_future()
    screen = stage.connect("ada")
    assert (screen.link.frames, screen.link.reading) == ([], False)
    loading.set_result(None)
    await asyncio.sleep(0)
    assert screen.welcome["user"] == "ada"
    assert screen.link.reading


async def test_who_leaves_while_keys_are_fetched_is_forgotten(stage: Stage) -> None:
    loading = stage.verifier.loading = asyncio.get_running_loop().create_future()
    screen = stage.connect("ada")
    screen.drop()
    loading.set_result(None)
    await asyncio.sleep(0)
    assert stage.core.hub.session_count == 0


async def test_one_connection_too_many_is_refused_with_4005(stage: Stage) -> None:
    """T13."""
    first, second = stage.connect("ada"), stage.connect("ada")
    third, other = stage.connect("ada"), stage.connect("grace")
    assert [s.code for s in (first, second, third, other)] == [None, None, 4005, None]


async def test_the_oldest_can_make_room_instead(tmp_path: Path) -> None:
    settings = {"max_connections_per_user": 1, "connections_overflow": "replace_oldest"}
    async with a_stage(tmp_path, **settings) as stage:
        first, second = stage.connect("ada"), stage.connect("ada")
        assert (first.code, second.code) == (4006, None)
        assert stage.core.hub.session_count == 1


async def test_a_blocked_user_is_closed_and_stays_out_until_unblocked(stage: Stage) -> None:
    screen, other = stage.connect("ada"), stage.connect("grace")
    assert await stage.core.people.block(CALLER, "ada") == 1
    assert (screen.code, other.code) == (4003, None)
    assert stage.connect("ada").code == 4003
    await stage.core.people.block(CALLER, "ada", blocked=False)
    assert stage.connect("ada").code is None


async def test_a_block_outlives_the_node(tmp_path: Path) -> None:
    clock = FakeClock()
    async with a_stage(tmp_path, clock) as stage:
        await stage.core.people.block(CALLER, "ada")
    async with a_stage(tmp_path, clock) as stage:
        assert stage.connect("ada").code == 4003


async def test_revoked_tokens_close_and_only_newer_ones_hold(stage: Stage) -> None:
    """T50."""
    screen = stage.connect("ada")
    stage.clock.pass_seconds(1)
    assert await stage.core.people.revoke(CALLER, "ada") == 1
    assert screen.code == 4302
    stage.clock.pass_seconds(1)
    assert stage.connect("ada").code is None


async def test_one_token_can_be_revoked_alone(stage: Stage) -> None:
    one, two = stage.connect("ada/t1"), stage.connect("ada/t2")
    await stage.core.people.revoke(CALLER, "ada", token_id="t1")
    assert (one.code, two.code) == (4302, None)
    assert stage.connect("ada/t1").code == 4302


async def test_every_end_is_counted_by_its_code(stage: Stage) -> None:
    stage.connect("bad")
    stage.connect("ada").session.on_closed(4999)
    await stage.core.people.disconnect(CALLER, "nobody")
    text = stage.core.metrics.render().decode()
    assert 'gateway_closes_total{code="4303"} 1.0' in text
    assert 'gateway_closes_total{code="other"} 1.0' in text


async def test_a_disconnected_user_may_come_back(stage: Stage) -> None:
    screen = stage.connect("ada")
    assert await stage.core.people.disconnect(CALLER, "ada") == 1
    assert screen.code == 4007
    assert stage.connect("ada").code is None


async def test_a_refreshed_token_is_taken_in_place(stage: Stage) -> None:
    screen = stage.connect("ada")
    stage.clock.pass_seconds(60)
    screen.say(type="refresh", id="r1", token="ada")
    assert screen.link.frames[-1] == {
        "type": "reply",
        "id": "r1",
        "expires_at": "2026-11-21T13:01:00.000Z",
    }


@pytest.mark.parametrize(
    ("token", "code"), [("bad", "token_signature"), ("eve", "token_other_user")]
)
async def test_a_refresh_that_does_not_hold_changes_nothing(
    stage: Stage, token: str, code: str
) -> None:
    screen = stage.connect("ada")
    screen.say(type="refresh", id="r1", token=token)
    assert screen.link.frames[-1]["code"] == code
    assert screen.code is None
    assert screen.session.user_id == "ada"


async def test_presence_shows_the_most_present_session(stage: Stage) -> None:
    desk = stage.connect("ada", device={"platform": "web"})
    phone = stage.connect("ada", device={"platform": "ios"}, visibility="hidden")
    desk.say(type="state", activity="idle")
    presence = await stage.core.presence.lookup("ada")
    assert (presence.online, presence.state) == (True, "idle")
    assert [s.platform for s in presence.sessions] == ["web", "ios"]
    phone.say(type="state", visibility="visible")
    assert (await stage.core.presence.lookup("ada")).state == "active"


async def test_the_census_counts_users_once(stage: Stage) -> None:
    stage.connect("ada")
    stage.connect("ada", visibility="hidden")
    stage.connect("grace", visibility="hidden", device={"platform": "ios"})
    census = await stage.core.presence.census()
    assert (census.users, census.sessions) == (2, 3)
    assert census.by_state == {"active": 1, "idle": 0, "hidden": 1}
    assert census.by_platform == {"unknown": 2, "ios": 1}


async def test_who_has_left_was_last_seen_then(stage: Stage) -> None:
    screen = stage.connect("ada")
    stage.clock.pass_seconds(30)
    screen.drop()
    await stage.core.flusher.flush()
    presence = await stage.core.presence.lookup("ada")
    assert (presence.online, presence.last_seen) == (False, stage.clock.now())


async def test_a_user_never_seen_is_offline(stage: Stage) -> None:
    presence = await stage.core.presence.lookup("nobody")
    assert (presence.online, presence.state, presence.last_seen) == (False, "offline", None)


async def test_a_user_is_online_while_one_of_two_tabs_is(stage: Stage) -> None:
    """P9: never offline while a connection is live."""
    first, _second = stage.connect("ada"), stage.connect("ada")
    first.drop()
    assert (await stage.core.presence.query(["ada"]))["ada"].online


async def test_allowed_traits_are_kept_and_others_refused(stage: Stage) -> None:
    screen = stage.connect("ada")
    screen.say(type="identify", id="i1", traits={"plan": "free"})
    screen.say(type="identify", id="i2", traits={"role": "admin"})
    await stage.core.flusher.flush()
    answers = [(f["type"], f.get("code")) for f in screen.link.frames[1:]]
    assert answers == [("reply", None), ("error", "trait_not_allowed")]
    assert await stage.core.store.traits("ada") == {"plan": "free"}


async def test_what_is_not_built_yet_says_so(stage: Stage) -> None:
    screen = stage.connect("ada")
    screen.say(type="track", id="t1", event="bought")
    assert screen.link.frames[-1]["code"] == "not_supported"
    assert screen.code is None
