"""What clients say about messages: counted at once in memory, written to the store in batches.

A receipt counts only from a user who was sent the message, once per user and stage, and once per
session and stage; the rest is ignored, as PROTOCOL §2 says. A batch that the store refuses is
kept and tried again.
"""

import asyncio
from collections.abc import Callable, Sequence
from datetime import UTC, datetime

from gateway.clock import Clock
from gateway.errors import StoreUnavailable
from gateway.messaging.ledger import STAGE_COUNT, Ledger
from gateway.messaging.live_set import LiveMessage, LiveSet
from gateway.metrics import Metrics
from gateway.model.receipt import Receipt, Stage
from gateway.sessions.session import Session
from gateway.store.base import Sent, Store
from gateway.wire.frames import ReceiptLine

MOST_WAITING = 500_000
"""Receipts kept while the store is away (about 100 MB); the oldest fall off after that, counted."""

_STAGES = {str(stage): (stage, index) for index, stage in enumerate(Stage)}

Dismissed = Callable[[Session, LiveMessage, int], None]


class ReceiptBook:
    """All receipts of this node that are not in the store yet, and who waits for counts."""

    def __init__(self, live_set: LiveSet, store: Store, clock: Clock, metrics: Metrics) -> None:
        self._live_set = live_set
        self._store = store
        self._clock = clock
        self._metrics = metrics
        self._waiting: list[Receipt] = []
        self._sent: dict[str, Sent] = {}
        self._changed: set[str] = set()
        self._watchers: dict[str, set[asyncio.Event]] = {}
        self.on_dismissed: Dismissed | None = None

    # in

    def note_sent(self, live: LiveMessage, users: list[str]) -> None:
        """Sockets took the message: a user id for each."""
        if not users:
            return
        new = live.ledger.note_sent(users)
        self._metrics.note_sent(len(users))
        sent = self._sent.get(live.message.id)
        if sent is None:
            sent = self._sent[live.message.id] = Sent(users=[], sessions=0)
        sent.users += new
        sent.sessions += len(users)
        self._changed.add(live.message.id)

    def note_ended(self, live: LiveMessage) -> None:
        """The message has left; whoever watches its counts is told with the next flush."""
        self._changed.add(live.message.id)

    def record(self, session: Session, lines: Sequence[ReceiptLine]) -> None:
        """Take a batch from one session."""
        for line in lines:
            live = self._live_set.find(line.message)
            known = _STAGES.get(line.stage)
            if live is not None and known is not None:
                self._record_one(session, live, line, *known)

    def _record_one(
        self, session: Session, live: LiveMessage, line: ReceiptLine, stage: Stage, index: int
    ) -> None:
        # a session that holds the message may answer before its fan-out has come to the last one
        if not session.shown & live.bit and session.user_id not in live.ledger.sent_users:
            return
        bit = 1 << (live.slot * STAGE_COUNT + index)
        is_new_session = not session.acked & bit
        revision = min(line.revision, live.message.revision)
        if stage is Stage.DISMISSED:
            self._dismiss(session, live, revision)
        if not is_new_session:
            return
        session.acked |= bit
        live.ledger.note_ack(session.user_id, stage, is_new_session=True, reason=line.reason)
        self._waiting.append(self._receipt(session, live, line, stage, revision))
        self._note_change(live)

    def _dismiss(self, session: Session, live: LiveMessage, revision: int) -> None:
        session.shown &= ~live.bit
        if live.note_dismissed(session.user_id, revision) and self.on_dismissed is not None:
            self.on_dismissed(session, live, revision)

    def _receipt(
        self, session: Session, live: LiveMessage, line: ReceiptLine, stage: Stage, revision: int
    ) -> Receipt:
        return Receipt(
            message_id=live.message.id,
            user_id=session.user_id,
            stage=stage,
            revision=revision,
            at=self._moment(line.at, live),
            action=line.action,
            reason=line.reason,
        )

    def _moment(self, at: str | float | None, live: LiveMessage) -> datetime:
        """When it happened: the client's word, if it lies between the message and now."""
        now = self._clock.now()
        try:
            if isinstance(at, str):
                said = datetime.fromisoformat(at)
                said = said if said.tzinfo else said.replace(tzinfo=UTC)
            elif at is not None:
                said = datetime.fromtimestamp(at / 1000, UTC)
            else:
                return now
        except (ValueError, OverflowError, OSError):
            return now
        return said if live.message.created_at <= said <= now else now

    def _note_change(self, live: LiveMessage) -> None:
        self._changed.add(live.message.id)
        if live.ledger.is_all_received and live.message.id in self._watchers:
            self._wake(live.message.id)

    @staticmethod
    def bits_of(live: LiveMessage) -> int:
        """The bits that sessions keep for receipts of this message."""
        return ((1 << STAGE_COUNT) - 1) << (live.slot * STAGE_COUNT)

    # out

    async def flush(self) -> None:
        """Write what waits, in one transaction. Raises StoreUnavailable after putting it back."""
        waiting, self._waiting = self._waiting, []
        sent, self._sent = self._sent, {}
        for message_id in self._changed:
            self._wake(message_id)
        self._changed.clear()
        if not waiting and not sent:
            return
        try:
            await self._store.add_receipts(waiting, sent)
        except StoreUnavailable:
            self._put_back(waiting, sent)
            raise
        self._metrics.note_receipts(len(waiting))

    def _put_back(self, waiting: list[Receipt], sent: dict[str, Sent]) -> None:
        kept = waiting + self._waiting
        lost = max(0, len(kept) - MOST_WAITING)
        self._waiting = kept[lost:]
        self._metrics.receipts_lost.inc(lost)
        for message_id, newer in self._sent.items():
            older = sent.setdefault(message_id, Sent(users=[], sessions=0))
            older.users += newer.users
            older.sessions += newer.sessions
        self._sent = sent

    async def restore(self, live: LiveMessage) -> None:
        """Fill the ledger of a message that this node takes up."""
        message_id = live.message.id
        live.ledger = ledger = Ledger()
        acks = {stage: await self._store.users_at(message_id, stage) for stage in Stage}
        ledger.restore(
            await self._store.sent_users(message_id),
            await self._store.tallies(message_id),
            acks,
            await self._store.suppressions(message_id),
        )
        for user_id, revision in acks[Stage.DISMISSED].items():
            live.note_dismissed(user_id, revision)

    # watching

    def watch(self, message_id: str) -> asyncio.Event:
        """An event that is set whenever the counts of a message may have changed; give it back
        with `unwatch`."""
        event = asyncio.Event()
        self._watchers.setdefault(message_id, set()).add(event)
        return event

    def unwatch(self, message_id: str, event: asyncio.Event) -> None:
        """No longer interested."""
        watchers = self._watchers.get(message_id, set())
        watchers.discard(event)
        if not watchers:
            self._watchers.pop(message_id, None)

    def _wake(self, message_id: str) -> None:
        for event in self._watchers.get(message_id, ()):
            event.set()
