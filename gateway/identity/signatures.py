"""Keys that check a token's signature. The algorithm belongs to the key, never to the token.

One secret or public key knows exactly how it is used: a secret for HS256, RSA for RS256, P-256 for
ES256, Ed25519 for EdDSA. Nothing here turns public-key material into a secret or holds a private
key.
"""

import hmac
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Protocol

from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric.ec import SECP256R1, EllipticCurvePublicKey
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPublicKey
from cryptography.hazmat.primitives.serialization import load_pem_public_key
from jwt.algorithms import Algorithm, ECAlgorithm, HMACAlgorithm, OKPAlgorithm, RSAAlgorithm
from jwt.exceptions import InvalidKeyError, PyJWTError

from gateway.errors import Misconfigured
from gateway.identity.compact import MIN_SECRET_BYTES, decode_segment, sign_with_secret

RSA_BITS = range(2048, 8193)
"""Below is breakable (RFC 7518 §3.3); above, one check costs too much time."""
PUBLIC_ALGORITHMS = frozenset({"RS256", "ES256", "EdDSA", "Ed25519"})
"""What a public key may be used for. `Ed25519` is the newer name of EdDSA (RFC 9864)."""


class VerifyKey(Protocol):
    """One key that can check signatures."""

    @property
    def algorithms(self) -> frozenset[str]:
        """The names by which tokens may call this key's algorithm."""
        ...

    def holds(self, signing_input: bytes, signature: bytes) -> bool:
        """True when the signature, in base64url as it stands in the token, is this key's."""
        ...


class KeySource(Protocol):
    """Where the verifier finds the key of a token."""

    @property
    def algorithms(self) -> frozenset[str]:
        """All algorithms that could ever be found here."""
        ...

    def find(self, kid: str | None) -> Sequence[VerifyKey]:
        """The keys by that name; all keys when the token names none. Raises KeysLoading when a
        fetch must end first, DependencyDown when there is nothing to judge by."""
        ...


class FixedKey:
    """The one key of the settings; a token's `kid` says nothing about it."""

    def __init__(self, key: VerifyKey) -> None:
        self.algorithms = key.algorithms
        self._keys = (key,)

    def find(self, kid: str | None) -> Sequence[VerifyKey]:
        return self._keys


class NoKey:
    """Development without a key: no token can hold."""

    algorithms: frozenset[str] = frozenset()

    def find(self, kid: str | None) -> Sequence[VerifyKey]:
        return ()


class SecretKey:
    """A shared secret, for HS256."""

    algorithms = frozenset({"HS256"})

    def __init__(self, secret: str) -> None:
        self._secret = check_secret(secret)

    def holds(self, signing_input: bytes, signature: bytes) -> bool:
        # Comparing the texts is also the proof that the signature is spelled in the one right way.
        return hmac.compare_digest(sign_with_secret(self._secret, signing_input), signature)

    def __repr__(self) -> str:
        return "SecretKey(…)"


class PublicKey:
    """A public key with the only algorithm that fits its type."""

    def __init__(self, key: object) -> None:
        """Raises InvalidKeyError, saying what would fit, for any other type, curve or size."""
        self._key = key
        self._algorithm, self.algorithms = _bind(key)

    def holds(self, signing_input: bytes, signature: bytes) -> bool:
        raw = decode_segment(signature)
        return raw is not None and self._algorithm.verify(signing_input, self._key, raw)


def _bind(key: object) -> tuple[Algorithm, frozenset[str]]:
    if isinstance(key, RSAPublicKey) and key.key_size in RSA_BITS:
        return RSAAlgorithm(RSAAlgorithm.SHA256), frozenset({"RS256"})
    if isinstance(key, EllipticCurvePublicKey) and isinstance(key.curve, SECP256R1):
        return ECAlgorithm(ECAlgorithm.SHA256, SECP256R1), frozenset({"ES256"})
    if isinstance(key, Ed25519PublicKey):
        return OKPAlgorithm(), frozenset({"EdDSA", "Ed25519"})
    raise InvalidKeyError("only RSA of 2048 to 8192 bits, P-256 and Ed25519 are supported")


def check_secret(secret: str) -> bytes:
    """The secret's bytes. Raises Misconfigured when it is short, or is some other key's text."""
    encoded = secret.encode("utf-8", "surrogateescape")
    if len(encoded) < MIN_SECRET_BYTES:
        raise Misconfigured(
            f"GATEWAY_TOKEN_SECRET has {len(encoded)} bytes and needs at least {MIN_SECRET_BYTES};"
            " make one with: openssl rand -base64 48"
        )
    if not _is_plain_secret(encoded):
        raise Misconfigured(
            "GATEWAY_TOKEN_SECRET holds a public key, certificate or JWK, which anybody may know;"
            " public keys belong in GATEWAY_TOKEN_PUBLIC_KEY"
        )
    return encoded


def _is_plain_secret(encoded: bytes) -> bool:
    try:
        HMACAlgorithm(HMACAlgorithm.SHA256).prepare_key(encoded)
    except InvalidKeyError:
        return False
    return True


def public_key_from_setting(value: str) -> PublicKey:
    """The key of GATEWAY_TOKEN_PUBLIC_KEY: PEM text, or the path of a PEM file."""
    text = value if "-----BEGIN" in value else _read_pem_file(value)
    # Environment files often cannot hold line ends and carry them as \n.
    pem = text.replace("\\n", "\n").strip()
    if not pem.startswith("-----BEGIN PUBLIC KEY-----") and "RSA PUBLIC KEY" not in pem:
        raise Misconfigured(
            "GATEWAY_TOKEN_PUBLIC_KEY must be a public key in PEM form (-----BEGIN PUBLIC KEY-----);"
            " take it out of a private key with: openssl pkey -in private.pem -pubout,"
            " out of a certificate with: openssl x509 -in cert.pem -pubkey -noout"
        )
    try:
        return PublicKey(load_pem_public_key(pem.encode()))
    except (ValueError, UnsupportedAlgorithm, InvalidKeyError):
        raise Misconfigured(
            "GATEWAY_TOKEN_PUBLIC_KEY cannot be used: it must be a whole public key in PEM form,"
            " RSA of 2048 to 8192 bits, P-256 or Ed25519"
        ) from None


def _read_pem_file(path: str) -> str:
    try:
        return Path(path).read_text("utf-8")
    except (OSError, ValueError) as error:
        raise Misconfigured(
            "GATEWAY_TOKEN_PUBLIC_KEY is neither PEM text nor a file that can be read"
            f" ({type(error).__name__})"
        ) from None


_FROM_JWK = {
    "RSA": RSAAlgorithm.from_jwk,
    "EC": ECAlgorithm.from_jwk,
    "OKP": OKPAlgorithm.from_jwk,
}


def public_key_from_jwk(jwk: Mapping[str, Any]) -> PublicKey | None:
    """The key of a JWK; None when it is not a signing key of a kind that we use.

    A JWK with a private part is none either: whoever publishes that has no secret left.
    """
    read = _FROM_JWK.get(str(jwk.get("kty")))
    if read is None or jwk.get("use", "sig") != "sig":
        return None
    if "verify" not in _names(jwk.get("key_ops", ["verify"])):
        return None
    try:
        key = PublicKey(read(dict(jwk)))
    except (PyJWTError, ValueError, TypeError, KeyError, UnsupportedAlgorithm):
        return None
    return key if jwk.get("alg") in (None, *key.algorithms) else None


def _names(value: object) -> Sequence[object]:
    return value if isinstance(value, list) else ()
