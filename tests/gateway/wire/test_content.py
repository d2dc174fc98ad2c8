"""Content: Markdown as nodes, addresses, characters."""

import unicodedata
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.wire.content import (
    MAX_BODY,
    MAX_DEPTH,
    MAX_NODES,
    Node,
    check_href,
    clean_text,
    parse_body,
)
from tests.timing import quickest


def text(value: str) -> dict[str, Any]:
    return {"type": "text", "text": value}


def paragraph(*children: dict[str, Any]) -> dict[str, Any]:
    return {"type": "p", "children": list(children)}


def marked(kind: str, *children: dict[str, Any], **more: str) -> dict[str, Any]:
    return {"type": kind, **more, "children": list(children)}


MARKDOWN: dict[str, tuple[str, list[dict[str, Any]]]] = {
    "nothing": ("", []),
    "plain": ("We are on it.", [paragraph(text("We are on it."))]),
    "marks": (
        "**Your** *plan* `x<y`",
        [
            paragraph(
                marked("strong", text("Your")),
                text(" "),
                marked("em", text("plan")),
                text(" "),
                {"type": "code", "text": "x<y"},
            )
        ],
    ),
    "marks in marks": ("**a *b***", [paragraph(marked("strong", text("a "), marked("em", text("b"))))]),
    "link": (
        "See [the **status**](https://status.example/a?b=c#d 'title')",
        [
            paragraph(
                text("See "),
                marked(
                    "link",
                    text("the "),
                    marked("strong", text("status")),
                    href="https://status.example/a?b=c#d",
                ),
            )
        ],
    ),
    "address in angle brackets": (
        "<https://a.example>",
        [paragraph(marked("link", text("https://a.example"), href="https://a.example"))],
    ),
    "line break": ("a\nb  \nc\\\nd", [paragraph(text("a"), {"type": "br"}, text("b"), {"type": "br"}, text("c"), {"type": "br"}, text("d"))]),
    "paragraphs": ("a\n\nb", [paragraph(text("a")), paragraph(text("b"))]),
    "list": (
        "- a\n- **b**",
        [{"type": "list", "ordered": False, "items": [[text("a")], [marked("strong", text("b"))]]}],
    ),
    "numbered list in a list": (
        "- a\n  1. b",
        [
            {
                "type": "list",
                "ordered": False,
                "items": [
                    [text("a"), {"type": "list", "ordered": True, "items": [[text("b")]]}]
                ],
            }
        ],
    ),
    "list with air": (
        "- a\n\n- b",
        [{"type": "list", "ordered": False, "items": [[paragraph(text("a"))], [paragraph(text("b"))]]}],
    ),
    "escapes": (r"\*a\* &amp; &lt;b&gt;", [paragraph(text("*a* & <b>"))]),
    "HTML": ("<b>a</b><script>x</script>", [paragraph(text("<b>a</b><script>x</script>"))]),
    "HTML as a block": ("<div>\n<p>a</p>\n</div>", [paragraph(text("<div>"), {"type": "br"}, text("<p>a</p>"), {"type": "br"}, text("</div>"))]),
    "what the tree has no node for": ("# a\n> b", [paragraph(text("# a"), {"type": "br"}, text("> b"))]),
    "refused link": ("[a](javascript:alert(1)) b", [paragraph(text("a b"))]),
    "image": ("![a](/x.png)", [paragraph(text("!"), marked("link", text("a"), href="/x.png"))]),
}  # fmt: skip


@pytest.mark.parametrize(("source", "nodes"), MARKDOWN.values(), ids=MARKDOWN.keys())
def test_markdown_becomes_the_nodes_of_the_contract(
    source: str, nodes: list[dict[str, Any]]
) -> None:
    """PROTOCOL §2: text, strong, em, code, link, br, p, list; never HTML."""
    assert parse_body(source).nodes == nodes


# Addresses

