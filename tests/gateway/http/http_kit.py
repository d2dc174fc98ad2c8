"""The HTTP edge over fakes: use-cases in memory, and a caller that speaks ASGI itself, so that a
test can send what no client library would."""

import asyncio
import json
from collections.abc import AsyncIterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any, cast

from msgspec import Raw
from pydantic import SecretStr

from gateway.errors import BadInput, Conflict, NotFound, StoreUnavailable, Unauthenticated
from gateway.http.app import build
from gateway.http.edge import Edge
from gateway.http.services import Services
from gateway.identity.keys import Keys
from gateway.messaging import lifecycle
from gateway.messaging.drafts import MessageDraft, MessagePatch
from gateway.messaging.messages import LiveView, Messages, Published
from gateway.messaging.mutes import Mutes
from gateway.messaging.people import People
from gateway.model.admin import (
    AdminKey,
    AuditEntry,
    Caller,
    IdempotencyClaim,
    IdempotencyRecord,
    Mute,
    Scope,
)
from gateway.model.message import Kind, Message, State
from gateway.model.receipt import Reach, Receipt, Stage
from gateway.model.user import Presence, SessionPresence, UserPresence
from gateway.presence.base import Census
from gateway.settings import Settings
from gateway.store.base import Page, Store
from rules.policy import BannerPolicy
from tests.fakes import START, FakeClock

POLICY = BannerPolicy()
LINGER = timedelta(seconds=30)
DEADLINE = 5.0
"""Seconds after which a test gives up on what never comes."""


class FakeStore:
    """Idempotency records in memory; `down` makes it refuse."""

    def __init__(self) -> None:
        self.records: dict[str, IdempotencyRecord] = {}
        self.down = False
        self.forgets_answers = False
        self.hangs = False

    def claim(self, claim: IdempotencyClaim | None, target: str) -> None:
        """What the transaction of an accepted change does."""
        if claim is not None:
            self.records[claim.key] = IdempotencyRecord(
                key=claim.key, fingerprint=claim.fingerprint, created_at=START, resource=target
            )

    async def ping(self) -> None:
        if self.hangs:
            await asyncio.Event().wait()
        if self.down:
            raise StoreUnavailable("the disk is gone")

    async def idempotency(self, key: str) -> IdempotencyRecord | None:
        if self.down:
            raise StoreUnavailable("the disk is gone")
        return self.records.get(key)

    async def put_idempotent_answer(self, record: IdempotencyRecord) -> None:
        if self.forgets_answers:
            raise StoreUnavailable("the disk is full", code="store_full")
        self.records[record.key] = record


