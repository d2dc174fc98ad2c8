"""Refusals on the socket: a problem+json answer (RFC 9457) as the bytes of a whole response.

For requests that never reach the application. Details are our own words and never repeat what was
sent, so nothing of a request (a token, say) can come back or end up in a log.
"""

import json
import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from http import HTTPStatus


@dataclass(frozen=True, slots=True, kw_only=True)
class Refusal:
    """Why a request was not taken, for people (`detail`) and programs (`code`)."""

    status: HTTPStatus
    code: str
    detail: str
    headers: Mapping[str, str] = field(default_factory=dict)

    def response(self) -> bytes:
        """Return head and body; the connection ends after it."""
        problem = {
            "type": "about:blank",
            "title": self.status.phrase,
            "status": int(self.status),
            "detail": self.detail,
            "code": self.code,
            "errors": [],
        }
        body = json.dumps(problem).encode()
        lines = [
            f"HTTP/1.1 {int(self.status)} {self.status.phrase}",
            "content-type: application/problem+json",
            f"content-length: {len(body)}",
            "cache-control: no-store",
            "connection: upgrade, close" if "upgrade" in self.headers else "connection: close",
            *(f"{name}: {value}" for name, value in self.headers.items()),
        ]
        return "\r\n".join(lines).encode("latin-1") + b"\r\n\r\n" + body


def overloaded(code: str, detail: str, retry_after: float) -> Refusal:
    """Come back later; `Retry-After` counts whole seconds (RFC 9110 §10.2.3)."""
    seconds = max(1, math.ceil(retry_after))
    return Refusal(
        status=HTTPStatus.SERVICE_UNAVAILABLE,
        code=code,
        detail=detail,
        headers={"retry-after": str(seconds)},
    )
