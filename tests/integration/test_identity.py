"""Who gets in, on a real socket of a real process (RELIABILITY T42-T52; PROTOCOL §2 Token)."""

import json
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import jwt
import pytest
from websockets.asyncio.client import connect
from websockets.exceptions import InvalidStatus

from tests.gateway.identity.identity_kit import (
    OTHER_RSA_KEY,
    P256_KEY,
    RSA_KEY,
    KeyServer,
    jwk,
    pem,
    segment,
)
from tests.servers import GatewayProcess, a_gateway, until

CANARY = "canary7d1f"


@pytest.fixture(scope="module")
def gateway(tmp_path_factory: pytest.TempPathFactory) -> Iterator[GatewayProcess]:
    folder = tmp_path_factory.mktemp("identity")
    with a_gateway(folder, token_audience="app", token_issuer="https://id.example") as running:
        yield running


def said(**changes: Any) -> dict[str, Any]:
    """What a good token of this gateway says; a change to `...` leaves a claim out."""
    now = int(time.time())
    good = {"sub": "u-17", "exp": now + 600, "aud": "app", "iss": "https://id.example", "iat": now}
    return {name: value for name, value in {**good, **changes}.items() if value is not ...}


def unsigned(algorithm: str) -> str:
    head = segment(json.dumps({"alg": algorithm}).encode())
    return f"{head}.{segment(json.dumps(said()).encode())}."


BAD = {
    "expired": (lambda key: jwt.encode(said(exp=int(time.time()) - 1), key), 4301, "token_expired"),
    "unsigned": (lambda key: unsigned("none"), 4303, "token_algorithm"),
    "unsigned, but called HS256": (lambda key: unsigned("HS256"), 4303, "token_signature"),
    "of another algorithm": (lambda key: jwt.encode(said(), key * 2, "HS512"), 4303,
                             "token_algorithm"),
    "signed with a public key's algorithm": (lambda key: jwt.encode(said(), RSA_KEY, "RS256"), 4303,
                                             "token_algorithm"),
    "of another secret": (lambda key: jwt.encode(said(), key[::-1]), 4303, "token_signature"),
    "for somebody else": (lambda key: jwt.encode(said(aud="other"), key), 4303, "token_audience"),
    "for nobody": (lambda key: jwt.encode(said(aud=...), key), 4303, "token_audience"),
    "by somebody else": (lambda key: jwt.encode(said(iss="x"), key), 4303, "token_issuer"),
    "without expiry": (lambda key: jwt.encode(said(exp=...), key), 4303, "token_claims"),
    "without user": (lambda key: jwt.encode(said(sub=...), key), 4303, "token_claims"),
    "for years": (lambda key: jwt.encode(said(exp=2**32), key), 4303, "token_lifetime"),
    "with a user nobody can see": (lambda key: jwt.encode(said(sub="u\u200b"), key), 4303,
                                   "token_claims"),
    "no token at all": (lambda key: CANARY, 4303, "token_malformed"),
    "empty": (lambda key: "", 4303, "token_missing"),
}  # fmt: skip


@pytest.mark.parametrize(("make", "close_code", "code"), BAD.values(), ids=BAD.keys())
async def test_a_bad_token_is_told_why_and_closed(
    gateway: GatewayProcess, make: Any, close_code: int, code: str
) -> None:
    async with gateway.dial() as client:
        await client.say(type="connect", token=make(gateway.secret))
        assert await client.close_code() == close_code
        assert [frame["type"] for frame in client.got] == ["error", "bye"]
        assert (client.got[0]["code"], client.got[1]["code"]) == (code, close_code)


async def test_a_user_is_no_token_outside_of_development(gateway: GatewayProcess) -> None:
    """PROTOCOL §2: in `gateway dev` only."""
    async with gateway.dial() as client:
        await client.say(type="connect", user="u-17")
        assert await client.close_code() == 4303


@pytest.mark.parametrize("way", ["header", "subprotocol", "frame"])
async def test_a_token_may_come_in_three_ways(gateway: GatewayProcess, way: str) -> None:
    token = jwt.encode(said(), gateway.secret)
    options: dict[str, Any] = {}
    if way == "header":
        options["additional_headers"] = {"Authorization": f"Bearer {token}"}
    elif way == "subprotocol":
        options["subprotocols"] = ["inapp.v1.json", f"bearer.{token}"]
    async with gateway.dial(**options) as client:
        await client.say(type="connect", **({"token": token} if way == "frame" else {}))
        assert (await client.next("welcome"))["user"] == "u-17"
        assert client.ws.subprotocol == "inapp.v1.json"


