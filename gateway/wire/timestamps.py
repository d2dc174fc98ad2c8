"""Moments as text, one way everywhere: RFC 3339 in UTC with milliseconds and `Z`."""

from datetime import UTC, datetime


def rfc3339(at: datetime) -> str:
    """Return e.g. `2026-12-01T09:00:00.000Z`; `at` must know its time zone."""
    if at.tzinfo is None:
        raise ValueError("a moment without a time zone cannot be written in UTC")
    return at.astimezone(UTC).isoformat(timespec="milliseconds").removesuffix("+00:00") + "Z"
