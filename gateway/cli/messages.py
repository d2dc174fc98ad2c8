"""The verb `list`: what is live, what was."""

import shutil
from datetime import UTC, datetime

import click

from gateway.cli.api import connect
from gateway.cli.options import json_option
from gateway.cli.output import (
    clean,
    count,
    is_interactive,
    note,
    say,
    say_json,
    shorten,
    table,
    width,
)
from gateway.cli.times import tell_moment
from gateway.cli.views import MessageList, MessageView

STATES = ("draft", "review", "live", "paused", "ended")
KINDS = ("banner", "prompt", "notification", "toast")
SHORTEST_TEXT = 20


@click.command("list")
@click.option("--state", type=click.Choice(STATES), help="Only these.")
@click.option("--kind", type=click.Choice(KINDS), help="Only these.")
@click.option("--tag", help="Only those with this tag.")
@click.option("--limit", type=click.IntRange(1, 100), default=20, show_default=True)
@click.option("--cursor", help="Go on where an earlier list ended.")
@json_option
def list_verb(
    state: str | None,
    kind: str | None,
    tag: str | None,
    limit: int,
    cursor: str | None,
    as_json: bool,
) -> None:
    """List messages, newest first: what it is, until when, how many people it reached."""
    with connect(as_json=as_json) as api:
        answer = api.get(
            "/v1/messages", "read", state=state, kind=kind, tag=tag, limit=limit, cursor=cursor
        )
    if as_json:
        say_json(answer.body)
        return
    page = answer.read(MessageList)
    if not page.data:
        note("No message." if not (state or kind or tag) else "No such message.")
        return
    say(_drawn(page.data, datetime.now(UTC)))
    if page.next_cursor:
        note(f"More with:  --cursor {clean(page.next_cursor)}")


def _drawn(messages: list[MessageView], now: datetime) -> str:
    head = ["ID", "STATE", "WHAT", "UNTIL", "SENT", "SEEN", "BY", "TEXT"]
    rows = [_row(message, now) for message in messages]
    if is_interactive():
        room = max(_room_for_text(rows, head), SHORTEST_TEXT)
        rows = [[*row[:-1], shorten(row[-1], room)] for row in rows]
    return table(rows, head, numbers=(4, 5))


def _row(message: MessageView, now: datetime) -> list[str]:
    until = message.expires_at
    return [
        clean(message.id or ""),
        clean(message.state),
        clean(" ".join(filter(None, (message.severity, message.kind, _standing(message))))),
        tell_moment(until, now) if until and message.state != "ended" else "",
        count(message.reach.sent),
        count(message.reach.displayed),
        clean(" ".join(filter(None, (message.owner, message.contact)))),
        message.headline,
    ]


def _standing(message: MessageView) -> str:
    return f"({message.incident.status})" if message.incident else ""


def _room_for_text(rows: list[list[str]], head: list[str]) -> int:
    columns = shutil.get_terminal_size().columns
    taken = [max(width(line[at]) for line in [*rows, head]) + 2 for at in range(len(head) - 1)]
    return columns - sum(taken)
