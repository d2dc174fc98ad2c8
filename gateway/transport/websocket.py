"""One WebSocket connection on an asyncio or uvloop transport: the `Link` of a session.

A whole, unfragmented, masked frame of the subprotocol's type is read right here; everything else
goes through a `Fallback` that lives only while it is needed. How frames leave is told in
`outgoing`. Knows no frame's meaning.
"""

import asyncio

from websockets.frames import Opcode
from websockets.speedups import apply_mask

from gateway.sessions.link import Encoding
from gateway.transport.fallback import End, Fallback, Message, Step
from gateway.transport.gate import Gate, Session
from gateway.transport.handshake import Accepted
from gateway.transport.outgoing import Outgoing, Phase
from gateway.transport.pace import Pace
from gateway.transport.quiet import where
from gateway.wire.close_codes import REASONS, CloseCode
from gateway.wire.prepared import close_frame

ABNORMAL = 1006
"""The connection broke without a close frame (RFC 6455 §7.1.5)."""

_HEAD = {Encoding.JSON: 0x81, Encoding.MSGPACK: 0x82}  # FIN and opcode of the one type allowed
_OPCODE = {Encoding.JSON: Opcode.TEXT, Encoding.MSGPACK: Opcode.BINARY}
_NO_HEAD = -1

_WRITES, _SESSION = 1, 2  # why reading is paused: our writes wait, or the session asked for it


class _Nobody:
    """Stands in for the session before there is one, and after."""

    def receive(self, payload: bytes) -> None: ...

    def on_drained(self, lost: bool) -> None: ...

    def on_closed(self, code: int | None) -> None: ...


_NOBODY: Session = _Nobody()


