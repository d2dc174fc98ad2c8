"""Lines of CSV (RFC 4180) that a spreadsheet shows and never runs."""

from collections.abc import Iterable

_FORMULA = ("=", "+", "-", "@", "\t", "\r", "\n", "\uff1d", "\uff0b", "\uff0d", "\uff20")
"""First characters that make a spreadsheet calculate, full-width twins included (OWASP, CSV
injection)."""


def csv_line(fields: Iterable[object]) -> bytes:
    """One line; None is an empty field."""
    return (",".join(_field(field) for field in fields) + "\r\n").encode()


def _field(value: object) -> str:
    if value is None:
        return ""
    if isinstance(value, int):
        return str(value)
    text = str(value)
    if text.lstrip(" ").startswith(_FORMULA):
        text = "'" + text
    if any(c in text for c in ',"\r\n') or text[:1] == " ":
        return '"' + text.replace('"', '""') + '"'
    return text
