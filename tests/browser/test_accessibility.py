"""The banner for everybody: what screen readers are told, and what a keyboard can do."""

import json

import pytest
from playwright.async_api import Page, expect

from tests.browser.fake import FakeGateway, banner
from tests.browser.looks import LOOKS, channels, contrast, full, region, violations

pytestmark = [pytest.mark.browser, pytest.mark.asyncio(loop_scope="session")]


async def announced(page: Page) -> tuple[str, str]:
    """What is in the polite and in the assertive region."""
    status = await page.locator("[role=status]").text_content()
    alert = await page.locator("[role=alert]").text_content()
    return status or "", alert or ""


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("direction", ["ltr", "rtl"])
async def test_axe_finds_nothing_to_complain_about(
    page: Page, fake: FakeGateway, scheme: str, direction: str
) -> None:
    """All looks, folded and unfolded, with and without a connection."""
    fake.live = [full(look) for look in LOOKS]
    await page.goto(fake.page(scheme=scheme, dir=direction, words="Words."))
    await expect(region(page)).to_be_visible()
    for _ in LOOKS:
        await page.locator(".updates button").click()
        await page.evaluate("document.activeElement.blur()")
        assert await violations(page) == []
        await page.get_by_role("button", name="Next notice").click()


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("look", LOOKS)
async def test_text_stands_out_from_what_is_behind_it(
    page: Page, fake: FakeGateway, look: str, scheme: str
) -> None:
    """P4: 4.5:1 at least, as drawn."""
    fake.live = [full(look)]
    await page.goto(fake.page(scheme=scheme))
    colours = await region(page).evaluate(
        """(it) => { const s = getComputedStyle(it); return [s.color, s.backgroundColor]; }"""
    )
    assert contrast(*(channels(colour) for colour in colours)) >= 4.5


async def test_the_regions_are_there_before_there_is_anything_to_say(
    page: Page, fake: FakeGateway
) -> None:
    """WCAG 4.1.3, failure F103."""
    await page.goto(fake.page())
    await fake.until(lambda f: len(f.connections) == 1)

    await expect(page.locator("[role=status]")).to_have_attribute("aria-live", "polite")
    await expect(page.locator("[role=alert]")).to_have_attribute("aria-live", "assertive")
    assert await announced(page) == ("", "")
    await expect(page.get_by_role("region", name="Service notices")).to_have_count(0)


async def test_only_what_is_critical_interrupts(page: Page, fake: FakeGateway) -> None:
    await page.goto(fake.page())
    await fake.until(lambda f: len(f.connections) == 1)
    await fake.show(banner(severity="major"))
    status, alert = page.locator("[role=status]"), page.locator("[role=alert]")
    await expect(status).to_have_text(
        "Major. Payments are failing. Cards are declined. We are on it"
    )
    await expect(alert).to_have_text("")

    await fake.show(banner(revision=2, severity="critical"), op="update")
    await expect(alert).to_contain_text("Critical. Payments are failing")
    await expect(status).to_have_text("")


async def test_each_change_is_announced_once(page: Page, fake: FakeGateway) -> None:
    await page.goto(fake.page())
    await fake.until(lambda f: len(f.connections) == 1)
    await page.evaluate(
        """() => { window.said = [];
        const root = document.querySelector("[data-inapp-gateway]").shadowRoot;
        for (const it of root.querySelectorAll("[aria-live]"))
          new MutationObserver(() => it.textContent && said.push(it.textContent))
            .observe(it, { childList: true, characterData: true, subtree: true }); }"""
    )
    await fake.show(banner())
    await fake.say(type="unread", count=3)
    await fake.show(banner(), op="update")
    await page.wait_for_function("() => window.said.length > 0")
    line = {"at": "2026-11-21T12:00:00Z", "status": "identified", "body": "A cable is cut."}
    await fake.show(banner(revision=2, incident={"status": "identified", "updates": [line]}))
    await page.wait_for_function("() => window.said.length > 1")
    await fake.say(type="unread", count=4)
    await page.evaluate("new Promise((done) => setTimeout(done, 400))")

    said = await page.evaluate("window.said")
    assert len(said) == 2
    assert "A cable is cut" in said[1]


