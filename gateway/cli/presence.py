"""The verb `presence`: who is online now."""

from collections.abc import Mapping
from datetime import UTC, datetime
from urllib.parse import quote

import click
import msgspec

from gateway.cli.api import Answer, Api, connect
from gateway.cli.options import json_option
from gateway.cli.output import clean, count, of, say, say_json, style, table
from gateway.cli.times import tell_distance

STATES = ("active", "idle", "hidden")
COLORS = {"active": "green", "idle": "yellow", "hidden": "yellow"}


class CensusView(msgspec.Struct):
    """Everybody, counted."""

    users: int
    sessions: int
    by_state: Mapping[str, int] = {}
    by_platform: Mapping[str, int] = {}


class SessionView(msgspec.Struct):
    """One screen of a user."""

    platform: str | None = None
    app: str | None = None
    version: str | None = None
    page: str | None = None
    visibility: str = ""
    activity: str = ""
    since: datetime | None = None


class UserView(msgspec.Struct):
    """One user; never seen is `online: false` without `last_seen`."""

    online: bool
    state: str = "offline"
    last_seen: datetime | None = None
    sessions: list[SessionView] = []


class UsersView(msgspec.Struct):
    """Many users at once."""

    users: Mapping[str, UserView]


@click.command("presence")
@click.argument("users", nargs=-1, metavar="[USER]...")
@json_option
def presence_verb(users: tuple[str, ...], as_json: bool) -> None:
    """Who is online now: everybody counted, or each USER that is named."""
    with connect(as_json=as_json) as api:
        answer = _ask(api, users)
    if as_json:
        say_json(answer.body)
    elif not users:
        _tell_census(answer.read(CensusView))
    elif len(users) == 1:
        _tell_user(users[0], answer.read(UserView), datetime.now(UTC))
    else:
        _tell_users(answer.read(UsersView), datetime.now(UTC))


def _ask(api: Api, users: tuple[str, ...]) -> Answer:
    if not users:
        return api.get("/v1/presence", "presence")
    if len(users) == 1:
        return api.get(f"/v1/presence/{quote(users[0], safe='')}", "presence")
    return api.write("POST", "/v1/presence/query", {"users": list(users)}, "presence")


def _tell_census(census: CensusView) -> None:
    people = of(census.users, "person", "people")
    say(style(f"{people} online on {of(census.sessions, 'screen')}.", bold=True))
    for title, counts in (("people", census.by_state), ("screens", census.by_platform)):
        if counts:
            say(f"{title}: " + ", ".join(f"{count(n)} {clean(name)}" for name, n in counts.items()))


def _tell_user(user: str, view: UserView, now: datetime) -> None:
    say(f"{clean(user)}  {_state(view)}  {_last_seen(view, now)}".rstrip())
    if view.sessions:
        rows = [_session(session, now) for session in view.sessions]
        say(table(rows, ["PLATFORM", "APP", "STATE", "SINCE", "PAGE"]))


def _session(session: SessionView, now: datetime) -> list[str]:
    return [
        clean(session.platform or ""),
        clean(" ".join(filter(None, (session.app, session.version)))),
        "hidden" if session.visibility == "hidden" else clean(session.activity),
        tell_distance(session.since - now) if session.since else "",
        clean(session.page or ""),
    ]


def _tell_users(view: UsersView, now: datetime) -> None:
    rows = [[clean(name), _state(user), _last_seen(user, now)] for name, user in view.users.items()]
    say(table(rows, ["USER", "STATE", "LAST SEEN"]))


def _state(view: UserView) -> str:
    return style(clean(view.state), fg=COLORS.get(view.state), dim=not view.online)


def _last_seen(view: UserView, now: datetime) -> str:
    if view.online:
        return "now"
    return tell_distance(view.last_seen - now) if view.last_seen else "never seen"
