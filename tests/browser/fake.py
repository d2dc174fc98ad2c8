"""A gateway that says what a test tells it to, and a page that uses the client under a strict CSP.

Serves the client's own source. Knows nothing of messages beyond passing them on.
"""

import asyncio
import json
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from http import HTTPStatus
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

from websockets.asyncio.server import ServerConnection, serve
from websockets.datastructures import Headers
from websockets.exceptions import ConnectionClosed
from websockets.http11 import Request, Response

CLIENT = Path(__file__).parents[2] / "client-js" / "src"
CSP = (
    "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; img-src 'self'; "
    "base-uri 'none'; form-action 'none'; frame-ancestors 'none'; "
    "require-trusted-types-for 'script'; trusted-types 'none'"
)
BARE = (
    "default-src 'none'; script-src 'self'; connect-src 'self'; "
    "require-trusted-types-for 'script'; trusted-types 'none'"
)
"""What docs/client.md says that a page needs, and nothing else."""
PAGE = """<!doctype html>
<html lang="{lang}" dir="{dir}">
<head><meta charset="utf-8"><title>Shop</title>
<meta name="viewport" content="width=device-width, initial-scale=1">
{style}
<script type="module" src="/sdk.js" {who} data-position="{position}" {more}></script>
</head>
<body><main><h1>Shop</h1><button id="first">First</button><p>{words}</p>
<a id="link" href="#x">A link</a></main></body></html>"""
WORDS = "A page with things on it. " * 400


def banner(message_id: str = "m-1", **fields: Any) -> dict[str, Any]:
    """A banner as on the wire."""
    text = {"type": "text", "text": "Cards are declined. We are on it."}
    message = {
        "id": message_id,
        "revision": 1,
        "kind": "banner",
        "severity": "major",
        "content": {
            "title": "Payments are failing",
            "body": [{"type": "p", "children": [text]}],
            "actions": [],
        },
        "dismissible": True,
        "priority": 50,
        "expires_at": "2099-01-01T00:00:00Z",
        "tags": [],
        "created_at": "2026-11-21T12:00:00Z",
        "locale": "en",
    }
    return message | fields


