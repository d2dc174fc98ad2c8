"""Types of single fields in bodies and queries: text → value, with a refusal that says what to do.

Everything is strict: a number is no text, a moment has a zone, a duration has a unit. Knows no
operation; nothing here depends on the state of the gateway but `http:` links in dev.
"""

import re
from datetime import UTC, datetime, timedelta
from typing import Annotated, Any

from pydantic import BeforeValidator, Field, ValidationInfo, WithJsonSchema
from pydantic_core import PydanticCustomError

from gateway.errors import BadInput
from gateway.wire.content import MAX_HREF, Node, check_href, clean_text, parse_body
from gateway.wire.identifiers import parse_user_id
from rules.pages import parse_glob

MAX_TITLE = 120
MAX_TEXT = 500
"""Characters that people read in a banner: it has to fit on a phone (RELIABILITY T57)."""
MAX_LABEL = 60
MAX_ACTIONS = 4
MAX_TAGS = 20
MAX_GLOBS = 50
MAX_USERS = 1_000
"""Users in one call (RELIABILITY T65)."""
LONGEST_DURATION = timedelta(days=366)
_MARKDOWN_SOURCE_FACTOR = 4
"""How much longer than what is read the Markdown may be; addresses of links are not read."""


def _refuse(code: str, detail: str) -> PydanticCustomError:
    # braces would be taken as fields of a template
    return PydanticCustomError(code, "{detail}", {"detail": detail})


def allows_http(info: ValidationInfo) -> bool:
    """True in dev, where links may be `http:`."""
    return bool(info.context and info.context.get("allow_http"))


# Text that people read


def _line(most: int) -> Any:
    def check(value: object) -> object:
        if not isinstance(value, str):
            return value
        text = " ".join(clean_text(value).split())
        if not text:
            raise _refuse("blank", "write at least one visible character")
        if len(text) > most:
            raise _refuse("too_long", f"at most {most} characters; these are {len(text)}")
        return text

    return check


def _markdown(value: object, info: ValidationInfo) -> object:
    if not isinstance(value, str):
        return value
    text = clean_text(value).strip()
    if not text:
        raise _refuse("blank", "write at least one visible character")
    if len(text) > MAX_TEXT * _MARKDOWN_SOURCE_FACTOR:
        raise _too_long_to_read(len(text))
    if len(text) > MAX_TEXT or "[" in text or "<" in text:
        _check_markdown(text, allows_http(info))
    return text


def _check_markdown(text: str, allow_http: bool) -> None:
    """Parse only where it can matter: a plain text has no links and is as long as it looks."""
    body = parse_body(text, allow_http)
    if body.problems:
        raise _refuse("bad_link", "; ".join(body.problems))
    length = visible_length(body.nodes)
    if length > MAX_TEXT:
        raise _too_long_to_read(length)


def _too_long_to_read(length: int) -> PydanticCustomError:
    return _refuse("too_long", f"at most {MAX_TEXT} characters to read; these are {length}")


def visible_length(nodes: list[Node]) -> int:
    """How many characters of a body people read."""
    waiting = list(nodes)
    length = 0
    while waiting:
        node = waiting.pop()
        length += len(node.get("text", "")) + (node["type"] == "br")
        waiting += node.get("children", [])
        for item in node.get("items", []):
            waiting += item
    return length


Title = Annotated[
    str,
    BeforeValidator(_line(MAX_TITLE)),
    WithJsonSchema({"type": "string", "minLength": 1, "maxLength": MAX_TITLE}),
]
Label = Annotated[
    str,
    BeforeValidator(_line(MAX_LABEL)),
    WithJsonSchema({"type": "string", "minLength": 1, "maxLength": MAX_LABEL}),
]
Name = Annotated[
    str,
    BeforeValidator(_line(100)),
    WithJsonSchema({"type": "string", "minLength": 1, "maxLength": 100}),
]
Reason = Annotated[
    str,
    BeforeValidator(_line(200)),
    WithJsonSchema({"type": "string", "minLength": 1, "maxLength": 200}),
]
Markdown = Annotated[
    str,
    BeforeValidator(_markdown),
    WithJsonSchema(
        {
            "type": "string",
            "minLength": 1,
            "maxLength": MAX_TEXT,
            "description": "Markdown: emphasis, code, links, lists, line breaks. HTML is shown as"
            f" typed. At most {MAX_TEXT} characters to read; addresses of links do not count.",
        }
    ),
]


# Words for programs

_TAG = r"^[A-Za-z0-9][A-Za-z0-9_.:-]{0,49}$"
_LOCALE = r"^[A-Za-z]{2,8}(-[A-Za-z0-9]{1,8}){0,4}$"
_WORD = r"^[A-Za-z0-9][A-Za-z0-9_-]{0,63}$"

Tag = Annotated[str, Field(pattern=_TAG)]
Locale = Annotated[str, Field(pattern=_LOCALE)]
Word = Annotated[str, Field(pattern=_WORD)]


def _href(value: object, info: ValidationInfo) -> object:
    if not isinstance(value, str):
        return value
    wrong = check_href(value, allows_http(info))
    if wrong is not None:
        raise _refuse("bad_link", wrong)
    return value


