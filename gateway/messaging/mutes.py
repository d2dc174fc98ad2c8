"""The kill switch: mute a kind, or all kinds, on every screen within the second."""

from collections.abc import Sequence

from gateway.broker.base import Broker, Envelope, Topic
from gateway.clock import Clock
from gateway.errors import BadInput, DependencyDown, Fault
from gateway.log import get_logger
from gateway.messaging.live_set import MUTE_ALL, LiveSet
from gateway.messaging.whole import whole
from gateway.model.admin import Caller, Mute
from gateway.model.message import Kind
from gateway.store.base import Store


class Mutes:
    """What is muted. While a kind is muted its messages stay live but nobody sees them."""

    def __init__(
        self, store: Store, broker: Broker, live_set: LiveSet, clock: Clock, node_id: str
    ) -> None:
        self._store = store
        self._broker = broker
        self._live_set = live_set
        self._clock = clock
        self._node_id = node_id
        self._log = get_logger("gateway.mutes")

    @whole
    async def mute(self, caller: Caller, kind: str, reason: str | None = None) -> Mute:
        """Mute a kind, or `all`. Muting twice keeps the newer reason."""
        _check(kind)
        mute = Mute(kind=kind, at=self._clock.now(), by=caller.key.name, reason=reason)
        async with self._store.change(caller, "mute", kind, {"reason": reason}) as change:
            await change.put_mute(mute)
            revision = await change.raise_live_revision()
        await self._tell(revision)
        return mute

    @whole
    async def unmute(self, caller: Caller, kind: str) -> bool:
        """Unmute; False when it was not muted. What is still live comes back."""
        _check(kind)
        async with self._store.change(caller, "unmute", kind) as change:
            was_muted = await change.remove_mute(kind)
            revision = await change.raise_live_revision()
        await self._tell(revision)
        return was_muted

    def current(self) -> Sequence[Mute]:
        """What is muted now."""
        return tuple(self._live_set.mutes.values())

    async def _tell(self, revision: int) -> None:
        envelope = Envelope(topic=Topic.MUTES, node=self._node_id, live_revision=revision)
        try:
            await self._broker.publish(envelope)
        except DependencyDown as down:
            self._log.warning("mute_postponed", code=down.code)


def _check(kind: str) -> None:
    names = [*Kind, MUTE_ALL]
    if kind not in names:
        text = f"one of {', '.join(names)}"
        fault = Fault(pointer="/kind", detail=text, code="unknown_kind")
        raise BadInput(f"there is no such kind; {text}", faults=[fault])
