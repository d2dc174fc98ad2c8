"""How much happens a second, over the last ten: for a look at the node, not for accounting."""

from collections import deque
from collections.abc import Callable, Mapping

WINDOW_SECONDS = 10


class Rates:
    """Averages of counters that only grow; `sample` is called once a second."""

    def __init__(self, counters: Mapping[str, Callable[[], int]]) -> None:
        self._counters = counters
        self._samples: deque[tuple[int, ...]] = deque(maxlen=WINDOW_SECONDS + 1)
        self.sample()

    def sample(self) -> None:
        """Remember where the counters stand now."""
        self._samples.append(tuple(read() for read in self._counters.values()))

    def per_second(self) -> dict[str, float]:
        """Each counter's growth a second, by `<name>_per_second`."""
        first, last = self._samples[0], self._samples[-1]
        seconds = max(1, len(self._samples) - 1)
        return {
            f"{name}_per_second": round((after - before) / seconds, 1)
            for name, before, after in zip(self._counters, first, last, strict=True)
        }
