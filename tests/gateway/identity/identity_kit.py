"""What the tests of identity share: keys, tokens made by PyJWT, and a
key server on a real socket that can be told to misbehave.
"""

import asyncio
import base64
import gzip
import json
import os
from collections.abc import Mapping
from contextlib import AbstractAsyncContextManager
from types import TracebackType
from typing import Any

import jwt
from cryptography.hazmat.primitives.asymmetric import ec, ed448, ed25519, rsa
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from jwt.algorithms import ECAlgorithm, OKPAlgorithm, RSAAlgorithm

from gateway.identity.tokens import TokenRefused, TokenVerifier
from gateway.model.user import Claims
from gateway.settings import Settings
from tests.fakes import START, FakeClock

MS = float(os.environ.get("TEST_TIME_FACTOR", "1")) / 1000
"""The unit of patience that tests/servers.py has."""
NOW = START.timestamp()
SECRET = "an-even-longer-secret-for-tests-0123456789"

RSA_KEY = rsa.generate_private_key(public_exponent=65537, key_size=2048)
OTHER_RSA_KEY = rsa.generate_private_key(public_exponent=65537, key_size=2048)
SMALL_RSA_KEY = rsa.generate_private_key(public_exponent=65537, key_size=1024)
P256_KEY = ec.generate_private_key(ec.SECP256R1())
P384_KEY = ec.generate_private_key(ec.SECP384R1())
ED25519_KEY = ed25519.Ed25519PrivateKey.generate()
ED448_KEY = ed448.Ed448PrivateKey.generate()

PUBLIC_KEYS = [("RS256", RSA_KEY), ("ES256", P256_KEY), ("EdDSA", ED25519_KEY)]


def pem(key: Any) -> str:
    """The public half in PEM form."""
    return key.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo).decode()


def jwk(key: Any, kid: Any = None, **changes: Any) -> dict[str, Any]:
    """The public half as an issuer publishes it; a change to None leaves a member out."""
    kinds = ((rsa.RSAPrivateKey, RSAAlgorithm), (ec.EllipticCurvePrivateKey, ECAlgorithm))
    algorithm = next((made for kind, made in kinds if isinstance(key, kind)), OKPAlgorithm)
    members = {**algorithm.to_jwk(key.public_key(), as_dict=True), "kid": kid, "use": "sig"}
    members.pop("key_ops", None)
    return {name: value for name, value in {**members, **changes}.items() if value is not None}


def claims(**changes: Any) -> dict[str, Any]:
    """What a good token says; a change to `...` leaves a claim out."""
    good = {"sub": "u-17", "iat": int(NOW) - 10, "exp": int(NOW) + 3600}
    return {name: value for name, value in {**good, **changes}.items() if value is not ...}


def sign(
    key: Any = SECRET, algorithm: str = "HS256", /, *, headers: Any = None, **changes: Any
) -> str:
    """A token made by PyJWT, so that ours is never its own judge."""
    return jwt.encode(claims(**changes), key, algorithm, headers)


def sign_payload(payload: bytes, *, header: bytes = b'{"alg":"HS256","typ":"JWT"}') -> str:
    """A token over any bytes, rightly signed with SECRET."""
    signing_input = segment(header) + "." + segment(payload)
    signature = jwt.algorithms.HMACAlgorithm(jwt.algorithms.HMACAlgorithm.SHA256).sign(
        signing_input.encode(), SECRET.encode()
    )
    return signing_input + "." + segment(signature)


def segment(raw: bytes) -> str:
    """Base64url without padding."""
    return base64.urlsafe_b64encode(raw).rstrip(b"=").decode()


def verifier(clock: FakeClock | None = None, **settings: Any) -> TokenVerifier:
    """A verifier by these settings; by SECRET when they name no key."""
    if not {"token_secret", "token_public_key", "token_jwks_url", "dev"} & settings.keys():
        settings["token_secret"] = SECRET
    return TokenVerifier(Settings(**settings), clock or FakeClock())


def refusal(token: Any, by: TokenVerifier | None = None, now: float = NOW) -> TokenRefused:
    """Why the token is refused."""
    try:
        verified = (by or verifier()).verify(token, now)
    except TokenRefused as refused:
        return refused
    raise AssertionError(f"accepted as {verified.user_id}")


def accepted(token: str, by: TokenVerifier | None = None, now: float = NOW) -> Claims:
    """What the accepted token says."""
    return (by or verifier()).verify(token, now)


class KeyServer(AbstractAsyncContextManager["KeyServer"]):
    """An issuer's JWKS address on a loopback socket. `answer` decides what each request gets."""

    def __init__(self, *keys: Mapping[str, Any]) -> None:
        self.requests: list[bytes] = []
        self.port = 0
        self.asked = asyncio.Event()
        self.hold: asyncio.Event | None = None
        self.drips = False
        self.publish(*keys)

    def publish(self, *keys: Mapping[str, Any]) -> None:
        """Answer with this key set from now on."""
        self.answer(json.dumps({"keys": keys}).encode())

    def answer(self, body: bytes, status: int = 200, headers: str = "") -> None:
        """Answer with these bytes from now on."""
        head = f"HTTP/1.1 {status} X\r\ncontent-length: {len(body)}\r\n{headers}\r\n"
        self._raw = head.encode() + body

    def answer_gzipped(self, body: bytes) -> None:
        """Answer compressed, asked for or not."""
        self.answer(gzip.compress(body), headers="content-encoding: gzip\r\n")

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}/keys.json"

    async def __aenter__(self) -> "KeyServer":
        await self.start()
        return self

    async def start(self) -> None:
        """Listen, on the same port as before if there was one."""
        self._server = await asyncio.start_server(self._serve, "127.0.0.1", self.port)
        self.port = self._server.sockets[0].getsockname()[1]

    async def stop(self) -> None:
        """Refuse connections."""
        self.drips = False
        if self.hold is not None:
            self.hold.set()
        self._server.close()
        await self._server.wait_closed()

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        await self.stop()

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            self.requests.append(await reader.readuntil(b"\r\n\r\n"))
            self.asked.set()
            if self.hold is not None:
                await self.hold.wait()
            writer.write(self._raw)
            await writer.drain()
            while self.drips:
                writer.write(b" ")
                await writer.drain()
                await asyncio.sleep(20 * MS)  # the drip itself; nothing waits for it
        except (OSError, asyncio.IncompleteReadError):
            pass
        finally:
            writer.close()
