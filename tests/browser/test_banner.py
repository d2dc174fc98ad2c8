"""The banner on a page: what is seen, when it changes, and when it leaves."""

import asyncio
import time

import pytest
from playwright.async_api import BrowserContext, Page, expect

from tests.browser.fake import FakeGateway, banner
from tests.browser.looks import open_page, region

pytestmark = [pytest.mark.browser, pytest.mark.asyncio(loop_scope="session")]


async def test_it_appears_at_the_top_and_pushes_the_page_down(
    page: Page, fake: FakeGateway
) -> None:
    """P4: across the top of the page, the full width, above the content and not over it."""
    await open_page(page, fake, margin="8px")
    before = await page.locator("h1").bounding_box()
    await fake.show(banner())
    await expect(region(page)).to_be_visible()

    box = await region(page).bounding_box()
    after = await page.locator("h1").bounding_box()
    assert box
    assert before
    assert after
    assert (box["x"], box["y"]) == (0, 0)
    assert box["width"] == await page.evaluate("document.documentElement.clientWidth")
    assert after["y"] - before["y"] == pytest.approx(box["height"], abs=1)
    await expect(region(page)).to_contain_text("Payments are failing")
    await expect(region(page)).to_contain_text("Cards are declined. We are on it.")


async def test_it_stays_in_view_while_the_page_scrolls(page: Page, fake: FakeGateway) -> None:
    await open_page(page, fake)
    await page.evaluate("window.scrollTo(0, 500)")
    await fake.show(banner())

    await expect(region(page)).to_be_in_viewport(ratio=1)


async def test_a_static_one_scrolls_away_with_the_page(page: Page, fake: FakeGateway) -> None:
    fake.live = [banner()]
    await open_page(page, fake, position="static")
    await expect(region(page)).to_be_in_viewport()
    await page.evaluate("window.scrollTo(0, 500)")

    await expect(region(page)).not_to_be_in_viewport()


async def test_nothing_that_is_scrolled_to_hides_beneath_it(page: Page, fake: FakeGateway) -> None:
    """WCAG 2.4.11, focus not obscured; a link to a part of the page leads into view as well."""
    fake.live = [banner()]
    await open_page(page, fake)
    await expect(region(page)).to_be_visible()
    await page.evaluate("window.scrollTo(0, 1e6)")
    await page.evaluate("location.hash = 'first'")

    box, button = await region(page).bounding_box(), await page.locator("#first").bounding_box()
    assert box
    assert button
    assert button["y"] >= box["height"] - 1


async def test_it_changes_in_place(page: Page, fake: FakeGateway) -> None:
    await open_page(page, fake)
    await fake.show(banner())
    frame = await region(page).element_handle()
    changed = banner(revision=2, severity="critical", content={"title": "All is down", "body": []})
    await fake.show(changed, op="update")

    await expect(region(page)).to_contain_text("All is down")
    await expect(region(page)).not_to_contain_text("Payments")
    assert await region(page).count() == 1
    assert await frame.evaluate("(it) => it.isConnected && it.dataset.look") == "critical"


async def test_it_leaves_when_retracted(page: Page, fake: FakeGateway) -> None:
    fake.live = [banner()]
    await open_page(page, fake)
    await expect(region(page)).to_be_visible()
    await fake.retract("m-1")

    await expect(region(page)).to_be_hidden()


async def test_it_leaves_by_itself_when_it_expires(page: Page, fake: FakeGateway) -> None:
    """A34: with no further event."""
    await open_page(page, fake)
    ends = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(time.time() + 3))
    await fake.show(banner(expires_at=ends))
    await expect(region(page)).to_be_visible()

    await expect(region(page)).to_be_hidden(timeout=6_000)


async def test_dismissing_hides_it_at_once_and_says_so(page: Page, fake: FakeGateway) -> None:
    fake.live = [banner()]
    await open_page(page, fake)
    await page.get_by_role("button", name="Dismiss").click()

    await expect(region(page)).to_be_hidden()
    await fake.until(lambda f: "dismissed m-1 1" in f.receipts())


