"""The core, put together: everything between the edges, over any store, broker and presence.

Knows the use-cases and the sessions; never an edge. Tests use it without a socket.
"""

from collections.abc import Callable
from datetime import timedelta

from gateway.broker.base import Broker
from gateway.clock import Clock
from gateway.cluster.drain import Drain
from gateway.identity.restrictions import Restrictions
from gateway.messaging.attendance import Attendance
from gateway.messaging.dismissals import Dismissals
from gateway.messaging.flusher import Flusher
from gateway.messaging.live_set import LiveSet
from gateway.messaging.messages import LiveView, Messages
from gateway.messaging.mutes import Mutes
from gateway.messaging.node import Node
from gateway.messaging.people import People
from gateway.messaging.rates import Rates
from gateway.messaging.receipts import ReceiptBook
from gateway.messaging.reception import Reception, Verifier
from gateway.messaging.traits import TraitBook
from gateway.metrics import Metrics
from gateway.presence.base import Presence
from gateway.sessions.hub import Hub
from gateway.sessions.link import Link
from gateway.sessions.session import Context, Session, Timing
from gateway.sessions.timing_wheel import TimingWheel
from gateway.settings import Settings
from gateway.store.base import Store
from gateway.wire.frames import Heartbeat, Limits
from rules.policy import BannerPolicy


class Core:
    """One node's sessions and use-cases. `start` before use, `stop` at the end."""

    def __init__(
        self,
        settings: Settings,
        *,
        node_id: str,
        store: Store,
        broker: Broker,
        make_presence: Callable[[Hub, Store], Presence],
        verifier: Verifier,
        clock: Clock,
    ) -> None:
        self.settings = settings
        self.node_id = node_id
        self.clock = clock
        self.store = store
        self.broker = broker
        self.metrics = Metrics()
        self.hub = Hub()
        self.presence = make_presence(self.hub, store)
        self.live_set = LiveSet(allow_http=settings.dev)
        self.wheel = TimingWheel(
            clock.monotonic, lambda error: self.metrics.note_error("wheel", error)
        )
        self.restrictions = Restrictions(clock, settings.token_max_lifetime)
        self.book = ReceiptBook(self.live_set, store, clock, self.metrics)
        self.attendance = Attendance(self.presence)
        self.traits = TraitBook(store, settings.client_traits)
        self.drain = Drain(self.hub, over=settings.drain_over, grace=settings.drain_grace)
        self.node = self._make_node()
        self.dismissals = Dismissals(self.node, broker, node_id)
        self.book.on_dismissed = self.dismissals.note
        books = (self.book, self.attendance, self.traits, self.dismissals)
        self.flusher = Flusher(books, settings.receipts_flush, self.metrics)
        self.messages = self._make_messages()
        self.node.on_overdue = self.messages.end_overdue
        self.mutes = Mutes(store, broker, self.live_set, clock, node_id)
        self.people = People(store, broker, self.restrictions, clock, node_id)
        self._context = self._make_context(verifier)
        self._started_at = clock.monotonic()
        self.count_connections: Callable[[], int] = lambda: self.hub.session_count
        """Set by who knows of connections that have not said who they are."""
        self._rates = self._make_rates()

    def _make_rates(self) -> Rates:
        metrics = self.metrics
        return Rates(
            {
                "connects": lambda: metrics.connect_count,
                "sent": lambda: metrics.sent_count,
                "receipts": lambda: metrics.receipt_count,
            }
        )

    def _make_node(self) -> Node:
        return Node(
            hub=self.hub,
            live_set=self.live_set,
            book=self.book,
            store=self.store,
            restrictions=self.restrictions,
            wheel=self.wheel,
            clock=self.clock,
            metrics=self.metrics,
        )

    def _make_messages(self) -> Messages:
        return Messages(
            store=self.store,
            broker=self.broker,
            presence=self.presence,
            live_set=self.live_set,
            book=self.book,
            clock=self.clock,
            metrics=self.metrics,
            policy=BannerPolicy(),
            linger=timedelta(seconds=self.settings.resolved_linger),
            node_id=self.node_id,
        )

    def _make_context(self, verifier: Verifier) -> Context:
        settings = self.settings
        reception = Reception(
            node=self.node,
            verifier=verifier,
            restrictions=self.restrictions,
            attendance=self.attendance,
            book=self.book,
            traits=self.traits,
            admission=settings,
            heartbeat=Heartbeat(
                interval=settings.heartbeat_interval, grace=settings.heartbeat_grace
            ),
            limits=Limits(
                frame_bytes=settings.max_frame_bytes,
                frames_per_second=int(settings.max_frames_per_second),
            ),
            clock=self.clock,
            metrics=self.metrics,
        )
        timing = Timing(
            connect=settings.connect_timeout,
            interval=settings.heartbeat_interval,
            grace=settings.heartbeat_grace,
            reauth=settings.reauth_within,
            lifetime=settings.max_lifetime,
            frames_per_second=settings.max_frames_per_second,
            burst=settings.frames_burst,
        )
        return Context(reception, self.wheel, timing, lambda: self.clock.now().timestamp())

    def open_session(self, link: Link, token: str | None) -> Session:
        """A session for a new connection."""
        return Session(self._context, link, token)

    async def start(self) -> None:
        """Take over what the store knows, then listen to the broker."""
        await self.restrictions.load(self.store)
        await self.node.load()
        await self.broker.start(self.node.handle)
        self._sample_rates()

    def _sample_rates(self) -> None:
        self._rates.sample()
        self.wheel.schedule(1.0, self._sample_rates)

    async def stop(self) -> None:
        """Write what is still in memory, and let go."""
        await self.broker.stop()
        await self.node.stop()
        await self.flusher.flush()

    # how this node is

    @property
    def is_draining(self) -> bool:
        """True from the first signal to stop."""
        return self.drain.is_draining

    async def wait_draining(self) -> None:
        """Return once the node has begun to drain."""
        await self.drain.wait_begun()

    def live_view(self) -> LiveView:
        """What anybody may see."""
        live = self.live_set
        return LiveView(revision=live.revision, messages=live.public(self.clock.now()))

    def stats(self) -> dict[str, int | float]:
        """Counts of this node."""
        return {
            "connections": self.count_connections(),
            "sessions": self.hub.session_count,
            "users": self.hub.user_count,
            "live_messages": len(self.live_set.messages),
            "live_revision": self.live_set.revision,
            "uptime_seconds": round(self.clock.monotonic() - self._started_at, 3),
        } | self._rates.per_second()
