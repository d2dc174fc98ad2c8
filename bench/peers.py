"""The peers: servers that others would take for this work, each set up for its own best.

Each peer is a context manager that yields a `Target`. Their clients send no token, except where a
server cannot do without a first frame; no peer stores what it publishes.
"""

import base64
import hashlib
import hmac
import json
import sys
from collections.abc import Callable, Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass
from pathlib import Path

from bench.meter import TEXT, Target
from bench.process import family, free_port, serving
from bench.tools import (
    SETUPS,
    compile_c,
    debian_unpack,
    go_install,
    npm_install,
    pip_install,
)

Server = Callable[[Path], AbstractContextManager[Target]]
"""Starts in the folder given; what it needs is installed first. Raises Unavailable."""

NATS = "github.com/nats-io/nats-server/v2@v2.15.2"
CENTRIFUGO = "github.com/centrifugal/centrifugo/v6@v6.2.0"
MERCURE = "github.com/dunglas/mercure/caddy/mercure@v0.20.0"
NCHAN = ("nginx", "libnginx-mod-nchan", "libhiredis0.14")
# Good for loopback only, and gone with the run.
SECRET = "a-secret-for-measurements-of-32-bytes"


@dataclass(frozen=True, slots=True)
class Peer:
    """A name, what it is made of, and how to start it."""

    name: str
    made_of: str
    serve: Server


def post(path: str, body: str, *headers: str) -> bytes:
    """A whole HTTP request."""
    head = [f"POST {path} HTTP/1.1", "Host: 127.0.0.1", f"Content-Length: {len(body.encode())}"]
    return "\r\n".join([*head, *headers, "", body]).encode()


def publish_option(folder: Path, request: bytes) -> list[str]:
    """The meter's option for a publish request, kept in a file."""
    file = folder / "publish.bin"
    file.write_bytes(request)
    return ["--publish", str(file)]


@contextmanager
def limit(folder: Path, text_bytes: int = len(TEXT)) -> Iterator[Target]:
    """The floor: a bare C loop of send()."""
    port = free_port()
    with serving([str(compile_c("limit")), str(port), str(text_bytes)], port, folder=folder) as pid:
        options = ["--path", "/ws", *publish_option(folder, post("/pub", ""))]
        yield Target(port=port, pids=[pid], options=options)


@contextmanager
def _plain(folder: Path, *command: str, env: Mapping[str, str] | None = None) -> Iterator[Target]:
    """A server of ours around a library: /ws and /pub on one port, given as last argument."""
    port = free_port()
    with serving([*command, str(port)], port, folder=folder, env=env) as pid:
        options = ["--path", "/ws", *publish_option(folder, post("/pub", TEXT))]
        yield Target(port=port, pids=family(pid), options=options)


@contextmanager
def _two_ports(folder: Path, script: str, **env: str) -> Iterator[Target]:
    """A Python server that takes its publishes on the port after its own."""
    port = free_port()
    command = [sys.executable, str(SETUPS / script), str(port)]
    with serving(command, port, port + 1, folder=folder, env=env) as pid:
        options = ["--path", "/ws", "--publish-port", str(port + 1)]
        options += publish_option(folder, post("/pub", TEXT))
        yield Target(port=port, pids=[pid], options=options)


def _node(script: str, *packages: str) -> Server:
    return lambda folder: _plain(folder, "node", str(npm_install(script, *packages)))


@contextmanager
def _socketio(folder: Path) -> Iterator[Target]:
    with _plain(folder, "node", str(npm_install("socketio.mjs", "socket.io@4.8.4"))) as target:
        path = ["--path", "/socket.io/?EIO=4&transport=websocket", "--init", "40"]
        yield Target(
            port=target.port,
            pids=target.pids,
            options=[*target.options, *path, "--ready", '40{"sid"', "--on", "2", "--say", "3"],
        )


def _picows(folder: Path) -> AbstractContextManager[Target]:
    packages = pip_install("picows==2.3.1")
    return _two_ports(folder, "picows_listener.py", PYTHONPATH=str(packages))


def _starlette(folder: Path) -> AbstractContextManager[Target]:
    return _plain(folder, sys.executable, str(SETUPS / "starlette_loop.py"))


def _websockets(folder: Path) -> AbstractContextManager[Target]:
    return _two_ports(folder, "websockets_broadcast.py")


