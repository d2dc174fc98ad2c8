"""Admin keys: made once, shown once, stored as a hash (PROTOCOL §3; RELIABILITY T51, T60, P18)."""

import asyncio
import hashlib
import hmac
import re
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.errors import Misconfigured, NotFound, Refused, StoreUnavailable, Unauthenticated
from gateway.identity.keys import BOOTSTRAP_ID, Keys
from gateway.model.admin import AdminKey, Caller, Scope
from gateway.settings import Settings
from tests.fakes import FakeClock

BOOTSTRAP = "a-bootstrap-secret-of-some-length"


class KeyStore:
    """What keys need of a store: rows and an audit trail that change together, or not at all."""

    def __init__(self) -> None:
        self.rows: dict[str, AdminKey] = {}
        self.audit: list[tuple[str, str, str, Mapping[str, Any]]] = []
        self.is_down = False

    async def keys(self) -> list[AdminKey]:
        return list(self.rows.values())

    @asynccontextmanager
    async def change(
        self, caller: Caller, action: str, target: str, detail: Mapping[str, Any]
    ) -> AsyncIterator["KeyStore"]:
        self.pending: list[AdminKey] = []
        yield self
        if self.is_down:
            raise StoreUnavailable
        self.rows |= {key.id: key for key in self.pending}
        self.audit.append((caller.key.id, action, target, detail))

    async def put_key(self, key: AdminKey) -> None:
        self.pending.append(key)


@pytest.fixture
def clock() -> FakeClock:
    return FakeClock()


@pytest.fixture
def store() -> KeyStore:
    return KeyStore()


def open_keys(store: KeyStore, clock: FakeClock | None = None) -> Keys:
    return Keys(store, clock or FakeClock())  # type: ignore[arg-type]


@pytest.fixture
def keys(store: KeyStore, clock: FakeClock) -> Keys:
    made = open_keys(store, clock)
    made.ensure_bootstrap(Settings(admin_key=BOOTSTRAP))  # type: ignore[arg-type]
    return made


@pytest.fixture
def caller(keys: Keys) -> Caller:
    return Caller(key=keys.authenticate(BOOTSTRAP), request_id="req-1")


def why(keys: Keys, secret: str) -> str:
    with pytest.raises(Unauthenticated) as caught:
        keys.authenticate(secret)
    assert caught.value.__context__ is None
    assert not secret or secret not in f"{caught.value!r}{vars(caught.value)}"
    return caught.value.code


# making


async def test_a_new_key_lets_its_holder_in_with_its_scopes(keys: Keys, caller: Caller) -> None:
    scopes = frozenset({Scope.READ, Scope.BANNER_WRITE})
    key, secret = await keys.create(caller, "status page", scopes, "ops", "#ops")
    found = keys.authenticate(secret)
    assert found is key
    assert (found.name, found.owner, found.contact) == ("status page", "ops", "#ops")
    assert found.may(Scope.READ)
    assert not found.may(Scope.ADMIN)
    assert not found.may(Scope.PRESENCE)


async def test_a_secret_is_long_random_and_recognisable(keys: Keys, caller: Caller) -> None:
    """`igk_` lets scanners find leaked ones."""
    secrets = {(await keys.create(caller, "k", frozenset({Scope.READ})))[1] for _ in range(50)}
    assert len(secrets) == 50
    assert all(re.fullmatch(r"igk_[A-Za-z0-9_-]{43}", secret) for secret in secrets)


async def test_the_store_never_sees_a_secret(keys: Keys, caller: Caller, store: KeyStore) -> None:
    """P18: only its SHA-256."""
    key, secret = await keys.create(caller, "k", frozenset({Scope.READ}))
    assert store.rows[key.id].hash == hashlib.sha256(secret.encode()).hexdigest()
    assert secret not in repr((store.rows, store.audit, vars(keys), keys.list()))
    assert secret[4:20] not in repr((store.rows, store.audit, vars(keys), keys.list()))


async def test_making_and_ending_a_key_is_in_the_audit_trail(
    keys: Keys, caller: Caller, store: KeyStore
) -> None:
    key, _ = await keys.create(caller, "k", frozenset({Scope.READ, Scope.INGEST}))
    await keys.revoke(caller, key.id)
    detail = {"name": "k", "scopes": ["ingest", "read"]}
    assert store.audit == [
        (BOOTSTRAP_ID, "key.create", key.id, detail),
        (BOOTSTRAP_ID, "key.revoke", key.id, detail),
    ]