class WebSocketConnection(Outgoing):
    """A connection from the accepted handshake to its end."""

    __slots__ = (
        "_controls",
        "_fallback",
        "_fast_head",
        "_holds",
        "_session",
        "_steps",
        "encoding",
    )

    def __init__(self, gate: Gate, encoding: Encoding) -> None:
        super().__init__(gate)
        self.encoding = encoding
        self._session = _NOBODY
        self._fast_head = _HEAD[encoding]
        """First byte of frames that may take the fast path now."""
        self._holds = 0
        self._steps: list[Step] | None = None
        """What was read before reading was paused, and has to wait."""
        self._fallback: Fallback | None = None
        self._controls: Pace | None = None

    def start(self, transport: asyncio.Transport, accepted: Accepted, rest: bytes) -> None:
        """Take over the transport of an upgrade request, answer it, and open a session."""
        self._gate.join(self)
        self._attach(transport)
        self.write(accepted.response)
        try:
            self._session = self._gate.open_session(self, accepted.token)
        except Exception as error:
            self._break_down(error)
        if rest:
            self.data_received(rest)

    # Link, but for what Outgoing has

    def close(self, code: int, reason: str) -> None:
        """Send a close frame, after what waits; abort when the peer does not answer in time."""
        if self._phase is Phase.OPEN:
            self._leave(Phase.CLOSING)
            self._send_last(close_frame(code, reason))
            self._free(_WRITES | _SESSION)  # to see the peer's close frame
            self._end_session(code)

    def pause_reading(self) -> None:
        """Take no more frames until `resume_reading`; what was read already is kept."""
        self._hold(_SESSION)

    def resume_reading(self) -> None:
        """Take frames again, first those that were kept."""
        self._free(_SESSION)

    # reading

    def data_received(self, data: bytes) -> None:
        """The fast path: one short, whole, masked data frame, which is what clients send."""
        size = len(data)
        if 5 < size < 132 and data[0] == self._fast_head and data[1] == size + 122:
            self._deliver(apply_mask(data[6:], data[2:6]), self._fast_head == 0x81)
        else:
            self._walk(data)

    def _walk(self, data: bytes) -> None:
        """Whole frames one after the other; the fallback takes over at the first that is not."""
        place, size, most = 0, len(data), self._gate.limits.frame_bytes
        while size - place > 5 and data[place] == self._fast_head:
            length, start = data[place + 1] - 128, place + 6
            if length == 126:
                length, start = int.from_bytes(data[place + 2 : place + 4]), place + 8
            elif not 0 <= length < 126:
                break  # unmasked; or a length of 8 bytes, which is over the limit
            end = start + length
            if end > size or length > most:
                break
            place = end
            payload = apply_mask(data[start:end], data[start - 4 : start])
            self._deliver(payload, self._fast_head == 0x81)
        if place < size:
            self._receive_more(data[place:] if place else data)

    def _receive_more(self, data: bytes) -> None:
        if self._phase >= Phase.ENDING:
            return
        now = self._gate.monotonic()
        if self._fallback is None:
            self._fallback = self._make_fallback(now)
            self._fast_head = _NO_HEAD
        steps = self._fallback.feed(data, now)
        if self._steps is None:
            self._run(steps)
        else:
            self._steps += steps

    def _make_fallback(self, now: float) -> Fallback:
        limits = self._gate.limits
        if self._controls is None:
            self._controls = Pace(limits.controls_per_second, limits.controls_burst)
        return Fallback(limits, _OPCODE[self.encoding], self._controls, now)

    def _run(self, steps: list[Step]) -> None:
        for number, step in enumerate(steps):
            if self._holds:
                self._steps = steps[number:]
                return
            self._do(step)
        if self._fallback is None or self._fallback.is_quiet:
            self._fallback = None
            self._refresh_head()

    def _do(self, step: Step) -> None:
        if isinstance(step, End):
            self._finish(step)
        elif isinstance(step, Message):
            self._deliver(step.payload, step.is_text)
        else:
            self.write(step.frame)  # refused once our close frame is out

    def _deliver(self, payload: bytes, is_text: bool) -> None:
        if is_text and not payload.isascii() and not _is_utf8(payload):
            self._finish(_ended_by_us(CloseCode.INVALID_DATA))
            return
        try:
            self._session.receive(payload)
        except Exception as error:
            self._break_down(error)

    def _break_down(self, error: Exception) -> None:
        """An error of ours, not the peer's; other connections must not suffer from it."""
        self._gate.counts["session_failed"] += 1
        self._gate.log.warning("session_failed", where(error))
        self.close(CloseCode.INTERNAL, REASONS[CloseCode.INTERNAL])

    # pausing

    def _hold(self, reason: int) -> None:
        if not self._holds:
            self._transport.pause_reading()
        self._holds |= reason
        self._refresh_head()

    def _free(self, reason: int) -> None:
        """Take up reading again when nothing else holds it, beginning with what was kept."""
        if not self._holds:
            return
        self._holds &= ~reason
        if self._holds:
            return
        self._transport.resume_reading()
        steps, self._steps = self._steps, None
        self._run(steps or [])

    def _refresh_head(self) -> None:
        is_fast = self._phase is Phase.OPEN and not self._holds and self._fallback is None
        self._fast_head = _HEAD[self.encoding] if is_fast else _NO_HEAD

    def _hold_reading(self) -> None:
        self._hold(_WRITES)

    def _free_reading(self) -> None:
        self._free(_WRITES)

    def _tell_drained(self, lost: bool) -> None:
        try:
            self._session.on_drained(lost)
        except Exception as error:
            self._break_down(error)

    # ending

    def _finish(self, end: End) -> None:
        """The peer closed, or broke the protocol."""
        if not end.by_peer:
            self._gate.counts[f"closed_{end.code}"] += 1
        if self._phase is Phase.OPEN:
            self._leave(Phase.ENDING)
            self._send_last(end.frame)
        self._leave(Phase.ENDING)
        self._fallback = None
        self._hang_up()
        self._end_session(end.code)

    def _leave(self, phase: Phase) -> None:
        super()._leave(phase)
        self._fast_head = _NO_HEAD

    def eof_received(self) -> None:
        """The peer hung up; the transport closes itself when this returns."""
        if self.waits:
            self.abort()  # closing would wait for a peer that may never read (F1)
        elif self._phase is not Phase.CLOSED:
            self._leave(Phase.ENDING)
        self._end_session(ABNORMAL)

    def connection_lost(self, exc: Exception | None) -> None:
        """The descriptor is about to be closed."""
        self._leave(Phase.CLOSED)
        self._disarm()
        self._gate.leave(self)
        self._fallback = self._outbox = self._steps = None
        self._end_session(ABNORMAL)

    def _end_session(self, code: int) -> None:
        """Tell the session, once; the first reason counts (F12)."""
        session, self._session = self._session, _NOBODY
        try:
            session.on_closed(code)
        except Exception as error:
            self._break_down(error)


def _is_utf8(payload: bytes) -> bool:
    try:
        payload.decode()
    except UnicodeDecodeError:
        return False
    return True


def _ended_by_us(code: CloseCode) -> End:
    return End(close_frame(code, REASONS[code]), code)
