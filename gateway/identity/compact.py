"""The compact form of a signed token: three base64url texts with dots between (RFC 7515 §7.1).

Only the standard library, so that the command line may use it without loading cryptography.
Checks spelling and nothing else; whether a token holds is decided in `tokens`.
"""

import base64
import binascii
import hmac
from typing import NamedTuple

MAX_TOKEN_CHARS = 8192
"""Room for 4 KiB of traits and an RSA signature, and well under the 16 KiB of a client frame."""
MIN_SECRET_BYTES = 32
"""As long as the hash (RFC 7518 §3.2); PyJWT alone would take one byte (T48, CVE-2025-45768)."""
LATEST_TIME = 253_402_300_799
"""The end of the year 9999: beyond it, times can no longer be written as dates."""


class Segments(NamedTuple):
    """A token cut at its dots; `signing_input` is what the signature was made over."""

    header: bytes
    payload: bytes
    signature: bytes
    signing_input: bytes


def split_token(token: str) -> Segments | None:
    """Cut a token; None when it is too long, not ASCII or not in three parts."""
    if len(token) > MAX_TOKEN_CHARS or not token.isascii():
        return None
    signing_input, dot, signature = token.encode("ascii").rpartition(b".")
    header, inner_dot, payload = signing_input.partition(b".")
    if not dot or not inner_dot or b"." in payload:
        return None
    return Segments(header, payload, signature, signing_input)


def encode_segment(raw: bytes) -> bytes:
    """Write base64url without padding."""
    return base64.urlsafe_b64encode(raw).rstrip(b"=")


def decode_segment(segment: bytes) -> bytes | None:
    """Read base64url without padding; None when it is not spelled in the one right way."""
    try:
        raw = base64.urlsafe_b64decode(segment + b"=" * (-len(segment) % 4))
    except binascii.Error:
        return None
    # The decoder skips foreign characters and stray bits; writing it again shows both.
    return raw if encode_segment(raw) == segment else None


def sign_with_secret(secret: bytes, signing_input: bytes) -> bytes:
    """The HS256 signature as it stands in a token."""
    return encode_segment(hmac.digest(secret, signing_input, "sha256"))
