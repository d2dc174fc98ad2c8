"""A shop on a site of its own, the gateway on another: the way it is used in production."""

import asyncio
import contextlib
import json
from collections.abc import AsyncIterator, Callable

import pytest
import pytest_asyncio
from playwright.async_api import Page, expect

from tests.servers import GatewayProcess, a_gateway

pytestmark = [pytest.mark.browser, pytest.mark.asyncio(loop_scope="session")]

POLICY = (
    "default-src 'none'; script-src {http}; connect-src {ws} 'self'; img-src 'self'; "
    "require-trusted-types-for 'script'; trusted-types 'none'"
)


class Shop:
    """A page with one tag, and an endpoint that gives Ada's token to a POST."""

    def __init__(self) -> None:
        self.url = ""
        self.answers: Callable[[str], tuple[str, str]] = lambda line: ("text/plain", "")
        self.policy = ""
        self._open: dict[asyncio.StreamWriter, asyncio.Task[None]] = {}

    async def on_connection(
        self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter
    ) -> None:
        """Chromium also opens connections that it never uses; none may be left behind."""
        task = asyncio.create_task(self._serve(reader, writer))
        self._open[writer] = task
        with contextlib.suppress(asyncio.IncompleteReadError, ConnectionError):
            await task
        writer.close()
        self._open.pop(writer, None)

    async def close(self) -> None:
        """Cut what is still open."""
        for writer in list(self._open):
            writer.transport.abort()
        await asyncio.gather(*self._open.values(), return_exceptions=True)

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        head = (await reader.readuntil(b"\r\n\r\n")).decode()
        media_type, body = self.answers(head.split(" HTTP")[0])
        writer.write(
            f"HTTP/1.1 200 OK\r\nContent-Type: {media_type}\r\nContent-Length: {len(body)}\r\n"
            f"Content-Security-Policy: {self.policy}\r\nConnection: close\r\n\r\n{body}".encode()
        )
        await writer.drain()

    def use(self, gateway: GatewayProcess) -> None:
        """Load the client from this gateway."""
        self.policy = POLICY.format(http=gateway.url, ws=gateway.url.replace("http", "ws"))
        source = f'src="{gateway.url}/sdk.js" data-token-url="/token"'
        page = f'<!doctype html><title>Shop</title><script type="module" {source}></script>'
        token = json.dumps({"token": gateway.token("ada")})

        def answers(line: str) -> tuple[str, str]:
            return ("application/json", token) if line == "POST /token" else ("text/html", page)

        self.answers = answers


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def shop() -> AsyncIterator[Shop]:
    shop = Shop()
    server = await asyncio.start_server(shop.on_connection, "127.0.0.1", 0)
    async with server:
        shop.url = f"http://localhost:{server.sockets[0].getsockname()[1]}"
        yield shop
        server.close()  # first, or Chromium opens another one meanwhile
        for _ in range(3):  # a connection that was accepted just now is known a turn later
            await asyncio.sleep(0)
            await shop.close()


async def test_one_tag_on_another_site_shows_the_banner(
    page: Page, shop: Shop, tmp_path_factory: pytest.TempPathFactory
) -> None:
    """Issue "Spine": the tag is all that a page needs."""
    with a_gateway(tmp_path_factory.mktemp("gateway"), allowed_origins=shop.url) as gateway:
        shop.use(gateway)
        await page.goto(shop.url)
        await page.wait_for_function("() => window.inappGateway?.getSnapshot().user === 'ada'")
        async with gateway.http() as http:
            answer = await http.post("/v1/broadcast?wait=5s", json={"text": "Payments are failing"})
        assert answer.json()["reach"]["received"] == 1
        await expect(page.get_by_role("region")).to_contain_text("Payments are failing")
        await page.goto("about:blank")


async def test_a_site_that_is_not_on_the_list_gets_nothing(
    page: Page, shop: Shop, tmp_path_factory: pytest.TempPathFactory
) -> None:
    """T54: another site's page cannot listen, even with a token."""
    folder = tmp_path_factory.mktemp("gateway")
    with a_gateway(folder, allowed_origins="https://app.example.com") as gateway:
        shop.use(gateway)
        await page.goto(shop.url)
        state = "() => window.inappGateway?.getSnapshot().connection.status === 'waiting'"
        await page.wait_for_function(state)
        assert await page.evaluate("() => inappGateway.getSnapshot().user") is None
        await page.goto("about:blank")


async def test_in_dev_a_page_of_this_machine_needs_no_list(
    page: Page, shop: Shop, tmp_path_factory: pytest.TempPathFactory
) -> None:
    """A35: README, the first banner on one's own page."""
    with a_gateway(tmp_path_factory.mktemp("gateway"), dev=True) as gateway:
        shop.use(gateway)
        tag = f'<script type="module" src="{gateway.url}/sdk.js" data-user="ada"></script>'
        shop.answers = lambda line: ("text/html", f"<!doctype html><title>Mine</title>{tag}")
        await page.goto(shop.url)
        await page.wait_for_function("() => window.inappGateway?.getSnapshot().user === 'ada'")
        await page.goto("about:blank")


async def test_a_gateway_that_dies_and_returns_leaves_the_same_picture(
    page: Page, shop: Shop, tmp_path_factory: pytest.TempPathFactory
) -> None:
    """A34, P3: kill -9. What is shown stays, marked; afterwards it is there once, and up to date."""
    with a_gateway(tmp_path_factory.mktemp("gateway"), allowed_origins=shop.url) as gateway:
        shop.use(gateway)
        await page.goto(shop.url)
        await page.wait_for_function("() => window.inappGateway?.getSnapshot().user === 'ada'")
        async with gateway.http() as http:
            for text in ("Payments are failing", "Search is slow"):
                await http.post("/v1/broadcast?wait=5s", json={"text": text})
        region = page.get_by_role("region")
        await expect(region).to_contain_text("1 of 2")

        gateway.kill()
        mark = region.get_by_text("Connection lost. This may be out of date.")
        await expect(mark).to_be_visible(timeout=10_000)
        gateway.start()
        await page.evaluate("() => inappGateway.connect()")
        await expect(mark).to_be_hidden()
        await expect(region).to_contain_text("1 of 2")
        await page.goto("about:blank")


async def test_a_gateway_that_is_stopped_tells_its_clients_when_to_return(
    page: Page, shop: Shop, tmp_path_factory: pytest.TempPathFactory
) -> None:
    """Drain: each client has its own moment, and nobody dials sooner."""
    folder = tmp_path_factory.mktemp("gateway")
    with a_gateway(folder, allowed_origins=shop.url, drain_over="20s") as gateway:
        shop.use(gateway)
        await page.goto(shop.url)
        await page.wait_for_function("() => window.inappGateway?.getSnapshot().user === 'ada'")
        await page.evaluate(
            "() => { inappGateway.on('drain', (frame) => { window.drained = frame; }); }"
        )
        gateway.terminate()
        await page.wait_for_function("() => window.drained !== undefined")
        state = await page.evaluate("() => inappGateway.getSnapshot().connection")
        assert gateway.wait() == 0

        assert (state["status"], state["reason"]) == ("waiting", "draining")
        assert 0 <= await page.evaluate("() => window.drained.reconnect_after") <= 20_000
        await page.goto("about:blank")
