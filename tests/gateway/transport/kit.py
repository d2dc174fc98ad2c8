"""A real server on a free port with sessions that only record, and a client made of raw bytes.

The client knows just enough of HTTP and WebSocket to misbehave exactly as a test wants it to.
"""

import asyncio
import contextlib
import os
import socket
import ssl
import struct
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass, field, replace
from typing import Any

import uvicorn
from uvicorn.server import ServerState

from gateway.sessions.link import Link
from gateway.transport.gate import Gate
from gateway.transport.http_guard import HttpGuard
from gateway.transport.limits import Limits
from gateway.transport.listener import ListenerOptions, listen, port_of
from gateway.transport.origins import Origins
from gateway.transport.server import GatewayServer, make_config
from gateway.transport.websocket import WebSocketConnection
from gateway.wire.prepared import prepare

MS = float(os.environ.get("TEST_MS", "1")) / 1_000
"""One millisecond; slow machines set TEST_MS to scale every time limit."""

PATIENCE = 5_000 * MS
"""How long a test waits for something that must happen."""

TEST_LIMITS = Limits(
    head_timeout=300 * MS,
    body_timeout=300 * MS,
    stall_timeout=300 * MS,
    close_timeout=300 * MS,
    linger=300 * MS,
)


class LoopWheel:
    """A timing wheel of the loop's own timers: exact, and fine for a handful of connections."""

    def schedule(self, delay_seconds: float, callback: Callable[[], object]) -> asyncio.TimerHandle:
        return asyncio.get_running_loop().call_later(delay_seconds, callback)


@dataclass
class RecordingSession:
    """Remembers what its connection told it; answers every message with itself."""

    link: Link
    token: str | None
    payloads: list[bytes] = field(default_factory=list)
    closed: list[int | None] = field(default_factory=list)
    drained: int = 0
    echoes: bool = True

    def receive(self, payload: bytes) -> None:
        self.payloads.append(payload)
        if self.echoes:
            self.link.write(prepare(payload, self.link.encoding))

    def on_drained(self, lost: bool) -> None:
        self.drained += lost

    def on_closed(self, code: int | None) -> None:
        self.closed.append(code)


@dataclass
class Served:
    """A running server and what it holds."""

    port: int
    gate: Gate
    sessions: list[RecordingSession]


async def hello(scope: Any, receive: Any, send: Any) -> None:
    """An application that reads the whole body and tells how long it was."""
    if scope["type"] == "lifespan":
        await answer_lifespan(receive, send)
        return
    size, more = 0, True
    while more:
        event = await receive()
        if event["type"] == "http.disconnect":
            return
        size += len(event.get("body", b""))
        more = event.get("more_body", False)
    body = f"{scope['path']} {size}".encode()
    headers = [(b"content-length", str(len(body)).encode())]
    await send({"type": "http.response.start", "status": 200, "headers": headers})
    await send({"type": "http.response.body", "body": body})


async def answer_lifespan(receive: Any, send: Any) -> None:
    """Start and stop when told to."""
    while True:
        event = await receive()
        await send({"type": f"{event['type']}.complete"})
        if event["type"] == "lifespan.shutdown":
            return


async def nothing_to_drain() -> None:
    """A drain that is done at once."""


def make_gate(
    limits: Limits,
    origins: tuple[str, ...],
    open_session: Callable[[Link, str | None], Any] | None,
    sessions: list[RecordingSession],
) -> Gate:
    """A gate whose sessions are remembered, unless the test brings its own."""

    def record(link: Link, token: str | None) -> RecordingSession:
        sessions.append(RecordingSession(link, token))
        return sessions[-1]

    return Gate(
        limits=limits,
        origins=Origins(origins),
        wheel=LoopWheel(),
        open_session=open_session or record,
    )


@contextlib.asynccontextmanager
async def serving(
    *,
    app: Any = hello,
    limits: Limits = TEST_LIMITS,
    origins: tuple[str, ...] = (),
    open_session: Callable[[Link, str | None], Any] | None = None,
    connection: type[WebSocketConnection] = WebSocketConnection,
    options: ListenerOptions | None = None,
    tls: ssl.SSLContext | None = None,
) -> AsyncIterator[Served]:
    """The protocol classes on a free port, without a server around them: starts and ends at
    once."""
    sessions: list[RecordingSession] = []
    gate = make_gate(limits, origins, open_session, sessions)
    config = make_config(app, gate)
    config.ws = connection
    config.load()
    state = ServerState()
    guard = HttpGuard.bind(gate)
    (listener,) = listen("127.0.0.1", 0, options or ListenerOptions())
    server = await asyncio.get_running_loop().create_server(
        lambda: guard(config, state, {}), sock=listener, backlog=limits.accept_batch, ssl=tls
    )
    try:
        yield Served(port_of([listener]), gate, sessions)
    finally:
        server.close()
        gate.abort_all()
        for leftover in tuple(state.connections):
            leftover.transport.abort()
        for task in tuple(state.tasks):
            task.cancel()
        await until(lambda: gate.sockets == 0)


