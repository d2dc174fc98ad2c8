"""The verbs that look: list, reach, presence, audit; and keys, mute, unmute."""

import json
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from tests.gateway.cli.fake_gateway import FakeGateway, Run, reach


def message(**fields: Any) -> dict[str, Any]:
    """A message as lists show it."""
    return {
        "id": "msg_1",
        "kind": "banner",
        "state": "live",
        "severity": "major",
        "content": {"en": {"body": "Payments are failing"}},
        "default_locale": "en",
        "expires_at": (datetime.now(UTC) + timedelta(hours=2, seconds=30)).isoformat(),
        "owner": "ops",
        "contact": "#ops",
        "incident": {"status": "monitoring", "impact": "major", "updates": []},
        "reach": reach(sent=1234, displayed=1000),
        **fields,
    }


def test_list_shows_what_is_live_to_whom_until_when_and_who_made_it(
    fake: FakeGateway, run: Run
) -> None:
    """P17, P18: content, owner and contact, counts."""
    fake.answer({"data": [message()], "next_cursor": None})
    head, row = run("list").stdout.splitlines()
    assert head.split() == ["ID", "STATE", "WHAT", "UNTIL", "SENT", "SEEN", "BY", "TEXT"]
    for part in (
        "msg_1",
        "live",
        "major banner (monitoring)",
        "in 2 h",
        "1,234",
        "1,000",
        "ops #ops",
    ):
        assert part in row
    assert row.endswith("Payments are failing")


def test_list_passes_its_filters_on(fake: FakeGateway, run: Run) -> None:
    """Only what was asked for is in the query."""
    fake.answer({"data": [], "next_cursor": None})
    result = run("list", "--state", "live", "--kind", "banner", "--tag", "ops", "--limit", "5")
    assert fake.calls[0].path == "/v1/messages?state=live&kind=banner&tag=ops&limit=5"
    assert result.stdout == ""
    assert "No such message." in result.stderr


def test_list_says_how_to_go_on(fake: FakeGateway, run: Run) -> None:
    """`next_cursor` is a line to type."""
    fake.answer({"data": [message()], "next_cursor": "abc"})
    assert "--cursor abc" in run("list").stderr


def test_reach_shows_people_beside_screens(fake: FakeGateway, run: Run) -> None:
    """Sent, received and displayed are three different things (PROTOCOL §3)."""
    counts = reach(
        online=10, sent=9, received=8, displayed=7,
        sessions={"sent": 12, "received": 11, "displayed": 10}, suppressed={"page_mismatch": 1},
    )  # fmt: skip
    fake.answer(counts)
    lines = run("reach", "msg_1").stdout.splitlines()
    assert [line.split()[:3] for line in lines[2:5]] == [
        ["sent", "9", "12"],
        ["received", "8", "11"],
        ["displayed", "7", "10"],
    ]
    assert lines[-1] == "Not shown to: 1 page_mismatch."


def test_reach_watch_prints_a_line_for_each_change_when_piped(fake: FakeGateway, run: Run) -> None:
    """Not on a terminal: a log, no drawing."""
    fake.stream(reach(online=3, sent=1), reach(online=3, sent=3, received=2))
    result = run("reach", "msg_1", "--watch")
    first, second = result.stdout.splitlines()
    assert "sent 1" in first
    assert "sent 3  received 2" in second
    assert "\x1b" not in result.stdout
    assert fake.calls[0].headers["Accept"] == "text/event-stream"
    assert "has ended" in result.stderr


def test_reach_watch_as_json_is_one_object_a_line(fake: FakeGateway, run: Run) -> None:
    """For programs: newline-delimited JSON."""
    fake.stream(reach(sent=1), reach(sent=2))
    lines = run("reach", "msg_1", "--watch", "--json").stdout.splitlines()
    assert [json.loads(line)["sent"] for line in lines] == [1, 2]


def test_reach_watch_goes_on_after_a_lost_connection(fake: FakeGateway, run: Run) -> None:
    """A watch outlives a restart of the gateway."""
    fake.lose()
    fake.stream(reach(sent=1))
    result = run("reach", "msg_1", "--watch")
    assert result.exit_code == 0
    assert "sent 1" in result.stdout


@pytest.mark.parametrize("cut", [b"event: drain\ndata: {}\n\n", b": still here\n\n", b""])
def test_reach_watch_goes_on_when_the_stream_was_cut(
    fake: FakeGateway, run: Run, cut: bytes
) -> None:
    """A draining node or an impatient proxy ends the stream; the message has not ended."""
    fake.answer(cut, Content_Type="text/event-stream")
    fake.stream(reach(sent=7))
    result = run("reach", "msg_1", "--watch")
    assert result.exit_code == 0
    (line,) = result.stdout.splitlines()
    assert "sent 7" in line


def test_reach_watch_of_an_unknown_message_is_refused(fake: FakeGateway, run: Run) -> None:
    """A stream's refusal is a problem like any other."""
    fake.refuse(404, "not_found", "No such message.")
    result = run("reach", "msg_1", "--watch")
    assert result.exit_code == 1
    assert "No such message (404 not_found)." in result.stderr


