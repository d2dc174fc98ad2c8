"""The composition root: the only place that names concrete parts, and the order in which they
start and stop. Holds no behaviour of its own.
"""

import asyncio
import contextlib
import gc
import socket
from collections.abc import AsyncIterator, Callable
from typing import Any

from gateway import log
from gateway.broker.memory import MemoryBroker
from gateway.clock import Clock, SystemClock
from gateway.core import Core
from gateway.errors import Misconfigured
from gateway.http.app import build as build_http
from gateway.http.edge import Edge
from gateway.http.services import Services
from gateway.identity.keys import Keys
from gateway.identity.tokens import TokenVerifier
from gateway.ids import new_id
from gateway.presence.memory import MemoryPresence
from gateway.settings import Settings
from gateway.store.sql import SqlStore
from gateway.transport.gate import Gate
from gateway.transport.limits import Limits
from gateway.transport.listener import ListenerOptions, listen, port_of
from gateway.transport.origins import Origins
from gateway.transport.server import GatewayServer, make_config

_DRAIN_MARGIN = 5.0
"""Seconds that a drain may take beyond its grace, for telling everybody."""

_HOUSEKEEPING_SECONDS = 600.0

_GC_THRESHOLD = 50_000
"""Objects before the youngest generation is looked at (CPython's default: 700 or 2,000). A connect
makes about a dozen that stay, so at the default a storm spends its time looking at what lives
(bench/README.md, connects per second)."""

DEMO_USERS = ("ada", "grace", "linus")


class Gateway:
    """One node with both edges."""

    def __init__(self, settings: Settings, clock: Clock | None = None) -> None:
        """Raises Misconfigured for settings that cannot work together."""
        if settings.workers > 1:
            raise Misconfigured("this version runs one process: set GATEWAY_WORKERS=1")
        self.settings = settings
        self.clock = clock or SystemClock()
        self.store = SqlStore(settings.database_url, self.clock)
        self.verifier = TokenVerifier(settings, self.clock)
        self.keys = Keys(self.store, self.clock)
        self.core = Core(
            settings,
            node_id=settings.node_id or new_id("node", self.clock.now()),
            store=self.store,
            broker=MemoryBroker(),
            make_presence=MemoryPresence,
            verifier=self.verifier,
            clock=self.clock,
        )
        self.gate = self._make_gate()
        self.core.count_connections = lambda: len(self.gate.connections)
        self.edge = self._make_edge()
        self._register_gauges()

    def _make_gate(self) -> Gate:
        return Gate(
            limits=Limits.from_settings(self.settings),
            origins=Origins(self.settings.allowed_origins, loopback_only=self.settings.dev),
            wheel=self.core.wheel,
            open_session=self.core.open_session,
            monotonic=self.clock.monotonic,
        )

    def _make_edge(self) -> Edge:
        core = self.core
        services = Services(
            messages=core.messages,
            mutes=core.mutes,
            people=core.people,
            presence=core.presence,
            keys=self.keys,
            store=self.store,
            node=core,
            settings=self.settings,
            clock=self.clock,
            live_view=core.live_view,
            render_metrics=core.metrics.render,
            observe=core.metrics.note_request,
            demo=self._demo if self.settings.dev else None,
        )
        return build_http(services)

    def _demo(self) -> dict[str, Any]:
        key = self.settings.admin_key
        return {
            "key": key.get_secret_value() if key else "",
            "users": list(DEMO_USERS),
            "websocket": "/v1/ws",
        }

    def _register_gauges(self) -> None:
        core, gate = self.core, self.gate
        gauge = core.metrics.gauge
        gauge("gateway_sessions", "Live sessions.", lambda: core.hub.session_count)
        gauge("gateway_users", "Distinct users with a session.", lambda: core.hub.user_count)
        gauge("gateway_connections", "WebSocket connections.", lambda: len(gate.connections))
        gauge("gateway_sockets", "Open sockets of any kind.", lambda: gate.sockets)
        gauge(
            "gateway_live_messages",
            "Messages in the live set.",
            lambda: len(core.live_set.messages),
        )
        gauge("gateway_live_revision", "Revision of the live set.", lambda: core.live_set.revision)
        gauge("gateway_draining", "1 while the node drains.", lambda: core.is_draining)
        core.metrics.counters_of(
            "gateway_edge", "Connections refused or cut by the socket edge.", "reason", gate.counts
        )

    @contextlib.asynccontextmanager
    async def running(self) -> AsyncIterator["Gateway"]:
        """Everything but the listener: started in order, stopped in reverse."""
        async with contextlib.AsyncExitStack() as stack:
            await self.store.open(create=self.settings.dev)
            stack.push_async_callback(self.store.close)
            await self.keys.load()
            self.keys.ensure_bootstrap(self.settings)
            await self.verifier.start()
            stack.push_async_callback(self.verifier.close)
            await self.core.start()
            stack.push_async_callback(self.core.stop)
            for work in (self.core.wheel.run(), self.core.flusher.run(), self._keep_house()):
                stack.push_async_callback(_cancelled, asyncio.create_task(work))
            yield self

    async def _keep_house(self) -> None:
        while True:
            await asyncio.sleep(_HOUSEKEEPING_SECONDS)
            try:
                await self.store.forget_old(self.clock.now())
            except Exception as error:  # housekeeping must not end with one bad day
                self.core.metrics.note_error("housekeeping", error)

    async def serve(self, sockets: list[socket.socket], on_ready: Callable[[int], object]) -> None:
        """Serve on these sockets until a signal comes, then drain."""
        async with self.running():
            app: Any = self.edge  # Starlette's and uvicorn's types of ASGI differ in name only
            config = make_config(app, self.gate, self.settings.trusted_proxies)
            timeout = self.settings.drain_grace + _DRAIN_MARGIN
            server = GatewayServer(
                config, self.gate, drain=self.core.drain.run, drain_timeout=timeout
            )
            _calm_the_collector()
            announcing = asyncio.create_task(_announce(server, port_of(sockets), on_ready))
            try:
                await server.serve(sockets)
            finally:
                await _cancelled(announcing)


async def _announce(server: GatewayServer, port: int, on_ready: Callable[[int], object]) -> None:
    await server.ready.wait()
    on_ready(port)


async def _cancelled(task: "asyncio.Task[None]") -> None:
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)


def _calm_the_collector() -> None:
    """What was made so far stays for good; look less often at what connects make."""
    gc.collect()
    gc.freeze()
    gc.set_threshold(_GC_THRESHOLD, 20, 20)


def run(settings: Settings, on_ready: Callable[[int], object] | None = None) -> int:
    """Run one node until a signal; returns the exit code. `on_ready` gets the port.

    Raises:
        Misconfigured: settings, schema or database file do not allow a start.
        OSError: the address cannot be listened on.
    """
    import uvloop

    log.configure(settings)
    gateway = Gateway(settings)
    options = ListenerOptions(
        stall_timeout=settings.stall_timeout, send_buffer_bytes=settings.send_buffer_bytes
    )
    sockets = listen(settings.host, settings.port, options)
    try:
        uvloop.run(gateway.serve(sockets, on_ready or (lambda port: None)))
    finally:
        for listener in sockets:
            listener.close()
    return 0
