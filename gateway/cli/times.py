"""Times as operators write and read them: `18:30`, `2h`, RFC 3339. Reads no clock, only the
machine's time zone."""

import re
from datetime import datetime, timedelta

_UNITS = {"d": 86_400, "h": 3_600, "m": 60, "s": 1}
_DURATION = re.compile(r"(?:(\d{1,9})d)?(?:(\d{1,9})h)?(?:(\d{1,9})m)?(?:(\d{1,9})s)?", re.ASCII)
_CLOCK = re.compile(r"([01]?\d|2[0-3]):([0-5]\d)", re.ASCII)


def parse_duration(text: str) -> int | None:
    """Seconds in `90s`, `15m`, `4h`, `1d`, `1h30m`; None when it is no duration."""
    match = _DURATION.fullmatch(text.strip().lower())
    if match is None or not any(match.groups()):
        return None
    return sum(
        int(number) * seconds
        for number, seconds in zip(match.groups(), _UNITS.values(), strict=True)
        if number is not None
    )


def parse_moment(text: str, now: datetime) -> datetime | None:
    """The moment meant by a clock time (today, or tomorrow when that has passed) or by RFC 3339;
    without an offset it is local time. None when it is neither."""
    clock = _CLOCK.fullmatch(text.strip())
    if clock is not None:
        wall = now.astimezone().replace(tzinfo=None)
        moment = wall.replace(hour=int(clock[1]), minute=int(clock[2]), second=0, microsecond=0)
        # naive to aware at the end: summer time may begin or end between now and then
        return (moment if moment > wall else moment + timedelta(days=1)).astimezone()
    try:
        return datetime.fromisoformat(text.strip()).astimezone()
    except (ValueError, OverflowError):
        return None


def tell_moment(moment: datetime, now: datetime) -> str:
    """`18:30 (in 2 h 14 min)`; with the day when it is another one."""
    local = moment.astimezone()
    day = "" if local.date() == now.astimezone().date() else f"{local:%a %d %b} "
    return f"{day}{local:%H:%M} ({tell_distance(moment - now)})"


def tell_distance(distance: timedelta) -> str:
    """`in 2 h 14 min`, `3 min ago`, `now`."""
    seconds = round(distance.total_seconds())
    if seconds == 0:
        return "now"
    return f"in {tell_seconds(seconds)}" if seconds > 0 else f"{tell_seconds(-seconds)} ago"


def tell_seconds(seconds: int) -> str:
    """The two largest units: `2 h 14 min`."""
    if seconds < 60:
        return f"{seconds} s"
    minutes, hours, days = seconds // 60, seconds // 3_600, seconds // 86_400
    if days:
        return f"{days} d {hours % 24} h" if hours % 24 else f"{days} d"
    if hours:
        return f"{hours} h {minutes % 60} min" if minutes % 60 else f"{hours} h"
    return f"{minutes} min"
