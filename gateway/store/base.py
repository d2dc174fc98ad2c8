"""The store's interface: what the use-cases may rely on, whatever database is behind it.

Writes happen inside a `Change`: one transaction that also holds the audit line and the caller's
idempotency claim, so an accepted change is durable as a whole or never happened. When
`async with store.change(...)` ends without an error, everything in it has reached the disk.

Every method raises `StoreUnavailable` when the database does not answer or has no room.
"""

from collections.abc import Mapping, Sequence
from contextlib import AbstractAsyncContextManager
from datetime import datetime
from typing import Any, Protocol

import msgspec

from gateway.model.admin import AdminKey, AuditEntry, Caller, IdempotencyRecord, Mute
from gateway.model.message import Kind, Message, State
from gateway.model.receipt import Receipt, Stage, Tally
from gateway.model.user import Restriction, TokenRevocation


class LiveState(msgspec.Struct, frozen=True, kw_only=True):
    """What a node needs to show the right things from memory.

    Args:
        revision: the live set's revision; each change of the live set raises it by one.
        messages: the newest revision of every message whose state is live.
        mutes: kill switches in force.
    """

    revision: int
    messages: tuple[Message, ...]
    mutes: tuple[Mute, ...]


class Page(msgspec.Struct, frozen=True, kw_only=True):
    """A slice of a list: `next_cursor` is None on the last one."""

    data: tuple[Any, ...]
    next_cursor: str | None


class Change(Protocol):
    """One transaction of writes, made by one caller."""

    async def message(self, message_id: str) -> Message | None:
        """The newest revision as this transaction sees it."""
        ...

    async def put_message(self, message: Message) -> None:
        """Add a revision and make it the newest. Raises Conflict if that revision exists."""
        ...

    async def raise_live_revision(self) -> int:
        """Raise the live set's revision by one and return it."""
        ...

    async def put_mute(self, mute: Mute) -> None:
        """Mute a kind (or `all`); replaces an earlier mute of the same kind."""
        ...

    async def remove_mute(self, kind: str) -> bool:
        """Unmute; False when it was not muted."""
        ...

    async def put_key(self, key: AdminKey) -> None:
        """Add or replace an admin key."""
        ...

    async def put_restriction(self, restriction: Restriction) -> None:
        """Set what an admin decided about a user."""
        ...

    async def put_token_revocation(self, revocation: TokenRevocation) -> None:
        """Remember that a token no longer holds."""
        ...


class Store(Protocol):
    """The durable truth. One per process; `open` before use, `close` at the end."""

    async def open(self) -> None:
        """Connect. Raises Misconfigured when the schema is older or newer than this code."""
        ...

    async def close(self) -> None:
        """Finish what is running and let go of files and threads."""
        ...

    async def ping(self) -> None:
        """Prove within a second that a write could be accepted."""
        ...

    def change(
        self, caller: Caller, action: str, target: str, detail: Mapping[str, Any] | None = None
    ) -> AbstractAsyncContextManager[Change]:
        """Begin a transaction. On a clean exit the audit line, the idempotency claim (with
        `target` as its resource) and all writes are committed together; on an error none is.
        Transactions of one process run one after the other."""
        ...

    # messages
    async def live_state(self) -> LiveState:
        """The live set as of now."""
        ...

    async def message(self, message_id: str) -> Message | None:
        """The newest revision."""
        ...

    async def revisions(self, message_id: str) -> Sequence[Message]:
        """All revisions, oldest first."""
        ...

    async def messages(
        self,
        *,
        state: State | None = None,
        kind: Kind | None = None,
        tag: str | None = None,
        cursor: str | None = None,
        limit: int = 50,
    ) -> Page:
        """Newest first; `Page.data` holds Message."""
        ...

    # receipts and reach
    async def add_receipts(self, receipts: Sequence[Receipt], sent: Mapping[str, "Sent"]) -> None:
        """Merge a batch in one transaction: a (message, user, stage) row counts a user once, its
        `sessions` add up. `sent` adds what nodes wrote to sockets, by message id."""
        ...

    async def tallies(self, message_id: str) -> Mapping[str, Tally]:
        """Counts by stage (`sent` among them)."""
        ...

    async def suppressions(self, message_id: str) -> Mapping[str, int]:
        """Users by reason, for the stage `suppressed`."""
        ...

    async def sent_users(self, message_id: str) -> frozenset[str]:
        """Every user whose socket took the message."""
        ...

    async def users_at(self, message_id: str, stage: Stage) -> Mapping[str, int]:
        """User → newest revision with that stage, e.g. all who dismissed it."""
        ...

    async def receipts(self, message_id: str, *, cursor: str | None, limit: int) -> Page:
        """Per user and stage, ordered by user then stage; `Page.data` holds Receipt."""
        ...

    # people
    async def restrictions(self) -> Sequence[Restriction]:
        """Every user with a restriction in force."""
        ...

    async def token_revocations(self, now: datetime) -> Sequence[TokenRevocation]:
        """Revoked tokens that have not expired yet; forgets the others."""
        ...

    async def put_last_seen(self, seen: Mapping[str, datetime]) -> None:
        """Remember when users were last here, in one transaction."""
        ...

    async def last_seen(self, user_ids: Sequence[str]) -> Mapping[str, datetime]:
        """Those ever seen; others are missing from the answer."""
        ...

    async def merge_traits(self, user_id: str, traits: Mapping[str, Any], at: datetime) -> None:
        """Merge traits into what is known of the user; None removes one."""
        ...

    async def traits(self, user_id: str) -> Mapping[str, Any] | None:
        """What is known of the user, or None for a user never heard of."""
        ...

    # admin
    async def keys(self) -> Sequence[AdminKey]:
        """All admin keys, revoked ones too, oldest first."""
        ...

    async def audit(
        self, *, target: str | None = None, cursor: str | None = None, limit: int = 50
    ) -> Page:
        """Newest first; `Page.data` holds AuditEntry."""
        ...

    async def idempotency(self, key: str) -> IdempotencyRecord | None:
        """The record of an accepted request, if it is younger than 24 h."""
        ...

    async def put_idempotent_answer(self, record: IdempotencyRecord) -> None:
        """Keep the answer, to be given again to the same key."""
        ...

    async def forget_old(self, now: datetime) -> None:
        """Housekeeping: drop idempotency records over 24 h and whatever else has run out."""
        ...


class Sent(msgspec.Struct, kw_only=True):
    """What sockets took of one message since the last batch: new users, and sessions."""

    users: list[str]
    sessions: int


__all__ = ["AuditEntry", "Change", "LiveState", "Page", "Sent", "Store"]
