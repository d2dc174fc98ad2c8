"""The sending half of a WebSocket connection: straight to the descriptor while nothing waits,
within a byte budget while something does.

Writing past the transport is safe because a descriptor is only ever written through `_send`, and
`_send` is None and its socket object detached before the descriptor can be freed: both loops close it after `connection_lost` has
returned, never before (asyncio: `_SelectorTransport._call_connection_lost` closes the socket after
the protocol's method; uvloop: `UVBaseTransport._call_connection_lost` calls the protocol, then
`_close()` on the handle). close(), abort(), end of file and errors clear `_send` first and only then
touch the transport.

The order of bytes holds because the water marks are 0: the transport calls `pause_writing` before
its `write` returns if it kept a single byte, and from then on nothing goes past it.
"""

import array
import asyncio
import contextlib
import fcntl
import termios
from collections.abc import Callable
from enum import IntEnum
from functools import partial
from socket import SocketType

from gateway.transport.gate import Gate, Timer
from gateway.transport.outbox import Outbox
from gateway.wire.close_codes import CloseCode

_FLUSH_BYTES = 65_536
"""Handed to the transport at once when it has drained, so that it never holds a whole outbox."""


class _Sink(SocketType):
    """The transport's own descriptor once more, for sending on it. Whatever happens to this
    object, it never closes what is not its own: a socket's finalizer would."""

    __slots__ = ()

    def __del__(self) -> None:
        self.detach()


class Phase(IntEnum):
    """Where a connection is in its life; only ever goes forward."""

    OPEN = 0
    CLOSING = 1
    """Our close frame is out; waiting for the peer's."""
    ENDING = 2
    """Both sides are done; waiting for the peer to hang up."""
    CLOSED = 3


