"""Log lines that peers can cause."""

import pytest
from structlog.testing import capture_logs

from gateway.transport.quiet import QuietLog, where


def test_a_flood_of_one_event_is_one_line_and_a_count() -> None:
    """F16: a million refusals must not become a million lines."""
    now = [100.0]
    quiet = QuietLog("quiet.test", lambda: now[0])
    with capture_logs() as lines:
        for _ in range(1_000):
            quiet.warning("request_refused", "node_full")
        quiet.warning("request_refused", "bad_host")
        now[0] += 11
        quiet.warning("request_refused", "node_full")
    assert [(line["reason"], line["unsaid"]) for line in lines] == [
        ("node_full", 0),
        ("bad_host", 0),
        ("node_full", 999),
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
