"""Settings: command line, environment `GATEWAY_…`, `…_FILE` twins, a TOML file. Read once at start.

What is set further left wins. Every problem is reported at once, with its place and what to write;
the value of a secret is in no error and no listing. Every field is documented in
docs/operations.md, and a test holds the two together.
"""

import re
import tomllib
from collections.abc import Iterable, Mapping
from difflib import get_close_matches
from pathlib import Path
from typing import Annotated, Any, Literal, NamedTuple

from pydantic import BaseModel, ConfigDict, Field, PrivateAttr, SecretStr, ValidationError

from gateway.errors import Misconfigured
from gateway.setting_types import (
    ByteCount,
    Count,
    DatabaseUrl,
    JwksUrl,
    Names,
    Networks,
    Origins,
    Rate,
    RedisUrl,
    Seconds,
    SecondsOrZero,
    WholeSeconds,
)

PREFIX = "GATEWAY_"
MIN_SECRET_BYTES = 32
"""RFC 7518 §3.2: a key for HS256 is as long as its hash."""
MIN_ADMIN_KEY_CHARACTERS = 24
"""The same bound as identity.keys has: 24 characters of base 64 are 144 bits."""

_MAX_FILE_BYTES = 65_536
_UNPREFIXED = {
    "PORT": "port",
    "REDIS_URL": "redis_url",
    "DATABASE_URL": "database_url",
    "WEB_CONCURRENCY": "workers",
}
"""Names that hosting platforms set."""
_NOT_SETTINGS = ("GATEWAY_CONFIG", "GATEWAY_URL", "GATEWAY_KEY")
"""Where the file is, and what the client verbs read."""
_COMMAND_ONLY = {"dev"}
"""Never from the environment: in dev, anybody may say who they are."""
_KUBERNETES = re.compile(r"GATEWAY_(SERVICE_(HOST|PORT\w*)|PORT_\d+_(TCP|UDP|SCTP)\w*)")
"""What Kubernetes tells every pod about a service that is named `gateway`."""


class BadSettings(Misconfigured):
    """`problems` has one line for each thing that is wrong."""

    code = "bad_settings"

    def __init__(self, problems: Iterable[str]) -> None:
        self.problems = tuple(dict.fromkeys(problems))
        super().__init__("\n".join(("The settings do not hold:", *self.problems)))


class Settings(BaseModel):
    """One frozen value with everything that can be set. Durations are seconds, sizes bytes."""

    model_config = ConfigDict(
        frozen=True, extra="forbid", hide_input_in_errors=True, validate_default=False
    )

    # where
    host: Annotated[str, Field(pattern=r"^\S+$")] = "127.0.0.1"
    port: Annotated[int, Field(ge=0, le=65_535)] = 8000
    workers: Count = 1
    database_url: Annotated[DatabaseUrl, Field(repr=False)] = "sqlite:///gateway.db"
    redis_url: Annotated[RedisUrl | None, Field(repr=False)] = None
    node_id: Annotated[str, Field(pattern=r"^[A-Za-z0-9_.:-]{1,64}$")] | None = None

    # who may
    token_secret: SecretStr | None = None
    token_jwks_url: JwksUrl | None = None
    token_public_key: str | None = None
    token_audience: str | None = None
    token_issuer: str | None = None
    token_max_lifetime: Seconds = 86_400
    admin_key: SecretStr | None = None
    allowed_origins: Origins = ()
    trusted_proxies: Networks = ()
    client_traits: Names = ()

    # how much
    max_connections: Count | None = None
    max_connections_per_user: Count = 20
    connections_overflow: Literal["refuse_newest", "replace_oldest"] = "refuse_newest"
    max_connect_rate: Rate = 5_000
    max_frames_per_second: Rate = 10
    frames_burst: Count = 40
    max_frame_bytes: ByteCount = 16_384
    max_body_bytes: ByteCount = 65_536
    send_buffer_bytes: ByteCount = 65_536
    outbox_soft_bytes: ByteCount = 65_536
    outbox_hard_bytes: ByteCount = 262_144

    # how long
    head_timeout: Seconds = 5
    body_timeout: Seconds = 10
    connect_timeout: Seconds = 8
    heartbeat_interval: WholeSeconds = 25
    heartbeat_grace: WholeSeconds = 10
    stall_timeout: Seconds = 10
    close_timeout: Seconds = 5
    max_lifetime: Seconds = 86_400
    reauth_within: Seconds = 60
    drain_over: SecondsOrZero = 30
    drain_grace: SecondsOrZero = 5
    resolved_linger: SecondsOrZero = 30
    receipts_flush: Seconds = 0.25

    # house
    rules_dir: Path | None = None
    log_format: Literal["auto", "json", "console"] = "auto"
    log_level: Literal["debug", "info", "warning", "error"] = "info"
    docs: bool = True
    dev: bool = False

    _sources: dict[str, str] = PrivateAttr(default_factory=dict)


