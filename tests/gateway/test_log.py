"""Logs: one line per event, no secret, nothing that a terminal would obey."""

import io
import json
import logging
import warnings
from collections.abc import Iterator
from typing import Any

import pytest
import structlog
from hypothesis import given
from hypothesis import strategies as st

from gateway import log
from gateway.settings import load_settings
from tests.timing import quickest

JWT = "eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiJjYW5hcnkifQ.Y2FuYXJ5LWNhbmFyeS1jYW5hcnk"
ADMIN_KEY = "igk_canaryw8Zt4Lr0Qm6Yp2Xc9Vb7Nd3F"


@pytest.fixture(autouse=True)
def _logging_as_before() -> Iterator[None]:
    """Configuring logs is for a whole process: put back what was there."""
    root = logging.getLogger()
    handlers, level, raise_exceptions = root.handlers[:], root.level, logging.raiseExceptions
    yield
    root.handlers, logging.raiseExceptions = handlers, raise_exceptions
    root.setLevel(level)
    logging.captureWarnings(False)
    structlog.reset_defaults()


class Terminal(io.StringIO):
    """A stream that people look at."""

    def isatty(self) -> bool:
        return True


def start(stream: io.StringIO | None = None, **settings: str) -> io.StringIO:
    stream = stream or io.StringIO()
    environ = {f"GATEWAY_{name.upper()}": value for name, value in settings.items()}
    log.configure(load_settings(environ), stream)
    return stream


def lines_of(stream: io.StringIO) -> list[dict[str, Any]]:
    return [json.loads(line) for line in stream.getvalue().splitlines()]


def test_an_event_is_one_json_line_with_its_fields() -> None:
    """STYLE 21: stable message, fields not prose."""
    stream = start(log_format="json")
    log.get_logger("gateway.test").info("user joined", user="u-17", sessions=2, idle=None)
    (line,) = lines_of(stream)
    assert list(line) == ["at", "level", "logger", "event", "user", "sessions", "idle"]
    assert line["at"].endswith("Z")
    del line["at"]
    assert line == {
        "level": "info",
        "logger": "gateway.test",
        "event": "user joined",
        "user": "u-17",
        "sessions": 2,
        "idle": None,
    }


def test_the_format_follows_the_terminal_unless_it_is_set() -> None:
    """PROTOCOL §5: LOG_FORMAT, auto."""
    for stream, setting, is_json in (
        (io.StringIO(), "auto", True),
        (Terminal(), "auto", False),
        (Terminal(), "json", True),
        (io.StringIO(), "console", False),
    ):
        start(stream, log_format=setting)
        log.get_logger("gateway.test").info("hello", name="x y")
        assert stream.getvalue().startswith("{") is is_json
        assert ('name="x y"' in stream.getvalue()) is not is_json


def test_the_level_is_that_of_the_settings() -> None:
    """GATEWAY_LOG_LEVEL counts for ours and for libraries."""
    stream = start(log_level="warning")
    log.get_logger("gateway.test").info("no")
    logging.getLogger("some.library").info("no")
    log.get_logger("gateway.test").warning("yes")
    logging.getLogger("some.library").error("yes")
    assert [line["event"] for line in lines_of(stream)] == ["yes", "yes"]


def test_libraries_go_the_same_way() -> None:
    """uvicorn's loggers included, whatever handlers it gave them; warnings as well."""
    stream, other = start(), io.StringIO()
    logging.getLogger("uvicorn.error").addHandler(logging.StreamHandler(other))
    log.configure(load_settings({}), stream)
    logging.getLogger("uvicorn.error").info("Started server process [%d]", 17)
    with warnings.catch_warnings():
        warnings.simplefilter("always")
        warnings.warn("old", DeprecationWarning, stacklevel=1)
    started, warned = lines_of(stream)
    assert started["event"] == "Started server process [17]"
    assert started["logger"] == "uvicorn.error"
    assert "old" in warned["event"]
    assert other.getvalue() == ""


def test_requests_are_not_logged_by_libraries() -> None:
    """F11: their lines hold addresses with query strings."""
    stream = start(log_level="debug")
    for name in ("uvicorn.access", "websockets.server", "httpx2"):
        logging.getLogger(name).info("GET /v1/ws?token=canary")
    assert stream.getvalue() == ""


