"""Durations and sizes as people write them."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.units import parse_duration, parse_size


@pytest.mark.parametrize(
    ("text", "seconds"),
    [("250ms", 0.25), ("30s", 30), ("5m", 300), ("4h", 14_400), ("1d", 86_400), ("2w", 1_209_600),
     ("1h30m", 5_400), ("1.5h", 5_400), ("30", 30), ("0.25", 0.25), (" 30s ", 30), ("0", 0)],
)  # fmt: skip
def test_durations_are_read_in_seconds(text: str, seconds: float) -> None:
    """PROTOCOL §5: `30s`, and alike."""
    assert parse_duration(text) == seconds


@pytest.mark.parametrize(
    "text", ["", "s", "5x", "5 m", "-5s", "1h 30m", "5M", "1e3", "inf", "nan", "٣s", "5s!", "1..5s"]
)
def test_other_durations_are_refused_with_what_to_write(text: str) -> None:
    """STYLE 13."""
    with pytest.raises(ValueError, match="30s"):
        parse_duration(text)


@pytest.mark.parametrize(
    ("text", "size"),
    [("65536", 65_536), ("64KiB", 65_536), ("64 kib", 65_536), ("1MiB", 2**20), ("2GiB", 2**31),
     ("500kB", 500_000), ("1mb", 10**6), ("12B", 12)],
)  # fmt: skip
def test_sizes_are_read_in_bytes(text: str, size: int) -> None:
    """KiB are 1024, kB are 1000 (IEC 80000-13)."""
    assert parse_size(text) == size


@pytest.mark.parametrize("text", ["", "KiB", "1.5MiB", "-1", "1 parsec", "1KiBs", "0x10", "٣"])
def test_other_sizes_are_refused_with_what_to_write(text: str) -> None:
    """STYLE 13."""
    with pytest.raises(ValueError, match="64KiB"):
        parse_size(text)


@given(st.text(max_size=30))
def test_any_text_is_a_number_or_a_value_error(text: str) -> None:
    """Nothing else is raised at the start."""
    for parse in (parse_duration, parse_size):
        try:
            assert parse(text) >= 0
        except ValueError:
            continue
