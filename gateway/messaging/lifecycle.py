"""The life of a message as pure functions: draft → message → next revision, or a refusal.

Draft → review → live → paused / ended; ended is for good. Decides with plain values; `messages`
acts on the outcome.
"""

from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any

from msgspec import UNSET, structs

from gateway.errors import BadInput, Fault, Refused
from gateway.ids import new_id
from gateway.messaging.drafts import IncidentDraft, MessageDraft, MessagePatch
from gateway.model.admin import AdminKey
from gateway.model.message import (
    Impact,
    Incident,
    IncidentStatus,
    IncidentUpdate,
    Kind,
    Message,
    Resurface,
    Severity,
    State,
)
from rules.policy import BannerFacts, BannerPolicy, banner_violations

TRANSITIONS: Mapping[State, frozenset[State]] = {
    State.DRAFT: frozenset({State.REVIEW, State.LIVE, State.ENDED}),
    State.REVIEW: frozenset({State.DRAFT, State.LIVE, State.ENDED}),
    State.LIVE: frozenset({State.PAUSED, State.ENDED}),
    State.PAUSED: frozenset({State.LIVE, State.ENDED}),
    State.ENDED: frozenset(),
}

_IMPACT = {
    Severity.INFO: Impact.NONE,
    Severity.MINOR: Impact.MINOR,
    Severity.MAJOR: Impact.MAJOR,
    Severity.CRITICAL: Impact.CRITICAL,
}

_MOST_UPDATES = 50
"""Updates kept on one incident; the oldest fall off the banner, revisions keep them."""


def begin(draft: MessageDraft, by: AdminKey, now: datetime, policy: BannerPolicy) -> Message:
    """Make the first revision. Raises BadInput or Refused with every fault."""
    message = Message(
        id=new_id("msg", now),
        revision=1,
        attention=1,
        kind=draft.kind,
        state=draft.state,
        created_at=now,
        updated_at=now,
        content=draft.content,
        default_locale=draft.default_locale,
        severity=draft.severity,
        incident=_begin_incident(draft, now),
        dismissible=draft.dismissible,
        pages=draft.pages,
        priority=draft.priority,
        category=draft.category or "incident",
        tags=draft.tags,
        resurface=draft.resurface,
        starts_at=draft.starts_at,
        expires_at=draft.expires_at,
        created_by=by.name,
        updated_by=by.name,
        owner=draft.owner or by.owner,
        contact=draft.contact or by.contact,
    )
    check(message, now, policy)
    return _with_end(message, now, policy) if message.state is State.LIVE else message


def _with_end(message: Message, now: datetime, policy: BannerPolicy) -> Message:
    """A message that goes live has an end; authors who named none get the policy's."""
    if message.expires_at is not None:
        return message
    start = max(message.starts_at or now, now)
    return structs.replace(message, expires_at=start + policy.default_life)


def _begin_incident(draft: MessageDraft, now: datetime) -> Incident | None:
    if draft.incident is None:
        return None
    status = draft.incident.status or IncidentStatus.INVESTIGATING
    impact = draft.incident.impact or _IMPACT[draft.severity or Severity.MAJOR]
    return _told(Incident(status=status, impact=impact), draft.incident, now)


def _told(incident: Incident, told: IncidentDraft, now: datetime) -> Incident:
    """The incident after an operator's word: new status or impact, and an update if they wrote
    one or the status changed."""
    status = told.status or incident.status
    updates = incident.updates
    if told.body or status is not incident.status:
        update = IncidentUpdate(at=now, status=status, body=told.body or "")
        updates = (*updates, update)[-_MOST_UPDATES:]
    return Incident(status=status, impact=told.impact or incident.impact, updates=updates)


