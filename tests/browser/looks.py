"""Helpers of the browser tests: the banner on a page, one with everything, and what axe says."""

from pathlib import Path
from typing import Any

from playwright.async_api import Locator, Page

from tests.browser.fake import FakeGateway, banner

AXE = Path(__file__).parents[2] / "client-js" / "node_modules" / "axe-core" / "axe.min.js"
LOOKS = ["info", "minor", "major", "critical", "resolved"]
UPDATES = [
    {"at": "2026-11-21T12:00:00Z", "status": "investigating", "body": "We look into it."},
    {"at": "2026-11-21T12:20:00Z", "status": "identified", "body": "A provider is down."},
]


def region(page: Page) -> Locator:
    return page.get_by_role("region", name="Service notices")


async def open_page(page: Page, fake: FakeGateway, **options: str) -> None:
    await page.goto(fake.page(**options))
    await fake.until(lambda f: len(f.connections) > 0)


def full(look: str, **fields: Any) -> dict[str, Any]:
    """A banner with everything that one can have."""
    body = [
        {"type": "p", "children": [
            {"type": "text", "text": "Cards are "},
            {"type": "strong", "children": [{"type": "text", "text": "declined"}]},
            {"type": "text", "text": ", see "},
            {"type": "link", "href": "/help", "children": [{"type": "text", "text": "what helps"}]},
            {"type": "code", "text": "E-42"},
        ]},
        {"type": "list", "ordered": False, "items": [[{"type": "text", "text": "Do not retry."}]]},
    ]  # fmt: skip
    actions = [
        {
            "id": "more",
            "label": "Status page",
            "href": "https://status.example/1",
            "intent": "open",
        },
        {"id": "ask", "label": "Ask us", "intent": "custom"},
    ]
    status = "resolved" if look == "resolved" else "identified"
    return banner(
        f"m-{look}",
        severity="critical" if look == "resolved" else look,
        incident={"status": status, "impact": "major", "updates": UPDATES},
        content={"title": "Payments are failing", "body": body, "actions": actions},
        **fields,
    )


async def violations(page: Page) -> list[str]:
    """What axe finds wrong in the page."""
    if not await page.evaluate("'axe' in window"):
        await page.evaluate(AXE.read_text() + "; void 0")
    result = await page.evaluate(
        "axe.run(document, { resultTypes: ['violations', 'incomplete'],"
        " runOnly: ['wcag2a', 'wcag2aa', 'wcag21a', 'wcag21aa', 'wcag22aa', 'best-practice'] })"
    )
    return [
        f"{fault['id']}: {node['html']}"
        for fault in result["violations"]
        for node in fault["nodes"]
    ]


def channels(colour: str) -> list[float]:
    return [float(part) for part in colour.strip("rgb()").split(",")[:3]]


def contrast(one: list[float], other: list[float]) -> float:
    lighter, darker = sorted((luminance(one), luminance(other)), reverse=True)
    return (lighter + 0.05) / (darker + 0.05)


def luminance(colour: list[float]) -> float:
    shares = (value / 255 for value in colour)
    linear = [s / 12.92 if s <= 0.04045 else ((s + 0.055) / 1.055) ** 2.4 for s in shares]
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]