GOOD_ADDRESSES = [
    "https://example.com",
    "https://example.com:8443/a/b?c=d&e=%20#f",
    "HTTPS://Example.com/",
    "https://[2001:db8::1]/",
    "https://пример.example/ü",
    "https://example.com/it's",
    "mailto:help@example.com?subject=Hi",
    "/projects/limits",
    "/",
    "projects/1",
    "./a:b",
    "../up",
    "?tab=1",
    "#part",
]
BAD_ADDRESSES = [
    "",
    " ",
    " https://example.com",
    "https://example.com/a b",
    "javascript:alert(1)",
    "JaVaScRiPt:alert(1)",
    "java\tscript:alert(1)",
    "java\nscript:alert(1)",
    "\x01javascript:alert(1)",
    "javascript&colon;alert(1):",
    "vbscript:x",
    "data:text/html,<script>",
    "file:///etc/passwd",
    "blob:https://a",
    "view-source:https://a",
    "ftp://a",
    "ws://a",
    "tel:1",
    "intent://x",
    "//evil.example",
    "//evil.example/a",
    "\\\\evil.example",
    "/\\evil.example",
    "\\/evil.example",
    "https:\\\\evil.example",
    "https:evil.example",
    "https:/evil.example",
    "https:///evil.example",
    "https://",
    "https://?x",
    "https://user@evil.example",
    "https://bank.example:pw@evil.example",
    "https://evil.example:99999",
    "https://evil.example:x",
    "https://[::1",
    "https://exam\u200bple.com",
    "https://example.com/\u202egnp.exe",
    "/a\u2028b",
    "/a\x00",
    "/a\x7f",
    '/a"onclick="x',
    "/<script>",
    "/`x`",
    "mailto:",
    "mailto:nobody",
    ":x",
    "1:x",
    "/" + "a" * 2_048,
    "https://a.example/\ud800",
]


@pytest.mark.parametrize("href", GOOD_ADDRESSES)
def test_safe_addresses_are_accepted(href: str) -> None:
    """PROTOCOL §2: https:, mailto: or a relative path."""
    assert check_href(href) is None


@pytest.mark.parametrize("href", BAD_ADDRESSES, ids=repr)
def test_other_addresses_are_refused_with_a_reason(href: str) -> None:
    """T55, T56: for authors at the API, and dropped on the wire."""
    for allow_http in (False, True):
        problem = check_href(href, allow_http)
        assert problem
        assert "evil" not in problem


def test_http_is_for_dev_only() -> None:
    """PROTOCOL §2: `http:` (dev)."""
    assert check_href("http://localhost:8000/demo") is not None
    assert check_href("http://localhost:8000/demo", allow_http=True) is None
    assert links_in(parse_body("[a](http://b)").nodes) == []
    assert links_in(parse_body("[a](http://b)", allow_http=True).nodes) == ["http://b"]


def links_in(nodes: list[Node]) -> list[str]:
    return [node["href"] for node in every_node(nodes) if node["type"] == "link"]


def every_node(nodes: list[Node]) -> list[Node]:
    found: list[Node] = []
    waiting = list(nodes)
    while waiting:
        node = waiting.pop()
        found.append(node)
        waiting += node.get("children", [])
        for item in node.get("items", []):
            waiting += item
    return found


@pytest.mark.parametrize("href", BAD_ADDRESSES, ids=repr)
def test_no_markdown_makes_a_link_of_a_bad_address(href: str) -> None:
    """T55, T56: in every way to write a link, escaped and encoded ones included."""
    encoded = "".join(f"&#{ord(char)};" for char in href)
    for source in (
        f"[a]({href})",
        f"[a](<{href}>)",
        f"<{href}>",
        f"[a]({encoded})",
        f"![a]({href})",
    ):
        for link in links_in(parse_body(source).nodes):
            assert check_href(link) is None


def test_authors_hear_of_refused_links() -> None:
    """T56: 400 at the API needs to know."""
    (problem,) = parse_body("[a](javascript:x) [b](/ok)").problems
    assert "javascript:x" in problem
    assert "https:" in problem


# Bounds


def test_a_body_is_bounded_in_length() -> None:
    """T57, T65: authors hear of it."""
    assert parse_body("a" * MAX_BODY).problems == []
    assert "longer" in parse_body("a" * (MAX_BODY + 1)).problems[0]


@pytest.mark.parametrize("source", ["- " * 6 + "x", "*" * 41 + "x" + "*" * 41, "- " * 1_900 + "x"])
def test_a_deep_source_is_shown_as_typed(source: str) -> None:
    """T28 for output: clients get no deep trees, and no text is lost."""
    body = parse_body(source)
    assert body.nodes == [paragraph(text(source))]
    assert "nested deeper" in body.problems[0]


