"""picows (Cython): a set of transports and a plain loop. Publishes come on the next port."""

import sys

import uvloop
from picows import WSListener, WSMsgType, WSTransport, ws_create_server
from publisher import serve_publisher

transports: set[WSTransport] = set()


class Listener(WSListener):  # type: ignore[misc]  # the package has no types
    """Registers its transport while it is open."""

    def on_ws_connected(self, transport: WSTransport) -> None:
        transports.add(transport)

    def on_ws_disconnected(self, transport: WSTransport) -> None:
        transports.discard(transport)


def send_to_all(text: bytes) -> None:
    for transport in transports:
        transport.send(WSMsgType.TEXT, text)


async def main(port: int) -> None:
    await serve_publisher(port + 1, send_to_all)
    server = await ws_create_server(lambda _: Listener(), "127.0.0.1", port, backlog=4096)
    await server.serve_forever()


uvloop.run(main(int(sys.argv[1])))