async def test_a_key_survives_a_restart(keys: Keys, caller: Caller, store: KeyStore) -> None:
    key, secret = await keys.create(caller, "k", frozenset({Scope.READ}))
    again = open_keys(store)
    assert why(again, secret) == "key_unknown"
    await again.load()
    assert again.authenticate(secret) == key


async def test_a_key_that_was_not_stored_does_not_exist(
    keys: Keys, caller: Caller, store: KeyStore
) -> None:
    """Durable first, then in force."""
    store.is_down = True
    with pytest.raises(StoreUnavailable):
        await keys.create(caller, "k", frozenset({Scope.READ}))
    assert [key.id for key in keys.list()] == [BOOTSTRAP_ID]


# ending


async def test_a_revoked_key_is_refused_at_once_and_after_a_restart(
    keys: Keys, caller: Caller, store: KeyStore, clock: FakeClock
) -> None:
    key, secret = await keys.create(caller, "k", frozenset({Scope.READ}))
    ended = await keys.revoke(caller, key.id)
    assert ended.revoked_at == clock.now()
    assert why(keys, secret) == "key_revoked"
    again = open_keys(store)
    await again.load()
    assert why(again, secret) == "key_revoked"


async def test_ending_a_key_twice_changes_nothing(
    keys: Keys, caller: Caller, store: KeyStore, clock: FakeClock
) -> None:
    key, _ = await keys.create(caller, "k", frozenset({Scope.READ}))
    first = await keys.revoke(caller, key.id)
    clock.pass_seconds(60)
    assert await keys.revoke(caller, key.id) == first
    assert len(store.audit) == 2


async def test_a_key_stays_in_force_when_its_end_was_not_stored(
    keys: Keys, caller: Caller, store: KeyStore
) -> None:
    key, secret = await keys.create(caller, "k", frozenset({Scope.READ}))
    store.is_down = True
    with pytest.raises(StoreUnavailable):
        await keys.revoke(caller, key.id)
    assert keys.authenticate(secret) == key


async def test_an_unknown_key_cannot_be_ended(keys: Keys, caller: Caller) -> None:
    with pytest.raises(NotFound):
        await keys.revoke(caller, "key_unknown")


# letting in


@pytest.mark.parametrize(
    ("secret", "code"),
    [
        ("", "key_missing"),
        ("igk_" + "A" * 43, "key_unknown"),
        (BOOTSTRAP + "x", "key_unknown"),
        (BOOTSTRAP[:-1], "key_unknown"),
        (BOOTSTRAP.upper(), "key_unknown"),
        (" " + BOOTSTRAP, "key_unknown"),
        ("\ud800" * 30, "key_unknown"),
        ("é" * 30, "key_unknown"),
        ("x" * 100_000, "key_unknown"),
        (hashlib.sha256(BOOTSTRAP.encode()).hexdigest(), "key_unknown"),
    ],
)
def test_a_wrong_secret_is_refused_in_words(keys: Keys, secret: str, code: str) -> None:
    assert why(keys, secret) == code


@given(st.text(min_size=1))
def test_any_text_is_refused(secret: str) -> None:
    keys = open_keys(KeyStore())
    keys.ensure_bootstrap(Settings(admin_key=BOOTSTRAP))  # type: ignore[arg-type]
    assert why_code(keys, secret) == "key_unknown"


def why_code(keys: Keys, secret: str) -> str:
    with pytest.raises(Unauthenticated) as caught:
        keys.authenticate(secret)
    return caught.value.code


def test_secrets_are_compared_in_constant_time(keys: Keys, monkeypatch: pytest.MonkeyPatch) -> None:
    """T51, CVE-2021-33880."""
    asked: list[tuple[str, str]] = []
    real = hmac.compare_digest
    monkeypatch.setattr(hmac, "compare_digest", lambda a, b: asked.append((a, b)) or real(a, b))
    keys.authenticate(BOOTSTRAP)
    assert asked == [(hashlib.sha256(BOOTSTRAP.encode()).hexdigest(),) * 2]


# the key of the settings


def test_the_key_of_the_settings_may_do_everything(keys: Keys) -> None:
    key = keys.authenticate(BOOTSTRAP)
    assert (key.id, key.name) == (BOOTSTRAP_ID, "bootstrap")
    assert all(key.may(scope) for scope in Scope)


