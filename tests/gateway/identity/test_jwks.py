"""Keys fetched from an issuer's address (RELIABILITY T45, T46, P14): a real server that is down,
slow, huge, broken or changes its keys, and never one connection more than allowed.
"""

import asyncio
import json
import time
from collections.abc import AsyncIterator
from typing import Any

import pytest
import structlog
from hypothesis import given
from hypothesis import strategies as st
from jwt.algorithms import ECAlgorithm, HMACAlgorithm, OKPAlgorithm, RSAAlgorithm

from gateway.errors import DependencyDown, Misconfigured
from gateway.identity.jwks import FetchFailed, FetchLimits, Jwks, check_url, parse_key_set
from gateway.identity.refusals import KeysLoading
from gateway.identity.signatures import PublicKey
from gateway.identity.tokens import TokenVerifier
from gateway.model.user import Claims
from tests.fakes import FakeClock
from tests.gateway.identity.identity_kit import (
    ED448_KEY,
    ED25519_KEY,
    MS,
    NOW,
    OTHER_RSA_KEY,
    P256_KEY,
    P384_KEY,
    PUBLIC_KEYS,
    RSA_KEY,
    SMALL_RSA_KEY,
    KeyServer,
    accepted,
    claims,
    jwk,
    pem,
    refusal,
    segment,
    sign,
    verifier,
)

LIMITS = FetchLimits(timeout=20_000 * MS)
IMPATIENT = FetchLimits(timeout=200 * MS)


@pytest.fixture
async def server() -> AsyncIterator[KeyServer]:
    async with KeyServer(jwk(RSA_KEY, "k1")) as made:
        yield made


@pytest.fixture
def clock() -> FakeClock:
    return FakeClock()


@pytest.fixture
async def keys(server: KeyServer, clock: FakeClock) -> AsyncIterator[Jwks]:
    made = Jwks(server.url, clock, LIMITS)
    yield made
    await made.close()


def token(kid: str | None = "k1", key: Any = RSA_KEY, algorithm: str = "RS256") -> str:
    return sign(key, algorithm, headers={"kid": kid} if kid is not None else None)


async def find(keys: Jwks, kid: str | None) -> list[PublicKey]:
    """What is found, after as many fetches as that takes."""
    try:
        return list(keys.find(kid))
    except KeysLoading as loading:
        await loading.future
        return list(keys.find(kid))


async def verify(by: TokenVerifier, text: str) -> Claims:
    try:
        return by.verify(text, NOW)
    except KeysLoading as loading:
        await loading.future
        return by.verify(text, NOW)


# fetching


@pytest.mark.parametrize(("algorithm", "key"), PUBLIC_KEYS)
async def test_a_token_holds_with_the_key_that_the_issuer_publishes(
    server: KeyServer, algorithm: str, key: Any
) -> None:
    server.publish(jwk(OTHER_RSA_KEY, "other"), jwk(key, "mine"))
    by = verifier(token_jwks_url=server.url)
    assert (await verify(by, token("mine", key, algorithm))).user_id == "u-17"
    await by.close()


async def test_keys_are_there_before_the_first_token_after_a_start(server: KeyServer) -> None:
    by = verifier(token_jwks_url=server.url)
    assert not by.has_keys
    await by.start()
    assert by.has_keys
    assert accepted(token(), by).user_id == "u-17"
    assert len(server.requests) == 1
    await by.close()


async def test_verifying_never_waits_for_the_issuer(server: KeyServer, keys: Jwks) -> None:
    """The loop is not blocked: the caller gets a future, at once."""
    server.hold = asyncio.Event()
    with pytest.raises(KeysLoading) as caught:
        keys.find("k1")
    assert not caught.value.future.done()
    server.hold.set()
    await caught.value.future
    assert keys.find("k1")


@pytest.mark.both_loops
async def test_a_thousand_connects_at_once_fetch_once(server: KeyServer, keys: Jwks) -> None:
    found = await asyncio.gather(*(find(keys, "k1") for _ in range(1000)))
    assert all(found)
    assert len(server.requests) == 1


