"""What the HTTP edge calls: the use-cases, handed over by the composition root."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol

from gateway.clock import Clock
from gateway.identity.keys import Keys
from gateway.messaging.messages import LiveView, Messages
from gateway.messaging.mutes import Mutes
from gateway.messaging.people import People
from gateway.presence.base import Presence
from gateway.settings import Settings
from gateway.store.base import Store


class NodeStatus(Protocol):
    """How this node is."""

    @property
    def node_id(self) -> str:
        """This node's name."""
        ...

    @property
    def is_draining(self) -> bool:
        """True from the first signal to stop."""
        ...

    def stats(self) -> dict[str, int | float]:
        """`connections`, `sessions`, `users`, `live_messages`, `live_revision`, `uptime_seconds`
        and rates, for `GET /v1/stats`."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Services:
    """Everything an operation may call."""

    messages: Messages
    mutes: Mutes
    people: People
    presence: Presence
    keys: Keys
    store: Store
    node: NodeStatus
    settings: Settings
    clock: Clock
    live_view: Callable[[], LiveView]
