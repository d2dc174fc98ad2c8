"""Files that browsers load: the client, the demo, the pages' styles.

Every file is found by looking up its whole address in a table made at the start, so no address
can ever lead outside of it.
"""

from dataclasses import dataclass
from pathlib import Path

from gateway.http.answers import Answer, Policy
from gateway.http.caching import etag_of

_PACKAGE = Path(__file__).resolve().parent.parent
_PAGES = Path(__file__).resolve().parent / "pages"

_MEDIA_TYPES = {
    ".js": "text/javascript; charset=utf-8",
    ".css": "text/css; charset=utf-8",
    ".html": "text/html; charset=utf-8",
    ".json": "application/json",
    ".svg": "image/svg+xml",
    ".map": "application/json",
}
"""Other files are not served."""

_SDK = b'export * from "./client/%s";\n'
"""`/sdk.js` stands at the root, its parts below `/client/`; relative, so that a page of any other
site may load it from here."""


@dataclass(frozen=True, slots=True)
class _File:
    """A file and how it is answered."""

    path: Path
    policy: Policy

    def answer(self) -> Answer:
        return _answer(self.path.read_bytes(), _MEDIA_TYPES[self.path.suffix], self.policy)


def _answer(body: bytes, media_type: str, policy: Policy) -> Answer:
    headers = {"ETag": etag_of(body)}
    if policy is Policy.SHARED:
        headers["Cache-Control"] = "public, no-cache"
    return Answer(body=body, media_type=media_type, headers=headers, policy=policy)


def client_root() -> Path:
    """Where the client's modules are: in the installed package, or in the checkout."""
    installed = _PACKAGE / "client_js"
    return installed if installed.is_dir() else _PACKAGE.parent / "client-js" / "src"


class Assets:
    """All files by address. With `fresh` they are read again for each request, for development."""

    def __init__(self, root: Path, *, demo: bool, fresh: bool) -> None:
        self._root = root
        self._demo = demo
        self._fresh = fresh
        self._files = self._scan()
        self._answers = {address: file.answer() for address, file in self._files.items()}
        self._answers |= self._sdk()

    def find(self, address: str) -> Answer | None:
        """The file at this address."""
        if self._fresh and address.startswith("/client/"):
            self._files = self._scan()
        file = self._files.get(address)
        if self._fresh and file is not None and file.path.is_file():
            return file.answer()
        return self._answers.get(address)

    def _scan(self) -> dict[str, _File]:
        found = {
            "/client/" + path.relative_to(self._root).as_posix(): _File(path, Policy.SHARED)
            for path in sorted(self._root.rglob("*"))
            if path.suffix in _MEDIA_TYPES and path.is_file() and not path.is_symlink()
        }
        return found | self._pages()

    def _pages(self) -> dict[str, _File]:
        pages = {"/docs.css": "docs.css"}
        if self._demo:
            pages |= {"/demo": "demo.html", "/demo.js": "demo.js", "/demo.css": "demo.css"}
        files = {address: _PAGES / name for address, name in pages.items()}
        return {at: _File(path, Policy.PAGE) for at, path in files.items() if path.is_file()}

    def _sdk(self) -> dict[str, Answer]:
        entry = next((n for n in ("sdk.js", "index.js") if (self._root / n).is_file()), None)
        if entry is None:
            return {}
        body = _SDK % entry.encode()
        return {"/sdk.js": _answer(body, _MEDIA_TYPES[".js"], Policy.SHARED)}
