"""Bodies of requests: their shapes, and how they become values of the domain.

Unknown fields are refused. What depends on the gateway's state or on policy is not decided here.
"""

from datetime import datetime, timedelta
from typing import Annotated, Any, ClassVar, Literal

from pydantic import BaseModel, ConfigDict, Discriminator, Field
from pydantic import Tag as Branch

from gateway.errors import Fault
from gateway.http.fields import (
    MAX_ACTIONS,
    MAX_GLOBS,
    MAX_TAGS,
    MAX_USERS,
    Duration,
    Glob,
    Href,
    ImageSource,
    Label,
    Locale,
    Markdown,
    Moment,
    Name,
    Reason,
    Tag,
    Title,
    UserId,
    Word,
)
from gateway.messaging.messages import IncidentDraft
from gateway.model.admin import Scope
from gateway.model.message import (
    Action,
    Content,
    Image,
    Impact,
    IncidentStatus,
    Kind,
    Pages,
    Resurface,
    Severity,
)

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
Intent = Literal["open", "dismiss", "next", "back", "snooze", "custom"]
AsWord = Field(strict=False)
"""An enum is read from its word."""


class Body(BaseModel):
    """The root of all bodies: strict types, no unknown fields."""

    model_config = ConfigDict(extra="forbid", strict=True, frozen=True)

    hints: ClassVar[dict[str, tuple[str, str]]] = {}
    """Fields that people try here: (code, what to do instead)."""

    @classmethod
    def faults_across(cls, raw: dict[str, Any]) -> list[Fault]:
        """What is wrong between fields; looked at even when single fields are wrong."""
        del raw
        return []


def _fault(pointer: str, code: str, detail: str) -> Fault:
    return Fault(pointer=pointer, code=code, detail=detail)


def _one_of(raw: dict[str, Any], *names: str) -> list[Fault]:
    given = [name for name in names if raw.get(name) is not None]
    listed = " and ".join(f"`{name}`" for name in given)
    return [
        _fault(f"/{name}", "conflicting", f"{listed} exclude each other; send one of them")
        for name in given[1:]
    ]


class Nothing(Body):
    """No fields: send `{}` or no body at all."""


class ReasonBody(Body):
    """Why, for the audit trail."""

    reason: Reason | None = None


# Parts of a message


class LinkBody(Body):
    """A link under the banner's text."""

    label: Label
    href: Href


class ActionBody(Body):
    """A button or link."""

    id: Word
    label: Label
    href: Href | None = None
    intent: Intent = "open"

    def value(self) -> Action:
        """The action as a value of the domain."""
        return Action(id=self.id, label=self.label, intent=self.intent, href=self.href)


class ImageBody(Body):
    """A picture, with the text for those who cannot see it."""

    src: ImageSource
    alt: Label

    def value(self) -> Image:
        """The image as a value of the domain."""
        return Image(src=self.src, alt=self.alt)


class ContentBody(Body):
    """What people read, in one locale. `text` is another name for `body`."""

    title: Title | None = None
    body: Markdown | None = None
    text: Markdown | None = None
    image: ImageBody | None = None
    icon: Word | None = None
    actions: list[ActionBody] = Field(default=[], max_length=MAX_ACTIONS)

    def value(self) -> Content:
        """The content as a value of the domain."""
        return Content(
            title=self.title,
            body=self.body or self.text or "",
            image=self.image.value() if self.image else None,
            icon=self.icon,
            actions=tuple(action.value() for action in self.actions),
        )


class IncidentBody(Body):
    """An incident's status, and with `body` a new line of its history."""

    status: Annotated[IncidentStatus, AsWord] | None = None
    impact: Annotated[Impact, AsWord] | None = None
    body: Markdown | None = None

    def value(self) -> IncidentDraft:
        """The incident as a value of the domain."""
        return IncidentDraft(status=self.status, impact=self.impact, body=self.body)


class NewIncidentBody(IncidentBody):
    """The incident that a new banner is about."""

    status: Annotated[IncidentStatus, AsWord]


