"""The verbs of an outage, against a gateway that answers as it was told."""

import json
from datetime import UTC, datetime, timedelta

import pytest

from tests.gateway.cli.fake_gateway import KEY, FakeGateway, Run, reach

BANNER = {
    "id": "msg_01jd",
    "revision": 1,
    "kind": "banner",
    "state": "live",
    "expires_at": "2099-01-01T12:00:00Z",
    "reach": reach(
        online=9_900,
        sent=9_890,
        received=9_600,
        sessions={"online": 10_000, "sent": 9_998, "received": 9_640},
    ),
}


def test_banner_says_how_many_screens_it_is_on_and_who_confirmed(
    fake: FakeGateway, run: Run
) -> None:
    """Sent is never told as received (PROTOCOL §3, A36)."""
    fake.answer(BANNER, 201)
    result = run("banner", "Payments are failing")
    assert result.exit_code == 0
    assert "Live on 9,998 screens of 10,000 online; 9,640 have confirmed." in result.stdout
    assert "msg_01jd" in result.stdout


def test_banner_tells_the_next_steps_on_stderr_only(fake: FakeGateway, run: Run) -> None:
    """stdout holds results alone, so that scripts can read it."""
    fake.answer(BANNER, 201)
    result = run("banner", "x")
    assert "gateway resolve msg_01jd" in result.stderr
    assert "gateway resolve" not in result.stdout


def test_banner_asks_for_two_seconds_of_confirmations_by_default(
    fake: FakeGateway, run: Run
) -> None:
    """So that the line about who confirmed is worth reading."""
    fake.answer(BANNER, 201)
    run("banner", "Payments are failing")
    (call,) = fake.calls
    assert (call.method, call.path) == ("POST", "/v1/broadcast?wait=2s")
    assert call.json == {"text": "Payments are failing"}
    assert call.headers["Authorization"] == f"Bearer {KEY}"


def test_banner_passes_every_option_on(fake: FakeGateway, run: Run) -> None:
    """One option, one field of POST /v1/broadcast."""
    fake.answer(BANNER, 201)
    words = "--title Outage --severity critical --for 90m --incident investigating"
    link = "--link", "Status page=https://status.example.com/?a=b"
    pages = "--page", "/shop/**", "--page", "/cart"
    run("banner", "x", *words.split(), *link, *pages, "--not-dismissible", "--wait", "0")
    (call,) = fake.calls
    assert call.path == "/v1/broadcast"
    assert call.json == {
        "text": "x",
        "title": "Outage",
        "severity": "critical",
        "expires_in": "90m",
        "incident": {"status": "investigating"},
        "link": {"label": "Status page", "href": "https://status.example.com/?a=b"},
        "pages": {"allow": ["/shop/**", "/cart"]},
        "dismissible": False,
    }


@pytest.mark.parametrize(
    "address", ["https://a.example/?x=1", "/status?x=1", "mailto:ops@a.example"]
)
def test_a_link_may_be_an_address_alone(fake: FakeGateway, run: Run, address: str) -> None:
    """An equals sign in the address is no label."""
    fake.answer(BANNER, 201)
    run("banner", "x", "--link", address)
    assert fake.calls[0].json["link"] == {"label": "Details", "href": address}


def test_dry_run_says_whom_it_would_reach_and_waits_for_nobody(fake: FakeGateway, run: Run) -> None:
    """`?dry_run=true` changes nothing, and the text says so."""
    dry = {**BANNER, "reach": reach(online=3, sessions={"online": 5, "sent": 0})}
    fake.answer(dry)
    result = run("banner", "x", "--dry-run")
    assert fake.calls[0].path == "/v1/broadcast?dry_run=true"
    assert "Would go to 3 people online on 5 screens. Nothing was changed." in result.stdout
    assert "Live" not in result.stdout
    assert result.stderr == ""


def test_dry_run_with_pages_claims_no_more_than_it_knows(fake: FakeGateway, run: Run) -> None:
    """Where people are decides only at the moment itself."""
    fake.answer({**BANNER, "reach": reach(online=1, sessions={"online": 1})})
    stdout = run("banner", "x", "--dry-run", "--page", "/cart").stdout
    assert "Would go to 1 person online on 1 screen, where the page matches." in stdout


def test_banner_counts_people_where_screens_are_not_counted(fake: FakeGateway, run: Run) -> None:
    """An older gateway does not tell how many screens are online."""
    fake.answer({**BANNER, "reach": reach(online=9, sent=1, received=1)}, 201)
    assert "Live for 1 person of 9 online; 1 has confirmed." in run("banner", "x").stdout


def test_banner_with_nobody_online_says_so(fake: FakeGateway, run: Run) -> None:
    """A28: zero is an answer too."""
    fake.answer({**BANNER, "reach": reach()}, 201)
    assert "nobody is online now" in run("banner", "x").stdout


