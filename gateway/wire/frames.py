"""Frames: every object that travels on the socket, both ways (PROTOCOL §2).

Client frames are only made by `wire.codec.decode`, which has checked them; node frames are made by
the core and encoded once per encoding. Unknown keys of a client frame are ignored.
"""

from typing import Annotated, Any, Literal

import msgspec
from msgspec import UNSET, Meta, Raw, UnsetType

ShortText = Annotated[str, Meta(max_length=128)]
"""Names and identifiers: as long as the identifier grammar allows."""
Url = Annotated[str, Meta(max_length=2048)]
"""A page's address; the length of what globs are matched against is bounded with it."""
RequestId = Annotated[str, Meta(min_length=1, max_length=64)]
"""The client's own number for a request, given back in `reply` or `error`."""


class _ClientFrame(msgspec.Struct, frozen=True, kw_only=True, tag_field="type"):
    pass


class Device(msgspec.Struct, frozen=True, kw_only=True):
    """What the session runs on."""

    id: ShortText | None = None
    platform: ShortText | None = None
    app: ShortText | None = None
    version: ShortText | None = None


class Connect(_ClientFrame, frozen=True, kw_only=True, tag="connect"):
    """The first frame. `user` stands in for a token in `gateway dev` only."""

    token: Annotated[str, Meta(max_length=8192)] | None = None
    user: ShortText | None = None
    device: Device = Device()
    locale: ShortText | None = None
    timezone: ShortText | None = None
    page: Url | None = None
    visibility: Literal["visible", "hidden"] = "visible"
    activity: Literal["active", "idle"] = "active"
    showing: Annotated[tuple[tuple[ShortText, int], ...], Meta(max_length=100)] = ()
    layouts: Annotated[tuple[ShortText, ...], Meta(max_length=20)] = ()


class PageView(_ClientFrame, frozen=True, kw_only=True, tag="page"):
    """Each navigation."""

    url: Url
    title: Annotated[str, Meta(max_length=512)] | None = None


class Track(_ClientFrame, frozen=True, kw_only=True, tag="track"):
    """What the user did; answered by `reply`."""

    id: RequestId
    event: ShortText
    properties: dict[str, Any] = {}


class Identify(_ClientFrame, frozen=True, kw_only=True, tag="identify"):
    """Traits that the policy lets clients set."""

    id: RequestId
    traits: dict[str, Any]


class ClientState(_ClientFrame, frozen=True, kw_only=True, tag="state"):
    """Presence and the attention guard; what is not given stays as it was."""

    visibility: Literal["visible", "hidden"] | None = None
    activity: Literal["active", "idle"] | None = None
    busy: bool | None = None


class ReceiptLine(msgspec.Struct, frozen=True, kw_only=True):
    """What the client says about one message. `stage` is checked against Stage by the receiver,
    so that a newer client's stage is ignored rather than refused."""

    message: ShortText
    revision: Annotated[int, Meta(ge=0)]
    stage: ShortText
    action: ShortText | None = None
    reason: ShortText | None = None
    answers: dict[str, Any] | None = None
    at: Annotated[str, Meta(max_length=64)] | int | float | None = None


class Receipts(_ClientFrame, frozen=True, kw_only=True, tag="receipt"):
    """A batch of receipts; idempotent."""

    receipts: Annotated[tuple[ReceiptLine, ...], Meta(max_length=100)]


class Inbox(_ClientFrame, frozen=True, kw_only=True, tag="inbox"):
    """The bell."""

    id: RequestId
    op: Literal["list", "read", "unread", "archive", "read_all"]
    messages: Annotated[tuple[ShortText, ...], Meta(max_length=100)] = ()
    cursor: Annotated[str, Meta(max_length=256)] | None = None
    limit: Annotated[int, Meta(ge=1, le=100)] = 20


class Preferences(_ClientFrame, frozen=True, kw_only=True, tag="preferences"):
    """Opt-outs by tag."""

    id: RequestId
    muted: Annotated[tuple[ShortText, ...], Meta(max_length=50)]


