"""A server in a process of its own, with few file descriptors: ours, or uvicorn as it comes.

Run as `python -m tests.integration.guard_process ours|stock asyncio|uvloop FILES`. Prints its port.
"""

import asyncio
import resource
import sys

import uvicorn
import uvloop

from gateway.settings import Settings
from gateway.transport.limits import Limits
from gateway.transport.listener import ListenerOptions, listen, port_of
from gateway.transport.server import GatewayServer, make_config
from tests.gateway.transport.kit import hello, make_gate, nothing_to_drain


def make_server(kind: str) -> uvicorn.Server:
    """A server with the limits that follow from the process's own."""
    if kind == "stock":
        config = uvicorn.Config(hello, http="httptools", ws="websockets-sansio", lifespan="off")
        return uvicorn.Server(config)
    gate = make_gate(Limits.from_settings(Settings(head_timeout=60)), (), None, [])
    return GatewayServer(make_config(hello, gate), gate, drain=nothing_to_drain, drain_timeout=1)


async def main(kind: str) -> None:
    """Serve until SIGTERM."""
    server = make_server(kind)
    sockets = listen("127.0.0.1", 0, ListenerOptions())
    print(port_of(sockets), flush=True)
    await server.serve(sockets)


if __name__ == "__main__":
    _, kind, loop, files = sys.argv
    resource.setrlimit(resource.RLIMIT_NOFILE, (int(files), int(files)))
    factory = uvloop.new_event_loop if loop == "uvloop" else asyncio.new_event_loop
    with asyncio.Runner(loop_factory=factory) as runner:
        runner.run(main(kind))
