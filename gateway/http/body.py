"""The root of all bodies, and what they say about wrong fields.

Unknown fields are refused. What depends on the gateway's state or on policy is not decided here.
"""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import replace
from typing import Any, ClassVar

from pydantic import BaseModel, ConfigDict, Field

from gateway.errors import BadInput, Fault
from gateway.http.fields import Reason

AsWord = Field(strict=False)
"""An enum is read from its word."""


class Body(BaseModel):
    """The root of all bodies: strict types, no unknown fields."""

    model_config = ConfigDict(extra="forbid", strict=True, frozen=True)

    hints: ClassVar[dict[str, tuple[str, str]]] = {}
    """Fields that people try here: (code, what to do instead)."""

    @classmethod
    def faults_across(cls, raw: dict[str, Any]) -> list[Fault]:
        """What is wrong between fields; looked at even when single fields are wrong."""
        del raw
        return []


def fault(pointer: str, code: str, detail: str) -> Fault:
    return Fault(pointer=pointer, code=code, detail=detail)


def escaped(part: str) -> str:
    """One part of a JSON Pointer (RFC 6901 §3)."""
    return part.replace("~", "~0").replace("/", "~1")


@contextmanager
def blaming(places: Mapping[str, str]) -> Iterator[None]:
    """Point the core's faults at where the caller wrote what the core calls by another name."""
    try:
        yield
    except BadInput as error:
        error.faults = tuple(_moved(found, places) for found in error.faults)
        raise


def _moved(found: Fault, places: Mapping[str, str]) -> Fault:
    for core, caller in places.items():
        if found.pointer == core or found.pointer.startswith(f"{core}/"):
            return replace(found, pointer=caller)
    return found


def one_of(raw: dict[str, Any], *names: str) -> list[Fault]:
    given = [name for name in names if raw.get(name) is not None]
    listed = " and ".join(f"`{name}`" for name in given)
    return [
        fault(f"/{name}", "conflicting", f"{listed} exclude each other; send one of them")
        for name in given[1:]
    ]


class Nothing(Body):
    """No fields: send `{}` or no body at all."""


class ReasonBody(Body):
    """Why, for the audit trail."""

    reason: Reason | None = None
