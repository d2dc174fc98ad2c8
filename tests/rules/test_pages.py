"""Page globs: the shared cases, and that no input is slow."""

import json
import re
from functools import partial
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rules.pages import (
    MAX_GLOB,
    MAX_GLOB_PARTS,
    MAX_SEGMENTS,
    MAX_URL,
    GlobError,
    PageMatcher,
    parse_glob,
)
from tests.timing import quickest

CASES = json.loads((Path(__file__).parents[1] / "cases" / "pages.json").read_text())


@pytest.mark.parametrize("case", CASES["matches"], ids=lambda case: case["name"])
def test_a_message_is_seen_on_the_pages_that_its_globs_name(case: dict[str, Any]) -> None:
    """PROTOCOL §6, pages; the client runs the same cases."""
    matcher = PageMatcher(case["allow"], case["block"])
    assert matcher.matches(case["url"]) is case["matches"]
    assert matcher.matches(case["url"]) is case["matches"]  # the second answer was kept


@pytest.mark.parametrize("case", CASES["refused"], ids=lambda case: case["name"])
def test_a_wrong_glob_is_refused_with_what_would_be_right(case: dict[str, Any]) -> None:
    """STYLE 13: raised at load, never a silent False."""
    with pytest.raises(GlobError, match=re.escape(case["says"])):
        parse_glob(case["glob"])
    with pytest.raises(GlobError):
        PageMatcher(block=[case["glob"]])


def test_names_of_cases_are_unique() -> None:
    """STYLE 28: a failing case is found by its name."""
    for part in ("matches", "refused"):
        names = [case["name"] for case in CASES[part]]
        assert len(set(names)) == len(names)


@pytest.mark.parametrize(
    "glob",
    [
        "/" + "a" * MAX_GLOB,
        "/a" * (MAX_GLOB_PARTS + 1),
        "?" + "&".join(["a"] * (MAX_GLOB_PARTS + 1)),
    ],
    ids=["characters", "segments", "parameters"],
)
def test_a_glob_is_bounded(glob: str) -> None:
    """T38: bounds make the step budget."""
    with pytest.raises(GlobError):
        parse_glob(glob)


def test_pages_beyond_the_bounds_are_on_no_list() -> None:
    """T38: what is too long to judge is not shown on."""
    assert not PageMatcher(["/**"]).matches("/" + "a" * MAX_URL)
    assert not PageMatcher(block=["/x"]).matches("/" + "a" * MAX_URL)
    assert not PageMatcher(["/**"]).matches("/a" * (MAX_SEGMENTS + 1))
    assert not PageMatcher(["/**"]).matches("/#" + "/a" * (MAX_SEGMENTS + 1))


def test_kept_answers_are_bounded() -> None:
    """T65: clients choose their pages, so that memory must not follow them."""
    matcher = PageMatcher(["/a/*"])
    for number in range(3 * PageMatcher.KEPT_ANSWERS):
        assert matcher.matches(f"/a/{number}")
    assert matcher.matches("/a/" + "x" * 1_000)
    assert len(matcher._answers) <= PageMatcher.KEPT_ANSWERS
    assert max(map(len, matcher._answers)) <= PageMatcher.MAX_KEPT_URL


REDOS = ["(a+)+$", "([a-zA-Z]+)*$", "(a|aa)+$", "(a|a?)+$", "(.*a){20}", "^(([a-z])+.)+[A-Z]([a-z])+$",
         "(x+x+)+y", "((a+)*)*b", "(?:a|b|ab)*c", "(\\w*)*\\d", "^(a?){25}(a){25}$", "(.+)+=(.+)+"]  # fmt: skip
WORST_PAGES = ["/" + "a" * 2_000, "/a" * 128, "/" + "ab" * 1_000, "/aab" * 100 + "/z", "/a*" * 120,
               "/x?" + "a=a&" * 500, "/#" + "/a" * 127, "/" + "%61" * 600, "/" + "../" * 600,
               "https://" + "a." * 900 + "com/"]  # fmt: skip
WORST_GLOBS = [
    "/" + "a*" * 200 + "b",
    "/**/" + "*a" * 100 + "b/**",
    "/" + "**/a/" * 15 + "b",
    "/" + "**/*/" * 15 + "b",
    "/**/" + "*/" * 29 + "b/**",
    "/**/" + "*a*b*/" * 20 + "**",
    "?" + "&".join(f"a=*a*{i}*b" for i in range(32)),
    "#" + "**/a/" * 15 + "b",
    "*." + "a." * 200 + "com/**",
    *(
        "/" + pattern.replace("?", "%3F").replace("#", "%23").replace("**", "*")
        for pattern in REDOS
    ),
]


@pytest.mark.parametrize("glob", WORST_GLOBS, ids=lambda glob: glob[:16])
def test_no_page_is_slow_to_judge(glob: str) -> None:
    """T38: less than 5 ms each for the worst that bounds allow, known ReDoS strings included."""
    matcher = PageMatcher([glob])
    for page in WORST_PAGES:
        assert quickest(partial(judge, matcher, page)) < 0.005, page[:20]


def judge(matcher: PageMatcher, page: str) -> None:
    """Judge without a kept answer."""
    matcher._answers.clear()
    matcher.matches(page)


segment = st.text("ab", min_size=1, max_size=3)
star_segment = st.text("ab*", min_size=1, max_size=4).filter(lambda text: "**" not in text)


def as_regex(segments: list[str]) -> str:
    """The plain meaning of a glob's path, for comparing on short inputs only."""
    parts = []
    for name in segments:
        if name == "**":
            parts.append("(?:/[^/]+)*")
        elif name == "*":
            parts.append("/[^/]+")
        else:
            parts.append("/" + name.replace("*", "[^/]*"))
    return "".join(parts)


@given(
    st.lists(star_segment | st.just("**"), min_size=1, max_size=5),
    st.lists(segment, min_size=1, max_size=6),
)
def test_stars_mean_what_a_regular_expression_would(globs: list[str], names: list[str]) -> None:
    """PROTOCOL §6: `*` one segment, `**` any."""
    page = "/" + "/".join(names)
    expected = re.fullmatch(as_regex(globs), page) is not None
    assert PageMatcher(["/" + "/".join(globs)]).matches(page) is expected


@given(st.text(max_size=60), st.text(max_size=60) | st.none())
def test_any_text_is_a_glob_or_a_glob_error(glob: str, url: str | None) -> None:
    """T38: nothing else is ever raised, whatever authors and clients write."""
    try:
        matcher = PageMatcher([glob])
    except GlobError:
        return
    assert matcher.matches(url) in (True, False)


@given(st.text(st.sampled_from("ab/*?#%2:.@&=+"), max_size=30))
def test_any_address_gets_an_answer(url: str) -> None:
    """T38: addresses come from clients and hold anything."""
    matcher = PageMatcher(["/a/**", "*.a.b/*?a=b#a"], ["/b"])
    assert matcher.matches(url) in (True, False)