async def test_a_tab_in_the_background_is_told_when_it_comes_to_the_front(
    page: Page, fake: FakeGateway
) -> None:
    """A3."""
    await page.goto(fake.page())
    await fake.until(lambda f: len(f.connections) == 1)
    hide = """(state) => {
      Object.defineProperty(document, "visibilityState", { value: state, configurable: true });
      document.dispatchEvent(new Event("visibilitychange")); }"""
    await page.evaluate(hide, "hidden")
    await fake.show(banner())
    await fake.until(lambda f: "received m-1 1" in f.receipts())
    await page.evaluate("new Promise((done) => setTimeout(done, 1400))")
    assert await announced(page) == ("", "")
    assert fake.receipts("displayed") == []

    await page.evaluate(hide, "visible")
    await expect(page.locator("[role=status]")).to_contain_text("Payments are failing")
    await fake.until(lambda f: "displayed m-1 1" in f.receipts())


async def test_it_never_takes_the_focus(page: Page, fake: FakeGateway) -> None:
    """A27."""
    await page.goto(fake.page())
    await fake.until(lambda f: len(f.connections) == 1)
    await page.locator("#first").focus()
    await fake.show(full("critical"))
    await expect(region(page)).to_be_visible()
    await expect(page.locator("#first")).to_be_focused()
    await fake.show(full("critical", revision=2), op="update")
    await fake.retract("m-critical")
    await expect(region(page)).to_be_hidden()

    await expect(page.locator("#first")).to_be_focused()


async def test_everything_can_be_reached_with_the_keyboard_in_order(
    page: Page, fake: FakeGateway
) -> None:
    fake.live = [full("major"), full("info")]
    await page.goto(fake.page())
    await expect(region(page)).to_be_visible()
    names = []
    for _ in range(8):
        await page.keyboard.press("Tab")
        names.append(
            await page.evaluate(
                """() => { const it = document.activeElement.shadowRoot?.activeElement ?? document.activeElement;
                return it.getAttribute("aria-label") ?? it.textContent; }"""
            )
        )
    assert names == [
        "what helps",
        "Updates (2)",
        "Status page (opens in a new window)",
        "Ask us",
        "Previous notice",
        "Next notice",
        "Dismiss",
        "First",
    ]


async def test_the_focus_goes_back_to_where_it_came_from(page: Page, fake: FakeGateway) -> None:
    fake.live = [banner()]
    await page.goto(fake.page())
    await expect(region(page)).to_be_visible()
    await page.locator("#first").focus()
    await page.keyboard.press("Shift+Tab")
    await expect(page.get_by_role("button", name="Dismiss")).to_be_focused()
    await page.keyboard.press("Enter")

    await expect(region(page)).to_be_hidden()
    await expect(page.locator("#first")).to_be_focused()


async def test_the_focus_stays_in_the_banner_when_the_next_one_takes_the_slot(
    page: Page, fake: FakeGateway
) -> None:
    fake.live = [banner(), banner("m-2", severity="info")]
    await page.goto(fake.page())
    await page.get_by_role("button", name="Dismiss").press("Enter")

    await expect(page.get_by_role("button", name="Dismiss")).to_be_focused()
    await expect(region(page)).to_have_attribute("data-look", "info")


async def test_the_focus_is_not_lost_when_what_had_it_is_redrawn(
    page: Page, fake: FakeGateway
) -> None:
    fake.live = [full("major")]
    await page.goto(fake.page())
    await page.get_by_role("link", name="what helps").focus()
    await fake.show(full("major", revision=2), op="update")

    await expect(region(page)).to_be_focused()


async def test_esc_folds_then_dismisses_but_only_with_the_focus_inside(
    page: Page, fake: FakeGateway
) -> None:
    fake.live = [full("major")]
    await page.goto(fake.page())
    await page.locator("#first").focus()
    await page.keyboard.press("Escape")
    await expect(region(page)).to_be_visible()

    toggle = page.get_by_role("button", name="Updates (2)")
    await toggle.press("Enter")
    await page.keyboard.press("Escape")
    await expect(toggle).to_have_attribute("aria-expanded", "false")
    await expect(toggle).to_be_focused()
    await page.keyboard.press("Escape")
    await expect(region(page)).to_be_hidden()


async def test_esc_does_not_close_what_may_not_be_dismissed(page: Page, fake: FakeGateway) -> None:
    fake.live = [full("critical", dismissible=False)]
    await page.goto(fake.page())
    await page.get_by_role("button", name="Updates (2)").focus()
    await page.keyboard.press("Escape")

    await expect(region(page)).to_be_visible()


