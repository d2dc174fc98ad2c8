"""The verbs mute and unmute: the kill switch for a kind of message, or for all."""

import click
import msgspec

from gateway.cli.api import connect
from gateway.cli.invocation import command
from gateway.cli.options import json_option
from gateway.cli.output import note, say, say_json, style

KINDS = ("banner", "prompt", "notification", "toast", "all")
WHAT = {kind: f"{kind}s" for kind in KINDS} | {"all": "all messages"}


class UnmutedView(msgspec.Struct):
    """`unmuted` is false when there was nothing to do."""

    unmuted: bool = True


@click.command("mute")
@click.argument("kind", type=click.Choice(KINDS))
@click.option("--reason", help="Why, for the audit and your colleagues.")
@json_option
def mute_verb(kind: str, reason: str | None, as_json: bool) -> None:
    """Kill switch: hide every message of KIND, or all, on every screen within the second.

    The messages stay live; `gateway unmute` brings back what has not ended by then.
    """
    body = {"kind": kind, **({"reason": reason} if reason else {})}
    with connect(as_json=as_json) as api:
        answer = api.write("POST", "/v1/mute", body, "admin")
    if as_json:
        say_json(answer.body)
        return
    say(style(f"Muted: {WHAT[kind]} are off all screens.", bold=True))
    note(f"  undo  {command()} unmute {kind}")


@click.command("unmute")
@click.argument("kind", type=click.Choice(KINDS))
@json_option
def unmute_verb(kind: str, as_json: bool) -> None:
    """Let messages of KIND be shown again; what is still live comes back."""
    with connect(as_json=as_json) as api:
        answer = api.write("DELETE", "/v1/mute", None, "admin", params={"kind": kind})
    if as_json:
        say_json(answer.body)
        return
    was_muted = answer.read(UnmutedView).unmuted
    say(f"No longer muted: {WHAT[kind]}." if was_muted else f"It was not muted: {WHAT[kind]}.")
