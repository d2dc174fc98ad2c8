"""The verb `reach`: how far a message has come, once or live. Draws; counts nothing itself."""

from collections.abc import Callable, Iterator
from datetime import datetime

import click
import msgspec

from gateway.cli.api import connect
from gateway.cli.banners import find_id
from gateway.cli.options import id_argument, json_option
from gateway.cli.output import Failure, count, is_interactive, note, say, say_json, table
from gateway.cli.views import ReachView, tell_missed

STAGES = {
    "online": "here now",
    "sent": "their socket took it",
    "received": "their app has it",
    "displayed": "on screen for a second",
    "clicked": "clicked",
    "dismissed": "closed it",
    "answered": "answered",
}
ALWAYS_SHOWN = ("online", "sent", "received", "displayed")


@click.command("reach")
@id_argument
@click.option("--watch", is_flag=True, help="Keep showing it until the message has ended.")
@json_option
def reach_verb(message_id: str, watch: bool, as_json: bool) -> None:
    """How far message ID has come: sent, received, seen. ID may be `last`."""
    with connect(as_json=as_json) as api:
        path = f"/v1/messages/{find_id(api, message_id)}/reach"
        if watch:
            _watch(api.events(path, "reach", "read"), _drawer(as_json=as_json))
            return
        answer = api.get(path, "read")
    if as_json:
        say_json(answer.body)
    else:
        say(drawn(answer.read(ReachView)))


def _watch(events: Iterator[bytes], draw: Callable[[bytes], None]) -> None:
    """Draw each change. Ctrl-C is how a watch is left: no error."""
    try:
        for event in events:
            draw(event)
    except KeyboardInterrupt:
        return
    note("The message has ended.")


def _drawer(*, as_json: bool) -> Callable[[bytes], None]:
    if as_json:
        return say_json
    return InPlace() if is_interactive() else _print_line


def _print_line(event: bytes) -> None:
    reach = _parse(event)
    counts = [f"{stage} {number(reach, stage)}" for stage in STAGES if is_shown(reach, stage)]
    say(f"{datetime.now().astimezone():%H:%M:%S}  " + "  ".join(counts))


class InPlace:
    """Draws over what it drew before."""

    def __init__(self) -> None:
        self._lines = 0

    def __call__(self, event: bytes) -> None:
        """Show a new state of things."""
        text = drawn(_parse(event))
        if self._lines:
            # up to the first line of the last drawing, then clear to the end of the screen;
            # by click.echo, since NO_COLOR is about colours only
            click.echo(f"\x1b[{self._lines}A\x1b[J", nl=False)
        say(text)
        self._lines = text.count("\n") + 1


def _parse(event: bytes) -> ReachView:
    try:
        return msgspec.json.decode(event, type=ReachView)
    except msgspec.MsgspecError as error:
        raise Failure(f"The gateway sent what is no reach: {error}.") from error


def drawn(reach: ReachView) -> str:
    """Stages under each other, people and screens beside each other."""
    shown = [stage for stage in STAGES if is_shown(reach, stage)]
    if reach.sessions:
        rows = [(s, number(reach, s), count(reach.screens(s)), STAGES[s]) for s in shown]
        text = table(rows, ["", "PEOPLE", "SCREENS", ""], numbers=(1, 2))
    else:
        text = table([(s, number(reach, s), STAGES[s]) for s in shown], ["", "PEOPLE", ""], (1,))
    missed = tell_missed(reach)
    return f"{text}\n{missed}" if missed else text


def number(reach: ReachView, stage: str) -> str:
    """People at `stage`."""
    return count(int(getattr(reach, stage)))


def is_shown(reach: ReachView, stage: str) -> bool:
    """True unless the stage is a rare one that nobody has come to."""
    return stage in ALWAYS_SHOWN or bool(getattr(reach, stage))
