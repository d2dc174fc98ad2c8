"""Settings: where they come from, and what is refused before the start."""

from contextlib import suppress
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import SecretStr, ValidationError

from gateway.errors import Misconfigured
from gateway.settings import BadSettings, Settings, check_for_serving, describe, load_settings

SECRET = "rL7zVbqPx0nTsYw3Kd9GmHcA5uEf2JiQ"  # 32 bytes, made for this test
KEY = "igk_w8Zt4Lr0Qm6Yp2Xc9Vb7Nd3F"


def problems_of(environ: dict[str, str], **overrides: object) -> tuple[str, ...]:
    with pytest.raises(BadSettings) as raised:
        load_settings(environ, **overrides)
    return raised.value.problems


# Where they come from


def test_nothing_set_is_the_defaults() -> None:
    """PROTOCOL §5."""
    assert load_settings({}) == Settings()


def test_every_field_has_its_name_in_the_environment() -> None:
    """PROTOCOL §5: `GATEWAY_<FIELD>`; dev is a command and no setting."""
    for line in describe(Settings()):
        if line.value and line.name != "GATEWAY_DEV":
            load_settings({line.name: line.value})


def test_text_becomes_durations_sizes_lists_and_flags() -> None:
    """Written as people write them."""
    settings = load_settings(
        {
            "GATEWAY_DRAIN_OVER": "2m",
            "GATEWAY_RECEIPTS_FLUSH": "250ms",
            "GATEWAY_HEARTBEAT_INTERVAL": "25s",
            "GATEWAY_MAX_FRAME_BYTES": "64KiB",
            "GATEWAY_ALLOWED_ORIGINS": " https://a.example, https://*.B.example:8443 ,",
            "GATEWAY_TRUSTED_PROXIES": "10.0.0.0/8,::1",
            "GATEWAY_DOCS": "false",
            "GATEWAY_RULES_DIR": "rules.d",
            "GATEWAY_TOKEN_SECRET": SECRET,
        }
    )
    assert settings.drain_over == 120
    assert settings.receipts_flush == 0.25
    assert settings.heartbeat_interval == 25
    assert settings.max_frame_bytes == 65_536
    assert settings.allowed_origins == ("https://a.example", "https://*.b.example:8443")
    assert settings.trusted_proxies == ("10.0.0.0/8", "::1")
    assert settings.docs is False
    assert settings.rules_dir == Path("rules.d")
    assert settings.token_secret == SecretStr(SECRET)


def test_a_file_holds_a_secret(tmp_path: Path) -> None:
    """PROTOCOL §5: `_FILE` twins; the line feed that editors add is not part of it."""
    file = tmp_path / "secret"
    file.write_text(f"{SECRET}\n")
    settings = load_settings({"GATEWAY_TOKEN_SECRET_FILE": str(file)})
    assert settings.token_secret == SecretStr(SECRET)


def test_every_field_may_come_from_a_file(tmp_path: Path) -> None:
    """PROTOCOL §5: secrets hide in addresses, too."""
    file = tmp_path / "url"
    file.write_text("postgresql://u:p@db/gateway")
    assert load_settings({"GATEWAY_DATABASE_URL_FILE": str(file)}).database_url.endswith("/gateway")


def write_toml(tmp_path: Path, text: str) -> dict[str, str]:
    file = tmp_path / "gateway.toml"
    file.write_text(text)
    return {"GATEWAY_CONFIG": str(file)}


def test_a_toml_file_is_read(tmp_path: Path) -> None:
    """PROTOCOL §5: `GATEWAY_CONFIG`; native values and those of the environment are both fine."""
    secret = tmp_path / "secret"
    secret.write_text(SECRET)
    environ = write_toml(
        tmp_path,
        'port = 9000\ndrain_over = "1m"\nconnect_timeout = 3.5\nallowed_origins = ["https://a.b"]\n'
        f'docs = false\ntoken_secret_file = "{secret}"\n',
    )
    settings = load_settings(environ)
    assert (settings.port, settings.drain_over, settings.connect_timeout) == (9000, 60, 3.5)
    assert settings.allowed_origins == ("https://a.b",)
    assert settings.docs is False
    assert settings.token_secret == SecretStr(SECRET)


def test_command_line_wins_over_environment_over_platform_over_file(tmp_path: Path) -> None:
    """PROTOCOL §5: the closer to the start, the stronger."""
    environ = write_toml(tmp_path, "port = 1")
    assert load_settings(environ).port == 1
    environ["PORT"] = "2"
    assert load_settings(environ).port == 2
    environ["GATEWAY_PORT"] = "3"
    assert load_settings(environ).port == 3
    assert load_settings(environ, port=4).port == 4
    assert load_settings(environ, port=None).port == 3


