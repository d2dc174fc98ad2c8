"""The life of a message: create, publish, change, pause, retract; what is live and how far it came.

Every change is decided by `lifecycle` (policy, states), made durable by the store in one
transaction with its audit line, and only then handed to the broker.
"""

import asyncio
from collections.abc import AsyncIterator, Callable, Mapping
from datetime import timedelta
from typing import Any

import msgspec

from gateway.broker.base import Broker, Delivery, Envelope, Topic
from gateway.clock import Clock
from gateway.errors import Conflict, DependencyDown, GatewayError, NotFound, Refused
from gateway.log import get_logger
from gateway.messaging import lifecycle
from gateway.messaging.drafts import IncidentDraft, MessageDraft, MessagePatch
from gateway.messaging.ledger import reach_of
from gateway.messaging.live_set import LiveSet
from gateway.messaging.receipts import ReceiptBook
from gateway.messaging.system import system_caller
from gateway.messaging.whole import whole
from gateway.metrics import Metrics
from gateway.model.admin import Caller
from gateway.model.message import Kind, Message, State
from gateway.model.receipt import Reach
from gateway.presence.base import Presence
from gateway.store.base import Change, Page, Store
from rules.policy import BannerPolicy

_SHORTEST_GAP = 0.25
"""Seconds between two answers of one reach stream."""


class Published(msgspec.Struct, frozen=True, kw_only=True):
    """A message after a change, and how far it has come."""

    message: Message
    reach: Reach


