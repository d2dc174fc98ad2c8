"""Statements that SQLAlchemy has no plain words for. No tables, no data.

Statements are built once, at import: building one costs several times as much as running it.
"""

from collections.abc import Iterable, Sequence
from typing import Any

import msgspec
import sqlalchemy as sa

# PostgreSQL's construct of INSERT … ON CONFLICT. SQLite took the clause over, and its compiler
# renders the same construct (a test compiles every statement for both).
from sqlalchemy.dialects.postgresql import Insert, insert

_encode = msgspec.json.Encoder().encode

__all__ = ["Insert", "batch", "each_of_batch", "insert", "insert_batch", "upsert"]


def upsert(
    table: sa.Table, *, keep: Sequence[str] = (), only_if: sa.ColumnElement[bool] | None = None
) -> Insert:
    """INSERT, or on a known key UPDATE every other column.

    Args:
        keep: columns that an update leaves as they were.
        only_if: update only rows for which this holds; others stay, and count as not written.
    """
    statement = insert(table)
    key = [column.name for column in table.primary_key]
    rest = [c.name for c in table.columns if c.name not in key and c.name not in keep]
    return statement.on_conflict_do_update(
        index_elements=key,
        set_={name: statement.excluded[name] for name in rest},
        where=only_if,
    )


def batch(rows: Iterable[Sequence[Any] | str]) -> dict[str, str]:
    """Parameters for a statement over a batch: all rows as one JSON text.

    One statement for the whole batch is one step into the database. A step for each row would
    give up the interpreter each time, and beside a busy event loop wait 5 ms to get it back:
    measured 750 µs a row instead of 9 (docs/decisions/store-threads.md).
    """
    return {"batch": _encode(list(rows)).decode()}


def each_of_batch() -> sa.TableValuedAlias:
    """The rows of a batch; `value` holds one."""
    return sa.func.json_each(sa.bindparam("batch", type_=sa.Text)).table_valued("value")


def insert_batch(table: sa.Table, columns: Sequence[str]) -> Insert:
    """INSERT the rows of a batch, whose fields are in the order of `columns`."""
    row = each_of_batch().c.value
    fields = [sa.func.json_extract(row, f"$[{place}]") for place in range(len(columns))]
    # Without a WHERE, SQLite would read the ON of ON CONFLICT as that of a join.
    return insert(table).from_select(list(columns), sa.select(*fields).where(sa.true()))
