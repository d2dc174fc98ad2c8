"""Identifiers that others give us (users, tokens) → one spelling each, or a typed error.

Two identifiers that look the same because a character cannot be seen must never be two mailboxes,
and two spellings of one (NFC and NFD) must never be two users. Compatibility forms (`ﬁ`, `fi`) and
look-alikes of other scripts stay what they are: different identifiers.
"""

import re
import sys
import unicodedata

from gateway.errors import BadInput

MAX_LENGTH = 128
"""Characters after normalisation; the same bound as `frames.ShortText`."""

_REFUSED_CATEGORIES = frozenset({"Cc", "Cf", "Cs", "Co", "Cn", "Zl", "Zp"})
_BLANK = re.compile(
    "[\u034f\u115f\u1160\u17b4\u17b5\u180b-\u180f\u3164\ufe00-\ufe0f\uffa0\U000e0100-\U000e01ef]"
)
"""Letters and marks that draw nothing, though no category says so (Unicode's
Default_Ignorable_Code_Point without the categories above)."""


class BadIdentifier(BadInput):
    """Not an identifier: `code` is `empty`, `too_long` or `bad_character`."""

    code = "bad_character"


def parse_identifier(text: str, what: str = "user") -> str:
    """Return the one spelling of an identifier; equal ones are the same object."""
    # Normalising shortens text by no more than this, and longer input is not worth the work.
    if len(text) > 4 * MAX_LENGTH:
        raise _too_long(what)
    if not text.isascii():
        text = unicodedata.normalize("NFC", text)
    if not text:
        raise BadIdentifier(f"{what}: must not be empty", code="empty")
    if len(text) > MAX_LENGTH:
        raise _too_long(what)
    _check_characters(text, what)
    return sys.intern(text)


def parse_user_id(text: str) -> str:
    """Return the one spelling of a user's identifier."""
    return parse_identifier(text, "user")


def is_token_id(text: str) -> bool:
    """True when this could be the `jti` of a token, exactly as the token spells it."""
    try:
        return parse_identifier(text, "token") == text
    except BadIdentifier:
        return False


def _check_characters(text: str, what: str) -> None:
    if text[0].isspace() or text[-1].isspace():
        raise BadIdentifier(f"{what}: must not begin or end with white space")
    if text.isascii() and text.isprintable():
        return
    for char in text:
        category = unicodedata.category(char)
        if category in _REFUSED_CATEGORIES or (category == "Zs" and char != " "):
            raise _bad(char, what)
    blank = _BLANK.search(text)
    if blank is not None:
        raise _bad(blank[0], what)


def _bad(char: str, what: str) -> BadIdentifier:
    return BadIdentifier(
        f"{what}: the character U+{ord(char):04X} is not allowed: it cannot be seen, or is not text"
    )


def _too_long(what: str) -> BadIdentifier:
    return BadIdentifier(f"{what}: at most {MAX_LENGTH} characters", code="too_long")
