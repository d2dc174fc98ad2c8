"""One session: the sans-I/O state machine between a connection and the use-cases.

Bytes come in through `receive`, frames go out through the link. It never touches a socket, a
clock or a task; time reaches it as turns of the node's wheel. Which frame is allowed in which
state is the table `ALLOWED`.
"""

from collections.abc import Callable, Mapping
from enum import IntEnum
from typing import Protocol

import msgspec

from gateway.sessions.link import Encoding, Link
from gateway.sessions.timing_wheel import RESOLUTION, TimingWheel
from gateway.wire import codec, frames, prepared
from gateway.wire.close_codes import REASONS, CloseCode, may_reconnect

STRIKES = 3
"""Malformed frames before the connection closes with 4000 (PROTOCOL §2)."""

LIFETIME_PAUSE_MS = 1_000
"""How long a client waits whose connection has reached its longest life."""


class Phase(IntEnum):
    """Where a session is in its life."""

    AWAITING = 0
    """No valid `connect` yet."""
    VERIFYING = 1
    """A token is being checked against keys that must be fetched first."""
    LIVE = 2
    CLOSED = 3


ALLOWED: Mapping[Phase, frozenset[type[msgspec.Struct]]] = {
    Phase.AWAITING: frozenset({frames.Connect, frames.Pong}),
    Phase.VERIFYING: frozenset({frames.Pong}),
    Phase.LIVE: frozenset(
        {
            frames.PageView,
            frames.Track,
            frames.Identify,
            frames.ClientState,
            frames.Receipts,
            frames.Inbox,
            frames.Preferences,
            frames.Refresh,
            frames.Pong,
        }
    ),
    Phase.CLOSED: frozenset(),
}


class Desk(Protocol):
    """What a session asks of the use-cases. Every method returns at once."""

    def connect(self, session: "Session", frame: frames.Connect) -> None:
        """Check the token, then welcome the session or close it."""
        ...

    def handle(self, session: "Session", frame: frames.ClientFrame) -> None:
        """A frame of a live session."""
        ...

    def drained(self, session: "Session", lost: bool) -> None:
        """All that waited for this session is out; or some was lost, and it needs a snapshot."""
        ...

    def closed(self, session: "Session", code: int | None) -> None:
        """A session is gone, live or not; told once. `code` is how its connection ended."""
        ...


class Timing(msgspec.Struct, frozen=True, kw_only=True):
    """Limits of a session, in seconds and frames; the same for all sessions of a node."""

    connect: float
    interval: float
    grace: float
    reauth: float
    lifetime: float
    frames_per_second: float
    burst: float


class Context:
    """What all sessions of a node share: wheel, desk, limits, the ping of this turn."""

    __slots__ = ("_ping", "_ping_turn", "desk", "now", "timing", "wheel")

    def __init__(
        self, desk: Desk, wheel: TimingWheel, timing: Timing, now: Callable[[], float]
    ) -> None:
        self.desk = desk
        self.wheel = wheel
        self.timing = timing
        self.now = now
        """Wall time in seconds since the epoch: tokens and `now` on the wire."""
        self._ping: dict[Encoding, bytes] = {}
        self._ping_turn = -1

    def ping(self, encoding: Encoding) -> bytes:
        """The ping frame of this turn, made once for all sessions."""
        if self._ping_turn != self.wheel.turn:
            self._ping_turn = self.wheel.turn
            self._ping = {}
        frame = self._ping.get(encoding)
        if frame is None:
            ping = frames.Ping(now=int(self.now() * 1000))
            frame = self._ping[encoding] = prepared.frame(ping, encoding)
        return frame


class _Touched:
    """What every fan-out touches of a session, side by side in one cache line: slots are laid out
    class by class, and by name within one."""

    __slots__ = ("link", "shown", "spoken", "user_id", "waiting")


