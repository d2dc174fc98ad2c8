"""Log lines that peers can cause, held back to a few: one for each reason and ten seconds.

Names what happened and how often, never what was sent (P18). The exact numbers are counters.
"""

import time
from collections.abc import Callable

from gateway.log import Repeats, get_logger


class QuietLog:
    """A logger for events that a peer may cause a million times."""

    def __init__(self, name: str, monotonic: Callable[[], float] = time.monotonic) -> None:
        self._name = name
        self._repeats = Repeats(monotonic=monotonic)

    def warning(self, event: str, reason: str) -> None:
        """Log the event, or count it for the next line about it."""
        unsaid = self._repeats.silenced(f"{event} {reason}")
        if unsaid is not None:
            get_logger(self._name).warning(event, reason=reason, unsaid=unsaid)


def where(error: BaseException) -> str:
    """Name an error and its place, without its text, which may hold what a client sent."""
    place = error.__traceback__
    while place is not None and place.tb_next is not None:
        place = place.tb_next
    if place is None:
        return type(error).__name__
    code = place.tb_frame.f_code
    return f"{type(error).__name__} in {code.co_qualname}, line {place.tb_lineno}"
