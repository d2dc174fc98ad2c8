"""The verbs `keys create|list|revoke`: admin keys. A secret is shown once and kept nowhere."""

from datetime import UTC, datetime

import click
import msgspec

from gateway.cli.api import connect
from gateway.cli.options import json_option
from gateway.cli.output import Failure, clean, note, say, say_json, style, table
from gateway.cli.times import tell_distance

SCOPES = ("banner:write", "message:write", "read", "ingest", "presence", "admin")


class KeyView(msgspec.Struct):
    """A key as the API shows it; `secret` only right after it was made."""

    id: str
    name: str = ""
    scopes: list[str] = []
    owner: str | None = None
    contact: str | None = None
    created_at: datetime | None = None
    revoked_at: datetime | None = None
    secret: str | None = None


class KeysView(msgspec.Struct):
    """All keys."""

    data: list[KeyView]


@click.group("keys")
def keys_verb() -> None:
    """Make, list or revoke admin keys. Needs a key with the scope `admin`."""


@keys_verb.command("create")
@click.argument("name")
@click.option("--scope", "scopes", multiple=True, type=click.Choice(SCOPES), required=True,
              help="What it may do; repeat for more.")  # fmt: skip
@click.option("--owner", help="Who answers for what is sent with it.")
@click.option("--contact", help="Where to ask, e.g. #ops.")
@json_option
def create(
    name: str, scopes: tuple[str, ...], owner: str | None, contact: str | None, as_json: bool
) -> None:
    """Make a key called NAME and print its secret: the only time that it can be seen.

    stdout holds the secret alone, so that a script can keep it.
    """
    given = {"owner": owner, "contact": contact}
    body = {"name": name, "scopes": list(scopes)} | {k: v for k, v in given.items() if v}
    with connect(as_json=as_json) as api:
        answer = api.write("POST", "/v1/keys", body, "admin")
    if as_json:
        say_json(answer.body)
        return
    key = answer.read(KeyView)
    if not key.secret:
        raise Failure(
            f"The key {clean(key.id)} was made, but the answer that held its secret was lost.",
            f"End it:  gateway keys revoke {clean(key.id)}",
            "Then make another one.",
        )
    note(f"{clean(key.id)} may: {', '.join(map(clean, key.scopes))}. Its secret, shown only now:")
    say(clean(key.secret))


@keys_verb.command("list")
@json_option
def list_keys(as_json: bool) -> None:
    """All keys, revoked ones too, oldest first. Never their secrets."""
    with connect(as_json=as_json) as api:
        answer = api.get("/v1/keys", "admin")
    if as_json:
        say_json(answer.body)
        return
    now = datetime.now(UTC)
    rows = [_row(key, now) for key in answer.read(KeysView).data]
    say(table(rows, ["ID", "NAME", "SCOPES", "OWNER", "MADE", ""]))


def _row(key: KeyView, now: datetime) -> list[str]:
    return [
        clean(key.id),
        clean(key.name),
        clean(" ".join(key.scopes)),
        clean(" ".join(filter(None, (key.owner, key.contact)))),
        tell_distance(key.created_at - now) if key.created_at else "",
        style("revoked", fg="red") if key.revoked_at else "",
    ]


@keys_verb.command("revoke")
@click.argument("key_id", metavar="ID")
@json_option
def revoke(key_id: str, as_json: bool) -> None:
    """End key ID at once."""
    with connect(as_json=as_json) as api:
        answer = api.write("POST", f"/v1/keys/{key_id}/revoke", {}, "admin")
    if as_json:
        say_json(answer.body)
        return
    say(f"Revoked {clean(key_id)}. Nobody can use it any more.")
