"""The verbs of an outage: banner, resolve, retract."""

import re
from datetime import UTC, datetime
from typing import Any

import click

from gateway.cli.api import Api, connect
from gateway.cli.invocation import command
from gateway.cli.options import id_argument, json_option, read_duration
from gateway.cli.output import Failure, note, say, say_json, style
from gateway.cli.times import parse_duration, parse_moment, tell_moment
from gateway.cli.views import MessageList, MessageView, tell_dry, tell_live, tell_missed

SEVERITIES = ("info", "minor", "major", "critical")
INCIDENT_STATUSES = (
    "investigating",
    "identified",
    "monitoring",
    "resolved",
    "scheduled",
    "in_progress",
    "verifying",
    "completed",
)
NEWEST = "last"
"""Stands for the newest live banner wherever an id is asked for."""
LINK_LABEL = "Details"
LONGEST_WAIT_SECONDS = 30

_ADDRESS = re.compile(r"https?://|mailto:|/", re.IGNORECASE)


def read_until(value: str) -> dict[str, str]:
    """When a banner leaves by itself, as it goes into the request."""
    if parse_duration(value):
        # sent as a duration: the gateway's clock counts, not this machine's
        return {"expires_in": value.strip().lower()}
    moment = parse_moment(value, datetime.now(UTC))
    if moment is None:
        raise click.BadParameter(
            f"{value!r} is no time: write 18:30, 2h, 90m, 2026-12-01T09:00 or 2026-12-01T09:00:00Z."
        )
    return {"expires_at": moment.astimezone(UTC).isoformat().replace("+00:00", "Z")}


def read_lasting(value: str) -> dict[str, str]:
    """How long a banner stays, as it goes into the request."""
    if not read_duration(value):
        raise click.BadParameter("a banner that stays for no time would never be seen.")
    return {"expires_in": value.strip().lower()}


def read_link(value: str) -> dict[str, str]:
    """`LABEL=ADDRESS`, or an address alone."""
    if _ADDRESS.match(value):
        return {"label": LINK_LABEL, "href": value}
    label, _, href = value.partition("=")
    if not label.strip() or not _ADDRESS.match(href):
        raise click.BadParameter(
            f"{value!r} is no link: write https://status.example.com "
            "or 'Status page=https://status.example.com'."
        )
    return {"label": label.strip(), "href": href}


@click.command("banner")
@click.argument("text")
@click.option("--title", help="A first line, in bold.")
@click.option("--severity", type=click.Choice(SEVERITIES), help="How bad it is.  [default: major]")
@click.option(
    "--until",
    type=read_until,
    metavar="WHEN",
    help="When it leaves by itself: 18:30, 2h, RFC 3339.",
)
@click.option(
    "--for", "lasting", type=read_lasting, metavar="DURATION", help="How long it stays: 90m, 4h."
)
@click.option("--link", type=read_link, metavar="[LABEL=]ADDRESS", help="Where to read more.")
@click.option("--page", "pages", multiple=True, metavar="GLOB", help="Only there: '/shop/**'.")
@click.option("--incident", type=click.Choice(INCIDENT_STATUSES), help="Where the outage stands.")
@click.option("--not-dismissible", is_flag=True, help="Users cannot close it.")
@click.option(
    "--wait", type=read_duration, default="2s", metavar="DURATION",
    help="Wait so long for screens to confirm; 0 for not at all.  [default: 2s]",
)  # fmt: skip
@click.option("--dry-run", is_flag=True, help="Say whom it would reach; change nothing.")
@click.option("--idempotency-key", metavar="KEY", help="For scripts that may run twice.")
@json_option
def banner_verb(as_json: bool, dry_run: bool, wait: int, **options: Any) -> None:
    """Put a banner with TEXT on every open screen, now.

    It leaves by itself after 4 hours unless --until or --for say otherwise, or when you type
    `gateway resolve ID` or `gateway retract ID`. TEXT may use Markdown's **strong**, *em*, `code`
    and links.
    """
    params = {"dry_run": "true"} if dry_run else _wait(wait)
    with connect(as_json=as_json) as api:
        answer = api.write(
            "POST",
            "/v1/broadcast",
            _body(**options),
            "banner:write",
            params=params,
            idempotency_key=options["idempotency_key"],
        )
    if as_json:
        say_json(answer.body)
    elif dry_run:
        _tell_dry_run(answer.read(MessageView), has_pages=bool(options["pages"]))
    else:
        _tell_banner(answer.read(MessageView))


