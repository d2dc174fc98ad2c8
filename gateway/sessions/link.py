"""What the core needs of a connection, whatever carries it."""

from typing import Protocol

from gateway.wire.encoding import Encoding as Encoding


class Link(Protocol):
    """The sending half of one connection. Every method returns at once; nothing here waits.

    A frame is `bytes` as they go on the socket (`wire.prepared`), made once for everybody.
    """

    @property
    def encoding(self) -> Encoding:
        """How this connection wants its frames."""
        ...

    @property
    def is_closing(self) -> bool:
        """True from the moment nothing more can be sent."""
        ...

    @property
    def waits(self) -> bool:
        """True while bytes wait for the peer to read: what was written last is not with the
        kernel yet."""
        ...

    def write(self, frame: bytes, key: str | None = None) -> bool:
        """Send a frame in order. True when the kernel or the byte budget took it.

        `key` allows conflation: over the soft limit a waiting frame of the same key is replaced.
        Over the hard limit everything that waits is dropped. Once all that waited is out, or
        dropped, the session hears `on_drained`. False when the link is closing.
        """
        ...

    def close(self, code: int, reason: str) -> None:
        """Send a close frame with this code, after what waits, then end the connection; abort it
        when the peer does not answer in time. Later writes are refused, and the session hears
        `on_closed` at once. (`bye`, if any, is a frame that the session writes before.)"""
        ...

    def abort(self) -> None:
        """End the connection now, without a word."""
        ...

    def pause_reading(self) -> None:
        """Take no more frames until `resume_reading`."""
        ...

    def resume_reading(self) -> None:
        """Take frames again."""
        ...
