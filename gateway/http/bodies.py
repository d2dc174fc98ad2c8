"""Whole bodies of requests, one class an operation."""

from datetime import datetime, timedelta
from typing import Annotated, Any, ClassVar, Literal

from pydantic import ConfigDict, Field

from gateway.errors import Fault
from gateway.http.body import AsWord, Body, fault, one_of
from gateway.http.fields import (
    MAX_TAGS,
    MAX_USERS,
    Duration,
    Locale,
    Markdown,
    Moment,
    Name,
    Reason,
    Tag,
    Title,
    UserId,
)
from gateway.http.parts import (
    ContentForms,
    IncidentBody,
    LinkBody,
    NewIncidentBody,
    PagesBody,
    content_faults,
)
from gateway.model.admin import Scope
from gateway.model.message import Kind, Resurface, Severity

Category = Literal[
    "incident",
    "maintenance",
    "security",
    "payment",
    "legal",
    "feature",
    "promotion",
    "onboarding",
    "survey",
    "transaction",
    "support",
]


def expiry(now: datetime, expires_in: timedelta | None, at: datetime | None) -> datetime | None:
    """When it ends, whichever way it was said."""
    return at if expires_in is None else now + expires_in


_LATER = "field_not_supported"
_LATER_DETAIL = "part of a message's definition, but not supported so far; leave it out"
_DEFINITION_LATER = dict.fromkeys(
    ("app", "layout", "anchor", "steps", "questions", "hours", "days", "timezone", "quiet", "ttl",
     "max_reach", "require_ack", "offline", "trigger", "caps", "experiment", "fallback"),
    (_LATER, _LATER_DETAIL),
)  # fmt: skip
_AUDIENCE = "conditions come with the rules; until then a banner is for everybody"


def _audience_faults(raw: dict[str, Any]) -> list[Fault]:
    if raw.get("audience") is None:
        return []
    return [fault("/audience", "audience_not_supported", _AUDIENCE)]


