"""Every statement of the store compiles for SQLite and for PostgreSQL."""

from types import ModuleType

import pytest
import sqlalchemy as sa
from sqlalchemy.dialects import postgresql, sqlite

from gateway.store import admin, messages, people, receipts

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
