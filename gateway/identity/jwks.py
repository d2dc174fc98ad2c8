"""The public keys of an issuer, fetched from its JWKS address and kept in memory.

One object per address, so keys of two issuers can never meet (GHSA-g6vg-wj8f-48cj). The address
comes from the settings alone: nothing in a token makes the gateway open a connection anywhere
else. Never blocks the loop, never fetches twice at once, and never more often than the intervals
say, however many tokens name unknown keys.

While the address does not answer, the keys last seen stay in use: an outage of the issuer must
not cut off those who already hold its tokens.
"""

import asyncio
import ipaddress
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from gateway.clock import Clock
from gateway.errors import BadInput, DependencyDown, Misconfigured
from gateway.identity.refusals import KeysLoading
from gateway.identity.signatures import PUBLIC_ALGORITHMS, PublicKey, public_key_from_jwk
from gateway.log import Repeats, get_logger
from gateway.wire.strict import decode_json

if TYPE_CHECKING:
    import httpx2

MAX_KEYS = 100
"""No issuer has that many; each costs a parse when the set is read."""

_FAILURE = "token_keys_not_fetched"


@dataclass(frozen=True, slots=True, kw_only=True)
class FetchLimits:
    """When and how much to fetch. Seconds and bytes.

    Args:
        refresh_after: keys older than this are fetched again in the background, when one is used,
            so that a key which the issuer took back stops working.
        min_interval: between two fetches, while there are keys.
        retry_interval: between two fetches, while there has never been a key.
        timeout: for a whole fetch, from name lookup to the last byte.
        max_bytes: of the answer; a hundred keys with certificate chains stay below.
        log_interval: between two log lines about failed fetches.
    """

    refresh_after: float = 300
    min_interval: float = 10
    retry_interval: float = 1
    timeout: float = 5
    max_bytes: int = 262_144
    log_interval: float = 60


class FetchFailed(DependencyDown):
    """The address answered, but not with keys. `code` tells why, for the log."""


class Jwks:
    """The keys of one address. `start` before use, `close` at the end."""

    algorithms = PUBLIC_ALGORITHMS

    def __init__(self, url: str, clock: Clock, limits: FetchLimits | None = None) -> None:
        self._url = check_url(url)
        self._clock = clock
        self._limits = limits or FetchLimits()
        self._keys: Mapping[str | None, Sequence[PublicKey]] = {}
        self._all: Sequence[PublicKey] = ()
        self._fetched_at = float("-inf")
        self._tried_at = float("-inf")
        self._repeats = Repeats(self._limits.log_interval, clock.monotonic)
        self._last_failed = False
        self._client: httpx2.AsyncClient | None = None
        self._fetching: asyncio.Task[None] | None = None
        self._fetched: asyncio.Future[None] | None = None

    @property
    def has_keys(self) -> bool:
        """True once any key was fetched; tokens cannot be judged before."""
        return bool(self._all)

    async def start(self) -> None:
        """Fetch the keys once. An address that does not answer is logged, and tried again when
        the first token comes."""
        fetched = self._begin_fetch()
        if fetched is not None:
            await fetched

    async def close(self) -> None:
        """Stop a running fetch and let go of the connection; nothing is fetched after this."""
        if self._fetching is not None:
            self._fetching.cancel()
            await asyncio.wait([self._fetching])
        self._tried_at = float("inf")
        if self._client is not None:
            await self._client.aclose()
            self._client = None

    def find(self, kid: str | None) -> Sequence[PublicKey]:
        """The keys by that name; all keys for None. An empty answer is final: the address was
        asked not long ago, and has no such key."""
        keys = self._all if kid is None else self._keys.get(kid, ())
        if keys:
            if self._clock.monotonic() - self._fetched_at >= self._limits.refresh_after:
                self._begin_fetch()
            return keys
        fetched = self._begin_fetch()
        if fetched is not None:
            raise KeysLoading(fetched)
        if self._last_failed or not self._all:
            raise DependencyDown("the keys that sign tokens cannot be fetched", code="keys_down")
        return ()

    def _begin_fetch(self) -> "asyncio.Future[None] | None":
        """A future for the end of the running or a new fetch; None when it is too early."""
        if self._fetched is None:
            wait = self._limits.min_interval if self._all else self._limits.retry_interval
            if self._clock.monotonic() - self._tried_at < wait:
                return None
            self._fetched = asyncio.get_running_loop().create_future()
            self._fetching = asyncio.create_task(self._fetch(), name="jwks-fetch")
        # One each: a connection that gives up waiting must not take the others along.
        return asyncio.shield(self._fetched)

    async def _fetch(self) -> None:
        try:
            async with asyncio.timeout(self._limits.timeout):
                body = await self._download()
            self._keep(parse_key_set(body))
        except Exception as error:
            # Whatever name lookup, TLS, HTTP or the answer can be: the old keys stay, and nobody
            # awaits this task who could say more.
            self._last_failed = True
            self._log_failure(error)
        finally:
            self._tried_at = self._clock.monotonic()
            fetched, self._fetched, self._fetching = self._fetched, None, None
            if fetched is not None and not fetched.done():
                fetched.set_result(None)

    def _keep(self, keys: Mapping[str | None, Sequence[PublicKey]]) -> None:
        self._keys = keys
        self._all = tuple(key for same_name in keys.values() for key in same_name)
        self._fetched_at = self._clock.monotonic()
        self._last_failed = False

    async def _download(self) -> bytes:
        headers = {"accept": "application/json", "accept-encoding": "identity"}
        async with self._http().stream("GET", self._url, headers=headers) as response:
            if response.status_code != 200:
                raise FetchFailed(code=f"status_{response.status_code}")
            if response.headers.get("content-encoding", "identity") != "identity":
                raise FetchFailed(code="compressed")
            body = bytearray()
            async for chunk in response.aiter_raw():
                body += chunk
                if len(body) > self._limits.max_bytes:
                    raise FetchFailed(code="too_big")
            return bytes(body)

    def _http(self) -> "httpx2.AsyncClient":
        import httpx2

        if self._client is None:
            self._client = httpx2.AsyncClient(
                follow_redirects=False,
                timeout=None,  # the whole fetch has one, which a dripping answer cannot stretch
                limits=httpx2.Limits(max_connections=1, max_keepalive_connections=0),
                # Proxies of the environment are for the world outside, not for this machine.
                trust_env=not _is_loopback(urlsplit(self._url).hostname),
            )
        return self._client

    def _log_failure(self, error: Exception) -> None:
        unsaid = self._repeats.silenced(_FAILURE)
        if unsaid is None:
            return
        age = round(self._clock.monotonic() - self._fetched_at) if self._all else None
        # Only the host: an address may hold a secret, and an error's text may hold the answer.
        get_logger(__name__).warning(
            _FAILURE,
            host=urlsplit(self._url).hostname,
            reason=error.code if isinstance(error, FetchFailed) else type(error).__name__,
            keys_in_use=len(self._all),
            keys_age_seconds=age,
            unsaid=unsaid,
        )


