"""The verbs that look after this machine: config, migrate, token, doctor."""

import json
import resource
from collections.abc import Callable
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from gateway.cli import checks
from gateway.cli.checks import Level
from gateway.cli.main import cli
from gateway.settings import Settings
from tests.gateway.cli.fake_gateway import FakeGateway

SECRET = "kD83hf-Zq0Lw7.Tn52xVbY6mRsJ1cE9aGpU4"

Type = Callable[..., Result]


@pytest.fixture
def typed(monkeypatch: pytest.MonkeyPatch) -> Type:
    """Type a command line; keywords become GATEWAY_… variables."""

    def run(*words: str, stdin: str | None = None, **settings: str) -> Result:
        for name, value in settings.items():
            monkeypatch.setenv(f"GATEWAY_{name.upper()}", value)
        return CliRunner().invoke(cli, list(words), input=stdin, prog_name="gateway")

    return run


# config


def test_config_show_hides_secrets_and_tells_where_values_come_from(typed: Type) -> None:
    """An operator may paste it into a ticket."""
    result = typed("config", "show", token_secret=SECRET, port="9000")
    assert result.exit_code == 0
    assert SECRET not in result.output
    (port,) = [line for line in result.stdout.splitlines() if line.startswith("GATEWAY_PORT ")]
    assert port.split() == ["GATEWAY_PORT", "9000", "GATEWAY_PORT"]


def test_config_show_as_json_has_every_setting(typed: Type) -> None:
    """For scripts."""
    lines = json.loads(typed("config", "show", "--json").stdout)
    assert {line["name"].removeprefix("GATEWAY_").lower() for line in lines} == set(
        Settings.model_fields
    )


def test_config_show_set_leaves_defaults_out(typed: Type) -> None:
    """What differs is what matters."""
    lines = typed("config", "show", "--set", port="9000").stdout.splitlines()
    assert [line.split()[0] for line in lines[1:]] == ["GATEWAY_PORT"]


def test_config_check_names_all_problems_at_once(typed: Type) -> None:
    """Not one per try."""
    result = typed("config", "check", admin_key="short", port="http", typo="1")
    assert result.exit_code == 1
    assert "GATEWAY_PORT" in result.stderr
    assert "GATEWAY_TYPO" in result.stderr
    assert "Traceback" not in result.output


def test_config_check_of_good_settings_exits_0(typed: Type) -> None:
    """What `gateway serve` would take."""
    result = typed("config", "check", token_secret=SECRET)
    assert (result.exit_code, result.stdout) == (0, "The settings hold.\n")


# migrate


def test_migrate_makes_the_schema_and_then_has_nothing_to_do(typed: Type, tmp_path: Path) -> None:
    """Twice is as good as once."""
    url = f"sqlite:///{tmp_path}/g.db"
    first = typed("migrate", database_url=url)
    second = typed("migrate")
    assert first.exit_code == second.exit_code == 0
    assert "now has schema" in first.stdout
    assert "Nothing to do." in second.stdout


def test_migrate_check_changes_nothing_and_exits_1(typed: Type, tmp_path: Path) -> None:
    """For a deployment that must not migrate by itself."""
    result = typed("migrate", "--check", database_url=f"sqlite:///{tmp_path}/g.db")
    assert result.exit_code == 1
    assert "type: gateway migrate" in result.stderr
    assert not (tmp_path / "g.db").exists()


def test_migrate_check_of_the_newest_schema_exits_0(typed: Type, tmp_path: Path) -> None:
    """Nothing to do is success."""
    typed("migrate", database_url=f"sqlite:///{tmp_path}/g.db")
    result = typed("migrate", "--check", "--json")
    assert result.exit_code == 0
    assert json.loads(result.stdout)["state"] == "current"


# token