class PagesBody(Body):
    """On which pages; `block` wins. Both empty: on every page."""

    allow: list[Glob] = Field(default=[], max_length=MAX_GLOBS)
    block: list[Glob] = Field(default=[], max_length=MAX_GLOBS)

    def value(self) -> Pages:
        """The pages as a value of the domain."""
        return Pages(allow=tuple(self.allow), block=tuple(self.block))


_SHORT, _BY_LOCALE = "<short>", "<by locale>"
"""Names of the two forms of content; a pointer leaves out what is in angle brackets."""


def _form_of_content(value: Any) -> str:
    is_short = isinstance(value, dict) and not ContentBody.model_fields.keys().isdisjoint(value)
    return _SHORT if is_short else _BY_LOCALE


ContentForms = Annotated[
    Annotated[ContentBody, Branch(_SHORT)]
    | Annotated[dict[Locale, ContentBody], Field(min_length=1, max_length=50), Branch(_BY_LOCALE)],
    Discriminator(_form_of_content),
]
"""Content by locale, `{"en": {…}, "de": {…}}`, or for one locale alone, `{"text": "…"}`."""


def content_of(forms: ContentBody | dict[str, ContentBody], locale: str) -> dict[str, Content]:
    """Content by locale, whichever form it was sent in."""
    if isinstance(forms, ContentBody):
        return {locale: forms.value()}
    return {name: body.value() for name, body in forms.items()}


def _content_faults(raw: dict[str, Any], default: str | None) -> list[Fault]:
    """What is wrong between the parts of a content, or between the locales; `default` is None
    where only the stored message knows it."""
    forms = raw.get("content")
    if not isinstance(forms, dict) or not forms:
        return []
    if _form_of_content(forms) == _SHORT:
        return _text_faults(forms, "/content")
    faults = [
        fault
        for locale, body in forms.items()
        if isinstance(body, dict)
        for fault in _text_faults(body, f"/content/{locale}")
    ]
    if default is not None and default not in forms:
        detail = f"the default locale `{default}` has no content; see `default_locale`"
        faults.append(_fault("/content", "missing_locale", detail))
    return faults


def _text_faults(body: dict[str, Any], pointer: str) -> list[Fault]:
    if body.get("text") is not None and body.get("body") is not None:
        return [
            _fault(f"{pointer}/text", "conflicting", "`body` and `text` are the same; send one")
        ]
    actions = body.get("actions")
    ids = [a.get("id") for a in actions if isinstance(a, dict)] if isinstance(actions, list) else []
    return [
        _fault(f"{pointer}/actions/{at}/id", "duplicate", "each action needs an id of its own")
        for at, name in enumerate(ids)
        if name is not None and name in ids[:at]
    ]


def expiry(now: datetime, expires_in: timedelta | None, at: datetime | None) -> datetime | None:
    """When it ends, whichever way it was said."""
    return at if expires_in is None else now + expires_in


# Whole bodies

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
    return [_fault("/audience", "audience_not_supported", _AUDIENCE)]


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
        return [*_one_of(raw, "expires_in", "expires_at"), *_audience_faults(raw)]


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
            *_one_of(raw, "expires_in", "expires_at", "ends_at"),
            *_content_faults(raw, _locale_named(raw)),
        ]


def _kind_faults(raw: dict[str, Any]) -> list[Fault]:
    if raw.get("kind") in ("prompt", "notification", "toast"):
        detail = f"`{raw['kind']}` cannot be made so far; `banner` can"
        return [_fault("/kind", "kind_not_supported", detail)]
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
            *_one_of(raw, "expires_in", "expires_at", "ends_at"),
            *_content_faults(raw, None),
            *_null_faults(raw),
        ]
        if not raw:
            faults.append(_fault("", "missing", "name at least one field to change"))
        return faults


_NULLABLE = frozenset({"starts_at", "owner", "contact", "audience"})
"""What a patch may take away again."""


def _null_faults(raw: dict[str, Any]) -> list[Fault]:
    return [
        _fault(f"/{name}", "not_null", "cannot be taken away; leave it out to keep it")
        for name, value in raw.items()
        if value is None and name in PatchBody.model_fields and name not in _NULLABLE
    ]


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
