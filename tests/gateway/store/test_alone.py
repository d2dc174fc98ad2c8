"""One process per SQLite file, and none that cannot end."""

import asyncio
import threading
from pathlib import Path

import pytest

from gateway.errors import Misconfigured
from gateway.store import migrate
from gateway.store.sql import SqlStore
from tests.contracts.store.kit import message, put
from tests.gateway.store.processes import PATIENCE_SECONDS, line, running


async def test_a_second_process_is_refused_and_told_why(tmp_path: Path) -> None:
    """F17: two writers can corrupt a WAL. The text names the file, the holder and the lock; after
    the holder was killed the file is free at once."""
    database = tmp_path / "gateway.db"
    url = f"sqlite:///{database}"
    async with running("holder", url) as process:
        assert await line(process) == "open"
        with pytest.raises(Misconfigured) as refused:
            await SqlStore(url).open()
        with pytest.raises(Misconfigured, match="in use"):
            await asyncio.to_thread(migrate.upgrade, url)

        text = str(refused.value)
        assert str(database) in text
        assert f"{database}.lock" in text
        assert str(process.pid) in text
        process.kill()
        await process.wait()

    store = SqlStore(url)
    await store.open()
    await store.close()


async def test_a_second_store_in_the_same_process_is_refused(tmp_path: Path) -> None:
    """F17: by whatever name the file is called."""
    first = SqlStore(f"sqlite:///{tmp_path}/gateway.db")
    await first.open(create=True)
    (tmp_path / "link.db").symlink_to(tmp_path / "gateway.db")
    with pytest.raises(Misconfigured, match="in use"):
        await SqlStore(f"sqlite:///{tmp_path}/link.db").open()
    await put(first, message())
    await first.close()


async def test_the_schema_can_be_looked_at_while_a_gateway_runs(tmp_path: Path) -> None:
    """`gateway doctor` asks without a lock."""
    store = SqlStore(f"sqlite:///{tmp_path}/gateway.db")
    await store.open(create=True)
    assert migrate.state(f"sqlite:///{tmp_path}/gateway.db") is migrate.SchemaState.CURRENT
    await put(store, message())
    await store.close()


async def test_a_holder_that_closes_lets_the_next_one_in(tmp_path: Path) -> None:
    """A rolling restart on one machine."""
    url = f"sqlite:///{tmp_path}/gateway.db"
    async with running("holder", url) as process:
        assert await line(process) == "open"
        assert process.stdin is not None
        process.stdin.close()
        async with asyncio.timeout(PATIENCE_SECONDS):
            assert await process.wait() == 0
    store = SqlStore(url)
    await store.open()
    await store.close()


async def test_closing_leaves_no_thread_and_no_log(tmp_path: Path) -> None:
    """The last connection empties the log into the file, so that a copy of it is a backup."""
    store = SqlStore(f"sqlite:///{tmp_path}/gateway.db")
    await store.open(create=True)
    await put(store, message())
    await store.close()
    assert not [one for one in threading.enumerate() if one.name.startswith("gateway-store")]
    assert _names_in(tmp_path) == ["gateway.db", "gateway.db.lock"]


def _names_in(folder: Path) -> list[str]:
    return sorted(file.name for file in folder.iterdir())


async def test_a_process_that_forgets_to_close_can_end(tmp_path: Path) -> None:
    """The store's threads hold up nobody's exit, and what was accepted is there."""
    url = f"sqlite:///{tmp_path}/gateway.db"
    async with running("forgetful", url) as process, asyncio.timeout(PATIENCE_SECONDS):
        assert await process.wait() == 0
    store = SqlStore(url)
    await store.open()
    assert await store.message("msg_0001") == message()
    await store.close()


async def test_a_scratch_store_keeps_nothing() -> None:
    """`sqlite://` is for tests and trials; it needs no migration and leaves no file."""
    store = SqlStore("sqlite://")
    await store.open()
    folder = store._location.resolve().parent
    await put(store, message())
    assert (await store.live_state()).messages == (message(),)
    await store.ping()
    await store.close()
    assert not folder.exists()