def test_a_source_of_very_many_marks_is_shown_as_typed() -> None:
    """T57: a client draws up to 2,000 nodes; no text is lost to that."""
    few = parse_body("*a* " * 400)
    assert few.problems == []
    source = "*a* " * 800
    many = parse_body(source.strip())
    assert many.nodes == [paragraph(text(source.strip()))]
    assert "more than" in many.problems[0]


WORST_SOURCES = ["[", "*a_ ", "`a``", "[a](b", "<", "- ", "*", "**a ", "&", "\\", "![[]()", "a**b",
                 "1. ", "- a\n", "*_", "[](", "<a:", "&#x41;", "\n\n", " \t", "a*"]  # fmt: skip


@pytest.mark.parametrize("piece", WORST_SOURCES, ids=repr)
def test_no_source_takes_long(piece: str) -> None:
    """T38 for Markdown: the longest body of the worst pieces, within 0.5 s."""
    source = (piece * MAX_BODY)[:MAX_BODY]
    assert quickest(lambda: parse_body(source)) < 0.5


SHAPES = {
    "text": {"type", "text"},
    "code": {"type", "text"},
    "br": {"type"},
    "strong": {"type", "children"},
    "em": {"type", "children"},
    "p": {"type", "children"},
    "link": {"type", "href", "children"},
    "list": {"type", "ordered", "items"},
}


def depth_of(nodes: list[Node]) -> int:
    inner = [depth_of(node.get("children", [])) for node in nodes]
    inner += [1 + depth_of(item) for node in nodes for item in node.get("items", [])]
    return 1 + max(inner, default=0) if nodes else 0


@given(
    st.text(max_size=80)
    | st.text(st.sampled_from("ab *_`[]()<>!-1.\n\\&#;:/\u202e\u200d"), max_size=80)
)
def test_any_source_gives_a_small_clean_tree(source: str) -> None:
    """T40, T55-T57: known nodes, safe links, text without unseen characters, encodable."""
    body = parse_body(source)
    assert depth_of(body.nodes) <= MAX_DEPTH + 2
    assert len(every_node(body.nodes)) <= MAX_NODES
    for node in every_node(body.nodes):
        assert set(node) == SHAPES[node["type"]]
        assert check_href(node.get("href", "/")) is None
        assert clean_text(node.get("text", "")) == node.get("text", "")
    msgspec.json.encode(body.nodes)
    msgspec.msgpack.encode(body.nodes)


# Characters


@pytest.mark.parametrize(
    ("raw", "clean"),
    [
        ("abc", "abc"),
        ("a\u202egnp\u202c", "agnp"),
        ("pay\u200bpal", "paypal"),
        ("a\u2066b\u2069", "ab"),
        ("a\x00\x1b[31mb\x7f\x85", "a[31mb"),
        ("\ufeffa", "a"),
        ("a\nb\tc", "a\nb\tc"),
        ("a\u2028b", "ab"),
        ("a\ud800b", "ab"),
        ("👨\u200d👩\u200d👧", "👨\u200d👩\u200d👧"),
        ("\u0645\u06cc\u200c\u062e", "\u0645\u06cc\u200c\u062e"),
        ("a\u200db", "ab"),
        ("\u200d\u200d👩\u200d", "👩"),
        ("❤\ufe0f", "❤\ufe0f"),
    ],
    ids=repr,
)
def test_unseen_characters_leave_the_text(raw: str, clean: str) -> None:
    """T57: nothing that reorders or hides; joiners stay where scripts and emoji need them."""
    assert clean_text(raw) == clean


@given(st.text() | st.text(st.sampled_from("a\u00e9\u200c\u200d\u202e\n \u2028")))
def test_cleaning_twice_changes_nothing(raw: str) -> None:
    """T57: and what stays can be encoded."""
    clean = clean_text(raw)
    clean.encode()
    unseen = {c for c in clean if unicodedata.category(c) in {"Cf", "Cc", "Cs"}} - set("\n\t")
    assert unseen <= set("\u200c\u200d")
