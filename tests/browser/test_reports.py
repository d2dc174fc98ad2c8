"""What the client tells the gateway: receipts, navigation, and nothing that it would not know."""

import json
import time

import pytest
from playwright.async_api import BrowserContext, Page, expect

from gateway.wire.codec import decode
from gateway.wire.encoding import Encoding
from tests.browser.fake import FakeGateway, banner
from tests.browser.looks import open_page, region

pytestmark = [pytest.mark.browser, pytest.mark.asyncio(loop_scope="session")]


async def test_displayed_is_said_after_a_second_in_view_and_not_before(
    page: Page, fake: FakeGateway
) -> None:
    """A1."""
    await open_page(page, fake)
    shown_at = time.monotonic()
    await fake.show(banner())
    await fake.until(lambda f: "received m-1 1" in f.receipts())
    assert fake.receipts("displayed") == []
    await fake.until(lambda f: "displayed m-1 1" in f.receipts())

    assert time.monotonic() - shown_at >= 1.0


async def test_displayed_is_not_said_of_a_banner_that_is_scrolled_out_of_view(
    page: Page, fake: FakeGateway
) -> None:
    """A1: in view, not just on the page."""
    await open_page(page, fake, position="static")
    await page.evaluate("window.scrollTo(0, 600)")
    await fake.show(banner())
    await fake.until(lambda f: "received m-1 1" in f.receipts())
    second = page.evaluate("new Promise((done) => setTimeout(done, 1600))")
    await second
    assert fake.receipts("displayed") == []

    await page.evaluate("window.scrollTo(0, 0)")
    await fake.until(lambda f: "displayed m-1 1" in f.receipts())


async def test_displayed_is_not_said_of_a_banner_that_was_passed_by(
    page: Page, fake: FakeGateway
) -> None:
    """A1: one second without a break."""
    await open_page(page, fake, position="static")
    await fake.show(banner())
    await expect(region(page)).to_be_visible()
    await page.evaluate("window.scrollTo(0, 600)")
    await page.evaluate("new Promise((done) => setTimeout(done, 1600))")

    assert fake.receipts("displayed") == []


async def test_displayed_is_not_said_of_a_banner_that_gave_way_to_a_worse_one(
    page: Page, fake: FakeGateway
) -> None:
    """A1: still live, but no longer on the screen."""
    await open_page(page, fake)
    await fake.show(banner())
    await fake.until(lambda f: "received m-1 1" in f.receipts())
    await fake.show(banner("m-2", severity="critical"))
    await fake.until(lambda f: "displayed m-2 1" in f.receipts())

    assert fake.receipts("displayed") == ["displayed m-2 1"]


async def test_a_link_is_reported_before_it_is_followed(page: Page, fake: FakeGateway) -> None:
    actions = [
        {
            "id": "more",
            "label": "See status",
            "href": "/page?user=ada&words=there",
            "intent": "open",
        }
    ]
    fake.live = [banner(content={"title": "Down", "body": [], "actions": actions})]
    await open_page(page, fake)
    await page.get_by_role("link", name="See status").click()
    await page.wait_for_url("**words=there")

    await fake.until(lambda f: "clicked m-1 1" in f.receipts())


async def test_the_app_may_take_an_action_over(page: Page, fake: FakeGateway) -> None:
    actions = [
        {"id": "more", "label": "See status", "href": "/page?elsewhere=1", "intent": "open"},
        {"id": "ask", "label": "Ask us", "intent": "custom"},
    ]
    fake.live = [banner(content={"title": "Down", "body": [], "actions": actions})]
    await open_page(page, fake)
    await page.evaluate(
        """() => { window.taken = [];
        inappGateway.on("action", (event) => {
          event.preventDefault(); taken.push(`${event.message.id} ${event.action.id}`); }); }"""
    )
    await page.get_by_role("link", name="See status").click()
    await page.get_by_role("button", name="Ask us").click()

    assert await page.evaluate("window.taken") == ["m-1 more", "m-1 ask"]
    assert "elsewhere" not in page.url


async def test_an_action_may_dismiss(page: Page, fake: FakeGateway) -> None:
    actions = [{"id": "ok", "label": "Understood", "intent": "dismiss"}]
    fake.live = [banner(content={"title": "Down", "body": [], "actions": actions})]
    await open_page(page, fake)
    await page.get_by_role("button", name="Understood").click()

    await expect(region(page)).to_be_hidden()
    await fake.until(lambda f: {"clicked m-1 1", "dismissed m-1 1"} <= set(f.receipts()))


