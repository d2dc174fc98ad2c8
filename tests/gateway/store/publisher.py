"""A process that publishes without end, and prints the id of each message that was accepted.

Arguments: the store's URL and a prefix for ids. Several changes are always under way.
"""

import asyncio
import os
import sys

from gateway.store.sql import SqlStore
from tests.contracts.store.kit import caller, message, receipt


async def publish(store: SqlStore, prefix: str, lane: int) -> None:
    number = 0
    while True:
        number += 1
        one = message(number, id=f"msg_{prefix}_{lane}_{number}")
        async with store.change(caller(one.id), "message.publish", one.id) as change:
            await change.put_message(one)
            await change.raise_live_revision()
        os.write(1, f"{one.id}\n".encode())


async def count(store: SqlStore) -> None:
    while True:
        await store.add_receipts([receipt(f"user-{n}") for n in range(200)], {})


async def main(url: str, prefix: str) -> None:
    store = SqlStore(url)
    await store.open(create=True)
    await asyncio.gather(count(store), *(publish(store, prefix, lane) for lane in range(3)))


if __name__ == "__main__":
    asyncio.run(main(sys.argv[1], sys.argv[2]))