@dataclass
class ServedWhole(Served):
    """A whole server, which can be told to stop."""

    server: GatewayServer
    serving: asyncio.Task[None]
    listeners: list[socket.socket]


@contextlib.asynccontextmanager
async def serving_whole(
    *,
    app: Any = hello,
    limits: Limits = TEST_LIMITS,
    drain: Callable[[], Awaitable[None]] = nothing_to_drain,
    drain_timeout: float = PATIENCE,
) -> AsyncIterator[ServedWhole]:
    """A whole server, with lifespan, signals and shutdown."""
    sessions: list[RecordingSession] = []
    gate = make_gate(limits, (), None, sessions)
    server = GatewayServer(make_config(app, gate), gate, drain=drain, drain_timeout=drain_timeout)
    sockets = listen("127.0.0.1", 0, ListenerOptions())
    port = port_of(sockets)
    task = asyncio.create_task(server.serve(sockets), name="server")
    try:
        async with asyncio.timeout(PATIENCE):
            await server.ready.wait()
        yield ServedWhole(port, gate, sessions, server, task, sockets)
    finally:
        server.should_exit = True
        async with asyncio.timeout(4 * PATIENCE):
            await task


@contextlib.asynccontextmanager
async def serving_stock(app: Any, **options: Any) -> AsyncIterator[int]:
    """uvicorn as it comes, for showing that a finding is one."""
    config = uvicorn.Config(
        app,
        **{
            "http": "httptools",
            "ws": "websockets-sansio",
            "log_config": None,
            "timeout_graceful_shutdown": 1,
            **options,
        },
    )
    server = uvicorn.Server(config)
    sockets = listen("127.0.0.1", 0, ListenerOptions())
    task = asyncio.create_task(server.serve(sockets), name="stock server")
    try:
        await until(lambda: server.started)
        yield port_of(sockets)
    finally:
        server.should_exit = True
        # Its shutdown may crash on what a test did to it (F5); that it ends is all we need.
        with contextlib.suppress(AssertionError):
            async with asyncio.timeout(4 * PATIENCE):
                await task


async def until(condition: Callable[[], bool], seconds: float = PATIENCE) -> None:
    """Return as soon as the condition holds; fail when it does not in time."""
    deadline = time.monotonic() + seconds
    while not condition():
        if time.monotonic() > deadline:
            raise AssertionError("it did not happen in time")
        await asyncio.sleep(MS)


# the client


def masked(
    opcode: int, payload: bytes, *, fin: bool = True, key: bytes = b"\x11\x22\x33\x44"
) -> bytes:
    """A frame as a client sends it."""
    head = bytes([(0x80 if fin else 0) | opcode])
    length = len(payload)
    if length < 126:
        head += bytes([0x80 | length])
    elif length < 65_536:
        head += b"\xfe" + length.to_bytes(2)
    else:
        head += b"\xff" + length.to_bytes(8)
    body = bytes(byte ^ key[place % 4] for place, byte in enumerate(payload))
    return head + key + body


def text(payload: str | bytes, *, fin: bool = True) -> bytes:
    """A masked text frame."""
    return masked(0x1, payload.encode() if isinstance(payload, str) else payload, fin=fin)


def binary(payload: bytes) -> bytes:
    """A masked binary frame."""
    return masked(0x2, payload)


def more(payload: bytes, *, fin: bool) -> bytes:
    """A masked continuation frame."""
    return masked(0x0, payload, fin=fin)


def ping(payload: bytes = b"") -> bytes:
    """A masked ping."""
    return masked(0x9, payload)


def closing(code: int | None, reason: bytes = b"") -> bytes:
    """A masked close frame."""
    return masked(0x8, b"" if code is None else code.to_bytes(2) + reason)


