"""What a terminal shows: colour, drawing in place, Ctrl-C. Real processes on a real pseudo-tty."""

import os
import pty
import signal
import subprocess
import sys
from pathlib import Path

import pytest

import gateway
from gateway.cli.reach import _watch
from tests.gateway.cli.fake_gateway import FakeGateway, reach

ROOT = Path(gateway.__file__).parents[1]
MESSAGE = {"id": "msg_1", "kind": "banner", "state": "live", "severity": "major",
           "content": {"en": {"body": "word " * 100}}, "reach": reach()}  # fmt: skip


def on_terminal(fake: FakeGateway, *words: str, **more: str) -> tuple[int, str]:
    """Run the command on an 80-column terminal; the exit code, and all that it wrote."""
    leader, follower = pty.openpty()
    environ = {**os.environ, "GATEWAY_URL": fake.url, "GATEWAY_KEY": "k", "TERM": "xterm",
               "COLUMNS": "80", **more}  # fmt: skip
    process = subprocess.Popen(
        [sys.executable, "-m", "gateway", *words],
        stdout=follower, stderr=follower, stdin=follower, cwd=ROOT, env=environ,
    )  # fmt: skip
    os.close(follower)
    written = b""
    try:
        while chunk := os.read(leader, 65_536):
            written += chunk
    except OSError:
        pass  # how Linux says that the last writer has gone
    os.close(leader)
    return process.wait(20), written.decode()


def test_a_terminal_gets_colour_and_lines_that_fit(fake: FakeGateway) -> None:
    """One message, one line."""
    fake.answer({"data": [MESSAGE], "next_cursor": None})
    code, written = on_terminal(fake, "list")
    _, row = written.splitlines()
    assert code == 0
    assert "\x1b[" in written
    assert len(row) <= 80
    assert row.endswith("…")


def test_no_color_is_honoured(fake: FakeGateway) -> None:
    """https://no-color.org: set and not empty."""
    fake.answer({"data": [MESSAGE], "next_cursor": None})
    assert "\x1b[" not in on_terminal(fake, "list", NO_COLOR="1")[1]


def test_a_watch_draws_over_itself(fake: FakeGateway) -> None:
    """On a terminal the numbers change in place."""
    fake.stream(reach(online=3, sent=1), reach(online=3, sent=3))
    code, written = on_terminal(fake, "reach", "msg_1", "--watch", NO_COLOR="1")
    assert code == 0
    assert written.count("\x1b[5A\x1b[J") == 1


def test_a_dumb_terminal_is_not_drawn_on(fake: FakeGateway) -> None:
    """An editor's shell, a serial console."""
    fake.stream(reach(online=3, sent=1), reach(online=3, sent=3))
    _, written = on_terminal(fake, "reach", "msg_1", "--watch", TERM="dumb", NO_COLOR="1")
    assert "\x1b" not in written


def test_ctrl_c_is_how_a_watch_is_left() -> None:
    """Not an error: exit code 0."""

    def interrupt(_: bytes) -> None:
        raise KeyboardInterrupt

    _watch(iter([b"{}"]), interrupt)


@pytest.mark.parametrize("words", [("list",), ("reach", "msg_1")])
def test_a_closed_pipe_is_no_traceback(fake: FakeGateway, words: tuple[str, ...]) -> None:
    """`gateway list | head -0`."""
    fake.answer({"data": [MESSAGE] * 50, "next_cursor": None})
    read, write = os.pipe()
    os.close(read)
    done = subprocess.run(
        [sys.executable, "-m", "gateway", *words],
        stdout=write, stderr=subprocess.PIPE, cwd=ROOT, timeout=20, check=False,
        env={**os.environ, "GATEWAY_URL": fake.url, "GATEWAY_KEY": "k"},
        restore_signals=True,
    )  # fmt: skip
    os.close(write)
    assert b"Traceback" not in done.stderr
    assert done.returncode in (0, 1, -signal.SIGPIPE)
