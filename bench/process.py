"""Servers under measurement: started on their own core, waited for, and always ended, by pid."""

import os
import signal
import socket
import subprocess
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path

from bench.tools import Unavailable

SERVER_CORE = 0
METER_CORE = 1
START_SECONDS = 20
STOP_SECONDS = 5


def pinned(core: int, command: Sequence[str]) -> list[str]:
    """The command held on one core; on one core there is nothing to hold."""
    return ["taskset", "-c", str(core), *command] if (os.cpu_count() or 1) > 1 else [*command]


def free_port() -> int:
    """A port that nobody listens on right now."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@contextmanager
def serving(
    command: Sequence[str],
    *ports: int,
    folder: Path,
    env: Mapping[str, str] | None = None,
) -> Iterator[int]:
    """Run a server in a folder until the block ends; yields its pid once all ports answer."""
    log = folder / "server.log"
    with log.open("wb") as output:
        process = subprocess.Popen(
            pinned(SERVER_CORE, [str(part) for part in command]),
            cwd=folder,
            env={**os.environ, **(env or {})},
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )
        try:
            for port in ports:
                _wait_for(port, process, log)
            yield process.pid
        finally:
            _stop(process)


def family(pid: int) -> list[int]:
    """The process and its children: a server may do its work in a worker."""
    listing = Path(f"/proc/{pid}/task/{pid}/children").read_text()
    return [pid, *(each for child in listing.split() for each in family(int(child)))]


def _wait_for(port: int, process: "subprocess.Popen[bytes]", log: Path) -> None:
    deadline = time.monotonic() + START_SECONDS
    while time.monotonic() < deadline:
        if process.poll() is not None:
            raise Unavailable(f"it ended at the start: {_last_line(log)}")
        try:
            socket.create_connection(("127.0.0.1", port), timeout=1).close()
            return
        except OSError:
            time.sleep(0.05)
    raise Unavailable(f"no answer on its port within {START_SECONDS} s: {_last_line(log)}")


def _last_line(log: Path) -> str:
    lines = [line for line in log.read_text(errors="replace").splitlines() if line.strip()]
    return lines[-1][:160] if lines else "it said nothing"


def _stop(process: "subprocess.Popen[bytes]") -> None:
    """Ask, then insist; the whole session of the process, so that no worker stays behind."""
    for ask in (signal.SIGTERM, signal.SIGKILL):
        try:
            os.killpg(process.pid, ask)
            process.wait(STOP_SECONDS)
        except ProcessLookupError:
            return
        except subprocess.TimeoutExpired:
            continue
