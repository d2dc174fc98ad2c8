"""What the store costs: changes, reads and batches of receipts, beside the thread round trip.

    python -m bench.store

Prints µs of wall time and of CPU (all threads). Nothing is left behind.
"""

import asyncio
import tempfile
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import asynccontextmanager
from datetime import UTC, datetime

import uvloop

from gateway.ids import new_id
from gateway.model.admin import AdminKey, Caller, IdempotencyClaim, Scope
from gateway.model.message import Content, Kind, Message, Severity, State
from gateway.model.receipt import Receipt, Stage
from gateway.store.base import Sent
from gateway.store.lane import Lane
from gateway.store.sql import SqlStore

USERS = 10_000
KEY = AdminKey(
    id="key_bench",
    name="bench",
    hash="0" * 64,
    scopes=frozenset({Scope.ADMIN}),
    created_at=datetime.now(UTC),
)


def banner() -> Message:
    """A live banner with 200 bytes of text."""
    now = datetime.now(UTC)
    return Message(
        id=new_id("msg", now),
        revision=1,
        attention=1,
        kind=Kind.BANNER,
        state=State.LIVE,
        severity=Severity.MAJOR,
        created_at=now,
        updated_at=now,
        content={"en": Content(title="Outage", body="x" * 200)},
    )


async def measure(
    name: str, times: int, act: Callable[[], Awaitable[object]], per: int = 1
) -> None:
    """Print what `act` costs, divided by the `per` things that it does."""
    for _ in range(times // 5):
        await act()
    wall, cpu = time.perf_counter(), time.process_time()
    for _ in range(times):
        await act()
    scale = 1e6 / (times * per)
    spent = (time.perf_counter() - wall) * scale, (time.process_time() - cpu) * scale
    print(f"| {name} | {spent[0]:.1f} | {spent[1]:.1f} |", flush=True)


async def measure_round_trips() -> None:
    """A job that does nothing, on our thread and on the standard library's."""
    lane, loop = Lane("bench"), asyncio.get_running_loop()
    await measure("round trip to a lane", 3_000, lambda: lane.submit(int))
    lane.stop()
    with ThreadPoolExecutor(1) as executor:
        await measure(
            "round trip to an executor", 3_000, lambda: loop.run_in_executor(executor, int)
        )


async def measure_messages(store: SqlStore) -> None:
    """The broadcast's write, and what a node reads."""
    newest = banner().id

    async def publish() -> None:
        nonlocal newest
        message = banner()
        newest = message.id
        claim = IdempotencyClaim(key=message.id, fingerprint="f" * 64)
        caller = Caller(key=KEY, request_id="req", idempotency=claim)
        async with store.change(caller, "message.publish", message.id) as change:
            await change.put_message(message)
            await change.raise_live_revision()

    await measure("publish: message, revision, audit, claim; synced", 500, publish)
    await measure("read a message", 500, lambda: store.message(newest))
    await measure("ping", 300, store.ping)


async def measure_receipts(store: SqlStore) -> None:
    """A broadcast's echo: a receipt from each user."""
    now = datetime.now(UTC)
    users = [f"user-{(number * 7919) % USERS}" for number in range(USERS)]

    def batch(message_id: str) -> list[Receipt]:
        return [
            Receipt(message_id=message_id, user_id=user, stage=Stage.RECEIVED, revision=1, at=now)
            for user in users
        ]

    batches = iter([batch(f"msg_{number}") for number in range(20)])
    known = batch("msg_0")
    sent = {"msg_0": Sent(users=users, sessions=USERS)}
    await measure("a new receipt", 10, lambda: store.add_receipts(next(batches), {}), USERS)
    await measure("a known receipt", 10, lambda: store.add_receipts(known, {}), USERS)
    await measure("a user in a roster", 10, lambda: store.add_receipts([], sent), USERS)
    seen = dict.fromkeys(users, now)
    await measure("a user's last_seen", 10, lambda: store.put_last_seen(seen), USERS)
    await measure(f"tallies of {USERS:,} receipts", 50, lambda: store.tallies("msg_0"))


@asynccontextmanager
async def opened(folder: str) -> AsyncIterator[SqlStore]:
    """A store in the folder, closed at the end."""
    store = SqlStore(f"sqlite:///{folder}/bench.db")
    await store.open(create=True)
    yield store
    await store.close()


async def main() -> None:
    print("| | wall µs | CPU µs |\n|---|---|---|")
    await measure_round_trips()
    with tempfile.TemporaryDirectory(dir=".") as folder:
        async with opened(folder) as store:
            await measure_messages(store)
            await measure_receipts(store)


if __name__ == "__main__":
    uvloop.run(main())
