"""Every statement of the store compiles for SQLite and for PostgreSQL."""

from pathlib import Path
from types import ModuleType

import pytest
import sqlalchemy as sa
from sqlalchemy.dialects import postgresql, sqlite

from gateway.store import admin, messages, people, receipts
from gateway.store.base import Sent
from gateway.store.sql import SqlStore
from tests.contracts.store.kit import receipt
from tests.fakes import START

MODULES = (admin, messages, people, receipts)
DIALECTS = {"sqlite": sqlite.dialect, "postgresql": postgresql.dialect}


@pytest.mark.parametrize("dialect", DIALECTS)
@pytest.mark.parametrize("module", MODULES, ids=lambda module: module.__name__)
def test_statements_compile_for_both_databases(module: ModuleType, dialect: str) -> None:
    """One code path: what differs is confined to how a batch is unpacked."""
    statements = [
        one
        for one in vars(module).values()
        if isinstance(one, (sa.Select, sa.Insert, sa.Update, sa.Delete))
    ]
    assert len(statements) >= 5
    for statement in statements:
        text = str(statement.compile(dialect=DIALECTS[dialect]()))
        assert text.split()[0] in {"SELECT", "INSERT", "UPDATE", "DELETE"}


async def test_a_batch_is_one_statement_however_large(tmp_path: Path) -> None:
    """A statement per row would hand the interpreter back and forth 10,000 times beside a busy
    event loop (docs/decisions/store-threads.md)."""
    store = SqlStore(f"sqlite:///{tmp_path}/gateway.db")
    await store.open(create=True)
    seen: list[tuple[str, bool]] = []

    def note(*call: object) -> None:
        _connection, _cursor, statement, _parameters, _context, executemany = call
        seen.append((str(statement).split()[0], bool(executemany)))

    sa.event.listen(sa.Engine, "before_cursor_execute", note)
    users = [f"user-{number}" for number in range(5_000)]
    sent = {"msg_0001": Sent(users=users, sessions=5_000)}
    await store.add_receipts([receipt(user) for user in users], sent)
    await store.put_last_seen(dict.fromkeys(users, START))
    await store.last_seen(users)
    sa.event.remove(sa.Engine, "before_cursor_execute", note)
    await store.close()

    words = " ".join(word for word, _ in seen)
    assert words == "BEGIN INSERT INSERT BEGIN INSERT BEGIN SELECT"
    assert not any(many for _, many in seen)