def test_names_that_platforms_set_are_honoured() -> None:
    """PROTOCOL §5: PORT, REDIS_URL, DATABASE_URL, WEB_CONCURRENCY."""
    settings = load_settings(
        {
            "PORT": "5000",
            "REDIS_URL": "redis://cache:6379/1",
            "DATABASE_URL": "postgres://u:p@db/x",
            "WEB_CONCURRENCY": "3",
        }
    )
    assert settings.port == 5000
    assert settings.redis_url == "redis://cache:6379/1"
    assert settings.database_url == "postgres://u:p@db/x"
    assert settings.workers == 3


def test_an_empty_variable_is_as_good_as_none() -> None:
    """Compose files pass on what is not set as empty text."""
    assert load_settings({"GATEWAY_REDIS_URL": "", "PORT": "", "GATEWAY_CONFIG": ""}) == Settings()


def test_what_kubernetes_says_of_a_service_named_gateway_is_not_ours() -> None:
    """A pod beside a service of our name starts all the same."""
    settings = load_settings(
        {
            "GATEWAY_SERVICE_HOST": "10.0.0.1",
            "GATEWAY_SERVICE_PORT": "80",
            "GATEWAY_SERVICE_PORT_HTTP": "80",
            "GATEWAY_PORT": "tcp://10.0.0.1:80",
            "GATEWAY_PORT_80_TCP": "tcp://10.0.0.1:80",
            "GATEWAY_PORT_80_TCP_ADDR": "10.0.0.1",
        }
    )
    assert settings == Settings()


def test_what_client_verbs_read_is_no_setting_and_no_mistake() -> None:
    """PROTOCOL §4: GATEWAY_URL and GATEWAY_KEY."""
    assert load_settings({"GATEWAY_URL": "http://x", "GATEWAY_KEY": KEY}) == Settings()


# What is refused


def test_an_unknown_name_stops_the_start_with_a_suggestion() -> None:
    """PROTOCOL §5."""
    (problem,) = problems_of({"GATEWAY_DRAIN_OVR": "30s"})
    assert (
        problem == "GATEWAY_DRAIN_OVR: there is no such setting; did you mean GATEWAY_DRAIN_OVER?"
    )


def test_an_unknown_name_in_the_file_stops_the_start(tmp_path: Path) -> None:
    """PROTOCOL §5."""
    (problem,) = problems_of(write_toml(tmp_path, "workerz = 2"))
    assert problem.startswith("workerz in ")
    assert problem.endswith("did you mean workers?")


@pytest.mark.parametrize("place", ["environment", "file"])
def test_dev_cannot_be_set(place: str, tmp_path: Path) -> None:
    """In dev anybody may say who they are: only the command `gateway dev` may decide that."""
    environ = {"GATEWAY_DEV": "1"} if place == "environment" else write_toml(tmp_path, "dev = true")
    (problem,) = problems_of(environ)
    assert "type gateway dev" in problem
    assert load_settings({}, dev=True).dev


def test_all_problems_are_told_at_once(tmp_path: Path) -> None:
    """PROTOCOL §5: one start, one list."""
    environ = write_toml(tmp_path, "heartbeat_grace = -1\nfoo = 1")
    environ |= {
        "GATEWAY_PORT": "99999",
        "GATEWAY_BAR": "1",
        "GATEWAY_ADMIN_KEY_FILE": str(tmp_path / "none"),
        "GATEWAY_DRAIN_OVER": "soon",
    }
    problems = problems_of(environ)
    assert len(problems) == 6
    for start in ("heartbeat_grace in", "foo in", "GATEWAY_PORT:", "GATEWAY_BAR:",
                  "GATEWAY_ADMIN_KEY_FILE: cannot read", "GATEWAY_DRAIN_OVER: write"):  # fmt: skip
        assert any(problem.startswith(start) for problem in problems), start


