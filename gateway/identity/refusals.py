"""Why a token is not accepted, and what to do when that cannot be known yet.

Owns the codes and the close codes that go with them. Never holds any part of a token: its text
goes into logs and to clients.
"""

import asyncio

from gateway.errors import DependencyDown, Unauthenticated
from gateway.wire.close_codes import CloseCode

_CLOSE_CODES = {
    "token_expired": CloseCode.TOKEN_EXPIRED,
    "token_revoked": CloseCode.TOKEN_REVOKED,
    "user_blocked": CloseCode.BLOCKED,
}
"""Every other code closes with 4303: only a different token can help."""

REASONS = {
    "token_missing": "no token was given",
    "token_malformed": "this is not a signed JSON web token",
    "token_algorithm": "the token's algorithm is not the one of our key",
    "token_signature": "the signature does not hold",
    "token_expired": "the token has expired",
    "token_not_yet_valid": "the token is not valid yet",
    "token_lifetime": "the token lives longer than this gateway allows",
    "token_audience": "the token is for somebody else: `aud` does not name this gateway",
    "token_issuer": "the token is by somebody else: `iss` is not who this gateway trusts",
    "token_claims": "a claim is missing or not of its type",
    "token_revoked": "the token was revoked",
    "user_blocked": "the user is blocked",
}
"""Every code, and what it says to people when nothing more exact is known."""


class TokenRefused(Unauthenticated):
    """A token, or its user, is not let in. `code` is a key of REASONS."""

    def __init__(self, code: str, detail: str = "") -> None:
        super().__init__(detail or REASONS[code], code=code)

    @property
    def close_code(self) -> CloseCode:
        """What the connection closes with (PROTOCOL §2)."""
        return _CLOSE_CODES.get(self.code, CloseCode.TOKEN_INVALID)


class KeysLoading(DependencyDown):
    """The keys are being fetched: await `future`, then verify again.

    The future never fails, and cancelling it harms nobody else. Who does not care to wait may
    treat this as any dependency that is down.
    """

    code = "keys_loading"

    def __init__(self, future: "asyncio.Future[None]") -> None:
        super().__init__("the keys that sign tokens are being fetched")
        self.future = future