def test_banner_names_those_not_reached_and_why(fake: FakeGateway, run: Run) -> None:
    """A36: the answer names who was not reached."""
    told = reach(online=3, sent=1, offline=2, suppressed={"page_mismatch": 2})
    fake.answer({**BANNER, "reach": told}, 201)
    assert "Not shown to: 2 offline, 2 page_mismatch." in run("banner", "x").stdout


def test_json_is_the_apis_answer_byte_for_byte(fake: FakeGateway, run: Run) -> None:
    """`--json` adds and leaves out nothing."""
    body = b'{"id":"msg_1",  "new_field": [1.50]}'
    fake.answer(body, 201)
    assert run("banner", "x", "--json").stdout_bytes == body + b"\n"


@pytest.mark.parametrize(
    ("words", "hint"),
    [
        (("--until", "soonish"), "write 18:30, 2h"),
        (("--for", "90"), "write 90s, 15m"),
        (("--for", "0"), "for no time"),
        (("--for", "1h", "--until", "18:30"), "give one of them"),
        (("--link", "javascript:alert(1)"), "'Status page=https://status.example.com'"),
        (("--wait", "5m"), "at most 30s"),
        (("--severity", "awful"), "critical"),
    ],
)
def test_wrong_usage_says_what_to_write_and_exits_2(
    fake: FakeGateway, run: Run, words: tuple[str, ...], hint: str
) -> None:
    """Exit code 2 is wrong usage, and nothing was sent."""
    result = run("banner", "x", *words)
    assert result.exit_code == 2
    assert hint in result.stderr
    assert fake.calls == []


def test_until_a_clock_time_is_sent_as_the_next_such_moment(fake: FakeGateway, run: Run) -> None:
    """18:30 on the operator's own clock."""
    fake.answer(BANNER, 201)
    run("banner", "x", "--until", "18:30")
    sent = datetime.fromisoformat(fake.calls[0].json["expires_at"])
    assert sent.astimezone().strftime("%H:%M") == "18:30"
    assert timedelta(0) < sent - datetime.now(UTC) <= timedelta(days=1, hours=1)


def test_resolve_sets_the_incident_to_resolved_with_the_text(fake: FakeGateway, run: Run) -> None:
    """`resolved` is how an outage ends (PROTOCOL §3)."""
    content = {"en": {"body": "Payments are failing"}}
    fake.answer({**BANNER, "content": content, "reach": reach(displayed=1)})
    result = run("resolve", "msg_01jd", "All good again")
    (call,) = fake.calls
    assert (call.method, call.path) == ("PATCH", "/v1/messages/msg_01jd")
    assert call.json == {"incident": {"status": "resolved", "body": "All good again"}}
    assert "Resolved msg_01jd: Payments are failing" in result.stdout
    assert "1 person had seen it." in result.stdout


def test_retract_takes_a_reason(fake: FakeGateway, run: Run) -> None:
    """The reason goes into the audit."""
    fake.answer(BANNER)
    run("retract", "msg_01jd", "--reason", "wrong text")
    (call,) = fake.calls
    assert (call.method, call.path) == ("POST", "/v1/messages/msg_01jd/retract")
    assert call.json == {"reason": "wrong text"}


def test_last_is_the_newest_live_banner(fake: FakeGateway, run: Run) -> None:
    """At 3 a.m. nobody wants to copy an id."""
    fake.answer({"data": [BANNER], "next_cursor": None})
    fake.answer(BANNER)
    run("retract", "last")
    assert [call.path for call in fake.calls] == [
        "/v1/messages?state=live&kind=banner&limit=1",
        "/v1/messages/msg_01jd/retract",
    ]


def test_last_without_a_live_banner_is_refused(fake: FakeGateway, run: Run) -> None:
    """Nothing is guessed."""
    fake.answer({"data": [], "next_cursor": None})
    result = run("resolve", "last")
    assert result.exit_code == 1
    assert "No banner is live." in result.stderr


@pytest.mark.parametrize("odd", ["../keys", "a/b", "", "a?b", "ümlaut"])
def test_an_id_that_would_call_something_else_is_wrong_usage(
    fake: FakeGateway, run: Run, odd: str
) -> None:
    """The id becomes part of a path."""
    assert run("retract", odd).exit_code == 2
    assert fake.calls == []


def test_the_same_write_carries_the_operators_own_idempotency_key(
    fake: FakeGateway, run: Run
) -> None:
    """For scripts that may run twice."""
    fake.answer(BANNER, 201)
    run("banner", "x", "--idempotency-key", "deploy-17")
    assert fake.calls[0].headers["Idempotency-Key"] == "deploy-17"


def test_text_from_the_gateway_cannot_drive_the_terminal(fake: FakeGateway, run: Run) -> None:
    """An author's text is not to be trusted with escape codes."""
    content = {"en": {"body": "a\x1b[2Jb\u202ec\n\u2028d"}}
    fake.answer(json.loads(json.dumps({**BANNER, "content": content})))
    assert "a [2Jb c d" in run("resolve", "msg_01jd").stdout