class Outgoing(asyncio.Protocol):
    """What a connection needs for sending. The receiving half is added by WebSocketConnection."""

    __slots__ = ("_gate", "_outbox", "_phase", "_send", "_sink", "_timer", "_transport", "waits")

    _transport: asyncio.Transport

    def __init__(self, gate: Gate) -> None:
        self._gate = gate
        self._phase = Phase.OPEN
        self._sink: _Sink | None = None
        self._send: Callable[[bytes], int] | None = None
        """`_sink.send` while frames may go past the transport."""
        self.waits = False
        self._outbox: Outbox | None = None
        self._timer: Timer | None = None  # the peer's deadline: to read, or to hang up

    def _attach(self, transport: asyncio.Transport) -> None:
        self._transport = transport
        transport.set_protocol(self)
        if transport.get_write_buffer_size():
            self.pause_writing()
        # asyncio's and uvloop's TLS pause at the mark, their sockets above it.
        transport.set_write_buffer_limits(high=1 if self._is_encrypted() else 0, low=0)
        if not self._is_encrypted():
            shared = transport.get_extra_info("socket")
            self._sink = _Sink(shared.family, shared.type, shared.proto, fileno=shared.fileno())
        self._aim()

    def _is_encrypted(self) -> bool:
        return self._transport.get_extra_info("sslcontext") is not None

    def _aim(self) -> None:
        """Write past the transport from now on, if bytes may go there unencrypted and at once."""
        if not self.waits and self._sink is not None:
            self._send = self._sink.send

    # Link

    @property
    def is_closing(self) -> bool:
        """True from the moment nothing more can be sent."""
        return self._phase is not Phase.OPEN

    def write(self, frame: bytes, key: str | None = None) -> bool:
        """Send a frame; see `Link.write`. One system call when all is well (bench/README.md)."""
        send = self._send
        if send is None:
            return self._write_slowly(frame, key)
        try:
            sent = send(frame)
        except BlockingIOError:
            sent = 0
        except OSError:
            self.abort()
            return False
        if sent != len(frame):
            self._transport.write(memoryview(frame)[sent:])
        return True

    def _write_slowly(self, frame: bytes, key: str | None) -> bool:
        if self._phase is not Phase.OPEN:
            return False
        if self.waits:
            return self._put(frame, key)
        self._transport.write(frame)  # TLS
        return True

    def _put(self, frame: bytes, key: str | None) -> bool:
        if self._outbox is None:
            limits = self._gate.limits
            self._outbox = Outbox(limits.soft_bytes, limits.hard_bytes)
        was_lagging = self._outbox.is_lagging
        taken = self._outbox.put(frame, key)
        if not taken and not was_lagging:
            self._gate.counts["lagging"] += 1
        return taken

    def abort(self) -> None:
        """End the connection now, without a word; `connection_lost` follows."""
        if self._phase is not Phase.CLOSED:
            self._leave(Phase.CLOSED)
            self._transport.abort()

    def _leave(self, phase: Phase) -> None:
        """Go on to a later phase; from here on nobody writes to the descriptor."""
        sink, self._sink, self._send = self._sink, None, None
        if sink is not None:
            sink.detach()
        self._phase = phase

    # flow control

    def pause_writing(self) -> None:
        """The transport holds bytes; it is the peer's turn."""
        self.waits = True
        self._send = None
        if self._phase is Phase.OPEN:
            self._hold_reading()
            self._give_time(self._backlog())

    def resume_writing(self) -> None:
        """The transport is empty: move on what waits, as far as the socket takes it."""
        self.waits = False
        if self._phase is Phase.ENDING:
            asyncio.get_running_loop().call_soon(self._hang_up)
        if self._phase is not Phase.OPEN:
            return
        self._disarm()
        while self._outbox and not self.waits:
            self._transport.write(self._outbox.take(_FLUSH_BYTES))
        if not self.waits:
            self._drained()

    def _drained(self) -> None:
        outbox, self._outbox = self._outbox, None
        self._aim()
        self._tell_drained(outbox is not None and outbox.is_lagging)
        if not self.waits:
            self._free_reading()

    def _send_last(self, frame: bytes) -> None:
        """Send what waits and a last frame, and give the peer time to take them."""
        outbox, self._outbox = self._outbox, None
        waiting = outbox.take(outbox.size) if outbox else b""
        self._transport.write(waiting + frame)
        self._arm(self._gate.limits.close_timeout, self.abort)

    def _hold_reading(self) -> None:
        """Read nothing while writes wait, or a peer could make us queue without end (F3)."""
        raise NotImplementedError

    def _free_reading(self) -> None:
        raise NotImplementedError

    def _tell_drained(self, lost: bool) -> None:
        raise NotImplementedError

    def _end_session(self, code: int) -> None:
        raise NotImplementedError

    def _hang_up(self) -> None:
        """Say that nothing more comes, and let the peer close: closing at once could reset the
        connection and take our close frame with it, if bytes of the peer are unread. While bytes
        wait nothing is done; asyncio would raise out of its own callback if the peer is gone when
        they have left, so this is called again then."""
        if self._phase is not Phase.ENDING or self.waits:
            return
        if self._transport.can_write_eof():
            with contextlib.suppress(OSError):  # the peer was faster
                self._transport.write_eof()
        else:
            self._transport.close()

    # the peer's deadline

    def _give_time(self, backlog: int) -> None:
        self._arm(self._gate.limits.stall_timeout, partial(self._check_stall, backlog))

    def _check_stall(self, before: int) -> None:
        """Close 4108 a peer that took no byte since the last look. Aborted, not closed: a close
        would wait behind the bytes that nobody reads (F1)."""
        backlog = self._backlog()
        if backlog < before:
            self._give_time(backlog)
            return
        self._gate.counts["stalled"] += 1
        self.abort()
        self._end_session(CloseCode.TOO_SLOW)

    def _backlog(self) -> int:
        """Bytes that wait here and in the kernel, so that a slow peer is told from a stalled."""
        unsent = array.array("i", [0])
        fd = self._transport.get_extra_info("socket").fileno()
        with contextlib.suppress(OSError):
            fcntl.ioctl(fd, termios.TIOCOUTQ, unsent)
        return self._transport.get_write_buffer_size() + unsent[0]

    def _arm(self, seconds: float, callback: Callable[[], object]) -> None:
        self._disarm()
        self._timer = self._gate.wheel.schedule(seconds, callback)

    def _disarm(self) -> None:
        timer, self._timer = self._timer, None
        if timer is not None:
            timer.cancel()
