"""The life of a message as pure functions: what an author may do, and what becomes of it."""

from datetime import timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.errors import BadInput, Refused
from gateway.messaging import lifecycle
from gateway.messaging.drafts import IncidentDraft, MessageDraft, MessagePatch
from gateway.model.admin import AdminKey, Scope
from gateway.model.message import (
    Content,
    IncidentStatus,
    Kind,
    Message,
    Resurface,
    Severity,
    State,
)
from rules.policy import BannerPolicy
from tests.fakes import START

KEY = AdminKey(
    id="key_1",
    name="ops",
    hash="",
    scopes=frozenset({Scope.ADMIN}),
    created_at=START,
    owner="platform",
    contact="#ops",
)
POLICY = BannerPolicy()
LINGER = timedelta(seconds=30)


def draft(**fields: Any) -> MessageDraft:
    defaults: dict[str, Any] = {
        "kind": Kind.BANNER,
        "content": {"en": Content(body="Checkout is down")},
        "severity": Severity.MAJOR,
        "state": State.LIVE,
    }
    return MessageDraft(**(defaults | fields))


def begin(**fields: Any) -> Message:
    return lifecycle.begin(draft(**fields), KEY, START, POLICY)


def change(message: Message, at: timedelta = timedelta(0), **fields: Any) -> Message:
    return lifecycle.change(message, MessagePatch(**fields), KEY, START + at, POLICY, LINGER)


def codes(refused: pytest.ExceptionInfo[BadInput]) -> dict[str, str]:
    return {fault.pointer: fault.code for fault in refused.value.faults}


def test_a_banner_lives_four_hours_unless_told() -> None:
    assert begin().expires_at == START + timedelta(hours=4)


def test_a_draft_gets_its_end_when_it_goes_live() -> None:
    message = begin(state=State.DRAFT)
    assert message.expires_at is None
    later = START + timedelta(days=3)
    live = lifecycle.move(message, State.LIVE, KEY, later, POLICY)
    assert live.expires_at == later + timedelta(hours=4)


def test_owner_and_contact_default_to_those_of_the_key() -> None:
    """P18."""
    message = begin()
    assert (message.owner, message.contact, message.created_by) == ("platform", "#ops", "ops")


def test_every_breach_of_policy_is_named_at_once() -> None:
    """P9."""
    with pytest.raises(Refused) as refused:
        begin(
            severity=None,
            category="promotion",
            tags=("ops", "Marketing"),
            expires_at=START - timedelta(minutes=1),
            content={"en": Content(body=" ")},
        )
    assert codes(refused) == {
        "/severity": "missing",
        "/category": "not_urgent",
        "/tags/1": "promotional",
        "/expires_at": "in_the_past",
        "/content": "missing",
    }


def test_a_banner_may_not_live_longer_than_a_day() -> None:
    with pytest.raises(Refused) as refused:
        begin(expires_at=START + timedelta(hours=24, seconds=1))
    assert codes(refused) == {"/expires_at": "too_long"}


def test_a_banner_may_not_end_before_it_starts() -> None:
    with pytest.raises(Refused) as refused:
        begin(starts_at=START + timedelta(hours=2), expires_at=START + timedelta(hours=1))
    assert codes(refused) == {"/expires_at": "before_start"}


def test_a_change_makes_the_next_revision_and_keeps_the_first() -> None:
    first = begin()
    second = change(first, severity=Severity.CRITICAL)
    assert (first.revision, second.revision) == (1, 2)
    assert (first.severity, second.severity) == (Severity.MAJOR, Severity.CRITICAL)
    assert second.id == first.id


def test_an_empty_patch_is_refused() -> None:
    with pytest.raises(BadInput) as refused:
        change(begin())
    assert refused.value.code == "empty_patch"


