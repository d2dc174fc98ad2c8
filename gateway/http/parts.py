"""The parts of a message in a body: content, links, incident, pages; and their domain values."""

from typing import Annotated, Any, Literal

from pydantic import Discriminator, Field
from pydantic import Tag as Branch

from gateway.errors import Fault
from gateway.http.body import AsWord, Body, escaped, fault
from gateway.http.fields import (
    MAX_ACTIONS,
    MAX_GLOBS,
    Glob,
    Href,
    ImageSource,
    Label,
    Locale,
    Markdown,
    Title,
    Word,
)
from gateway.messaging.messages import IncidentDraft
from gateway.model.message import Action, Content, Image, Impact, IncidentStatus, Pages

Intent = Literal["open", "dismiss", "next", "back", "snooze", "custom"]


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
FORMS = frozenset({_SHORT, _BY_LOCALE})
"""Names of the two forms of content, as pydantic's errors have them; callers do not write them."""


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


def content_faults(raw: dict[str, Any], default: str | None) -> list[Fault]:
    """What is wrong between the parts of a content, or between the locales; `default` is None
    where only the stored message knows it."""
    forms = raw.get("content")
    if not isinstance(forms, dict) or not forms:
        return []
    if _form_of_content(forms) == _SHORT:
        return _text_faults(forms, "/content")
    faults = [
        found
        for locale, body in forms.items()
        if isinstance(body, dict)
        for found in _text_faults(body, f"/content/{escaped(locale)}")
    ]
    if default is not None and default not in forms:
        detail = f"the default locale `{default}` has no content; see `default_locale`"
        faults.append(fault("/content", "missing_locale", detail))
    return faults


def _text_faults(body: dict[str, Any], pointer: str) -> list[Fault]:
    if body.get("text") is not None and body.get("body") is not None:
        return [fault(f"{pointer}/text", "conflicting", "`body` and `text` are the same; send one")]
    actions = body.get("actions")
    return _id_faults(actions, f"{pointer}/actions") if isinstance(actions, list) else []


def _id_faults(actions: list[Any], pointer: str) -> list[Fault]:
    seen: set[str] = set()
    faults = []
    for at, action in enumerate(actions):
        name = action.get("id") if isinstance(action, dict) else None
        if isinstance(name, str) and name in seen:
            text = "each action needs an id of its own"
            faults.append(fault(f"{pointer}/{at}/id", "duplicate", text))
        elif isinstance(name, str):
            seen.add(name)
    return faults
