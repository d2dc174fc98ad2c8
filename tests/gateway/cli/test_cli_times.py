"""Times as operators write and read them."""

import os
import time
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta

import pytest

from gateway.cli.times import parse_duration, parse_moment, tell_distance, tell_moment

SATURDAY = datetime(2026, 10, 24, 16, 0, tzinfo=UTC)
"""18:00 in Berlin, the day before summer time ends at 03:00."""


@pytest.fixture(autouse=True)
def berlin(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """The machine's zone: two hours ahead of UTC in summer, one in winter."""
    before = os.environ.get("TZ")
    monkeypatch.setenv("TZ", "Europe/Berlin")
    time.tzset()
    yield
    monkeypatch.setenv("TZ", before or "UTC")
    time.tzset()


@pytest.mark.parametrize(
    ("text", "seconds"),
    [("90s", 90), ("15m", 900), ("4h", 14_400), ("1d", 86_400), ("1h30m", 5_400), (" 2H ", 7_200)],
)
def test_durations_are_numbers_with_units(text: str, seconds: int) -> None:
    """Largest unit first."""
    assert parse_duration(text) == seconds


@pytest.mark.parametrize("text", ["", "90", "h", "1.5h", "30m1h", "-1h", "4 h", "²h", "1h\n2m"])
def test_what_is_no_duration_is_none(text: str) -> None:
    """A bare number has no unit: it is not guessed."""
    assert parse_duration(text) is None


@pytest.mark.parametrize(
    ("text", "moment"),
    [
        ("18:30", "2026-10-24T16:30:00+00:00"),
        ("18:00", "2026-10-25T17:00:00+00:00"),
        ("9:05", "2026-10-25T08:05:00+00:00"),
        ("2026-12-01T09:00:00Z", "2026-12-01T09:00:00+00:00"),
        ("2026-12-01T09:00", "2026-12-01T08:00:00+00:00"),
        ("2026-07-01 09:00", "2026-07-01T07:00:00+00:00"),
        ("2026-12-01T09:00:00-05:00", "2026-12-01T14:00:00+00:00"),
    ],
)
def test_moments_are_local_unless_they_say_otherwise(text: str, moment: str) -> None:
    """A clock time that has passed is tomorrow's, with tomorrow's offset: # T61 clocks change."""
    parsed = parse_moment(text, SATURDAY)
    assert parsed is not None
    assert parsed.astimezone(UTC).isoformat() == moment


@pytest.mark.parametrize("text", ["", "24:00", "18:60", "noon", "2026-13-01", "0001-01-01"])
def test_what_is_no_moment_is_none(text: str) -> None:
    """Not guessed either."""
    assert parse_moment(text, SATURDAY) is None


def test_a_moment_is_told_with_its_distance_and_the_day_if_it_is_another() -> None:
    """What an operator needs to know: when, and how long that is."""
    assert tell_moment(SATURDAY + timedelta(minutes=134), SATURDAY) == "20:14 (in 2 h 14 min)"
    assert tell_moment(SATURDAY + timedelta(hours=15), SATURDAY) == "Sun 25 Oct 08:00 (in 15 h)"


@pytest.mark.parametrize(
    ("seconds", "told"),
    [(0, "now"), (5, "in 5 s"), (-61, "1 min ago"), (7_200, "in 2 h"), (-93_600, "1 d 2 h ago")],
)
def test_distances_are_told_in_two_units_at_most(seconds: int, told: str) -> None:
    """Short enough to read at a glance."""
    assert tell_distance(timedelta(seconds=seconds)) == told
