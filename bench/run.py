"""`python -m bench.run`: measure, print the tables, and with --write put them in the README.

Every figure that is compared comes from the same run: the bare C loop goes first, then the server,
again and again, each on core 0 with the meter on core 1. What is reported is the median.
"""

import argparse
import sys
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from statistics import median

from bench import micro, peers, report
from bench.meter import TEXT_BYTES, Sample, Target, measure
from bench.node import Node, broadcast, node, update
from bench.report import Table
from bench.tools import Unavailable

PAIRS = 5
"""How often the floor and the gateway take turns."""
ROUNDS = 10
IDLE_SECONDS = 55
"""Two heartbeats of 25 s for everybody, and some."""
STALL_ROUNDS = 160
STALL_GAP = 0.02
STALL_SEND_BUFFER = 8_192
"""Small, so that a connection that does not read fills the kernel's part after some rounds."""
TOO_SLOW = 'gateway_closes_total{code="4108"}'


@contextmanager
def folder() -> Iterator[Path]:
    """A place for one server's files."""
    with tempfile.TemporaryDirectory(prefix="bench-") as name:
        yield Path(name)


def measure_limit(n: int, text_bytes: int = TEXT_BYTES) -> Sample:
    """One run against the bare C loop."""
    with folder() as place, peers.limit(place, text_bytes) as target:
        return measure(target, n, rounds=ROUNDS)


def measure_node(
    n: int,
    prepare: Callable[[Node], Target],
    *,
    rounds: int = 0,
    idle: float = 0,
) -> Sample:
    """One run against a gateway of its own."""
    with folder() as place, node(place, n) as gateway:
        return measure(prepare(gateway), n, rounds=rounds, idle=idle)


def publishing(gateway: Node) -> Target:
    """Publish a new banner in each round."""
    return gateway.publishing(broadcast())


def with_live_banner(gateway: Node) -> Target:
    """A snapshot that is not empty: one banner is live before anybody connects."""
    gateway.call("POST", "/v1/broadcast", {"text": "Checkout is slow at the moment."})
    return gateway.target


def updating(gateway: Node) -> Target:
    """One banner that changes in place in each round, between two texts."""
    message = gateway.call("POST", "/v1/broadcast", {"text": "Checkout is down."})
    texts = ["BCAST" + letter * (TEXT_BYTES - 5) for letter in "ab"]
    return gateway.publishing(*(update(str(message["id"]), text) for text in texts))


def fanout(n: int) -> Table:
    """What a delivery costs, and when the last client has it."""
    turns = []
    for _ in range(PAIRS):
        floor = measure_limit(n)
        turns.append((floor, measure_node(n, publishing, rounds=ROUNDS)))
    table = Table("fanout", ("figure", "bare C loop", "gateway", "ratio", "bar"))
    table.rows.extend(
        [
            _compared("CPU µs per delivery", turns, lambda sample: sample.cpu_us, "≤ 1.3"),
            _compared("ms, POST sent → first client", turns, lambda sample: sample.first, ""),
            _compared("ms, → half of them", turns, lambda sample: sample.p50, ""),
            _compared("ms, → 99 %", turns, lambda sample: sample.p99, ""),
            _compared("ms, → last client", turns, lambda sample: sample.last, "≤ 1.6"),
        ]
    )
    size = turns[0][1].frame_bytes
    missed = sum(mine.missed for _, mine in turns)
    table.notes.append(
        f"{n:,} authenticated connections, {TEXT_BYTES}-byte text ({size:.0f} bytes of frame), "
        f"{PAIRS} turns of {ROUNDS} broadcasts each, medians; {missed} deliveries missed. "
        "The gateway's figures include the durable write before the 201.\n"
    )
    return table


def _compared(
    name: str,
    turns: list[tuple[Sample, Sample]],
    figure: Callable[[Sample], float],
    bar: str,
) -> tuple[str, str, str, str, str]:
    floor = median(figure(theirs) for theirs, _ in turns)
    mine = median(figure(ours) for _, ours in turns)
    ratio = median(figure(ours) / figure(theirs) for theirs, ours in turns)
    return (name, f"{floor:.2f}", f"{mine:.2f}", f"{ratio:.2f}", bar)


def connect(n: int) -> Table:
    """How fast clients get in, and what each costs while it is in."""
    samples = [measure_node(n, with_live_banner) for _ in range(3)]
    rate = median(sample.connects_per_second for sample in samples)
    cpu = median(sample.connect_cpu_us for sample in samples)
    table = Table("connect", ("figure", "gateway", "bar"))
    table.rows.extend(
        [
            ("connects per second, token checked, snapshot sent", f"{rate:,.0f}", "≥ 3,000"),
            ("CPU µs per connect", f"{cpu:.0f}", ""),
        ]
    )
    table.notes.append(f"{n:,} connects, 256 under way at once, HS256 tokens, one live banner.\n")
    return table


def memory(n: int) -> Table:
    """What a session costs that does nothing."""
    samples = [measure_node(n, with_live_banner) for _ in range(3)]
    kib = median(sample.kib_per_connection for sample in samples)
    base = median(float(sample.raw["kib_before"]) for sample in samples)
    table = Table("memory", ("figure", "gateway", "bar"))
    table.rows.extend(
        [
            ("KiB per idle authenticated session", f"{kib:.2f}", "≤ 4"),
            ("MiB of the process without any", f"{base / 1024:.0f}", ""),
        ]
    )
    table.notes.append(f"{n:,} sessions, growth of the proportional set size, median of 3.\n")
    return table


