"""A node that goes down sends everybody away in an order, and takes nobody in."""

import asyncio
from itertools import pairwise

from gateway.cluster.drain import Drain
from gateway.sessions.hub import Hub
from tests.gateway.sessions.test_session import Stage


def crowd(hub: Hub, count: int) -> list[Stage]:
    stages = [Stage().connected() for _ in range(count)]
    for number, stage in enumerate(stages):
        stage.session.user_id = f"u{number}"
        hub.join(stage.session)
        stage.desk.closed = lambda session, code: hub.leave(session)  # type: ignore[method-assign]
    return stages


async def test_every_client_gets_a_pause_of_its_own_spread_over_the_window() -> None:
    """F14, P12: never more than twice the even rate in any tenth of the window."""
    hub = Hub()
    stages = crowd(hub, 200)
    await Drain(hub, over=30, grace=0).run()
    pauses = sorted(s.link.of_type("drain")[0]["reconnect_after"] for s in stages)
    assert 0 <= pauses[0] < 1_000
    assert 29_000 < pauses[-1] <= 30_000
    assert max(b - a for a, b in pairwise(pauses)) <= 2 * 30_000 / 200


async def test_who_does_not_leave_in_time_is_closed_with_4200_and_the_same_pause() -> None:
    hub = Hub()
    (stage,) = crowd(hub, 1)
    await Drain(hub, over=30, grace=0).run()
    assert stage.code == 4200
    told = stage.link.of_type("drain")[0]["reconnect_after"]
    assert stage.link.of_type("bye")[0]["after"] == told


async def test_the_grace_ends_when_everybody_has_left() -> None:
    hub = Hub()
    stages = crowd(hub, 3)
    draining = asyncio.create_task(Drain(hub, over=1, grace=60).run())
    await asyncio.sleep(0)
    for stage in stages:
        stage.session.on_closed(1000)
    await asyncio.wait_for(draining, 5)
    assert all(stage.code is None for stage in stages)


async def test_an_empty_node_has_nobody_to_wait_for() -> None:
    drain = Drain(Hub(), over=30, grace=60)
    await asyncio.wait_for(drain.run(), 5)
    assert drain.is_draining


def test_draining_begins_at_once() -> None:
    drain = Drain(Hub(), over=30, grace=60)
    drain.begin()
    assert drain.is_draining
