"""The whole way: an operator's HTTP call, a real gateway, real browsers (A17, A34, issue "Spine")."""

import asyncio
import time
from collections.abc import AsyncIterator, Iterator
from typing import Any, Literal

import httpx2
import pytest
import pytest_asyncio
from playwright.async_api import Browser, Page, expect

from tests.browser.conftest import Watched
from tests.browser.looks import violations
from tests.servers import MS, GatewayProcess, a_gateway

pytestmark = [pytest.mark.browser, pytest.mark.asyncio(loop_scope="session")]


@pytest.fixture(scope="module")
def gateway(tmp_path_factory: pytest.TempPathFactory) -> Iterator[GatewayProcess]:
    """`gateway dev`, as `make run` starts it."""
    with a_gateway(tmp_path_factory.mktemp("gateway"), dev=True, resolved_linger=2) as gateway:
        yield gateway


class Stage:
    """The demo page with its four screens, and the operator's API."""

    def __init__(self, page: Page, http: httpx2.AsyncClient) -> None:
        self.page = page
        self.http = http

    def banner(self, screen: str) -> Any:
        """The banner on one of the screens."""
        return self.page.locator(f"[data-screen={screen}]").get_by_role("region")

    async def send(self, text: str, **fields: Any) -> str:
        """One call; the id."""
        answer = await self.http.post("/v1/broadcast", json={"text": text} | fields)
        assert answer.status_code == 201, answer.text
        return str(answer.json()["id"])

    async def patch(self, message_id: str, **fields: Any) -> None:
        answer = await self.http.patch(f"/v1/messages/{message_id}", json=fields)
        assert answer.status_code == 200, answer.text

    async def reach(self, message_id: str) -> dict[str, Any]:
        return dict((await self.http.get(f"/v1/messages/{message_id}/reach")).json())

    async def until_reach(self, message_id: str, **counts: int) -> None:
        """Wait for counts; they are flushed in batches."""
        deadline = time.monotonic() + 10_000 * MS
        while time.monotonic() < deadline:
            reach = await self.reach(message_id)
            if all(reach[stage] == count for stage, count in counts.items()):
                return
            await asyncio.sleep(50 * MS)
        raise AssertionError(f"not {counts}: {reach}")


SCREENS = ["ada-laptop", "ada-phone", "grace-laptop", "linus-laptop"]


@pytest_asyncio.fixture(loop_scope="session")
async def stage(
    browser: Browser, gateway: GatewayProcess, watched: Watched
) -> AsyncIterator[Stage]:
    """Four screens that are connected, nothing live."""
    context = await browser.new_context(
        viewport={"width": 1600, "height": 1100}, reduced_motion="reduce"
    )
    page = await context.new_page()
    watched.watch(page)
    await page.goto(f"{gateway.url}/demo")
    key = (await (await page.request.get(f"{gateway.url}/demo/config.json")).json())["key"]
    async with gateway.http(key) as http:
        for message in (await http.get("/v1/messages?state=live")).json()["data"]:
            await http.post(f"/v1/messages/{message['id']}/retract", json={})
        for screen in SCREENS:
            link = page.locator(f"[data-screen={screen}] .link")
            await expect(link).to_have_attribute("data-status", "connected")
        yield Stage(page, http)
    await context.close()


async def test_one_call_shows_on_every_screen_within_the_second(stage: Stage) -> None:
    """A17: accepted to drawn, three users, four tabs."""
    sent_at = time.monotonic()
    message_id = await stage.send(
        "We are on it.", title="Payments are failing", severity="critical"
    )
    for screen in SCREENS:
        await expect(stage.banner(screen)).to_contain_text("Payments are failing", timeout=1_000)
    assert time.monotonic() - sent_at < 1.0

    await stage.until_reach(message_id, sent=3, received=3, displayed=3)


async def test_it_changes_in_place(stage: Stage) -> None:
    message_id = await stage.send("Some cards are declined.", incident={"status": "investigating"})
    await expect(stage.banner("ada-laptop")).to_contain_text("Investigating")
    await stage.patch(message_id, incident={"status": "identified", "body": "A provider is down."})

    for screen in SCREENS:
        await expect(stage.banner(screen)).to_contain_text("Identified", timeout=1_000)
        await expect(stage.banner(screen).get_by_text("Updates (1)")).to_be_visible()


async def test_dismissed_on_one_tab_it_leaves_the_users_other_tab_only(stage: Stage) -> None:
    message_id = await stage.send("Search is slow.", severity="minor")
    await expect(stage.banner("ada-phone")).to_be_visible()
    await stage.banner("ada-laptop").get_by_role("button", name="Dismiss").click()
    await expect(stage.banner("ada-phone")).to_be_hidden(timeout=2_000)
    await stage.until_reach(message_id, dismissed=1)

    await expect(stage.banner("grace-laptop")).to_be_visible()
    await stage.patch(message_id, content={"text": "Search is slow, still."})
    await expect(stage.banner("grace-laptop")).to_contain_text("still")
    await expect(stage.banner("ada-laptop")).to_be_hidden()
    await expect(stage.banner("ada-phone")).to_be_hidden()


async def test_it_expires_by_itself(stage: Stage) -> None:
    await stage.send("Gone in a moment.", expires_in="2s")
    await expect(stage.banner("linus-laptop")).to_be_visible()

    for screen in SCREENS:
        await expect(stage.banner(screen)).to_be_hidden(timeout=5_000)