def test_an_exception_is_part_of_its_line() -> None:
    """One event per line."""
    stream = start()
    try:
        raise ValueError("first\nsecond")
    except ValueError:
        log.get_logger("gateway.test").exception("failed")
    (line,) = lines_of(stream)
    assert line["event"] == "failed"
    assert "ValueError: first\nsecond" in line["exception"]


HOSTILE = "a\r\nb\x1b[31m\x00\x7f\x85\u202e\u2028\u200b\ud800"


@pytest.mark.parametrize("form", ["json", "console"])
def test_hostile_text_stays_within_its_line(form: str) -> None:
    """T40: line feeds, escape sequences, bidi; in values, keys, events and lists."""
    stream = start(log_format=form)
    logger = log.get_logger("gateway.test")
    logger.info("joined", user=HOSTILE, many=[HOSTILE], deep={HOSTILE: HOSTILE})
    logger.info(HOSTILE, **{HOSTILE: 1})
    logging.getLogger("library").info("%s", HOSTILE)
    written = stream.getvalue()
    assert len(written.splitlines()) == 3
    assert all(char.isprintable() for char in written.replace("\n", ""))


def test_an_exception_for_people_cannot_pass_for_another_line() -> None:
    """T40: a traceback has lines, and each shows that it is one."""
    stream = start(log_format="console")
    try:
        raise ValueError("x\n12:00:00.000 info     all is well\r\x1b[2K")
    except ValueError:
        log.get_logger("gateway.test").exception("failed")
    first, *rest = stream.getvalue().splitlines()
    assert "failed" in first
    assert all(line.startswith("    | ") for line in rest)
    assert "\x1b" not in stream.getvalue()


def every_place(secret: str) -> None:
    """Log a secret wherever it could slip in."""
    logger = log.get_logger("gateway.test")
    logger.info("connected", path=f"/v1/ws?x=1&token={secret}&y=2")
    logger.info("connected", header=f"Bearer {secret}", protocol=f"bearer.{secret}")
    logger.info(f"connected with {secret}", deep={"list": [{"x": secret}]}, **{secret: 1})
    logger.info("connected", token=secret, authorization=secret, nested={"refresh_token": secret})
    logger.info("connected", error=ValueError(secret), raw=secret.encode())
    logger.info("connected", quoted=json.dumps({"token": secret}), encoded=f"Bearer%20{secret}")
    logging.getLogger("library").warning("GET %s", f"/?access_token={secret}")
    logging.getLogger("library").warning("headers %r", {"authorization": secret})
    try:
        raise RuntimeError(f"cannot verify {secret}")
    except RuntimeError:
        logger.exception("failed")


@pytest.mark.parametrize("form", ["json", "console"])
@pytest.mark.parametrize("secret", [JWT, ADMIN_KEY], ids=["token", "admin key"])
def test_no_token_and_no_key_is_ever_in_a_line(form: str, secret: str) -> None:
    """P18: canary grep = 0, wherever it was."""
    stream = start(log_format=form)
    every_place(secret)
    written = stream.getvalue()
    assert "canary" not in written
    assert all(part not in written for part in secret.split("."))
    assert "[redacted]" in written
    if form == "json":
        assert len(lines_of(stream)) == 9  # redaction leaves JSON whole


@pytest.mark.parametrize("form", ["json", "console"])
@pytest.mark.parametrize(
    "field",
    ["token", "refresh_token", "Authorization", "cookie", "password", "ticket", "admin_key"],
)
def test_fields_that_are_named_after_secrets_are_hidden(form: str, field: str) -> None:
    """P18: however short or plain their values are, and however deep they are."""
    stream = start(log_format=form)
    log.get_logger("gateway.test").info("x", **{field: "canary"}, deep=[{"x": {field: "canary"}}])
    assert "canary" not in stream.getvalue()


@pytest.mark.parametrize("form", ["json", "console"])
@pytest.mark.parametrize("secret", ["plain-canary-words", 'qu"ote\\canary', "sp ace/canary?é"])
def test_the_secrets_of_the_settings_are_never_in_a_line(form: str, secret: str) -> None:
    """P18: even when they look like nothing special."""
    stream = start(log_format=form, admin_key=secret, token_secret=secret + "-too")
    log.get_logger("gateway.test").info("x", a=secret, b=f"<{secret}-too>", c=[secret])
    written = stream.getvalue()
    assert "canary" not in written
    if form == "json":
        lines_of(stream)


