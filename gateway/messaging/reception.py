"""The desk of the socket edge: welcomes sessions, and takes what they say.

Everything here happens in memory and at once; what must be durable is noted and written in
batches by others. Served without a query: a storm of reconnects costs the store nothing.
"""

import re
import sys
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from typing import Any, Protocol

from msgspec import Raw

from gateway.clock import Clock
from gateway.errors import BadInput, DependencyDown
from gateway.identity.refusals import KeysLoading, TokenRefused
from gateway.identity.restrictions import Restrictions
from gateway.ids import new_id
from gateway.messaging.attendance import Attendance
from gateway.messaging.node import Node
from gateway.messaging.receipts import ReceiptBook
from gateway.messaging.traits import TraitBook
from gateway.metrics import Metrics
from gateway.model.user import Claims
from gateway.sessions.hub import Hub
from gateway.sessions.session import Phase, Session
from gateway.wire import frames
from gateway.wire.close_codes import CloseCode
from gateway.wire.timestamps import rfc3339

_LOCALE = re.compile(r"[A-Za-z]{2,3}(?:[-_][A-Za-z0-9]{2,8}){0,3}")
_CODES = frozenset(CloseCode) | {1005, 1006}
"""What connections end with (the last two: no code, no close frame); codes that a client made up
must not make metrics without end."""
_KNOWN_DEVICES = 4_096
"""Distinct devices shared between sessions; past that each session has its own."""


class Verifier(Protocol):
    """Tokens → claims."""

    def verify(self, token: str, now: float) -> Claims:
        """Raises TokenRefused, KeysLoading or DependencyDown."""
        ...

    def dev_claims(self, user: str, now: float) -> Claims:
        """For a user without a token, in development only. Raises TokenRefused elsewhere."""
        ...


class Admission(Protocol):
    """What a deployment allows of connections."""

    @property
    def max_connections_per_user(self) -> int: ...

    @property
    def connections_overflow(self) -> str: ...

    @property
    def dev(self) -> bool: ...


