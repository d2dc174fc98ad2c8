"""What operators write stays text, whatever it is; the page's policy is never broken (T55, T56)."""

import json
from typing import Any

import pytest
from playwright.async_api import Page, expect

from tests.browser.conftest import Watched
from tests.browser.fake import FakeGateway, banner
from tests.browser.payloads import hrefs, texts

pytestmark = [pytest.mark.browser, pytest.mark.asyncio(loop_scope="session")]

ALLOWED = {
    "div",
    "section",
    "p",
    "span",
    "strong",
    "em",
    "code",
    "br",
    "ul",
    "ol",
    "li",
    "a",
    "button",
    "time",
    "svg",
    "path",
}
INSPECT = """() => {
  const root = document.querySelector("[data-inapp-gateway]").shadowRoot;
  const text = (selector) => root.querySelector(selector)?.textContent;
  const all = [...root.querySelectorAll("*")];
  return {
    title: text(".title"),
    body: text(".words .body"),
    action: text(".action"),
    update: text(".updates li .body"),
    elements: [...new Set(all.map((it) => it.localName))],
    handlers: all.flatMap((it) => it.getAttributeNames()).filter((name) => /^on|^style$|^src/.test(name)),
    protocols: all.filter((it) => it.href).map((it) => it.protocol),
  };
}"""


def hostile(payload: str, revision: int) -> dict[str, Any]:
    """The payload in every place where a text can stand."""
    text = {"type": "text", "text": payload}
    nodes = [
        {"type": "p", "children": [text]},
        {"type": "strong", "children": [text]},
        {"type": "code", "text": payload},
        {"type": "list", "ordered": True, "items": [[text]]},
        {"type": "script", "text": payload, "children": [text]},
        {"type": payload, "text": payload},
        {"type": "html", "html": payload, "innerHTML": payload},
        {"type": "link", "href": payload, "children": [text]},
    ]
    line = {"at": payload, "status": payload, "body": payload}
    return banner(
        revision=revision,
        severity=payload,
        locale=payload,
        tags=[payload],
        incident={"status": payload, "impact": payload, "updates": [line]},
        content={
            "title": payload,
            "body": nodes,
            "icon": payload,
            "image": {"src": payload, "alt": payload},
            "actions": [{"id": payload, "label": payload, "intent": "custom"}],
        },
    )


async def see(page: Page, fake: FakeGateway, message: dict[str, Any]) -> dict[str, Any]:
    """Show a message, and tell what the page made of it."""
    await fake.show(message, op="update")
    await page.wait_for_function("(n) => window.seen === n", arg=message["revision"])
    return dict(await page.evaluate(INSPECT))


async def watch(page: Page, fake: FakeGateway) -> None:
    await page.goto(fake.page())
    await fake.until(lambda f: len(f.connections) == 1)
    await page.evaluate(
        "() => { inappGateway.on('message', ({ message }) => { window.seen = message.revision; }); }"
    )


async def test_200_hostile_texts_stay_text_in_every_place(page: Page, fake: FakeGateway) -> None:
    """T55: no dialog (see `watched`), no element but ours, and the DOM says what was written."""
    payloads = texts()
    assert len(set(payloads)) >= 200
    await watch(page, fake)

    for revision, payload in enumerate(payloads, start=1):
        seen = await see(page, fake, hostile(payload, revision))
        assert seen["title"].endswith(payload), payload
        assert seen["body"].count(payload) == 8, payload
        assert seen["action"] == payload
        assert seen["update"] == payload
        assert set(seen["elements"]) <= ALLOWED, payload
        assert seen["handlers"] == [], payload


async def test_hostile_addresses_are_no_links(page: Page, fake: FakeGateway) -> None:
    """T56: inert in the client too, whatever the gateway let through."""
    await watch(page, fake)
    fair = {"https:", "http:", "mailto:"}
    origin_only = [h for h in hrefs() if not h.lower().startswith(("http", "mailto"))]

    for revision, href in enumerate(hrefs(), start=1):
        text = {"type": "text", "text": "here"}
        body = [{"type": "link", "href": href, "children": [text]}]
        actions = [{"id": "a", "label": "there", "href": href, "intent": "open"}]
        content = {"title": "Down", "body": body, "actions": actions}
        seen = await see(page, fake, banner(revision=revision, content=content))
        assert set(seen["protocols"]) <= fair, href
        assert seen["body"].startswith("here")
        if href in origin_only and "javascript" in href and "&" not in href:
            assert seen["protocols"] == [], href


async def test_links_to_other_sites_open_apart_and_tell_them_nothing(
    page: Page, fake: FakeGateway
) -> None:
    actions = [
        {"id": "out", "label": "Status", "href": "https://status.example/1", "intent": "open"},
        {"id": "in", "label": "Help", "href": "/help", "intent": "open"},
    ]
    fake.live = [banner(content={"title": "Down", "body": [], "actions": actions})]
    await page.goto(fake.page())
    out = page.get_by_role("link", name="Status (opens in a new window)")
    await expect(out).to_have_attribute("target", "_blank")
    await expect(out).to_have_attribute("rel", "noopener noreferrer")

    inside = page.get_by_role("link", name="Help")
    assert await inside.get_attribute("target") is None
    assert await inside.evaluate("(it) => it.href") == f"{fake.url}/help"


async def test_the_policy_that_the_docs_ask_for_is_enough(page: Page, fake: FakeGateway) -> None:
    """docs/client.md: no `style-src`, no `unsafe-inline`, no policy of our own for Trusted Types."""
    fake.live = [banner(severity="critical")]
    await page.goto(fake.page(csp="bare"))
    region = page.get_by_role("region", name="Service notices")
    await expect(region).to_be_visible()

    assert await region.evaluate("(it) => getComputedStyle(it).color") == "rgb(255, 255, 255)"


async def test_a_message_cannot_reach_into_the_pages_objects(page: Page, fake: FakeGateway) -> None:
    await watch(page, fake)
    raw = json.dumps(banner())[:-1] + ', "__proto__": {"polluted": 1}, "constructor": {"x": 1}}'
    for connection in list(fake.connections):
        await connection.send('{"type": "message", "op": "show", "message": ' + raw + "}")
    await page.wait_for_function("() => window.seen === 1")

    assert await page.evaluate("({}).polluted === undefined && Object.x === undefined")


async def test_monstrous_messages_do_not_hang_the_page(page: Page, fake: FakeGateway) -> None:
    """A tree that is deep or wide beyond reason is cut, not drawn to the end."""
    await watch(page, fake)
    deep: dict[str, Any] = {"type": "text", "text": "bottom"}
    for _ in range(400):
        deep = {"type": "strong", "children": [deep]}
    wide = [{"type": "text", "text": "x"}] * 20_000
    seen = await see(page, fake, banner(content={"title": "t", "body": [deep, *wide]}))

    assert "bottom" not in seen["body"]
    assert len(seen["body"]) < 5_000


async def test_the_policy_is_in_force_in_these_tests(
    page: Page, fake: FakeGateway, watched: Watched
) -> None:
    """Otherwise all of the above would prove little."""
    await page.goto(fake.page())
    async with page.expect_console_message(lambda line: "TrustedHTML" in line.text):
        refused = await page.evaluate(
            """() => { try { document.body.innerHTML = "<b>x</b>"; return false; }
                       catch (error) { return error instanceof TypeError; } }"""
        )
    assert refused
    watched.faults = [fault for fault in watched.faults if "TrustedHTML" not in fault]
