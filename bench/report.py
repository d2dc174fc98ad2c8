"""Tables of figures, and their place in bench/README.md, between markers."""

import os
import platform
import re
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path

README = Path(__file__).parent / "README.md"
LOAD_AT_START = os.getloadavg()[0]
"""What else the machine was doing; figures of a busy machine say little but for their ratios."""


@dataclass(frozen=True, slots=True)
class Table:
    """A title, a heading, rows of text, and notes below."""

    name: str
    heading: Sequence[str]
    rows: list[Sequence[str]] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)

    def text(self) -> str:
        """The table as Markdown, columns lined up for reading as plain text too."""
        lines = [self.heading, *self.rows]
        widths = [max(len(line[i]) for line in lines) for i in range(len(self.heading))]
        drawn = [_row(line, widths) for line in lines]
        drawn.insert(1, "|" + "|".join("-" * (width + 2) for width in widths) + "|")
        return "\n".join([*drawn, "", *self.notes, f"_{machine()}_"])


def _row(cells: Sequence[str], widths: Sequence[int]) -> str:
    padded = (cell.ljust(width) for cell, width in zip(cells, widths, strict=True))
    return "| " + " | ".join(padded) + " |"


def machine() -> str:
    """Where and when: the processor, the kernel, Python, the day, and how busy."""
    model = re.search(r"model name\s*: (.+)", Path("/proc/cpuinfo").read_text())
    return (
        f"{datetime.now(UTC):%Y-%m-%d}, {model[1] if model else platform.machine()}, "
        f"{os.cpu_count()} cores, Linux {platform.release().split('-')[0]}, "
        f"Python {platform.python_version()}, load {LOAD_AT_START:.1f} before"
    )


def write(table: Table, page: Path = README) -> None:
    """Put the table in its place on the page; raises LookupError if the page has none."""
    begin, end = f"<!-- bench:{table.name} -->", f"<!-- /bench:{table.name} -->"
    text = page.read_text()
    if begin not in text or end not in text:
        raise LookupError(f"{page.name} has no place for {table.name}: {begin} … {end}")
    before, after = text.split(begin)[0], text.split(end)[1]
    page.write_text(f"{before}{begin}\n{table.text()}\n{end}{after}")