def test_a_minted_token_is_one_that_the_gateway_takes(typed: Type) -> None:
    """mint and inspect agree, and the token is alone on stdout."""
    words = "--user u-17 --ttl 15m --trait tier=pro --trait seats=5 --role admin"
    token = typed("token", "mint", *words.split(), token_secret=SECRET).stdout.strip()
    found = json.loads(typed("token", "inspect", token, "--json").stdout)
    assert found["holds"] is True
    assert found["claims"]["sub"] == "u-17"
    assert found["claims"]["traits"] == {"tier": "pro", "seats": 5}
    assert found["claims"]["roles"] == ["admin"]
    assert 890 < found["expires_in"] <= 900


def test_inspect_reads_stdin_and_says_why_a_token_is_refused(typed: Type) -> None:
    """A token in an argument stays in the shell's history; `-` does not."""
    token = typed("token", "mint", "--user", "u", token_secret=SECRET).stdout
    result = typed("token", "inspect", "-", stdin=token, token_secret=SECRET[::-1])
    assert result.exit_code == 1
    assert '  sub: "u"' in result.stdout
    assert "The gateway refuses it" in result.stderr


def test_inspect_without_a_key_shows_the_claims_and_judges_nothing(typed: Type) -> None:
    """Claims are readable by anybody; whether they hold is another question."""
    token = typed("token", "mint", "--user", "u", token_secret=SECRET).stdout.strip()
    result = typed("token", "inspect", token, token_secret="")
    assert result.exit_code == 0
    assert "set GATEWAY_TOKEN_SECRET" in result.stderr


def test_inspect_of_what_is_no_token_fails(typed: Type) -> None:
    """One line, no traceback."""
    result = typed("token", "inspect", "nonsense")
    assert result.exit_code == 1
    assert "not a signed JSON web token" in result.stderr


def test_mint_without_a_secret_says_what_to_set(typed: Type) -> None:
    """The exact name."""
    result = typed("token", "mint", "--user", "u")
    assert result.exit_code == 1
    assert "GATEWAY_TOKEN_SECRET is not set" in result.stderr


def test_mint_finds_the_secret_of_a_dev_gateway_in_this_folder(typed: Type, tmp_path: Path) -> None:
    """Nothing to configure in dev."""
    (tmp_path / ".gateway-dev").mkdir()
    (tmp_path / ".gateway-dev" / "token-secret").write_text(SECRET)
    token = typed("token", "mint", "--user", "u").stdout.strip()
    assert typed("token", "inspect", token).exit_code == 0


@pytest.mark.parametrize(
    ("words", "code", "hint"),
    [
        (("--user", "u", "--ttl", "30d"), 1, "GATEWAY_TOKEN_MAX_LIFETIME"),
        (("--user", "u", "--ttl", "0"), 2, "some time to live"),
        (("--user", "u", "--trait", "tier"), 2, "tier=pro"),
        (("--user", "a\nb"), 1, "Error: "),
        ((), 2, "--user"),
    ],
)
def test_mint_refuses_what_the_gateway_would_not_take(
    typed: Type, words: tuple[str, ...], code: int, hint: str
) -> None:
    """Better now than at the first connect."""
    result = typed("token", "mint", *words, token_secret=SECRET)
    assert result.exit_code == code
    assert hint in result.stderr


def test_mint_for_a_gateway_with_a_public_key_points_to_the_issuer(typed: Type) -> None:
    """The private key is not here."""
    result = typed("token", "mint", "--user", "u", token_jwks_url="https://id.example.com/jwks")
    assert "your own login service" in result.stderr


# doctor


def test_doctor_names_every_problem_and_exits_1(typed: Type) -> None:
    """Each line says what to do."""
    result = typed("doctor", url="http://127.0.0.1:9")
    assert result.exit_code == 1
    assert "gateway migrate" in result.stdout
    assert "set GATEWAY_TOKEN_SECRET" in result.stdout
    assert "to mend." in result.stdout


