"""Logs: one event per line, JSON or for people, on stderr. Owns what may be in a line.

Whatever the code or a library says, no line holds a token, a key or a secret of the settings, and
no character that a terminal would obey or hide. Libraries' own loggers (uvicorn's included) go the
same way. Never logs the content of a message: nothing here could know it, so callers do not.
"""

import json
import logging
import re
import sys
import time
import unicodedata
from collections.abc import Callable, Iterable, MutableMapping
from typing import Any, TextIO
from urllib.parse import quote, unquote, urlsplit

import structlog
from structlog.typing import EventDict, WrappedLogger

from gateway.settings import Settings

MAX_VALUE = 1_000
"""Characters of one field; longer ones say nothing more, and lines must stay readable."""
MAX_EXCEPTION = 8_000

_REDACTED = "[redacted]"
_SECRET_FIELD = re.compile(
    r"(^|_)(token|authorization|cookie|password|secret|ticket|jwt|bearer|credentials?)$"
    r"|^(admin|api|private)_key$",
    re.IGNORECASE,
)
_SECRET_TEXT = re.compile(
    r"eyJ[\w-]{8,}(?:\.[\w-]*){0,4}"  # JSON in base64: a token
    r"|(?<![\w-])[\w-]{16,}\.[\w-]{16,}\.[\w-]{16,}"  # a token with another beginning
    r"|igk_[\w-]+"  # an admin key (identity.keys)
    r"|(?i:\bbearer(?:[\s.:]|%20)+)[^\s\"',;\\]+"
    r"|(?i:(?<=[?&]token=)|(?<=[?&]ticket=)|(?<=[?&]access_token=))[^\s\"'&#\\]+"
    r"|/receivers/[\w.-]+/[^\s\"'?#\\]+",  # the path of an incident tool ends in its secret
    re.ASCII,
)
"""What looks like a credential. No alternative takes a backslash: JSON's escapes stay whole."""

_QUIET = ("uvicorn.access", "websockets", "httpx", "httpx2", "httpcore", "httpcore2", "alembic")
"""Libraries that tell of every request, with its address; they may warn."""


def get_logger(name: str) -> structlog.stdlib.BoundLogger:
    """Return the logger of a part; events are stable texts, everything else is a field."""
    logger: structlog.stdlib.BoundLogger = structlog.stdlib.get_logger(name)
    return logger


def configure(settings: Settings, stream: TextIO | None = None) -> None:
    """Send everything that is logged in this process to `stream`, one line each."""
    stream = stream or sys.stderr
    is_json = settings.log_format == "json" or (
        settings.log_format == "auto" and not stream.isatty()
    )
    handler = logging.StreamHandler(stream)
    handler.setFormatter(_LineFormatter(is_json, _secrets_of(settings)))
    _route_standard_library(handler, settings.log_level.upper())
    structlog.configure(
        processors=[
            structlog.stdlib.filter_by_level,
            *_FIRST,
            structlog.stdlib.ProcessorFormatter.wrap_for_formatter,
        ],
        wrapper_class=structlog.stdlib.BoundLogger,
        logger_factory=structlog.stdlib.LoggerFactory(),
        cache_logger_on_first_use=True,
    )


class Repeats:
    """Lets an event through once in a while, then says how often it happened in between."""

    MAX_EVENTS = 256

    def __init__(
        self, seconds: float = 10, monotonic: Callable[[], float] = time.monotonic
    ) -> None:
        self._seconds = seconds
        self._monotonic = monotonic
        self._told: dict[str, tuple[float, int]] = {}

    def silenced(self, event: str) -> int | None:
        """None: say nothing now. Else say it, and that it happened so many times unsaid."""
        now = self._monotonic()
        told_at, count = self._told.get(event, (-self._seconds, 0))
        if event in self._told and now - told_at < self._seconds:
            self._told[event] = (told_at, count + 1)
            return None
        if len(self._told) >= self.MAX_EVENTS:
            self._told.clear()
        self._told[event] = (now, 0)
        return count


def visible(text: str) -> str:
    """Write control, bidi and other unseen characters as escapes, so that a line stays one."""
    if text.isprintable():
        return text
    return "".join(_escaped(char) for char in text)


def _escaped(char: str) -> str:
    if char.isprintable() and unicodedata.category(char) not in ("Cf", "Zl", "Zp"):
        return char
    return json.dumps(char)[1:-1] if ord(char) != 0x7F else "\\u007f"


