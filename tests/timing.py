"""How long something takes, on a machine that is shared: processor time, the best of some tries."""

import time
from collections.abc import Callable


def quickest(act: Callable[[], object], tries: int = 4) -> float:
    """Seconds of processor time that `act` needs when nothing is in its way."""
    return min(_seconds(act) for _ in range(tries))


def _seconds(act: Callable[[], object]) -> float:
    started = time.thread_time()
    act()
    return time.thread_time() - started
