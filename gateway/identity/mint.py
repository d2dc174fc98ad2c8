"""Makes and reads tokens for people at a terminal: `gateway token mint` and `inspect`.

Light to import: no cryptography, no PyJWT. Not part of how the gateway judges tokens; a service
that logs its users in makes tokens with the JWT library of its own language.
"""

import json
from collections.abc import Mapping, Sequence
from typing import Any, Protocol

from gateway.errors import BadInput, GatewayError, Misconfigured
from gateway.identity.compact import (
    LATEST_TIME,
    MAX_TOKEN_CHARS,
    MIN_SECRET_BYTES,
    decode_segment,
    encode_segment,
    sign_with_secret,
    split_token,
)
from gateway.model.user import Claims
from gateway.wire.identifiers import parse_identifier

_HEADER = encode_segment(b'{"alg":"HS256","typ":"JWT"}')
_ABSENT: tuple[object, ...] = (None, False, (), [], {})


class Verifier(Protocol):
    """What `inspect` needs of TokenVerifier."""

    def verify(self, token: str, now: float) -> Claims:
        """The claims of a token that holds at `now`. Raises GatewayError."""
        ...


def mint(
    secret: str,
    user: str,
    ttl: float,
    traits: Mapping[str, Any] | None = None,
    roles: Sequence[str] = (),
    audience: str | None = None,
    issuer: str | None = None,
    token_id: str | None = None,
    *,
    now: float,
    anonymous: bool = False,
) -> str:
    """An HS256 token for `user`, good for `ttl` seconds from `now`.

    Raises BadInput for a user that no token may name, or a token that nobody could take;
    Misconfigured for a secret that the gateway would refuse.
    """
    key = secret.encode("utf-8", "surrogateescape")
    if len(key) < MIN_SECRET_BYTES:
        raise Misconfigured(f"the secret needs at least {MIN_SECRET_BYTES} bytes")
    if not ttl > 0:
        raise BadInput("the lifetime must be longer than nothing", code="bad_lifetime")
    claims = {
        "sub": parse_identifier(user),
        "exp": int(now + ttl),
        "iat": int(now),
        "aud": audience,
        "iss": issuer,
        "jti": token_id,
        "traits": dict(traits or {}),
        "roles": list(roles),
        "anonymous": anonymous,
    }
    token = _sign(key, {name: claim for name, claim in claims.items() if claim not in _ABSENT})
    if len(token) > MAX_TOKEN_CHARS:
        raise BadInput(f"the token is longer than {MAX_TOKEN_CHARS} characters", code="too_long")
    return token


def _sign(key: bytes, claims: Mapping[str, Any]) -> str:
    try:
        text = json.dumps(claims, separators=(",", ":"), ensure_ascii=False, allow_nan=False)
        payload = text.encode()
    except (TypeError, ValueError):
        raise BadInput("the traits are not plain JSON values", code="bad_traits") from None
    signing_input = _HEADER + b"." + encode_segment(payload)
    return (signing_input + b"." + sign_with_secret(key, signing_input)).decode("ascii")


def inspect(token: str, verifier: Verifier | None, *, now: float) -> dict[str, Any]:
    """What a token says, and whether it holds: `header`, `claims`, `expires_in` (seconds),
    `holds` (None without a verifier), `code` and `detail` of the refusal.

    Raises BadInput when it is not a token at all.
    """
    segments = split_token(token)
    header = segments and _read_object(segments.header)
    claims = segments and _read_object(segments.payload)
    if header is None or claims is None:
        raise BadInput("this is not a signed JSON web token", code="token_malformed")
    found = {"header": header, "claims": claims, "expires_in": _expires_in(claims, now)}
    return found | _judge(token, verifier, now)


def _expires_in(claims: Mapping[str, Any], now: float) -> float | None:
    exp = claims.get("exp")
    if isinstance(exp, int | float) and not isinstance(exp, bool) and 0 <= exp <= LATEST_TIME:
        return exp - now
    return None


def _judge(token: str, verifier: Verifier | None, now: float) -> dict[str, Any]:
    if verifier is None:
        return {"holds": None, "code": None, "detail": None}
    try:
        verifier.verify(token, now)
    except GatewayError as error:
        return {"holds": False, "code": error.code, "detail": str(error)}
    return {"holds": True, "code": None, "detail": None}


def _read_object(segment: bytes) -> dict[str, Any] | None:
    raw = decode_segment(segment)
    try:
        value = None if raw is None else json.loads(raw)
    except (ValueError, RecursionError):
        value = None
    return value if isinstance(value, dict) else None
