"""What the HTTP edge calls: the use-cases, handed over by the composition root."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Protocol

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

    async def wait_draining(self) -> None:
        """Return once the node has begun to drain; streams end then."""
        ...

    def stats(self) -> dict[str, int | float]:
        """`connections`, `sessions`, `users`, `live_messages`, `live_revision`, `uptime_seconds`
        and rates, for `GET /v1/stats`."""
        ...


def _observe_nothing(operation: str, status: int, seconds: float) -> None:
    del operation, status, seconds


@dataclass(frozen=True, slots=True, kw_only=True)
class Services:
    """Everything an operation may call.

    Args:
        render_metrics: all metrics in Prometheus' text format, for `GET /metrics`.
        observe: told of each answer: operation id (`none` for unknown paths), status, seconds until
            it was ready.
        demo: for `GET /demo/config.json`: what the demo page needs, keys and tokens included;
            None outside of `gateway dev`, and then there is no demo at all.
    """

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
    render_metrics: Callable[[], bytes] = bytes
    observe: Callable[[str, int, float], None] = _observe_nothing
    demo: Callable[[], Mapping[str, Any]] | None = None
