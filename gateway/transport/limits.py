"""How much one peer may take of a node, in bytes, seconds and pieces. Plain values.

What operators may change comes from the settings; the rest stands here with its reason.
"""

import resource
from dataclasses import dataclass

from gateway.settings import Settings

_RESERVED_FILES = 200
"""Descriptors kept for the store, the log, the listener and for answering when full (F16)."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Limits:
    """Every limit of the socket edge. The defaults are those of production."""

    # all connections
    connections: int = 10_000
    """WebSocket connections on this node."""
    sockets: int = 10_100
    """Sockets of any kind; more are refused with 503 at once, so `accept` never runs dry."""
    accept_batch: int = 100
    """Accepted in one go; asyncio takes as many before the first is counted (F16)."""
    connects_per_second: float = 5_000
    connects_burst: float = 2_500
    """Half a second's worth: a storm is admitted evenly, a page reload never waits."""

    # HTTP
    head_bytes: int = 16_384
    head_fields: int = 100
    url_bytes: int = 8_192
    body_bytes: int = 65_536
    head_timeout: float = 5
    body_timeout: float = 10
    linger: float = 2
    """How long the rest of a refused request is read and dropped, so that the answer arrives
    before the reset that unread bytes would cause."""
    keep_alive: int = 15

    # WebSocket
    frame_bytes: int = 16_384
    fragments: int = 64
    """Frames in one message, empty ones included (F4); browsers send one."""
    controls_per_second: float = 10
    controls_burst: float = 20
    soft_bytes: int = 65_536
    hard_bytes: int = 262_144
    stall_timeout: float = 10
    close_timeout: float = 5

    @classmethod
    def from_settings(cls, settings: Settings, file_limit: int | None = None) -> "Limits":
        """Limits of production; `file_limit` is this process's own unless given."""
        if file_limit is None:
            file_limit = resource.getrlimit(resource.RLIMIT_NOFILE)[0]
        reserved = min(_RESERVED_FILES, file_limit // 2)
        room = file_limit - reserved
        return cls(
            connections=min(settings.max_connections or room, room),
            sockets=file_limit - reserved // 2,
            accept_batch=max(1, reserved // 4),
            connects_per_second=settings.max_connect_rate,
            connects_burst=max(1.0, settings.max_connect_rate / 2),
            body_bytes=settings.max_body_bytes,
            head_timeout=settings.head_timeout,
            body_timeout=settings.body_timeout,
            frame_bytes=settings.max_frame_bytes,
            soft_bytes=settings.outbox_soft_bytes,
            hard_bytes=settings.outbox_hard_bytes,
            stall_timeout=settings.stall_timeout,
            close_timeout=settings.close_timeout,
        )