async def test_it_cannot_be_dismissed_where_the_operator_says_so(
    page: Page, fake: FakeGateway
) -> None:
    fake.live = [banner(dismissible=False)]
    await open_page(page, fake)
    await expect(region(page)).to_be_visible()

    await expect(page.get_by_role("button", name="Dismiss")).to_have_count(0)


async def test_a_single_one_has_no_pager(page: Page, fake: FakeGateway) -> None:
    fake.live = [banner()]
    await open_page(page, fake)
    await expect(region(page)).to_be_visible()

    await expect(region(page).get_by_role("button")).to_have_count(1)


async def test_several_take_turns(page: Page, fake: FakeGateway) -> None:
    for at, severity in enumerate(["info", "critical", "minor"]):
        content = {"title": f"Notice {severity}", "body": []}
        fake.live.append(banner(f"m-{at}", severity=severity, content=content))
    await open_page(page, fake)

    seen = []
    for _ in range(4):
        title = await region(page).locator(".title").text_content() or ""
        position = await region(page).locator(".pager span").text_content()
        seen.append(f"{title.split()[-1]} {position}")
        await page.get_by_role("button", name="Next notice").click()
    assert seen == ["critical 1 of 3", "minor 2 of 3", "info 3 of 3", "critical 1 of 3"]
    await page.get_by_role("button", name="Previous notice").click()
    await expect(region(page)).to_contain_text("Notice critical")


async def test_an_incident_shows_its_status_and_unfolds_its_history(
    page: Page, fake: FakeGateway
) -> None:
    updates = [
        {"at": "2026-11-21T12:00:00Z", "status": "investigating", "body": "We look into it."},
        {"at": "2026-11-21T12:20:00Z", "status": "identified", "body": "A provider is down."},
    ]
    fake.live = [banner(incident={"status": "identified", "impact": "major", "updates": updates})]
    await open_page(page, fake)
    await expect(region(page).locator(".status")).to_have_text("Identified")
    toggle = page.get_by_role("button", name="Updates (2)")
    await expect(toggle).to_have_attribute("aria-expanded", "false")
    await expect(region(page).get_by_text("A provider is down.")).to_be_hidden()

    await toggle.click()
    await expect(toggle).to_have_attribute("aria-expanded", "true")
    lines = await region(page).get_by_role("listitem").all_inner_texts()
    assert ["A provider is down" in lines[0], "We look into it" in lines[1]] == [True, True]
    assert len(lines) == 2


async def test_new_updates_arrive_under_the_readers_eyes(page: Page, fake: FakeGateway) -> None:
    """An unfolded history stays unfolded, and the focus stays where it is."""
    line = {"at": "2026-11-21T12:00:00Z", "status": "investigating", "body": "We look into it."}
    fake.live = [banner(incident={"status": "investigating", "updates": [line]})]
    await open_page(page, fake)
    await page.get_by_role("button", name="Updates (1)").press("Enter")
    more = [line, line | {"status": "monitoring", "body": "It is better."}]
    await fake.show(
        banner(revision=2, incident={"status": "monitoring", "updates": more}), "update"
    )

    await expect(region(page).get_by_text("It is better.")).to_be_visible()
    await expect(page.get_by_role("button", name="Updates (2)")).to_be_focused()


async def test_a_resolved_one_looks_so_and_then_leaves(page: Page, fake: FakeGateway) -> None:
    fake.live = [banner(severity="critical", incident={"status": "identified", "updates": []})]
    await open_page(page, fake)
    await expect(region(page)).to_have_attribute("data-look", "critical")
    over = {"status": "resolved", "updates": []}
    await fake.show(banner(revision=2, severity="critical", incident=over), op="update")
    await expect(region(page)).to_have_attribute("data-look", "resolved")
    await expect(region(page).locator(".status")).to_have_text("Resolved")
    await fake.retract("m-1", "resolved")

    await expect(region(page)).to_be_hidden()


