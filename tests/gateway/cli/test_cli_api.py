"""How the client verbs call the API: keys, retries, refusals, exit codes."""

import socket
from pathlib import Path

import pytest
from click.testing import CliRunner

from gateway.cli.main import cli
from tests.gateway.cli.fake_gateway import FakeGateway, Run

EMPTY: dict[str, object] = {"data": [], "next_cursor": None}


def _unused_port() -> int:
    with socket.socket() as held:
        held.bind(("127.0.0.1", 0))
        return int(held.getsockname()[1])


def test_a_lost_answer_is_asked_for_again_under_the_same_key(fake: FakeGateway, run: Run) -> None:
    """A write is tried again, and can only count once."""
    fake.lose()
    fake.answer({"id": "msg_1"}, 201)
    result = run("banner", "x")
    first, second = fake.calls
    assert result.exit_code == 0
    assert first.headers["Idempotency-Key"] == second.headers["Idempotency-Key"]
    assert "trying again" in result.stderr


def test_503_with_retry_after_is_waited_for(
    fake: FakeGateway, run: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A draining node or a full disk says when to come back."""
    slept: list[float] = []
    monkeypatch.setattr("time.sleep", slept.append)
    fake.refuse(503, "draining", "This node is stopping", headers={"Retry_After": "2"})
    fake.answer(EMPTY)
    assert run("list").exit_code == 0
    assert slept == [2.0]


def test_503_that_stays_is_a_failure_within_bounds(
    fake: FakeGateway, run: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    """An operator is not kept waiting for ever."""
    monkeypatch.setattr("gateway.cli.api.RETRY_SECONDS", 0.1)
    fake.refuse(503, "store_full", "The database has no room", headers={"Retry_After": "1"})
    result = run("banner", "x")
    assert result.exit_code == 1
    assert "The database has no room (503 store_full)" in result.stderr
    assert "Nothing was changed" in result.stderr


def test_a_write_whose_outcome_is_unknown_is_not_called_a_failure(
    fake: FakeGateway, run: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Stored but not answered happens (RELIABILITY §4): say so, and how to find out."""
    monkeypatch.setattr("gateway.cli.api.RETRY_SECONDS", 0.05)
    fake.lose()
    result = run("banner", "x")
    assert result.exit_code == 1
    assert "may or may not have been accepted" in result.stderr
    assert fake.calls[0].headers["Idempotency-Key"] in result.stderr


def test_a_first_try_that_is_still_running_is_waited_for(fake: FakeGateway, run: Run) -> None:
    """409 idempotency_in_progress after a lost answer is our own earlier try."""
    fake.lose()
    fake.refuse(409, "idempotency_in_progress")
    fake.answer({"id": "msg_1"}, 201)
    assert run("banner", "x").exit_code == 0
    assert len(fake.calls) == 3


def test_nobody_listening_says_how_to_start_a_gateway(monkeypatch: pytest.MonkeyPatch) -> None:
    """Connection refused is reported at once."""
    url = f"http://127.0.0.1:{_unused_port()}"
    monkeypatch.setattr("gateway.cli.api.RETRY_SECONDS", 1)
    monkeypatch.setenv("GATEWAY_URL", url)
    monkeypatch.setenv("GATEWAY_KEY", "k")
    result = CliRunner().invoke(cli, ["list"])
    assert result.exit_code == 1
    assert f"No gateway answers at {url}" in result.stderr
    assert "Start one with:  gateway dev" in result.stderr
    assert "trying again" not in result.stderr


def test_no_key_says_what_to_type(monkeypatch: pytest.MonkeyPatch) -> None:
    """The exact line."""
    result = CliRunner().invoke(cli, ["list"])
    assert result.exit_code == 1
    assert "export GATEWAY_KEY=" in result.stderr


@pytest.mark.parametrize(
    "url", ["localhost:8000", "ftp://x", "http://", "http://[::1", "http://a:b"]
)
def test_a_url_that_is_none_is_wrong_usage(monkeypatch: pytest.MonkeyPatch, url: str) -> None:
    """Exit code 2, with an example."""
    monkeypatch.setenv("GATEWAY_URL", url)
    result = CliRunner().invoke(cli, ["list"])
    assert result.exit_code == 2
    assert "https://gateway.example.com" in result.stderr


def test_the_key_of_a_dev_gateway_in_this_folder_is_found(
    fake: FakeGateway, run: Run, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """`gateway dev` in one terminal, `gateway list` in another: nothing to copy."""
    monkeypatch.delenv("GATEWAY_KEY")
    (tmp_path / ".gateway-dev").mkdir()
    (tmp_path / ".gateway-dev" / "admin-key").write_text("gwk_dev\n")
    fake.answer(EMPTY)
    assert run("list").exit_code == 0
    assert fake.calls[0].headers["Authorization"] == "Bearer gwk_dev"


def test_the_key_of_a_dev_gateway_is_never_sent_to_another_machine(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """It would leak a key, and refuse with a puzzling answer."""
    (tmp_path / ".gateway-dev").mkdir()
    (tmp_path / ".gateway-dev" / "admin-key").write_text("gwk_dev\n")
    monkeypatch.setenv("GATEWAY_URL", "http://gateway.example.com")
    assert "No admin key" in CliRunner().invoke(cli, ["list"]).stderr


def test_every_bad_field_is_shown(fake: FakeGateway, run: Run) -> None:
    """problem+json names all at once; so do we."""
    faults = [
        {"pointer": "/text", "detail": "write at least one visible character", "code": "blank"},
        {"pointer": "/link/href", "detail": "must be https:", "code": "bad_link"},
        {"pointer": "", "detail": "too much", "code": "x"},
    ]
    fake.refuse(422, "invalid_body", "2 fields are wrong.", errors=faults)
    result = run("banner", " ")
    assert result.exit_code == 1
    assert "2 fields are wrong (422 invalid_body)." in result.stderr
    assert "text: write at least one visible character" in result.stderr
    assert "link.href: must be https:" in result.stderr
    assert "request: too much" in result.stderr
    assert result.stdout == ""


def test_a_refusal_under_json_is_the_apis_problem(fake: FakeGateway, run: Run) -> None:
    """Scripts read the code; people read stderr."""
    fake.refuse(422, "refused", "No.")
    result = run("banner", "x", "--json")
    assert result.exit_code == 1
    assert '"code": "refused"' in result.stdout
    assert "No (422 refused)." in result.stderr


def test_an_unknown_key_says_so(fake: FakeGateway, run: Run) -> None:
    """401: check GATEWAY_KEY."""
    fake.refuse(401, "key_unknown", "The gateway does not know this key.")
    assert "Check GATEWAY_KEY" in run("list").stderr


def test_a_missing_scope_is_named(fake: FakeGateway, run: Run) -> None:
    """403: which scope, and how to get it."""
    fake.refuse(403, "scope_missing", "This key lacks a scope.")
    stderr = run("presence").stderr
    assert "gateway keys create NAME --scope presence" in stderr


def test_a_proxys_own_page_is_not_taken_for_a_gateway(fake: FakeGateway, run: Run) -> None:
    """A load balancer answers while the gateway is down."""
    fake.answer(b"<html>Bad gateway</html>", 502, Content_Type="text/html")
    result = run("list")
    assert result.exit_code == 1
    assert "is not a gateway: HTTP 502, text/html" in result.stderr


def test_a_redirect_is_not_followed_with_the_key(fake: FakeGateway, run: Run) -> None:
    """The key goes where GATEWAY_URL says and nowhere else."""
    fake.answer(b"", 308, Location="https://elsewhere.example/v1", Content_Type="text/html")
    result = run("banner", "x")
    assert "redirects to https://elsewhere.example/v1" in result.stderr
    assert len(fake.calls) == 1


@pytest.mark.parametrize("body", [b"not json", b"[]", b'{"data": 1}', b""])
def test_an_answer_that_cannot_be_read_is_a_failure_not_a_traceback(
    fake: FakeGateway, run: Run, body: bytes
) -> None:
    """Nothing from a socket is trusted until parsed."""
    fake.answer(body)
    result = run("list")
    assert result.exit_code == 1
    assert "Error: The answer is not one that gateway" in result.stderr


def test_a_problem_that_is_none_is_still_a_refusal(fake: FakeGateway, run: Run) -> None:
    """The status alone is enough."""
    fake.answer(b"[1]", 418)
    result = run("list")
    assert result.exit_code == 1
    assert "The gateway answered 418" in result.stderr


def test_the_environments_proxy_is_not_asked_for_loopback(
    fake: FakeGateway, run: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A company proxy would answer for 127.0.0.1 with a page of its own."""
    for name in ("http_proxy", "HTTP_PROXY", "all_proxy", "ALL_PROXY"):
        monkeypatch.setenv(name, "http://127.0.0.1:1")
    monkeypatch.delenv("no_proxy", raising=False)
    monkeypatch.delenv("NO_PROXY", raising=False)
    fake.answer(EMPTY)
    assert run("list").exit_code == 0


def test_a_login_page_with_status_200_is_no_success(fake: FakeGateway, run: Run) -> None:
    """A captive portal or a wrong GATEWAY_URL must not look like a banner that went out."""
    fake.answer(b"<html>Log in</html>", 200, Content_Type="text/html")
    result = run("banner", "x", "--json")
    assert result.exit_code == 1
    assert result.stdout == ""
