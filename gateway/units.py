"""Durations and sizes as people write them → numbers. Pure text work; knows no setting."""

import re

_DURATION_UNITS = {"ms": 0.001, "s": 1.0, "m": 60.0, "h": 3_600.0, "d": 86_400.0, "w": 604_800.0}
_DURATION_PART = re.compile(r"(\d{1,12}(?:\.\d{1,9})?)(ms|s|m|h|d|w)", re.ASCII)
_SIZE_UNITS = {"": 1, "b": 1, "kb": 1000, "mb": 1000**2, "gb": 1000**3}
_SIZE_UNITS |= {"kib": 1024, "mib": 1024**2, "gib": 1024**3}
_SIZE = re.compile(r"(\d{1,15})\s?([a-zA-Z]{0,3})", re.ASCII)
_NUMBER = re.compile(r"\d{1,12}(\.\d{1,9})?", re.ASCII)


def parse_duration(text: str) -> float:
    """Return seconds: `250ms`, `30s`, `5m`, `4h`, `1d`, `1h30m`, or a plain number of seconds.

    Raises ValueError with what to write.
    """
    text = text.strip()
    if _NUMBER.fullmatch(text):
        return float(text)
    parts = _DURATION_PART.findall(text)
    if not parts or "".join(number + unit for number, unit in parts) != text:
        raise ValueError("write a duration such as 250ms, 30s, 5m, 4h, 1d or 1h30m")
    return sum(float(number) * _DURATION_UNITS[unit] for number, unit in parts)


def parse_size(text: str) -> int:
    """Return bytes: `64KiB`, `1MiB`, `500kB`, or a plain number. Raises ValueError."""
    match = _SIZE.fullmatch(text.strip())
    factor = _SIZE_UNITS.get(match[2].lower()) if match else None
    if match is None or factor is None:
        raise ValueError("write a size such as 65536, 64KiB or 1MiB")
    return int(match[1]) * factor