def check_url(url: str) -> str:
    """Raises Misconfigured unless the address is https, or http on this machine."""
    try:
        parts = urlsplit(url)
        host, _ = parts.hostname, parts.port
    except ValueError:
        raise Misconfigured("GATEWAY_TOKEN_JWKS_URL is not a web address") from None
    if parts.username is not None or parts.password is not None:
        raise Misconfigured("GATEWAY_TOKEN_JWKS_URL must not hold a name or password")
    if not host or not (parts.scheme == "https" or (parts.scheme == "http" and _is_loopback(host))):
        raise Misconfigured("GATEWAY_TOKEN_JWKS_URL must begin with https:// and a host name")
    return url


def _is_loopback(host: str | None) -> bool:
    try:
        return host == "localhost" or ipaddress.ip_address(host or "").is_loopback
    except ValueError:
        return False


def parse_key_set(body: bytes) -> Mapping[str | None, Sequence[PublicKey]]:
    """The usable keys of a JWKS document, by `kid`. Raises FetchFailed when there is none.

    A name may stand for several keys of different types; of the same type, the first one counts.
    """
    keys: dict[str | None, list[PublicKey]] = {}
    for jwk in _read_jwks(body)[:MAX_KEYS]:
        key = public_key_from_jwk(jwk) if isinstance(jwk, dict) else None
        kid = jwk.get("kid") if key is not None else None
        if key is None or not isinstance(kid, str | None):
            continue
        same_name = keys.setdefault(kid, [])
        if all(key.algorithms.isdisjoint(other.algorithms) for other in same_name):
            same_name.append(key)
    if not keys:
        raise FetchFailed(code="no_usable_key")
    return keys


def _read_jwks(body: bytes) -> list[Any]:
    try:
        document = decode_json(body, len(body))
    except BadInput:
        document = None
    keys = document.get("keys") if isinstance(document, dict) else None
    if not isinstance(keys, list):
        raise FetchFailed(code="not_a_key_set")
    return keys