# Reading


def load_settings(environ: Mapping[str, str], **overrides: Any) -> Settings:
    """Read all sources; `overrides` come from the command line, None is not given.

    Raises BadSettings with every problem.
    """
    found = _Found()
    found.read_file(environ.get("GATEWAY_CONFIG"))
    found.read_unprefixed(environ)
    found.read_environment(environ)
    for field, value in overrides.items():
        if value is not None:
            found.set(field, value, "command line")
    return found.build()


class _Found:
    """Values by field, where each came from, and what was wrong on the way."""

    def __init__(self) -> None:
        self._values: dict[str, Any] = {}
        self._sources: dict[str, str] = {}
        self._problems: list[str] = []

    def set(self, field: str, value: Any, source: str) -> None:
        """Take a value; a later one for the same field wins."""
        self._values[field] = value
        self._sources[field] = source

    def read_file(self, path: str | None) -> None:
        """Take what the TOML file says."""
        if not path:
            return
        try:
            table = tomllib.loads(_read_text(path))
        except (OSError, ValueError) as error:
            self._problems.append(f"GATEWAY_CONFIG: cannot read {path}: {_why(error)}")
            return
        for name, value in table.items():
            self._set_named(name, value, f"{name} in {path}", _field_names())

    def read_unprefixed(self, environ: Mapping[str, str]) -> None:
        """Take the names that hosting platforms set."""
        for name, field in _UNPREFIXED.items():
            if environ.get(name):
                self.set(field, environ[name], name)

    def read_environment(self, environ: Mapping[str, str]) -> None:
        """Take `GATEWAY_…`; an empty value is as good as none."""
        known = {PREFIX + field.upper(): field for field in _field_names()}
        for name, value in sorted(environ.items()):
            if not name.startswith(PREFIX) or not value or _is_not_ours(name, value):
                continue
            if name.endswith("_FILE") and environ.get(name.removesuffix("_FILE")):
                self._problems.append(f"{name}: set this or {name.removesuffix('_FILE')}, not both")
                continue
            self._set_named(name, value, name, known)

    def _set_named(self, name: str, value: Any, source: str, known: Mapping[str, str]) -> None:
        field = known.get(name)
        if field is not None:
            self.set(field, value, source)
            return
        suffix = "_FILE" if name.isupper() else "_file"
        field = known.get(name.removesuffix(suffix))
        if field is not None:
            self._set_from(field, str(value), source)
        else:
            self._problems.append(f"{source}: {_unknown(name, known)}")

    def _set_from(self, field: str, path: str, source: str) -> None:
        try:
            self.set(field, _read_text(path).strip(), source)
        except (OSError, ValueError) as error:
            self._problems.append(f"{source}: cannot read {path}: {_why(error)}")

    def build(self) -> Settings:
        """Make the settings, or raise BadSettings."""
        try:
            settings = Settings(**self._values)
        except ValidationError as error:
            self._problems += [self._describe(dict(fault)) for fault in error.errors()]
        if self._problems:
            raise BadSettings(self._problems)
        settings._sources.update(self._sources)
        return settings

    def _describe(self, fault: dict[str, Any]) -> str:
        field = str(fault["loc"][0])
        text = str(fault["msg"]).removeprefix("Value error, ")
        return f"{self._sources.get(field, field)}: {text}{self._shown(field)}"

    def _shown(self, field: str) -> str:
        shape = Settings.model_fields.get(field)
        if shape is None or not shape.repr or _is_secret(field):
            return ""
        return f" (found {_masked(field, self._values[field])[:60]!r})"


def _field_names() -> dict[str, str]:
    return {field: field for field in Settings.model_fields if field not in _COMMAND_ONLY}


def _is_secret(field: str) -> bool:
    return "SecretStr" in str(Settings.model_fields[field].annotation) or field.endswith("_key")


def _is_not_ours(name: str, value: str) -> bool:
    if name in _NOT_SETTINGS or _KUBERNETES.fullmatch(name):
        return True
    return name == "GATEWAY_PORT" and re.match(r"(tcp|udp|sctp)://", value) is not None