class BroadcastBody(Body):
    """One banner, live now, for everybody."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {
                    "text": "Payments are delayed. We are on it.",
                    "severity": "major",
                    "link": {"label": "Status", "href": "https://status.example.com"},
                    "expires_in": "2h",
                }
            ]
        }
    )

    text: Markdown
    title: Title | None = None
    severity: Annotated[Severity, AsWord] = Severity.MAJOR
    link: LinkBody | None = None
    expires_in: Duration | None = None
    expires_at: Moment | None = None
    incident: NewIncidentBody | None = None
    pages: PagesBody | None = None
    audience: Annotated[Any, Field(json_schema_extra={"type": "null"})] = None
    dismissible: bool = True

    hints: ClassVar[dict[str, tuple[str, str]]] = {
        "body": ("unknown_field", "a broadcast's words go into `text`"),
        "message": ("unknown_field", "a broadcast's words go into `text`"),
        "ends_at": ("unknown_field", "write `expires_at`, or `expires_in`"),
        "until": ("unknown_field", "write `expires_at`, or `expires_in`"),
    }

    @classmethod
    def faults_across(cls, raw: dict[str, Any]) -> list[Fault]:
        """One end, no audience."""
        return [*one_of(raw, "expires_in", "expires_at"), *_audience_faults(raw)]


class MessageBody(Body):
    """A message as an author defines it; a draft unless `state` says `live`."""

    kind: Annotated[Kind, AsWord]
    state: Literal["draft", "live"] = "draft"
    content: ContentForms
    default_locale: Locale = "en"
    severity: Annotated[Severity, AsWord] | None = None
    incident: NewIncidentBody | None = None
    dismissible: bool = True
    pages: PagesBody | None = None
    audience: Annotated[Any, Field(json_schema_extra={"type": "null"})] = None
    priority: int = Field(default=50, ge=0, le=100)
    category: Category | None = None
    tags: list[Tag] = Field(default=[], max_length=MAX_TAGS)
    resurface: Annotated[Resurface, AsWord] = Resurface.NEVER
    starts_at: Moment | None = None
    expires_in: Duration | None = None
    expires_at: Moment | None = None
    ends_at: Moment | None = None
    owner: Name | None = None
    contact: Name | None = None

    hints: ClassVar[dict[str, tuple[str, str]]] = {
        **_DEFINITION_LATER,
        "text": ("unknown_field", 'a message\'s words go into `content`: {"text": "…"}'),
        "title": ("unknown_field", 'a message\'s title goes into `content`: {"title": "…"}'),
    }

    @classmethod
    def faults_across(cls, raw: dict[str, Any]) -> list[Fault]:
        """One end, no audience, a kind that is there, content for the default locale."""
        return [
            *_kind_faults(raw),
            *_audience_faults(raw),
            *one_of(raw, "expires_in", "expires_at", "ends_at"),
            *content_faults(raw, _locale_named(raw)),
        ]


def _kind_faults(raw: dict[str, Any]) -> list[Fault]:
    if raw.get("kind") in ("prompt", "notification", "toast"):
        detail = f"`{raw['kind']}` cannot be made so far; `banner` can"
        return [fault("/kind", "kind_not_supported", detail)]
    return []


def _locale_named(raw: dict[str, Any]) -> str:
    named = raw.get("default_locale", "en")
    return named if isinstance(named, str) else "en"


class PatchBody(Body):
    """What to change; fields that are left out stay as they are."""

    content: ContentForms | None = None
    default_locale: Locale | None = None
    severity: Annotated[Severity, AsWord] | None = None
    incident: IncidentBody | None = None
    dismissible: bool | None = None
    pages: PagesBody | None = None
    audience: Annotated[Any, Field(json_schema_extra={"type": "null"})] = None
    priority: int | None = Field(default=None, ge=0, le=100)
    category: Category | None = None
    tags: list[Tag] | None = Field(default=None, max_length=MAX_TAGS)
    resurface: Annotated[Resurface, AsWord] | None = None
    starts_at: Moment | None = None
    expires_in: Duration | None = None
    expires_at: Moment | None = None
    ends_at: Moment | None = None
    owner: Name | None = None
    contact: Name | None = None

    hints: ClassVar[dict[str, tuple[str, str]]] = {
        **_DEFINITION_LATER,
        "kind": ("read_only", "a message keeps its kind; make a new one"),
        "state": ("read_only", "use POST …/publish, …/pause or …/retract"),
        "status": ("unknown_field", 'write {"incident": {"status": "…"}}'),
        "text": ("unknown_field", 'a message\'s words go into `content`: {"text": "…"}'),
    }

    @classmethod
    def faults_across(cls, raw: dict[str, Any]) -> list[Fault]:
        """Something to change, one end, no audience."""
        faults = [
            *_audience_faults(raw),
            *one_of(raw, "expires_in", "expires_at", "ends_at"),
            *content_faults(raw, None),
            *_null_faults(raw),
        ]
        if not raw:
            faults.append(fault("", "missing", "name at least one field to change"))
        return faults


_NULLABLE = frozenset({"starts_at", "owner", "contact", "audience"})
"""What a patch may take away again."""


def _null_faults(raw: dict[str, Any]) -> list[Fault]:
    return [
        fault(f"/{name}", "not_null", "cannot be taken away; leave it out to keep it")
        for name, value in raw.items()
        if value is None and name in PatchBody.model_fields and name not in _NULLABLE
    ]


def place_of_end(body: BroadcastBody | MessageBody | PatchBody) -> dict[str, str]:
    """Where the caller wrote what the core knows as `/expires_at`."""
    if body.expires_in is not None:
        return {"/expires_at": "/expires_in"}
    said_otherwise = getattr(body, "ends_at", None) is not None
    return {"/expires_at": "/ends_at"} if said_otherwise else {}


# People, kill switch, keys


class PresenceQueryBody(Body):
    """Who to look for."""

    users: list[UserId] = Field(min_length=1, max_length=MAX_USERS)


class RevokeBody(Body):
    """Which token: the one with this `jti`, or all that were issued so far."""

    jti: Annotated[str, Field(min_length=1, max_length=128)] | None = None


class MuteBody(Body):
    """What to mute: one kind, or `all`."""

    kind: Literal["all", "banner", "prompt", "notification", "toast"] = "all"
    reason: Reason | None = None


class KeyBody(Body):
    """A new admin key. `owner` and `contact` become those of the messages it makes."""

    name: Name
    scopes: list[Annotated[Scope, AsWord]] = Field(min_length=1, max_length=len(Scope))
    owner: Name | None = None
    contact: Name | None = None