@pytest.mark.both_loops
async def test_who_gives_up_waiting_takes_nobody_along(server: KeyServer, keys: Jwks) -> None:
    server.hold = asyncio.Event()
    impatient = asyncio.create_task(find(keys, "k1"))
    patient = asyncio.create_task(find(keys, "k1"))
    await server.asked.wait()
    impatient.cancel()
    await asyncio.wait([impatient])
    assert impatient.cancelled()
    server.hold.set()
    assert await patient


@pytest.mark.both_loops
async def test_closing_in_the_middle_of_a_fetch_lets_everybody_go(
    server: KeyServer, clock: FakeClock
) -> None:
    keys = Jwks(server.url, clock, LIMITS)
    server.hold = asyncio.Event()
    waiting = asyncio.create_task(find(keys, "k1"))
    await server.asked.wait()
    await keys.close()
    async with asyncio.timeout(20_000 * MS):
        await asyncio.wait([waiting])
    assert not waiting.cancelled()
    assert waiting.exception() is None or isinstance(waiting.exception(), DependencyDown)


async def test_nothing_but_the_set_address_is_ever_opened(server: KeyServer) -> None:
    """T45: `jku`, `x5u` and odd kids in a token open no connection (GHSA-j77h-rr39-c552)."""
    async with KeyServer(jwk(OTHER_RSA_KEY, "evil")) as evil:
        by = verifier(token_jwks_url=server.url)
        await by.start()
        for kid in ("evil", evil.url, "../../x", "' OR 1=1 --"):
            headers = {"kid": kid, "jku": evil.url, "x5u": evil.url, "iss": evil.url}
            text = sign(OTHER_RSA_KEY, "RS256", headers=headers, iss=evil.url)
            assert refusal(text, by).code == "token_signature"
        assert not evil.requests
        await by.close()


async def test_two_issuers_with_the_same_kid_never_share_a_key(server: KeyServer) -> None:
    """T46, GHSA-g6vg-wj8f-48cj."""
    async with KeyServer(jwk(OTHER_RSA_KEY, "k1")) as other:
        one, two = verifier(token_jwks_url=server.url), verifier(token_jwks_url=other.url)
        await one.start()
        await two.start()
        assert accepted(token("k1", RSA_KEY), one)
        assert accepted(token("k1", OTHER_RSA_KEY), two)
        assert refusal(token("k1", RSA_KEY), two).code == "token_signature"
        assert refusal(token("k1", OTHER_RSA_KEY), one).code == "token_signature"
        await one.close()
        await two.close()


async def test_nothing_is_fetched_after_the_end(server: KeyServer, clock: FakeClock) -> None:
    keys = Jwks(server.url, clock, LIMITS)
    await keys.close()
    clock.pass_seconds(1000)
    with pytest.raises(DependencyDown) as caught:
        keys.find("k1")
    assert not isinstance(caught.value, KeysLoading)
    assert not server.requests


# keys that change


async def test_a_new_key_is_found_when_a_token_names_it(
    server: KeyServer, clock: FakeClock, keys: Jwks
) -> None:
    await keys.start()
    server.publish(jwk(P256_KEY, "k2"))
    clock.pass_seconds(LIMITS.min_interval)
    assert await find(keys, "k2")
    assert await find(keys, "k1") == []


async def test_unknown_kids_cannot_make_the_gateway_hammer_the_issuer(
    server: KeyServer, clock: FakeClock, keys: Jwks
) -> None:
    """At most one fetch per interval, whoever asks for what."""
    await keys.start()
    for second in range(60):
        for number in range(20):
            assert await find(keys, f"made-up-{second}-{number}") == []
        clock.pass_seconds(1)
    assert len(server.requests) <= 1 + 60 / LIMITS.min_interval