def _wait(seconds: int) -> dict[str, str]:
    if seconds > LONGEST_WAIT_SECONDS:
        raise click.BadParameter(f"at most {LONGEST_WAIT_SECONDS}s", param_hint="--wait")
    return {"wait": f"{seconds}s"} if seconds else {}


def _body(
    *,
    text: str,
    until: dict[str, str] | None,
    lasting: dict[str, str] | None,
    pages: tuple[str, ...],
    incident: str | None,
    not_dismissible: bool,
    **plain: Any,
) -> dict[str, Any]:
    """The request's body; what was not given is left to the gateway's own defaults."""
    if until is not None and lasting is not None:
        raise click.UsageError("--until and --for say the same thing: give one of them.")
    body: dict[str, Any] = {"text": text, **(until or lasting or {})}
    body |= {name: plain[name] for name in ("title", "severity", "link") if plain[name] is not None}
    if pages:
        body["pages"] = {"allow": list(pages)}
    if incident:
        body["incident"] = {"status": incident}
    if not_dismissible:
        body["dismissible"] = False
    return body


def _tell_dry_run(message: MessageView, *, has_pages: bool) -> None:
    say(style(tell_dry(message.reach, has_pages=has_pages), bold=True))
    _tell_missed(message)
    until = _tell_until(message)
    if until:
        say(f"It would leave {until}.")


def _tell_banner(message: MessageView) -> None:
    say(style(tell_live(message.reach), bold=True))
    _tell_missed(message)
    until = _tell_until(message)
    say(f"{message.id}" + (f"  leaves {until}" if until else ""))
    typed = command()
    note(f"  watch it      {typed} reach {message.id} --watch")
    note(f'  it is over    {typed} resolve {message.id} "What was fixed"')
    note(f"  take it back  {typed} retract {message.id}")


def _tell_missed(message: MessageView) -> None:
    missed = tell_missed(message.reach)
    if missed:
        say(missed)


def _tell_until(message: MessageView) -> str | None:
    return tell_moment(message.expires_at, datetime.now(UTC)) if message.expires_at else None


@click.command("resolve")
@id_argument
@click.argument("text", required=False)
@json_option
def resolve_verb(message_id: str, text: str | None, as_json: bool) -> None:
    """End the outage that banner ID tells of, with TEXT as the last update.

    Those who saw the banner see that it is over; then the banner leaves. ID may be `last`: the
    newest live banner.
    """
    with connect(as_json=as_json) as api:
        banner_id = find_id(api, message_id)
        incident = {"status": "resolved", **({"body": text} if text else {})}
        answer = api.write(
            "PATCH", f"/v1/messages/{banner_id}", {"incident": incident}, "banner:write"
        )
    if as_json:
        say_json(answer.body)
    else:
        _tell_end("Resolved", answer.read(MessageView))


@click.command("retract")
@id_argument
@click.option("--reason", help="Why, for the audit.")
@json_option
def retract_verb(message_id: str, reason: str | None, as_json: bool) -> None:
    """Take message ID off all screens at once; it never comes back.

    Nobody is told anything. To end an outage, `gateway resolve` is kinder. ID may be `last`: the
    newest live banner.
    """
    with connect(as_json=as_json) as api:
        body = {"reason": reason} if reason else {}
        path = f"/v1/messages/{find_id(api, message_id)}/retract"
        answer = api.write("POST", path, body, "banner:write")
    if as_json:
        say_json(answer.body)
    else:
        _tell_end("Retracted", answer.read(MessageView))


def _tell_end(what: str, message: MessageView) -> None:
    headline = f": {message.headline}" if message.headline else ""
    say(f"{style(what, bold=True)} {message.id}{headline}")
    seen = message.reach.displayed
    say(f"{seen:,} {'person' if seen == 1 else 'people'} had seen it.")


def find_id(api: Api, message_id: str) -> str:
    """The id itself, or for `last` the newest live banner's."""
    if message_id != NEWEST:
        return message_id
    found = api.get("/v1/messages", "read", state="live", kind="banner", limit=1).read(MessageList)
    if not found.data or found.data[0].id is None:
        raise Failure("No banner is live.", "All messages:  gateway list")
    return found.data[0].id
