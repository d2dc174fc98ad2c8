"""The live set of this node: every message in force, encoded once, held in memory.

Whoever connects is served from here, without a query. Pure state: it never sends, never stores
and never reads a clock; who calls it acts on what it answers.
"""

from collections.abc import Iterable
from datetime import datetime
from typing import Literal

from msgspec import Raw

from gateway.messaging.ledger import Ledger
from gateway.model.admin import Mute
from gateway.model.message import Message, Severity, State
from gateway.sessions.link import Encoding
from gateway.sessions.session import Session
from gateway.wire import codec, content, frames, prepared
from rules.pages import PageMatcher

MUTE_ALL = "all"

_MOST_SNAPSHOTS = 1_000
"""Kept combinations of held messages; dismissals and pages can make very many."""


class LiveMessage:
    """One message as this node shows it: the newest revision, its bit, its bytes, its counts."""

    __slots__ = (
        "_allow_http",
        "_frames",
        "_raws",
        "bit",
        "dismissed",
        "ledger",
        "message",
        "pages",
        "slot",
    )

    def __init__(self, message: Message, slot: int, *, allow_http: bool = False) -> None:
        self._allow_http = allow_http
        self.slot = slot
        self.bit = 1 << slot
        self.ledger = Ledger()
        self.dismissed: dict[str, int] = {}
        """User → the revision that they dismissed."""
        self.take(message)

    def take(self, message: Message) -> None:
        """Go on with a newer revision; dismissals that no longer hold are forgotten."""
        self.message = message
        self.pages = (
            PageMatcher(message.pages.allow, message.pages.block) if message.pages else None
        )
        self.dismissed = {
            user: revision
            for user, revision in self.dismissed.items()
            if revision >= message.attention
        }
        self._raws: dict[tuple[Encoding, str], Raw] = {}
        self._frames: dict[tuple[str, Encoding, str], bytes] = {}

    def note_dismissed(self, user_id: str, revision: int) -> bool:
        """Remember a dismissal; False when it is of a revision that has asked again since."""
        if revision < self.message.attention:
            return False
        self.dismissed[user_id] = max(revision, self.dismissed.get(user_id, 0))
        return True

    def is_for(self, session: Session) -> bool:
        """True when this session should hold the message: its page matches, its user has not
        dismissed it."""
        if session.user_id in self.dismissed:
            return False
        return self.pages is None or self.pages.matches(session.page)

    @property
    def is_over(self) -> bool:
        """True when the incident has ended: only those who saw the banner still see it."""
        incident = self.message.incident
        return incident is not None and incident.status.is_final

    def in_force(self, now: datetime) -> bool:
        """True between start and end of a live message."""
        message = self.message
        if message.state is not State.LIVE:
            return False
        if message.starts_at is not None and now < message.starts_at:
            return False
        return message.expires_at is None or now < message.expires_at

    def raw(self, encoding: Encoding, locale: str) -> Raw:
        """The message as it stands in `live`, encoded once per encoding and locale."""
        key = (encoding, locale)
        raw = self._raws.get(key)
        if raw is None:
            wire = content.wire_message(self.message, locale, self._allow_http)
            raw = codec.raw(wire, encoding)
            self._raws[key] = raw
        return raw

    def frame(self, op: Literal["show", "update"], encoding: Encoding, locale: str) -> bytes:
        """The `message` frame as it goes on the socket, made once per encoding and locale."""
        key = (op, encoding, locale)
        frame = self._frames.get(key)
        if frame is None:
            body = frames.MessageFrame(op=op, message=self.raw(encoding, locale))
            frame = self._frames[key] = prepared.frame(body, encoding)
        return frame

    @property
    def order(self) -> tuple[int, int, float, str]:
        """Worst first, then priority, then the newest: the order of one screen's banners, here as
        in the client."""
        message = self.message
        severity = message.severity or Severity.INFO
        age = -message.created_at.timestamp()
        return (-severity.rank, -message.priority, age, message.id)


