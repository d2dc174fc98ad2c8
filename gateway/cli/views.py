"""The API's answers as far as the command line shows them. What is not named here is ignored."""

from collections.abc import Mapping
from datetime import datetime

import msgspec

from gateway.cli.output import clean, count, of


class ReachView(msgspec.Struct):
    """Counts by person, with `sessions` (screens) beside them."""

    targeted: int | None = None
    online: int = 0
    sent: int = 0
    received: int = 0
    displayed: int = 0
    clicked: int = 0
    dismissed: int = 0
    answered: int = 0
    offline: int | None = None
    suppressed: Mapping[str, int] = {}
    sessions: Mapping[str, int] = {}

    def screens(self, stage: str) -> int | None:
        """Sessions at `stage`, where the gateway counts them."""
        return self.sessions.get(stage)


class ContentView(msgspec.Struct):
    """The text of a message in one locale."""

    title: str | None = None
    body: str = ""


class IncidentView(msgspec.Struct):
    """Where an outage or a maintenance stands."""

    status: str = ""


class MessageView(msgspec.Struct):
    """A message as lists and answers show it."""

    id: str | None = None
    kind: str = ""
    state: str = ""
    severity: str | None = None
    incident: IncidentView | None = None
    content: Mapping[str, ContentView] = {}
    default_locale: str = "en"
    expires_at: datetime | None = None
    created_at: datetime | None = None
    owner: str | None = None
    contact: str | None = None
    reach: ReachView = msgspec.field(default_factory=ReachView)

    @property
    def headline(self) -> str:
        """What people read first, on one line."""
        content = self.content.get(self.default_locale) or next(iter(self.content.values()), None)
        return clean(content.title or content.body) if content else ""


class MessageList(msgspec.Struct):
    """A page of messages."""

    data: list[MessageView]
    next_cursor: str | None = None


def tell_live(reach: ReachView) -> str:
    """Who was reached, in one honest line: sent is what sockets took, confirmed is what clients
    said (PROTOCOL §3)."""
    sent, online, received, where = _counted(reach)
    if online == 0 and sent == 0:
        return "Live, and nobody is online now: whoever opens the app while it is live sees it."
    confirmed = f"{count(received)} {'has' if received == 1 else 'have'} confirmed"
    return f"Live {where} of {count(online)} online; {confirmed}."


def tell_dry(reach: ReachView, *, has_pages: bool) -> str:
    """Whom a banner would reach. On which pages people are decides only at the moment itself."""
    people = of(reach.online, "person", "people")
    screens = reach.screens("online")
    who = f"{people} online" + (f" on {of(screens, 'screen')}" if screens is not None else "")
    where = ", where the page matches" if has_pages else ""
    return f"Would go to {who}{where}. Nothing was changed."


def _counted(reach: ReachView) -> tuple[int, int, int, str]:
    """Sent, online and received by screen, or by person where screens are not counted."""
    sent, online = reach.screens("sent"), reach.screens("online")
    if sent is not None and online is not None:
        return sent, online, reach.screens("received") or 0, f"on {of(sent, 'screen')}"
    where = f"for {of(reach.sent, 'person', 'people')}"
    return reach.sent, reach.online, reach.received, where


def tell_missed(reach: ReachView) -> str | None:
    """Who was not reached and why, when the gateway knows."""
    missed = [
        f"{count(number)} {clean(reason)}" for reason, number in reach.suppressed.items() if number
    ]
    if reach.offline:
        missed.insert(0, f"{count(reach.offline)} offline")
    return "Not shown to: " + ", ".join(missed) + "." if missed else None