async def test_a_key_that_was_taken_back_stops_working(
    server: KeyServer, clock: FakeClock, keys: Jwks
) -> None:
    """Old keys are asked for again in the background, without making anybody wait."""
    await keys.start()
    server.publish(jwk(OTHER_RSA_KEY, "k2"))
    clock.pass_seconds(LIMITS.refresh_after - 1)
    assert keys.find("k1")
    assert len(server.requests) == 1
    clock.pass_seconds(1)
    server.asked.clear()
    assert keys.find("k1")
    async with asyncio.timeout(20_000 * MS):
        await server.asked.wait()
    await keys.start()  # the end of the fetch that runs
    assert keys.find("k2")
    assert await find(keys, "k1") == []
    assert len(server.requests) == 2


async def test_a_remembered_header_does_not_keep_a_lost_key(server: KeyServer) -> None:
    clock = FakeClock()
    by = verifier(clock, token_jwks_url=server.url)
    await by.start()
    assert accepted(token(), by)
    server.publish(jwk(OTHER_RSA_KEY, "k1"))
    clock.pass_seconds(600)
    server.asked.clear()
    assert accepted(token(), by)
    async with asyncio.timeout(20_000 * MS):
        await server.asked.wait()
    await by.start()  # the end of the fetch that runs
    assert refusal(token(), by).code == "token_signature"
    assert (await verify(by, token("k1", OTHER_RSA_KEY))).user_id == "u-17"
    await by.close()


# an issuer in trouble


async def break_down(server: KeyServer) -> None:
    await server.stop()


async def hang(server: KeyServer) -> None:
    server.hold = asyncio.Event()


async def drip(server: KeyServer) -> None:
    server.answer(b'{"keys":[', headers="x: y\r\n")
    server._raw = server._raw.replace(b"content-length: 9", b"content-length: 9000")
    server.drips = True


async def flood(server: KeyServer) -> None:
    server.answer(b'{"keys":[' + b" " * LIMITS.max_bytes + b"]}")


async def bomb(server: KeyServer) -> None:
    server.answer_gzipped(b'{"keys":[' + b" " * 50_000_000 + b"]}")


async def redirect(server: KeyServer) -> None:
    server.answer(OTHER_SET, 302, f"location: {server.url}?elsewhere\r\n")


async def talk_nonsense(server: KeyServer) -> None:
    server._raw = b"\x16\x03\x01 this is not HTTP\r\n\r\n"


async def hang_up(server: KeyServer) -> None:
    server._raw = b""


def answer(body: bytes, status: int = 200) -> Any:
    async def act(server: KeyServer) -> None:
        server.answer(body, status)

    return act


OTHER_SET = json.dumps({"keys": [jwk(OTHER_RSA_KEY, "other")]}).encode()
TROUBLES = {
    "down": (break_down, "ConnectError"),
    "slow": (hang, "TimeoutError"),
    "dripping": (drip, "TimeoutError"),
    "huge": (flood, "too_big"),
    "compressed": (bomb, "compressed"),
    "elsewhere": (redirect, "status_302"),
    "not HTTP": (talk_nonsense, "RemoteProtocolError"),
    "hanging up": (hang_up, "RemoteProtocolError"),
    "500": (answer(OTHER_SET, 500), "status_500"),
    "404": (answer(OTHER_SET, 404), "status_404"),
    "203": (answer(OTHER_SET, 203), "status_203"),
    "empty": (answer(b""), "not_a_key_set"),
    "HTML": (answer(b"<html>"), "not_a_key_set"),
    "not UTF-8": (answer(b'{"keys":["\xff"]}'), "not_a_key_set"),
    "deep": (answer(b'{"keys":' + b"[" * 20_000), "not_a_key_set"),
    "a list": (answer(b"[]"), "not_a_key_set"),
    "no keys": (answer(b'{"keys":[]}'), "no_usable_key"),
    "keys no list": (answer(b'{"keys":{"k1":1}}'), "not_a_key_set"),
    "keys no objects": (answer(b'{"keys":[1,null,"x",[]]}'), "no_usable_key"),
}
troubles = pytest.mark.parametrize(("trouble", "reason"), TROUBLES.values(), ids=TROUBLES.keys())


