"""`gateway dev` and `gateway serve` up to the point where the composition root takes over."""

import errno
import os
import sqlite3
import stat
import sys
from collections.abc import Callable
from pathlib import Path
from types import ModuleType

import pytest
from click.testing import CliRunner, Result

from gateway.cli import invocation
from gateway.cli.main import cli
from gateway.settings import Settings

SECRET = "kD83hf-Zq0Lw7.Tn52xVbY6mRsJ1cE9aGpU4"


class FakeApp(ModuleType):
    """Stands in for gateway.app: keeps the settings, says that it listens, ends."""

    def __init__(self) -> None:
        super().__init__("gateway.app")
        self.started: list[Settings] = []
        self.error: OSError | None = None
        self.exit_code = 0

    def run(self, settings: Settings, *, on_ready: Callable[[int], None]) -> int:
        """As gateway.app.run."""
        self.started.append(settings)
        if self.error is not None:
            raise self.error
        on_ready(settings.port or 4321)
        return self.exit_code


@pytest.fixture
def app(monkeypatch: pytest.MonkeyPatch) -> FakeApp:
    """The composition root, replaced; the command is on PATH."""
    monkeypatch.setattr("gateway.cli.invocation.command", lambda: "gateway")
    fake = FakeApp()
    monkeypatch.setitem(sys.modules, "gateway.app", fake)
    return fake


def typed(*words: str) -> Result:
    """Type a command line."""
    return CliRunner().invoke(cli, list(words), prog_name="gateway")


def test_dev_prints_all_that_a_beginner_needs(app: FakeApp) -> None:
    """A35: the first banner needs one command and one line to paste."""
    result = typed("dev")
    (settings,) = app.started
    assert settings.admin_key is not None
    key = settings.admin_key.get_secret_value()
    assert result.exit_code == 0
    assert "http://127.0.0.1:8000/demo" in result.stdout
    assert f'GATEWAY_KEY={key} gateway banner "Payments' in result.stdout
    assert '<script type="module" src="http://127.0.0.1:8000/sdk.js"' in result.stdout
    assert "http://127.0.0.1:8000/console" in result.stdout


