"""Rates are averages over the last ten seconds."""

from gateway.messaging.rates import WINDOW_SECONDS, Rates


def test_a_steady_flow_shows_as_it_is() -> None:
    count = 0
    rates = Rates({"sent": lambda: count})
    for _ in range(WINDOW_SECONDS * 3):
        count += 7
        rates.sample()
    assert rates.per_second() == {"sent_per_second": 7.0}


def test_a_burst_is_forgotten_after_the_window() -> None:
    count = 0
    rates = Rates({"sent": lambda: count})
    count = 1_000
    for _ in range(WINDOW_SECONDS):
        rates.sample()
    assert rates.per_second() == {"sent_per_second": 100.0}
    rates.sample()
    assert rates.per_second() == {"sent_per_second": 0.0}


def test_nothing_was_measured_yet() -> None:
    assert Rates({"sent": lambda: 5}).per_second() == {"sent_per_second": 0.0}