@pytest.mark.both_loops
@troubles
async def test_keys_stay_in_use_while_the_issuer_is_in_trouble(
    server: KeyServer, clock: FakeClock, keys: Jwks, trouble: Any, reason: str
) -> None:
    """P14's kind of promise: an outage of the issuer cuts off nobody who holds its tokens."""
    await keys.start()
    await trouble(server)
    keys._limits = IMPATIENT if reason == "TimeoutError" else LIMITS
    clock.pass_seconds(10 * LIMITS.refresh_after)
    with structlog.testing.capture_logs() as lines:
        await keys.start()
    assert [line["reason"] for line in lines] == [reason]
    assert keys.find("k1")
    assert all("elsewhere" not in str(request) for request in server.requests)


@troubles
async def test_without_any_key_the_answer_is_come_back_later(
    server: KeyServer, keys: Jwks, trouble: Any, reason: str
) -> None:
    """4109, not 4303: the token may well be good."""
    await trouble(server)
    keys._limits = IMPATIENT if reason == "TimeoutError" else LIMITS
    with structlog.testing.capture_logs() as lines:
        await keys.start()
    assert [line["reason"] for line in lines] == [reason]
    assert not keys.has_keys
    with pytest.raises(DependencyDown) as caught:
        await find(keys, "k1")
    assert not isinstance(caught.value, KeysLoading)
    assert caught.value.code == "keys_down"


async def test_an_unknown_kid_is_not_called_wrong_while_the_issuer_is_down(
    server: KeyServer, clock: FakeClock, keys: Jwks
) -> None:
    """Its key may be a new one that nobody could fetch."""
    await keys.start()
    await server.stop()
    clock.pass_seconds(LIMITS.min_interval)
    with pytest.raises(DependencyDown):
        await find(keys, "k2")
    assert await find(keys, "k1")
    await server.start()


async def test_the_gateway_finds_the_keys_once_the_issuer_is_back(
    server: KeyServer, clock: FakeClock, keys: Jwks
) -> None:
    await server.stop()
    await keys.start()
    await server.start()
    with pytest.raises(DependencyDown):
        keys.find("k1")
    clock.pass_seconds(LIMITS.retry_interval)
    assert await find(keys, "k1")


async def test_an_issuer_in_trouble_is_one_log_line_a_minute(
    server: KeyServer, clock: FakeClock, keys: Jwks
) -> None:
    await keys.start()
    server.answer(b"canary-in-the-answer", 500)
    with structlog.testing.capture_logs() as lines:
        for _ in range(13):
            clock.pass_seconds(LIMITS.min_interval)
            await find_whatever(keys)
    assert [line["event"] for line in lines] == ["token_keys_not_fetched"] * 3
    assert [line["unsaid"] for line in lines] == [0, 5, 5]
    said = lines[-1]
    assert (said["reason"], said["host"], said["keys_in_use"]) == ("status_500", "127.0.0.1", 1)
    assert said["keys_age_seconds"] == 130
    assert "canary" not in str(lines)
    assert "keys.json" not in str(lines)


async def find_whatever(keys: Jwks) -> None:
    try:
        await find(keys, "unknown")
    except DependencyDown:
        return


@pytest.mark.parametrize(
    "url",
    ["https://" + "a" * 70 + ".invalid/", "https://a..invalid/", "https://\u2024.invalid/"],
)
async def test_a_name_that_cannot_be_looked_up_is_trouble_like_any_other(url: str) -> None:
    keys = Jwks(url, FakeClock(), LIMITS)
    await keys.start()
    with pytest.raises(DependencyDown):
        await find(keys, "k1")
    await keys.close()


# what is a key


def names(*jwks: Any) -> list[str | None]:
    try:
        return list(parse_key_set(json.dumps({"keys": jwks}).encode()))
    except FetchFailed as failed:
        assert failed.code == "no_usable_key"  # noqa: PT017 - None is the answer
        return []


