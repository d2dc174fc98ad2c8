"""The verb `migrate`: bring the database to this version's schema, or say whether it is."""

import os

import click

from gateway.cli.options import local_json_option
from gateway.cli.output import Failure, note, say, say_object
from gateway.settings import load_settings
from gateway.store import migrate
from gateway.store.location import Location
from gateway.store.migrate import SchemaState


@click.command("migrate")
@click.option("--check", is_flag=True, help="Change nothing; exit 1 when there is something to do.")
@local_json_option
def migrate_verb(check: bool, as_json: bool) -> None:
    """Bring the database of GATEWAY_DATABASE_URL to this version's schema.

    The gateway must be stopped. Everything happens in one transaction: it is done as a whole, or
    nothing was changed.
    """
    url = load_settings(os.environ).database_url
    name = str(Location(url))
    standing, before = migrate.state(url), migrate.current(url)
    if standing is SchemaState.NEWER:
        raise migrate.refusal(standing, name)
    after = migrate.upgrade(url) if standing is not SchemaState.CURRENT and not check else before
    if as_json:
        say_object({"database": name, "state": standing, "before": before, "after": after})
    elif standing is SchemaState.CURRENT:
        say(f"{name} has the newest schema ({before}). Nothing to do.")
    elif not check:
        say(f"{name} now has schema {after} (before: {before or 'none'}).")
    if check and standing is not SchemaState.CURRENT:
        raise Failure(str(migrate.refusal(standing, name)))
    if not check and standing is SchemaState.OLDER:
        note("  start the gateway again  gateway serve")