class FakeMessages(Messages):
    """Messages in a dict, under the real rules of their life."""

    def __init__(self, store: FakeStore, clock: FakeClock) -> None:
        self._fake_store = store
        self._fake_clock = clock
        self.known: dict[str, list[Message]] = {}
        self.counts: dict[str, Reach] = {}
        self.lines: dict[str, list[Receipt]] = {}
        self.reach_steps: asyncio.Queue[Reach | None] = asyncio.Queue()
        self.watchers = 0
        self.waited: list[float] = []
        self.reasons: list[str | None] = []
        self.broken: Exception | None = None
        self.hold: asyncio.Event | None = None

    async def create(self, caller: Caller, draft: MessageDraft) -> Published:
        if self.broken is not None:
            raise self.broken
        if self.hold is not None:
            await self.hold.wait()
        message = lifecycle.begin(draft, caller.key, self._fake_clock.now(), POLICY)
        self.known[message.id] = [message]
        self._fake_store.claim(caller.idempotency, message.id)
        return self._fake_published(message)

    async def preview(self, caller: Caller, draft: MessageDraft) -> Published:
        return self._fake_published(
            lifecycle.begin(draft, caller.key, self._fake_clock.now(), POLICY)
        )

    async def patch(
        self, caller: Caller, message_id: str, patch: MessagePatch, if_match: int | None = None
    ) -> Published:
        before = self._fake_expected(message_id, if_match)
        now = self._fake_clock.now()
        return self._fake_put(
            caller, lifecycle.change(before, patch, caller.key, now, POLICY, LINGER)
        )

    async def publish(
        self,
        caller: Caller,
        message_id: str,
        reason: str | None = None,
        if_match: int | None = None,
    ) -> Published:
        return self._fake_move(caller, message_id, State.LIVE, reason, if_match)

    async def pause(
        self,
        caller: Caller,
        message_id: str,
        reason: str | None = None,
        if_match: int | None = None,
    ) -> Published:
        return self._fake_move(caller, message_id, State.PAUSED, reason, if_match)

    async def retract(
        self,
        caller: Caller,
        message_id: str,
        reason: str | None = None,
        if_match: int | None = None,
    ) -> Published:
        known = self._fake_newest(message_id)
        if known.state is State.ENDED:
            return self._fake_published(known)
        return self._fake_move(caller, message_id, State.ENDED, reason, if_match)

    async def get(self, message_id: str) -> Published:
        return self._fake_published(self._fake_newest(message_id))

    async def revisions(self, message_id: str) -> tuple[Message, ...]:
        self._fake_newest(message_id)
        return tuple(self.known[message_id])

    async def find(
        self,
        *,
        state: State | None = None,
        kind: Kind | None = None,
        tag: str | None = None,
        cursor: str | None = None,
        limit: int = 50,
    ) -> Page:
        found = [revisions[-1] for revisions in reversed(self.known.values())]
        wanted = [
            self._fake_published(m)
            for m in found
            if (state is None or m.state is state)
            and (kind is None or m.kind is kind)
            and (tag is None or tag in m.tags)
        ]
        return page_of(wanted, cursor, limit)

    async def reach(self, message_id: str) -> Reach:
        return self._fake_published(self._fake_newest(message_id)).reach

    async def watch_reach(self, message_id: str) -> AsyncIterator[Reach]:
        self.watchers += 1
        try:
            yield await self.reach(message_id)
            while (step := await self.reach_steps.get()) is not None:
                yield step
        finally:
            self.watchers -= 1

    async def wait_received(self, message_id: str, seconds: float) -> Reach:
        self.waited.append(seconds)
        return Reach(online=3, sent=3, received=3)

    async def receipts(self, message_id: str, *, cursor: str | None, limit: int) -> Page:
        self._fake_newest(message_id)
        if self.broken is not None and cursor is not None:
            raise self.broken
        return page_of(self.lines.get(message_id, []), cursor, limit)

    async def audit(self, *, target: str | None, cursor: str | None, limit: int) -> Page:
        entry = AuditEntry(
            id=1, at=START, key_id="key_ops", key_name="ops", action="message.create",
            target=target or "msg_1", request_id="req_1", detail={"reason": "why"},
        )  # fmt: skip
        return page_of([entry], cursor, limit)

    def _fake_newest(self, message_id: str) -> Message:
        if message_id not in self.known:
            raise NotFound(f"there is no message {message_id}", code="message_not_found")
        return self.known[message_id][-1]

    def _fake_expected(self, message_id: str, if_match: int | None) -> Message:
        message = self._fake_newest(message_id)
        if if_match not in (None, message.revision):
            text = f"the message is at revision {message.revision} by now"
            raise Conflict(text, code="precondition_failed")
        return message

    def _fake_move(
        self,
        caller: Caller,
        message_id: str,
        state: State,
        reason: str | None,
        if_match: int | None,
    ) -> Published:
        before = self._fake_expected(message_id, if_match)
        self.reasons.append(reason)
        now = self._fake_clock.now()
        return self._fake_put(caller, lifecycle.move(before, state, caller.key, now, POLICY))

    def _fake_put(self, caller: Caller, message: Message) -> Published:
        self.known[message.id].append(message)
        self._fake_store.claim(caller.idempotency, message.id)
        return self._fake_published(message)

    def _fake_published(self, message: Message) -> Published:
        reach = self.counts.get(message.id, Reach(online=3, sessions={"online": 4}))
        return Published(message=message, reach=reach)


