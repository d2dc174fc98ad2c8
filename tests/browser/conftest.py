"""One Chromium for all tests of a run, one page and one fake gateway for each test.

A page that logs an error, breaks its CSP or opens a dialog fails its test, whatever it looks like.
"""

import shutil
from collections.abc import AsyncIterator

import pytest
import pytest_asyncio
from playwright.async_api import Browser, BrowserContext, Page, async_playwright

from tests.browser.fake import FakeGateway

CHROMIUM_ARGS = [
    "--headless",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]


@pytest_asyncio.fixture(scope="session", loop_scope="session")
async def browser() -> AsyncIterator[Browser]:
    """Debian's Chromium, with an empty profile."""
    path = shutil.which("chromium")
    if path is None:
        pytest.fail("the browser tests need Chromium: apt-get install chromium")
    async with async_playwright() as playwright:
        browser = await playwright.chromium.launch(executable_path=path, args=CHROMIUM_ARGS)
        yield browser
        await browser.close()


@pytest_asyncio.fixture(loop_scope="session")
async def fake() -> AsyncIterator[FakeGateway]:
    """A gateway that says what the test tells it to."""
    async with FakeGateway().running() as gateway:
        yield gateway


class Watched:
    """What went wrong in a page, by its own account."""

    def __init__(self) -> None:
        self.faults: list[str] = []

    def watch(self, page: Page) -> None:
        """Keep every error and every dialog of the page."""
        page.on("pageerror", lambda error: self.faults.append(f"error: {error}"))
        page.on("console", lambda line: self._on_console(line.type, line.text))
        page.on("dialog", self._on_dialog)

    def _on_console(self, kind: str, text: str) -> None:
        # What was refused is logged by the browser itself, and is part of some tests.
        is_refusal = "WebSocket" in text or "Failed to load resource" in text
        if kind in ("error", "warning") and not is_refusal:
            self.faults.append(f"{kind}: {text}")

    async def _on_dialog(self, dialog: object) -> None:
        self.faults.append(f"dialog: {dialog}")
        await dialog.dismiss()  # type: ignore[attr-defined]


@pytest_asyncio.fixture(loop_scope="session")
async def watched() -> AsyncIterator[Watched]:
    """Fails the test when a page of it had something to complain about."""
    watched = Watched()
    yield watched
    assert watched.faults == []


@pytest_asyncio.fixture(loop_scope="session")
async def context(browser: Browser, watched: Watched) -> AsyncIterator[BrowserContext]:
    """A profile of its own."""
    context = await browser.new_context(
        viewport={"width": 1000, "height": 700}, reduced_motion="reduce"
    )
    context.on("page", watched.watch)
    yield context
    await context.close()


@pytest_asyncio.fixture(loop_scope="session")
async def page(context: BrowserContext) -> Page:
    """An empty page."""
    page = await context.new_page()
    page.set_default_timeout(10_000)
    return page
