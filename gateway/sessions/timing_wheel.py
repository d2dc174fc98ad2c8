"""One timing wheel a node: every timer of every session, none of them a timer of the event loop.

An entry costs one slot in a list. Nothing is ever searched or removed: an entry whose reason has
gone finds that out when its turn comes. Turns are `RESOLUTION` seconds apart, so a timer may ring
that much late, never early.
"""

import asyncio
from collections.abc import Callable
from typing import Protocol

RESOLUTION = 0.25
"""Seconds a turn. Heartbeats, expiry and stall limits are seconds, so a quarter is fine enough,
and four wake-ups a second cost nothing that can be measured."""

_MOST_TURNS_AT_ONCE = 64
"""After a pause longer than this many turns (a stopped process), catch up in one go."""


class Timed(Protocol):
    """What can be put on the wheel."""

    def on_time(self) -> None:
        """The time has come. Must not block and must not raise."""
        ...


class Timer:
    """A callback on the wheel that can be called off."""

    __slots__ = ("_callback",)

    def __init__(self, callback: Callable[[], object]) -> None:
        self._callback: Callable[[], object] | None = callback

    def cancel(self) -> None:
        """Do not ring. Harmless when it has rung."""
        self._callback = None

    def on_time(self) -> None:
        callback, self._callback = self._callback, None
        if callback is not None:
            callback()


class TimingWheel:
    """Timers of one node, driven by `monotonic`; `run` turns it until cancelled."""

    def __init__(
        self,
        monotonic: Callable[[], float],
        on_error: Callable[[BaseException], None],
    ) -> None:
        self._monotonic = monotonic
        self._on_error = on_error
        self._start = monotonic()
        self._slots: dict[int, list[Timed]] = {}
        self.turn = 0
        """How many turns have passed; sessions use it as a cheap clock."""

    def add(self, delay_seconds: float, entry: Timed) -> None:
        """Call `entry.on_time()` once, `delay_seconds` from now or up to one turn later."""
        due = self._monotonic() - self._start + delay_seconds
        turn = max(self.turn + 1, int(due / RESOLUTION) + 1)
        slot = self._slots.get(turn)
        if slot is None:
            self._slots[turn] = [entry]
        else:
            slot.append(entry)

    def schedule(self, delay_seconds: float, callback: Callable[[], object]) -> Timer:
        """Call `callback` once; the Timer that is returned can call it off."""
        timer = Timer(callback)
        self.add(delay_seconds, timer)
        return timer

    def advance(self) -> None:
        """Ring everything that is due."""
        target = int((self._monotonic() - self._start) / RESOLUTION)
        if target - self.turn > _MOST_TURNS_AT_ONCE:
            self._advance_over_gap(target)
        while self.turn < target:
            self.turn += 1
            self._ring(self._slots.pop(self.turn, ()))

    def _advance_over_gap(self, target: int) -> None:
        due = sorted(turn for turn in self._slots if turn < target)
        self.turn = target - 1
        for turn in due:
            self._ring(self._slots.pop(turn))

    def _ring(self, entries: "list[Timed] | tuple[()]") -> None:
        for entry in entries:
            try:
                entry.on_time()
            except Exception as error:  # one bad timer must not stop the others
                self._on_error(error)

    async def run(self) -> None:
        """Turn the wheel until cancelled."""
        while True:
            await asyncio.sleep(RESOLUTION)
            self.advance()