async def test_an_action_that_could_do_nothing_is_left_out(page: Page, fake: FakeGateway) -> None:
    actions = [
        {"id": "ok", "label": "Understood", "intent": "dismiss"},
        {"id": "more", "label": "More", "intent": "open"},
        {"id": "bad", "label": "Worse", "intent": "open", "href": "javascript:alert(1)"},
        {"id": "ask", "label": "Ask us", "intent": "custom"},
    ]
    content = {"title": "Down", "body": [], "actions": actions}
    fake.live = [banner(dismissible=False, content=content)]
    await open_page(page, fake)
    await expect(region(page)).to_be_visible()

    assert await region(page).locator(".action").all_inner_texts() == ["Ask us"]


async def test_a_dismissal_right_before_leaving_the_page_is_not_lost(
    page: Page, fake: FakeGateway
) -> None:
    fake.live = [banner()]
    await open_page(page, fake)
    await page.get_by_role("button", name="Dismiss").click()
    await page.goto("about:blank")

    await fake.until(lambda f: "dismissed m-1 1" in f.receipts())


async def test_a_dismissal_without_a_connection_is_said_by_the_next_page(
    page: Page, fake: FakeGateway
) -> None:
    """Kept for this tab and this user, until it was said."""
    fake.live = [banner()]
    await open_page(page, fake)
    await expect(region(page)).to_be_visible()
    fake.is_refusing = True
    await fake.drop()
    await page.wait_for_function("() => !inappGateway.getSnapshot().connection.status.match(/^c/)")
    await page.get_by_role("button", name="Dismiss").click()
    fake.is_refusing = False
    await open_page(page, fake)

    await fake.until(lambda f: "dismissed m-1 1" in f.receipts())
    await expect(region(page)).to_be_hidden()
    assert await page.evaluate("sessionStorage.length") == 0


async def test_a_minute_without_input_is_told_and_so_is_the_next_move(
    page: Page, fake: FakeGateway
) -> None:
    """A1: active means input in the last 60 s."""
    await page.clock.install()
    await open_page(page, fake)
    states = [frame for frame in fake.frames if frame["type"] == "state"]
    assert states == []
    await page.clock.run_for(30_000)
    await fake.say(type="ping", now=1)
    await page.clock.run_for(31_000)
    await fake.until(lambda f: f.frames[-1] == {"type": "state", "activity": "idle"})
    await page.mouse.move(100, 100)

    await fake.until(lambda f: f.frames[-1] == {"type": "state", "activity": "active"})


async def test_each_navigation_of_the_app_is_told(page: Page, fake: FakeGateway) -> None:
    """A5."""
    await open_page(page, fake)
    for script, path in [
        ("history.pushState({}, '', '/cart')", "/cart"),
        ("history.replaceState({}, '', '/cart?step=2')", "/cart?step=2"),
        ("location.hash = 'pay'", "/cart?step=2#pay"),
        ("history.back()", "/cart?step=2"),
    ]:
        await page.evaluate(script)
        await fake.until(lambda f, path=path: _pages(f)[-1:] == [fake.url + path])  # type: ignore[misc]


def _pages(fake: FakeGateway) -> list[str]:
    return [frame["url"] for frame in fake.frames if frame["type"] == "page"]


async def test_old_browsers_tell_navigations_too(
    context: BrowserContext, fake: FakeGateway
) -> None:
    """Without the Navigation API the history methods are wrapped."""
    await context.add_init_script("delete Window.prototype.navigation; delete window.navigation;")
    page = await context.new_page()
    await open_page(page, fake)
    assert await page.evaluate("window.navigation") is None
    for script, path in [
        ("history.pushState({}, '', '/cart')", "/cart"),
        ("location.hash = 'pay'", "/cart#pay"),
        ("history.back()", "/cart"),
    ]:
        await page.evaluate(script)
        await fake.until(lambda f, path=path: _pages(f)[-1:] == [fake.url + path])  # type: ignore[misc]


async def test_every_frame_it_sends_is_one_that_the_gateway_knows(
    page: Page, fake: FakeGateway
) -> None:
    """PROTOCOL §2: decoded by the gateway's own strict codec."""
    actions = [{"id": "ask", "label": "Ask us", "intent": "custom"}]
    fake.live = [banner(content={"title": "Down", "body": [], "actions": actions})]
    await open_page(page, fake)
    await page.evaluate("history.pushState({}, '', '/cart'); inappGateway.setBusy(true);")
    await page.evaluate("inappGateway.identify({ theme: 'dark' })")
    await page.get_by_role("button", name="Ask us").click()
    await fake.say(type="ping", now=1)
    await fake.until(lambda f: "displayed m-1 1" in f.receipts())
    await page.get_by_role("button", name="Dismiss").click()
    await fake.until(lambda f: "dismissed m-1 1" in f.receipts())

    kinds = set()
    for frame in fake.frames:
        decoded = decode(json.dumps(frame).encode(), Encoding.JSON)
        kinds |= {type(one).__name__ for one in decoded}
    expected = {"Connect", "PageView", "ClientState", "Identify", "Receipts", "Pong"}
    assert kinds == expected
