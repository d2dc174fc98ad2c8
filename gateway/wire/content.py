"""Messages as they go on the wire: Markdown becomes a small tree of nodes, never HTML.

The tree (`body`) is a list of blocks. A client turns each node into one element and sets all text
as text; a type that it does not know it shows as its children or its text.

    {"type": "p", "children": [inline…]}                              block
    {"type": "list", "ordered": bool, "items": [[block or inline…]…]} block
    {"type": "text", "text": "…"}                                     inline
    {"type": "strong", "children": [inline…]}                         inline
    {"type": "em", "children": [inline…]}                             inline
    {"type": "code", "text": "…"}                                     inline
    {"type": "link", "href": "…", "children": [inline…]}              inline
    {"type": "br"}                                                    inline

A short item of a list holds inline nodes; one written with blank lines holds blocks. A line break
is a `br`, as authors of two-line banners expect. Everything else in the source (HTML, headings,
tables, images) stays as it was typed: text. A link whose address is refused becomes its text.

What people read is stripped of control, bidi and zero-width characters here, in one place: they
let a text pretend to be another (T57). Nothing here raises for any content: authors hear of
problems through `parse_body(…).problems` and `check_href`, before a message is stored.
"""

import re
import unicodedata
from collections.abc import Iterable
from typing import Any, NamedTuple, TypedDict
from urllib.parse import urlsplit

from markdown_it import MarkdownIt
from markdown_it.token import Token

from gateway.model.message import Action, Content, Image, Incident, Message
from gateway.wire.timestamps import rfc3339

MAX_BODY = 4_000
"""Characters of Markdown: a screenful. The worst of them (all `[`) take 0.13 s to parse."""
MAX_DEPTH = 10
"""Lists, items, paragraphs and marks inside each other; a deeper source is shown as typed."""
MAX_NODES = 2_000
"""What clients draw of one body; a source with more is shown as typed."""
MAX_HREF = 2_048


class Node(TypedDict, total=False):
    """One node of the tree; which keys it has follows from `type`."""

    type: str
    text: str
    href: str
    ordered: bool
    children: "list[Node]"
    items: "list[list[Node]]"


class Body(NamedTuple):
    """A parsed body, and what its author should hear about it."""

    nodes: list[Node]
    problems: list[str]


def parse_body(source: str, allow_http: bool = False) -> Body:
    """Turn Markdown into nodes; problems name what was refused and what would be right."""
    builder = _Builder(allow_http)
    if len(source) > MAX_BODY:
        builder.problems.append(f"longer than {MAX_BODY} characters")
    tokens = _markdown.parse(source)
    problem = _unfit(tokens)
    if problem is not None:
        builder.problems.append(problem)
        as_typed: Node = {"type": "text", "text": clean_text(source)}
        return Body([{"type": "p", "children": [as_typed]}], builder.problems)
    builder.add(tokens)
    return Body(builder.nodes, builder.problems)


def check_href(href: str, allow_http: bool = False) -> str | None:
    """Say what is wrong with a link's address, or None: https, mailto or a path on this site."""
    if not 1 <= len(href) <= MAX_HREF:
        return f"an address has 1 to {MAX_HREF} characters"
    if _TRICKS.search(href) or any(unicodedata.category(c) in _UNSEEN for c in href):
        return "an address has no spaces, backslashes, quotes or unseen characters"
    scheme = _SCHEME.match(href)
    if scheme is None:
        return _check_path(href)
    return _check_absolute(href, scheme[1].lower(), allow_http)


def clean_text(text: str) -> str:
    """Remove what cannot be seen but changes how text is read or sent.

    Joiners stay between two characters that are not ASCII: Persian and many emoji need them.
    """
    if text.isprintable():
        return text
    return "".join(c for i, c in enumerate(text) if c in "\n\t" or _is_seen(text, i))


def pick_locale(message: Message, locale: str | None) -> str:
    """Return the message's locale for a reader: exact, then ever shorter (RFC 4647 §3.4), then
    the default."""
    known = {key.replace("_", "-").lower(): key for key in message.content}
    wanted = (locale or "").replace("_", "-").lower()
    while wanted:
        if wanted in known:
            return known[wanted]
        wanted = wanted.rpartition("-")[0]
    return message.default_locale