def test_presence_counts_everybody(fake: FakeGateway, run: Run) -> None:
    """GET /v1/presence."""
    fake.answer({"users": 1, "sessions": 2, "by_state": {"active": 1}, "by_platform": {"web": 2}})
    stdout = run("presence").stdout
    assert "1 person online on 2 screens." in stdout
    assert "people: 1 active" in stdout
    assert "screens: 2 web" in stdout


def test_presence_of_one_user_shows_each_screen(fake: FakeGateway, run: Run) -> None:
    """GET /v1/presence/{user}, with the id quoted."""
    screen = {"session": "s", "platform": "web", "app": "shop", "version": "2.1", "page": "/cart",
              "visibility": "visible", "activity": "idle", "since": "2020-01-01T00:00:00Z"}  # fmt: skip
    fake.answer(
        {"user": "a/b", "online": True, "state": "idle", "last_seen": None, "sessions": [screen]}
    )
    stdout = run("presence", "a/b").stdout
    assert fake.calls[0].path == "/v1/presence/a%2Fb"
    for part in ("a/b  idle  now", "shop 2.1", "/cart", "ago"):
        assert part in stdout


def test_presence_of_a_user_never_seen_says_so(fake: FakeGateway, run: Run) -> None:
    """Offline and never seen are different."""
    fake.answer(
        {"user": "u", "online": False, "state": "offline", "last_seen": None, "sessions": []}
    )
    assert run("presence", "u").stdout == "u  offline  never seen\n"


def test_presence_of_many_users_is_one_call(fake: FakeGateway, run: Run) -> None:
    """POST /v1/presence/query."""
    seen = {"online": False, "state": "offline", "last_seen": "2020-01-01T00:00:00Z"}
    fake.answer({"users": {"u1": {**seen, "online": True, "state": "active"}, "u2": seen}})
    lines = run("presence", "u1", "u2").stdout.splitlines()
    assert fake.calls[0].json == {"users": ["u1", "u2"]}
    assert lines[1].split() == ["u1", "active", "now"]
    assert lines[2].endswith("ago")


def test_audit_tells_who_did_what(fake: FakeGateway, run: Run) -> None:
    """Newest first, as the API gives it."""
    entry = {"id": 1, "at": "2026-01-02T03:04:05Z", "key_id": "key_1", "key_name": "oncall",
             "action": "message.publish", "target": "msg_1", "request_id": "r",
             "detail": {"revision": 2, "reason": None, "scopes": ["a", "b"]}}  # fmt: skip
    fake.answer({"data": [entry], "next_cursor": None})
    row = run("audit", "--target", "msg_1").stdout.splitlines()[1]
    assert fake.calls[0].path == "/v1/audit?target=msg_1&limit=20"
    for part in ("oncall", "message.publish", "msg_1", "revision=2 scopes=a,b"):
        assert part in row


def test_a_new_keys_secret_is_alone_on_stdout(fake: FakeGateway, run: Run) -> None:
    """KEY=$(gateway keys create …) works."""
    fake.answer({"id": "key_1", "name": "ci", "scopes": ["read"], "secret": "igk_x"}, 201)
    result = run("keys", "create", "ci", "--scope", "read", "--owner", "ops")
    assert result.stdout == "igk_x\n"
    assert "shown only now" in result.stderr
    assert fake.calls[0].json == {"name": "ci", "scopes": ["read"], "owner": "ops"}


def test_a_new_key_whose_secret_was_lost_is_a_failure(fake: FakeGateway, run: Run) -> None:
    """The answer to a repeated call holds no secret: a script must not go on with an empty one."""
    fake.answer({"id": "key_1", "name": "ci", "scopes": ["read"], "secret": None}, 201)
    result = run("keys", "create", "ci", "--scope", "read")
    assert result.exit_code == 1
    assert result.stdout == ""
    assert "gateway keys revoke key_1" in result.stderr


def test_keys_are_listed_with_those_revoked(fake: FakeGateway, run: Run) -> None:
    """A revoked key is marked, not hidden."""
    key = {"id": "key_1", "name": "ci", "scopes": ["read"], "created_at": "2020-01-01T00:00:00Z"}
    fake.answer({"data": [key, {**key, "id": "key_2", "revoked_at": "2021-01-01T00:00:00Z"}]})
    _, first, second = run("keys", "list").stdout.splitlines()
    assert "revoked" not in first
    assert second.endswith("revoked")


@pytest.mark.parametrize(
    ("words", "method", "path", "body"),
    [
        ("mute banner --reason storm", "POST", "/v1/mute", {"kind": "banner", "reason": "storm"}),
        ("mute all", "POST", "/v1/mute", {"kind": "all"}),
    ],
)
def test_mute_is_one_call(
    fake: FakeGateway, run: Run, words: str, method: str, path: str, body: dict[str, str]
) -> None:
    """The kill switch at 3 a.m."""
    fake.answer({"kind": "banner", "at": "2026-01-01T00:00:00Z", "by": "ops", "reason": None})
    assert run(*words.split()).exit_code == 0
    (call,) = fake.calls
    assert (call.method, call.path, call.json) == (method, path, body)


def test_unmute_names_the_kind_in_the_query(fake: FakeGateway, run: Run) -> None:
    """DELETE carries no body."""
    fake.answer({"kind": "all", "unmuted": False})
    result = run("unmute", "all")
    (call,) = fake.calls
    assert (call.method, call.path, call.body) == ("DELETE", "/v1/mute?kind=all", b"")
    assert "It was not muted" in result.stdout
