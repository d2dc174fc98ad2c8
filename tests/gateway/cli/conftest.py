"""What every test of the command line gets: a fake gateway, an empty folder, no settings."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from gateway.cli.main import cli
from tests.gateway.cli.fake_gateway import KEY, FakeGateway, Run


@pytest.fixture
def fake() -> Iterator[FakeGateway]:
    """A gateway to be told what to answer."""
    gateway = FakeGateway()
    yield gateway
    gateway.close()


@pytest.fixture(autouse=True)
def quiet_room(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """No settings of this machine, an empty folder, no waiting between tries."""
    for name in ("GATEWAY_URL", "GATEWAY_KEY", "NO_COLOR", "FORCE_COLOR"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("TZ", "Europe/Berlin")
    monkeypatch.chdir(tmp_path)


@pytest.fixture
def run(fake: FakeGateway, monkeypatch: pytest.MonkeyPatch) -> Run:
    """Type a command line against the fake gateway."""
    monkeypatch.setenv("GATEWAY_URL", fake.url)
    monkeypatch.setenv("GATEWAY_KEY", KEY)
    monkeypatch.setattr("gateway.cli.api.FIRST_PAUSE", 0.01)

    def typed(*words: str) -> Result:
        return CliRunner().invoke(cli, list(words), prog_name="gateway")

    return typed