def wire_message(
    message: Message, locale: str | None = None, allow_http: bool = False
) -> dict[str, Any]:
    """The message as clients get it (PROTOCOL §2); absent optional fields are left out.

    Depends on nothing but the revision, the locale picked and `allow_http`, so it is encoded once.
    """
    picked = pick_locale(message, locale)
    wire = {
        "id": message.id,
        "revision": message.revision,
        "kind": message.kind.value,
        "severity": message.severity and message.severity.value,
        "incident": message.incident and _wire_incident(message.incident),
        "content": _wire_content(message.content[picked], allow_http),
        "dismissible": message.dismissible,
        "pages": _wire_pages(message),
        "priority": message.priority,
        "expires_at": message.expires_at and rfc3339(message.expires_at),
        "tags": list(message.tags),
        "created_at": rfc3339(message.created_at),
        "locale": picked,
    }
    return _present(wire)


def _wire_incident(incident: Incident) -> dict[str, Any]:
    updates = [
        {"at": rfc3339(line.at), "status": line.status.value, "body": clean_text(line.body)}
        for line in incident.updates
    ]
    return {"status": incident.status.value, "impact": incident.impact.value, "updates": updates}


def _wire_content(content: Content, allow_http: bool) -> dict[str, Any]:
    return _present(
        {
            "title": content.title and _one_line(content.title),
            "body": parse_body(content.body, allow_http).nodes,
            "image": content.image and _wire_image(content.image, allow_http),
            "icon": content.icon and _one_line(content.icon),
            "actions": [_wire_action(action, allow_http) for action in content.actions],
        }
    )


def _wire_image(image: Image, allow_http: bool) -> dict[str, str] | None:
    if check_href(image.src, allow_http) is not None or image.src[:7].lower() == "mailto:":
        return None
    return {"src": image.src, "alt": _one_line(image.alt)}


def _wire_action(action: Action, allow_http: bool) -> dict[str, str]:
    wire = {"id": action.id, "label": _one_line(action.label), "intent": action.intent}
    if action.href is not None and check_href(action.href, allow_http) is None:
        wire["href"] = action.href
    return wire


def _wire_pages(message: Message) -> dict[str, list[str]] | None:
    pages = message.pages
    lists = {"allow": list(pages.allow), "block": list(pages.block)}
    return {name: globs for name, globs in lists.items() if globs} or None


