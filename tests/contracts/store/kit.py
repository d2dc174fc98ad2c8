"""Stores to hold to the contract, and makers of what goes into them.

A new store is one more line in `STORES`; no test below knows which one it has.
"""

from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from datetime import timedelta
from pathlib import Path
from typing import Any, TypeAlias

from gateway.clock import Clock
from gateway.model.admin import AdminKey, Caller, IdempotencyClaim, Scope
from gateway.model.message import Content, Kind, Message, State
from gateway.model.receipt import Receipt, Stage
from gateway.store.base import Page, Store
from gateway.store.sql import SqlStore
from tests.fakes import START

KEY = AdminKey(
    id="key_ops", name="ops", hash="0" * 64, scopes=frozenset({Scope.ADMIN}), created_at=START
)
CALLER = Caller(key=KEY, request_id="req_1")

OpenStore: TypeAlias = Callable[[Path, Clock], AbstractAsyncContextManager[Store]]


@asynccontextmanager
async def open_sqlite(folder: Path, clock: Clock) -> AsyncIterator[Store]:
    """A store on a file in the folder; what was in it is still there."""
    store = SqlStore(f"sqlite:///{folder / 'gateway.db'}", clock)
    await store.open(create=True)
    try:
        yield store
    finally:
        await store.close()


STORES: Mapping[str, OpenStore] = {"sqlite": open_sqlite}


def caller(key: str, fingerprint: str = "f" * 64) -> Caller:
    """A caller who sent an Idempotency-Key."""
    claim = IdempotencyClaim(key=f"key_ops:{key}", fingerprint=fingerprint)
    return Caller(key=KEY, request_id="req_1", idempotency=claim)


def message(number: int = 1, **changes: Any) -> Message:
    """A live banner; a higher number was created later."""
    at = START + timedelta(seconds=number)
    values: dict[str, Any] = {
        "id": f"msg_{number:04}",
        "revision": 1,
        "attention": 1,
        "kind": Kind.BANNER,
        "state": State.LIVE,
        "created_at": at,
        "updated_at": at,
        "content": {"en": Content(body="Search is slow.")},
    }
    return Message(**(values | changes))


def receipt(user: str = "mia", stage: Stage = Stage.DISPLAYED, **changes: Any) -> Receipt:
    """What one session said about message 1."""
    values: dict[str, Any] = {
        "message_id": "msg_0001",
        "user_id": user,
        "stage": stage,
        "revision": 1,
        "at": START,
    }
    return Receipt(**(values | changes))


async def put(store: Store, *messages: Message) -> None:
    """Make each message durable in a change of its own."""
    for one in messages:
        async with store.change(CALLER, "message.create", one.id) as change:
            await change.put_message(one)


async def all_pages(fetch: Callable[[str | None], Any]) -> list[Any]:
    """Everything in a list, page by page; fails instead of turning in circles."""
    found: list[Any] = []
    cursor: str | None = None
    for _ in range(1_000):
        page: Page = await fetch(cursor)
        found += page.data
        cursor = page.next_cursor
        if cursor is None:
            return found
    raise AssertionError("the list has no end")
