"""The gateway itself as a caller: what the clock did, and what the start set up, is audited too."""

from datetime import datetime

from gateway.ids import new_id
from gateway.model.admin import AdminKey, Caller, Scope

SYSTEM_KEY_ID = "system"


def system_caller(now: datetime) -> Caller:
    """A caller that nobody can authenticate as: it has no secret."""
    key = AdminKey(
        id=SYSTEM_KEY_ID,
        name="system",
        hash="",
        scopes=frozenset({Scope.ADMIN}),
        created_at=now,
    )
    return Caller(key=key, request_id=new_id("req", now))
