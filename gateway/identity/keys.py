"""Admin keys: made once, shown once, stored as a hash.

The key of GATEWAY_ADMIN_KEY lives in memory only, under a fixed id: it exists exactly as long as
the setting does, the same on every worker, and no database row outlives a changed setting.
Everything else is in the store. A secret is never kept, logged or put into an error.
"""

import asyncio
import hashlib
import hmac
import secrets
from collections.abc import Sequence

from msgspec import structs

from gateway.clock import Clock
from gateway.errors import Misconfigured, NotFound, Refused, Unauthenticated
from gateway.ids import new_id
from gateway.model.admin import AdminKey, Caller, Scope
from gateway.settings import Settings
from gateway.store.base import Store

SECRET_PREFIX = "igk_"  # noqa: S105 - how secrets begin, so that scanners can find leaked ones
BOOTSTRAP_ID = "key_bootstrap"
BOOTSTRAP_NAME = "bootstrap"
MIN_BOOTSTRAP_CHARS = 24
"""A secret that people choose: 24 characters of base 64 are 144 bits."""
MAX_SECRET_CHARS = 512


class Keys:
    """All admin keys, cached in memory; reloaded after each change."""

    def __init__(self, store: Store, clock: Clock) -> None:
        self._store = store
        self._clock = clock
        self._stored: dict[str, AdminKey] = {}
        self._bootstrap: AdminKey | None = None
        self._by_hash: dict[str, AdminKey] = {}
        # One at a time: a list that was read before a change must not replace what came of it.
        self._turn = asyncio.Lock()

    async def load(self) -> None:
        """Read the keys from the store."""
        async with self._turn:
            self._stored = {key.id: key for key in await self._store.keys()}
            self._index()

    def ensure_bootstrap(self, settings: Settings) -> str | None:
        """Let the key of the settings in, with scope `admin`; call `load` first.

        In development without a setting a key is made, and returned to be shown. Raises
        Misconfigured for a weak secret, and where nobody could ever call the API.
        """
        secret, made = _setting(settings), None
        if secret is None and settings.dev:
            secret = made = new_secret()
        if secret is not None:
            self._bootstrap = self._bootstrap_key(_check_bootstrap(secret))
        elif not any(key.revoked_at is None for key in self._stored.values()):
            raise Misconfigured(
                "there is no admin key: set GATEWAY_ADMIN_KEY to a secret of at least"
                f" {MIN_BOOTSTRAP_CHARS} characters; make one with: openssl rand -base64 33"
            )
        self._index()
        return made

    def authenticate(self, secret: str) -> AdminKey:
        """The key with this secret, in constant time. Raises Unauthenticated with code
        `key_missing`, `key_unknown` or `key_revoked`."""
        if not secret:
            raise Unauthenticated("no admin key was given", code="key_missing")
        digest = hash_secret(secret) if _is_plausible(secret) else ""
        # Looking up a hash tells nothing about the secrets; comparing again costs nothing.
        key = self._by_hash.get(digest)
        if key is None or not hmac.compare_digest(key.hash, digest):
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
        """Make a key; the second value is its secret, told only now."""
        now, secret = self._clock.now(), new_secret()
        key = AdminKey(
            id=new_id("key", now),
            name=name,
            hash=hash_secret(secret),
            scopes=scopes,
            created_at=now,
            owner=owner,
            contact=contact,
        )
        await self._put(caller, "key.create", key)
        return key, secret

    async def revoke(self, caller: Caller, key_id: str) -> AdminKey:
        """End a key at once; ending it twice changes nothing. Raises NotFound, and Refused for
        the key of the settings, which ends with its setting."""
        if key_id == BOOTSTRAP_ID and self._bootstrap is not None:
            raise Refused(
                "this is the key of GATEWAY_ADMIN_KEY: change or unset that, then restart",
                code="key_of_settings",
            )
        key = self._stored.get(key_id)
        if key is None:
            raise NotFound("no such admin key", code="key_not_found")
        if key.revoked_at is not None:
            return key
        revoked = structs.replace(key, revoked_at=self._clock.now())
        await self._put(caller, "key.revoke", revoked)
        return revoked

    def list(self) -> Sequence[AdminKey]:
        """All keys, revoked ones too, oldest first."""
        ours = () if self._bootstrap is None else (self._bootstrap,)
        return sorted((*ours, *self._stored.values()), key=lambda key: (key.created_at, key.id))

    async def _put(self, caller: Caller, action: str, key: AdminKey) -> None:
        detail = {"name": key.name, "scopes": sorted(key.scopes)}
        async with self._turn:
            async with self._store.change(caller, action, key.id, detail) as change:
                await change.put_key(key)
            self._stored[key.id] = key
            self._index()

    def _bootstrap_key(self, secret: str) -> AdminKey:
        digest = hash_secret(secret)
        if any(key.hash == digest for key in self._stored.values()):
            # It would come back with all scopes, even if it was revoked.
            raise Misconfigured(
                "GATEWAY_ADMIN_KEY is the secret of a key that exists already, or did;"
                " make a new one with: openssl rand -base64 33"
            )
        return AdminKey(
            id=BOOTSTRAP_ID,
            name=BOOTSTRAP_NAME,
            hash=digest,
            scopes=frozenset({Scope.ADMIN}),
            created_at=self._clock.now(),
        )

    def _index(self) -> None:
        self._by_hash = {key.hash: key for key in self._stored.values()}
        if self._bootstrap is not None:
            self._by_hash[self._bootstrap.hash] = self._bootstrap


def new_secret() -> str:
    """A fresh secret of 256 random bits: `igk_` and 43 URL-safe characters."""
    return SECRET_PREFIX + secrets.token_urlsafe(32)


def hash_secret(secret: str) -> str:
    """SHA-256 in hex. Slow hashing is for passwords; these secrets cannot be guessed."""
    return hashlib.sha256(secret.encode("ascii")).hexdigest()


def _is_plausible(secret: str) -> bool:
    return len(secret) <= MAX_SECRET_CHARS and secret.isascii()


def _setting(settings: Settings) -> str | None:
    return settings.admin_key.get_secret_value() if settings.admin_key else None


def _check_bootstrap(secret: str) -> str:
    if len(secret) < MIN_BOOTSTRAP_CHARS:
        raise Misconfigured(
            f"GATEWAY_ADMIN_KEY has {len(secret)} characters and needs at least"
            f" {MIN_BOOTSTRAP_CHARS}; make one with: openssl rand -base64 33"
        )
    if not (_is_plausible(secret) and secret.isprintable() and " " not in secret):
        raise Misconfigured(
            "GATEWAY_ADMIN_KEY must be plain ASCII without spaces, at most"
            f" {MAX_SECRET_CHARS} characters, to fit into an HTTP header"
        )
    return secret
