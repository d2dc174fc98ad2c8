"""One line of HTML: what the tag says, and where the token comes from."""

from collections.abc import Awaitable, Callable
from typing import Any

import pytest
from playwright.async_api import Page, Route, expect

from tests.browser.fake import FakeGateway, banner

pytestmark = [pytest.mark.browser, pytest.mark.asyncio(loop_scope="session")]

TAG = "data-token-url=/token"


def connects(fake: FakeGateway) -> list[dict[str, Any]]:
    return [frame for frame in fake.frames if frame["type"] == "connect"]


class Tokens:
    """An app's own token endpoint."""

    def __init__(self) -> None:
        self.asked: list[str] = []
        self.status = 200

    async def answer(self, route: Route) -> None:
        self.asked.append(route.request.method)
        token = f"t-{len(self.asked)}"
        await route.fulfill(status=self.status, json={"token": token})


@pytest.fixture
def tokens() -> Tokens:
    return Tokens()


@pytest.fixture
def open_page(page: Page, fake: FakeGateway, tokens: Tokens) -> Callable[[str], Awaitable[None]]:
    async def opened(more: str) -> None:
        await page.route(f"{fake.url}/token", tokens.answer)
        await page.goto(fake.page(user="", more=more.replace(" ", "%20")))

    return opened


async def test_the_token_comes_from_the_apps_own_endpoint(
    page: Page, fake: FakeGateway, tokens: Tokens, open_page: Callable[[str], Awaitable[None]]
) -> None:
    fake.live = [banner()]
    await open_page(TAG)
    await expect(page.get_by_role("region", name="Service notices")).to_be_visible()

    assert tokens.asked == ["POST"]
    assert connects(fake)[0]["token"] == "t-1"
    assert "user" not in connects(fake)[0]


async def test_the_endpoint_may_want_a_get(
    fake: FakeGateway, tokens: Tokens, open_page: Callable[[str], Awaitable[None]]
) -> None:
    await open_page(f"{TAG} data-token-method=GET")
    await fake.until(lambda f: len(connects(f)) == 1)

    assert tokens.asked == ["GET"]


async def test_a_token_that_ended_is_replaced(
    fake: FakeGateway, tokens: Tokens, open_page: Callable[[str], Awaitable[None]]
) -> None:
    """4301, and `reauth` before it comes to that."""
    await open_page(TAG)
    await fake.until(lambda f: len(f.connections) == 1)
    await fake.say(type="reauth", within=60)
    await fake.until(lambda f: f.frames[-1].get("token") == "t-2")
    assert fake.frames[-1]["type"] == "refresh"

    await fake.say(type="bye", code=4301, reason="token expired", reconnect=True, after=0)
    await fake.until(lambda f: len(connects(f)) == 2)
    assert connects(fake)[1]["token"] == "t-3"
    assert len(tokens.asked) == 3


async def test_without_a_session_of_the_app_nothing_is_dialled(
    page: Page, fake: FakeGateway, tokens: Tokens, open_page: Callable[[str], Awaitable[None]]
) -> None:
    tokens.status = 401
    await open_page(TAG)
    state = "() => inappGateway.getSnapshot().connection.reason === 'signed_out'"
    await page.wait_for_function(state)

    assert connects(fake) == []


async def test_an_endpoint_that_is_down_is_asked_again(
    page: Page, fake: FakeGateway, tokens: Tokens, open_page: Callable[[str], Awaitable[None]]
) -> None:
    tokens.status = 503
    await open_page(TAG)
    state = "() => inappGateway.getSnapshot().connection.reason === 'token_unavailable'"
    await page.wait_for_function(state)
    tokens.status = 200

    await fake.until(lambda f: len(connects(f)) == 1)


async def test_the_tag_names_user_gateway_place_and_theme(page: Page, fake: FakeGateway) -> None:
    fake.live = [banner()]
    url = fake.url.replace("http", "ws") + "/v1/ws"
    await page.goto(
        fake.page(user="grace", position="static", more=f"data-theme=dark%20data-url={url}")
    )
    host = page.locator("[data-inapp-gateway]")
    await expect(host).to_have_attribute("data-theme", "dark")

    await expect(host).to_have_attribute("data-position", "static")
    await expect(page.get_by_role("region", name="Service notices")).to_be_visible()
    assert connects(fake)[0]["user"] == "grace"


async def test_a_tag_that_does_not_say_who_the_user_is_starts_nothing(
    page: Page, fake: FakeGateway
) -> None:
    await page.goto(fake.page(user=""))
    started = await page.evaluate("import('/sdk.js').then((sdk) => sdk.gateway)")

    assert started is None
    assert await page.evaluate("'inappGateway' in window") is False
    assert await page.locator("[data-inapp-gateway]").count() == 0


async def test_only_files_of_the_client_are_loaded(page: Page, fake: FakeGateway) -> None:
    """No page of ours loads anything from another host."""
    loaded: list[str] = []
    page.on("request", lambda request: loaded.append(request.url))
    await page.goto(fake.page())
    await fake.until(lambda f: len(f.connections) == 1)

    assert loaded
    assert [url for url in loaded if not url.startswith(fake.url)] == []
    assert len([url for url in loaded if "/client/" in url]) < 40
