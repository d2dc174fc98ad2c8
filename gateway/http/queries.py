"""Query parameters of the operations. Unknown ones are refused, each may come once."""

from datetime import timedelta
from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field, field_validator
from pydantic_core import PydanticCustomError

from gateway.http.fields import Duration, Flag, Tag
from gateway.model.message import Kind, State

LONGEST_WAIT = timedelta(seconds=30)
"""Proxies commonly give up after 60 s; half of it leaves room."""


class Query(BaseModel):
    """The root of all queries; by itself: no parameters."""

    model_config = ConfigDict(extra="forbid", frozen=True)


class PageQuery(Query):
    """Which slice of a list."""

    limit: int = Field(default=50, ge=1, le=200)
    cursor: str | None = Field(default=None, min_length=1, max_length=512)


class MessagesQuery(PageQuery):
    """Which messages."""

    state: State | None = None
    kind: Kind | None = None
    tag: Tag | None = None


class AuditQuery(PageQuery):
    """Changes of what: an id of a message, a user, a key."""

    target: Annotated[str, Field(min_length=1, max_length=128)] | None = None


class DryRunQuery(Query):
    """Whether to change nothing."""

    dry_run: Flag = False


class BroadcastQuery(DryRunQuery):
    """Whether to change nothing, and how long to wait for `received` receipts."""

    wait: Duration | None = None

    @field_validator("wait")
    @classmethod
    def _within_reason(cls, wait: timedelta | None) -> timedelta | None:
        if wait is not None and wait > LONGEST_WAIT:
            raise PydanticCustomError("too_long", "at most 30s")
        return wait


class MuteQuery(Query):
    """What to unmute."""

    kind: Annotated[str, Field(pattern="^(all|banner|prompt|notification|toast)$")] = "all"
