"""Accepted means durable: what was acknowledged survives `kill -9`, once and whole."""

import random
import sqlite3
from pathlib import Path

from gateway.store.sql import SqlStore
from tests.gateway.store.processes import line, running

TRIALS = 6


async def test_everything_acknowledged_survives_kill_9_exactly_once(tmp_path: Path) -> None:
    """P1: a publisher is killed at a random moment, again and again on the same file. Each id
    that it printed is there; each message has its audit line, its claim and its live revision."""
    database = tmp_path / "gateway.db"
    acknowledged: list[str] = []
    for trial in range(TRIALS):
        acknowledged += await _publish_until_killed(database, f"t{trial}")

    store = SqlStore(f"sqlite:///{database}")
    await store.open()
    live = await store.live_state()
    await store.close()

    ids = [one.id for one in live.messages]
    assert len(acknowledged) >= TRIALS * 5
    assert set(acknowledged) <= set(ids)
    assert len(set(ids)) == len(ids) == live.revision
    _check_by_hand(database, set(ids))


async def _publish_until_killed(database: Path, prefix: str) -> list[str]:
    async with running("publisher", f"sqlite:///{database}", prefix) as process:
        acknowledged = [await line(process) for _ in range(random.randint(5, 60))]
        process.kill()
        assert process.stdout is not None
        rest = (await process.stdout.read()).decode()
    # The last line may be cut in the middle; then nobody was told.
    return acknowledged + rest[: rest.rfind("\n") + 1].split()


def _check_by_hand(database: Path, ids: set[str]) -> None:
    """Look at the file without the store's code."""
    connection = sqlite3.connect(database)
    try:
        assert connection.execute("PRAGMA integrity_check").fetchone() == ("ok",)
        for column in (
            "message_id FROM message_revisions",
            "target FROM audit",
            "resource FROM idempotency",
        ):
            found = [row[0] for row in connection.execute(f"SELECT {column}")]
            assert len(found) == len(ids)
            assert set(found) == ids
    finally:
        connection.close()
