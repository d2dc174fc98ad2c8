"""Which pages may open a WebSocket: the `Origin` allow-list (PROTOCOL §2).

Protects users' browsers from foreign pages; it is no authentication, since programs may leave
`Origin` out, and then it does not apply.
"""

import re
from collections.abc import Iterable

from gateway.errors import Misconfigured

_ENTRY = re.compile(r"(https?)://(\*\.)?([a-z0-9.-]+|\[[0-9a-f:]+\])(:\d{1,5})?")
_LABELS = re.compile(r"[a-z0-9-]+(\.[a-z0-9-]+)*")
_DEFAULT_PORTS = {"http": ":80", "https": ":443"}
_LOOPBACK = frozenset({"localhost", "127.0.0.1", "[::1]"})
_LOCAL_PAGE = re.compile(r"https?://(localhost|127\.0\.0\.1|\[::1\])(:\d{1,5})?")
_REMEMBERED = 1_024
"""Verdicts kept; a site has few origins, and a flood of invented ones must not grow this."""


class Origins:
    """An allow-list, compiled once: exact origins, and `https://*.example.com`."""

    def __init__(self, allowed: Iterable[str], *, loopback_only: bool = False) -> None:
        """`loopback_only` is for development, where anybody may say who they are: a page whose
        name was pointed at this machine by somebody else's DNS is then no same host, and one that
        is served from this machine itself, on whatever port, needs no entry."""
        self._loopback_only = loopback_only
        self._exact: set[str] = set()
        self._below: list[tuple[str, str]] = []
        self._verdicts: dict[str, bool] = {}
        for entry in allowed:
            self._add(entry)

    def _add(self, entry: str) -> None:
        match = _ENTRY.fullmatch(entry.strip().rstrip("/").lower())
        if match is None:
            raise Misconfigured(
                f"GATEWAY_ALLOWED_ORIGINS: {entry!r} is no origin; "
                "write https://app.example.com or https://*.example.com"
            )
        scheme, wildcard, host, port = match.groups(default="")
        port = "" if port == _DEFAULT_PORTS[scheme] else port
        if wildcard:
            self._below.append((f"{scheme}://", f".{host}{port}"))
        else:
            self._exact.add(f"{scheme}://{host}{port}")

    def allow(self, origin: str, host: str) -> bool:
        """True for an origin on the list, or of the very host that was asked.

        The scheme of our own side is unknown behind a proxy, so both default ports are taken
        for none when hosts are compared.
        """
        verdict = self._verdicts.get(origin)
        if verdict is None:
            verdict = self._decide(origin.lower())
            if len(self._verdicts) < _REMEMBERED:
                self._verdicts[origin] = verdict
        host = host.lower()
        if self._loopback_only and not _is_loopback(host):
            return False
        return verdict or _is_same_host(origin.lower(), host)

    def _decide(self, origin: str) -> bool:
        if origin in self._exact:
            return True
        if self._loopback_only and _LOCAL_PAGE.fullmatch(origin) is not None:
            return True
        return any(
            origin.startswith(scheme)
            and origin.endswith(suffix)
            and _LABELS.fullmatch(origin[len(scheme) : -len(suffix)]) is not None
            for scheme, suffix in self._below
        )


def _is_loopback(host: str) -> bool:
    name = host[: host.find("]") + 1] if host.startswith("[") else host.partition(":")[0]
    return name in _LOOPBACK


def _is_same_host(origin: str, host: str) -> bool:
    scheme, separator, authority = origin.partition("://")
    port = _DEFAULT_PORTS.get(scheme)
    if not separator or port is None:
        return False
    return authority == host or authority == host.removesuffix(port)
