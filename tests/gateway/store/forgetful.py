"""A process that opens a store, uses it, and ends without closing it."""

import asyncio
import sys

from gateway.store.sql import SqlStore
from tests.contracts.store.kit import message, put


async def main(url: str) -> None:
    store = SqlStore(url)
    await store.open(create=True)
    await put(store, message())
    await store.live_state()


if __name__ == "__main__":
    asyncio.run(main(sys.argv[1]))