async def test_resolved_it_says_so_and_then_leaves(stage: Stage) -> None:
    """Incident: resolved reaches those who saw it; it lingers, then goes."""
    message_id = await stage.send("Cards are declined.", incident={"status": "investigating"})
    await stage.until_reach(message_id, displayed=3)
    await stage.patch(message_id, incident={"status": "resolved", "body": "All is well."})
    await expect(stage.banner("grace-laptop")).to_have_attribute("data-look", "resolved")

    for screen in SCREENS:
        await expect(stage.banner(screen)).to_be_hidden(timeout=8_000)


async def test_retracted_it_leaves_every_screen(stage: Stage) -> None:
    message_id = await stage.send("A mistake.")
    await expect(stage.banner("ada-phone")).to_be_visible()
    answer = await stage.http.post(f"/v1/messages/{message_id}/retract", json={})
    assert answer.status_code == 200

    for screen in SCREENS:
        await expect(stage.banner(screen)).to_be_hidden(timeout=1_000)


async def test_a_lost_connection_ends_in_the_same_picture_without_duplicates(
    stage: Stage,
) -> None:
    """A34: shown, marked, then reconciled with what is still live."""
    kept = await stage.send("Still going on.", title="Kept")
    ended = await stage.send("Over soon.", title="Ended", severity="critical")
    screen = stage.page.locator("[data-screen=linus-laptop]")
    await expect(stage.banner("linus-laptop")).to_contain_text("1 of 2")
    cut = screen.get_by_role("button", name="Cut the line")
    await cut.click()
    mark = stage.banner("linus-laptop").get_by_text("Connection lost. This may be out of date.")
    await expect(mark).to_be_visible(timeout=8_000)
    await stage.http.post(f"/v1/messages/{ended}/retract", json={})
    await stage.patch(kept, content={"title": "Kept, and changed", "text": "Still going on."})
    await expect(stage.banner("linus-laptop")).to_contain_text("Ended")

    await cut.click()
    await expect(screen.locator(".link")).to_have_attribute("data-status", "connected")
    await expect(stage.banner("linus-laptop")).to_contain_text("Kept, and changed")
    await expect(mark).to_be_hidden()
    await expect(stage.banner("linus-laptop").locator(".pager")).to_be_hidden()


async def test_a_banner_for_some_pages_comes_and_goes_with_them(stage: Stage) -> None:
    """A5, A9: re-evaluated on every navigation."""
    await stage.send("Receipts arrive late.", pages={"allow": ["/checkout/**"]})
    ada = stage.page.locator("[data-screen=ada-laptop]")
    await ada.get_by_role("button", name="Checkout").click()
    await expect(stage.banner("ada-laptop")).to_contain_text("Receipts arrive late.")
    await expect(stage.banner("ada-phone")).to_be_hidden()
    await ada.get_by_role("button", name="Home").click()
    await expect(stage.banner("ada-laptop")).to_be_hidden()

    await ada.get_by_role("button", name="Checkout").click()
    await expect(stage.banner("ada-laptop")).to_contain_text("Receipts arrive late.")


async def test_the_panel_does_all_that_without_a_command_line(stage: Stage) -> None:
    """A35: a beginner's first banner."""
    panel = stage.page.locator(".panel")
    await panel.get_by_role("button", name="Outage").click()
    await panel.get_by_role("button", name="Show it on every screen").click()
    await expect(panel.get_by_role("status")).to_contain_text("4 screens of 3 users")
    await expect(stage.banner("grace-laptop")).to_contain_text("Payments are failing")

    card = panel.get_by_role("listitem").filter(has_text="Payments are failing")
    await card.get_by_label("Status").select_option("monitoring")
    await card.get_by_label("Update").fill("We switched to another provider.")
    await card.get_by_role("button", name="Post update").click()
    await expect(stage.banner("grace-laptop")).to_contain_text("Monitoring")
    await card.get_by_role("button", name="Retract").click()
    await expect(stage.banner("grace-laptop")).to_be_hidden()
    await expect(panel.get_by_text("Nothing is live.")).to_be_visible()


async def test_the_panel_shows_what_the_gateway_refused(stage: Stage) -> None:
    panel = stage.page.locator(".panel")
    await panel.get_by_label("Text").fill("Hello")
    await panel.get_by_label("to", exact=True).fill("javascript:alert(1)")
    await panel.get_by_role("button", name="Show it on every screen").click()

    await expect(panel.get_by_role("status")).to_contain_text("link")


@pytest.mark.parametrize("width", [320, 768, 1440, 3840])
async def test_the_demo_fits_every_screen(stage: Stage, width: int) -> None:
    await stage.send("A long enough text to wrap on the small ones.", title="Payments are failing")
    await stage.page.set_viewport_size({"width": width, "height": 900})
    await expect(stage.banner("ada-laptop")).to_be_visible()
    overflow = await stage.page.evaluate(
        "document.documentElement.scrollWidth - document.documentElement.clientWidth"
    )
    assert overflow <= 0


@pytest.mark.parametrize("scheme", ["light", "dark"])
async def test_the_demo_is_for_everybody(stage: Stage, scheme: Literal["light", "dark"]) -> None:
    await stage.page.emulate_media(color_scheme=scheme)
    await stage.send("We are on it.", title="Payments are failing", severity="critical")
    await expect(stage.banner("linus-laptop")).to_be_visible()
    await expect(stage.page.locator(".live")).to_have_count(1)

    assert await violations(stage.page) == []
