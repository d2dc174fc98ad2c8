"""A whole core on a real SQLite store, with links that remember what was written."""

import asyncio
import contextlib
import json
from collections.abc import AsyncIterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import msgspec

from gateway.broker.memory import MemoryBroker
from gateway.clock import Clock
from gateway.core import Core
from gateway.errors import DependencyDown
from gateway.identity.claims import dev_claims
from gateway.identity.refusals import KeysLoading, TokenRefused
from gateway.messaging.drafts import MessageDraft
from gateway.messaging.messages import Published
from gateway.model.admin import AdminKey, Caller, Scope
from gateway.model.message import Content, Kind, Severity, State
from gateway.model.user import Claims
from gateway.presence.memory import MemoryPresence
from gateway.sessions.link import Encoding
from gateway.sessions.session import Session
from gateway.sessions.timing_wheel import RESOLUTION
from gateway.settings import Settings
from gateway.store.sql import SqlStore
from tests.fakes import START, FakeClock, FakeLink

CALLER = Caller(
    key=AdminKey(
        id="key_ops",
        name="ops",
        hash="0" * 64,
        scopes=frozenset({Scope.ADMIN}),
        created_at=START,
    ),
    request_id="req_1",
)


class NamesAsTokens:
    """Takes the user's name for a token. `down` and `loading` stand for a key server's moods."""

    def __init__(self, clock: Clock, lives: float = 3600) -> None:
        self._clock = clock
        self._lives = lives
        self.down = False
        self.loading: asyncio.Future[None] | None = None

    dev_claims = staticmethod(dev_claims)

    def verify(self, token: str, now: float) -> Claims:
        if self.down:
            raise DependencyDown("no keys")
        if self.loading is not None:
            loading, self.loading = self.loading, None
            raise KeysLoading(loading)
        if not token or token == "bad":
            raise TokenRefused("token_missing" if not token else "token_signature")
        user, _, token_id = token.partition("/")
        return Claims(
            user_id=user,
            expires_at=now + self._lives,
            issued_at=now,
            token_id=token_id or None,
        )


class Screen:
    """One client: its link and session."""

    def __init__(self, core: Core, encoding: Encoding = Encoding.JSON) -> None:
        self.link = FakeLink(encoding)
        self.session: Session = core.open_session(self.link, None)

    def say(self, **frame: Any) -> None:
        is_json = self.link.encoding is Encoding.JSON
        self.session.receive(
            json.dumps(frame).encode() if is_json else msgspec.msgpack.encode(frame)
        )

    def answer_ping(self) -> None:
        """What every client does."""
        if self.link.open and self.link.frames and self.link.frames[-1]["type"] == "ping":
            self.say(type="pong")

    def receipt(self, published: Published, *stages: str, **fields: Any) -> None:
        message = published.message
        lines = [
            {"message": message.id, "revision": message.revision, "stage": stage} | fields
            for stage in stages
        ]
        self.say(type="receipt", receipts=lines)

    @property
    def welcome(self) -> dict[str, Any]:
        return self.link.of_type("welcome")[0]

    @property
    def live(self) -> list[str]:
        """Ids in the newest snapshot."""
        return [message["id"] for message in self._snapshots[-1]["live"]]

    @property
    def _snapshots(self) -> list[dict[str, Any]]:
        return [frame for frame in self.link.frames if frame["type"] in ("welcome", "sync")]

    @property
    def shown(self) -> list[str]:
        """What a client would have on its screen after every frame so far."""
        screen: dict[str, int] = {}
        for frame in self.link.frames:
            if frame["type"] in ("welcome", "sync"):
                screen = {m["id"]: m["revision"] for m in frame["live"]}
            elif frame["type"] == "message":
                screen[frame["message"]["id"]] = frame["message"]["revision"]
            elif frame["type"] == "retract":
                screen.pop(frame["message"], None)
        return list(screen)

    @property
    def code(self) -> int | None:
        return self.link.closed_with[0] if self.link.closed_with else None

    def drop(self) -> None:
        """The connection breaks."""
        self.link.open = False
        self.session.on_closed(1006)


class Stage:
    """A core whose time is moved by hand."""

    def __init__(self, core: Core, clock: FakeClock, verifier: NamesAsTokens) -> None:
        self.core = core
        self.clock = clock
        self.verifier = verifier
        self.screens: list[Screen] = []

    def connect(
        self, token: str, /, *, encoding: Encoding = Encoding.JSON, **fields: Any
    ) -> Screen:
        screen = Screen(self.core, encoding)
        self.screens.append(screen)
        screen.say(**({"type": "connect", "token": token} | fields))
        return screen

    async def banner(self, text: str = "Checkout is down", **fields: Any) -> Published:
        defaults: dict[str, Any] = {
            "kind": Kind.BANNER,
            "content": {"en": Content(body=text)},
            "severity": Severity.MAJOR,
            "state": State.LIVE,
        }
        return await self.core.messages.create(CALLER, MessageDraft(**(defaults | fields)))

    async def wait(self, seconds: float) -> None:
        """Let time pass, and everything that it sets off come to its end."""
        for _ in range(int(seconds / RESOLUTION) + 1):
            self.clock.pass_seconds(RESOLUTION)
            self.core.wheel.advance()
            for screen in self.screens:
                screen.answer_ping()
        await self.settle()

    async def settle(self) -> None:
        """Let what the node has begun come to its end."""
        await self.core.node.settled()


@contextlib.asynccontextmanager
async def a_stage(
    folder: Path, clock: FakeClock | None = None, **settings: Any
) -> AsyncIterator[Stage]:
    """A core over the database in `folder`; stopped at the end, as a node would be."""
    clock = clock or FakeClock()
    store = SqlStore(f"sqlite:///{folder / 'gateway.db'}", clock)
    await store.open(create=True)
    verifier = NamesAsTokens(clock)
    core = Core(
        Settings(**settings),
        node_id="node-1",
        store=store,
        broker=MemoryBroker(),
        make_presence=MemoryPresence,
        verifier=verifier,
        clock=clock,
    )
    await core.start()
    try:
        yield Stage(core, clock, verifier)
    finally:
        await core.stop()
        await store.close()


__all__ = ["CALLER", "Screen", "Stage", "a_stage", "timedelta"]
