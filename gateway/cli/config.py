"""The verbs `config show|check`: what is set, where it came from, what is wrong with it."""

import os

import click

from gateway.cli.options import local_json_option
from gateway.cli.output import Failure, clean, say, say_object, style, table
from gateway.settings import BadSettings, check_for_serving, describe, load_settings


@click.group("config")
def config_verb() -> None:
    """Show or check the settings: the environment, its _FILE twins, the file of GATEWAY_CONFIG."""


@config_verb.command("show")
@click.option("--set", "only_set", is_flag=True, help="Only what is not left to its default.")
@local_json_option
def show(only_set: bool, as_json: bool) -> None:
    """Every setting with its value and where that came from. Secrets are not shown."""
    lines = [
        line
        for line in describe(load_settings(os.environ))
        if not (only_set and line.source == "default")
    ]
    if as_json:
        say_object([line._asdict() for line in lines])
        return
    rows = [
        (line.name, clean(line.value), clean(line.source) if line.source != "default" else "")
        for line in lines
    ]
    say(table(rows, ["SETTING", "VALUE", "FROM"]))


@config_verb.command("check")
@local_json_option
def check(as_json: bool) -> None:
    """Say whether `gateway serve` would take these settings, and all that is wrong."""
    problems = find_problems()
    if as_json:
        say_object({"ok": not problems, "problems": problems})
    if problems:
        raise Failure("These settings would keep `gateway serve` from starting:", *problems)
    if not as_json:
        say(style("The settings hold.", bold=True))


def find_problems() -> list[str]:
    """Everything that is wrong with the settings, one line each."""
    try:
        return check_for_serving(load_settings(os.environ))
    except BadSettings as error:
        return list(error.problems)
