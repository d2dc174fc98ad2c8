"""What `gateway doctor` looks at: each check is a function that returns findings, and never raises.

Changes nothing, and sends nothing but a health request and a WebSocket handshake to GATEWAY_URL.
"""

import importlib.util
import os
import resource
import shutil
import socket
import sqlite3
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from enum import StrEnum
from pathlib import Path
from urllib.parse import urlsplit

import httpx2

from gateway.cli.handshake import HandshakeError, shake_hands
from gateway.cli.target import DEV_FOLDER, DEV_KEY, find_url, is_loopback
from gateway.errors import GatewayError
from gateway.settings import BadSettings, Settings, check_for_serving, load_settings
from gateway.transport.limits import Limits

FILES_WANTED = 10_000
"""Connections that a small product should be ready for; the default of 1,024 files is not."""
DISK_WANTED_BYTES = 256 * 1024 * 1024
SKEW_SECONDS = 5.0
"""A clock that is off by more shows in expiry times; tokens allow for little more."""
BUILT_IN = 2026
"""No correct clock shows an earlier year than that of this program."""
FIXED_SQLITE = (3, 51, 3)
FIXED_BRANCHES = {(3, 50): 7, (3, 44): 6}
"""Releases without the WAL-reset bug, and back-ported fixes. # F17"""


class Level(StrEnum):
    """How bad a finding is."""

    OK = "ok"
    WARN = "warn"
    FAIL = "fail"


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing that was looked at. `advice` says what to do."""

    level: Level
    check: str
    detail: str
    advice: str = ""


Findings = Iterator[Finding]


def run_checks() -> Findings:
    """Every check, in the order in which one would look."""
    settings = None
    try:
        settings = load_settings(os.environ)
    except BadSettings as error:
        for problem in error.problems:
            yield Finding(Level.FAIL, "settings", problem)
    if settings is not None:
        yield from _settings(settings)
        yield from _guarded("files", lambda: check_files(settings))
        yield from _guarded("database", lambda: check_database(settings))
    yield from _guarded("sqlite", check_sqlite)
    yield from _guarded("loop", check_loop)
    yield from _guarded("clock", check_clock)
    yield from _guarded("gateway", check_gateway)


def _guarded(name: str, check: Callable[[], Findings]) -> Findings:
    """A check that fails in a way nobody thought of is a finding too."""
    try:
        yield from check()
    except (GatewayError, OSError, ValueError) as error:
        yield Finding(Level.FAIL, name, str(error))


def _settings(settings: Settings) -> Findings:
    problems = check_for_serving(settings)
    if problems and DEV_KEY.exists():
        detail = f"{DEV_FOLDER} is here: looking at a `gateway dev`; not ready for `gateway serve`"
        yield Finding(Level.WARN, "settings", detail, "what is missing:  gateway config check")
        return
    for problem in problems:
        yield Finding(Level.FAIL, "settings", problem)
    if not problems:
        yield Finding(Level.OK, "settings", "`gateway serve` takes them")


def check_files(settings: Settings) -> Findings:
    """Every connection is an open file."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    room = Limits.from_settings(Settings(), soft).connections
    wanted = settings.max_connections or FILES_WANTED
    detail = f"{soft:,} files at once: room for {room:,} connections"
    if room >= wanted:
        yield Finding(Level.OK, "files", detail)
        return
    level = Level.FAIL if settings.max_connections else Level.WARN
    needed = max(65_536, wanted * 2)
    by_root = "" if hard == resource.RLIM_INFINITY or hard >= needed else " (as root)"
    yield Finding(
        level,
        "files",
        f"{detail}; {wanted:,} are {'set' if settings.max_connections else 'usual'}",
        f"ulimit -n {needed}{by_root}; systemd: LimitNOFILE=; docker: --ulimit nofile=",
    )


def check_database(settings: Settings) -> Findings:
    """Is it there, has it this version's schema, has its disk room?"""
    # imported here: a doctor with broken settings need not load the database
    from gateway.store.location import Location
    from gateway.store.migrate import SchemaState, state

    url = settings.database_url
    if not url.startswith("sqlite"):
        yield Finding(Level.WARN, "database", "not SQLite: not looked at")
        return
    location = Location(url)
    standing = state(url)
    if standing is SchemaState.CURRENT:
        yield Finding(Level.OK, "database", f"{location} has this version's schema")
    elif standing is SchemaState.NEWER:
        advice = "install the version of the gateway that made it"
        yield Finding(Level.FAIL, "database", f"{location} has a newer schema", advice)
    elif DEV_KEY.exists() and standing is SchemaState.EMPTY:
        yield Finding(Level.OK, "database", f"{location} is not there; `gateway dev` keeps its own")
    else:
        advice = "type:  gateway migrate"
        yield Finding(Level.FAIL, "database", f"{location}: schema is {standing}", advice)
    if location.file is not None:
        yield from check_folder(location.file.parent)


def check_folder(folder: Path) -> Findings:
    """SQLite writes its log beside the database."""
    if not folder.is_dir() or not os.access(folder, os.W_OK):
        advice = "make it, or give the gateway's user the right to write there"
        yield Finding(Level.FAIL, "disk", f"cannot write to {folder}", advice)
        return
    free = shutil.disk_usage(folder).free
    level = Level.OK if free >= DISK_WANTED_BYTES else Level.WARN
    advice = "" if level is Level.OK else "make room: a full disk refuses every change"
    yield Finding(level, "disk", f"{free // 1024**2:,} MiB free in {folder}", advice)


