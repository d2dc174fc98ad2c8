"""`python -m bench.micro`: what the inner loops cost, in µs, without a socket or a store.

Each loop is timed in batches that fill about a tenth of a second; what is reported is the fastest
of several, since everything that disturbs a measurement makes it slower.
"""

import time
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from itertools import cycle
from timeit import Timer

import jwt
import msgspec

from bench.meter import TEXT
from bench.peers import SECRET
from bench.report import Table
from gateway.clock import SystemClock
from gateway.identity.tokens import TokenVerifier
from gateway.messaging.live_set import LiveMessage, LiveSet
from gateway.model.message import Content, Kind, Message, Severity, State
from gateway.settings import Settings
from gateway.transport.outbox import Outbox
from gateway.wire import codec, content, frames, prepared
from gateway.wire.encoding import Encoding
from rules.pages import PageMatcher

BATCH_SECONDS = 0.1
BATCHES = 7

Loop = Callable[[], object]


def microseconds(loop: Loop) -> float:
    """The cost of one call, with the garbage collector as it is in a server: on."""
    timer = Timer(loop, "import gc; gc.enable()")
    count, taken = 1, 0.0
    while taken < BATCH_SECONDS / 2:
        count *= 2
        taken = timer.timeit(count)
    batch = max(1, round(count * BATCH_SECONDS / taken))
    return min(timer.repeat(BATCHES, batch)) / batch * 1e6


def banner(number: int = 1) -> Message:
    """A banner as an operator sends it, 200 bytes of text."""
    now = datetime.now(UTC)
    return Message(
        id=f"msg_{number:026d}",
        revision=1,
        attention=1,
        kind=Kind.BANNER,
        state=State.LIVE,
        severity=Severity.MAJOR,
        content={"en": Content(title="Checkout is down", body=TEXT)},
        created_at=now,
        updated_at=now,
        expires_at=now + timedelta(hours=4),
    )


def live_set(messages: int) -> LiveSet:
    """A live set of so many banners."""
    live = LiveSet()
    for number in range(messages):
        live.put(banner(number))
    return live


def wire_loops() -> dict[str, Loop]:
    """Frames to bytes and back."""
    receipt = {"message": "msg_1", "revision": 1, "stage": "displayed", "at": 1795305600000}
    received: dict[str, object] = {
        "pong": {"type": "pong"},
        "page": {"type": "page", "url": "https://shop.example/projects/12", "title": "Project"},
        "10 receipts": {"type": "receipt", "receipts": [receipt] * 10},
    }
    loops: dict[str, Loop] = {}
    for name, value in received.items():
        for encoding, encode in (
            (Encoding.JSON, msgspec.json),
            (Encoding.MSGPACK, msgspec.msgpack),
        ):
            loops[f"decode {name}, {encoding.name}"] = _decoding(encode.encode(value), encoding)
    ping = frames.Ping(now=1795305600000)
    loops["encode ping, JSON"] = lambda: prepared.frame(ping, Encoding.JSON)
    message = banner()
    loops["message to wire, Markdown included"] = lambda: content.wire_message(message, "en")
    loops["first frame of a message"] = lambda: LiveMessage(message, 0).frame(
        "show", Encoding.JSON, "en"
    )
    live = LiveMessage(message, 0)
    loops["further frame of a message"] = lambda: live.frame("show", Encoding.JSON, "en")
    return loops


def _decoding(payload: bytes, encoding: Encoding) -> Loop:
    return lambda: codec.decode(payload, encoding)


def connect_loops() -> dict[str, Loop]:
    """What each connect costs."""
    now = time.time()
    claims = {"sub": "user-1", "iat": int(now), "exp": int(now) + 3600}
    token = jwt.encode(claims, SECRET, "HS256")
    verifier = TokenVerifier(Settings.model_validate({"token_secret": SECRET}), SystemClock())
    connect = {
        "type": "connect",
        "token": token,
        "device": {"id": "device-1", "platform": "web", "app": "shop"},
        "locale": "en",
        "page": "https://shop.example/projects/12",
    }
    loops: dict[str, Loop] = {
        "verify an HS256 token": lambda: verifier.verify(token, now),
        "decode connect, JSON": _decoding(msgspec.json.encode(connect), Encoding.JSON),
    }
    for size in (1, 50):
        loops[f"snapshot of {size} live"] = _snapshot(live_set(size))
    return loops


def _snapshot(live: LiveSet) -> Loop:
    every = sum(each.bit for each in live.messages.values())
    return lambda: live.snapshot(every, Encoding.JSON, "en")


def slow_loops() -> dict[str, Loop]:
    """What a connection that does not read costs per frame, and a page that changes."""
    frame = prepared.frame(frames.Ping(now=0), Encoding.JSON) * 20

    def conflate() -> None:
        box = Outbox(4 * len(frame), 40 * len(frame))
        for number in range(100):
            box.put(frame, f"m{number % 5}")
        box.take(65_536)

    matcher = PageMatcher(["/projects/**", "/shop/*/cart"], ["/projects/*/billing"])
    urls = [f"https://shop.example/projects/{number}/plan" for number in range(5_000)]
    upcoming = cycle(urls)
    return {
        "outbox, 100 frames of 5 messages": conflate,
        "match a page seen before": lambda: matcher.matches(urls[0]),
        "match a page not seen lately": lambda: matcher.matches(next(upcoming)),
    }


def table() -> Table:
    """Time all loops."""
    result = Table("micro", ("loop", "µs"))
    for loops in (wire_loops(), connect_loops(), slow_loops()):
        result.rows.extend((name, f"{microseconds(loop):.2f}") for name, loop in loops.items())
    result.notes.append(f"Fastest of {BATCHES} batches of {BATCH_SECONDS} s.\n")
    return result


if __name__ == "__main__":
    print(table().text())
