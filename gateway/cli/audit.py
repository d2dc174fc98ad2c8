"""The verb `audit`: who changed what, and when."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any

import click
import msgspec

from gateway.cli.api import connect
from gateway.cli.options import json_option
from gateway.cli.output import clean, note, say, say_json, table


class EntryView(msgspec.Struct):
    """One change."""

    at: datetime
    action: str
    target: str = ""
    key_name: str = ""
    detail: Mapping[str, Any] = {}


class AuditView(msgspec.Struct):
    """A page of changes."""

    data: list[EntryView]
    next_cursor: str | None = None


@click.command("audit")
@click.option("--target", metavar="ID", help="Only changes of this message, key or user.")
@click.option("--limit", type=click.IntRange(1, 100), default=20, show_default=True)
@click.option("--cursor", help="Go on where an earlier list ended.")
@json_option
def audit_verb(target: str | None, limit: int, cursor: str | None, as_json: bool) -> None:
    """Who changed what, newest first."""
    with connect(as_json=as_json) as api:
        answer = api.get("/v1/audit", "admin", target=target, limit=limit, cursor=cursor)
    if as_json:
        say_json(answer.body)
        return
    page = answer.read(AuditView)
    if not page.data:
        note("No change is on record.")
        return
    say(table(map(_row, page.data), ["WHEN", "KEY", "DID", "TO", "DETAIL"]))
    if page.next_cursor:
        note(f"More with:  --cursor {clean(page.next_cursor)}")


def _row(entry: EntryView) -> list[str]:
    return [
        f"{entry.at.astimezone():%Y-%m-%d %H:%M:%S}",
        clean(entry.key_name),
        clean(entry.action),
        clean(entry.target),
        clean(" ".join(_told(name, value) for name, value in entry.detail.items() if value)),
    ]


def _told(name: str, value: Any) -> str:
    return f"{name}={','.join(map(str, value)) if isinstance(value, list) else value}"
