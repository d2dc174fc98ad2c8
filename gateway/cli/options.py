"""Options and arguments that several verbs share, and how their values are read.

A reader is a plain function from what was typed to a value; it raises click.BadParameter with an
example of what to type instead.
"""

import click

from gateway.cli.times import parse_duration

json_option = click.option(
    "--json", "as_json", is_flag=True, help="Print the API's answer as it is."
)
local_json_option = click.option("--json", "as_json", is_flag=True, help="Print JSON.")


def read_message_id(value: str) -> str:
    """A message's id, or `last`. It becomes a part of a path: a slash would call something else."""
    text = value.strip()
    if not text.isascii() or not text.replace("_", "").replace("-", "").isalnum():
        raise click.BadParameter(f"{value!r} is no message id; `gateway list` shows them.")
    return text


def read_duration(value: str | int) -> int:
    """Seconds, written `90s`, `4h`, `1h30m`, or 0."""
    seconds = 0 if value in ("0", 0) else parse_duration(str(value))
    if seconds is None:
        raise click.BadParameter(f"{value!r} is no duration: write 90s, 15m, 4h or 1h30m.")
    return seconds


id_argument = click.argument("message_id", metavar="ID", type=read_message_id)
