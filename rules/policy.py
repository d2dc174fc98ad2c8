"""The house rules for banners: what an author may not do, and what to do instead.

Plain values in, violations out; the caller knows the clock and the message. A banner is for what
must be urgently communicated to all users, so it needs a reason, a severity and an end (P9).
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta

URGENT_CATEGORIES = ("incident", "maintenance", "security")
PROMOTIONAL = frozenset({"marketing", "promotion", "promotional", "promo"})


@dataclass(frozen=True, slots=True, kw_only=True)
class Violation:
    """One breach: the field (JSON pointer), what is wrong and what would be right, a code."""

    pointer: str
    detail: str
    code: str


@dataclass(frozen=True, slots=True, kw_only=True)
class BannerPolicy:
    """What a deployment allows for banners."""

    default_life: timedelta = timedelta(hours=4)
    longest_life: timedelta = timedelta(hours=24)
    most_live: int = 50
    categories: Sequence[str] = URGENT_CATEGORIES
    promotional: frozenset[str] = field(default=PROMOTIONAL)


@dataclass(frozen=True, slots=True, kw_only=True)
class BannerFacts:
    """What the policy looks at. `starts_at` is when it goes live: now, or later."""

    severity: str | None
    category: str
    tags: Sequence[str]
    starts_at: datetime
    expires_at: datetime | None
    text: str


def banner_violations(policy: BannerPolicy, facts: BannerFacts, now: datetime) -> list[Violation]:
    """Every rule that the banner breaks; empty when it may go live."""
    return [
        *_severity(facts),
        *_category(policy, facts),
        *_tags(policy, facts),
        *_life(policy, facts, now),
        *_text(facts),
    ]


def _severity(facts: BannerFacts) -> list[Violation]:
    if facts.severity is not None:
        return []
    detail = "a banner needs a severity: info, minor, major or critical"
    return [Violation(pointer="/severity", detail=detail, code="missing")]


def _category(policy: BannerPolicy, facts: BannerFacts) -> list[Violation]:
    if facts.category in policy.categories:
        return []
    allowed = ", ".join(policy.categories)
    detail = (
        f"a banner is for urgent news to all users, so its category is one of {allowed};"
        " use a prompt or a notification for anything else"
    )
    return [Violation(pointer="/category", detail=detail, code="not_urgent")]


def _tags(policy: BannerPolicy, facts: BannerFacts) -> list[Violation]:
    return [
        Violation(
            pointer=f"/tags/{index}",
            detail="a banner never promotes; send a notification, or a targeted prompt",
            code="promotional",
        )
        for index, tag in enumerate(facts.tags)
        if tag.lower() in policy.promotional
    ]


def _life(policy: BannerPolicy, facts: BannerFacts, now: datetime) -> list[Violation]:
    def violation(detail: str, code: str) -> list[Violation]:
        return [Violation(pointer="/expires_at", detail=detail, code=code)]

    if facts.expires_at is None:
        return violation("a banner needs an end", "missing")
    if facts.expires_at <= now:
        return violation("the end is in the past", "in_the_past")
    if facts.expires_at <= facts.starts_at:
        return violation("the end is not after the start", "before_start")
    if facts.expires_at - facts.starts_at > policy.longest_life:
        hours = policy.longest_life.total_seconds() / 3600
        return violation(
            f"a banner lives at most {hours:g} h; publish it again if need be", "too_long"
        )
    return []


def _text(facts: BannerFacts) -> list[Violation]:
    if facts.text.strip():
        return []
    return [Violation(pointer="/content", detail="a banner needs a text", code="missing")]
