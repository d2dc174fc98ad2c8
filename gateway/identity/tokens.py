"""Verifies user tokens: from the text of a JWT to Claims, or to a refusal that tells why.

The key of the settings decides the algorithm; what a token says about itself (`alg`, `jku`,
`jwk`, `x5u`) never chooses anything. Whatever a peer sends, only TokenRefused, KeysLoading and
DependencyDown come out, and none of them carries any part of the token.

PyJWT's algorithms check public-key signatures, but its decoder is not used: it walks every
character in Python (31 µs against 6 µs for a small HS256 token) and is lenient where we are not.
"""

import msgspec
from msgspec import UNSET, Raw, UnsetType

from gateway.clock import Clock
from gateway.errors import Misconfigured
from gateway.identity.claims import ClaimsReader, dev_claims
from gateway.identity.compact import Segments, decode_segment, split_token
from gateway.identity.jwks import Jwks
from gateway.identity.refusals import KeysLoading, TokenRefused
from gateway.identity.signatures import (
    FixedKey,
    KeySource,
    NoKey,
    SecretKey,
    VerifyKey,
    public_key_from_setting,
)
from gateway.model.user import Claims
from gateway.settings import Settings

MAX_KID_CHARS = 256
MAX_KNOWN_HEADERS = 64
"""An issuer writes the same header again and again; there are as many as it has keys."""


class _Header(msgspec.Struct, frozen=True):
    """What a token says about itself. Only `alg` and `kid` are used, and only to compare."""

    alg: str
    kid: str | None = None
    crit: Raw | UnsetType = UNSET
    b64: Raw | UnsetType = UNSET


_header_decoder = msgspec.json.Decoder(_Header)


class TokenVerifier:
    """Verifies tokens by the rules of the settings. `start` before use, `close` at the end."""

    def __init__(self, settings: Settings, clock: Clock) -> None:
        """Raises Misconfigured when the settings name no key, several, or a weak one."""
        self._is_dev = settings.dev
        self._source = _key_source(settings, clock)
        self._reader = ClaimsReader(
            audience=settings.token_audience,
            issuer=settings.token_issuer,
            max_lifetime=settings.token_max_lifetime,
        )
        self._headers: dict[bytes, _Header] = {}

    async def start(self) -> None:
        """Fetch keys where they come from elsewhere. Never fails: see Jwks.start."""
        if isinstance(self._source, Jwks):
            await self._source.start()

    async def close(self) -> None:
        """Let go of connections and tasks."""
        if isinstance(self._source, Jwks):
            await self._source.close()

    @property
    def has_keys(self) -> bool:
        """True when tokens can be judged now; for readiness."""
        return not isinstance(self._source, Jwks) or self._source.has_keys

    def verify(self, token: str, now: float) -> Claims:
        """The claims of a token that holds at `now` (seconds since the epoch).

        Raises TokenRefused; KeysLoading when a fetch must end first; DependencyDown when keys
        never came.
        """
        segments = _split(token)
        header = self._headers.get(segments.header) or _read_header(segments.header)
        key = self._key(header)
        if not key.holds(segments.signing_input, segments.signature):
            raise TokenRefused("token_signature")
        self._remember(segments.header, header)
        payload = decode_segment(segments.payload)
        if payload is None:
            raise TokenRefused("token_malformed")
        return self._reader.read(payload, now)

    def dev_claims(self, user: str, now: float) -> Claims:
        """The claims of a user who needs no token, in development only; TokenRefused elsewhere."""
        if not self._is_dev:
            raise TokenRefused("token_missing")
        return dev_claims(user, now)

    def _key(self, header: _Header) -> VerifyKey:
        if header.alg not in self._source.algorithms:
            raise TokenRefused("token_algorithm")
        found = self._source.find(header.kid)
        if not found:
            raise TokenRefused("token_signature", "the token is signed with an unknown key")
        fitting = [key for key in found if header.alg in key.algorithms]
        if not fitting:
            raise TokenRefused("token_algorithm")
        if len(fitting) > 1:
            raise TokenRefused("token_signature", "the token names no key, and several would fit")
        return fitting[0]

    def _remember(self, text: bytes, header: _Header) -> None:
        # Only headers of tokens that held: nobody else may fill this.
        if text not in self._headers and len(self._headers) < MAX_KNOWN_HEADERS:
            self._headers[text] = header


def _key_source(settings: Settings, clock: Clock) -> KeySource:
    chosen = {
        "GATEWAY_TOKEN_SECRET": settings.token_secret,
        "GATEWAY_TOKEN_PUBLIC_KEY": settings.token_public_key,
        "GATEWAY_TOKEN_JWKS_URL": settings.token_jwks_url,
    }
    names = [name for name, value in chosen.items() if value]
    if len(names) > 1:
        # A public key beside a secret is how algorithm confusion begins (T42).
        raise Misconfigured(f"{' and '.join(names)} are set; keep the one that signs your tokens")
    if settings.token_secret:
        return FixedKey(SecretKey(settings.token_secret.get_secret_value()))
    if settings.token_public_key:
        return FixedKey(public_key_from_setting(settings.token_public_key))
    if settings.token_jwks_url:
        return Jwks(settings.token_jwks_url, clock)
    if settings.dev:
        return NoKey()
    raise Misconfigured(f"no key for tokens: set one of {', '.join(chosen)}")


def _split(token: str) -> Segments:
    if not token:
        raise TokenRefused("token_missing")
    segments = split_token(token) if isinstance(token, str) else None
    if segments is None:
        raise TokenRefused("token_malformed")
    return segments


def _read_header(segment: bytes) -> _Header:
    text = decode_segment(segment)
    try:
        header = None if text is None else _header_decoder.decode(text)
    except (ValueError, RecursionError):
        header = None
    if header is None or len(header.kid or "") > MAX_KID_CHARS:
        raise TokenRefused("token_malformed")
    if header.crit is not UNSET or header.b64 is not UNSET:
        raise TokenRefused("token_malformed", "`crit` and `b64` headers are not supported")
    return header


__all__ = ["KeysLoading", "TokenRefused", "TokenVerifier", "dev_claims"]