def page_of(items: Sequence[Any], cursor: str | None, limit: int) -> Page:
    """A slice of a list; the cursor is its start."""
    if cursor is not None and not cursor.isdecimal():
        raise BadInput("The cursor is unknown.", code="bad_cursor")
    start = int(cursor or 0)
    end = start + limit
    return Page(data=tuple(items[start:end]), next_cursor=str(end) if end < len(items) else None)


class FakeMutes(Mutes):
    """Kill switches in a dict."""

    def __init__(self, store: FakeStore) -> None:
        self._fake_store = store
        self.muted: dict[str, Mute] = {}

    async def mute(self, caller: Caller, kind: str, reason: str | None = None) -> Mute:
        self.muted[kind] = Mute(kind=kind, at=START, by=caller.key.name, reason=reason)
        self._fake_store.claim(caller.idempotency, kind)
        return self.muted[kind]

    async def unmute(self, caller: Caller, kind: str) -> bool:
        return self.muted.pop(kind, None) is not None

    def current(self) -> Sequence[Mute]:
        return tuple(self.muted.values())


class FakePeople(People):
    """Remembers what was done to whom."""

    def __init__(self, store: FakeStore) -> None:
        self._fake_store = store
        self.done: list[tuple[str, ...]] = []

    async def disconnect(self, caller: Caller, user_id: str) -> int:
        return self._do(caller, user_id, "disconnect")

    async def revoke(self, caller: Caller, user_id: str, token_id: str | None = None) -> int:
        return self._do(caller, user_id, "revoke", *filter(None, [token_id]))

    async def block(self, caller: Caller, user_id: str, blocked: bool = True) -> int:
        return self._do(caller, user_id, "block" if blocked else "unblock")

    def _do(self, caller: Caller, user_id: str, *what: str) -> int:
        self.done.append((user_id, *what))
        self._fake_store.claim(caller.idempotency, user_id)
        return 2


class FakePresence:
    """Alice is here, on one tab; nobody else ever was."""

    async def census(self) -> Census:
        return Census(users=1, sessions=1, by_state={"active": 1}, by_platform={"web": 1})

    async def lookup(self, user_id: str) -> UserPresence:
        if user_id != "alice":
            return UserPresence(user=user_id, online=False, state=Presence.OFFLINE, last_seen=None)
        tab = SessionPresence(
            session="ses_1", platform="web", app="shop", version="1.2.3", page="/cart",
            visibility="visible", activity="active", since=START,
        )  # fmt: skip
        return UserPresence(
            user=user_id, online=True, state=Presence.ACTIVE, last_seen=START, sessions=(tab,)
        )

    async def query(self, user_ids: Sequence[str]) -> Mapping[str, UserPresence]:
        return {user_id: await self.lookup(user_id) for user_id in user_ids}


class FakeKeys(Keys):
    """One key per scope; the secret is the scope's name. `admin`, `nothing` and `revoked`, too."""

    def __init__(self, store: FakeStore) -> None:
        self._fake_store = store
        self.keys = {str(scope): _key(str(scope), {scope}) for scope in Scope}
        self.keys["nothing"] = _key("nothing", set())
        self.keys["revoked"] = _key("revoked", set(Scope), revoked_at=START)

    def authenticate(self, secret: str) -> AdminKey:
        if not secret:
            raise Unauthenticated("no admin key was given", code="key_missing")
        key = self.keys.get(secret)
        if key is None:
            raise Unauthenticated("no such admin key", code="key_unknown")
        if key.revoked_at is not None:
            raise Unauthenticated("this admin key was revoked", code="key_revoked")
        return key

    async def create(
        self,
        caller: Caller,
        name: str,
        scopes: frozenset[Scope],
        owner: str | None = None,
        contact: str | None = None,
    ) -> tuple[AdminKey, str]:
        secret = f"igk_{len(self.keys)}"
        self.keys[secret] = _key(f"made-{len(self.keys)}", set(scopes))
        self._fake_store.claim(caller.idempotency, self.keys[secret].id)
        return self.keys[secret], secret

    async def revoke(self, caller: Caller, key_id: str) -> AdminKey:
        for key in self.keys.values():
            if key.id == key_id:
                self._fake_store.claim(caller.idempotency, key_id)
                return key
        raise NotFound("no such admin key", code="key_not_found")

    def list(self) -> Sequence[AdminKey]:
        return list(self.keys.values())