def _present(fields: dict[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in fields.items() if value is not None}


def _one_line(text: str) -> str:
    return " ".join(clean_text(text).split())


# Characters

_UNSEEN = frozenset({"Cc", "Cf", "Cs", "Cn", "Zl", "Zp", "Zs"})
_REMOVED = frozenset({"Cc", "Cf", "Cs", "Zl", "Zp"})
_JOINERS = "\u200c\u200d"


def _is_seen(text: str, at: int) -> bool:
    char = text[at]
    if char in _JOINERS:
        around = text[at - 1 : at] + text[at + 1 : at + 2]
        return len(around) == 2 and all(c > "\x7f" and _is_drawn(c) for c in around)
    return _is_drawn(char)


def _is_drawn(char: str) -> bool:
    return unicodedata.category(char) not in _REMOVED


# Addresses

_TRICKS = re.compile(r"""[\s\\"<>`{}|^]""")
_SCHEME = re.compile(r"([A-Za-z][A-Za-z0-9+.-]*):")


def _check_path(href: str) -> str | None:
    if href.startswith("//"):
        return "an address that begins with // leads to another site; write https://"
    first_segment = re.split(r"[/?#]", href, maxsplit=1)[0]
    if ":" in first_segment:
        return "a path has no colon in its first part; write ./ before it"
    return None


def _check_absolute(href: str, scheme: str, allow_http: bool) -> str | None:
    if scheme == "mailto":
        return None if "@" in href else "mailto: needs an address such as mailto:help@example.com"
    if scheme != "https" and not (scheme == "http" and allow_http):
        return "only https:, mailto: and paths on this site are allowed"
    try:
        parts = urlsplit(href)
        _ = parts.port
    except ValueError:
        return "not a valid address"
    if not parts.hostname or not href[len(scheme) :].startswith("://"):
        return f"write {scheme}:// and a host"
    return "an address carries no user name or password" if "@" in parts.netloc else None


# Markdown

_MARKS = {"strong_open": "strong", "em_open": "em", "paragraph_open": "p"}


def _make_markdown() -> MarkdownIt:
    """A parser that knows only what the tree can hold, and leaves addresses to `check_href`."""
    markdown = MarkdownIt("zero", {"maxNesting": 2 * MAX_DEPTH})
    markdown.enable(["list", "emphasis", "backticks", "link", "autolink"])
    markdown.enable(["newline", "escape", "entity", "balance_pairs"])
    unchanged: dict[str, Any] = {"normalizeLink": str, "normalizeLinkText": str}
    for name, function in unchanged.items():
        setattr(markdown, name, function)
    markdown.validateLink = lambda url: True  # type: ignore[method-assign] # its documented hook
    return markdown


_markdown = _make_markdown()


def _unfit(tokens: Iterable[Token]) -> str | None:
    """Say why these tokens make no tree that clients draw. Every node is one token or two."""
    depth = size = 0
    for token in tokens:
        inner = token.children or []
        size += 1 + len(inner)
        depth = max(depth, token.level + max((child.level for child in inner), default=0))
    if depth > MAX_DEPTH:
        return f"lists and marks nested deeper than {MAX_DEPTH}"
    return f"more than {MAX_NODES} marks, lines and list items" if size > MAX_NODES else None


class _Builder:
    """Tokens → nodes. A stack of the lists that nodes are added to; no recursion."""

    def __init__(self, allow_http: bool) -> None:
        self.nodes: list[Node] = []
        self.problems: list[str] = []
        self._allow_http = allow_http
        self._open: list[list[Node]] = [self.nodes]
        self._lists: list[list[list[Node]]] = []

    def add(self, tokens: Iterable[Token]) -> None:
        for token in tokens:
            if token.type == "inline":
                self.add(token.children or ())
            elif token.nesting == 1:
                self._enter(token)
            elif token.nesting == -1:
                self._leave(token)
            else:
                self._add_leaf(token)

    def _enter(self, token: Token) -> None:
        outer = self._open[-1]
        children: list[Node] = []
        if token.type == "list_item_open":
            self._lists[-1].append(children)
        elif token.type.endswith("_list_open"):
            outer.append(self._list(token))
        else:
            node = self._node(token, children)
            if node is None or token.hidden:
                children = outer
            else:
                outer.append(node)
        self._open.append(children)

    def _leave(self, token: Token) -> None:
        self._open.pop()
        if token.type.endswith("_list_close"):
            self._lists.pop()

    def _list(self, token: Token) -> Node:
        items: list[list[Node]] = []
        self._lists.append(items)
        return {"type": "list", "ordered": token.type == "ordered_list_open", "items": items}

    def _node(self, token: Token, children: list[Node]) -> Node | None:
        if token.type != "link_open":
            return {"type": _MARKS[token.type], "children": children}
        href = str(token.attrs.get("href", ""))
        problem = check_href(href, self._allow_http)
        if problem is not None:
            self.problems.append(f"link {href[:80]!r}: {problem}")
            return None
        return {"type": "link", "href": href, "children": children}

    def _add_leaf(self, token: Token) -> None:
        if token.type in ("softbreak", "hardbreak"):
            self._open[-1].append({"type": "br"})
        elif token.type == "code_inline":
            self._open[-1].append({"type": "code", "text": clean_text(token.content)})
        else:
            self._add_text(clean_text(token.content))

    def _add_text(self, text: str) -> None:
        """Add text, joined to text just before it."""
        siblings = self._open[-1]
        if siblings and siblings[-1]["type"] == "text":
            siblings[-1]["text"] += text
        elif text:
            siblings.append({"type": "text", "text": text})