def idle(n: int) -> Table:
    """What sessions cost that only answer pings."""
    sample = measure_node(n, with_live_banner, idle=IDLE_SECONDS)
    table = Table("idle", ("figure", "gateway", "bar"))
    table.rows.append(("% of a core, heartbeats only", f"{sample.idle_cpu * 100:.2f}", "≤ 2"))
    table.notes.append(f"{n:,} sessions over {IDLE_SECONDS} s, ping every 25 s, each answered.\n")
    return table


def stalled(n: int) -> Table:
    """What one connection that stops reading does to the others."""
    turns, closed = [], 0.0
    for _ in range(3):
        samples = []
        for stall in (0, 1):
            small = {"send_buffer_bytes": STALL_SEND_BUFFER}
            with folder() as place, node(place, n, **small) as gateway:
                target = updating(gateway)
                samples.append(measure(target, n, rounds=STALL_ROUNDS, gap=STALL_GAP, stall=stall))
                closed += gateway.metric(TOO_SLOW)
        turns.append((samples[0], samples[1]))
    table = Table("stalled", ("figure", "all read", "one stalled", "ratio", "bar"))
    table.rows.extend(
        [
            _compared("CPU µs per delivery", turns, lambda sample: sample.cpu_us, "≤ 1.05"),
            _compared("ms, PATCH sent → half", turns, lambda sample: sample.p50, "≤ 1.05"),
            _compared("ms, PATCH sent → last client", turns, lambda sample: sample.last, "≤ 1.05"),
        ]
    )
    grown = median(mine.kib_grown - theirs.kib_grown for theirs, mine in turns)
    missed = sum(mine.missed for _, mine in turns)
    table.notes.append(
        f"{n:,} connections, {STALL_ROUNDS} changes of one banner, 3 turns. For the stalled one "
        f"the server's memory grew by {max(0.0, grown):.0f} KiB; it was closed as too slow in "
        f"{closed:.0f} of 3 turns; the others missed {missed}.\n"
    )
    return table


def compare(n: int) -> Table:
    """The peers beside us, the floor before each of them."""
    us = peers.Peer("**inapp-gateway**", "Python", _as_peer(n))
    floors: list[Sample] = []
    samples: list[tuple[peers.Peer, Sample]] = []
    heading = ("server", "made of", "CPU µs", "× floor", "last ms", "× floor", "KiB", "connects/s")
    table = Table("peers", heading)
    table.notes.append(
        f"{n:,} connections, {TEXT_BYTES}-byte text, {ROUNDS} rounds, medians; × floor is against "
        "the median of the bare C loop, run before each server. KiB is memory per connection. "
        "Peers neither authenticate nor store; the gateway does both.\n"
    )
    for peer in (us, *peers.ALL):
        try:
            floors.append(measure_limit(n))
            with folder() as place, peer.serve(place) as target:
                samples.append((peer, measure(target, n, rounds=ROUNDS)))
        except Unavailable as reason:
            table.notes.append(f"Not here: {peer.name}: {reason}\n")
    cpu = median(floor.cpu_us for floor in floors)
    last = median(floor.last for floor in floors)
    samples.sort(key=lambda each: each[1].cpu_us)
    table.rows.extend(_peer_row(*each, cpu, last) for each in samples)
    return table


def _peer_row(peer: peers.Peer, sample: Sample, cpu: float, last: float) -> tuple[str, ...]:
    return (
        peer.name,
        peer.made_of,
        f"{sample.cpu_us:.2f}",
        f"{sample.cpu_us / cpu:.2f}",
        f"{sample.last:.1f}",
        f"{sample.last / last:.2f}",
        f"{sample.kib_per_connection:.1f}",
        f"{sample.connects_per_second:,.0f}",
    )


def _as_peer(n: int) -> peers.Server:
    @contextmanager
    def serve(place: Path) -> Iterator[Target]:
        with node(place, n) as gateway:
            yield publishing(gateway)

    return serve


SCENARIOS: dict[str, Callable[[int], Table]] = {
    "fanout": fanout,
    "connect": connect,
    "memory": memory,
    "idle": idle,
    "stalled": stalled,
    "peers": compare,
    "micro": lambda _: micro.table(),
}


def main() -> int:
    parser = argparse.ArgumentParser(prog="bench.run", description=__doc__)
    parser.add_argument("scenario", nargs="+", choices=[*SCENARIOS, "all"])
    parser.add_argument("-n", "--n", type=int, default=10_000, help="connections (10000)")
    parser.add_argument("--write", action="store_true", help="put the tables in bench/README.md")
    options = parser.parse_args()
    names = list(SCENARIOS) if "all" in options.scenario else options.scenario
    failed = False
    for name in names:
        try:
            table = SCENARIOS[name](options.n)
        except Unavailable as reason:
            failed = True
            print(f"{name}: {reason}", file=sys.stderr)
            continue
        print(f"\n{name}\n{table.text()}", flush=True)
        if options.write:
            report.write(table)
    return int(failed)


if __name__ == "__main__":
    raise SystemExit(main())
