"""Types of settings: text as people write it, or the value itself → a checked value.

Errors say what to write. They never repeat the value: it may hold a password.
"""

import re
from ipaddress import ip_network
from typing import Annotated

from pydantic import AfterValidator, BeforeValidator, Field

from gateway.units import parse_duration, parse_size


def _seconds(value: object) -> object:
    return parse_duration(value) if isinstance(value, str) else value


def _bytes(value: object) -> object:
    return parse_size(value) if isinstance(value, str) else value


def _names(value: object) -> object:
    if isinstance(value, str):
        return tuple(name.strip() for name in value.split(",") if name.strip())
    return value


def _check_database(url: str) -> str:
    if not url.startswith(("sqlite:", "sqlite+", "postgresql:", "postgresql+", "postgres:")):
        raise ValueError("write sqlite:///gateway.db or postgresql://user:password@host/name")
    return url


def _check_redis(url: str) -> str:
    if not url.startswith(("redis://", "rediss://", "unix://")):
        raise ValueError("write redis://host:6379/0, or rediss:// for TLS")
    return url


def _check_jwks(url: str) -> str:
    if not re.match(r"https://[^/]|http://(localhost|127\.0\.0\.1|\[::1\])[:/]", url):
        raise ValueError("write an https:// address; http:// is for this machine only")
    return url


_ORIGIN = re.compile(r"https?://(\*\.)?([a-z0-9.-]+|\[[0-9a-f:.]+\])(:\d{1,5})?")


def _check_origin(origin: str) -> str:
    origin = origin.lower()
    if _ORIGIN.fullmatch(origin) is None:
        raise ValueError(
            "write origins such as https://app.example.com or https://*.example.com,"
            " without a path or a slash at the end"
        )
    return origin


def _check_network(text: str) -> str:
    try:
        ip_network(text, strict=False)
    except ValueError:
        raise ValueError("write addresses or networks such as 10.0.0.0/8") from None
    return text


Seconds = Annotated[float, BeforeValidator(_seconds), Field(gt=0, allow_inf_nan=False)]
SecondsOrZero = Annotated[float, BeforeValidator(_seconds), Field(ge=0, allow_inf_nan=False)]
WholeSeconds = Annotated[int, BeforeValidator(_seconds), Field(gt=0)]
ByteCount = Annotated[int, BeforeValidator(_bytes), Field(gt=0)]
Names = Annotated[tuple[str, ...], BeforeValidator(_names)]
Origins = Annotated[
    tuple[Annotated[str, AfterValidator(_check_origin)], ...], BeforeValidator(_names)
]
Networks = Annotated[
    tuple[Annotated[str, AfterValidator(_check_network)], ...], BeforeValidator(_names)
]
Count = Annotated[int, Field(gt=0)]
Rate = Annotated[float, Field(gt=0, allow_inf_nan=False)]
DatabaseUrl = Annotated[str, AfterValidator(_check_database)]
RedisUrl = Annotated[str, AfterValidator(_check_redis)]
JwksUrl = Annotated[str, AfterValidator(_check_jwks)]
