"""A real gateway in a process of its own, on a free port, with a database in a folder of the test.

Started and ended by the test that uses it; its log is kept, so that a failure can be read.
"""

import asyncio
import contextlib
import json
import os
import secrets
import signal
import subprocess
import sys
import time
import urllib.request
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from pathlib import Path
from typing import Any

import httpx2
import websockets.asyncio.client as ws_client
from websockets.exceptions import ConnectionClosed

from gateway.identity.mint import mint

MS = float(os.environ.get("TEST_TIME_FACTOR", "1")) / 1000
"""One millisecond of patience; slow machines scale it by TEST_TIME_FACTOR."""


async def until(
    is_true: Callable[[], Awaitable[bool]], seconds: float = 20, pause: float = 20
) -> None:
    """Ask again and again until it is true; fails after `seconds`. `pause` is in milliseconds."""
    async with asyncio.timeout(seconds):
        while not await is_true():  # noqa: ASYNC110  # another process cannot set an event here
            await asyncio.sleep(pause * MS)


START_PATIENCE = 20_000 * MS


class GatewayProcess:
    """`gateway serve` (or `dev`) over the database in `folder`."""

    def __init__(self, folder: Path, *, dev: bool = False, **settings: Any) -> None:
        self.folder = folder
        self.dev = dev
        self.secret = secrets.token_hex(24)
        self.key = f"igk_{secrets.token_urlsafe(32)}"
        self.settings = settings
        self.port = 0
        self.process: subprocess.Popen[bytes] | None = None
        self.log = folder / "gateway.log"

    # life

    @property
    def environment(self) -> dict[str, str]:
        """What the process is told; nothing of the test's own GATEWAY_ names."""
        clean = {k: v for k, v in os.environ.items() if not k.startswith("GATEWAY_")}
        told = {
            "GATEWAY_DATABASE_URL": f"sqlite:///{self.folder / 'gateway.db'}",
            "GATEWAY_TOKEN_SECRET": self.secret,
            "GATEWAY_ADMIN_KEY": self.key,
            "GATEWAY_LOG_FORMAT": "json",
        }
        told |= {f"GATEWAY_{name.upper()}": str(value) for name, value in self.settings.items()}
        return clean | told

    def run(self, *arguments: str) -> "subprocess.CompletedProcess[str]":
        """Run a verb of the command line to its end."""
        return subprocess.run(
            [sys.executable, "-m", "gateway", *arguments],
            env=self.environment,
            cwd=self.folder,
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
        )

    def start(self) -> "GatewayProcess":
        """Start, and return once the node is ready."""
        if not self.dev:
            migrated = self.run("migrate")
            assert migrated.returncode == 0, migrated.stderr
        verb = ["dev"] if self.dev else ["serve"]
        with self.log.open("ab") as log:
            self.process = subprocess.Popen(
                [sys.executable, "-m", "gateway", *verb, "--port", str(self.port)],
                env=self.environment,
                cwd=self.folder,
                stdout=log,
                stderr=log,
            )
        self._wait_until_ready()
        return self

    def _wait_until_ready(self) -> None:
        deadline = time.monotonic() + START_PATIENCE
        while time.monotonic() < deadline:
            assert self.process is not None
            assert self.process.poll() is None, self.log.read_text()
            self.port = self.port or self._announced_port()
            if self.port and self._answers():
                return
            time.sleep(20 * MS)
        raise AssertionError(f"not ready in time:\n{self.log.read_text()}")

    def _announced_port(self) -> int:
        for word in self.log.read_text().split():
            host, _, port = word.strip(".").rpartition(":")
            if host.endswith("127.0.0.1") and port.split("/")[0].isdigit():
                return int(port.split("/")[0])
        return 0

    def _answers(self) -> bool:
        try:
            with urllib.request.urlopen(f"{self.url}/readyz", timeout=2) as answer:
                return bool(answer.status == 200)
        except OSError:
            return False

    def kill(self) -> None:
        """kill -9: no goodbye."""
        assert self.process is not None
        self.process.kill()
        self.process.wait()

    def terminate(self) -> None:
        """SIGTERM; does not wait."""
        assert self.process is not None
        self.process.send_signal(signal.SIGTERM)

    def wait(self, seconds: float = 20) -> int:
        """The exit code, once it has ended."""
        assert self.process is not None
        return self.process.wait(timeout=seconds)

    def stop(self) -> None:
        """End it, whatever state it is in."""
        if self.process is not None and self.process.poll() is None:
            self.process.terminate()
            try:
                self.process.wait(timeout=20)
            except subprocess.TimeoutExpired:
                self.kill()

    # talk

    @property
    def url(self) -> str:
        """Where HTTP is."""
        return f"http://127.0.0.1:{self.port}"

    def token(self, user: str, ttl: float = 3600, **claims: Any) -> str:
        """A token that the gateway takes."""
        return mint(self.secret, user, ttl=ttl, now=time.time(), **claims)

    def http(self, key: str | None = None) -> httpx2.AsyncClient:
        """A client with the admin key."""
        headers = {"Authorization": f"Bearer {key or self.key}"}
        return httpx2.AsyncClient(base_url=self.url, headers=headers, timeout=20)

    @contextlib.asynccontextmanager
    async def connect(self, user: str, **fields: Any) -> AsyncIterator["Client"]:
        """A welcomed client."""
        async with self.dial() as client:
            await client.say(type="connect", token=self.token(user), **fields)
            await client.next("welcome")
            yield client

    @contextlib.asynccontextmanager
    async def dial(self, **options: Any) -> AsyncIterator["Client"]:
        """A connection that has said nothing yet."""
        options = {"subprotocols": ["inapp.v1.json"], "compression": None, "proxy": None} | options
        url = self.url.replace("http", "ws", 1) + "/v1/ws"
        async with ws_client.connect(url, ping_interval=None, close_timeout=1, **options) as ws:
            yield Client(ws)


class Client:
    """One WebSocket client that keeps what it got."""

    def __init__(self, ws: ws_client.ClientConnection) -> None:
        self.ws = ws
        self.got: list[dict[str, Any]] = []

    async def say(self, **frame: Any) -> None:
        """Send one frame."""
        await self.ws.send(json.dumps(frame))

    async def next(self, name: str, seconds: float = 10) -> dict[str, Any]:
        """The next frame of this type; others are kept in `got` and passed over."""
        async with asyncio.timeout(seconds):
            while True:
                frame = json.loads(await self.ws.recv())
                self.got.append(frame)
                if frame["type"] == name:
                    return dict(frame)

    async def close_code(self, seconds: float = 20) -> int | None:
        """The code that the connection ends with."""
        async with asyncio.timeout(seconds):
            with contextlib.suppress(ConnectionClosed):
                while True:
                    self.got.append(json.loads(await self.ws.recv()))
            await self.ws.wait_closed()
            return self.ws.close_code


@contextlib.contextmanager
def a_gateway(folder: Path, **settings: Any) -> Iterator[GatewayProcess]:
    """A running gateway, ended at the end."""
    gateway = GatewayProcess(folder, **settings)
    try:
        yield gateway.start()
    finally:
        gateway.stop()
