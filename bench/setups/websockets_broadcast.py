"""The websockets library's own server and its `broadcast`. Publishes come on the next port."""

import sys

import uvloop
from publisher import serve_publisher
from websockets.asyncio.server import ServerConnection, broadcast, serve

connections: set[ServerConnection] = set()


async def hold(connection: ServerConnection) -> None:
    connections.add(connection)
    try:
        await connection.wait_closed()
    finally:
        connections.discard(connection)


def send_to_all(text: bytes) -> None:
    broadcast(connections, text.decode())


async def main(port: int) -> None:
    await serve_publisher(port + 1, send_to_all)
    options = {"compression": None, "ping_interval": None, "backlog": 4096}
    async with serve(hold, "127.0.0.1", port, **options) as server:
        await server.serve_forever()


uvloop.run(main(int(sys.argv[1])))