@contextmanager
def _nats(folder: Path) -> Iterator[Target]:
    program, port, publish_port = go_install(NATS, "nats-server"), free_port(), free_port()
    config = _fill("nats.conf", folder, PORT=port, PUBLISH_PORT=publish_port)
    command = [str(program), "-c", str(config)]
    request = f"PUB all {len(TEXT)}\r\n{TEXT}\r\n".encode()
    with serving(command, port, publish_port, folder=folder) as pid:
        options = ["--path", "/", "--binary", "--publish-port", str(publish_port)]
        options += ["--init", r'CONNECT {"verbose":false}\r\nSUB all 1\r\nPING\r\n']
        options += ["--ready", "PONG", "--on", "PING", "--say", r"PONG\r\n"]
        yield Target(port=port, pids=[pid], options=options + publish_option(folder, request))


@contextmanager
def _nchan(folder: Path) -> Iterator[Target]:
    root, port = debian_unpack(*NCHAN), free_port()
    libraries = next(root.glob("usr/lib/*/libhiredis.so*")).parent
    config = _fill("nchan.conf", folder, PORT=port, MODULES=root / "usr/lib/nginx/modules")
    command = [str(root / "usr/sbin/nginx"), "-p", str(folder), "-c", str(config)]
    env = {"LD_LIBRARY_PATH": str(libraries)}
    with serving(command, port, folder=folder, env=env) as pid:
        options = ["--path", "/ws", *publish_option(folder, post("/pub", TEXT))]
        yield Target(port=port, pids=family(pid), options=options)


@contextmanager
def _centrifugo(folder: Path) -> Iterator[Target]:
    program, port = go_install(CENTRIFUGO, "centrifugo"), free_port()
    env = {
        "CENTRIFUGO_HTTP_SERVER_ADDRESS": "127.0.0.1",
        "CENTRIFUGO_HTTP_SERVER_PORT": str(port),
        "CENTRIFUGO_HTTP_API_INSECURE": "true",
        "CENTRIFUGO_CLIENT_INSECURE": "true",
        "CENTRIFUGO_CLIENT_ALLOWED_ORIGINS": "*",
    }
    body = json.dumps({"channel": "all", "data": TEXT})
    with serving([str(program)], port, folder=folder, env=env) as pid:
        options = ["--path", "/connection/websocket", "--ready", '"id":2', "--on", "{}"]
        options += ["--init", r'{"id":1,"connect":{}}\n{"id":2,"subscribe":{"channel":"all"}}']
        options += ["--say", "{}"]
        options += publish_option(folder, post("/api/publish", body))
        yield Target(port=port, pids=[pid], options=options)


@contextmanager
def _mercure(folder: Path) -> Iterator[Target]:
    program, port = go_install(MERCURE, "mercure"), free_port()
    config = _fill("mercure.caddyfile", folder, PORT=port, SECRET=SECRET)
    command = [str(program), "run", "--adapter", "caddyfile", "--config", str(config)]
    request = post(
        "/.well-known/mercure",
        f"topic=all&data={TEXT}",
        "Content-Type: application/x-www-form-urlencoded",
        f"Authorization: Bearer {_jwt({'mercure': {'publish': ['*']}})}",
    )
    with serving(command, port, folder=folder) as pid:
        options = ["--sse", "--path", "/.well-known/mercure?topic=all"]
        yield Target(port=port, pids=[pid], options=options + publish_option(folder, request))


def _fill(name: str, folder: Path, **values: object) -> Path:
    """A configuration with its @NAMES@ filled in, in the server's folder."""
    text = (SETUPS / name).read_text()
    for key, value in values.items():
        text = text.replace(f"@{key}@", str(value))
    target = folder / name
    target.write_text(text)
    return target


def _jwt(claims: object) -> str:
    """A token signed with SECRET, for a server that wants one to publish."""

    def part(data: bytes) -> str:
        return base64.urlsafe_b64encode(data).rstrip(b"=").decode()

    head = part(b'{"alg":"HS256","typ":"JWT"}') + "." + part(json.dumps(claims).encode())
    return f"{head}.{part(hmac.digest(SECRET.encode(), head.encode(), hashlib.sha256))}"


ALL = (
    Peer("Nchan 1.3.6", "nginx module, C", _nchan),
    Peer(
        "uWebSockets 20.30",
        "C++ under Node",
        _node("uwebsockets.mjs", "@trufflesuite/uws-js-unofficial@20.30.0-unofficial.0"),
    ),
    Peer("picows 2.3.1", "Cython", _picows),
    Peer("websockets `broadcast`", "Python", _websockets),
    Peer("ws 8.23.0", "Node", _node("ws.mjs", "ws@8.23.0")),
    Peer("NATS 2.15.2", "Go", _nats),
    Peer("Centrifugo 6.2.0", "Go", _centrifugo),
    Peer("Mercure 0.20.0", "Go, Server-Sent Events", _mercure),
    Peer("Socket.IO 4.8.4", "Node", _socketio),
    Peer("Starlette `send_text`", "Python, uvicorn", _starlette),
)
