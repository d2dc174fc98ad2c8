"""Identifiers: one spelling each, nothing unseen."""

import unicodedata

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from gateway.wire.identifiers import MAX_LENGTH, BadIdentifier, is_token_id, parse_identifier


@pytest.mark.parametrize(
    "text",
    ["u-17", "a", "A.b_c:d-e", "mia@shop.example", "auth0|5f7c", "org/17", "Zoë", "Мария", "李小龍",
     "name with spaces", "👩", "x" * MAX_LENGTH],
)  # fmt: skip
def test_what_people_use_as_identifiers_is_accepted_as_it_is(text: str) -> None:
    """T41: mail addresses, provider prefixes and names of any script."""
    assert parse_identifier(text) == text


REFUSED = {
    "nothing": ("", "empty"),
    "too long": ("x" * (MAX_LENGTH + 1), "too_long"),
    "far too long": ("e\u0301" * 100_000, "too_long"),
    "space before": (" a", "bad_character"),
    "space after": ("a ", "bad_character"),
    "only space": (" ", "bad_character"),
    "line feed": ("a\nb", "bad_character"),
    "tab": ("a\tb", "bad_character"),
    "escape": ("a\x1b[31m", "bad_character"),
    "NUL": ("a\x00", "bad_character"),
    "delete": ("a\x7f", "bad_character"),
    "C1": ("a\x85b", "bad_character"),
    "zero-width space": ("a\u200bb", "bad_character"),
    "zero-width joiner": ("a\u200db", "bad_character"),
    "soft hyphen": ("a\u00adb", "bad_character"),
    "right-to-left override": ("a\u202eb", "bad_character"),
    "byte order mark": ("\ufeffa", "bad_character"),
    "no-break space": ("a\u00a0b", "bad_character"),
    "ideographic space": ("a\u3000b", "bad_character"),
    "line separator": ("a\u2028b", "bad_character"),
    "surrogate": ("a\ud800", "bad_character"),
    "private use": ("a\ue000", "bad_character"),
    "not a character": ("a\ufffe", "bad_character"),
    "unassigned": ("a\u0378", "bad_character"),
    "tag": ("a\U000e0041", "bad_character"),
    "variation selector": ("a\ufe0f", "bad_character"),
    "Hangul filler": ("a\u3164", "bad_character"),
    "combining grapheme joiner": ("a\u034fb", "bad_character"),
}


@pytest.mark.parametrize(("text", "code"), REFUSED.values(), ids=REFUSED.keys())
def test_what_cannot_be_seen_is_refused(text: str, code: str) -> None:
    """T41, T40."""
    with pytest.raises(BadIdentifier) as raised:
        parse_identifier(text)
    assert raised.value.code == code
    assert str(raised.value).startswith("user: ")


def test_two_spellings_of_one_text_are_one_identifier() -> None:
    """T41: NFC; and equal ones are one object, since every session holds its user."""
    composed, decomposed = parse_identifier("Zo\u00eb"), parse_identifier("Zoe\u0308")
    assert composed == decomposed == "Zo\u00eb"
    assert composed is decomposed
    assert parse_identifier("".join(("u-", "17"))) is parse_identifier("".join(("u-1", "7")))


def test_compatibility_forms_stay_apart() -> None:
    """T41: folding them would give one person another's mailbox."""
    assert parse_identifier("\ufb01sh") != parse_identifier("fish")


@given(st.text(min_size=1, max_size=140))
def test_an_identifier_is_stable_and_clean(text: str) -> None:
    """T41: reading twice changes nothing, and no text raises anything else."""
    try:
        once = parse_identifier(text)
    except BadIdentifier:
        return
    assert parse_identifier(once) == once
    assert unicodedata.is_normalized("NFC", once)
    assert once.encode().decode() == once
    assert not {unicodedata.category(char) for char in once} & {"Cc", "Cf", "Cs", "Co", "Cn"}


@given(st.text(st.characters(categories=["L", "N", "P", "S"]), min_size=2, max_size=20), st.data())
def test_unseen_characters_never_make_a_second_mailbox(text: str, data: st.DataObject) -> None:
    """T41: a text with something unseen put in is refused, or it is the same identifier."""
    unseen = data.draw(
        st.sampled_from("\u200b\u200c\u200d\u2060\ufeff\u00ad\u034f\ufe0f\u180e\u3164")
    )
    at = data.draw(st.integers(0, len(text)))
    try:
        plain = parse_identifier(text)
    except BadIdentifier:
        assume(False)
    with pytest.raises(BadIdentifier):
        parse_identifier(plain[:at] + unseen + plain[at:])


def test_a_token_id_is_taken_only_as_the_token_spells_it() -> None:
    """Revoking must hit the very token."""
    assert is_token_id("01jd-abc")
    assert not is_token_id("")
    assert not is_token_id("Zoe\u0308")
    assert not is_token_id("a\nb")


def test_the_error_says_which_identifier_and_which_character() -> None:
    """PROTOCOL §3: every refusal says what was wrong, without repeating the text."""
    with pytest.raises(BadIdentifier, match=r"jti: the character U\+200B is not allowed"):
        parse_identifier("secret\u200btext", "jti")