BAD_VALUES = {
    "GATEWAY_HOST": ["\n"],
    "GATEWAY_PORT": ["x", "-1", "65536", "80.5"],
    "GATEWAY_WORKERS": ["0", "-1", "two"],
    "GATEWAY_DATABASE_URL": ["mysql://x", "gateway.db"],
    "GATEWAY_REDIS_URL": ["http://x", "localhost:6379"],
    "GATEWAY_NODE_ID": ["a b", "x" * 65],
    "GATEWAY_TOKEN_JWKS_URL": ["http://keys.example/jwks", "ftp://x", "keys.json"],
    "GATEWAY_ALLOWED_ORIGINS": ["null", "*", "https://a.b/", "a.b", "https://a.*.b", "https://"],
    "GATEWAY_TRUSTED_PROXIES": ["proxy", "10.0.0.0/99"],
    "GATEWAY_CONNECTIONS_OVERFLOW": ["refuse"],
    "GATEWAY_MAX_CONNECTIONS": ["0"],
    "GATEWAY_MAX_CONNECT_RATE": ["0", "nan", "inf"],
    "GATEWAY_MAX_BODY_BYTES": ["0", "big"],
    "GATEWAY_HEAD_TIMEOUT": ["0", "-1s", "inf", "nan"],
    "GATEWAY_HEARTBEAT_INTERVAL": ["1.5s", "0"],
    "GATEWAY_LOG_FORMAT": ["yaml"],
    "GATEWAY_LOG_LEVEL": ["loud"],
    "GATEWAY_DOCS": ["maybe"],
}


@pytest.mark.parametrize(
    ("name", "value"), [(name, value) for name, values in BAD_VALUES.items() for value in values]
)
def test_a_value_that_makes_no_sense_stops_the_start(name: str, value: str) -> None:
    """STYLE 13: with its name, before anything is opened."""
    (problem,) = problems_of({name: value})
    assert problem.startswith(f"{name}: ")


def test_a_value_and_its_file_are_one_too_many(tmp_path: Path) -> None:
    """Nobody should have to guess which of two secrets counts."""
    (problem,) = problems_of({"GATEWAY_ADMIN_KEY": KEY, "GATEWAY_ADMIN_KEY_FILE": str(tmp_path)})
    assert "not both" in problem


def test_files_that_cannot_be_read_are_named(tmp_path: Path) -> None:
    """PROTOCOL §5: a missing file, a folder, no text, too much of it, broken TOML."""
    binary, huge, broken = tmp_path / "binary", tmp_path / "huge", tmp_path / "broken.toml"
    binary.write_bytes(b"\xff\xfe")
    huge.write_bytes(b"x" * 70_000)
    broken.write_text("port = \n")
    for path in (tmp_path / "none", tmp_path, binary, huge):
        assert "cannot read" in problems_of({"GATEWAY_ADMIN_KEY_FILE": str(path)})[0]
    assert "line 1" in problems_of({"GATEWAY_CONFIG": str(broken)})[0]


def test_bad_settings_are_the_operators_fault() -> None:
    """errors.py: the command line tells them in its own way."""
    assert issubclass(BadSettings, Misconfigured)


@pytest.mark.parametrize(
    "environ",
    [
        {"GATEWAY_DATABASE_URL": "mysql://u:canary@x"},
        {"GATEWAY_REDIS_URL": "http://u:canary@x"},
        {"GATEWAY_TOKEN_JWKS_URL": "ftp://u:canary@x"},
        {"GATEWAY_ADMIN_KEY": "canary", "GATEWAY_PORT": "x"},
        {"GATEWAY_TOKEN_SECRET": "canary", "GATEWAY_PROT": "1"},
        {"GATEWAY_DATABASE_URL": "canary"},
    ],
    ids=str,
)
def test_no_error_repeats_a_secret(environ: dict[str, str]) -> None:
    """P18."""
    with pytest.raises(BadSettings) as raised:
        load_settings(environ)
    assert "canary" not in str(raised.value) + repr(raised.value) + repr(raised.value.__context__)


def test_a_secret_of_the_wrong_type_is_not_repeated(tmp_path: Path) -> None:
    """P18: a key of digits only, written without quotes; also where no loader is between."""
    (problem,) = problems_of(write_toml(tmp_path, "admin_key = 48151623421"))
    assert "48151623421" not in problem
    with pytest.raises(ValidationError) as raised:
        Settings(admin_key=48151623421)  # type: ignore[arg-type] # the point of the test
    assert "48151623421" not in str(raised.value)


@given(
    st.dictionaries(
        st.sampled_from([line.name for line in describe(Settings())]).flatmap(
            lambda name: st.sampled_from([name, name + "_FILE", name + "X"])
        ),
        st.text(max_size=12),
        max_size=4,
    )
)
def test_any_environment_gives_settings_or_bad_settings(environ: dict[str, str]) -> None:
    """Nothing else is raised at the start."""
    with suppress(BadSettings):
        assert isinstance(load_settings(environ), Settings)


# What may serve


def serving(**changes: object) -> Settings:
    fields: dict[str, object] = {"token_secret": SECRET, "admin_key": KEY}
    return load_settings({}, **(fields | changes))