@dataclass(frozen=True)
class Frame:
    """A frame as it came from the node."""

    opcode: int
    payload: bytes
    fin: bool = True

    @property
    def close_code(self) -> int:
        assert self.opcode == 0x8, f"expected a close frame, got {self}"
        return int.from_bytes(self.payload[:2])


@dataclass(frozen=True)
class Answer:
    """An HTTP answer."""

    status: int
    headers: dict[str, str]
    body: bytes


class Client:
    """One raw connection."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.reader = reader
        self.writer = writer

    @classmethod
    async def connect(
        cls, port: int, *, receive_buffer: int | None = None, tls: bool = False
    ) -> "Client":
        sock = socket.socket()
        if receive_buffer is not None:
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, receive_buffer)
        sock.setblocking(False)
        await asyncio.get_running_loop().sock_connect(sock, ("127.0.0.1", port))
        options: dict[str, Any] = {}
        if tls:
            options = {"ssl": ssl._create_unverified_context(), "server_hostname": "localhost"}
        return cls(*await asyncio.open_connection(sock=sock, limit=2**12, **options))

    async def send(self, data: bytes) -> None:
        """Write and wait until the kernel has it."""
        self.writer.write(data)
        async with asyncio.timeout(PATIENCE):
            await self.writer.drain()

    async def answer(self) -> Answer:
        """Read one HTTP answer with a Content-Length, or none."""
        async with asyncio.timeout(PATIENCE):
            head = await self.reader.readuntil(b"\r\n\r\n")
            first, *lines = head.decode("latin-1").split("\r\n")[:-2]
            headers = {n.lower(): v.strip() for n, _, v in (line.partition(":") for line in lines)}
            body = await self.reader.readexactly(int(headers.get("content-length", "0")))
        return Answer(int(first.split()[1]), headers, body)

    async def ask(self, request: bytes) -> Answer:
        """Send raw bytes and read the answer."""
        await self.send(request)
        return await self.answer()

    async def upgrade(self, target: str = "/v1/ws", **headers: str) -> Answer:
        """Ask for a WebSocket; underscores in names stand for hyphens, "" leaves a header out."""
        return await self.ask(handshake(target, **headers))

    async def frame(self) -> Frame:
        """Read one frame."""
        async with asyncio.timeout(PATIENCE):
            first, second = await self.reader.readexactly(2)
            length = second
            if second == 126:
                (length,) = struct.unpack("!H", await self.reader.readexactly(2))
            elif second == 127:
                (length,) = struct.unpack("!Q", await self.reader.readexactly(8))
            payload = await self.reader.readexactly(length)
        return Frame(first & 0x0F, payload, bool(first & 0x80))

    async def ended(self, seconds: float = PATIENCE) -> bool:
        """True once the node hung up; what it sent before is dropped."""
        with contextlib.suppress(ConnectionError):
            async with asyncio.timeout(seconds):
                while await self.reader.read(65_536):
                    pass
        return True

    def hang_up(self) -> None:
        """Send FIN."""
        self.writer.write_eof()

    def reset(self) -> None:
        """Send RST."""
        if self.writer.is_closing():
            return
        sock = self.writer.get_extra_info("socket")
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self.writer.transport.abort()

    def close(self) -> None:
        """Forget the connection."""
        self.writer.close()


def handshake(target: str = "/v1/ws", **headers: str) -> bytes:
    """The bytes of an upgrade request."""
    fields = {
        "host": "gateway.test",
        "upgrade": "websocket",
        "connection": "Upgrade",
        "sec-websocket-key": "dGhlIHNhbXBsZSBub25jZQ==",
        "sec-websocket-version": "13",
    } | {name.replace("_", "-"): value for name, value in headers.items()}
    lines = "".join(f"{name}: {value}\r\n" for name, value in fields.items() if value)
    return f"GET {target} HTTP/1.1\r\n{lines}\r\n".encode()


@contextlib.asynccontextmanager
async def connected(port: int, **options: Any) -> AsyncIterator[Client]:
    """A raw connection, closed at the end."""
    client = await Client.connect(port, **options)
    try:
        yield client
    finally:
        client.close()


@contextlib.asynccontextmanager
async def upgraded(served: Served, *, tls: bool = False, **headers: str) -> AsyncIterator[Client]:
    """A connection that has become a WebSocket."""
    async with connected(served.port, tls=tls) as client:
        assert (await client.upgrade(**headers)).status == 101
        yield client


def limits(**changes: Any) -> Limits:
    """Those of the tests, with some changed."""
    return replace(TEST_LIMITS, **changes)