@pytest.mark.parametrize(
    ("resurface", "severity", "asks_again"),
    [
        (Resurface.NEVER, Severity.CRITICAL, False),
        (Resurface.ON_SEVERITY_UP, Severity.CRITICAL, True),
        (Resurface.ON_SEVERITY_UP, Severity.MAJOR, False),
        (Resurface.ON_SEVERITY_UP, Severity.MINOR, False),
        (Resurface.ALWAYS, Severity.MINOR, True),
    ],
)
def test_who_dismissed_a_banner_is_asked_again_only_as_the_author_chose(
    resurface: Resurface, severity: Severity, asks_again: bool
) -> None:
    """P23."""
    changed = change(begin(resurface=resurface), severity=severity)
    assert changed.attention == (2 if asks_again else 1)


def test_incident_updates_are_kept_in_order_with_their_status() -> None:
    message = begin(incident=IncidentDraft(body="We are looking."))
    message = change(message, incident=IncidentDraft(status=IncidentStatus.IDENTIFIED, body="DNS"))
    message = change(message, incident=IncidentDraft(status=IncidentStatus.MONITORING))
    assert message.incident is not None
    assert [(u.status, u.body) for u in message.incident.updates] == [
        ("investigating", "We are looking."),
        ("identified", "DNS"),
        ("monitoring", ""),
    ]


def test_a_resolved_incident_leaves_the_screens_soon() -> None:
    resolved = change(begin(), incident=IncidentDraft(status=IncidentStatus.RESOLVED))
    assert resolved.expires_at == START + LINGER


def test_a_banner_that_ends_sooner_is_not_kept_longer_by_being_resolved() -> None:
    message = begin(expires_at=START + timedelta(seconds=5))
    resolved = change(message, incident=IncidentDraft(status=IncidentStatus.RESOLVED))
    assert resolved.expires_at == START + timedelta(seconds=5)


def test_a_second_word_on_a_resolved_incident_does_not_move_its_end() -> None:
    resolved = change(begin(), incident=IncidentDraft(status=IncidentStatus.RESOLVED))
    again = change(resolved, timedelta(seconds=9), incident=IncidentDraft(body="Sorry!"))
    assert again.expires_at == resolved.expires_at


def test_a_reopened_incident_stays_again() -> None:
    resolved = change(begin(), incident=IncidentDraft(status=IncidentStatus.RESOLVED))
    reopened = change(resolved, incident=IncidentDraft(status=IncidentStatus.INVESTIGATING))
    assert reopened.expires_at == START + timedelta(hours=4)


def test_an_ended_message_never_changes_again() -> None:
    """P7: a retraction is for good."""
    ended = lifecycle.move(begin(), State.ENDED, KEY, START, POLICY, "retracted")
    with pytest.raises(Refused) as refused:
        change(ended, severity=Severity.MINOR)
    assert refused.value.code == "ended"
    with pytest.raises(Refused):
        lifecycle.move(ended, State.LIVE, KEY, START, POLICY)


def test_a_paused_message_whose_end_has_passed_cannot_go_live() -> None:
    paused = lifecycle.move(begin(), State.PAUSED, KEY, START, POLICY)
    with pytest.raises(Refused) as refused:
        lifecycle.move(paused, State.LIVE, KEY, START + timedelta(hours=5), POLICY)
    assert codes(refused) == {"/expires_at": "in_the_past"}


@given(st.lists(st.sampled_from(list(State)), max_size=8))
def test_a_life_only_follows_the_table(path: list[State]) -> None:
    message = begin(state=State.DRAFT)
    for state in path:
        allowed = state in lifecycle.TRANSITIONS[message.state]
        try:
            moved = lifecycle.move(message, state, KEY, START, POLICY)
        except Refused:
            assert not allowed
        else:
            assert allowed
            assert moved.revision == message.revision + 1
            message = moved


def test_content_without_the_default_locale_is_refused() -> None:
    with pytest.raises(BadInput) as refused:
        change(begin(), content={"de": Content(body="Ausfall")})
    assert codes(refused) == {"/content": "default_locale_missing"}
