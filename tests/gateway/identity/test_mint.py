"""`gateway token mint` and `inspect`: tokens by hand, for people at a terminal."""

import subprocess
import sys

import jwt
import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.errors import BadInput, Misconfigured
from gateway.identity.mint import inspect, mint
from tests.gateway.identity.identity_kit import (
    NOW,
    SECRET,
    accepted,
    segment,
    sign,
    sign_payload,
    verifier,
)


def test_a_minted_token_holds_here_and_elsewhere() -> None:
    token = mint(
        SECRET, "u-17", 3600, {"tier": "pro"}, ["ops"], "app", "https://id.example", "t-1", now=NOW
    )
    by = verifier(token_audience="app", token_issuer="https://id.example")
    found = accepted(token, by)
    assert (found.user_id, found.expires_at, found.token_id) == ("u-17", NOW + 3600, "t-1")
    assert (found.traits, found.roles, found.is_anonymous) == ({"tier": "pro"}, ("ops",), False)
    said = jwt.decode(
        token, SECRET, ["HS256"], audience="app", options={"verify_exp": False, "verify_iat": False}
    )
    assert (said["sub"], said["iat"]) == ("u-17", NOW)


def test_a_minted_token_says_no_more_than_it_was_told() -> None:
    said = inspect(mint(SECRET, "u-17", 60, now=NOW), None, now=NOW)["claims"]
    assert said == {"sub": "u-17", "exp": NOW + 60, "iat": NOW}
    assert accepted(mint(SECRET, "u-17", 60, now=NOW, anonymous=True)).is_anonymous


@given(
    st.dictionaries(st.sampled_from("abc"), st.text('aé😀\n"\\', max_size=8) | st.booleans()),
    st.sampled_from(["u-17", "Zoë", "李", "a b"]),
)
def test_what_is_minted_is_what_is_read(traits: dict[str, object], user: str) -> None:
    found = accepted(mint(SECRET, user, 60, traits, now=NOW))
    assert (found.traits, found.user_id) == (traits, user)


@pytest.mark.parametrize("user", ["", " u", "u\n", "u\u200b", "u" * 129])
def test_a_user_that_no_token_may_name_gets_none(user: str) -> None:
    with pytest.raises(BadInput):
        mint(SECRET, user, 60, now=NOW)


@pytest.mark.parametrize("ttl", [0, -1, float("nan")])
def test_a_token_must_live(ttl: float) -> None:
    with pytest.raises(BadInput, match="lifetime"):
        mint(SECRET, "u-17", ttl, now=NOW)


@pytest.mark.parametrize("traits", [{"a": float("nan")}, {"a": object()}, {"a": "\ud800"}])
def test_traits_that_are_not_plain_json_are_refused(traits: dict[str, object]) -> None:
    with pytest.raises(BadInput, match="traits"):
        mint(SECRET, "u-17", 60, traits, now=NOW)


def test_a_token_that_nobody_could_take_is_not_made() -> None:
    with pytest.raises(BadInput, match="8192"):
        mint(SECRET, "u-17", 60, {"a": "b" * 8192}, now=NOW)


def test_a_weak_secret_is_refused_as_the_gateway_would() -> None:
    """T48."""
    with pytest.raises(Misconfigured, match="32 bytes"):
        mint("short", "u-17", 60, now=NOW)


def test_inspect_tells_what_a_token_says_and_whether_it_holds() -> None:
    token = sign(jti="t-1")
    said = inspect(token, None, now=NOW)
    assert (said["header"]["alg"], said["claims"]["jti"]) == ("HS256", "t-1")
    assert (said["expires_in"], said["holds"]) == (3600, None)
    assert inspect(token, verifier(), now=NOW)["holds"] is True
    late = inspect(token, verifier(), now=NOW + 3601)
    assert (late["holds"], late["code"], late["expires_in"]) == (False, "token_expired", -1)
    assert late["detail"] == "the token has expired"


@pytest.mark.parametrize("exp", [b"null", b'"1"', b"true", b"1e400", b"9" * 400, b"-1"])
def test_inspect_shows_what_a_bad_token_says(exp: bytes) -> None:
    said = inspect(sign_payload(b'{"exp":' + exp + b"}"), verifier(), now=NOW)
    assert (said["expires_in"], said["holds"]) == (None, False)


@pytest.mark.parametrize(
    "token",
    [
        "",
        "x",
        "a.b.c",
        segment(b"[]") + "." + segment(b"{}") + ".x",
        "é.é.é",
        segment(b"{}") + "." + segment(b"[" * 5000) + ".x",
    ],
)
def test_inspect_refuses_what_is_no_token(token: str) -> None:
    with pytest.raises(BadInput, match="not a signed"):
        inspect(token, None, now=NOW)


def test_minting_loads_no_cryptography() -> None:
    """The command line starts in 0.2 s (issue: import weight)."""
    code = (
        "import sys, gateway.identity.mint;"
        "print([n for n in ('jwt', 'cryptography', 'pydantic', 'httpx2') if n in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
