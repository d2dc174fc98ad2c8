"""Every Autobahn case against the connection that production runs (T16, F18).

Only limits are raised, since the cases send megabytes and floods that production refuses, and the
echo takes text and binary on one connection, which a subprotocol of ours never does. Production's
own limits are tested in tests/gateway/transport.
"""

from collections import Counter
from dataclasses import replace
from typing import Any, cast

import kosoku
import pytest
from kosoku import FailureError
from kosoku._kosoku import CaseResult

from gateway.sessions.link import Encoding, Link
from gateway.transport.fallback import Fallback
from gateway.transport.limits import Limits
from gateway.transport.websocket import WebSocketConnection
from gateway.wire.prepared import prepare
from tests.gateway.transport.kit import serving, serving_stock

GROUPS = [["1.*", "2.*", "3.*", "4.*", "5.*", "6.*", "7.*"], ["9.*", "10.*"]]
"""All but compression (12, 13), which is never offered. The megabytes of group 9 go last, since
cases of group 6 give us one second."""
CASES = 301
MOST_NON_STRICT = 7

PLENTY = 1 << 26
RAISED = replace(
    Limits(),
    frame_bytes=PLENTY,
    fragments=PLENTY,
    controls_per_second=1e9,
    controls_burst=1e9,
    soft_bytes=PLENTY,
    hard_bytes=PLENTY,
    stall_timeout=60,
)


class EitherType(WebSocketConnection):
    """Takes text and binary alike, and remembers which it was."""

    __slots__ = ("was_text",)

    def _deliver(self, payload: bytes, is_text: bool) -> None:
        self.was_text = is_text
        super()._deliver(payload, is_text)

    def _make_fallback(self, now: float) -> Fallback:
        fallback = super()._make_fallback(now)
        fallback._accepted = None
        return fallback


class Echo:
    """A session that sends back what comes, as what it came."""

    def __init__(self, link: Link, token: str | None) -> None:
        self._link = cast("EitherType", link)

    def receive(self, payload: bytes) -> None:
        encoding = Encoding.JSON if self._link.was_text else Encoding.MSGPACK
        self._link.write(prepare(payload, encoding))

    def on_drained(self, lost: bool) -> None:
        assert not lost, "the cases stay within the byte budget"

    def on_closed(self, code: int | None) -> None: ...


async def run_cases(url: str, cases: list[str]) -> list[CaseResult]:
    """Results of all cases; of the failed ones alone when there are some."""
    try:
        return await kosoku.run_fuzzingclient(url, cases=cases, concurrency=4)
    except FailureError as failure:
        return failure.results


def summary(results: list[CaseResult]) -> str:
    """One line per case that is not perfect, for the reader of a failure."""
    return "\n".join(
        f"{case.case_id}: {case.behavior.value} / {case.behavior_close.value} {case.result}"
        for case in results
        if case.behavior.value != "OK" or case.behavior_close.value not in ("OK", "INFORMATIONAL")
    )


@pytest.mark.both_loops
async def test_no_case_fails_and_few_are_not_strict() -> None:
    """T16: 0 failed, at most 7 non-strict, in groups 1-7, 9 and 10."""
    async with serving(connection=EitherType, open_session=Echo, limits=RAISED) as served:
        url = f"ws://127.0.0.1:{served.port}/v1/ws"
        results = [case for group in GROUPS for case in await run_cases(url, group)]
    verdicts = Counter(case.behavior.value for case in results)
    assert verdicts["FAILED"] + verdicts["ERROR"] == 0, summary(results)
    assert len(results) == CASES, summary(results)
    assert all(case.passed for case in results), summary(results)
    assert verdicts["NON-STRICT"] <= MOST_NON_STRICT, summary(results)


async def echo(scope: Any, receive: Any, send: Any) -> None:
    """The same on ASGI, for the stock stack."""
    if scope["type"] != "websocket":
        raise RuntimeError("no lifespan here")
    await receive()
    await send({"type": "websocket.accept"})
    while (event := await receive())["type"] == "websocket.receive":
        event.pop("type")
        await send({"type": "websocket.send", **event})


async def test_a_close_between_fragments_fails_on_the_stock_stack_alone() -> None:
    """Case 7.1.5: RFC 6455 §5.4 lets control frames come between fragments."""
    case = ["7.1.5"]
    async with serving_stock(echo, lifespan="off") as port:
        (stock,) = await run_cases(f"ws://127.0.0.1:{port}", case)
    async with serving(connection=EitherType, open_session=Echo, limits=RAISED) as served:
        (ours,) = await run_cases(f"ws://127.0.0.1:{served.port}/v1/ws", case)
    assert (stock.passed, ours.passed) == (False, True)