def test_good_settings_may_serve() -> None:
    """PROTOCOL §4: `gateway serve`; an admin key may also be made beforehand."""
    assert check_for_serving(serving()) == []
    assert check_for_serving(load_settings({}, token_secret=SECRET)) == []
    keys = load_settings({}, token_jwks_url="https://login.example/jwks.json")
    assert check_for_serving(keys) == []


WEAK_SECRETS = {
    "short": "kQ9z",
    "31 bytes": SECRET[:31],
    "one character": "x" * 64,
    "two characters": "ab" * 32,
    "placeholder": "please-change-me-please-change-me-please",
    "jwt.io": "a-string-secret-at-least-256-bits-long",
    "jwt.io, before": "your-256-bit-secret-your-256-bit-secret",
    "password": "my Password is very long and so it must be good",
    "digits in order": "01234567890123456789012345678901",
}


@pytest.mark.parametrize("secret", WEAK_SECRETS.values(), ids=WEAK_SECRETS.keys())
def test_a_weak_token_secret_does_not_serve(secret: str) -> None:
    """T48: refused, with what to type, and without repeating it."""
    (problem,) = check_for_serving(serving(token_secret=secret))
    assert problem.startswith("GATEWAY_TOKEN_SECRET: ")
    assert "openssl rand" in problem
    assert secret not in problem


@pytest.mark.parametrize("key", ["admin", "x" * 40, "changeme-changeme-changeme", KEY[:23]])
def test_a_weak_admin_key_does_not_serve(key: str) -> None:
    """T48: the same for the key that may do everything."""
    (problem,) = check_for_serving(serving(admin_key=key))
    assert problem.startswith("GATEWAY_ADMIN_KEY: ")


def test_without_a_verification_key_nothing_serves() -> None:
    """T42, T48."""
    (problem,) = check_for_serving(load_settings({}, admin_key=KEY))
    assert "GATEWAY_TOKEN_SECRET" in problem
    assert "GATEWAY_TOKEN_JWKS_URL" in problem


def test_two_kinds_of_verification_keys_do_not_serve() -> None:
    """T42: never HS and RS together."""
    (problem,) = check_for_serving(serving(token_jwks_url="https://login.example/jwks.json"))
    assert "only one" in problem


def test_many_workers_need_redis_and_postgresql() -> None:
    """ARCHITECTURE §3: one writer per SQLite file; workers hear each other through Redis."""
    problems = check_for_serving(serving(workers=2))
    assert [problem.split(":")[0] for problem in problems] == ["GATEWAY_WORKERS"] * 2
    cluster = serving(workers=2, redis_url="redis://r", database_url="postgresql://u:p@db/x")
    assert check_for_serving(cluster) == []


def test_outbox_limits_are_in_order() -> None:
    """ARCHITECTURE §2: soft before hard."""
    assert check_for_serving(serving(outbox_soft_bytes=2, outbox_hard_bytes=1))


# What is shown


def test_secrets_are_masked_wherever_settings_are_shown() -> None:
    """P18: `gateway config show`, and the text of the value itself."""
    settings = load_settings(
        {
            "GATEWAY_TOKEN_SECRET": f"canary{SECRET}",
            "GATEWAY_ADMIN_KEY": f"canary{KEY}",
            "GATEWAY_REDIS_URL": "redis://u:canary@r/0",
            "DATABASE_URL": "postgresql://u:can@ary@db/x?password=canary",
        }
    )
    shown = str(describe(settings)) + repr(settings) + str(settings)
    assert "canary" not in shown
    assert "can@ary" not in shown


def test_each_value_is_shown_with_where_it_came_from(tmp_path: Path) -> None:
    """`gateway config show` answers why a value is what it is."""
    environ = write_toml(tmp_path, "max_connections = 5")
    environ |= {"PORT": "9000", "GATEWAY_DOCS": "no", "GATEWAY_TRUSTED_PROXIES": "10.0.0.1,::1"}
    lines = {line.name: line for line in describe(load_settings(environ, host="0.0.0.0"))}
    assert lines["GATEWAY_HOST"][1:] == ("0.0.0.0", "command line")
    assert lines["GATEWAY_PORT"][1:] == ("9000", "PORT")
    assert lines["GATEWAY_DOCS"][1:] == ("false", "GATEWAY_DOCS")
    assert lines["GATEWAY_TRUSTED_PROXIES"].value == "10.0.0.1, ::1"
    assert lines["GATEWAY_MAX_CONNECTIONS"].source.startswith("max_connections in ")
    assert lines["GATEWAY_WORKERS"][1:] == ("1", "default")
    assert lines["GATEWAY_REDIS_URL"].value == ""