def test_dev_stops_at_once_unless_told_to_drain(
    app: FakeApp, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Ctrl-C with a demo tab open must not take half a minute; whoever tests drains can."""
    typed("dev")
    monkeypatch.setenv("GATEWAY_DRAIN_OVER", "7")
    typed("dev")
    assert [settings.drain_over for settings in app.started] == [0, 7]


def test_dev_on_another_port_names_it_in_the_line_to_paste(app: FakeApp) -> None:
    """The line must work as it is."""
    stdout = typed("dev", "--port", "0").stdout
    assert "GATEWAY_URL=http://127.0.0.1:4321 GATEWAY_KEY=" in stdout


def test_dev_needs_no_settings_and_has_its_own_secrets(app: FakeApp, tmp_path: Path) -> None:
    """Nothing to configure; what it makes is for its owner's eyes alone."""
    typed("dev")
    (settings,) = app.started
    assert settings.dev is True
    assert settings.token_secret is not None
    for name in ("admin-key", "token-secret"):
        mode = (tmp_path / ".gateway-dev" / name).stat().st_mode
        assert stat.S_IMODE(mode) == 0o600
    assert stat.S_IMODE((tmp_path / ".gateway-dev").stat().st_mode) == 0o700
    assert (tmp_path / ".gateway-dev" / ".gitignore").read_text() == "*\n"


def test_dev_keeps_its_secrets_and_database_over_a_restart(app: FakeApp, tmp_path: Path) -> None:
    """Pages that are open reconnect; the key in the other terminal still works."""
    typed("dev")
    typed("dev")
    first, second = app.started
    assert first.admin_key == second.admin_key
    assert first.token_secret == second.token_secret
    assert first.database_url == f"sqlite:///{tmp_path}/.gateway-dev/gateway.db"
    assert (tmp_path / ".gateway-dev" / "gateway.db").exists()


def test_dev_never_touches_the_database_or_host_of_the_environment(
    app: FakeApp, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """A shell set up for production must not be migrated, nor opened to the network."""
    monkeypatch.setenv("GATEWAY_DATABASE_URL", f"sqlite:///{tmp_path}/production.db")
    monkeypatch.setenv("GATEWAY_HOST", "0.0.0.0")
    monkeypatch.setenv("GATEWAY_WORKERS", "4")
    typed("dev")
    (settings,) = app.started
    assert ".gateway-dev" in settings.database_url
    assert settings.host == "127.0.0.1"
    assert settings.workers == 1
    assert not (tmp_path / "production.db").exists()


def test_dev_takes_secrets_that_are_set(app: FakeApp, monkeypatch: pytest.MonkeyPatch) -> None:
    """A developer whose backend signs tokens already sets its secret."""
    monkeypatch.setenv("GATEWAY_TOKEN_SECRET", SECRET)
    monkeypatch.setenv("GATEWAY_ADMIN_KEY", SECRET)
    assert f"GATEWAY_KEY={SECRET} " in typed("dev").stdout
    (settings,) = app.started
    assert settings.token_secret is not None
    assert settings.token_secret.get_secret_value() == SECRET


@pytest.mark.parametrize("host", ["0.0.0.0", "192.168.1.5", "::", "example.com"])
def test_dev_refuses_to_be_reached_from_other_machines(app: FakeApp, host: str) -> None:
    """In dev anybody may say who they are."""
    result = typed("dev", "--host", host)
    assert result.exit_code == 2
    assert "gateway serve" in result.stderr
    assert app.started == []


@pytest.mark.parametrize("host", ["127.0.0.2", "::1", "localhost"])
def test_dev_takes_any_loopback_address(app: FakeApp, host: str) -> None:
    """IPv6 goes into brackets."""
    result = typed("dev", "--host", host)
    assert result.exit_code == 0
    assert f"http://{f'[{host}]' if ':' in host else host}:8000/demo" in result.stdout


def test_dev_in_memory_keeps_nothing(app: FakeApp, tmp_path: Path) -> None:
    """For a try that leaves no trace but keys."""
    result = typed("dev", "--db", "memory")
    assert app.started[0].database_url == "sqlite://"
    assert "nothing is kept" in result.stdout
    assert not (tmp_path / ".gateway-dev" / "gateway.db").exists()


def test_dev_reset_empties_the_database_and_keeps_the_keys(app: FakeApp, tmp_path: Path) -> None:
    """Begin anew without logging in anew."""
    typed("dev")
    file = tmp_path / ".gateway-dev" / "gateway.db"
    with sqlite3.connect(file) as database:
        database.execute("CREATE TABLE leftover (x)")
    database.close()
    typed("dev", "--reset")
    with sqlite3.connect(file) as database:
        names = {name for (name,) in database.execute("SELECT name FROM sqlite_master")}
    database.close()
    assert "leftover" not in names
    assert "alembic_version" in names
    assert app.started[0].admin_key == app.started[1].admin_key


def test_dev_reset_spares_a_database_that_is_in_use(app: FakeApp, tmp_path: Path) -> None:
    """Never under the feet of a running gateway."""
    from gateway.store.location import Location

    typed("dev")
    held = Location(app.started[0].database_url)
    held.take()
    try:
        result = typed("dev", "--reset")
    finally:
        held.release()
    assert result.exit_code == 1
    assert "in use" in result.stderr
    assert (tmp_path / ".gateway-dev" / "gateway.db").exists()


def test_dev_says_what_to_do_where_it_cannot_write(app: FakeApp, tmp_path: Path) -> None:
    """A file in the way stands for a folder that is not ours."""
    (tmp_path / ".gateway-dev").write_text("")
    result = typed("dev")
    assert result.exit_code == 1
    assert "start it in a folder of yours" in result.stderr


def test_a_busy_port_is_named_with_the_next_to_try(app: FakeApp) -> None:
    """The exact line to type."""
    app.error = OSError(errno.EADDRINUSE, os.strerror(errno.EADDRINUSE))
    result = typed("dev")
    assert result.exit_code == 1
    assert "Something else listens on 127.0.0.1:8000" in result.stderr
    assert "gateway dev --port 8001" in result.stderr


@pytest.mark.parametrize(
    ("number", "hint"),
    [(errno.EACCES, "Ports below 1024"), (errno.EADDRNOTAVAIL, "no address of this machine")],
)
def test_other_reasons_not_to_listen_are_explained(app: FakeApp, number: int, hint: str) -> None:
    """No traceback."""
    app.error = OSError(number, os.strerror(number))
    assert hint in typed("dev").stderr


def test_serve_refuses_with_all_problems_at_once(
    app: FakeApp, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Missing and weak secrets, each with what to type."""
    monkeypatch.setenv("GATEWAY_TOKEN_SECRET", "short")
    monkeypatch.setenv("GATEWAY_ADMIN_KEY", "short")
    result = typed("serve")
    assert result.exit_code == 1
    assert "GATEWAY_TOKEN_SECRET" in result.stderr
    assert "GATEWAY_ADMIN_KEY" in result.stderr
    assert "openssl rand" in result.stderr
    assert app.started == []


def test_serve_listens_where_it_is_told(app: FakeApp, monkeypatch: pytest.MonkeyPatch) -> None:
    """The command line wins over the environment."""
    monkeypatch.setenv("GATEWAY_TOKEN_SECRET", SECRET)
    monkeypatch.setenv("GATEWAY_PORT", "9000")
    typed("serve", "--host", "127.0.0.2", "--port", "9001")
    (settings,) = app.started
    assert (settings.host, settings.port, settings.dev) == ("127.0.0.2", 9001, False)


def test_serve_ends_with_the_gateways_own_exit_code(
    app: FakeApp, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Supervisors look at it."""
    monkeypatch.setenv("GATEWAY_TOKEN_SECRET", SECRET)
    app.exit_code = 3
    assert typed("serve").exit_code == 3


def test_serve_takes_dev_from_nowhere(app: FakeApp, monkeypatch: pytest.MonkeyPatch) -> None:
    """A leftover GATEWAY_DEV=1 would let anybody in as anybody."""
    monkeypatch.setenv("GATEWAY_TOKEN_SECRET", SECRET)
    monkeypatch.setenv("GATEWAY_DEV", "1")
    assert typed("serve").exit_code == 1
    assert app.started == []


@pytest.mark.parametrize(
    ("is_script", "is_on_path", "typed_as"),
    [
        (True, True, "gateway"),
        (True, False, ".venv/bin/gateway"),
        (False, False, "{python} -m gateway"),
    ],
)
def test_the_line_to_paste_works_in_a_shell_without_the_environment(
    monkeypatch: pytest.MonkeyPatch,
    tmp_path: Path,
    is_script: bool,
    is_on_path: bool,
    typed_as: str,
) -> None:
    """`make run` activates nothing: the line names the script where it is."""
    folder = tmp_path / ".venv" / "bin"
    folder.mkdir(parents=True)
    monkeypatch.setattr(sys, "executable", str(folder / "python"))
    if is_script:
        (folder / "gateway").write_text("")
        (folder / "gateway").chmod(0o755)
    monkeypatch.setenv("PATH", str(folder) if is_on_path else "/nowhere")
    assert invocation.command() == typed_as.format(python=folder / "python")


def test_another_program_called_gateway_is_not_meant(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """The name is a common one."""
    for name in ("other", ".venv"):
        (tmp_path / name).mkdir()
        (tmp_path / name / "gateway").write_text("")
        (tmp_path / name / "gateway").chmod(0o755)
    monkeypatch.setattr(sys, "executable", str(tmp_path / ".venv" / "python"))
    monkeypatch.setenv("PATH", str(tmp_path / "other"))
    assert invocation.command() == ".venv/gateway"
