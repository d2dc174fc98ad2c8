"""Runs the meter (meter.c) and reads what it measured. Knows no server."""

import json
import subprocess
from dataclasses import dataclass, field
from statistics import median
from typing import Any

from bench.process import METER_CORE, pinned
from bench.tools import Unavailable, compile_c

TEXT_BYTES = 200
MARKER = "BCAST"
TEXT = MARKER + "x" * (TEXT_BYTES - len(MARKER))
"""What every server sends to everybody."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Target:
    """How to reach a server, and what to tell it."""

    port: int
    pids: list[int]
    options: list[str] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class Sample:
    """One run of the meter. Times in ms, CPU in µs."""

    raw: dict[str, Any]

    @property
    def connections(self) -> int:
        return int(self.raw["ready"])

    @property
    def connects_per_second(self) -> float:
        return self.connections / float(self.raw["ready_s"])

    @property
    def connect_cpu_us(self) -> float:
        return float(self.raw["connect_cpu_us"])

    @property
    def kib_per_connection(self) -> float:
        return float(self.raw["kib_idle"] - self.raw["kib_before"]) / max(1, self.connections)

    @property
    def kib_grown(self) -> float:
        """KiB that the server took while it published."""
        return float(self.raw["kib_after"] - self.raw["kib_idle"])

    @property
    def idle_cpu(self) -> float:
        """Share of one core that the server used while all was still."""
        return float(self.raw["idle_cpu"])

    @property
    def frame_bytes(self) -> float:
        return float(self.raw["frame_bytes"]) / max(1, int(self.raw["frames"]))

    @property
    def missed(self) -> int:
        return sum(int(each["missed"]) for each in self.raw["rounds"])

    @property
    def cpu_us(self) -> float:
        """CPU of the server per delivery."""
        return self._median("cpu_us")

    @property
    def first(self) -> float:
        return self._median("first")

    @property
    def p50(self) -> float:
        return self._median("p50")

    @property
    def p99(self) -> float:
        return self._median("p99")

    @property
    def last(self) -> float:
        """From the publish request sent to the last connection having it."""
        return self._median("last")

    def _median(self, name: str) -> float:
        return median(float(each[name]) for each in self.raw["rounds"])


def measure(
    target: Target,
    n: int,
    *,
    rounds: int = 0,
    gap: float = 0.2,
    idle: float = 0,
    stall: int = 0,
) -> Sample:
    """Connect n times, idle, publish; raises Unavailable when the server did not play along.

    Args:
        rounds, gap: how often to publish, and how many seconds to wait in between.
        idle: for how many seconds to be still before.
        stall: how many connections stop reading before the first round.
    """
    command = [str(compile_c("meter")), "--port", str(target.port), "-n", str(n)]
    command += ["--rounds", str(rounds), "--gap", str(gap)]
    command += ["--idle", str(idle), "--stall", str(stall)]
    command += ["--server-pid", ",".join(map(str, target.pids)), *target.options]
    done = subprocess.run(
        pinned(METER_CORE, command), capture_output=True, text=True, timeout=600 + idle, check=False
    )
    if done.returncode:
        raise Unavailable(f"the meter failed: {done.stderr.strip()[:200]}")
    sample = Sample(json.loads(done.stdout))
    if sample.connections < n:
        raise Unavailable(f"{sample.connections} of {n} connected: {done.stderr.strip()[:160]}")
    if rounds and not sample.raw["rounds"]:
        raise Unavailable(f"nothing was delivered; it answered {sample.raw['answer']!r}")
    return sample
