"""What is wrong with a body or a query, in our words: pydantic's errors become faults."""

from collections.abc import Mapping
from difflib import get_close_matches
from typing import Any

from pydantic import BaseModel, ValidationError
from pydantic_core import ErrorDetails

from gateway.errors import Fault
from gateway.http.body import escaped
from gateway.http.parts import FORMS

MOST_FAULTS = 50
"""Nobody mends more at once, and looking for the right name of an unknown field takes 0.1 ms."""

Hints = Mapping[str, tuple[str, str]]


def faults_of(error: ValidationError, model: type[BaseModel], hints: Hints) -> list[Fault]:
    """The faults that the parser found, at most so many."""
    details = error.errors(include_url=False, include_input=False)
    return [_fault(found, model, hints) for found in details[:MOST_FAULTS]]


def merged(single: list[Fault], across: list[Fault]) -> list[Fault]:
    """What is known of a field from between fields says more than its own parser does."""
    pointers = {fault.pointer for fault in across}
    return [*(fault for fault in single if fault.pointer not in pointers), *across]


_NOT_YET = ("kind_not_supported", "audience_not_supported", "field_not_supported")
"""What a whole request is refused for, whatever else is wrong with it; the first one tells most."""


def code_of(faults: list[Fault]) -> str:
    codes = {fault.code for fault in faults}
    return next((code for code in _NOT_YET if code in codes), "invalid_body")


def summary(faults: list[Fault]) -> str:
    first = faults[0]
    more = f" ({len(faults) - 1} more in `errors`)" if len(faults) > 1 else ""
    return f"{first.pointer or 'body'}: {first.detail}{more}"


# pydantic's errors in our words

_CODES = {
    "missing": "missing",
    "extra_forbidden": "unknown_field",
    "string_too_short": "too_short",
    "string_too_long": "too_long",
    "too_short": "too_short",
    "too_long": "too_long",
    "string_pattern_mismatch": "bad_format",
    "literal_error": "unknown_value",
    "enum": "unknown_value",
    "greater_than_equal": "out_of_range",
    "less_than_equal": "out_of_range",
}
"""Anything else that pydantic itself finds is a `wrong_type`."""
_OURS = frozenset({"blank", "bad_link", "bad_glob", "bad_identifier", "bad_time", "bad_duration",
                   "bad_flag"})  # fmt: skip


def _fault(found: ErrorDetails, model: type[BaseModel], hints: Hints) -> Fault:
    path = [str(part) for part in found["loc"] if not _is_inner(part)]
    kind = found["type"]
    pointer = "".join(f"/{escaped(part)}" for part in path)
    if kind == "extra_forbidden":
        return _unknown(pointer, path, model, hints)
    code = kind if kind in _OURS else _CODES.get(kind, "wrong_type")
    return Fault(pointer=pointer, detail=_in_our_words(found), code=code)


def _is_inner(part: int | str) -> bool:
    """Parts of a location that are pydantic's own and not the caller's."""
    return part == "[key]" or part in FORMS


def _in_our_words(found: ErrorDetails) -> str:
    if found["type"] == "missing":
        return "needed"
    if found["type"] == "string_pattern_mismatch":
        return "not in the form that is expected here: " + str(found["ctx"]["pattern"])
    text = found["msg"].replace("Input should be a valid ", "must be a ")
    text = text.replace("Input should be ", "must be ").replace("Input should ", "must ")
    return text[:1].lower() + text[1:]


def _unknown(
    pointer: str,
    path: list[str],
    model: type[BaseModel],
    hints: Hints,
) -> Fault:
    name = path[-1]
    if len(path) == 1 and name in hints:
        code, detail = hints[name]
        return Fault(pointer=pointer, detail=detail, code=code)
    known = sorted(_fields_at(model, path[:-1]))
    close = get_close_matches(name[:64], known, n=1, cutoff=0.7)
    detail = (
        f"unknown; did you mean `{close[0]}`?" if close else f"unknown; known: {', '.join(known)}"
    )
    return Fault(pointer=pointer, detail=detail, code="unknown_field")


def _fields_at(model: type[BaseModel], path: list[str]) -> set[str]:
    """Names of the fields where an unknown one was found; an approximation by name is enough."""
    for name in path:
        field = model.model_fields.get(name)
        inner = _model_in(field.annotation) if field is not None else None
        model = inner or model
    return set(model.model_fields)


def _model_in(annotation: Any) -> type[BaseModel] | None:
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        return annotation
    for part in getattr(annotation, "__args__", ()):
        found = _model_in(part)
        if found is not None:
            return found
    return None
