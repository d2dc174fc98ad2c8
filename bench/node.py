"""The gateway under measurement: `gateway serve` as an operator would run it, on SQLite.

Every connection has a user and a token of its own, is authenticated, gets its snapshot, and every
publish is written durably before its answer: none of it is turned off for a better figure.
"""

import json
import sys
import time
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path

import jwt

from bench.meter import TEXT, Target
from bench.peers import SECRET, post
from bench.process import START_SECONDS, family, free_port, serving
from bench.tools import HERE, Unavailable, run

ADMIN_KEY = "measurements-only-" + "k" * 32
TOKEN_SECONDS = 3600


@dataclass(frozen=True, slots=True, kw_only=True)
class Node:
    """A running gateway, and where its files are."""

    target: Target
    folder: Path

    def publishing(self, *requests: bytes) -> Target:
        """The target, with the requests that the meter sends in turn, one a round."""
        options = list(self.target.options)
        for i, request in enumerate(requests):
            file = self.folder / f"publish-{i}.bin"
            file.write_bytes(request)
            options += ["--publish", str(file)]
        return replace(self.target, options=options)

    def call(self, method: str, path: str, body: object) -> dict[str, object]:
        """One HTTP call with the admin key."""
        request = urllib.request.Request(
            f"http://127.0.0.1:{self.target.port}{path}",
            json.dumps(body).encode(),
            {"Authorization": f"Bearer {ADMIN_KEY}", "Content-Type": "application/json"},
            method=method,
        )
        with urllib.request.urlopen(request, timeout=10) as answer:
            return dict(json.load(answer))

    def metric(self, sample: str) -> float:
        """A sample of /metrics by its full name, labels included; 0 when it is not there yet."""
        with urllib.request.urlopen(f"http://127.0.0.1:{self.target.port}/metrics") as answer:
            lines = answer.read().decode().splitlines()
        values = [line.rpartition(" ")[2] for line in lines if line.startswith(sample + " ")]
        return float(values[0]) if values else 0.0


def broadcast(text: str = TEXT) -> bytes:
    """The call that an operator makes when everything is on fire."""
    return _request("POST", "/v1/broadcast", {"text": text})


def update(message: str, text: str) -> bytes:
    """A new revision of a message: it changes in place on every screen."""
    return _request("PATCH", f"/v1/messages/{message}", {"content": {"body": text}})


def _request(method: str, path: str, body: object) -> bytes:
    key = f"Authorization: Bearer {ADMIN_KEY}"
    request = post(path, json.dumps(body), key, "Content-Type: application/json")
    return request.replace(b"POST", method.encode(), 1)


@contextmanager
def node(folder: Path, connections: int, **settings: object) -> Iterator[Node]:
    """Start a gateway with an empty database, ready for so many connections."""
    port = free_port()
    env = {
        "PYTHONPATH": HERE.parent,
        "GATEWAY_PORT": port,
        "GATEWAY_DATABASE_URL": f"sqlite:///{folder / 'gateway.db'}",
        "GATEWAY_TOKEN_SECRET": SECRET,
        "GATEWAY_ADMIN_KEY": ADMIN_KEY,
        "GATEWAY_LOG_LEVEL": "warning",
        "GATEWAY_MAX_CONNECT_RATE": 1_000_000,  # the rate itself is what is measured
        "GATEWAY_DRAIN_OVER": 0,
        **{f"GATEWAY_{name.upper()}": value for name, value in settings.items()},
    }
    texts = {name: str(value) for name, value in env.items()}
    command = [sys.executable, "-m", "gateway"]
    run([*command, "migrate"], folder, **texts)
    options = ["--path", "/v1/ws", "--subprotocol", "inapp.v1.json", "--ready", '"welcome"']
    options += ["--init-file", str(_connect_frames(folder, connections))]
    options += ["--on", '"type":"ping"', "--say", '{"type":"pong"}']
    with serving([*command, "serve"], port, folder=folder, env=texts) as pid:
        _wait_until_ready(port)
        yield Node(target=Target(port=port, pids=family(pid), options=options), folder=folder)


def _connect_frames(folder: Path, n: int) -> Path:
    """One `connect` frame a line, each with a user and a token of its own."""
    expires = int(time.time()) + TOKEN_SECONDS
    file = folder / "connects.jsonl"
    with file.open("w") as lines:
        for i in range(n):
            claims = {"sub": f"user-{i}", "iat": expires - TOKEN_SECONDS, "exp": expires}
            frame = {
                "type": "connect",
                "token": jwt.encode(claims, SECRET, "HS256"),
                "device": {"id": f"device-{i}", "platform": "web", "app": "shop"},
                "locale": "en",
                "timezone": "Europe/Berlin",
                "page": "https://shop.example/projects/12",
                "layouts": ["modal", "corner"],
            }
            lines.write(json.dumps(frame, separators=(",", ":")) + "\n")
    return file


def _wait_until_ready(port: int) -> None:
    deadline = time.monotonic() + START_SECONDS
    while time.monotonic() < deadline:
        try:
            urllib.request.urlopen(f"http://127.0.0.1:{port}/readyz", timeout=1).close()
            return
        except OSError:
            time.sleep(0.05)
    raise Unavailable(f"the gateway was not ready within {START_SECONDS} s")