def _image_source(value: object, info: ValidationInfo) -> object:
    if isinstance(value, str) and value[:7].lower() == "mailto:":
        raise _refuse("bad_link", "an image comes from an https: address or a path on this site")
    return _href(value, info)


_HREF_SCHEMA = {
    "type": "string",
    "minLength": 1,
    "maxLength": MAX_HREF,
    "description": "`https:`, `mailto:` or a path on the page's own site.",
    "examples": ["https://status.example.com/incidents/17"],
}
Href = Annotated[str, BeforeValidator(_href), WithJsonSchema(_HREF_SCHEMA)]
ImageSource = Annotated[str, BeforeValidator(_image_source), WithJsonSchema(_HREF_SCHEMA)]


def _glob(value: object) -> object:
    if not isinstance(value, str):
        return value
    try:
        parse_glob(value)
    except ValueError as error:
        raise _refuse("bad_glob", str(error)) from None
    return value


Glob = Annotated[
    str,
    BeforeValidator(_glob),
    WithJsonSchema(
        {
            "type": "string",
            "minLength": 1,
            "maxLength": 2048,
            "description": "A glob over the path, optionally with host, ?query and #hash:"
            " `*` is one segment, `**` any number.",
            "examples": ["/projects/**"],
        }
    ),
]


def user_id(value: object) -> object:
    """Bring a user's id into its one normal form."""
    if not isinstance(value, str):
        return value
    try:
        return parse_user_id(value)
    except BadInput as error:
        raise _refuse("bad_identifier", str(error)) from None


UserId = Annotated[
    str,
    BeforeValidator(user_id),
    WithJsonSchema({"type": "string", "minLength": 1, "maxLength": 128}),
]


# Time

_MOMENT = re.compile(
    r"\d{4}-\d\d-\d\dT\d\d:\d\d(:\d\d(\.\d{1,9})?)?(Z|[+-]\d\d:\d\d)", re.ASCII | re.IGNORECASE
)
_MOMENT_HINT = "write e.g. 2026-12-01T09:00:00Z: date, time and zone (RFC 3339)"
_UNITS = {"w": 604_800.0, "d": 86_400.0, "h": 3_600.0, "m": 60.0, "s": 1.0, "ms": 0.001}
_DURATION_PATTERN = (
    r"^(?=\d)(?:(\d{1,6})w)?(?:(\d{1,6})d)?(?:(\d{1,6})h)?"
    r"(?:(\d{1,6})m(?!s))?(?:(\d{1,6})s)?(?:(\d{1,6})ms)?$"
)
_DURATION = re.compile(_DURATION_PATTERN, re.ASCII)


def parse_moment(text: str) -> datetime:
    """Read RFC 3339; raises ValueError with what to write."""
    if _MOMENT.fullmatch(text) is None:
        raise ValueError(_MOMENT_HINT)
    try:
        return datetime.fromisoformat(text.upper()).astimezone(UTC)
    except (ValueError, OverflowError):
        raise ValueError(f"there is no such moment; {_MOMENT_HINT}") from None


def parse_duration(text: str) -> timedelta:
    """Read `30s`, `4h`, `1d12h`; raises ValueError with what to write."""
    match = _DURATION.fullmatch(text)
    if match is None:
        raise ValueError("write e.g. 30m, 4h or 1d12h: numbers with w, d, h, m, s, largest first")
    numbers = (int(number or 0) for number in match.groups())
    seconds = sum(n * unit for n, unit in zip(numbers, _UNITS.values(), strict=True))
    if not 0 < seconds <= LONGEST_DURATION.total_seconds():
        raise ValueError(f"longer than nothing, and at most {LONGEST_DURATION.days}d")
    return timedelta(seconds=seconds)


def _moment(value: object) -> object:
    if not isinstance(value, str):
        raise _refuse("bad_time", _MOMENT_HINT)
    try:
        return parse_moment(value)
    except ValueError as error:
        raise _refuse("bad_time", str(error)) from None


def _duration(value: object) -> object:
    if not isinstance(value, str):
        raise _refuse("bad_duration", "write a text such as 30m, 4h or 1d12h")
    try:
        return parse_duration(value)
    except ValueError as error:
        raise _refuse("bad_duration", str(error)) from None


Moment = Annotated[
    datetime, BeforeValidator(_moment), WithJsonSchema({"type": "string", "format": "date-time"})
]
Duration = Annotated[
    timedelta,
    BeforeValidator(_duration),
    WithJsonSchema(
        {
            "type": "string",
            "pattern": r"^(?:\d{1,6}w)?(?:\d{1,6}d)?(?:\d{1,6}h)?(?:\d{1,6}m)?(?:\d{1,6}s)?(?:\d{1,6}ms)?$",
            "minLength": 2,
            "examples": ["4h", "30m", "1d12h"],
        }
    ),
]


def _flag(value: object) -> object:
    known = {"true": True, "1": True, "": True, "false": False, "0": False}
    if isinstance(value, str) and value in known:
        return known[value]
    raise _refuse("bad_flag", "true or false")


Flag = Annotated[bool, BeforeValidator(_flag)]
"""A switch in a query: `?dry_run=true`, or just `?dry_run`."""