def _key(name: str, scopes: set[Scope], revoked_at: datetime | None = None) -> AdminKey:
    return AdminKey(
        id=f"key_{name}",
        name=name,
        hash="0" * 64,
        scopes=frozenset(scopes),
        created_at=START,
        revoked_at=revoked_at,
    )


class FakeNode:
    """A node that drains when told."""

    node_id = "node-a"

    def __init__(self) -> None:
        self.draining = asyncio.Event()

    @property
    def is_draining(self) -> bool:
        return self.draining.is_set()

    async def wait_draining(self) -> None:
        await self.draining.wait()

    def stats(self) -> dict[str, int | float]:
        return {"connections": 2, "sessions": 2, "users": 1, "uptime_seconds": 1.5}


@dataclass(frozen=True, slots=True)
class Reply:
    """What came back."""

    status: int
    raw_headers: list[tuple[bytes, bytes]]
    body: bytes
    is_whole: bool

    def header(self, name: str) -> str | None:
        """A header that comes once, or None."""
        values = [v.decode() for n, v in self.raw_headers if n == name.lower().encode()]
        assert len(values) <= 1, f"{name} came {len(values)} times"
        return values[0] if values else None

    @property
    def json(self) -> Any:
        """The body, parsed."""
        return json.loads(self.body)

    @property
    def problem(self) -> dict[str, Any]:
        """The body, which must be a problem that says what all problems say."""
        assert self.header("Content-Type") == "application/problem+json"
        body = cast("dict[str, Any]", self.json)
        assert {"type", "title", "status", "detail", "code", "errors", "request_id"} == set(body)
        assert body["status"] == self.status
        assert body["type"] == f"/docs/problems#{body['code']}"
        assert body["request_id"] == self.header("X-Request-Id")
        return body

    @property
    def pointers(self) -> dict[str, str]:
        """Code by pointer of every bad field."""
        return {error["pointer"]: error["code"] for error in self.problem["errors"]}


@dataclass(slots=True)
class Wire:
    """One request in ASGI's words; `gone` makes the client leave."""

    scope: dict[str, Any]
    parts: list[bytes | None]
    sent: list[dict[str, Any]] = field(default_factory=list)
    gone: asyncio.Event = field(default_factory=asyncio.Event)
    news: asyncio.Event = field(default_factory=asyncio.Event)

    async def receive(self) -> dict[str, Any]:
        """The next part of the body; None stands for a client that leaves in the middle."""
        if self.parts:
            part = self.parts.pop(0)
            if part is None:
                return {"type": "http.disconnect"}
            return {"type": "http.request", "body": part, "more_body": bool(self.parts)}
        await self.gone.wait()
        return {"type": "http.disconnect"}

    async def send(self, event: dict[str, Any]) -> None:
        """Keep what the application sends."""
        self.sent.append(event)
        self.news.set()

    @property
    def body(self) -> bytes:
        """All that came so far."""
        return b"".join(e.get("body", b"") for e in self.sent[1:])

    async def until(self, text: bytes) -> None:
        """Wait until the body holds this."""
        async with asyncio.timeout(DEADLINE):
            while text not in self.body:
                self.news.clear()
                await self.news.wait()

    def reply(self) -> Reply:
        """What came back, whole or not."""
        assert self.sent, "no answer came"
        head, *rest = self.sent
        is_whole = bool(rest) and not rest[-1].get("more_body", False)
        return Reply(head["status"], head["headers"], self.body, is_whole)


