"""This node's share of the truth: what it does when the live set, a user or a mute changes.

Envelopes and the passing of time arrive here, one after the other; what leaves are frames to the
sessions of this node. It asks the store only to load; it never decides what may be published.
"""

import asyncio
from collections.abc import Awaitable, Callable, Coroutine, Mapping
from datetime import datetime

from msgspec import Raw

from gateway.broker.base import Delivery, Envelope, Topic
from gateway.clock import Clock
from gateway.identity.restrictions import Restrictions
from gateway.messaging.live_set import LiveMessage, LiveSet
from gateway.messaging.receipts import ReceiptBook
from gateway.metrics import Metrics
from gateway.model.message import Message, State
from gateway.sessions.hub import Hub
from gateway.sessions.session import Session
from gateway.sessions.timing_wheel import TimingWheel
from gateway.store.base import Store
from gateway.wire import frames, prepared
from gateway.wire.close_codes import CloseCode

TOMBSTONE_SECONDS = 3_600.0
"""How long receipts of an ended message still count: clients keep theirs over an outage."""

VERBS: Mapping[str, CloseCode] = {
    "disconnect": CloseCode.DISCONNECTED,
    "revoke": CloseCode.TOKEN_REVOKED,
    "block": CloseCode.BLOCKED,
}

Overdue = Callable[[Message, str], Awaitable[None]]