async def test_the_key_of_the_settings_is_gone_once_the_setting_changes(store: KeyStore) -> None:
    """It lives in memory alone: nothing of it outlasts the setting."""
    for secret in (BOOTSTRAP, BOOTSTRAP, "another-bootstrap-secret-altogether"):
        keys = open_keys(store)
        await keys.load()
        keys.ensure_bootstrap(Settings(admin_key=secret))  # type: ignore[arg-type]
        assert [key.name for key in keys.list()] == ["bootstrap"]
        assert keys.authenticate(secret).id == BOOTSTRAP_ID
    assert why(keys, BOOTSTRAP) == "key_unknown"
    assert not store.rows


async def test_the_key_of_the_settings_ends_with_its_setting(keys: Keys, caller: Caller) -> None:
    with pytest.raises(Refused, match="GATEWAY_ADMIN_KEY"):
        await keys.revoke(caller, BOOTSTRAP_ID)
    assert keys.authenticate(BOOTSTRAP)


async def test_loading_keeps_the_key_of_the_settings(keys: Keys) -> None:
    await keys.load()
    assert keys.authenticate(BOOTSTRAP)


@pytest.mark.parametrize(
    "secret", ["x", "x" * 23, "x" * 513, "é" * 30, "a" * 20 + " " + "b" * 20, "a" * 30 + "\n"]
)
def test_a_weak_or_unusable_admin_key_stops_the_start(store: KeyStore, secret: str) -> None:
    for dev in (False, True):
        with pytest.raises(Misconfigured, match="GATEWAY_ADMIN_KEY") as caught:
            open_keys(store).ensure_bootstrap(
                Settings(admin_key=secret, dev=dev)  # type: ignore[arg-type]
            )
        assert len(secret) < 5 or secret not in str(caught.value)


async def test_a_gateway_that_nobody_could_call_does_not_start(
    keys: Keys, caller: Caller, store: KeyStore
) -> None:
    """The setting may go once another key exists; an ended key does not count."""
    fresh = open_keys(KeyStore())
    with pytest.raises(Misconfigured, match="openssl rand"):
        fresh.ensure_bootstrap(Settings())
    key, _ = await keys.create(caller, "k", frozenset({Scope.ADMIN}))
    again = open_keys(store)
    await again.load()
    assert again.ensure_bootstrap(Settings()) is None
    await keys.revoke(caller, key.id)
    await again.load()
    with pytest.raises(Misconfigured):
        again.ensure_bootstrap(Settings())


def test_development_makes_a_key_and_shows_it(store: KeyStore) -> None:
    keys = open_keys(store)
    made = keys.ensure_bootstrap(Settings(dev=True))
    assert made is not None
    assert keys.authenticate(made).may(Scope.ADMIN)
    settings = Settings(dev=True, admin_key=BOOTSTRAP)  # type: ignore[arg-type]
    assert keys.ensure_bootstrap(settings) is None
    assert keys.authenticate(BOOTSTRAP)


async def test_keys_are_listed_oldest_first_with_the_ended_ones(
    keys: Keys, caller: Caller, clock: FakeClock
) -> None:
    names = []
    for number in range(3):
        clock.pass_seconds(1)
        key, _ = await keys.create(caller, f"k{number}", frozenset({Scope.READ}))
        names.append(key.name)
    await keys.revoke(caller, key.id)
    assert [key.name for key in keys.list()] == ["bootstrap", *names]


async def test_loading_in_the_middle_of_a_change_brings_no_ended_key_back(
    keys: Keys, caller: Caller, store: KeyStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    key, secret = await keys.create(caller, "k", frozenset({Scope.READ}))
    read, go_on = asyncio.Event(), asyncio.Event()

    async def slow_keys() -> list[AdminKey]:
        rows = list(store.rows.values())
        read.set()
        await go_on.wait()
        return rows

    monkeypatch.setattr(store, "keys", slow_keys)
    loading = asyncio.create_task(keys.load())
    await read.wait()
    ending = asyncio.create_task(keys.revoke(caller, key.id))
    await asyncio.sleep(0)
    go_on.set()
    await asyncio.gather(loading, ending)
    assert why(keys, secret) == "key_revoked"


async def test_the_secret_of_a_stored_key_is_no_key_of_the_settings(
    keys: Keys, caller: Caller, store: KeyStore
) -> None:
    """Else a leaked and revoked secret would come back with all scopes."""
    key, secret = await keys.create(caller, "k", frozenset({Scope.READ}))
    await keys.revoke(caller, key.id)
    again = open_keys(store)
    await again.load()
    with pytest.raises(Misconfigured, match="exists already"):
        again.ensure_bootstrap(Settings(admin_key=secret))  # type: ignore[arg-type]
    assert why(again, secret) == "key_revoked"