def change(
    message: Message,
    patch: MessagePatch,
    by: AdminKey,
    now: datetime,
    policy: BannerPolicy,
    linger: timedelta,
) -> Message:
    """Make the next revision; one whose incident is over leaves the screens after `linger`.
    Raises BadInput or Refused with every fault."""
    if message.state is State.ENDED:
        raise Refused("this message has ended for good; publish a new one", code="ended")
    given = {
        name: getattr(patch, name)
        for name in patch.__struct_fields__
        if name != "incident" and getattr(patch, name) is not UNSET
    }
    if patch.incident is not UNSET:
        incident = given["incident"] = _next_incident(message, patch.incident, now)
        given.setdefault("expires_at", _end_after(message, incident, now, policy, linger))
    if not given:
        raise BadInput("nothing to change", code="empty_patch")
    changed = _stamped(message, by, now, given)
    check(changed, now, policy)
    return changed


def _end_after(
    message: Message, incident: Incident, now: datetime, policy: BannerPolicy, linger: timedelta
) -> datetime | None:
    """When the banner leaves: soon once the incident is over, later again when it is reopened."""
    was_final = message.incident is not None and message.incident.status.is_final
    if incident.status.is_final == was_final or message.state is not State.LIVE:
        return message.expires_at
    if was_final:
        return now + policy.default_life
    end = now + linger
    return end if message.expires_at is None else min(end, message.expires_at)


def _next_incident(message: Message, told: IncidentDraft, now: datetime) -> Incident:
    if message.incident is None:
        impact = told.impact or _IMPACT[message.severity or Severity.MAJOR]
        before = Incident(status=told.status or IncidentStatus.INVESTIGATING, impact=impact)
        update = IncidentUpdate(at=now, status=before.status, body=told.body or "")
        return Incident(status=before.status, impact=impact, updates=(update,))
    return _told(message.incident, told, now)


def _stamped(message: Message, by: AdminKey, now: datetime, given: dict[str, Any]) -> Message:
    changed = message.changed(updated_at=now, updated_by=by.name, **given)
    if not _asks_again(message, changed):
        return changed
    return message.changed(updated_at=now, updated_by=by.name, attention=changed.revision, **given)


def _asks_again(before: Message, after: Message) -> bool:
    """True when a dismissal of the earlier revision no longer counts (P23)."""
    if after.resurface is Resurface.ALWAYS:
        return True
    if after.resurface is Resurface.NEVER or after.severity is None:
        return False
    return before.severity is None or after.severity.rank > before.severity.rank


def move(
    message: Message,
    state: State,
    by: AdminKey,
    now: datetime,
    policy: BannerPolicy,
    reason: str | None = None,
) -> Message:
    """Take the message to another state. Raises Refused where the life of a message does not
    lead there."""
    if state not in TRANSITIONS[message.state]:
        ways = ", ".join(sorted(TRANSITIONS[message.state])) or "nowhere"
        raise Refused(
            f"a message that is {message.state} cannot become {state} (from here: {ways})",
            code="wrong_state",
        )
    moved = message.changed(
        state=state,
        updated_at=now,
        updated_by=by.name,
        ended_reason=reason if state is State.ENDED else None,
    )
    if state is not State.LIVE:
        return moved
    check(moved, now, policy)
    return _with_end(moved, now, policy)


def check(message: Message, now: datetime, policy: BannerPolicy) -> None:
    """Hold a revision against the house rules. Raises Refused with all violations."""
    if message.default_locale not in message.content:
        text = f"there is no content in the default locale, {message.default_locale}"
        fault = Fault(pointer="/content", detail=text, code="default_locale_missing")
        raise BadInput("the content does not hold", faults=[fault])
    if message.kind is not Kind.BANNER or message.state is State.ENDED:
        return
    body = message.content[message.default_locale]
    start = max(message.starts_at or now, now)
    facts = BannerFacts(
        severity=message.severity,
        category=message.category,
        tags=message.tags,
        starts_at=start,
        expires_at=message.expires_at or start + policy.default_life,
        text=(body.title or "") + body.body,
    )
    violations = banner_violations(policy, facts, now)
    if violations:
        raise Refused(
            "the policy for banners forbids this",
            code="policy_violation",
            faults=[Fault(pointer=v.pointer, detail=v.detail, code=v.code) for v in violations],
        )
