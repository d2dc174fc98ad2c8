"""Page globs: on which pages a message may be seen. Pure, standard library only, linear time.

    /projects/**                 any host; `**` is any number of segments, none included
    /projects/*/bill*            `*` stays within one segment
    app.example.com/settings     with a host; `*.example.com` is any host below it
    localhost:3000/**            with a port; a host without one matches on every port
    /search?tab=users&q=*        these query parameters, among others and in any order
    ?ref                         any page with this parameter, whatever its value
    /docs#install  or  #/inbox/* the part after #, by the rules of a path
    **                           every page

Hosts ignore case; path, query and hash do not. A slash at the end, or twice, makes no difference,
and percent-encoding is undone before comparing (%2A is a star itself). A glob without ? or # matches whatever they are.
One of `block` wins over any of `allow`; no `allow` means every page. A page that nobody knows is
on no `allow` list and on no `block` list.

Nothing here backtracks: a glob is cut at its stars, and each piece is looked for once, from left
to right. client-js holds the same rules; tests/cases/pages.json is shared by both.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import cached_property
from re import ASCII
from re import compile as compile_pattern
from urllib.parse import unquote_to_bytes

MAX_URL = 2_048
"""Characters; the wire allows no longer `page`."""
MAX_GLOB = 512
MAX_SEGMENTS = 128
"""Segments of a page; a page with more is on no list, so that matching stays under 5 ms (T38)."""
MAX_GLOB_PARTS = 32
"""Segments, or query parameters, of a glob."""

Pieces = tuple[str, ...]
"""A segment cut at its stars: ("a", "b") is `a*b`, ("a",) is `a`."""
Runs = tuple[tuple[Pieces, ...], ...]
"""Segments cut at each `**`."""

_ESCAPES = compile_pattern(r"(?:[^%]|%[0-9A-Fa-f]{2})*")
_HOST = compile_pattern(r"(?:\*\.)?[a-z0-9-]+(?:\.[a-z0-9-]+)*(?::[0-9]{1,5})?", ASCII)


class GlobError(ValueError):
    """Not a glob; the text says what to write instead."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Glob:
    """One glob, taken apart. None: this part may be anything."""

    host: str | None = None
    path: Runs | None = None
    query: tuple[tuple[str, Pieces | None], ...] = ()
    hash: Runs | None = None

    def matches(self, page: "Page") -> bool:
        """True when every part that the glob names is as it says."""
        return (
            (self.path is None or _runs_match(self.path, page.path))
            and (self.host is None or _host_matches(self.host, page.host))
            and (self.hash is None or (page.hash is not None and _runs_match(self.hash, page.hash)))
            and all(_parameter_matches(name, wanted, page) for name, wanted in self.query)
        )


class Page:
    """One address, taken apart as globs need it; relative ones have no host."""

    def __init__(self, url: str) -> None:
        rest, has_hash, fragment = url.partition("#")
        rest, _, self._query = rest.partition("?")
        self.host, path = _split_host(rest)
        self.path = _segments(path)
        self.hash = _segments(fragment) if has_hash else None

    @cached_property
    def parameters(self) -> dict[str, list[str]]:
        """The query's values by name."""
        found: dict[str, list[str]] = {}
        for pair in self._query.split("&"):
            name, _, value = pair.partition("=")
            found.setdefault(_decode_parameter(name), []).append(_decode_parameter(value))
        return found


class PageMatcher:
    """The allow and block globs of one message."""

    KEPT_ANSWERS = 1_024
    MAX_KEPT_URL = 256
    """Most sessions are on few pages, so their answers are kept; bounded in number and size."""

    def __init__(self, allow: Iterable[str] = (), block: Iterable[str] = ()) -> None:
        self._allow = tuple(parse_glob(text) for text in allow)
        self._block = tuple(parse_glob(text) for text in block)
        self._answers: dict[str, bool] = {}

    def matches(self, url: str | None) -> bool:
        """True when the message may be seen on this page; None is a page that nobody knows."""
        if url is None:
            return not self._allow
        answer = self._answers.get(url)
        if answer is None:
            answer = self._decide(url)
            if len(url) <= self.MAX_KEPT_URL:
                self._keep(url, answer)
        return answer

    def _keep(self, url: str, answer: bool) -> None:
        if len(self._answers) >= self.KEPT_ANSWERS:
            self._answers.clear()
        self._answers[url] = answer

    def _decide(self, url: str) -> bool:
        if len(url) > MAX_URL:
            return False
        page = Page(url)
        if len(page.path) > MAX_SEGMENTS or len(page.hash or ()) > MAX_SEGMENTS:
            return False
        if any(glob.matches(page) for glob in self._block):
            return False
        return not self._allow or any(glob.matches(page) for glob in self._allow)


def parse_glob(text: str) -> Glob:
    """Take a glob apart. Raises GlobError with what would be right."""
    if not 1 <= len(text) <= MAX_GLOB:
        raise GlobError(f"a glob has 1 to {MAX_GLOB} characters")
    if not text.isprintable() or " " in text:
        raise GlobError("a glob has no spaces or control characters; write %20 for a space")
    if "://" in text:
        raise GlobError(f"leave out the scheme: write {text.partition('://')[2] or '/**'}")
    rest, has_hash, fragment = text.partition("#")
    rest, has_query, query = rest.partition("?")
    host, path = _parse_place(rest)
    return Glob(
        host=host,
        path=path,
        query=_parse_query(query) if has_query else (),
        hash=_parse_runs(fragment) if has_hash else None,
    )