class Reception:
    """Implements `sessions.session.Desk`."""

    def __init__(
        self,
        *,
        node: Node,
        verifier: Verifier,
        restrictions: Restrictions,
        attendance: Attendance,
        book: ReceiptBook,
        traits: TraitBook,
        admission: Admission,
        heartbeat: frames.Heartbeat,
        limits: frames.Limits,
        clock: Clock,
        metrics: Metrics,
    ) -> None:
        self._node = node
        self._hub: Hub = node.hub
        self._verifier = verifier
        self._restrictions = restrictions
        self._attendance = attendance
        self._book = book
        self._traits = traits
        self._admission = admission
        self._heartbeat = heartbeat
        self._limits = limits
        self._clock = clock
        self._metrics = metrics
        self._devices: dict[frames.Device, frames.Device] = {}

    # connect

    def connect(self, session: Session, frame: frames.Connect) -> None:
        now = self._clock.now()
        try:
            claims = self._identify(session, frame, now.timestamp())
            self._restrictions.check(claims)
        except KeysLoading as loading:
            self._wait_for_keys(session, frame, loading)
        except TokenRefused as refused:
            self._turn_away(session, refused.code, str(refused), CloseCode(refused.close_code))
        except BadInput as bad:
            self._turn_away(session, bad.code, str(bad), CloseCode.TOKEN_INVALID)
        except DependencyDown as down:
            self._turn_away(session, down.code, str(down), CloseCode.UNAVAILABLE)
        else:
            self._admit(session, frame, claims, now)

    def _identify(self, session: Session, frame: frames.Connect, now: float) -> Claims:
        token = frame.token or session.token
        if token is None and frame.user is not None and self._admission.dev:
            return self._verifier.dev_claims(frame.user, now)
        return self._verifier.verify(token or "", now)

    def _wait_for_keys(self, session: Session, frame: frames.Connect, loading: KeysLoading) -> None:
        """Take nothing more from this session until the keys are here, then try again."""
        session.phase = Phase.VERIFYING
        session.link.pause_reading()
        self._metrics.note_connect("loading")
        loading.future.add_done_callback(lambda _: self._try_again(session, frame))

    def _try_again(self, session: Session, frame: frames.Connect) -> None:
        if session.phase is Phase.VERIFYING:
            session.link.resume_reading()
            session.phase = Phase.AWAITING
            self.connect(session, frame)

    def _turn_away(self, session: Session, code: str, text: str, close: CloseCode) -> None:
        self._metrics.note_connect("refused")
        session.fail(code, text)
        session.close(close)

    def _admit(
        self, session: Session, frame: frames.Connect, claims: Claims, now: datetime
    ) -> None:
        if not self._has_room(claims.user_id):
            self._metrics.note_connect("refused")
            session.close(CloseCode.TOO_MANY_CONNECTIONS)
            return
        self._identified(session, claims, now)
        self._described(session, frame)
        if self._hub.join(session):
            self._attendance.note_entered(session.user_id)
        session.shown = self._still_showing(frame)
        live, new = self._node.snapshot_for(session)
        session.welcome(self._welcome(session, live, now))
        self._node.note_shown(session, new)
        self._metrics.note_connect("welcomed")

    def _has_room(self, user_id: str) -> bool:
        """Room for one more connection of this user, made by closing the oldest if so set."""
        sessions = self._hub.sessions_of(user_id)
        if len(sessions) < self._admission.max_connections_per_user:
            return True
        if self._admission.connections_overflow != "replace_oldest":
            return False
        sessions[0].close(CloseCode.REPLACED)
        return True

    def _identified(self, session: Session, claims: Claims, now: datetime) -> None:
        session.id = new_id("ses", now)
        session.user_id = claims.user_id
        session.expires_at = claims.expires_at
        session.issued_at = claims.issued_at
        session.token_id = claims.token_id
        session.since = now.timestamp()

    def _described(self, session: Session, frame: frames.Connect) -> None:
        session.locale = _canonical_locale(frame.locale)
        session.page = sys.intern(frame.page) if frame.page else None
        session.visibility = frame.visibility
        session.activity = frame.activity
        session.device = self._shared(frame.device)

    def _shared(self, device: frames.Device) -> frames.Device:
        """One object for all sessions on equal devices; ids make most of them differ, so the id,
        which nobody reads, is dropped first."""
        plain = frames.Device(platform=device.platform, app=device.app, version=device.version)
        if len(self._devices) >= _KNOWN_DEVICES:
            return self._devices.get(plain, plain)
        return self._devices.setdefault(plain, plain)

    def _still_showing(self, frame: frames.Connect) -> int:
        bits = 0
        for message_id, revision in frame.showing:
            live = self._node.live_set.messages.get(message_id)
            if live is not None and revision <= live.message.revision:
                bits |= live.bit
        return bits

    def _welcome(self, session: Session, live: list[Raw], now: datetime) -> frames.Welcome:
        return frames.Welcome(
            session=session.id,
            user=session.user_id,
            now=int(now.timestamp() * 1000),
            heartbeat=self._heartbeat,
            expires_at=_rfc3339(session.expires_at),
            live=live,
            limits=self._limits,
        )

    # a live session

    def handle(self, session: Session, frame: frames.ClientFrame) -> None:
        self._HANDLERS[type(frame)](self, session, frame)

    def _page(self, session: Session, frame: frames.PageView) -> None:
        session.page = frame.url
        self._node.turn_page(session)

    def _state(self, session: Session, frame: frames.ClientState) -> None:
        session.visibility = frame.visibility or session.visibility
        session.activity = frame.activity or session.activity
        if frame.busy is not None:
            session.busy = frame.busy

    def _receipts(self, session: Session, frame: frames.Receipts) -> None:
        self._book.record(session, frame.receipts)

    def _identify_traits(self, session: Session, frame: frames.Identify) -> None:
        try:
            self._traits.note(session.user_id, frame.traits, self._clock.now())
        except BadInput as refused:
            session.fail(refused.code, str(refused), frame.id)
        else:
            session.send(frames.Reply(id=frame.id))

    def _refresh(self, session: Session, frame: frames.Refresh) -> None:
        try:
            claims = self._verifier.verify(frame.token, self._clock.now().timestamp())
            self._restrictions.check(claims)
        except KeysLoading as loading:
            loading.future.add_done_callback(lambda _: self._refresh_again(session, frame))
        except (TokenRefused, DependencyDown) as refused:
            session.fail(refused.code, str(refused), frame.id)
        else:
            self._renew(session, frame.id, claims)

    def _refresh_again(self, session: Session, frame: frames.Refresh) -> None:
        if session.phase is Phase.LIVE:
            self._refresh(session, frame)

    def _renew(self, session: Session, request: str, claims: Claims) -> None:
        if claims.user_id != session.user_id:
            text = "this token is for another user; open a new connection for them"
            session.fail("token_other_user", text, request)
            return
        session.expires_at = claims.expires_at
        session.issued_at = claims.issued_at
        session.token_id = claims.token_id
        session.reauth_sent = False
        session.send(frames.Reply(id=request, expires_at=_rfc3339(claims.expires_at)))

    def _not_yet(self, session: Session, frame: Any) -> None:
        text = "this gateway sends banners only; prompts and the bell come with a later version"
        session.fail("not_supported", text, frame.id)

    _HANDLERS: Mapping[type, Callable[["Reception", Session, Any], None]] = {
        frames.PageView: _page,
        frames.ClientState: _state,
        frames.Receipts: _receipts,
        frames.Identify: _identify_traits,
        frames.Refresh: _refresh,
        frames.Track: _not_yet,
        frames.Inbox: _not_yet,
        frames.Preferences: _not_yet,
    }

    # gone

    def drained(self, session: Session, lost: bool) -> None:
        if lost:
            self._metrics.slow.inc()
        self._node.drained(session, lost)

    def closed(self, session: Session, code: int | None) -> None:
        self._metrics.note_close(str(code) if code in _CODES else "other")
        if self._hub.leave(session):
            self._attendance.note_left(session.user_id, self._clock.now())


def _canonical_locale(locale: str | None) -> str:
    """`pt_br` → `pt-br`; what is no locale becomes the default one."""
    if locale is None or _LOCALE.fullmatch(locale) is None:
        return ""
    return sys.intern(locale.replace("_", "-").lower())


def _rfc3339(seconds: float) -> str:
    return rfc3339(datetime.fromtimestamp(seconds, UTC))
