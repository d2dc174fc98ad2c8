"""A stand-in for a gateway: real HTTP on loopback, with answers that a test lays out beforehand."""

import json
import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

from click.testing import Result

KEY = "gwk_test_key"


@dataclass(frozen=True)
class Call:
    """One request as it arrived."""

    method: str
    path: str
    headers: Mapping[str, str]
    body: bytes

    @property
    def json(self) -> Any:
        return json.loads(self.body)


@dataclass(frozen=True)
class Scripted:
    """One answer. `lost` ends the connection instead of answering."""

    status: int = 200
    body: bytes = b"{}"
    headers: Mapping[str, str] = field(default_factory=dict)
    lost: bool = False


class FakeGateway:
    """Gives the answers it was told to, in order; the last one again and again."""

    def __init__(self) -> None:
        self.calls: list[Call] = []
        self.answers: list[Scripted] = []
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), self._handler())
        self._server.daemon_threads = True
        self._thread = threading.Thread(
            target=self._server.serve_forever, kwargs={"poll_interval": 0.01}
        )
        self._thread.start()

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self._server.server_port}"

    def answer(self, data: Any = None, status: int = 200, **headers: str) -> None:
        """Lay out the next answer: JSON, or bytes as they are."""
        body = data if isinstance(data, bytes) else json.dumps(data).encode()
        named = {name.replace("_", "-"): value for name, value in headers.items()}
        given = {"Content-Type": "application/json", **named}
        self.answers.append(Scripted(status, body, given))

    def refuse(self, status: int, code: str, detail: str = "", **more: Any) -> None:
        """Lay out a problem."""
        headers = more.pop("headers", {})
        problem = {"type": f"/docs/problems#{code}", "title": "No", "status": status}
        self.answer(
            {**problem, "detail": detail, "code": code, **more},
            status,
            Content_Type="application/problem+json",
            **headers,
        )

    def lose(self) -> None:
        """Lay out a connection that breaks before an answer."""
        self.answers.append(Scripted(lost=True))

    def stream(self, *events: Any) -> None:
        """Lay out a stream of `reach` events that then ends, as the gateway writes it."""
        lines = "".join(f"event: reach\ndata: {json.dumps(event)}\n\n" for event in events)
        text = f"retry: 2000\n\n: still here\n\n{lines}event: end\ndata: {{}}\n\n"
        self.answer(text.encode(), Content_Type="text/event-stream")

    def close(self) -> None:
        """Stop listening."""
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()

    def _next(self) -> Scripted:
        return self.answers.pop(0) if len(self.answers) > 1 else self.answers[0]

    def _handler(self) -> type[BaseHTTPRequestHandler]:
        fake = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def handle_any(self) -> None:
                body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
                fake.calls.append(Call(self.command, self.path, dict(self.headers), body))
                scripted = fake._next()
                self.close_connection = True
                if scripted.lost:
                    return
                self.send_response_only(scripted.status)
                for name, value in scripted.headers.items():
                    self.send_header(name, value)
                self.send_header("Connection", "close")
                self.send_header("Content-Length", str(len(scripted.body)))
                self.end_headers()
                self.wfile.write(scripted.body)

            do_GET = do_POST = do_PATCH = do_DELETE = handle_any

            def log_message(self, *_: object) -> None:
                """Say nothing."""

        return Handler


Run = Callable[..., Result]


def reach(**counts: Any) -> dict[str, Any]:
    """A reach as the API tells it."""
    zeros = dict.fromkeys(
        ("online", "sent", "received", "displayed", "clicked", "dismissed", "answered"), 0
    )
    return {"targeted": None, **zeros, "offline": None, "suppressed": {}, "sessions": {}, **counts}
