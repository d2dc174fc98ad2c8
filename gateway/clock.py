"""Time as an argument: wall time for people and expiry, monotonic time for timers.

Nothing else in the gateway reads a clock. Timers use monotonic seconds, so a jump of the wall
clock moves no heartbeat; expiry uses wall time, since that is what operators wrote.
"""

import time
from datetime import UTC, datetime
from typing import Protocol


class Clock(Protocol):
    """Two clocks and nothing else."""

    def now(self) -> datetime:
        """Wall time, timezone-aware UTC."""
        ...

    def monotonic(self) -> float:
        """Seconds that never go back, from an arbitrary start."""
        ...


class SystemClock:
    """The machine's own clocks."""

    def now(self) -> datetime:
        return datetime.now(UTC)

    def monotonic(self) -> float:
        return time.monotonic()