class Node:
    """Applies every change to this node's live set and to the screens of its sessions."""

    def __init__(
        self,
        *,
        hub: Hub,
        live_set: LiveSet,
        book: ReceiptBook,
        store: Store,
        restrictions: Restrictions,
        wheel: TimingWheel,
        clock: Clock,
        metrics: Metrics,
    ) -> None:
        self.hub = hub
        self.live_set = live_set
        self._book = book
        self._store = store
        self._restrictions = restrictions
        self._wheel = wheel
        self._clock = clock
        self._metrics = metrics
        self._turn = asyncio.Lock()
        self._tasks: set[asyncio.Task[None]] = set()
        self.on_overdue: Overdue | None = None
        """Told about a message whose time is over, to make that durable."""

    # loading

    async def load(self) -> None:
        """Take over the live set from the store, and repair every screen that differs."""
        async with self._turn:
            await self._load()

    async def _load(self) -> None:
        state = await self._store.live_state()
        for message in state.messages:
            known = self.live_set.find(message.id)
            live = self.live_set.put(message)
            if live is not None and known is None:
                await self._book.restore(live)
            if live is not None:
                self._watch(live)
        kept = {message.id for message in state.messages}
        for message_id in [m for m in self.live_set.messages if m not in kept]:
            await self._end(await self._newest(message_id))
        self.live_set.set_mutes(state.mutes)
        self.live_set.revision = state.revision
        await self.sync_all()

    async def _newest(self, message_id: str) -> Message:
        message = await self._store.message(message_id)
        return message or self.live_set.messages[message_id].message

    # envelopes

    async def handle(self, envelope: Envelope) -> Delivery:
        """Do what an envelope says; a gap in revisions is repaired from the store first."""
        async with self._turn:
            if self._is_gap(envelope):
                await self._load()
            return await self._HANDLERS[envelope.topic](self, envelope)

    def _is_gap(self, envelope: Envelope) -> bool:
        revision = envelope.live_revision
        if not revision:
            return False
        is_gap = revision > self.live_set.revision + 1
        self.live_set.revision = max(self.live_set.revision, revision)
        return is_gap

    async def _on_message(self, envelope: Envelope) -> Delivery:
        message = envelope.message
        if message is None:
            return Delivery()
        if message.state is not State.LIVE:
            return await self._end(message)
        live = self.live_set.put(message)
        if live is None:
            return Delivery()
        self._watch(live)
        return await self._spread(live)

    async def _on_mutes(self, _envelope: Envelope) -> Delivery:
        state = await self._store.live_state()
        self.live_set.set_mutes(state.mutes)
        sessions = await self.sync_all()
        return Delivery(sessions=sessions)

    async def _on_dismissed(self, envelope: Envelope) -> Delivery:
        live = self.live_set.find(envelope.message_id or "")
        user_id = envelope.user_id or ""
        if live is None or not live.note_dismissed(user_id, envelope.revision):
            return Delivery()
        count = self.take_from_user(live, user_id)
        return Delivery(sessions=count)

    async def _on_user(self, envelope: Envelope) -> Delivery:
        user_id, verb = envelope.user_id or "", envelope.verb or ""
        self._restrictions.apply(envelope)
        code = VERBS.get(verb)
        sessions = self.hub.sessions_of(user_id) if code is not None else ()
        if envelope.token_id is not None:
            sessions = [s for s in sessions if s.token_id == envelope.token_id]
        for session in sessions:
            if code is not None:
                session.close(code)
        return Delivery(sessions=len(sessions))

    _HANDLERS: Mapping[Topic, Callable[["Node", Envelope], Awaitable[Delivery]]] = {
        Topic.MESSAGE: _on_message,
        Topic.MUTES: _on_mutes,
        Topic.DISMISSED: _on_dismissed,
        Topic.USER: _on_user,
    }

    # screens

    async def _spread(self, live: LiveMessage) -> Delivery:
        """Bring every session to the newest revision: off where it no longer belongs, changed
        where it is, on where it is new."""
        if not self.live_set.is_visible(live, self._clock.now()):
            # not for good, so that the same revision may be shown when its time has come
            return Delivery(sessions=await self._retract(live, "audience"))
        with self._metrics.fan_out.time():
            if live.ledger.sent_sessions:
                await self._settle(live)
            return await self._show(live)

    async def _settle(self, live: LiveMessage) -> None:
        if live.pages is not None:
            await self._retract(live, "page", lambda session: not live.is_for(session))
        await self.hub.fan_out(
            lambda encoding, locale: live.frame("update", encoding, locale),
            live.message.id,
            live.bit,
            holding=True,
            flip=False,
        )

    async def _show(self, live: LiveMessage) -> Delivery:
        if live.is_over:
            return Delivery()
        is_for_all = live.pages is None and not live.dismissed
        taken = await self.hub.fan_out(
            lambda encoding, locale: live.frame("show", encoding, locale),
            live.message.id,
            live.bit,
            holding=False,
            flip=True,
            wanted=None if is_for_all else live.is_for,
        )
        self._book.note_sent(live, taken.users)
        return Delivery(sessions=taken.sessions)

    async def _retract(
        self, live: LiveMessage, reason: str, wanted: Callable[[Session], bool] | None = None
    ) -> int:
        frame = self._retraction(live, reason)
        taken = await self.hub.fan_out(
            lambda encoding, _locale: frame.get(encoding),
            live.message.id,
            live.bit,
            holding=True,
            flip=True,
            wanted=wanted,
        )
        return taken.sessions

    @staticmethod
    def _retraction(live: LiveMessage, reason: str) -> prepared.PreparedFrames:
        return prepared.PreparedFrames.of(
            frames.Retract(
                message=live.message.id,
                revision=live.message.revision,
                reason=reason,  # type: ignore[arg-type]  # checked by the callers' tables
            )
        )

    def take_from_user(self, live: LiveMessage, user_id: str) -> int:
        """Take the message off the user's screens that still hold it; how many did."""
        frame = self._retraction(live, "dismissed_elsewhere")
        holders = [s for s in self.hub.sessions_of(user_id) if s.shown & live.bit]
        for session in holders:
            session.shown &= ~live.bit
            session.link.write(frame.get(session.link.encoding), live.message.id)
        return len(holders)

    def turn_page(self, session: Session) -> None:
        """The session is on another page: show what belongs there, take off what does not."""
        held = self.live_set.held_by(session, self._clock.now())
        if held == session.shown & self._live_bits():
            return
        for live in tuple(self.live_set.messages.values()):
            if live.pages is not None:
                self._settle_one(session, live, bool(held & live.bit))

    def _settle_one(self, session: Session, live: LiveMessage, belongs: bool) -> None:
        holds = bool(session.shown & live.bit)
        if belongs == holds:
            return
        encoding = session.link.encoding
        if belongs:
            frame = live.frame("show", encoding, session.locale)
        else:
            frame = self._retraction(live, "page").get(encoding)
        if session.link.write(frame, live.message.id):
            session.shown ^= live.bit
            if belongs:
                self.note_shown(session, live.bit)

    def _live_bits(self) -> int:
        bits = 0
        for live in self.live_set.messages.values():
            bits |= live.bit
        return bits

    # snapshots

    def snapshot_for(self, session: Session) -> tuple[list[Raw], int]:
        """The live set of this session, which it holds from now on, and the bits of what is new to
        it: for `note_shown`, once the snapshot is written."""
        held = self.live_set.held_by(session, self._clock.now())
        new, session.shown = held & ~session.shown, held
        return self.live_set.snapshot(held, session.link.encoding, session.locale), new

    def sync(self, session: Session) -> None:
        """Send the session a fresh snapshot."""
        live, new = self.snapshot_for(session)
        session.send(frames.Sync(now=int(self._clock.now().timestamp() * 1000), live=live), "sync")
        self.note_shown(session, new)

    def drained(self, session: Session, lost: bool) -> None:
        """What waited for the session is out, and counts as sent if it still holds it; or frames
        were lost, and a snapshot brings it up to date."""
        waited, session.waiting = session.waiting & session.shown, 0
        if lost:
            session.shown &= ~waited
            self.sync(session)
        else:
            self.note_shown(session, waited)

    def note_shown(self, session: Session, bits: int) -> None:
        """Messages were written to one session: they are sent, unless they wait in its link."""
        if not bits:
            return
        if session.link.waits:
            session.waiting |= bits
            return
        for live in self.live_set.messages.values():
            if live.bit & bits:
                self._book.note_sent(live, [session.user_id])

    async def sync_all(self) -> int:
        """Repair every session that holds something else than it should; how many did."""
        count = 0
        now = self._clock.now()
        for index, session in enumerate(self.hub):
            if session.shown != self.live_set.held_by(session, now):
                self.sync(session)
                count += 1
            if index % 1_000 == 999:
                await asyncio.sleep(0)
        return count

    # time

    async def _end(self, message: Message, reason: str | None = None) -> Delivery:
        live = self.live_set.end(message)
        if live is None:
            return Delivery()
        self._book.note_ended(live)
        word = reason or message.ended_reason
        sessions = await self._retract(live, word if word in _SHOWN_REASONS else "retracted")
        self._wheel.schedule(TOMBSTONE_SECONDS, lambda: self._forget(message.id))
        return Delivery(sessions=sessions)

    def _forget(self, message_id: str) -> None:
        live = self.live_set.forget(message_id)
        if live is None:
            return
        receipts = self._book.bits_of(live)
        for session in self.hub:
            session.shown &= ~live.bit
            session.acked &= ~receipts

    def _watch(self, live: LiveMessage) -> None:
        """Have start and end take effect without any other event."""
        message, now = live.message, self._clock.now()
        for moment in (message.starts_at, message.expires_at):
            if moment is not None and moment > now:
                self._at(moment, now, message)
        if message.expires_at is not None and message.expires_at <= now:
            self._spawn(self._time_came(message))

    def _at(self, moment: datetime, now: datetime, message: Message) -> None:
        delay = (moment - now).total_seconds()
        self._wheel.schedule(delay, lambda: self._spawn(self._time_came(message)))

    async def _time_came(self, message: Message) -> None:
        async with self._turn:
            live = self.live_set.messages.get(message.id)
            if live is None or live.message.revision != message.revision:
                return
            now = self._clock.now()
            if message.expires_at is None or now < message.expires_at:
                if message.expires_at is not None:
                    self._at(message.expires_at, now, message)
                await self._spread(live)
                return
            reason = "resolved" if live.is_over else "expired"
            await self._end(message, reason)
        if self.on_overdue is not None:
            await self.on_overdue(message, reason)

    def _spawn(self, work: Coroutine[None, None, None]) -> None:
        task = asyncio.create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._finished)

    def _finished(self, task: "asyncio.Task[None]") -> None:
        self._tasks.discard(task)
        if not task.cancelled() and (error := task.exception()) is not None:
            self._metrics.note_error("node", error)

    async def settled(self) -> None:
        """Wait until everything that time has set off is done."""
        while self._tasks:
            await asyncio.wait(self._tasks)

    async def stop(self) -> None:
        """Let go of what is still running."""
        for task in tuple(self._tasks):
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)


_SHOWN_REASONS = frozenset({"retracted", "resolved", "expired", "superseded"})
