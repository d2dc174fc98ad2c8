"""A process that opens a store, says so, and holds it until its input ends."""

import asyncio
import os
import sys

from gateway.store.sql import SqlStore


async def main(url: str) -> None:
    store = SqlStore(url)
    await store.open(create=True)
    os.write(1, b"open\n")
    await asyncio.to_thread(sys.stdin.read)
    await store.close()


if __name__ == "__main__":
    asyncio.run(main(sys.argv[1]))