async def test_a_token_in_the_address_is_refused(gateway: GatewayProcess) -> None:
    token = jwt.encode(said(), gateway.secret)
    with pytest.raises(InvalidStatus) as caught:
        async with dial(gateway, f"?token={token}"):
            pass
    assert caught.value.response.status_code == 400
    assert token.encode() not in (caught.value.response.body or b"")


def dial(gateway: GatewayProcess, query: str) -> Any:
    """A connection to an address with a query."""
    url = gateway.url.replace("http", "ws", 1) + "/v1/ws" + query
    return connect(url, proxy=None, compression=None, open_timeout=10)


async def test_a_revoked_user_needs_a_new_token_and_a_blocked_one_stays_out(
    gateway: GatewayProcess,
) -> None:
    """T50."""
    old = jwt.encode(said(sub="u-50", iat=int(time.time()) - 5), gateway.secret)
    async with gateway.http() as http, gateway.dial() as client:
        await client.say(type="connect", token=old)
        await client.next("welcome")
        answer = await http.post("/v1/users/u-50/revoke", json={})
        assert answer.status_code == 200, answer.text
        assert await client.close_code() == 4302
        assert await verdict(gateway, old) == 4302
        fresh = jwt.encode(said(sub="u-50", iat=int(time.time()) + 2), gateway.secret)
        async with gateway.dial() as again:
            await again.say(type="connect", token=fresh)
            await again.next("welcome")
            assert (await http.post("/v1/users/u-50/block", json={})).status_code == 200
            assert await again.close_code() == 4003
        assert await verdict(gateway, fresh) == 4003


async def verdict(gateway: GatewayProcess, token: str) -> int | None:
    """The close code that a token gets; None for a welcome."""
    async with gateway.dial() as client:
        await client.say(type="connect", token=token)
        frame = json.loads(await client.ws.recv())
        return None if frame["type"] == "welcome" else await client.close_code()


async def test_no_log_line_holds_a_token_or_a_key(gateway: GatewayProcess) -> None:
    """P18, T52: after good and bad ones, in every place where one can be."""
    tokens = [make(gateway.secret) for make, _, _ in BAD.values()]
    tokens += [jwt.encode(said(sub=f"{CANARY}\n", traits={CANARY: CANARY}), gateway.secret)]
    for token in filter(None, tokens):
        await verdict(gateway, token)
    async with gateway.http(key=f"igk_{CANARY}") as http:
        assert (await http.get("/v1/messages")).status_code == 401
    for query in (f"?token={tokens[0]}", f"?access_token={CANARY}"):
        with pytest.raises(InvalidStatus):
            async with dial(gateway, query):
                pass
    log = gateway.log.read_text()
    secrets = [gateway.secret, gateway.key, CANARY]
    secrets += [part for token in tokens for part in token.split(".") if len(part) > 20]
    assert [secret for secret in secrets if secret in log] == []


@pytest.mark.parametrize(("algorithm", "key"), [("RS256", RSA_KEY), ("ES256", P256_KEY)])
async def test_a_public_key_of_the_settings_lets_its_tokens_in(
    tmp_path: Path, algorithm: str, key: Any
) -> None:
    path = tmp_path / "key.pem"
    path.write_text(pem(key))
    with a_gateway(tmp_path, token_secret="", token_public_key=str(path)) as gateway:
        assert await verdict(gateway, jwt.encode(said(), key, algorithm)) is None
        assert await verdict(gateway, jwt.encode(said(), pem_as_secret(key))) == 4303


def pem_as_secret(key: Any) -> bytes:
    """The public key's numbers: bytes that everybody has, and PyJWT does not know for a key."""
    return jwk(key)["n" if "n" in jwk(key) else "x"].encode() * 2


async def test_an_issuer_may_be_late_change_keys_and_go_away(tmp_path: Path) -> None:
    """T45, P14: fetched while a client waits, kept while the issuer is down."""
    token = jwt.encode(said(), RSA_KEY, "RS256", {"kid": "k1"})
    rotated = jwt.encode(said(), OTHER_RSA_KEY, "RS256", {"kid": "k2"})
    async with KeyServer(jwk(RSA_KEY, "k1")) as server:
        await server.stop()
        with a_gateway(tmp_path, token_secret="", token_jwks_url=server.url) as gateway:
            assert await verdict(gateway, token) == 4109
            await server.start()

            async def is_let_in() -> bool:
                return await verdict(gateway, token) is None

            await until(is_let_in, pause=200)
            assert await verdict(gateway, rotated) == 4303
            await server.stop()
            assert await verdict(gateway, token) is None
            await server.start()
        assert "token_keys_not_fetched" in gateway.log.read_text()
        assert token.split(".")[1] not in gateway.log.read_text()
