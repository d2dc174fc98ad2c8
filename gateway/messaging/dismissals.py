"""A dismissal takes the message off the user's other screens: on this node at once, on the others
through the broker. Durable as a receipt; here it is only hurried.
"""

from gateway.broker.base import Broker, Envelope, Topic
from gateway.messaging.live_set import LiveMessage
from gateway.messaging.node import Node
from gateway.sessions.session import Session


class Dismissals:
    """Dismissals that other nodes have not heard of."""

    def __init__(self, node: Node, broker: Broker, node_id: str) -> None:
        self._node = node
        self._broker = broker
        self._node_id = node_id
        self._waiting: list[Envelope] = []

    def note(self, session: Session, live: LiveMessage, revision: int) -> None:
        """The user of this session has dismissed a revision of the message."""
        self._node.take_from_user(live, session.user_id)
        self._waiting.append(
            Envelope(
                topic=Topic.DISMISSED,
                node=self._node_id,
                user_id=session.user_id,
                message_id=live.message.id,
                revision=revision,
                session=session.id,
            )
        )

    async def flush(self) -> None:
        """Tell the others. Raises DependencyDown after keeping what could not be told."""
        waiting, self._waiting = self._waiting, []
        while waiting:
            try:
                await self._broker.publish(waiting[0])
            except BaseException:
                self._waiting = waiting + self._waiting
                raise
            del waiting[0]