class Refresh(_ClientFrame, frozen=True, kw_only=True, tag="refresh"):
    """A new token in place."""

    id: RequestId
    token: Annotated[str, Meta(max_length=8192)]


class Pong(_ClientFrame, frozen=True, kw_only=True, tag="pong"):
    """The answer to `ping`."""


ClientFrame = (
    Connect
    | PageView
    | Track
    | Identify
    | ClientState
    | Receipts
    | Inbox
    | Preferences
    | Refresh
    | Pong
)


class _NodeFrame(msgspec.Struct, frozen=True, kw_only=True, tag_field="type", omit_defaults=False):
    pass


class Heartbeat(msgspec.Struct, frozen=True, kw_only=True):
    """Seconds between pings, and how much longer a client waits before it gives up."""

    interval: int
    grace: int


class Limits(msgspec.Struct, frozen=True, kw_only=True):
    """What the client must keep to: bytes per frame, frames per second, receipts per frame."""

    frame_bytes: int
    frames_per_second: int
    receipts_per_frame: int = 100


class Welcome(_NodeFrame, frozen=True, kw_only=True, tag="welcome"):
    """A snapshot: what is not in `live` comes off the screen, what is new goes on.

    `now` is milliseconds since the epoch; `expires_at` (of the token) is RFC 3339 in UTC, as
    every `…_at` on the wire; `live` holds messages that were encoded before.
    """

    session: str
    user: str
    now: int
    heartbeat: Heartbeat
    expires_at: str
    live: list[Raw]
    unread: int = 0
    preferences: dict[str, Any] = {}
    limits: Limits


class MessageFrame(_NodeFrame, frozen=True, kw_only=True, tag="message"):
    """A message goes on (`show`) or changes in place (`update`)."""

    op: Literal["show", "update"]
    message: Raw


class Retract(_NodeFrame, frozen=True, kw_only=True, tag="retract"):
    """Off the screen, out of queues."""

    message: str
    revision: int
    reason: Literal[
        "retracted",
        "resolved",
        "expired",
        "superseded",
        "dismissed_elsewhere",
        "page",
        "audience",
        "capped",
    ]


class Unread(_NodeFrame, frozen=True, kw_only=True, tag="unread"):
    """The number on the bell."""

    count: int


class Sync(_NodeFrame, frozen=True, kw_only=True, tag="sync"):
    """A fresh snapshot on the same connection."""

    now: int
    live: list[Raw]
    unread: int = 0


class Reply(_NodeFrame, frozen=True, kw_only=True, tag="reply", omit_defaults=True):
    """The answer to a request; `expires_at` after a refresh."""

    id: str
    expires_at: str | UnsetType = UNSET
    traits: dict[str, Any] | UnsetType = UNSET


class Error(_NodeFrame, frozen=True, kw_only=True, tag="error", omit_defaults=True):
    """What was wrong with a frame, or why a request was refused."""

    code: str
    message: str
    id: str | UnsetType = UNSET
    retry_after: float | UnsetType = UNSET


class Ping(_NodeFrame, frozen=True, kw_only=True, tag="ping"):
    """Application level, since browsers hide WebSocket pings. `now` in epoch milliseconds."""

    now: int


class Reauth(_NodeFrame, frozen=True, kw_only=True, tag="reauth"):
    """Send `refresh` within so many seconds."""

    within: int


class Drain(_NodeFrame, frozen=True, kw_only=True, tag="drain"):
    """Finish within `within` ms, close, wait `reconnect_after` ms, dial again."""

    within: int
    reconnect_after: int


class Bye(_NodeFrame, frozen=True, kw_only=True, tag="bye"):
    """The close code again, sent first since proxies turn closes into 1006. `after` in ms."""

    code: int
    reason: str
    reconnect: bool
    after: int = 0


NodeFrame = (
    Welcome | MessageFrame | Retract | Unread | Sync | Reply | Error | Ping | Reauth | Drain | Bye
)
