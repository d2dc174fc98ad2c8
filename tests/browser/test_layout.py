"""The banner on every screen: small and large, right to left, with less motion, in forced colours."""

import pytest
from playwright.async_api import Browser, BrowserContext, Page, expect

from tests.browser.conftest import Watched
from tests.browser.fake import FakeGateway, banner
from tests.browser.looks import full, region, violations

pytestmark = [pytest.mark.browser, pytest.mark.asyncio(loop_scope="session")]


@pytest.mark.parametrize("width", [320, 1000])
async def test_targets_are_44_pixels_at_least(page: Page, fake: FakeGateway, width: int) -> None:
    """WCAG 2.5.5; links inside of a sentence are exempt."""
    short = full("major")
    short["content"]["actions"].append({"id": "why", "label": "?", "intent": "custom"})
    fake.live = [short, full("info")]
    await page.set_viewport_size({"width": width, "height": 700})
    await page.goto(fake.page())
    await expect(region(page)).to_be_visible()
    sizes = await page.locator("[data-inapp-gateway] :is(button, .action):visible").evaluate_all(
        "(all) => all.map((it) => [it.offsetWidth, it.offsetHeight, it.textContent || it.title])"
    )
    assert len(sizes) == 7
    assert [size for size in sizes if min(size[:2]) < 44] == []


@pytest.mark.parametrize("width", [320, 640, 1000, 2560, 3840])
async def test_it_fits_every_width(page: Page, fake: FakeGateway, width: int) -> None:
    """WCAG 1.4.10, reflow: no scrolling sideways, nothing cut off."""
    text = {"type": "text", "text": "Donaudampfschifffahrtsgesellschaft" * 6}
    long = full("critical")
    long["content"]["body"].append({"type": "p", "children": [text]})
    fake.live = [long, full("info")]
    await page.set_viewport_size({"width": width, "height": 900})
    await page.goto(fake.page())
    await expect(region(page)).to_be_visible()
    overflow = await page.evaluate(
        "document.documentElement.scrollWidth - document.documentElement.clientWidth"
    )
    assert overflow <= 0
    assert await region(page).evaluate("(it) => it.scrollWidth <= it.clientWidth")
    words = await region(page).locator(".words").bounding_box()
    assert words
    assert words["width"] > width / 2


async def test_a_very_long_one_never_takes_the_whole_screen(page: Page, fake: FakeGateway) -> None:
    """Reading it to the end takes scrolling inside, with the keyboard too."""
    text = {"type": "text", "text": "Words of an operator in distress. " * 120}
    fake.live = [banner(content={"title": "Long", "body": [{"type": "p", "children": [text]}]})]
    await page.set_viewport_size({"width": 320, "height": 640})
    await page.goto(fake.page())
    box = await region(page).bounding_box()

    assert box
    assert box["height"] <= 0.61 * 640
    await page.keyboard.press("Tab")
    await page.keyboard.press("Shift+Tab")
    assert await violations(page) == []


async def test_on_a_low_screen_it_gives_way(page: Page, fake: FakeGateway) -> None:
    """Zoomed to 400 %, a sticky banner would leave no room to read."""
    fake.live = [banner()]
    await page.set_viewport_size({"width": 320, "height": 256})
    await page.goto(fake.page())
    await expect(region(page)).to_be_visible()
    await page.evaluate("window.scrollTo(0, 900)")

    await expect(region(page)).not_to_be_in_viewport()


async def test_right_to_left_pages_have_it_mirrored(page: Page, fake: FakeGateway) -> None:
    fake.live = [full("major"), full("info")]
    await page.goto(fake.page(dir="rtl", lang="ar"))
    close = await page.get_by_role("button", name="Dismiss").bounding_box()
    icon = await region(page).locator(".icon").bounding_box()

    assert close
    assert icon
    assert close["x"] < 100 < 900 < icon["x"]


@pytest.mark.parametrize(
    ("page_dir", "text", "runs"),
    [
        ("ltr", "المدفوعات لا تعمل الآن (E-42).", "rtl"),
        ("rtl", "Payments are failing (E-42).", "ltr"),
        ("ltr", "Payments are failing (E-42).", "ltr"),
        ("rtl", "المدفوعات لا تعمل الآن (E-42).", "rtl"),
    ],
)
async def test_each_text_runs_its_own_way_on_the_pages_side(
    page: Page, fake: FakeGateway, page_dir: str, text: str, runs: str
) -> None:
    """An Arabic notice on an English page, and the other way round: the full stop ends the text."""
    body = [{"type": "p", "children": [{"type": "text", "text": text}]}]
    fake.live = [banner(content={"title": text, "body": body})]
    await page.goto(fake.page(dir=page_dir))
    for part in (".title", ".body p"):
        first, stop, gap = await region(page).locator(part).evaluate(PLACES)
        assert (stop > first) == (runs == "ltr")
        assert gap == pytest.approx(0, abs=1)


@pytest.mark.parametrize("lang", ["en_US", "x", "", "not a language"])
async def test_a_page_that_names_its_language_oddly_has_its_banner_all_the_same(
    page: Page, fake: FakeGateway, lang: str
) -> None:
    """Dates are written by the browser, which refuses what is no language."""
    fake.live = [full("major")]
    await page.goto(fake.page(lang=lang.replace(" ", "%20")))
    await page.locator(".updates button").click()

    await expect(region(page).locator("time").first).to_contain_text("2026")


PLACES = """(it) => {
  const node = it.lastChild, last = node.data.length - 1;
  const at = (from) => { const range = document.createRange();
    range.setStart(node, from); range.setEnd(node, from + 1);
    return range.getBoundingClientRect(); };
  const box = it.getBoundingClientRect(), rtl = getComputedStyle(it).direction === "rtl";
  const ends = [at(0), at(last)];
  const gap = rtl ? box.right - Math.max(...ends.map((r) => r.right))
                  : Math.min(...ends.map((r) => r.left)) - box.left;
  return [at(0).left, at(last).left, gap];
}"""


async def test_it_moves_only_for_those_who_like_it(
    browser: Browser, page: Page, fake: FakeGateway, watched: Watched
) -> None:
    """WCAG 2.3.3."""
    animations = (
        "() => document.querySelector('[data-inapp-gateway]').shadowRoot.getAnimations().length"
    )
    fake.live = [banner()]
    await page.goto(fake.page())
    await expect(region(page)).to_be_visible()
    name = "(it) => getComputedStyle(it).animationName"
    assert await region(page).evaluate(name) == "none"
    assert await page.evaluate(animations) == 0

    context = await browser.new_context(reduced_motion="no-preference")
    other = await context.new_page()
    watched.watch(other)
    await other.goto(fake.page())
    assert await region(other).evaluate(name) == "enter"
    await context.close()


async def test_with_forced_colours_everything_is_still_told_apart(
    browser: Browser, fake: FakeGateway, watched: Watched
) -> None:
    context: BrowserContext = await browser.new_context(forced_colors="active")
    page = await context.new_page()
    watched.watch(page)
    fake.live = [full("critical"), full("info")]
    await page.goto(fake.page())
    await expect(region(page)).to_be_visible()
    border = await region(page).evaluate("(it) => getComputedStyle(it).borderBottomWidth")
    buttons = await page.locator("[data-inapp-gateway] button:visible").evaluate_all(
        "(all) => all.map((it) => getComputedStyle(it).borderTopColor)"
    )
    background = await region(page).evaluate("(it) => getComputedStyle(it).backgroundColor")
    assert border == "3px"
    assert background not in buttons
    await context.close()
