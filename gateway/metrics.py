"""Metrics of one node, for Prometheus. The names are a contract: docs/operations.md lists them,
and a test holds the two together. Low cardinality only: never a user, a message or a page.
"""

from collections.abc import Callable, Iterator, Mapping

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, generate_latest
from prometheus_client.core import CounterMetricFamily
from prometheus_client.registry import Collector

from gateway.log import get_logger

CONTENT_TYPE = "text/plain; version=0.0.4; charset=utf-8"

_FAN_OUT_SECONDS = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5)


class _KeptElsewhere(Collector):
    """A counter over a mapping of label → value that somebody else raises."""

    def __init__(self, name: str, text: str, label: str, counts: Mapping[str, int]) -> None:
        self._name, self._text, self._label, self._counts = name, text, label, counts

    def collect(self) -> Iterator[CounterMetricFamily]:
        family = CounterMetricFamily(self._name, self._text, labels=[self._label])
        for value, count in self._counts.items():
            family.add_metric([value], count)
        yield family


class Metrics:
    """Every metric of this node. Counters are raised per batch or per fan-out, not per frame."""

    def __init__(self) -> None:
        self.registry = CollectorRegistry()
        self._log = get_logger("gateway.metrics")
        self.connect_count = self.sent_count = self.receipt_count = 0
        """The same as the counters below, where they are read each second."""
        self.fan_out = self._histogram(
            "gateway_fan_out_seconds", "From an envelope to the last write of its fan-out."
        )
        self.publish = self._histogram(
            "gateway_publish_seconds",
            "From an accepted change, its durable write included, to the last write.",
        )
        self.sent = self._counter("gateway_messages_sent", "Messages taken by sockets.")
        self.connects = self._labelled("gateway_connects", "Connect frames by outcome.", "outcome")
        self.closes = self._labelled("gateway_closes", "Sessions closed, by close code.", "code")
        self.receipts = self._counter("gateway_receipts", "Receipts written to the store.")
        self.receipts_lost = self._counter(
            "gateway_receipts_lost", "Receipts dropped because the store was away too long."
        )
        self.slow = self._counter(
            "gateway_slow_connections", "Connections whose waiting frames were dropped."
        )
        self.requests = Histogram(
            "gateway_http_seconds",
            "From a request's head to the end of its answer.",
            ["operation", "status"],
            registry=self.registry,
            buckets=_FAN_OUT_SECONDS,
        )
        self.store_errors = self._counter(
            "gateway_store_errors", "Batches that the store did not take at once."
        )
        self.errors = self._labelled(
            "gateway_errors", "Unexpected errors, by the room they came from.", "room"
        )
        self._connects = {
            name: self.connects.labels(name) for name in ("welcomed", "refused", "loading")
        }

    def _histogram(self, name: str, text: str) -> Histogram:
        return Histogram(name, text, registry=self.registry, buckets=_FAN_OUT_SECONDS)

    def _counter(self, name: str, text: str) -> Counter:
        return Counter(name, text, registry=self.registry)

    def _labelled(self, name: str, text: str, label: str) -> Counter:
        return Counter(name, text, [label], registry=self.registry)

    def gauge(self, name: str, text: str, read: Callable[[], float]) -> None:
        """Add a gauge that is read when somebody asks."""
        Gauge(name, text, registry=self.registry).set_function(read)

    def counters_of(self, name: str, text: str, label: str, counts: Mapping[str, int]) -> None:
        """Add a counter whose values somebody else keeps, by label."""
        self.registry.register(_KeptElsewhere(name, text, label, counts))

    def note_request(self, operation: str, status: int, seconds: float) -> None:
        """Time an HTTP answer."""
        self.requests.labels(operation, f"{status // 100}xx").observe(seconds)

    def note_connect(self, outcome: str) -> None:
        """Count a connect frame: `welcomed`, `refused` or `loading` (keys are being fetched)."""
        self._connects[outcome].inc()
        self.connect_count += outcome == "welcomed"

    def note_close(self, code: str) -> None:
        """Count a session's end by its close code, or `other`."""
        self.closes.labels(code).inc()

    def note_sent(self, sessions: int) -> None:
        """Count sockets that took a message."""
        self.sent.inc(sessions)
        self.sent_count += sessions

    def note_receipts(self, count: int) -> None:
        """Count receipts that reached the store."""
        self.receipts.inc(count)
        self.receipt_count += count

    def note_error(self, room: str, error: BaseException) -> None:
        """Count and log an error that nobody expected."""
        self.errors.labels(room).inc()
        self._log.error("unexpected_error", room=room, exc_info=error)

    def render(self) -> bytes:
        """The text that Prometheus reads."""
        return generate_latest(self.registry)