async def test_severity_is_told_in_words_and_shapes_not_by_colour_alone(
    page: Page, fake: FakeGateway
) -> None:
    """WCAG 1.4.1."""
    shapes, words = set(), set()
    for look in LOOKS:
        fake.live = [full(look)]
        await page.goto(fake.page())
        shapes.add(await region(page).locator(".icon path").get_attribute("d"))
        words.add((await region(page).locator(".title").text_content() or "").split("P")[0])
    assert len(shapes) == 5
    assert len(words) == 5


async def test_every_word_of_the_ui_can_be_replaced(page: Page, fake: FakeGateway) -> None:
    fake.live = [full("critical"), full("info")]
    await page.goto(fake.page(more="data-ui=none"))
    strings = {
        "region": "Hinweise",
        "dismiss": "Schließen",
        "next": "Weiter",
        "previous": "Zurück",
        "position": "{index} von {count}",
        "updates": "Verlauf ({count})",
        "newWindow": "neues Fenster",
        "stale": "Verbindung verloren.",
        "severity_critical": "Kritisch",
        "status_identified": "Erkannt",
        "status_investigating": "In Prüfung",
    }
    await page.evaluate(
        """async (strings) => {
          const { mountBanner } = await import("/client/ui/index.js");
          mountBanner(inappGateway, { strings, locale: "de" }); }""",
        strings,
    )
    text = await page.get_by_role("region", name="Hinweise").inner_text()
    labels = await page.locator("[data-inapp-gateway] button:visible").evaluate_all(
        "(all) => all.map((it) => it.ariaLabel ?? it.textContent)"
    )
    assert "Erkannt" in text
    assert "1 von 2" in text
    assert {"Schließen", "Weiter", "Zurück", "Verlauf (2)"} <= set(labels)
    assert not any(word in json.dumps([text, labels]) for word in ("Dismiss", "Notice", "Updates"))


async def test_esc_meant_for_the_banner_closes_nothing_of_the_page(
    page: Page, fake: FakeGateway
) -> None:
    """A dialog of the app that closes on Esc stays; and what the app has handled is let alone."""
    fake.live = [full("major")]
    await page.goto(fake.page())
    await page.evaluate(
        """() => { window.heard = 0;
        document.addEventListener("keydown", (event) => { if (event.key === "Escape") heard += 1; }); }"""
    )
    await page.get_by_role("button", name="Updates (2)").focus()
    await page.keyboard.press("Escape")
    await expect(region(page)).to_be_hidden()

    assert await page.evaluate("heard") == 0


async def test_leafing_is_announced(page: Page, fake: FakeGateway) -> None:
    fake.live = [banner(), banner("m-2", severity="info", content={"title": "Sale", "body": []})]
    await page.goto(fake.page())
    await page.get_by_role("button", name="Next notice").click()
    await expect(page.locator("[role=status]")).to_have_text("Information. Sale")
    await page.get_by_role("button", name="Next notice").click()

    await expect(page.locator("[role=status]")).to_contain_text("Major. Payments are failing")


async def test_what_left_is_not_announced_any_more(page: Page, fake: FakeGateway) -> None:
    fake.live = [banner()]
    await page.goto(fake.page())
    await expect(page.locator("[role=status]")).to_contain_text("Payments")
    await fake.retract("m-1")

    await expect(page.locator("[role=status]")).to_have_text("")


async def test_what_was_announced_is_not_found_again_by_those_who_browse_the_page(
    page: Page, fake: FakeGateway
) -> None:
    await page.clock.install()
    fake.live = [banner()]
    await page.goto(fake.page())
    await fake.until(lambda f: len(f.connections) == 1)
    await page.clock.run_for(1_000)
    await expect(page.locator("[role=status]")).to_contain_text("Payments")
    await page.clock.run_for(10_000)

    await expect(page.locator("[role=status]")).to_have_text("")


async def test_a_notice_says_which_language_it_is_in(page: Page, fake: FakeGateway) -> None:
    """WCAG 3.1.2: its words and its history; the words of the UI are in the page's."""
    fake.live = [full("major", locale="nl")]
    await page.goto(fake.page())
    lang = "(it) => it.closest('[lang]')?.lang"
    assert await region(page).locator(".body").first.evaluate(lang) == "nl"
    assert await region(page).locator("ol").evaluate(lang) == "nl"
    assert await page.get_by_role("button", name="Dismiss").evaluate(lang) is None
