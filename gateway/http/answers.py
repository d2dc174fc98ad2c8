"""What an operation answers: a status, headers and bytes, or a stream of them.

Owns the security headers of every answer. Knows no operation and writes to no socket but through
the ASGI `send` it is given.
"""

import asyncio
from collections.abc import AsyncGenerator, Coroutine, Mapping
from dataclasses import dataclass, field
from enum import Enum
from typing import Any

import msgspec
from starlette.types import Send

JSON = "application/json"

RawHeaders = tuple[tuple[bytes, bytes], ...]

_EVERYWHERE: RawHeaders = (
    (b"x-content-type-options", b"nosniff"),
    (b"x-frame-options", b"DENY"),
    (b"referrer-policy", b"no-referrer"),
)
_PRIVATE: RawHeaders = (
    *_EVERYWHERE,
    (b"cross-origin-resource-policy", b"same-origin"),
    (b"cross-origin-opener-policy", b"same-origin"),
)
_SHARED: RawHeaders = (
    *_EVERYWHERE,
    (b"cross-origin-resource-policy", b"cross-origin"),
    (b"access-control-allow-origin", b"*"),
    (b"access-control-expose-headers", b"etag, x-request-id"),
)
_NOTHING = b"default-src 'none'; frame-ancestors 'none'; base-uri 'none'; form-action 'none'"
_OWN_PARTS = (
    b"default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; "
    b"connect-src 'self'; frame-ancestors 'none'; base-uri 'none'; form-action 'none'; "
    b"require-trusted-types-for 'script'"
)


class Policy(Enum):
    """Which headers protect an answer; each is a finished list, joined once here."""

    API = (*_PRIVATE, (b"content-security-policy", _NOTHING), (b"cache-control", b"no-store"))
    """Data for one caller: never cached, never framed, never read by another site."""
    PAGE = (*_PRIVATE, (b"content-security-policy", _OWN_PARTS), (b"cache-control", b"no-cache"))
    """A page of ours: loads its own files and talks to its own gateway, nothing else."""
    SHARED = (*_SHARED, (b"content-security-policy", _NOTHING))
    """What other sites may load; it brings its own `cache-control`."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """A finished answer."""

    status: int = 200
    body: bytes = b""
    media_type: str | None = JSON
    headers: Mapping[str, str] = field(default_factory=dict)
    policy: Policy = Policy.API

    async def write(self, send: Send, request_id: bytes, *, head_only: bool = False) -> None:
        """Send head and body."""
        head = [*self.policy.value, (b"x-request-id", request_id)]
        if self.status not in (204, 304):
            head.append((b"content-length", str(len(self.body)).encode()))
        if self.media_type is not None and self.body:
            head.append((b"content-type", self.media_type.encode()))
        head += [(name.lower().encode(), text.encode()) for name, text in self.headers.items()]
        await send({"type": "http.response.start", "status": self.status, "headers": head})
        await send({"type": "http.response.body", "body": b"" if head_only else self.body})


@dataclass(frozen=True, slots=True, kw_only=True)
class Stream:
    """An answer of unknown length. `chunks` is closed when the reader is gone."""

    chunks: AsyncGenerator[bytes, None]
    media_type: str
    headers: Mapping[str, str] = field(default_factory=dict)
    status: int = 200
    policy: Policy = Policy.API

    async def write(
        self, send: Send, request_id: bytes, gone: Coroutine[Any, Any, None], head_only: bool
    ) -> None:
        """Send head and chunks until they end or the reader is `gone`. When making a chunk fails,
        the answer is left without its end, so that nobody takes a part for the whole."""
        leaving = asyncio.ensure_future(gone)
        try:
            head = self._head(request_id)
            await send({"type": "http.response.start", "status": self.status, "headers": head})
            chunk = None if head_only else await self._next(leaving)
            while chunk is not None:
                await send({"type": "http.response.body", "body": chunk, "more_body": True})
                chunk = await self._next(leaving)
            await send({"type": "http.response.body", "body": b""})
        finally:
            leaving.cancel()
            await asyncio.gather(leaving, return_exceptions=True)
            await self.chunks.aclose()

    async def _next(self, leaving: "asyncio.Future[None]") -> bytes | None:
        """The next chunk, or None when there is none or nobody to read it."""
        step = asyncio.ensure_future(self._step())
        try:
            either: set[asyncio.Future[Any]] = {step, leaving}
            await asyncio.wait(either, return_when=asyncio.FIRST_COMPLETED)
            return step.result() if step.done() else None
        finally:
            if not step.done():
                step.cancel()
                await asyncio.gather(step, return_exceptions=True)

    async def _step(self) -> bytes | None:
        return await anext(self.chunks, None)

    def _head(self, request_id: bytes) -> list[tuple[bytes, bytes]]:
        return [
            *self.policy.value,
            (b"x-request-id", request_id),
            (b"content-type", self.media_type.encode()),
            *((name.lower().encode(), text.encode()) for name, text in self.headers.items()),
        ]


_encoder = msgspec.json.Encoder()


def encode(value: Any) -> bytes:
    """Write a value of ours as JSON; times in UTC end in Z, NaN cannot occur."""
    return _encoder.encode(value)


def answer(value: Any, *, status: int = 200, headers: Mapping[str, str] | None = None) -> Answer:
    """An answer with a JSON body."""
    return Answer(status=status, body=_encoder.encode(value), headers=headers or {})


NO_CONTENT = Answer(status=204, media_type=None)