def _unknown(name: str, known: Iterable[str]) -> str:
    if name.lower().removeprefix(PREFIX.lower()) in _COMMAND_ONLY:
        return "cannot be set; type gateway dev"
    close = get_close_matches(name, list(known), n=1)
    return f"there is no such setting{f'; did you mean {close[0]}?' if close else ''}"


def _read_text(path: str) -> str:
    with Path(path).open("rb") as file:
        content = file.read(_MAX_FILE_BYTES + 1)
    if len(content) > _MAX_FILE_BYTES:
        raise ValueError(f"it is larger than {_MAX_FILE_BYTES} bytes")
    return content.decode()


def _why(error: Exception) -> str:
    if isinstance(error, UnicodeDecodeError):
        return "it is not UTF-8 text"
    return error.strerror or "unreadable" if isinstance(error, OSError) else str(error)


# Judging


def check_for_serving(settings: Settings) -> list[str]:
    """Say what keeps these settings from serving real users; each line says what to type."""
    problems = [*_check_token_keys(settings), *_check_admin_key(settings)]
    if settings.workers > 1 and settings.redis_url is None:
        problems.append(
            "GATEWAY_WORKERS: more than one worker needs GATEWAY_REDIS_URL, to reach each other"
        )
    if settings.workers > 1 and settings.database_url.startswith("sqlite"):
        problems.append(
            "GATEWAY_WORKERS: more than one worker needs PostgreSQL in GATEWAY_DATABASE_URL;"
            " SQLite has one writer"
        )
    if settings.outbox_soft_bytes > settings.outbox_hard_bytes:
        problems.append("GATEWAY_OUTBOX_SOFT_BYTES: must not be above GATEWAY_OUTBOX_HARD_BYTES")
    return problems


def _check_token_keys(settings: Settings) -> list[str]:
    sources = (settings.token_secret, settings.token_jwks_url, settings.token_public_key)
    given = sum(bool(source) for source in sources)
    names = "GATEWAY_TOKEN_SECRET, GATEWAY_TOKEN_JWKS_URL or GATEWAY_TOKEN_PUBLIC_KEY"
    if given == 0:
        return [f"set {names}: nobody could connect; try: openssl rand -base64 48"]
    if given > 1:
        return [f"set only one of {names}: a token must be judged by one kind of key"]
    if settings.token_secret is None:
        return []
    weakness = _weakness(settings.token_secret, MIN_SECRET_BYTES)
    return [f"GATEWAY_TOKEN_SECRET: {weakness}; try: openssl rand -base64 48"] if weakness else []


def _check_admin_key(settings: Settings) -> list[str]:
    if settings.admin_key is None:
        return []
    weakness = _weakness(settings.admin_key, MIN_ADMIN_KEY_CHARACTERS)
    return [f"GATEWAY_ADMIN_KEY: {weakness}; try: openssl rand -base64 30"] if weakness else []


_PLACEHOLDER = re.compile(
    r"change.?(me|this|it)|replace.?(me|this)|your.?(256|512|secret|key|own|super)|placeholder"
    r"|example|super.?secret|my.?secret|string-secret|password|insecure|0123456789|abcdefgh",
    re.IGNORECASE,
)
"""What people copy from guides and forget to replace, jwt.io's included."""


def _weakness(secret: SecretStr, least: int) -> str | None:
    text = secret.get_secret_value()
    if len(text.encode()) < least:
        return f"shorter than {least} bytes"
    if len(set(text)) < 8:
        return "made of very few different characters"
    return "looks like the placeholder of a guide" if _PLACEHOLDER.search(text) else None


# Showing


class SettingLine(NamedTuple):
    """One line of `gateway config show`."""

    name: str
    value: str
    source: str


def describe(settings: Settings) -> list[SettingLine]:
    """All settings in their order, secrets masked, each with where it came from."""
    return [
        SettingLine(
            PREFIX + field.upper(),
            _masked(field, getattr(settings, field)),
            settings._sources.get(field, "default"),
        )
        for field in Settings.model_fields
    ]


def _masked(field: str, value: object) -> str:
    if value is None:
        return ""
    if isinstance(value, SecretStr):
        return "********"
    if isinstance(value, tuple):
        return ", ".join(map(str, value))
    if field.endswith("_url"):
        value = re.sub(r"://.*@", "://********@", str(value))
        return re.sub(r"(?i)((?:password|secret|token|key)=)[^&]*", r"\1********", value)
    return str(value).lower() if isinstance(value, bool) else str(value)