# Where lines come from


def _route_standard_library(handler: logging.Handler, level: str) -> None:
    root = logging.getLogger()
    root.handlers = [handler]
    root.setLevel(level)
    for name in ("uvicorn", "uvicorn.error", *_QUIET):
        logger = logging.getLogger(name)
        logger.handlers, logger.propagate = [], True
        logger.setLevel(max(logging.WARNING, root.level) if name in _QUIET else logging.NOTSET)
    logging.captureWarnings(True)
    logging.raiseExceptions = False  # a full disk must not make a traceback out of every line


_FIRST: list[structlog.typing.Processor] = [
    structlog.stdlib.add_logger_name,
    structlog.stdlib.add_log_level,
    structlog.stdlib.PositionalArgumentsFormatter(),
    structlog.processors.TimeStamper(fmt="iso", utc=True, key="at"),
    structlog.processors.format_exc_info,
]


# What may be in a line


class _LineFormatter(structlog.stdlib.ProcessorFormatter):
    """Fields → one line without secrets."""

    def __init__(self, is_json: bool, secrets: Iterable[str]) -> None:
        super().__init__(
            foreign_pre_chain=_FIRST,
            processors=[
                structlog.stdlib.ProcessorFormatter.remove_processors_meta,
                _hide_secret_fields,
                _write_json if is_json else _write_for_people,
            ],
        )
        known = "|".join(re.escape(secret) for secret in sorted(secrets, key=len, reverse=True))
        self._known = re.compile(known) if known else None

    def format(self, record: logging.LogRecord) -> str:
        """Redact the line as a whole, so that it does not matter where a secret was."""
        line = super().format(record)
        if self._known is not None:
            line = self._known.sub(_REDACTED, line)
        return _SECRET_TEXT.sub(_REDACTED, line)


def _secrets_of(settings: Settings) -> set[str]:
    """The secrets of the settings, as they are and as JSON and URLs write them."""
    secrets = {
        secret.get_secret_value()
        for secret in (settings.token_secret, settings.admin_key)
        if secret is not None
    }
    for url in (settings.database_url, settings.redis_url or ""):
        password = urlsplit(url).password
        if password:
            secrets |= {password, unquote(password)}
    written = {form(secret) for secret in secrets for form in (str, quote, _in_json)}
    return {secret for secret in written if len(secret) >= 4}


def _in_json(text: str) -> str:
    return json.dumps(text)[1:-1]


def _hide_secret_fields(
    logger: WrappedLogger, method: str, fields: EventDict
) -> MutableMapping[str, Any]:
    del logger, method
    return {name: _bounded(name, value) for name, value in fields.items()}


def _bounded(name: str, value: Any) -> Any:
    if _SECRET_FIELD.search(name):
        return _REDACTED
    if isinstance(value, dict):
        return {str(key): _bounded(str(key), item) for key, item in value.items()}
    if isinstance(value, list | tuple | set | frozenset):
        return [_bounded("", item) for item in list(value)[:50]]
    if value is None or isinstance(value, bool | int | float):
        return value
    text = value if isinstance(value, str) else str(value)
    most = MAX_EXCEPTION if name == "exception" else MAX_VALUE
    return text if len(text) <= most else text[:most] + "…"


def _write_json(logger: WrappedLogger, method: str, fields: EventDict) -> str:
    del logger, method
    first = ("at", "level", "logger", "event")
    ordered = {name: fields.pop(name) for name in first if name in fields}
    return json.dumps({**ordered, **fields})


def _write_for_people(logger: WrappedLogger, method: str, fields: EventDict) -> str:
    del logger, method
    at, level = str(fields.pop("at", ""))[11:23], fields.pop("level", "")
    name, event = fields.pop("logger", ""), fields.pop("event", "")
    exception = fields.pop("exception", None)
    rest = " ".join(f"{visible(key)}={_for_people(value)}" for key, value in fields.items())
    line = f"{at} {level:<8} {visible(str(event))}  {rest}  [{name}]".replace("    [", "  [")
    if exception is None:
        return line
    # Indented, so that no text of an exception can pass for a line of its own.
    return "\n".join((line, *(f"    | {visible(text)}" for text in exception.splitlines())))


def _for_people(value: Any) -> str:
    text = value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
    if isinstance(value, str) and not re.fullmatch(r"[\w./:@+-]+", text):
        text = json.dumps(text, ensure_ascii=False)
    return visible(text)
