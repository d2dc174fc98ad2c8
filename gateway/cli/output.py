"""How the command line speaks: results on stdout, everything else on stderr, colour on a tty only.

What a server sent is never printed as it is: control characters could rewrite the terminal.
"""

import json
import os
import sys
import unicodedata
from collections.abc import Iterable, Sequence
from typing import Any

import click

BIDI_CONTROLS = frozenset("\u200e\u200f\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069")
"""Characters that reorder what follows them: a user's name could disguise the rest of the line."""


class Failure(click.ClickException):
    """Refused or failed: exit code 1, a first line that says what, further lines what to do."""

    def __init__(self, message: str, *hints: str) -> None:
        super().__init__(message)
        self.hints = hints

    def show(self, file: Any = None) -> None:
        note(style("Error: ", fg="red", bold=True) + self.message)
        for hint in self.hints:
            note(f"  {hint}")


def style(text: str, **looks: Any) -> str:
    """Colour `text`; `say` and `note` take the colour off again where it cannot be shown."""
    return click.style(text, **looks)


def say(text: str) -> None:
    """Print a result."""
    click.echo(text, color=_color())


def note(text: str) -> None:
    """Tell a person something that is no result: hints, progress, errors."""
    click.echo(text, err=True, color=_color())


def _color() -> bool | None:
    """None lets click look whether the stream is a tty (https://no-color.org)."""
    return False if os.environ.get("NO_COLOR") else None


def say_json(body: bytes) -> None:
    """Print the API's own answer, byte for byte, as one result."""
    sys.stdout.flush()
    click.echo(body.removesuffix(b"\n"))


def say_object(value: Any) -> None:
    """Print a result of this machine's own as JSON."""
    click.echo(json.dumps(value, ensure_ascii=False, indent=2))


def is_interactive() -> bool:
    """True when results go to a terminal that can be drawn on."""
    return sys.stdout.isatty() and os.environ.get("TERM") != "dumb"


def clean(text: str) -> str:
    """Make one line of text from outside safe to print."""
    return "".join(" " if _is_unsafe(char) else char for char in " ".join(text.split()))


def _is_unsafe(char: str) -> bool:
    return char in BIDI_CONTROLS or unicodedata.category(char) in ("Cc", "Cs")


def count(number: int | None) -> str:
    """A number as people read it; None is what nobody can know."""
    return "?" if number is None else f"{number:,}"


def of(number: int, noun: str, plural: str | None = None) -> str:
    """`1 screen`, `2,000 screens`."""
    return f"{number:,} {noun if number == 1 else plural or noun + 's'}"


def table(rows: Iterable[Sequence[str]], head: Sequence[str], numbers: Sequence[int] = ()) -> str:
    """Columns under a head, two spaces apart; `numbers` are the columns that align right."""
    lines = [list(head), *map(list, rows)]
    widths = [max(width(line[column]) for line in lines) for column in range(len(head))]
    drawn = [_line(line, widths, numbers) for line in lines]
    return "\n".join([style(drawn[0], dim=True), *drawn[1:]])


def _line(cells: Sequence[str], widths: Sequence[int], numbers: Sequence[int]) -> str:
    padded = [
        " " * (room - width(cell)) + cell
        if column in numbers
        else cell + " " * (room - width(cell))
        for column, (cell, room) in enumerate(zip(cells, widths, strict=True))
    ]
    return "  ".join(padded).rstrip()


def width(text: str) -> int:
    """Columns that `text` takes on a terminal, without its colours."""
    return sum(map(_char_width, click.unstyle(text)))


def _char_width(char: str) -> int:
    if unicodedata.combining(char):
        return 0
    return 2 if unicodedata.east_asian_width(char) in "WF" else 1


def shorten(text: str, room: int) -> str:
    """Cut `text` to `room` columns, with an ellipsis where something is missing."""
    if width(text) <= room:
        return text
    kept = ""
    for char in text:
        if width(kept + char) > room - 1:
            break
        kept += char
    return kept.rstrip() + "…"