def _parse_place(text: str) -> tuple[str | None, Runs | None]:
    if text in ("", "**"):
        return None, None
    host, slash, path = text.partition("/")
    if not host:
        return None, _parse_runs(path)
    host = host.lower()
    if _HOST.fullmatch(host) is None or not ("." in host or ":" in host or host == "localhost"):
        raise GlobError(f"begin a path with a slash: /{text}; a host is e.g. app.example.com/**")
    return host, _parse_runs(path) if slash else None


def _parse_runs(text: str) -> Runs:
    runs: list[tuple[Pieces, ...]] = []
    run: list[Pieces] = []
    names = [name for name in text.split("/") if name]
    if len(names) > MAX_GLOB_PARTS:
        raise GlobError(f"a glob has at most {MAX_GLOB_PARTS} segments")
    for name in names:
        if name == "**":
            runs.append(tuple(run))
            run = []
        else:
            run.append(_parse_pieces(name))
    return (*runs, tuple(run))


def _parse_pieces(text: str) -> Pieces:
    if "**" in text:
        raise GlobError("** stands alone between slashes: /docs/**; within a segment write one *")
    if text in (".", ".."):
        raise GlobError("a glob has no . or .. segments; write the path that they lead to")
    return tuple(_decode(piece) for piece in text.split("*"))


def _parse_query(text: str) -> tuple[tuple[str, Pieces | None], ...]:
    pairs = text.split("&")
    if len(pairs) > MAX_GLOB_PARTS:
        raise GlobError(f"a glob has at most {MAX_GLOB_PARTS} query parameters")
    return tuple(_parse_pair(pair) for pair in pairs)


def _parse_pair(pair: str) -> tuple[str, Pieces | None]:
    name, has_value, value = pair.partition("=")
    if not name or "*" in name:
        raise GlobError("after ? write parameters by their names: ?tab=users or ?q=* or ?ref")
    if not has_value:
        return _decode_parameter(name), None
    return _decode_parameter(name), tuple(_decode_parameter(p) for p in value.split("*"))


# Matching


def _runs_match(runs: Runs, segments: Sequence[str]) -> bool:
    first, last = runs[0], runs[-1]
    if len(runs) == 1:
        return len(first) == len(segments) and _run_matches(first, segments, 0)
    at, end = len(first), len(segments) - len(last)
    if at > end or not _run_matches(first, segments, 0) or not _run_matches(last, segments, end):
        return False
    for run in runs[1:-1]:
        # The leftmost place is as good as any: what follows gets the most room.
        places = range(at, end - len(run) + 1)
        place = next((i for i in places if _run_matches(run, segments, i)), None)
        if place is None:
            return False
        at = place + len(run)
    return True


def _run_matches(run: Sequence[Pieces], segments: Sequence[str], at: int) -> bool:
    for pieces in run:
        if not _text_matches(pieces, segments[at]):
            return False
        at += 1
    return True


def _text_matches(pieces: Pieces, text: str) -> bool:
    first, last = pieces[0], pieces[-1]
    if len(pieces) == 1:
        return text == first
    at, end = len(first), len(text) - len(last)
    if at > end or not text.startswith(first) or not text.endswith(last):
        return False
    for piece in pieces[1:-1]:
        place = text.find(piece, at, end)
        if place < 0:
            return False
        at = place + len(piece)
    return True


def _host_matches(wanted: str, host: str | None) -> bool:
    if host is None:
        return False
    if ":" not in wanted:
        host = host.partition(":")[0]
    if wanted.startswith("*."):
        return host.endswith(wanted[1:]) and len(host) >= len(wanted)
    return host == wanted


def _parameter_matches(name: str, wanted: Pieces | None, page: Page) -> bool:
    values = page.parameters.get(name)
    if values is None or wanted is None:
        return values is not None
    return any(_text_matches(wanted, value) for value in values)


# Addresses


def _split_host(text: str) -> tuple[str | None, str]:
    scheme, found, rest = text.partition("//")
    if not found or (scheme and (not scheme.endswith(":") or "/" in scheme)):
        return None, text
    authority, _, path = rest.partition("/")
    host = authority.rpartition("@")[2].lower()
    name, colon, port = host.partition(":")
    return f"{name.removesuffix('.')}{colon}{port}", path


def _segments(text: str) -> list[str]:
    segments: list[str] = []
    for name in text.split("/"):
        segment = _decode(name)
        if segment == "..":
            del segments[-1:]
        elif segment not in ("", "."):
            segments.append(segment)
    return segments


def _decode(text: str) -> str:
    """Undo percent-encoding; text that was not encoded properly stays as it is."""
    if "%" not in text or _ESCAPES.fullmatch(text) is None:
        return text
    try:
        return unquote_to_bytes(text).decode()
    except UnicodeDecodeError:
        return text


def _decode_parameter(text: str) -> str:
    return _decode(text.replace("+", " "))
