"""A minimal HTTP publisher for servers that speak WebSocket alone: a POST's body goes to all."""

import asyncio
import re
from collections.abc import Callable


async def serve_publisher(port: int, send_to_all: Callable[[bytes], object]) -> None:
    """Listen on a port of its own; requests on a kept connection, one after the other."""

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            while True:
                head = await reader.readuntil(b"\r\n\r\n")
                length = re.search(rb"(?i)content-length: (\d+)", head)
                send_to_all(await reader.readexactly(int(length[1]) if length else 0))
                writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n")
        except asyncio.IncompleteReadError:
            writer.close()

    await asyncio.start_server(serve, "127.0.0.1", port)
