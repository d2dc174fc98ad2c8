"""Which gateway the client verbs talk to, and with which key. Talks to nobody."""

import os
from dataclasses import dataclass
from ipaddress import ip_address
from pathlib import Path
from urllib.parse import urlsplit

import click

from gateway.cli.output import Failure

DEFAULT_URL = "http://127.0.0.1:8000"
DEV_FOLDER = Path(".gateway-dev")
"""Where `gateway dev` keeps its database and secrets, under the current folder."""
DEV_KEY = DEV_FOLDER / "admin-key"


@dataclass(frozen=True, slots=True)
class Target:
    """A gateway's address, and the key to show there."""

    url: str
    key: str

    @property
    def is_loopback(self) -> bool:
        """True when nothing that is sent there leaves this machine."""
        return is_loopback(urlsplit(self.url).hostname or "")


def find_target() -> Target:
    """Read the target from the environment; beside a `gateway dev`, use its key."""
    url = find_url()
    key = os.environ.get("GATEWAY_KEY", "").strip() or _dev_key(url)
    if not key:
        raise Failure(
            "No admin key: GATEWAY_KEY is not set.",
            "Type:  export GATEWAY_KEY=…",
            "`gateway dev` prints a key when it starts; "
            "an admin makes more with:  gateway keys create NAME",
        )
    if not (key.isascii() and key.isprintable()) or " " in key:
        raise Failure(
            "GATEWAY_KEY holds characters that no key has.", "Was it cut or quoted twice?"
        )
    return Target(url, key)


def find_url() -> str:
    """GATEWAY_URL, checked, without a slash at its end."""
    url = os.environ.get("GATEWAY_URL", "").strip() or DEFAULT_URL
    try:
        parts = urlsplit(url)
        is_usable = parts.scheme in ("http", "https") and bool(parts.hostname) and parts.port != 0
    except ValueError:
        is_usable = False
    if not is_usable:
        raise click.UsageError(
            f"GATEWAY_URL is {url!r}: write it like {DEFAULT_URL} or https://gateway.example.com"
        )
    return url.rstrip("/")


def _dev_key(url: str) -> str:
    """The key of a `gateway dev` that was started in this folder; never for another machine."""
    if not is_loopback(urlsplit(url).hostname or ""):
        return ""
    try:
        return DEV_KEY.read_text(encoding="ascii").strip()
    except (OSError, ValueError):
        return ""


def is_loopback(host: str) -> bool:
    """True for localhost and for the loopback addresses."""
    if host == "localhost" or host.endswith(".localhost"):
        return True
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return False