@pytest.mark.parametrize(
    "key",
    [
        jwk(RSA_KEY, "k"),
        jwk(RSA_KEY, "k", alg="RS256"),
        jwk(RSA_KEY, "k", use=None),
        jwk(RSA_KEY, "k", key_ops=["verify"]),
        jwk(RSA_KEY, "k", x5c=["AAAA"], x5t="AAAA", extra={"a": 1}),
        jwk(P256_KEY, "k", alg="ES256"),
        jwk(ED25519_KEY, "k", alg="EdDSA"),
        jwk(ED25519_KEY, "k", alg="Ed25519"),
    ],
)
def test_a_signing_key_is_taken(key: Any) -> None:
    assert names(key) == ["k"]


@pytest.mark.parametrize(
    "key",
    [
        {"kty": "oct", "k": segment(b"a" * 32), "kid": "k", "alg": "HS256"},
        jwk(RSA_KEY, "k", kty="oct"),
        jwk(RSA_KEY, "k", kty=None),
        jwk(RSA_KEY, "k", kty=["RSA"]),
        jwk(RSA_KEY, "k", kty="rsa"),
        jwk(RSA_KEY, "k", use="enc"),
        jwk(RSA_KEY, "k", use=1),
        jwk(RSA_KEY, "k", alg="HS256"),
        jwk(RSA_KEY, "k", alg="none"),
        jwk(RSA_KEY, "k", alg="RS512"),
        jwk(RSA_KEY, "k", alg=["RS256"]),
        jwk(RSA_KEY, "k", alg="ES256"),
        jwk(RSA_KEY, "k", key_ops=["encrypt"]),
        jwk(RSA_KEY, "k", key_ops="verify"),
        jwk(RSA_KEY, "k", n=1),
        jwk(RSA_KEY, "k", n="!!"),
        jwk(RSA_KEY, "k", n=None),
        jwk(RSA_KEY, "k", e="AA"),
        jwk(RSA_KEY, "k", e="é"),
        jwk(RSA_KEY, "k", d="AQAB"),
        {**RSAAlgorithm.to_jwk(RSA_KEY, as_dict=True), "kid": "k", "key_ops": ["verify"]},
        {**ECAlgorithm.to_jwk(P256_KEY, as_dict=True), "kid": "k"},
        {**OKPAlgorithm.to_jwk(ED25519_KEY, as_dict=True), "kid": "k"},
        jwk(RSA_KEY, 17),
        jwk(RSA_KEY, ["k"]),
        jwk(SMALL_RSA_KEY, "k"),
        jwk(P384_KEY, "k"),
        jwk(P256_KEY, "k", x=segment(b"\1" * 32)),
        jwk(P256_KEY, "k", x=segment(b"\1" * 31)),
        jwk(P256_KEY, "k", crv="P-384"),
        jwk(P256_KEY, "k", crv={}),
        jwk(ED448_KEY, "k"),
        jwk(ED25519_KEY, "k", x=segment(b"\1" * 31)),
        jwk(ED25519_KEY, "k", crv="X25519"),
        1,
        [],
        None,
    ],
)
def test_what_is_no_signing_key_of_ours_is_ignored(key: Any) -> None:
    """Neither taken nor in the way of those beside it."""
    assert names(key) == []
    assert names(key, jwk(P256_KEY, "good")) == ["good"]


_member = st.sampled_from(["kty", "kid", "use", "alg", "key_ops", "crv", "x", "y", "n", "e", "oth"])
_junk = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**53), 2**53) | st.text("aA_-=+é", max_size=12),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from("ab"), inner),
    max_leaves=5,
)


@given(
    st.sampled_from([jwk(key, "k") for _, key in PUBLIC_KEYS]),
    st.dictionaries(_member, _junk, max_size=4),
)
def test_a_key_of_any_shape_is_taken_or_ignored(key: Any, changes: dict[str, Any]) -> None:
    assert "good" in names({**key, **changes}, jwk(ED25519_KEY, "good"))


@given(st.binary(max_size=200))
def test_an_answer_of_any_bytes_is_no_key_set(body: bytes) -> None:
    with pytest.raises(FetchFailed):
        parse_key_set(body)