async def test_without_a_connection_it_stays_and_says_that_it_may_be_old(
    page: Page, fake: FakeGateway
) -> None:
    """A34."""
    fake.live = [banner()]
    await open_page(page, fake)
    mark = region(page).get_by_text("Connection lost. This may be out of date.")
    await expect(mark).to_be_hidden()
    fake.is_refusing = True
    await fake.drop()
    await expect(mark).to_be_visible(timeout=8_000)
    await expect(region(page)).to_contain_text("Payments are failing")

    fake.is_refusing = False
    await page.evaluate("inappGateway.connect()")
    await expect(mark).to_be_hidden()


async def test_a_reconnect_shows_nothing_twice(page: Page, fake: FakeGateway) -> None:
    """P3 of RELIABILITY: exactly once on screen."""
    fake.live = [banner(), banner("m-2", severity="info")]
    await open_page(page, fake)
    await expect(region(page)).to_contain_text("1 of 2")
    await fake.drop()
    await fake.until(lambda f: sum(frame["type"] == "connect" for frame in f.frames) == 2)
    await fake.until(lambda f: len(f.connections) == 1)

    again = [frame for frame in fake.frames if frame["type"] == "connect"][-1]
    assert sorted(again["showing"]) == [["m-1", 1], ["m-2", 1]]
    await expect(region(page)).to_contain_text("1 of 2")
    assert await page.locator("[data-inapp-gateway]").count() == 1


async def test_the_hosts_styles_and_the_banners_do_not_touch_each_other(
    page: Page, fake: FakeGateway
) -> None:
    """A2: host styles untouched."""
    fake.live = [banner()]
    await open_page(page, fake)
    await expect(region(page)).to_be_visible()
    style = (
        await region(page)
        .locator(".body p")
        .evaluate(
            "(it) => { const s = getComputedStyle(it); return [s.textTransform, s.letterSpacing]; }"
        )
    )
    assert style == ["none", "normal"]
    close = page.get_by_role("button", name="Dismiss")
    assert await close.evaluate("(it) => getComputedStyle(it).backgroundColor") != "rgb(4, 5, 6)"
    assert (
        await page.locator("main p").evaluate("(it) => getComputedStyle(it).color")
        == "rgb(1, 2, 3)"
    )
    assert await page.evaluate("document.documentElement.getAttribute('style')") is None
    assert await page.evaluate("document.body.getAttribute('style')") is None


async def test_the_app_can_draw_for_itself(page: Page, fake: FakeGateway) -> None:
    """`data-ui="none"`: the headless client alone."""
    fake.live = [banner()]
    await open_page(page, fake, more="data-ui=none")
    await page.wait_for_function("() => inappGateway.getSnapshot().slot !== null")

    assert await page.locator("[data-inapp-gateway]").count() == 0
    title = await page.evaluate("inappGateway.getSnapshot().slot.message.content.title")
    assert title == "Payments are failing"


async def test_it_goes_without_a_trace(page: Page, fake: FakeGateway) -> None:
    fake.live = [banner()]
    await open_page(page, fake, more="data-ui=none")
    left = await page.evaluate(
        """async () => {
          const { mountBanner } = await import("/client/ui/index.js");
          const before = document.adoptedStyleSheets.length;
          const { host, unmount } = mountBanner(inappGateway, { strings: { region: "Mine" } });
          const label = host.shadowRoot.querySelector("section").getAttribute("aria-label");
          const shown = document.body.firstElementChild === host;
          await new Promise(requestAnimationFrame);
          unmount();
          return [label, shown, host.isConnected, document.adoptedStyleSheets.length - before];
        }"""
    )
    assert left == ["Mine", True, False, 0]


async def test_two_tabs_each_hold_their_own_banner(
    context: BrowserContext, page: Page, fake: FakeGateway
) -> None:
    fake.live = [banner()]
    other = await context.new_page()
    await open_page(page, fake)
    await open_page(other, fake)
    await fake.until(lambda f: len(f.connections) == 2)
    await other.bring_to_front()
    await other.get_by_role("button", name="Dismiss").click()
    await asyncio.gather(
        fake.until(lambda f: "dismissed m-1 1" in f.receipts()),
        fake.say(type="retract", message="m-1", revision=1, reason="dismissed_elsewhere"),
    )

    await expect(region(page)).to_be_hidden()
    await expect(region(other)).to_be_hidden()
    assert fake.receipts("dismissed") == ["dismissed m-1 1"]
