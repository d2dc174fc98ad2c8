"""WebSocket framing for everything but the common case: fragments, control frames, errors, and
frames that came in pieces. Sans-I/O; made when it is needed, dropped when `is_quiet`.

websockets' protocol does the framing. Added are our limits (F4, T20, T21), the type that the
subprotocol allows, one ordered list of what to do, and a close frame between two fragments, which
RFC 6455 §5.4 allows and websockets takes for an error (Autobahn case 7.1.5).
"""

import codecs
import logging
from dataclasses import dataclass
from types import GeneratorType
from typing import cast

from websockets.frames import CTRL_OPCODES, Frame, Opcode
from websockets.protocol import OPEN, SERVER, Protocol
from websockets.streams import StreamReader

from gateway.transport.limits import Limits
from gateway.transport.pace import Pace
from gateway.wire.close_codes import REASONS, CloseCode

_log = logging.getLogger("gateway.transport.frames")
_log.setLevel(logging.WARNING)  # websockets tells of every connection at INFO


@dataclass(frozen=True, slots=True)
class Message:
    """A whole message."""

    payload: bytes
    is_text: bool


@dataclass(frozen=True, slots=True)
class Reply:
    """Bytes to send back: a pong."""

    frame: bytes


@dataclass(frozen=True, slots=True)
class End:
    """The peer closed, or broke the protocol: the close frame to answer with, and the code, 1005
    when the peer gave none (RFC 6455 §7.1.5)."""

    frame: bytes
    code: int
    by_peer: bool = False


Step = Message | Reply | End


class Fallback(Protocol):
    """Turns bytes into steps, in the order in which the peer caused them."""

    def __init__(self, limits: Limits, accepted: Opcode | None, controls: Pace, now: float) -> None:
        super().__init__(SERVER, state=OPEN, max_size=limits.frame_bytes, logger=_log)
        self._accepted = accepted
        self._controls = controls
        self._most_fragments = limits.fragments
        self._now = now
        self._steps: list[Step] = []
        self._parts: list[bytes] = []
        self._is_text = False
        self._fragments = 0
        self._decoder: codecs.IncrementalDecoder | None = None

    def feed(self, data: bytes, now: float) -> list[Step]:
        """Take bytes from the peer; return what to do about them."""
        self._now = now
        self.receive_data(data)
        self.events_received()  # the steps say the same, in order
        if self.close_sent is not None:
            self._end(self.close_sent.code)
        steps, self._steps = self._steps, []
        return steps

    @property
    def is_quiet(self) -> bool:
        """True between two messages, with nothing half read."""
        waiting = cast("GeneratorType[None, None, None]", self.parser).gi_yieldfrom
        return (
            self.current_size is None
            and not self.reader.buffer
            and isinstance(waiting, GeneratorType)
            and waiting.gi_code is StreamReader.at_eof.__code__
        )

    def recv_frame(self, frame: Frame) -> None:
        """Check a frame against our limits, then let websockets check it against the RFC."""
        if frame.opcode in CTRL_OPCODES:
            self._receive_control(frame)
        else:
            self._receive_data_frame(frame)

    def _receive_control(self, frame: Frame) -> None:
        if frame.opcode is Opcode.CLOSE:
            self.current_size = None  # what was fragmented will never be whole
        elif self._controls.take(self._now):
            self.fail(CloseCode.POLICY_VIOLATION, "too many control frames")
            return
        super().recv_frame(frame)

    def _receive_data_frame(self, frame: Frame) -> None:
        super().recv_frame(frame)
        if frame.opcode in (Opcode.TEXT, Opcode.BINARY):
            if self._accepted is not None and frame.opcode is not self._accepted:
                self.fail(CloseCode.UNSUPPORTED_DATA, REASONS[CloseCode.UNSUPPORTED_DATA])
                return
            self._start(frame.opcode)
        self._fragments += 1
        if self._fragments > self._most_fragments:
            self.fail(CloseCode.TOO_BIG, "too many fragments")
            return
        self._collect(bytes(frame.data), frame.fin)

    def _start(self, opcode: Opcode) -> None:
        self._parts = []
        self._fragments = 0
        self._is_text = opcode is Opcode.TEXT
        self._decoder = codecs.getincrementaldecoder("utf-8")() if self._is_text else None

    def _collect(self, data: bytes, fin: bool) -> None:
        if self._decoder is not None:
            self._decoder.decode(data, fin)  # an error ends the connection with 1007
        self._parts.append(data)
        if fin:
            self._steps.append(Message(b"".join(self._parts), self._is_text))
            self._parts = []

    def fail(self, code: int, reason: str = "") -> None:
        """End the connection; bad text gets the same words on every path."""
        if code == CloseCode.INVALID_DATA:
            reason = REASONS[CloseCode.INVALID_DATA]
        super().fail(code, reason)

    def send_frame(self, frame: Frame) -> None:
        """Keep answers in line with messages; the close frame is kept for the end."""
        if frame.opcode is Opcode.CLOSE:
            super().send_frame(frame)
        else:
            self._steps.append(Reply(frame.serialize(mask=False)))

    def _end(self, sent_code: int) -> None:
        received = self.close_rcvd
        frame = b"".join(self.data_to_send())
        if received is None:
            self._steps.append(End(frame, sent_code))
        else:
            self._steps.append(End(frame, received.code, by_peer=True))
