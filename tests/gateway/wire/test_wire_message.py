"""Messages as clients get them: fields, locales, moments."""

import json
from datetime import UTC, datetime, timedelta, timezone
from typing import Any

import msgspec
import pytest

from gateway.model.message import (
    Action,
    Content,
    Image,
    Impact,
    Incident,
    IncidentStatus,
    IncidentUpdate,
    Kind,
    Message,
    Pages,
    Severity,
    State,
)
from gateway.wire.content import pick_locale, wire_message
from gateway.wire.timestamps import rfc3339

AT = datetime(2026, 12, 1, 9, 0, 0, 123_456, tzinfo=UTC)


def text(value: str) -> dict[str, Any]:
    return {"type": "text", "text": value}


def paragraph(*children: dict[str, Any]) -> dict[str, Any]:
    return {"type": "p", "children": list(children)}


def make_message(**changes: Any) -> Message:
    fields: dict[str, Any] = {
        "id": "msg_1",
        "revision": 2,
        "attention": 1,
        "kind": Kind.BANNER,
        "state": State.LIVE,
        "created_at": AT,
        "updated_at": AT,
        "content": {"en": Content(body="We are **on it**.")},
    }
    return Message(**(fields | changes))


def test_a_small_message_has_no_absent_fields() -> None:
    """PROTOCOL §2: optional fields are left out, not null."""
    assert wire_message(make_message()) == {
        "id": "msg_1",
        "revision": 2,
        "kind": "banner",
        "content": {
            "body": [
                paragraph(
                    text("We are "), {"type": "strong", "children": [text("on it")]}, text(".")
                )
            ],
            "actions": [],
        },
        "dismissible": True,
        "priority": 50,
        "tags": [],
        "created_at": "2026-12-01T09:00:00.123Z",
        "locale": "en",
    }


def test_a_full_message_has_every_field_of_the_contract() -> None:
    """PROTOCOL §2."""
    update = IncidentUpdate(at=AT, status=IncidentStatus.IDENTIFIED, body="**Plain** text\u202e.")
    message = make_message(
        severity=Severity.MAJOR,
        incident=Incident(status=IncidentStatus.IDENTIFIED, impact=Impact.MINOR, updates=(update,)),
        pages=Pages(allow=("/a/**",)),
        expires_at=AT.astimezone(timezone(timedelta(hours=2))) + timedelta(hours=4),
        tags=("ops",),
        priority=90,
        dismissible=False,
        content={
            "en": Content(
                title="Two\nlines\u200b",
                body="x",
                image=Image(src="https://cdn.example/a.png", alt="A chart"),
                icon="⚠",
                actions=(
                    Action(id="more", label="More", href="/status"),
                    Action(id="later", label="Later", intent="snooze"),
                ),
            )
        },
    )
    wire = wire_message(message)
    assert wire["severity"] == "major"
    assert wire["incident"] == {
        "status": "identified",
        "impact": "minor",
        "updates": [
            {"at": "2026-12-01T09:00:00.123Z", "status": "identified", "body": "**Plain** text."}
        ],
    }
    assert wire["pages"] == {"allow": ["/a/**"]}
    assert wire["expires_at"] == "2026-12-01T13:00:00.123Z"
    assert (wire["tags"], wire["priority"], wire["dismissible"]) == (["ops"], 90, False)
    assert wire["content"] == {
        "title": "Two lines",
        "body": [paragraph(text("x"))],
        "image": {"src": "https://cdn.example/a.png", "alt": "A chart"},
        "icon": "⚠",
        "actions": [
            {"id": "more", "label": "More", "intent": "open", "href": "/status"},
            {"id": "later", "label": "Later", "intent": "snooze"},
        ],
    }
    assert json.loads(msgspec.json.encode(wire)) == wire


def test_addresses_that_slipped_in_are_inert() -> None:
    """T56: the wire does not rely on the API having refused them."""
    content = Content(
        image=Image(src="javascript:x", alt=""),
        actions=(Action(id="a", label="A", href="javascript:x"),),
    )
    wire = wire_message(make_message(content={"en": content}))["content"]
    assert "image" not in wire
    assert wire["actions"] == [{"id": "a", "label": "A", "intent": "open"}]


@pytest.mark.parametrize(
    ("wanted", "picked"),
    [
        ("en", "en"),
        ("EN", "en"),
        ("de-AT", "de-AT"),
        ("de_at", "de-AT"),
        ("de-CH", "de"),
        ("zh-Hant-TW", "zh-Hant"),
        ("zh", "en"),
        ("fr", "en"),
        ("", "en"),
        (None, "en"),
        ("-", "en"),
    ],
)
def test_the_nearest_locale_is_picked(wanted: str | None, picked: str) -> None:
    """PROTOCOL §2, locale: exact, then the language, then the default."""
    content = {locale: Content(body=locale) for locale in ("en", "de", "de-AT", "zh-Hant")}
    message = make_message(content=content)
    assert pick_locale(message, wanted) == picked
    wire = wire_message(message, wanted)
    assert wire["locale"] == picked
    assert wire["content"]["body"] == [paragraph(text(picked))]


def test_the_same_revision_and_locale_give_the_same_bytes() -> None:
    """PROTOCOL §2: nothing in a `message` frame differs per connection."""
    message = make_message(content={"en": Content(body="a"), "de": Content(body="b")})
    assert msgspec.json.encode(wire_message(message, "de-AT")) == msgspec.json.encode(
        wire_message(message, "de")
    )


def test_moments_are_written_in_utc_with_milliseconds() -> None:
    """PROTOCOL: every `…_at` is RFC 3339 in UTC."""
    assert rfc3339(AT) == "2026-12-01T09:00:00.123Z"
    east = datetime(2026, 1, 1, tzinfo=timezone(timedelta(hours=5, minutes=45)))
    assert rfc3339(east) == "2025-12-31T18:15:00.000Z"
    with pytest.raises(ValueError, match="time zone"):
        rfc3339(datetime(2026, 1, 1))  # noqa: DTZ001 - the point of the test