class Session(_Touched):
    """One identified tab or app launch, from handshake to close."""

    __slots__ = (
        "acked",
        "activity",
        "allowance",
        "allowance_turn",
        "busy",
        "context",
        "device",
        "expires_at",
        "group",
        "heard",
        "id",
        "issued_at",
        "locale",
        "look_turn",
        "page",
        "phase",
        "pinged",
        "reauth_sent",
        "since",
        "slot",
        "strikes",
        "token",
        "token_id",
        "visibility",
    )

    def __init__(self, context: Context, link: Link, token: str | None) -> None:
        self.context = context
        self.link = link
        self.token = token
        """From the handshake; dropped as soon as it has been verified."""
        self.phase = Phase.AWAITING
        self.id = ""
        self.user_id = ""
        self.expires_at = 0.0
        self.issued_at: float | None = None
        self.token_id: str | None = None
        self.since = 0.0
        self.locale = ""
        self.page: str | None = None
        self.visibility = "visible"
        self.activity = "active"
        self.busy = False
        self.device: frames.Device | None = None
        self.shown = 0
        """Bits of the messages this session holds."""
        self.waiting = 0
        """Bits of those whose frame waits in the link: not sent yet."""
        self.acked = 0
        """Bits of the receipts this session has given."""
        self.group: object | None = None
        self.slot = -1
        """Where it stands in its group; both belong to the hub."""
        self.heard = True
        """Something came in since the last look."""
        self.spoken = True
        """Something went out since the last look."""
        self.pinged: int | None = None
        """The turn of the ping that was not answered yet."""
        self.look_turn = 0
        self.reauth_sent = False
        self.strikes = 0
        self.allowance = context.timing.burst
        self.allowance_turn = context.wheel.turn
        context.wheel.add(context.timing.connect, self)

    # in

    def receive(self, payload: bytes) -> None:
        """Take one WebSocket message: a frame, or an array of frames."""
        self.heard = True
        for frame in codec.decode(payload, self.link.encoding):
            if self.phase is Phase.CLOSED:
                return
            if not self._may_speak():
                self.close(CloseCode.TOO_CHATTY)
            elif isinstance(frame, codec.FrameError):
                self.refuse(frame.code, frame.message, frame.id)
            else:
                self._dispatch(frame)

    def _dispatch(self, frame: frames.ClientFrame) -> None:
        kind = type(frame)
        if kind not in ALLOWED[self.phase]:
            self.refuse("bad_frame", self._why_not_now(), getattr(frame, "id", None))
        elif isinstance(frame, frames.Connect):
            self.context.desk.connect(self, frame)
        elif kind is not frames.Pong:
            self.context.desk.handle(self, frame)

    def _why_not_now(self) -> str:
        if self.phase is Phase.LIVE:
            return "already connected: `connect` is sent once, use `refresh` for a new token"
        return "send `connect` first and wait for `welcome`"

    def _may_speak(self) -> bool:
        """Token bucket of frames, counted in turns of the wheel."""
        turn = self.context.wheel.turn
        if turn != self.allowance_turn:
            timing = self.context.timing
            gained = (turn - self.allowance_turn) * RESOLUTION * timing.frames_per_second
            self.allowance = min(timing.burst, self.allowance + gained)
            self.allowance_turn = turn
        self.allowance -= 1
        return self.allowance >= 0

    def refuse(self, code: str, message: str, request: str | None = None) -> None:
        """Answer a frame that cannot be taken; the third malformed one closes the connection."""
        self.fail(code, message, request)
        if code == "bad_frame":
            self.strikes += 1
            if self.strikes >= STRIKES:
                self.close(CloseCode.BAD_FRAME)

    def fail(self, code: str, message: str, request: str | None = None) -> None:
        """Answer a request that was understood but not done."""
        self.send(frames.Error(code=code, message=message, id=request or msgspec.UNSET))

    def on_drained(self, lost: bool) -> None:
        """The link has room again; `lost` when it dropped frames meanwhile."""
        if self.phase is Phase.LIVE:
            self.context.desk.drained(self, lost)

    def on_closed(self, code: int | None) -> None:
        """The connection is gone, whoever ended it."""
        if self.phase is Phase.CLOSED:
            return
        self.phase = Phase.CLOSED
        self.token = None
        self.context.desk.closed(self, code)

    # out

    def send(self, frame: frames.NodeFrame, key: str | None = None) -> bool:
        """Send one frame to this session alone."""
        self.spoken = True
        return self.link.write(prepared.frame(frame, self.link.encoding), key)

    def close(self, code: CloseCode, after_ms: int = 0) -> None:
        """Say `bye`, close the connection, and leave presence and the live set at once."""
        if self.phase is Phase.CLOSED:
            return
        reason = REASONS[code]
        bye = frames.Bye(code=code, reason=reason, reconnect=may_reconnect(code), after=after_ms)
        self.send(bye)
        self.link.close(code, reason)
        self.on_closed(code)

    # time

    def welcome(self, welcome: frames.Welcome) -> None:
        """The session is live; heartbeats begin."""
        self.phase = Phase.LIVE
        self.token = None
        self.send(welcome)
        self._look_in(min(self.context.timing.interval, self._until_change(self.since)))

    def _look_in(self, seconds: float) -> None:
        wheel = self.context.wheel
        self.look_turn = wheel.turn + int(seconds / RESOLUTION)
        wheel.add(seconds, self)

    def on_time(self) -> None:
        """Its turn on the wheel: connect deadline, token, lifetime, heartbeat."""
        if self.phase is Phase.LIVE:
            # The wheel keeps the connect deadline's entry; it must not begin a second rhythm.
            if self.context.wheel.turn >= self.look_turn:
                self._look_after()
        elif self.phase is not Phase.CLOSED:
            self.close(CloseCode.NO_AUTHENTICATION)

    def _look_after(self) -> None:
        now = self.context.now()
        if now >= self.expires_at:
            self.close(CloseCode.TOKEN_EXPIRED)
        elif now - self.since >= self.context.timing.lifetime:
            self.close(CloseCode.LIFETIME_OVER, after_ms=LIFETIME_PAUSE_MS)
        elif self._is_silent():
            self.close(CloseCode.NO_PONG)
        else:
            self._remind(self.expires_at - now)
            seconds = self._heartbeat()
            self._look_in(min(seconds, self._until_change(now)))

    def _is_silent(self) -> bool:
        """A ping went out, the grace is over, and nothing came back. While the peer does not read
        we do not read it either (F3), so its silence says nothing; the link's own deadline does."""
        if self.pinged is None or self.heard or self.link.waits:
            return False
        waited = (self.context.wheel.turn - self.pinged) * RESOLUTION
        return waited >= self.context.timing.grace

    def _remind(self, seconds_left: float) -> None:
        if seconds_left <= self.context.timing.reauth and not self.reauth_sent:
            self.reauth_sent = True
            self.send(frames.Reauth(within=max(1, int(seconds_left))))

    def _heartbeat(self) -> float:
        """Ping unless something else went out; return the seconds until the next look."""
        timing = self.context.timing
        if self.pinged is not None:
            if self.heard:
                self.pinged = None
            return timing.interval - timing.grace
        if self.spoken:
            self.spoken = False
            return timing.interval
        self.pinged, self.heard = self.context.wheel.turn, False
        self.link.write(self.context.ping(self.link.encoding), "ping")
        return timing.grace

    def _until_change(self, now: float) -> float:
        """Seconds until the reminder, the end of the token or of the lifetime."""
        end = min(self.expires_at, self.since + self.context.timing.lifetime)
        remind = self.expires_at - self.context.timing.reauth
        return max(0.0, (end if self.reauth_sent else min(end, remind)) - now)