def test_an_absurdly_long_key_costs_little() -> None:
    huge = jwk(RSA_KEY, "k", n=segment(b"\xff" * 180_000))
    started = time.thread_time()
    assert names(huge) == []
    assert time.thread_time() - started < 200 * MS


def test_a_key_set_of_any_length_costs_a_bounded_time() -> None:
    assert len(names(*({**jwk(P256_KEY), "kid": str(n)} for n in range(150)))) == 100


async def test_a_token_without_kid_holds_only_where_one_key_fits(server: KeyServer) -> None:
    for published, is_clear in (
        ([jwk(RSA_KEY, "k1")], True),
        ([jwk(RSA_KEY, None)], True),
        ([jwk(RSA_KEY, "k1"), jwk(P256_KEY, "k2")], True),
        ([jwk(RSA_KEY, "k1"), jwk(OTHER_RSA_KEY, "k2")], False),
    ):
        server.publish(*published)
        by = verifier(token_jwks_url=server.url)
        await by.start()
        if is_clear:
            assert accepted(token(None), by)
        else:
            assert refusal(token(None), by).code == "token_signature"
        await by.close()


async def test_a_named_key_is_never_replaced_by_a_nameless_one(server: KeyServer) -> None:
    server.publish(jwk(RSA_KEY, None))
    by = verifier(token_jwks_url=server.url)
    await by.start()
    assert refusal(token("k1"), by).code == "token_signature"
    await by.close()


async def test_of_two_keys_by_one_name_the_type_decides(server: KeyServer) -> None:
    """RFC 7517 §4.5 allows the same name for keys of different types."""
    server.publish(jwk(RSA_KEY, "k"), jwk(P256_KEY, "k"), jwk(OTHER_RSA_KEY, "k"))
    by = verifier(token_jwks_url=server.url)
    await by.start()
    assert accepted(token("k", RSA_KEY), by)
    assert accepted(token("k", P256_KEY, "ES256"), by)
    assert refusal(token("k", OTHER_RSA_KEY), by).code == "token_signature"
    assert refusal(token("k", ED25519_KEY, "EdDSA"), by).code == "token_algorithm"
    await by.close()


async def test_a_published_key_never_serves_as_a_secret(server: KeyServer) -> None:
    """T42: HS256 over the public key, in each of its spellings, without even a fetch."""
    by = verifier(token_jwks_url=server.url)
    published = jwk(RSA_KEY, "k1")
    signer = HMACAlgorithm(HMACAlgorithm.SHA256)
    for material in (pem(RSA_KEY), json.dumps(published), published["n"]):
        head = segment(b'{"alg":"HS256","kid":"k1"}')
        signing_input = head + "." + segment(json.dumps(claims()).encode())
        signature = signer.sign(signing_input.encode(), material.encode())
        text = f"{signing_input}.{segment(signature)}"
        assert refusal(text, by).code == "token_algorithm"
    assert not server.requests


# the address


@pytest.mark.parametrize(
    "url",
    [
        "https://id.example/.well-known/jwks.json",
        "http://localhost:9/keys",
        "http://127.0.0.1/keys",
        "http://[::1]:9/keys",
    ],
)
def test_an_address_on_this_machine_or_over_tls_is_accepted(url: str) -> None:
    assert check_url(url) == url


@pytest.mark.parametrize(
    "url",
    [
        "http://id.example/keys",
        "http://localhost.example/keys",
        "http://127.0.0.1.example/keys",
        "http://10.0.0.1/keys",
        "file:///etc/passwd",
        "ftp://id.example/keys",
        "//id.example/keys",
        "id.example/keys",
        "https://",
        "https:///keys",
        "https://name:password@id.example/keys",
        "https://id.example:99999/keys",
        "https://[::1/keys",
        "",
    ],
)
def test_any_other_address_stops_the_start(url: str) -> None:
    with pytest.raises(Misconfigured, match="GATEWAY_TOKEN_JWKS_URL") as caught:
        check_url(url)
    assert "password@" not in str(caught.value)