def test_passwords_in_addresses_are_never_in_a_line() -> None:
    """P18: what drivers put into their errors."""
    stream = start(
        redis_url="redis://u:redis-canary@r/0", database_url="postgresql://u:p%40canary@db/x"
    )
    log.get_logger("gateway.test").error(
        "lost", a="redis://u:redis-canary@r/0", b="postgresql://u:p%40canary@db", c="p@canary"
    )
    assert "canary" not in stream.getvalue()


@pytest.mark.parametrize(
    "harmless",
    ["msg_01jd0000000000000000000000", "u-17", "app.example.com", "/v1/messages/msg_1/reach",
     "gateway.transport.websocket", "2026-12-01T09:00:00.000Z", "10.0.0.1:8000", "token_expired"],
)  # fmt: skip
def test_what_is_no_secret_is_shown(harmless: str) -> None:
    """A log that hides everything helps nobody."""
    stream = start()
    log.get_logger("gateway.test").info("x", value=harmless)
    assert lines_of(stream)[0]["value"] == harmless


def test_long_values_are_cut() -> None:
    """A line stays readable, whatever a client sends."""
    stream = start()
    log.get_logger("gateway.test").info("x", value="é" * 100_000, many=list(range(10_000)))
    assert len(stream.getvalue()) < 20_000
    assert lines_of(stream)[0]["value"].endswith("…")


WORST = ["eyJ", "eyJaaaaaaaa.", "a-", "a.", "bearer ", "Bearer.", "?token=", "aaaaaaaaaaaaaaaa.",
         "/receivers/", "/receivers/a", "igk_", "=", "bearer%20"]  # fmt: skip


@pytest.mark.parametrize("piece", WORST)
def test_redaction_is_quick_for_any_text(piece: str) -> None:
    """T38: redaction sees what clients send."""
    stream = start()
    logger = log.get_logger("gateway.test")
    assert quickest(lambda: logger.info("x", exception=(piece * 8_000)[:8_000])) < 0.05
    assert stream.getvalue()


@given(st.text(st.characters(exclude_categories=[])), st.text(st.sampled_from('eyJ.-_a"\\ =?&\n')))
def test_any_text_is_one_valid_line(hostile: str, like_a_secret: str) -> None:
    """T40: JSON stays JSON after redaction."""
    stream = io.StringIO()
    log.configure(load_settings({"GATEWAY_ADMIN_KEY": 'a"\\b'}), stream)
    log.get_logger("gateway.test").info(hostile, value=like_a_secret, bearer_=f"bearer {hostile}")
    assert stream.getvalue().count("\n") == 1
    json.loads(stream.getvalue())


def test_a_broken_stream_breaks_nothing(capsys: pytest.CaptureFixture[str]) -> None:
    """T70: a full disk or a closed pipe must neither stop the gateway nor make more output."""
    stream = start()
    stream.close()
    log.get_logger("gateway.test").info("x")
    assert capsys.readouterr() == ("", "")


def test_a_logger_made_before_the_start_works_after_it() -> None:
    """Modules ask for their logger when they are imported."""
    logger = log.get_logger("gateway.early")
    stream = start()
    logger.info("x")
    assert lines_of(stream)[0]["logger"] == "gateway.early"


def test_repeated_events_are_told_once_and_then_counted() -> None:
    """F16: an attack must not fill the disk with the same line."""
    now = [100.0]
    repeats = log.Repeats(seconds=10, monotonic=lambda: now[0])
    assert repeats.silenced("refused") == 0
    assert [repeats.silenced("refused") for _ in range(3)] == [None, None, None]
    assert repeats.silenced("other") == 0
    now[0] += 10
    assert repeats.silenced("refused") == 3
    assert repeats.silenced("refused") is None


def test_remembered_events_are_bounded() -> None:
    """F16: their names may hold what clients choose."""
    repeats = log.Repeats()
    for number in range(3 * log.Repeats.MAX_EVENTS):
        repeats.silenced(f"event {number}")
    assert len(repeats._told) <= log.Repeats.MAX_EVENTS