class Messages:
    """Every operation on messages. Raises BadInput with all faults at once, Refused for a breach of
    policy or lifecycle, NotFound, Conflict for a stale `if_match`, StoreUnavailable."""

    def __init__(
        self,
        *,
        store: Store,
        broker: Broker,
        presence: Presence,
        live_set: LiveSet,
        book: ReceiptBook,
        clock: Clock,
        metrics: Metrics,
        policy: BannerPolicy,
        linger: timedelta,
        node_id: str,
    ) -> None:
        self._store = store
        self._broker = broker
        self._presence = presence
        self._live_set = live_set
        self._book = book
        self._clock = clock
        self._metrics = metrics
        self._policy = policy
        self._linger = linger
        self._node_id = node_id
        self._log = get_logger("gateway.messages")

    # changes

    @whole
    async def create(self, caller: Caller, draft: MessageDraft) -> Published:
        """Make a message; with `state=live` it is on every screen that it is for when this
        returns."""
        message = self._begin(caller, draft)
        with self._metrics.publish.time():
            live_revision = 0
            async with self._store.change(caller, "message.create", message.id) as change:
                await change.put_message(message)
                if message.state is State.LIVE:
                    live_revision = await change.raise_live_revision()
            await self._spread(message, live_revision)
        return await self._published(message)

    async def preview(self, caller: Caller, draft: MessageDraft) -> Published:
        """What `create` would do, with the same refusals; changes and sends nothing."""
        message = self._begin(caller, draft)
        return Published(message=message, reach=await self._reach_of(message))

    def _begin(self, caller: Caller, draft: MessageDraft) -> Message:
        message = lifecycle.begin(draft, caller.key, self._clock.now(), self._policy)
        if message.state is State.LIVE:
            self._check_room()
        return message

    def _check_room(self) -> None:
        """A screen full of banners is read by nobody (T65)."""
        most = self._policy.most_live
        if len(self._live_set.messages) >= most:
            text = f"{most} messages are live already; end one first"
            raise Refused(text, code="too_many_live")

    async def patch(
        self, caller: Caller, message_id: str, patch: MessagePatch, if_match: int | None = None
    ) -> Published:
        """Make a new revision; shown copies change in place. `if_match` is the revision that the
        caller has seen; another newest revision is a Conflict with code `precondition_failed`."""

        def decide(message: Message) -> Message:
            return lifecycle.change(
                message, patch, caller.key, self._clock.now(), self._policy, self._linger
            )

        return await self._change(caller, "message.patch", message_id, if_match, decide)

    async def publish(
        self,
        caller: Caller,
        message_id: str,
        reason: str | None = None,
        if_match: int | None = None,
    ) -> Published:
        """Draft, review or paused → live."""
        self._check_room()
        return await self._move(
            caller, "message.publish", message_id, State.LIVE, if_match, detail=_why(reason)
        )

    async def pause(
        self,
        caller: Caller,
        message_id: str,
        reason: str | None = None,
        if_match: int | None = None,
    ) -> Published:
        """Live → paused: off all screens, may be published again."""
        return await self._move(
            caller, "message.pause", message_id, State.PAUSED, if_match, detail=_why(reason)
        )

    async def retract(
        self,
        caller: Caller,
        message_id: str,
        reason: str | None = None,
        if_match: int | None = None,
    ) -> Published:
        """→ ended: off all screens and never again. Ending an ended message changes nothing."""
        known = await self._existing(message_id)
        if known.state is State.ENDED:
            return await self._published(known)
        return await self._move(
            caller,
            "message.retract",
            message_id,
            State.ENDED,
            if_match,
            "retracted",
            _why(reason),
        )

    async def _move(
        self,
        caller: Caller,
        action: str,
        message_id: str,
        state: State,
        if_match: int | None,
        reason: str | None = None,
        detail: Mapping[str, Any] | None = None,
    ) -> Published:
        def decide(message: Message) -> Message:
            now = self._clock.now()
            return lifecycle.move(message, state, caller.key, now, self._policy, reason)

        return await self._change(caller, action, message_id, if_match, decide, detail)

    @whole
    async def _change(
        self,
        caller: Caller,
        action: str,
        message_id: str,
        if_match: int | None,
        decide: Callable[[Message], Message],
        detail: Mapping[str, Any] | None = None,
    ) -> Published:
        with self._metrics.publish.time():
            async with self._store.change(caller, action, message_id, detail) as change:
                before = await self._expected(change, message_id, if_match)
                message = decide(before)
                await change.put_message(message)
                live_revision = 0
                if State.LIVE in (before.state, message.state):
                    live_revision = await change.raise_live_revision()
            await self._spread(message, live_revision)
        return await self._published(message)

    @staticmethod
    async def _expected(change: Change, message_id: str, if_match: int | None) -> Message:
        message = await change.message(message_id)
        if message is None:
            raise NotFound(f"there is no message {message_id}", code="message_not_found")
        if if_match is not None and if_match != message.revision:
            text = (
                f"the message is at revision {message.revision} by now, changed by"
                f" {message.updated_by}; read it again, then repeat your change"
            )
            raise Conflict(text, code="precondition_failed")
        return message

    async def _spread(self, message: Message, live_revision: int) -> Delivery:
        """Tell the nodes about a change of the live set. It is durable already: when the broker
        is away the nodes find it in the store, so that is no failure of the call."""
        if not live_revision:
            return Delivery()
        envelope = Envelope(
            topic=Topic.MESSAGE, node=self._node_id, live_revision=live_revision, message=message
        )
        try:
            return await self._broker.publish(envelope)
        except DependencyDown as down:
            self._log.warning("publish_postponed", message=message.id, code=down.code)
            return Delivery(answered=0)

    async def end_overdue(self, message: Message, reason: str) -> None:
        """Make durable what the clock has done: a message whose end has come is ended."""
        caller = system_caller(self._clock.now())
        try:
            await self._move(
                caller, "message.end", message.id, State.ENDED, message.revision, reason
            )
        except (Conflict, NotFound, Refused):
            return  # somebody else changed or ended it first
        except GatewayError as error:
            self._log.warning("end_postponed", message=message.id, code=error.code)

    # answers

    async def get(self, message_id: str) -> Published:
        """The newest revision with its reach."""
        return await self._published(await self._existing(message_id))

    async def _existing(self, message_id: str) -> Message:
        message = await self._store.message(message_id)
        if message is None:
            raise NotFound(f"there is no message {message_id}", code="message_not_found")
        return message

    async def _published(self, message: Message) -> Published:
        return Published(message=message, reach=await self._reach_of(message))

    async def revisions(self, message_id: str) -> tuple[Message, ...]:
        """All revisions, oldest first."""
        revisions = tuple(await self._store.revisions(message_id))
        if not revisions:
            raise NotFound(f"there is no message {message_id}", code="message_not_found")
        return revisions

    async def find(
        self,
        *,
        state: State | None = None,
        kind: Kind | None = None,
        tag: str | None = None,
        cursor: str | None = None,
        limit: int = 50,
    ) -> Page:
        """Newest first; `Page.data` holds Published."""
        page = await self._store.messages(
            state=state, kind=kind, tag=tag, cursor=cursor, limit=limit
        )
        data = [await self._published(message) for message in page.data]
        return Page(data=tuple(data), next_cursor=page.next_cursor)

    async def receipts(self, message_id: str, *, cursor: str | None, limit: int) -> Page:
        """Per user and stage; `Page.data` holds Receipt."""
        await self._existing(message_id)
        return await self._store.receipts(message_id, cursor=cursor, limit=limit)

    async def audit(self, *, target: str | None, cursor: str | None, limit: int) -> Page:
        """Who changed what, newest first; `Page.data` holds AuditEntry."""
        return await self._store.audit(target=target, cursor=cursor, limit=limit)

    # reach

    async def reach(self, message_id: str) -> Reach:
        """Counts as of now, those not flushed yet included."""
        return await self._reach_of(await self._existing(message_id))

    async def _reach_of(self, message: Message) -> Reach:
        live = self._live_set.find(message.id)
        if live is not None:
            tallies, suppressed = live.ledger.tallies(), dict(live.ledger.suppressed)
        else:
            tallies = await self._store.tallies(message.id)
            suppressed = dict(await self._store.suppressions(message.id))
        muted = message.state is State.LIVE and self._live_set.is_muted(message.kind)
        return reach_of(tallies, suppressed, online=self._presence.online(), muted=muted)

    async def watch_reach(self, message_id: str) -> AsyncIterator[Reach]:
        """The reach now, then again whenever it has changed, at most four times a second; ends
        when the message has ended and nothing more is to come."""
        message = await self._existing(message_id)
        event = self._book.watch(message_id)
        last: Reach | None = None
        try:
            while True:
                event.clear()
                has_ended = message_id not in self._live_set.messages
                reach = await self._reach_of(message)
                if reach != last:
                    yield reach
                last = reach
                if has_ended:
                    return
                await asyncio.sleep(_SHORTEST_GAP)
                await event.wait()
        finally:
            self._book.unwatch(message_id, event)

    async def wait_received(self, message_id: str, seconds: float) -> Reach:
        """The reach once every session that was sent the message has said `received`, or after
        `seconds`, whichever comes first."""
        message = await self._existing(message_id)
        live = self._live_set.find(message_id)
        event = self._book.watch(message_id)
        try:
            async with asyncio.timeout(seconds):
                while live is not None and not live.ledger.is_all_received:
                    event.clear()
                    await event.wait()
        except TimeoutError:
            pass
        finally:
            self._book.unwatch(message_id, event)
        return await self._reach_of(message)


def _why(reason: str | None) -> Mapping[str, Any] | None:
    """The operator's own word on a change, for the audit trail."""
    return {"reason": reason} if reason else None


class LiveView(msgspec.Struct, frozen=True, kw_only=True):
    """The anonymous live set (`GET /v1/public/banners`): its revision, and messages as on the wire,
    without those that are for certain users only."""

    revision: int
    messages: tuple[msgspec.Raw, ...]


__all__ = [
    "IncidentDraft",
    "LiveView",
    "MessageDraft",
    "MessagePatch",
    "Messages",
    "Published",
]
