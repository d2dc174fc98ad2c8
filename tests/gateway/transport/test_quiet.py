"""Log lines that peers can cause."""

import logging

import pytest

from gateway.transport.quiet import QuietLog, where


def test_a_flood_of_one_event_is_one_line_and_a_count(caplog: pytest.LogCaptureFixture) -> None:
    """F16: a million refusals must not become a million lines."""
    now = [100.0]
    quiet = QuietLog(logging.getLogger("quiet.test"), lambda: now[0])
    for _ in range(1_000):
        quiet.warning("refused: node_full")
    quiet.warning("refused: bad_host")
    now[0] += 11
    quiet.warning("refused: node_full")
    assert [record.getMessage() for record in caplog.records] == [
        "refused: node_full (0 more since the last line)",
        "refused: bad_host (0 more since the last line)",
        "refused: node_full (999 more since the last line)",
    ]


def test_an_error_is_named_without_its_text() -> None:
    """P18: the text may hold what a client sent."""

    def fail() -> None:
        raise ValueError("secret")

    with pytest.raises(ValueError) as caught:
        fail()
    named = where(caught.value)
    assert named.startswith("ValueError in ")
    assert "fail, line" in named
    assert "secret" not in named
    assert where(KeyError("secret")) == "KeyError"
