"""The broker's interface. It hurries changes to the nodes; the store guarantees them.

At most once, in the publisher's order, never the truth: each envelope carries the live set's
revision, so a node that misses one sees the gap and reloads from the store.
"""

from collections.abc import Awaitable, Callable
from enum import StrEnum
from typing import Protocol

import msgspec

from gateway.model.message import Message


class Topic(StrEnum):
    """What an envelope is about."""

    MESSAGE = "message"
    MUTES = "mutes"
    DISMISSED = "dismissed"
    USER = "user"


class Envelope(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """One thing that happened, for every node.

    Args:
        live_revision: the live set's revision after the change; 0 when it is not about that.
        message: for MESSAGE: the new revision.
        user_id, message_id, revision, session: for DISMISSED: who dismissed what, and where.
        verb: for USER: `disconnect`, `revoke` or `block`, then `unblock`.
        token_id, before: for USER `revoke`: one token, or all issued before (epoch seconds).
    """

    topic: Topic
    node: str
    live_revision: int = 0
    message: Message | None = None
    user_id: str | None = None
    message_id: str | None = None
    revision: int = 0
    session: str | None = None
    verb: str | None = None
    token_id: str | None = None
    before: float | None = None


class Delivery(msgspec.Struct, frozen=True, kw_only=True):
    """What came of an envelope: sessions whose socket took a frame or was closed by it, and how
    many of the nodes answered."""

    sessions: int = 0
    nodes: int = 1
    answered: int = 1


Handler = Callable[[Envelope], Awaitable[Delivery]]


class Broker(Protocol):
    """Carries envelopes to every node, this one included."""

    async def start(self, handler: Handler) -> None:
        """Deliver to `handler` from now on, one envelope at a time, in order."""
        ...

    async def stop(self) -> None:
        """Deliver nothing more."""
        ...

    async def publish(self, envelope: Envelope) -> Delivery:
        """Hand the envelope to every node and return what those that answered did with it.

        Raises DependencyDown when it could not be handed on at all; the change itself is
        already durable, and nodes will find it in the store."""
        ...
