"""Log lines that peers can cause, held back to a few: one for each reason and ten seconds.

Names what happened and how often, never what was sent (P18). The exact numbers are counters.
"""

import logging
import time
from collections.abc import Callable

_EVERY_SECONDS = 10.0


class QuietLog:
    """A logger for events that a peer may cause a million times."""

    def __init__(
        self, logger: logging.Logger, monotonic: Callable[[], float] = time.monotonic
    ) -> None:
        self._logger = logger
        self._monotonic = monotonic
        self._held: dict[str, tuple[float, int]] = {}  # event -> last line at, events since

    def warning(self, event: str) -> None:
        """Log the event, or count it for the next line about it."""
        now = self._monotonic()
        last, held = self._held.get(event, (-_EVERY_SECONDS, 0))
        if now - last < _EVERY_SECONDS:
            self._held[event] = (last, held + 1)
            return
        self._held[event] = (now, 0)
        self._logger.warning("%s (%d more since the last line)", event, held)


def where(error: BaseException) -> str:
    """Name an error and its place, without its text, which may hold what a client sent."""
    place = error.__traceback__
    while place is not None and place.tb_next is not None:
        place = place.tb_next
    if place is None:
        return type(error).__name__
    code = place.tb_frame.f_code
    return f"{type(error).__name__} in {code.co_qualname}, line {place.tb_lineno}"
