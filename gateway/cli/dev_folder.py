"""The folder of `gateway dev`: its database and the secrets it made for itself, kept over restarts.

Lies under the current folder and hides itself from git. Knows no server.
"""

import os
import secrets
import tempfile
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from gateway.cli.output import Failure
from gateway.cli.target import DEV_FOLDER, DEV_KEY

DATABASE = "gateway.db"
TOKEN_SECRET = DEV_FOLDER / "token-secret"
KEY_PREFIX = "igk_dev_"


@dataclass(frozen=True, slots=True)
class DevSecrets:
    """What people and programs show to a dev gateway."""

    token_secret: str
    admin_key: str


def prepare_folder() -> Path:
    """Make the folder, readable for its owner alone."""
    try:
        DEV_FOLDER.mkdir(mode=0o700, exist_ok=True)
        (DEV_FOLDER / ".gitignore").write_text("*\n", encoding="ascii")
    except OSError as error:
        raise Failure(
            f"Cannot write to {DEV_FOLDER.absolute()} ({error.strerror}).",
            "gateway dev keeps its database and keys there: start it in a folder of yours.",
        ) from error
    return DEV_FOLDER.absolute()


def find_secrets() -> DevSecrets:
    """The secrets of the folder, made when they are not there yet."""
    return DevSecrets(
        token_secret=_kept(TOKEN_SECRET, secrets.token_urlsafe(48)),
        admin_key=_kept(DEV_KEY, KEY_PREFIX + secrets.token_urlsafe(24)),
    )


def read_token_secret() -> str | None:
    """The secret of a gateway dev that ran in this folder."""
    try:
        return TOKEN_SECRET.read_text(encoding="ascii").strip() or None
    except (OSError, ValueError):
        return None


def _kept(path: Path, fresh: str) -> str:
    """What the file holds, or `fresh` put into it. Two that start at once agree on one."""
    with tempfile.NamedTemporaryFile("w", dir=path.parent, encoding="ascii") as file:
        # made readable for the owner alone; linked only when whole, and only where none is
        file.write(fresh + "\n")
        file.flush()
        with suppress(FileExistsError):
            os.link(file.name, path)
    kept = path.read_text(encoding="ascii", errors="replace").strip()
    if not kept:
        raise Failure(f"{path} is empty.", "Delete it: gateway dev makes a new one.")
    return kept
