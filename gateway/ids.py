"""Identifiers that we make: a prefix, then 26 characters that sort by time (ULID's layout).

48 bits of milliseconds and 80 random bits in Crockford's base 32, lower case. Source of the
layout: the ULID specification (github.com/ulid/spec).
"""

import secrets
from datetime import datetime

_ALPHABET = "0123456789abcdefghjkmnpqrstvwxyz"


def new_id(prefix: str, now: datetime) -> str:
    """Return e.g. `msg_01jd…`: unique, and later ids of one prefix sort after earlier ones."""
    number = int(now.timestamp() * 1000) << 80 | secrets.randbits(80)
    digits = [_ALPHABET[number >> shift & 31] for shift in range(125, -1, -5)]
    return f"{prefix}_{''.join(digits)}"
