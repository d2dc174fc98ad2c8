"""The Origin allow-list (PROTOCOL §2)."""

import pytest

from gateway.errors import Misconfigured
from gateway.transport.origins import Origins

LIST = Origins(["https://app.example.com", "https://*.example.org", "http://localhost:5173"])


@pytest.mark.parametrize(
    "origin",
    [
        "https://app.example.com",
        "HTTPS://App.Example.COM",
        "https://a.example.org",
        "https://a.b.example.org",
        "http://localhost:5173",
    ],
)
def test_listed_origins_may_connect(origin: str) -> None:
    """Exact, or any depth below a wildcard; names have no case."""
    assert LIST.allow(origin, "gateway.test")


@pytest.mark.parametrize(
    "origin",
    [
        "null",
        "",
        "https://example.org",
        "https://evil.test",
        "http://a.example.org",
        "https://a.example.org:8443",
        "https://evilexample.org",
        "https://.example.org",
        "https://evil.test/.example.org",
        "https://evil.test#.example.org",
        "https://evil.test:1@a.example.org",
        "https://app.example.com.evil.test",
        "https://app.example.com:444",
        "http://localhost:5174",
        "file://",
        "chrome-extension://abc",
    ],
)
def test_others_may_not(origin: str) -> None:
    """`null` neither: sandboxed frames and local files send it."""
    assert not LIST.allow(origin, "gateway.test")


@pytest.mark.parametrize(
    ("origin", "host", "allowed"),
    [
        ("https://gateway.test", "gateway.test", True),
        ("https://gateway.test", "gateway.test:443", True),
        ("http://127.0.0.1:8000", "127.0.0.1:8000", True),
        ("http://[::1]:8000", "[::1]:8000", True),
        ("https://Gateway.test", "gateway.TEST", True),
        ("https://gateway.test:8000", "gateway.test", False),
        ("https://gateway.test", "gateway.test:8000", False),
        ("null", "null", False),
        ("gateway.test", "gateway.test", False),
        ("ftp://gateway.test", "gateway.test", False),
    ],
)
def test_the_same_host_may_always_connect(origin: str, host: str, allowed: bool) -> None:
    """A page served beside the gateway needs no setting."""
    assert Origins([]).allow(origin, host) is allowed


@pytest.mark.parametrize(
    "entry", ["example.com", "https://", "*", "https://*", "https://a b", "https://a/b", "null"]
)
def test_an_entry_that_is_no_origin_stops_the_start(entry: str) -> None:
    """A typo would lock out a site, or let in the world; the text says what to write."""
    with pytest.raises(Misconfigured, match=r"https://app\.example\.com"):
        Origins([entry])


def test_a_flood_of_origins_is_not_remembered() -> None:
    """Verdicts are kept for speed, within a bound."""
    origins = Origins([])
    for number in range(5_000):
        assert not origins.allow(f"https://{number}.test", "gateway.test")
    assert len(origins._verdicts) <= 1_024


@pytest.mark.parametrize(
    ("origin", "host", "allowed"),
    [
        ("http://localhost:8000", "localhost:8000", True),
        ("http://127.0.0.1:8000", "127.0.0.1:8000", True),
        ("http://[::1]:8000", "[::1]:8000", True),
        ("http://evil.example:8000", "evil.example:8000", False),
        ("http://localhost.evil.example:8000", "localhost.evil.example:8000", False),
    ],
)
def test_in_development_a_name_that_was_pointed_here_is_no_same_host(
    origin: str, host: str, allowed: bool
) -> None:
    """T54: DNS rebinding; in `gateway dev` anybody may say who they are."""
    assert Origins([], loopback_only=True).allow(origin, host) is allowed


@pytest.mark.parametrize(
    ("origin", "allowed"),
    [
        ("http://localhost:3000", True),
        ("http://LOCALHOST", True),
        ("https://127.0.0.1:8443", True),
        ("http://[::1]:5173", True),
        ("http://localhost.evil.test", False),
        ("http://localhost:80@evil.test", False),
        ("http://127.0.0.1.evil.test:80", False),
        ("http://127.0.0.2", False),
        ("ftp://localhost", False),
        ("null", False),
    ],
)
def test_in_development_pages_of_this_machine_need_no_entry(origin: str, allowed: bool) -> None:
    """A35: one's own page on its own development server; never so in `gateway serve`."""
    assert Origins([], loopback_only=True).allow(origin, "127.0.0.1:8000") is allowed
    assert Origins([], loopback_only=True).allow(origin, "evil.test") is False
    assert Origins([]).allow(origin, "gateway.test") is False
