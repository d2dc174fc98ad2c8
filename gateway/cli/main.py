"""The root command: the table of verbs, and the group that loads a verb when it is called.

Imports click and the standard library, never a verb: `gateway --help` and shell completion must
be instant.
"""

import importlib
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import click
from click.shell_completion import CompletionItem

from gateway import __version__
from gateway.errors import GatewayError


@dataclass(frozen=True, slots=True)
class Verb:
    """Where a verb lives, and the line that `gateway --help` shows for it."""

    module: str
    help: str


SECTIONS: dict[str, dict[str, Verb]] = {
    "Show people something": {
        "banner": Verb("banners", "Put a banner on every open screen, now."),
        "resolve": Verb("banners", "End an outage: tell those who saw the banner, then remove it."),
        "retract": Verb("banners", "Take a message off all screens at once."),
        "mute": Verb("mutes", "Kill switch: hide a kind of message, or all, everywhere."),
        "unmute": Verb("mutes", "Let a kind of message be shown again."),
    },
    "Look": {
        "list": Verb("messages", "List messages, newest first."),
        "reach": Verb("reach", "How far a message has come."),
        "presence": Verb("presence", "Who is online now."),
        "audit": Verb("audit", "Who changed what, and when."),
    },
    "Run a gateway": {
        "dev": Verb("servers", "Start a gateway on this machine; nothing to configure."),
        "serve": Verb("servers", "Start a gateway for real users."),
        "migrate": Verb("migrate", "Bring the database to this version's schema."),
        "config": Verb("config", "Show or check the settings."),
        "doctor": Verb("doctor", "Check settings, limits, database and network."),
    },
    "Give access": {
        "token": Verb("tokens", "Make or read the tokens that users connect with."),
        "keys": Verb("keys", "Make, list or revoke admin keys."),
    },
}
VERBS = {name: verb for section in SECTIONS.values() for name, verb in section.items()}


class VerbGroup(click.Group):
    """A group that imports a verb's file when the verb is called, and turns the gateway's own
    errors into one line."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        return list(VERBS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        verb = VERBS.get(cmd_name)
        if verb is None:
            return None
        module = importlib.import_module(f"gateway.cli.{verb.module}")
        command = getattr(module, f"{cmd_name}_verb")
        if not isinstance(command, click.Command):
            raise TypeError(f"gateway.cli.{verb.module}.{cmd_name}_verb is not a command")
        return command

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        if args[0] not in VERBS and not args[0].startswith("-"):
            ctx.fail(_no_such_verb(args[0]))
        return super().resolve_command(ctx, args)

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        width = max(map(len, VERBS))
        for title, verbs in SECTIONS.items():
            with formatter.section(title):
                formatter.write_dl([(name.ljust(width), verb.help) for name, verb in verbs.items()])

    def shell_complete(self, ctx: click.Context, incomplete: str) -> list[CompletionItem]:
        return [*_matching(incomplete), *click.Command.shell_complete(self, ctx, incomplete)]

    def invoke(self, ctx: click.Context) -> Any:
        try:
            return super().invoke(ctx)
        except GatewayError as error:
            # imported here: only a failure pays for it
            from gateway.cli.output import Failure

            raise Failure(*str(error).splitlines()) from error


def _no_such_verb(name: str) -> str:
    # imported here: only a mistyped verb pays for it
    from difflib import get_close_matches

    close = get_close_matches(name, VERBS)
    return f"No such command {name!r}." + (f" Did you mean {close[0]!r}?" if close else "")


def _matching(incomplete: str) -> Iterator[CompletionItem]:
    for name, verb in VERBS.items():
        if name.startswith(incomplete):
            yield CompletionItem(name, help=verb.help)


_EPILOG = """\
\b
Verbs that talk to a gateway read:
  GATEWAY_URL  where it is (default http://127.0.0.1:8000)
  GATEWAY_KEY  an admin key (beside a `gateway dev`, its own key is found)

\b
Exit codes: 0 done, 1 refused or failed, 2 wrong usage.
Completion in bash: eval "$(_GATEWAY_COMPLETE=bash_source gateway)"  (or zsh, fish)
"""


@click.group(
    cls=VerbGroup,
    epilog=_EPILOG,
    context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100},
)
@click.version_option(__version__, prog_name="gateway")
def cli() -> None:
    """Real-time in-app messages: one command puts a banner on every open screen."""
