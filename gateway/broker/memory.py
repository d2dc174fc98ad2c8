"""The broker of a gateway with one node: a call in the same process."""

import asyncio

from gateway.broker.base import Broker, Delivery, Envelope, Handler


class MemoryBroker(Broker):
    """Hands each envelope to this node's handler, one after the other."""

    def __init__(self) -> None:
        self._handler: Handler | None = None
        self._turn = asyncio.Lock()

    async def start(self, handler: Handler) -> None:
        self._handler = handler

    async def stop(self) -> None:
        self._handler = None

    async def publish(self, envelope: Envelope) -> Delivery:
        async with self._turn:
            if self._handler is None:
                return Delivery(nodes=0, answered=0)
            return await self._handler(envelope)