class Gateway:
    """The edge over its fakes."""

    def __init__(self, *, demo: Mapping[str, Any] | None = None, **settings: Any) -> None:
        self.clock = FakeClock()
        self.store = FakeStore()
        self.messages = FakeMessages(self.store, self.clock)
        self.mutes = FakeMutes(self.store)
        self.people = FakePeople(self.store)
        self.keys = FakeKeys(self.store)
        self.node = FakeNode()
        self.live = LiveView(revision=7, messages=(Raw(b'{"id": "msg_1", "revision": 1}'),))
        self.observed: list[tuple[str, int]] = []
        self.app: Edge = build(
            Services(
                messages=self.messages,
                mutes=self.mutes,
                people=self.people,
                presence=cast("Any", FakePresence()),
                keys=self.keys,
                store=cast("Store", self.store),
                node=self.node,
                settings=Settings(token_secret=SecretStr("x" * 32), **settings),
                clock=self.clock,
                live_view=lambda: self.live,
                render_metrics=lambda: b"gateway_up 1\n",
                observe=lambda name, status, seconds: self.observed.append((name, status)),
                demo=None if demo is None else lambda: demo,
            )
        )

    def wire(
        self,
        method: str,
        path: str,
        *,
        key: str | None = None,
        json: Any = None,
        body: bytes | list[bytes | None] | None = None,
        headers: Mapping[str, str] | list[tuple[bytes, bytes]] | None = None,
    ) -> Wire:
        """Prepare a request; `key` is a scope's name, `json` sets body and Content-Type."""
        raw: list[tuple[bytes, bytes]] = []
        given = list(headers.items()) if isinstance(headers, Mapping) else []
        raw += [(name.lower().encode(), value.encode("latin-1")) for name, value in given]
        raw += headers if isinstance(headers, list) else []
        if not any(name == b"host" for name, _ in raw):
            raw.append((b"host", b"gateway.example.com"))
        if key is not None:
            raw.append((b"authorization", b"Bearer " + key.encode()))
        parts = _parts(json, body)
        if json is not None and not any(name == b"content-type" for name, _ in raw):
            raw.append((b"content-type", b"application/json"))
        if any(parts) and not any(name == b"content-length" for name, _ in raw):
            length = sum(len(part or b"") for part in parts)
            raw.append((b"content-length", str(length).encode()))
        raw_path, _, query = path.partition("?")
        scope = {
            "type": "http",
            "method": method,
            "path": raw_path,
            "raw_path": raw_path.encode("latin-1"),
            "query_string": query.encode("latin-1"),
            "headers": raw,
        }
        return Wire(scope, parts)

    async def call(self, method: str, path: str, **request: Any) -> Reply:
        """Send a request and take the answer."""
        wire = self.wire(method, path, **request)
        async with asyncio.timeout(DEADLINE):
            await self.app(wire.scope, wire.receive, cast("Any", wire.send))
        return wire.reply()

    async def get(self, path: str, key: str | None = "admin", **request: Any) -> Reply:
        """GET with the key of all scopes."""
        return await self.call("GET", path, key=key, **request)

    async def post(
        self, path: str, json: Any = None, key: str | None = "admin", **request: Any
    ) -> Reply:
        """POST with the key of all scopes."""
        return await self.call("POST", path, key=key, json=json, **request)

    async def patch(self, path: str, json: Any, **request: Any) -> Reply:
        """PATCH with the key of all scopes."""
        return await self.call("PATCH", path, key="admin", json=json, **request)

    async def banner(self, text: str = "Payments are delayed") -> str:
        """Put a banner live and return its id."""
        reply = await self.post("/v1/broadcast", {"text": text})
        assert reply.status == 201, reply.body
        return str(reply.json["id"])


def _parts(value: Any, body: bytes | list[bytes | None] | None) -> list[bytes | None]:
    if isinstance(body, list):
        return list(body)
    if body is not None:
        return [body]
    return [b"" if value is None else json.dumps(value).encode()]


def receipt(user: str, stage: Stage = Stage.DISPLAYED, **fields: Any) -> Receipt:
    """A line of the receipts."""
    return Receipt(message_id="msg_1", user_id=user, stage=stage, revision=1, at=START, **fields)