class LiveSet:
    """Every message that is live, and those that ended lately, whose receipts still count."""

    def __init__(self, *, allow_http: bool = False) -> None:
        self._allow_http = allow_http
        self.revision = 0
        self.messages: dict[str, LiveMessage] = {}
        self.ended: dict[str, LiveMessage] = {}
        self.mutes: dict[str, Mute] = {}
        self._free_slots: list[int] = []
        self._next_slot = 0
        self._snapshots: dict[tuple[int, Encoding, str], list[Raw]] = {}

    # changes

    def put(self, message: Message) -> LiveMessage | None:
        """Take a revision of a live message. An older one than is known changes nothing; one that
        has ended since is not taken: None."""
        self._snapshots.clear()
        live = self.messages.get(message.id) or self._revived(message)
        if live is None:
            return None
        self.messages[message.id] = live
        if message.revision > live.message.revision:
            live.take(message)
        return live

    def _revived(self, message: Message) -> LiveMessage | None:
        """A message that was paused comes back; an ended one is a tombstone, so that a late or
        doubled envelope cannot bring it back (P7)."""
        ended = self.ended.get(message.id)
        if ended is None:
            return LiveMessage(message, self._take_slot(), allow_http=self._allow_http)
        if message.revision <= ended.message.revision:
            return None
        return self.ended.pop(message.id)

    def end(self, message: Message) -> LiveMessage | None:
        """Take a message out of force; its late receipts still count until `forget`."""
        self._snapshots.clear()
        live = self.messages.pop(message.id, None)
        if live is not None:
            live.take(message)
            self.ended[message.id] = live
        return live

    def forget(self, message_id: str) -> LiveMessage | None:
        """Drop an ended message. The caller clears its bits from all sessions, since the slot
        is given to the next message."""
        live = self.ended.pop(message_id, None)
        if live is not None:
            self._free_slots.append(live.slot)
        return live

    def set_mutes(self, mutes: Iterable[Mute]) -> None:
        """Replace the kill switches."""
        self._snapshots.clear()
        self.mutes = {mute.kind: mute for mute in mutes}

    def _take_slot(self) -> int:
        if self._free_slots:
            return self._free_slots.pop()
        self._next_slot += 1
        return self._next_slot - 1

    # answers

    def find(self, message_id: str) -> LiveMessage | None:
        """A message that is live or ended lately."""
        return self.messages.get(message_id) or self.ended.get(message_id)

    def is_muted(self, kind: str) -> bool:
        """True while a kill switch holds the kind back."""
        return bool(self.mutes) and (kind in self.mutes or MUTE_ALL in self.mutes)

    def is_visible(self, live: LiveMessage, now: datetime) -> bool:
        """True when the message may be on screens now."""
        return live.in_force(now) and not self.is_muted(live.message.kind)

    def held_by(self, session: Session, now: datetime) -> int:
        """Bits of the messages that the session should hold now. One whose incident is over
        stays only where it is."""
        bits = 0
        for live in self.messages.values():
            if not self.is_visible(live, now) or not live.is_for(session):
                continue
            if not live.is_over or session.shown & live.bit:
                bits |= live.bit
        return bits

    def snapshot(self, bits: int, encoding: Encoding, locale: str) -> list[Raw]:
        """The messages of these bits in order, as they stand in `live`; made once for all
        sessions that hold the same."""
        key = (bits, encoding, locale)
        snapshot = self._snapshots.get(key)
        if snapshot is None:
            if len(self._snapshots) >= _MOST_SNAPSHOTS:
                self._snapshots.clear()
            held = [live for live in self.messages.values() if live.bit & bits]
            held.sort(key=lambda live: live.order)
            snapshot = [live.raw(encoding, locale) for live in held]
            self._snapshots[key] = snapshot
        return snapshot

    def public(self, now: datetime) -> tuple[Raw, ...]:
        """What anybody may see, as on the wire, in JSON and the default locale; encoded once,
        since anybody may ask."""
        shown = [m for m in self.messages.values() if self.is_visible(m, now) and not m.is_over]
        shown.sort(key=lambda live: live.order)
        return tuple(live.raw(Encoding.JSON, live.message.default_locale) for live in shown)