class FakeGateway:
    """Every connection is welcomed with `live`; what clients say is kept."""

    def __init__(self) -> None:
        self.live: list[dict[str, Any]] = []
        self.frames: list[dict[str, Any]] = []
        self.connections: set[ServerConnection] = set()
        self.answers: Callable[[dict[str, Any]], dict[str, Any]] | None = None
        self.is_refusing = False
        self.url = ""
        self._news = asyncio.Condition()

    # what a test does

    async def say(self, **frame: Any) -> None:
        """Send a frame to everybody."""
        for connection in list(self.connections):
            await connection.send(json.dumps(frame))

    async def show(self, message: dict[str, Any], op: str = "show") -> None:
        """Put a message on every screen, and into later snapshots."""
        self.live = [m for m in self.live if m["id"] != message["id"]] + [message]
        await self.say(type="message", op=op, message=message)

    async def retract(self, message_id: str, reason: str = "retracted") -> None:
        """Take a message off every screen."""
        gone = [m for m in self.live if m["id"] == message_id]
        self.live = [m for m in self.live if m["id"] != message_id]
        for message in gone:
            revision = message["revision"]
            await self.say(type="retract", message=message_id, revision=revision, reason=reason)

    async def drop(self) -> None:
        """Cut every connection without a word."""
        for connection in list(self.connections):
            connection.transport.abort()

    async def until(self, is_so: Callable[["FakeGateway"], bool], seconds: float = 10) -> None:
        """Wait until what clients said makes it so."""
        async with asyncio.timeout(seconds), self._news:
            await self._news.wait_for(lambda: is_so(self))

    def receipts(self, stage: str | None = None) -> list[str]:
        """What was said of messages: `stage id revision`."""
        lines = [line for f in self.frames if f["type"] == "receipt" for line in f["receipts"]]
        return [
            f"{line['stage']} {line['message']} {line['revision']}"
            for line in lines
            if stage in (None, line["stage"])
        ]

    def page(self, **options: str) -> str:
        """The address of a page that uses the client."""
        return f"{self.url}/page?" + "&".join(f"{k}={v}" for k, v in options.items())

    # what it does by itself

    @asynccontextmanager
    async def running(self) -> AsyncIterator["FakeGateway"]:
        """Listen on a free port."""
        server = await serve(
            self._speak,
            "127.0.0.1",
            0,
            process_request=self._respond,
            subprotocols=["inapp.v1.json"],  # type: ignore[list-item]
            compression=None,
            close_timeout=0.2,
        )
        async with server:
            self.url = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}"
            yield self

    async def _speak(self, connection: ServerConnection) -> None:
        try:
            connect = json.loads(await connection.recv())
            await self._note(connect)
            await connection.send(json.dumps(self._welcome(connect)))
            self.connections.add(connection)
            async for text in connection:
                await self._note(json.loads(text))
        except ConnectionClosed:
            pass
        finally:
            self.connections.discard(connection)
            await self._tell()

    def _welcome(self, connect: dict[str, Any]) -> dict[str, Any]:
        return {
            "type": "welcome",
            "session": f"s-{len(self.frames)}",
            "user": connect.get("user", "nobody"),
            "now": int(time.time() * 1000),
            "heartbeat": {"interval": 25, "grace": 10},
            "expires_at": "2099-01-01T00:00:00Z",
            "live": self.live,
            "unread": 0,
            "preferences": {},
            "limits": {"frame_bytes": 16384, "frames_per_second": 10, "receipts_per_frame": 100},
        }

    async def _note(self, frame: dict[str, Any]) -> None:
        self.frames.append(frame)
        await self._tell()

    async def _tell(self) -> None:
        async with self._news:
            self._news.notify_all()

    def _respond(self, connection: ServerConnection, request: Request) -> Response | None:
        url = urlsplit(request.path)
        options = {
            name: values[0] for name, values in parse_qs(url.query, keep_blank_values=True).items()
        }
        if url.path == "/v1/ws":
            return (
                _answer(b"", "text/plain", HTTPStatus.SERVICE_UNAVAILABLE)
                if self.is_refusing
                else None
            )
        if url.path == "/page":
            policy = BARE if options.get("csp") == "bare" else CSP
            return _answer(_page(options).encode(), "text/html; charset=utf-8", policy=policy)
        if url.path == "/page.css":
            return _answer(_style(options).encode(), "text/css")
        if url.path == "/sdk.js":
            return _answer(b'export * from "./client/sdk.js";', "text/javascript")
        file = CLIENT / url.path.removeprefix("/client/")
        if url.path.startswith("/client/") and file.is_file() and ".." not in url.path:
            return _answer(file.read_bytes(), "text/javascript")
        return _answer(b"", "text/plain", HTTPStatus.NOT_FOUND)


def _page(options: dict[str, str]) -> str:
    defaults = {"lang": "en", "dir": "ltr", "user": "ada", "position": "sticky", "scheme": "light"}
    defaults |= {"margin": "0", "more": "", "words": WORDS, "csp": "strict"}
    given = defaults | options
    who = f'data-user="{given["user"]}"' if given["user"] else ""
    href = f"/page.css?scheme={given['scheme']}&margin={given['margin']}"
    style = f'<link rel="stylesheet" href="{href}">' if given["csp"] == "strict" else ""
    return PAGE.format(who=who, style=style, **given)


def _style(options: dict[str, str]) -> str:
    margin = options.get("margin") or "0"
    scheme = options.get("scheme") or "light"
    return (
        f":root {{ color-scheme: {scheme}; background: Canvas; color: CanvasText; }}"
        f"body {{ margin: {margin}; text-transform: uppercase; letter-spacing: 9px; }}"
        "p { color: light-dark(rgb(1, 2, 3), white); }"
        "a { color: LinkText; }"
        "button { background: rgb(4, 5, 6) !important; color: white; }"
    )


def _answer(
    body: bytes, media_type: str, status: HTTPStatus = HTTPStatus.OK, policy: str = CSP
) -> Response:
    headers = Headers(
        {
            "Content-Type": media_type,
            "Content-Length": str(len(body)),
            "Content-Security-Policy": policy,
            "Connection": "close",
        }
    )
    return Response(status.value, status.phrase, headers, body)
