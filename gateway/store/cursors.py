"""Cursors: where a page ended, opaque to callers, and checked when they come back."""

import base64
import binascii
from typing import Annotated, Any, TypeVar

import msgspec

from gateway.errors import BadInput, Fault

T = TypeVar("T")

# A number that every database can compare with its own.
BigInt = Annotated[int, msgspec.Meta(ge=-(2**63), le=2**63 - 1)]


def write_cursor(place: tuple[Any, ...]) -> str:
    """Make the cursor of a place in a list. The place begins with the list's name."""
    return base64.urlsafe_b64encode(msgspec.json.encode(place)).decode().rstrip("=")


def read_cursor(cursor: str, kind: type[T]) -> T:
    """The place that a cursor stands for. Raises BadInput for one that we did not make."""
    try:
        text = base64.b64decode(cursor + "=" * (-len(cursor) % 4), altchars=b"-_", validate=True)
        return msgspec.json.decode(text, type=kind)
    except (ValueError, binascii.Error, msgspec.MsgspecError) as error:
        raise _unknown_cursor() from error


def _unknown_cursor() -> BadInput:
    fault = Fault(
        pointer="/cursor",
        detail="is not a cursor of this list; leave it out to begin at the start",
        code="bad_cursor",
    )
    return BadInput("The cursor is unknown.", faults=[fault])
