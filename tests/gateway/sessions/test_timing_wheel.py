"""One wheel for all timers: never early, at most one turn late, and nothing stops it."""

from gateway.sessions.timing_wheel import RESOLUTION, TimingWheel
from tests.fakes import FakeClock


def wheel_and_errors(clock: FakeClock) -> tuple[TimingWheel, list[BaseException]]:
    errors: list[BaseException] = []
    return TimingWheel(clock.monotonic, errors.append), errors


def test_a_timer_rings_neither_early_nor_more_than_a_turn_late() -> None:
    clock = FakeClock()
    wheel, _ = wheel_and_errors(clock)
    rung: list[float] = []
    wheel.schedule(2.0, lambda: rung.append(clock.monotonic()))
    start = clock.monotonic()

    while not rung:
        clock.pass_seconds(0.01)
        wheel.advance()

    assert 2.0 <= rung[0] - start <= 2.0 + RESOLUTION + 0.02


def test_a_cancelled_timer_stays_silent() -> None:
    clock = FakeClock()
    wheel, _ = wheel_and_errors(clock)
    rung: list[int] = []
    wheel.schedule(1, lambda: rung.append(1)).cancel()

    clock.pass_seconds(5)
    wheel.advance()

    assert rung == []


def test_a_timer_that_fails_does_not_stop_the_others() -> None:
    clock = FakeClock()
    wheel, errors = wheel_and_errors(clock)
    rung: list[int] = []
    wheel.schedule(1, lambda: 1 / 0)
    wheel.schedule(1, lambda: rung.append(1))

    clock.pass_seconds(2)
    wheel.advance()

    assert rung == [1]
    assert isinstance(errors[0], ZeroDivisionError)


def test_timers_ring_in_the_order_of_their_time_after_a_long_pause() -> None:
    """A process that was stopped for an hour catches up at once (P17)."""
    clock = FakeClock()
    wheel, _ = wheel_and_errors(clock)
    rung: list[int] = []
    for seconds in (300, 10, 2000):
        wheel.schedule(seconds, lambda s=seconds: rung.append(s))

    clock.pass_seconds(3600)
    wheel.advance()

    assert rung == [10, 300, 2000]


def test_a_timer_set_by_a_ringing_timer_rings_later() -> None:
    clock = FakeClock()
    wheel, _ = wheel_and_errors(clock)
    rung: list[str] = []
    wheel.schedule(0, lambda: wheel.schedule(0, lambda: rung.append("second")))

    clock.pass_seconds(RESOLUTION)
    wheel.advance()
    assert rung == []

    clock.pass_seconds(RESOLUTION)
    wheel.advance()
    assert rung == ["second"]
