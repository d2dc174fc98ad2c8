"""A rate with a burst, kept as one number (the generic cell rate algorithm). Reads no clock."""


class Pace:
    """Admits `rate` a second, and `burst` at once after a quiet time."""

    __slots__ = ("_due", "_interval", "_slack")

    def __init__(self, rate: float, burst: float) -> None:
        self._interval = 1 / rate
        self._slack = (burst - 1) * self._interval
        self._due = 0.0

    def take(self, now: float) -> float:
        """Return 0.0 when admitted, else the seconds after which it would be."""
        due = self._due if self._due > now else now
        wait = due - self._slack - now
        if wait > 0:
            return wait
        self._due = due + self._interval
        return 0.0