def test_doctor_on_a_sound_machine_exits_0(
    typed: Type, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Warnings are no failure."""
    url = f"sqlite:///{tmp_path}/g.db"
    typed("migrate", database_url=url)
    monkeypatch.setattr(checks, "is_port_free", lambda *_: True)
    result = typed("doctor", "--json", url="http://127.0.0.1:9", token_secret=SECRET)
    report = json.loads(result.stdout)
    assert result.exit_code == 0
    assert report["ok"] is True
    assert {"level": "ok", "check": "loop", "detail": "uvloop", "advice": ""} in report["findings"]


def test_doctor_warns_of_a_low_file_limit(monkeypatch: pytest.MonkeyPatch) -> None:
    """The default of most systems, 1,024, is a few hundred users. # F16"""
    monkeypatch.setattr(resource, "getrlimit", lambda _: (1024, 4096))
    (unset,) = checks.check_files(Settings())
    (too_many,) = checks.check_files(Settings(max_connections=5_000))
    (enough,) = checks.check_files(Settings(max_connections=500))
    assert (unset.level, too_many.level, enough.level) == (Level.WARN, Level.FAIL, Level.OK)
    assert "ulimit -n 65536 (as root)" in unset.advice


@pytest.mark.parametrize(
    ("version", "is_fixed"),
    [
        ((3, 40, 1), False),
        ((3, 44, 5), False),
        ((3, 44, 6), True),
        ((3, 50, 6), False),
        ((3, 50, 7), True),
        ((3, 51, 2), False),
        ((3, 51, 3), True),
        ((3, 60, 0), True),
    ],
)
def test_doctor_knows_which_sqlite_can_lose_a_wal(version: tuple[int, ...], is_fixed: bool) -> None:
    """F17: fixed in 3.51.3, back-ported to 3.50.7 and 3.44.6."""
    assert checks.has_wal_fix(version) is is_fixed


def test_doctor_finds_a_proxy_that_strips_upgrades(
    fake: FakeGateway, monkeypatch: pytest.MonkeyPatch
) -> None:
    """HTTP gets through, WebSockets do not: the usual first deployment."""
    fake.answer({"status": "ok"})
    monkeypatch.setenv("GATEWAY_URL", fake.url)
    by_check = {finding.check: finding for finding in checks.check_gateway()}
    assert by_check["gateway"].level is Level.OK
    assert by_check["ready"].level is Level.OK
    assert by_check["websocket"].level is Level.FAIL
    assert "HTTP 200 instead of 101" in by_check["websocket"].detail
    assert "proxy_set_header Upgrade" in by_check["websocket"].advice


def test_doctor_tells_a_gateway_that_is_not_ready(
    fake: FakeGateway, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It answers, but its store does not."""
    fake.answer({"status": "ok"})
    fake.answer({"status": "no"}, 503)
    monkeypatch.setenv("GATEWAY_URL", fake.url)
    levels = {finding.check: finding.level for finding in checks.check_gateway()}
    assert levels["ready"] is Level.FAIL


def test_doctor_tells_another_program_on_the_port(
    fake: FakeGateway, monkeypatch: pytest.MonkeyPatch
) -> None:
    """An answer that is none of ours."""
    fake.answer(b"hello", 404)
    monkeypatch.setenv("GATEWAY_URL", fake.url)
    (finding,) = checks.check_gateway()
    assert finding.level is Level.FAIL
    assert "HTTP 404" in finding.detail


def test_doctor_warns_of_a_clock_that_is_off(
    fake: FakeGateway, monkeypatch: pytest.MonkeyPatch
) -> None:
    """T47, T61: tokens and expiry depend on clocks."""
    fake.answer({}, 200, Date="Mon, 01 Jan 2024 00:00:00 GMT")
    monkeypatch.setenv("GATEWAY_URL", fake.url)
    details = [f.detail for f in checks.check_gateway() if f.check == "clock"]
    assert len(details) == 1
    assert "away from the gateway's" in details[0]


def test_a_folder_that_cannot_be_written_to_is_found(tmp_path: Path) -> None:
    """SQLite needs to write beside its file."""
    (finding,) = checks.check_folder(tmp_path / "missing")
    assert finding.level is Level.FAIL
