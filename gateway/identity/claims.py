"""What a signed token says → Claims, or a refusal. Owns every rule about claims.

Knows nothing of keys and signatures: whoever calls this has checked them. Never puts the value of
a claim into an error.
"""

from collections.abc import Callable, Mapping
from typing import Any, Generic, TypeVar

import msgspec
from msgspec import Raw

from gateway.errors import BadInput
from gateway.identity.compact import LATEST_TIME
from gateway.identity.refusals import TokenRefused
from gateway.model.user import Claims
from gateway.wire.identifiers import parse_identifier
from gateway.wire.strict import decode_json

LEEWAY_SECONDS = 30
"""How far the issuer's clock may be ahead of ours, for `nbf`, `iat` and the longest lifetime.
`exp` has no leeway: a token never lives longer than it says."""
MAX_TRAITS_BYTES = 4096
MAX_TRAITS_DEPTH = 4
MAX_ROLES = 64
DEV_LIFETIME_SECONDS = 86_400

_ABSENT = (b"", b"null")
_NO_TRAITS: Mapping[str, Any] = {}


class _Payload(msgspec.Struct, gc=False):
    """The claims that we read, by type; all others are ignored. Optional ones may be null."""

    sub: str
    exp: int | float
    nbf: int | float | None = None
    iat: int | float | None = None
    jti: str | None = None
    anonymous: bool | None = None
    aud: Raw = Raw()
    iss: Raw = Raw()
    traits: Raw = Raw()
    roles: Raw = Raw()


_decoder = msgspec.json.Decoder(_Payload)
_audience_decoder = msgspec.json.Decoder(str | list[str])
_issuer_decoder = msgspec.json.Decoder(str)
_roles_decoder = msgspec.json.Decoder(list[str])

T = TypeVar("T")


class Shared(Generic[T]):
    """Equal text, one value: most tokens of a site carry one of few sets of roles and traits.

    Bounded in number and size, so that texts which never come again cost little.
    """

    MAX_VALUES = 1024
    MAX_TEXT_BYTES = 1024

    def __init__(self, build: Callable[[bytes], T]) -> None:
        self._build = build
        self._values: dict[bytes, T] = {}

    def get(self, text: bytes) -> T:
        """The value of this text; nobody may change it."""
        value = self._values.get(text)
        if value is None:
            value = self._build(text)
            if len(text) <= self.MAX_TEXT_BYTES:
                self._keep(text, value)
        return value

    def _keep(self, text: bytes, value: T) -> None:
        if len(self._values) >= self.MAX_VALUES:
            self._values.clear()
        self._values[text] = value


class ClaimsReader:
    """Reads payloads by the rules of one gateway."""

    def __init__(self, *, audience: str | None, issuer: str | None, max_lifetime: float) -> None:
        self._audience = audience
        self._issuer = issuer
        self._max_lifetime = max_lifetime + LEEWAY_SECONDS
        self._traits = Shared(_parse_traits)
        self._roles = Shared(_parse_roles)

    def read(self, payload: bytes, now: float) -> Claims:
        """Raises TokenRefused and nothing else, whatever the bytes are."""
        said = _decode(payload)
        self._check_parties(said)
        self._check_times(said, now)
        traits, roles = bytes(said.traits), bytes(said.roles)
        return Claims(
            user_id=_identifier("sub", said.sub),
            expires_at=float(said.exp),
            issued_at=None if said.iat is None else float(said.iat),
            token_id=None if said.jti is None else _identifier("jti", said.jti),
            roles=() if roles in _ABSENT else self._roles.get(roles),
            traits=_NO_TRAITS if traits in _ABSENT else self._traits.get(traits),
            is_anonymous=bool(said.anonymous),
        )

    def _check_parties(self, said: _Payload) -> None:
        if self._audience is not None:
            audience = _optional(_audience_decoder, said.aud)
            if self._audience not in ([audience] if isinstance(audience, str) else audience or ()):
                raise TokenRefused("token_audience")
        if self._issuer is not None and _optional(_issuer_decoder, said.iss) != self._issuer:
            raise TokenRefused("token_issuer")

    def _check_times(self, said: _Payload, now: float) -> None:
        exp, nbf, iat = said.exp, said.nbf, said.iat
        for name, time in (("exp", exp), ("nbf", nbf), ("iat", iat)):
            if time is not None and not 0 <= time <= LATEST_TIME:
                raise TokenRefused("token_claims", f"`{name}` is not a time in seconds since 1970")
        if exp <= now:
            raise TokenRefused("token_expired")
        if (nbf is not None and nbf > now + LEEWAY_SECONDS) or (
            iat is not None and iat > now + LEEWAY_SECONDS
        ):
            raise TokenRefused("token_not_yet_valid")
        # Counted from `iat` where there is one: else a token made for a year would be refused
        # for months, and let in on its last day.
        if exp - (now if iat is None else min(iat, now)) > self._max_lifetime:
            raise TokenRefused("token_lifetime")


def dev_claims(user: str, now: float) -> Claims:
    """Who `user` is without any proof, for a day. Only ever for `gateway dev`."""
    return Claims(
        user_id=_identifier("user", user), expires_at=now + DEV_LIFETIME_SECONDS, issued_at=now
    )


def _decode(payload: bytes) -> _Payload:
    # Refusals are raised after the except clause: the parser's error would hold the payload.
    try:
        return _decoder.decode(payload)
    except msgspec.ValidationError as error:
        refusal = TokenRefused("token_claims", str(error))
    except (ValueError, RecursionError):
        refusal = TokenRefused("token_malformed")
    raise refusal


def _optional(decoder: msgspec.json.Decoder[T], raw: Raw) -> T | None:
    try:
        return decoder.decode(raw)
    except (ValueError, RecursionError):
        return None


def _identifier(claim: str, text: str) -> str:
    try:
        return parse_identifier(text)
    except BadInput:
        refusal = TokenRefused("token_claims", f"`{claim}` is not an identifier")
    raise refusal


def _parse_traits(text: bytes) -> Mapping[str, Any]:
    detail = ""
    try:
        traits = decode_json(text, MAX_TRAITS_BYTES)
    except BadInput as error:
        traits, detail = None, f": {error}"
    if not isinstance(traits, dict):
        raise TokenRefused("token_claims", f"`traits` is not an object that we can take{detail}")
    if _depth(traits) > MAX_TRAITS_DEPTH:
        raise TokenRefused("token_claims", f"`traits` is deeper than {MAX_TRAITS_DEPTH} levels")
    return traits


def _depth(value: object) -> int:
    if isinstance(value, dict):
        value = list(value.values())
    return 1 + max(map(_depth, value), default=0) if isinstance(value, list) else 0


def _parse_roles(text: bytes) -> tuple[str, ...]:
    try:
        roles = _roles_decoder.decode(text)
    except (ValueError, RecursionError):
        roles = None
    if roles is None or len(roles) > MAX_ROLES:
        raise TokenRefused("token_claims", f"`roles` is not a list of at most {MAX_ROLES} texts")
    return tuple(_identifier("roles", role) for role in roles)
