"""Database URLs: what they mean, and what is told about those that mean nothing."""

from pathlib import Path

import pytest

from gateway.errors import Misconfigured
from gateway.store.location import Location
from gateway.store.sql import SqlStore


def test_urls_name_files(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Three slashes: relative to where the gateway was started; four: absolute."""
    monkeypatch.chdir(tmp_path)
    assert Location("sqlite:///gateway.db").file == tmp_path / "gateway.db"
    assert Location("sqlite:////var/lib/gateway.db").file == Path("/var/lib/gateway.db")
    assert Location("sqlite:///a%20b.db").file == tmp_path / "a b.db"
    assert Location("sqlite://").is_scratch
    assert Location("sqlite:///:memory:").is_scratch


@pytest.mark.parametrize(
    "url",
    [
        "",
        "gateway.db",
        "mysql://root:hunter2@db/x",
        "postgresql://gw:hunter2@db/gw",
        "sqlite://host/gateway.db",
        "sqlite:///gateway.db?mode=ro",
        "sqlite+aiosqlite:///gateway.db",
        "://",
    ],
)
def test_other_urls_are_refused_with_the_right_form(url: str) -> None:
    """The text shows what to write, and never a password."""
    with pytest.raises(Misconfigured, match="sqlite:///") as refused:
        Location(url)
    assert "hunter2" not in str(refused.value)


async def test_a_missing_directory_is_named(tmp_path: Path) -> None:
    """A typing error in the path is not a stack of errors."""
    store = SqlStore(f"sqlite:///{tmp_path}/nope/gateway.db")
    with pytest.raises(Misconfigured, match="nope is not a directory"):
        await store.open(create=True)


async def test_a_folder_that_may_not_be_written_is_named(tmp_path: Path) -> None:
    """Here the lock's name is taken by a folder, which stops root, too."""
    (tmp_path / "gateway.db.lock").mkdir()
    store = SqlStore(f"sqlite:///{tmp_path}/gateway.db")
    with pytest.raises(Misconfigured, match=r"gateway\.db\.lock: Is a directory"):
        await store.open(create=True)
