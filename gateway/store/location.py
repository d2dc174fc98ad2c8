"""Where the database is: the URL as operators write it, and the lock that keeps others out.

One process per SQLite file: versions before 3.51.3 can corrupt a WAL with two writers. # F17
"""

import fcntl
import os
import shutil
import tempfile
from pathlib import Path

from sqlalchemy.engine import URL, make_url
from sqlalchemy.exc import ArgumentError

from gateway.errors import Misconfigured


class Location:
    """A SQLite file, or for `sqlite://` a private one that ends with the process's use of it."""

    def __init__(self, url: str) -> None:
        self.url = url
        self.file = _file_of(url)
        self._scratch: Path | None = None
        self._lock: int | None = None

    def __str__(self) -> str:
        return self.url if self.file is None else str(self.file)

    @property
    def is_scratch(self) -> bool:
        """True for `sqlite://`: nothing is kept."""
        return self.file is None

    @property
    def exists(self) -> bool:
        """True when there is a database file with something in it."""
        return self.file is not None and self.file.is_file() and self.file.stat().st_size > 0

    def resolve(self) -> Path:
        """The file to open. Raises Misconfigured when its directory is missing."""
        if self.file is None:
            self._scratch = self._scratch or Path(tempfile.mkdtemp(prefix="gateway-"))
            return self._scratch / "gateway.db"
        if not self.file.parent.is_dir():
            raise Misconfigured(
                f"{self.file.parent} is not a directory; create it, or set DATABASE_URL"
            )
        return self.file

    def take(self) -> None:
        """Keep every other process out until `release`. Raises Misconfigured when one is in."""
        path = self.resolve().with_name(f"{self.resolve().name}.lock")
        try:
            lock = os.open(path, os.O_RDWR | os.O_CREAT, 0o644)
        except OSError as error:
            raise Misconfigured(f"cannot open {path}: {error.strerror}") from error
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as error:
            holder = os.read(lock, 32).decode(errors="replace").strip() or "unknown"
            os.close(lock)
            raise Misconfigured(_in_use(self, path, holder)) from error
        os.truncate(lock, 0)
        os.write(lock, f"{os.getpid()}\n".encode())
        self._lock = lock

    def release(self) -> None:
        """Let others in. The lock file stays, since removing it would race with the next holder."""
        if self._lock is not None:
            os.close(self._lock)
            self._lock = None
        if self._scratch is not None:
            shutil.rmtree(self._scratch, ignore_errors=True)
            self._scratch = None


def _in_use(location: Location, path: Path, holder: str) -> str:
    return (
        f"{location} is in use by another gateway (process {holder}, lock {path}). "
        "A SQLite file serves one process: stop the other one, or set another DATABASE_URL"
    )


def _file_of(text: str) -> Path | None:
    try:
        url = make_url(text)
    except (ArgumentError, ValueError) as error:
        raise Misconfigured("DATABASE_URL is not a URL, e.g. sqlite:///gateway.db") from error
    if url.drivername != "sqlite" or url.host or url.query:
        raise Misconfigured(_not_supported(url))
    if url.database in (None, "", ":memory:"):
        return None
    return Path(url.database).resolve()


def _not_supported(url: URL) -> str:
    return (
        f"DATABASE_URL {url.render_as_string(hide_password=True)} is not supported: "
        "write sqlite:///relative/path or sqlite:////absolute/path"
    )