def check_sqlite() -> Findings:
    """Which SQLite this Python has. # F17"""
    version = sqlite3.sqlite_version_info
    if has_wal_fix(version):
        yield Finding(Level.OK, "sqlite", sqlite3.sqlite_version)
        return
    yield Finding(
        Level.WARN,
        "sqlite",
        f"{sqlite3.sqlite_version} can corrupt a database that two processes write to at once",
        "the gateway keeps others out with a lock: never write to its file by other means; "
        "fixed in 3.51.3",
    )


def has_wal_fix(version: tuple[int, ...]) -> bool:
    """True when this release of SQLite cannot lose a WAL to two writers."""
    if version >= FIXED_SQLITE:
        return True
    patch = FIXED_BRANCHES.get((version[0], version[1]))
    return patch is not None and version[2] >= patch


def check_loop() -> Findings:
    """uvloop is twice as fast, and survives running out of files quietly. # F16"""
    if importlib.util.find_spec("uvloop"):
        yield Finding(Level.OK, "loop", "uvloop")
    else:
        yield Finding(Level.WARN, "loop", "asyncio's own", "pip install uvloop")


def check_clock() -> Findings:
    """A clock that was never set makes every token look expired, or none."""
    now = datetime.now(UTC)
    if now.year < BUILT_IN:
        yield Finding(Level.FAIL, "clock", f"it shows {now:%Y-%m-%d %H:%M} UTC", "set it (NTP)")
    else:
        yield Finding(Level.OK, "clock", f"{now:%Y-%m-%d %H:%M:%S} UTC")


def check_gateway() -> Findings:
    """Does one answer at GATEWAY_URL, is it ready, do WebSockets get through?"""
    url = find_url()
    parts = urlsplit(url)
    host = parts.hostname or ""
    if parts.scheme == "http" and not is_loopback(host):
        yield Finding(
            Level.WARN, "gateway", f"{url} is not encrypted", "use https, keys travel on it"
        )
    with httpx2.Client(base_url=url, timeout=5, trust_env=not is_loopback(host)) as client:
        try:
            health = client.get("/healthz")
        except httpx2.TransportError as error:
            yield from _nobody(
                url, host, parts.port or (443 if parts.scheme == "https" else 80), error
            )
            return
        if not health.is_success:
            detail = f"{url} answers /healthz with HTTP {health.status_code}"
            yield Finding(Level.FAIL, "gateway", detail, "is GATEWAY_URL right?")
            return
        yield Finding(Level.OK, "gateway", f"{url} answers")
        yield from _ready(client)
        yield from _skew(health)
    yield from _websockets(url, host)


def _nobody(url: str, host: str, port: int, error: Exception) -> Findings:
    """Nothing answers: on this machine, say whether a gateway could start there."""
    detail = f"nothing answers at {url} ({error})"
    if not is_loopback(host):
        yield Finding(Level.FAIL, "gateway", detail, "is GATEWAY_URL right, is it running?")
    elif is_port_free(host, port):
        advice = "start one:  gateway dev  or  gateway serve"
        yield Finding(Level.WARN, "gateway", f"none runs at {url}; the port is free", advice)
    else:
        advice = "stop it, or set another GATEWAY_PORT"
        yield Finding(Level.FAIL, "gateway", f"another program holds {host}:{port}", advice)


def is_port_free(host: str, port: int) -> bool:
    """True when a server could listen there."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    with socket.socket(family) as probe:
        # as servers do: a port whose last connections are still ending is free
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((host, port))
        except OSError:
            return False
    return True


def _ready(client: httpx2.Client) -> Findings:
    try:
        ready = client.get("/readyz")
    except httpx2.TransportError as error:
        yield Finding(Level.FAIL, "ready", f"no answer to /readyz ({error})")
        return
    if ready.is_success:
        yield Finding(Level.OK, "ready", "it takes connections")
    else:
        advice = "it drains, or its store does not answer: see its log"
        yield Finding(Level.FAIL, "ready", f"/readyz says HTTP {ready.status_code}", advice)


def _skew(response: httpx2.Response) -> Findings:
    """The gateway's clock against this machine's."""
    try:
        theirs = parsedate_to_datetime(response.headers["Date"])
    except (KeyError, ValueError):
        return
    # a Date is in GMT whatever it says (RFC 9110 §5.6.7)
    off = abs((datetime.now(UTC) - theirs.replace(tzinfo=UTC)).total_seconds())
    if off > SKEW_SECONDS:
        detail = f"this machine's clock is {off:.0f} s away from the gateway's"
        yield Finding(
            Level.WARN, "clock", detail, "set both by NTP: expiry and tokens depend on it"
        )


def _websockets(url: str, host: str) -> Findings:
    try:
        shake_hands(url, host)
    except HandshakeError as error:
        advice = (
            "a proxy in between must pass WebSockets on; nginx: proxy_http_version 1.1; "
            'proxy_set_header Upgrade $http_upgrade; proxy_set_header Connection "upgrade";'
        )
        yield Finding(Level.FAIL, "websocket", str(error), advice)
    else:
        yield Finding(Level.OK, "websocket", "upgrade and ping get through")
