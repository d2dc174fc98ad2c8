"""A rate with a burst."""

from gateway.transport.pace import Pace


def test_a_burst_is_admitted_at_once_and_no_more() -> None:
    """After a quiet time, `burst` at once."""
    pace = Pace(rate=10, burst=5)
    assert [pace.take(100.0) > 0 for _ in range(7)] == [False] * 5 + [True] * 2


def test_a_refusal_tells_how_long_to_wait_and_costs_nothing() -> None:
    """Waiting as told is enough, however often one asked meanwhile."""
    pace = Pace(rate=10, burst=1)
    assert pace.take(100.0) == 0.0
    waits = [pace.take(100.0) for _ in range(50)]
    assert max(waits) - min(waits) < 1e-9
    assert abs(waits[0] - 0.1) < 1e-6
    assert pace.take(100.0 + waits[0] + 1e-6) == 0.0


def test_the_rate_holds_over_time() -> None:
    """`rate` a second, whatever the pattern."""
    pace = Pace(rate=10, burst=3)
    admitted = sum(pace.take(100 + step / 1000) == 0.0 for step in range(10_000))
    assert 100 <= admitted <= 103
