"""`/v1/messages`: the life of a message over HTTP."""

from typing import Any

import pytest

from gateway.model.message import Kind, State
from tests.gateway.http.http_kit import Gateway

DRAFT: dict[str, Any] = {
    "kind": "banner",
    "severity": "minor",
    "content": {"text": "Maintenance at noon"},
}


async def _draft(gateway: Gateway, **fields: Any) -> str:
    reply = await gateway.post("/v1/messages", {**DRAFT, **fields})
    assert reply.status == 201, reply.body
    return str(reply.json["id"])


async def test_a_message_is_a_draft_until_somebody_says_live(gateway: Gateway) -> None:
    """PROTOCOL §3: `state` draft (default) or live."""
    assert (await gateway.post("/v1/messages", DRAFT)).json["state"] == "draft"
    live = await gateway.post("/v1/messages", {**DRAFT, "state": "live"})
    assert (live.status, live.json["state"]) == (201, "live")
    assert live.header("Location") == f"/v1/messages/{live.json['id']}"


async def test_the_shape_of_a_message(gateway: Gateway) -> None:
    """PROTOCOL §6 and P17: definition, who made it, whom to ask, reach; every field always."""
    reply = await gateway.post(
        "/v1/messages",
        {
            "kind": "banner",
            "state": "live",
            "severity": "major",
            "category": "maintenance",
            "content": {
                "en": {
                    "title": "Soon",
                    "body": "At **noon**",
                    "actions": [{"id": "more", "label": "More", "href": "/more"}],
                },
                "de": {"text": "Um **zwölf**"},
            },
            "incident": {"status": "scheduled", "impact": "maintenance"},
            "pages": {"allow": ["/app/**"]},
            "priority": 60,
            "tags": ["ops"],
            "resurface": "on_severity_up",
            "starts_at": "2026-11-21T13:00:00+01:00",
            "ends_at": "2026-11-21T18:00:00Z",
            "owner": "platform",
            "contact": "#ops",
        },
    )
    body = reply.json
    assert body == {
        "id": body["id"],
        "revision": 1,
        "kind": "banner",
        "state": "live",
        "severity": "major",
        "incident": {"status": "scheduled", "impact": "maintenance", "updates": []},
        "content": {
            "en": {
                "title": "Soon",
                "body": "At **noon**",
                "actions": [{"id": "more", "label": "More", "href": "/more"}],
            },
            "de": {"body": "Um **zwölf**"},
        },
        "default_locale": "en",
        "dismissible": True,
        "pages": {"allow": ["/app/**"]},
        "audience": None,
        "priority": 60,
        "category": "maintenance",
        "tags": ["ops"],
        "resurface": "on_severity_up",
        "starts_at": "2026-11-21T12:00:00.000Z",
        "expires_at": "2026-11-21T18:00:00.000Z",
        "ends_at": "2026-11-21T18:00:00.000Z",
        "ended_reason": None,
        "created_at": "2026-11-21T12:00:00.000Z",
        "updated_at": "2026-11-21T12:00:00.000Z",
        "created_by": "admin",
        "updated_by": "admin",
        "owner": "platform",
        "contact": "#ops",
        "reach": body["reach"],
    }
    assert (await gateway.get(f"/v1/messages/{body['id']}")).json == body


@pytest.mark.parametrize("kind", ["prompt", "notification", "toast"])
async def test_other_kinds_are_refused_for_now(gateway: Gateway, kind: str) -> None:
    """They must not look as if they had been made."""
    reply = await gateway.post("/v1/messages", {**DRAFT, "kind": kind, "layout": "corner"})
    assert (reply.status, reply.problem["code"]) == (422, "kind_not_supported")
    assert reply.pointers == {"/kind": "kind_not_supported", "/layout": "field_not_supported"}


async def test_a_content_needs_the_default_locale(gateway: Gateway) -> None:
    """Somebody whose language is missing has to read something."""
    content = {"de": {"body": "Hallo"}}
    reply = await gateway.post("/v1/messages", {**DRAFT, "content": content})
    assert (reply.status, reply.pointers) == (422, {"/content": "missing_locale"})
    german = {**DRAFT, "content": content, "default_locale": "de"}
    assert (await gateway.post("/v1/messages", german)).status == 201


@pytest.mark.parametrize(
    ("content", "pointers"),
    [
        ({}, {"/content": "too_short"}),
        ("Hello", {"/content": "wrong_type"}),
        ({"en": "Hello"}, {"/content/en": "wrong_type"}),
        ({"text": "a", "body": "b"}, {"/content/text": "conflicting"}),
        ({"en": {"txt": "a"}}, {"/content/en/txt": "unknown_field"}),
        ({"e/n": {"body": "a"}}, {"/content/e~1n": "bad_format", "/content": "missing_locale"}),
        ({"text": "a", "image": {"src": "mailto:a@b.c", "alt": "x"}}, {"/content/image/src": "bad_link"}),
        ({"text": "a", "actions": [{"id": "a b", "label": "x"}]}, {"/content/actions/0/id": "bad_format"}),
        ({"text": "a", "actions": [{"id": "a", "label": "x"}] * 2}, {"/content/actions/1/id": "duplicate"}),
        ({"text": "a", "actions": [{"id": f"a{n}", "label": "x"} for n in range(5)]}, {"/content/actions": "too_long"}),
        ({"text": "a", "title": "t" * 121}, {"/content/title": "too_long"}),
    ],
)  # fmt: skip
async def test_what_is_wrong_in_a_content_is_pointed_at(
    gateway: Gateway, content: Any, pointers: dict[str, str]
) -> None:
    """JSON pointers as RFC 6901 writes them, whichever form the content has."""
    reply = await gateway.post("/v1/messages", {**DRAFT, "content": content})
    assert (reply.status, reply.pointers) == (422, pointers)


@pytest.mark.parametrize(
    ("field", "value", "code"),
    [
        ("priority", 101, "out_of_range"),
        ("priority", "5", "wrong_type"),
        ("priority", 5.5, "wrong_type"),
        ("priority", True, "wrong_type"),
        ("tags", "ops", "wrong_type"),
        ("tags", ["x"] * 21, "too_long"),
        ("severity", "bad", "unknown_value"),
        ("category", "gossip", "unknown_value"),
        ("state", "ended", "unknown_value"),
        ("resurface", "maybe", "unknown_value"),
        ("pages", ["/a"], "wrong_type"),
        ("pages", {"allow": ["/a"] * 51}, None),
        ("caps", {}, "field_not_supported"),
        ("default_locale", "e_n", "bad_format"),
        ("owner", "x" * 101, "too_long"),
        ("starts_at", "tomorrow", "bad_time"),
    ],
)
async def test_each_field_keeps_to_its_bounds(
    gateway: Gateway, field: str, value: Any, code: str | None
) -> None:
    """Strict types, closed vocabularies, bounded lists."""
    reply = await gateway.post("/v1/messages", {**DRAFT, field: value})
    assert reply.status == 422
    if code is None:
        assert reply.pointers == {"/pages/allow": "too_long"}
    else:
        assert reply.pointers.get(f"/{field}") == code


@pytest.mark.parametrize(
    ("end", "pointer"),
    [
        ({"ends_at": "2026-11-21T11:00:00Z"}, "/ends_at"),
        ({"expires_at": "2026-11-21T11:00:00Z"}, "/expires_at"),
        ({"expires_in": "25h"}, "/expires_in"),
    ],
)
async def test_a_bad_end_is_pointed_at_by_the_name_it_came_under(
    gateway: Gateway, end: dict[str, str], pointer: str
) -> None:
    """The core has one name for it, callers have three; on POST and PATCH alike."""
    reply = await gateway.post("/v1/messages", {**DRAFT, **end})
    assert (reply.status, list(reply.pointers)) == (422, [pointer])
    message_id = await _draft(gateway)
    reply = await gateway.patch(f"/v1/messages/{message_id}", end)
    assert (reply.status, list(reply.pointers)) == (422, [pointer])


async def test_dry_run_shows_the_message_without_making_it(gateway: Gateway) -> None:
    """The same refusals, no change."""
    reply = await gateway.post("/v1/messages?dry_run", {**DRAFT, "state": "live"})
    assert (reply.status, reply.json["state"]) == (200, "live")
    assert gateway.messages.known == {}


# Read


async def test_messages_are_listed_newest_first_a_page_at_a_time(gateway: Gateway) -> None:
    """PROTOCOL §3: lists take `limit` and `cursor`, and answer `data` and `next_cursor`."""
    ids = [await _draft(gateway) for _ in range(5)]
    seen: list[str] = []
    cursor = ""
    while True:
        page = (await gateway.get(f"/v1/messages?limit=2{cursor}")).json
        seen += [message["id"] for message in page["data"]]
        if page["next_cursor"] is None:
            break
        cursor = f"&cursor={page['next_cursor']}"
    assert seen == ids[::-1]


async def test_messages_are_found_by_state_kind_and_tag(gateway: Gateway) -> None:
    """P17: what is live, and everything of a tag."""
    await _draft(gateway)
    live = await _draft(gateway, state="live", tags=["ops"])
    for query in ("state=live", "tag=ops", "kind=banner&state=live&tag=ops"):
        found = (await gateway.get(f"/v1/messages?{query}")).json["data"]
        assert [message["id"] for message in found] == [live]
    assert (await gateway.get("/v1/messages?kind=toast")).json["data"] == []


async def test_a_cursor_of_somebody_else_is_refused(gateway: Gateway) -> None:
    """400: it is part of the address, not of a body."""
    reply = await gateway.get("/v1/messages?cursor=made-up")
    assert (reply.status, reply.problem["code"]) == (400, "bad_cursor")


@pytest.mark.parametrize(
    "path", ["", "/revisions", "/reach", "/receipts"], ids=["get", "revisions", "reach", "receipts"]
)
async def test_a_message_that_is_not_there_is_a_404(gateway: Gateway, path: str) -> None:
    """Whatever is asked about it, in whatever form."""
    for accept in ("*/*", "text/event-stream", "text/csv"):
        reply = await gateway.get(f"/v1/messages/none{path}", headers={"Accept": accept})
        assert (reply.status, reply.problem["code"]) == (404, "message_not_found")


async def test_all_revisions_are_there_oldest_first(gateway: Gateway) -> None:
    """A revision never changes, so the list is the history."""
    message_id = await _draft(gateway)
    await gateway.patch(f"/v1/messages/{message_id}", {"severity": "major"})
    found = (await gateway.get(f"/v1/messages/{message_id}/revisions")).json
    shown = [(one["revision"], one["severity"]) for one in found["data"]]
    assert (shown, found["next_cursor"]) == ([(1, "minor"), (2, "major")], None)


# Change


async def test_a_patch_changes_only_what_it_names(gateway: Gateway) -> None:
    """A new revision; everything else stays, and the ETag moves on."""
    message_id = await _draft(gateway, owner="platform", tags=["ops"], priority=7)
    before = (await gateway.get(f"/v1/messages/{message_id}")).json
    reply = await gateway.patch(f"/v1/messages/{message_id}", {"severity": "critical"})
    assert reply.header("ETag") == '"2"'
    assert reply.json == {**before, "severity": "critical", "revision": 2}


async def test_every_field_can_be_patched(gateway: Gateway) -> None:
    """Each by its own name; some can be taken away with null."""
    message_id = await _draft(gateway, owner="a", contact="b", starts_at="2026-11-21T13:00:00Z")
    changes = {
        "content": {"en": {"body": "New"}},
        "severity": "info",
        "dismissible": False,
        "pages": {"block": ["/x"]},
        "priority": 1,
        "category": "security",
        "tags": ["t"],
        "resurface": "always",
        "starts_at": None,
        "expires_in": "2h",
        "owner": None,
        "contact": "#new",
        "audience": None,
    }
    reply = await gateway.patch(f"/v1/messages/{message_id}", changes)
    assert reply.status == 200, reply.body
    del changes["expires_in"], changes["contact"]
    assert {name: reply.json[name] for name in changes} == changes
    assert reply.json["expires_at"] == "2026-11-21T14:00:00.000Z"
    assert reply.json["contact"] == "#new"


async def test_resolving_is_one_patch(gateway: Gateway) -> None:
    """PROTOCOL §3: `{incident:{status, body}}` sets the status and appends an update."""
    reply = await gateway.post(
        "/v1/broadcast", {"text": "Down", "incident": {"status": "investigating"}}
    )
    message_id = reply.json["id"]
    body = {"incident": {"status": "resolved", "body": "All good again."}}
    incident = (await gateway.patch(f"/v1/messages/{message_id}", body)).json["incident"]
    assert incident["status"] == "resolved"
    assert incident["updates"][-1]["body"] == "All good again."


async def test_short_content_of_a_patch_is_for_the_default_locale(gateway: Gateway) -> None:
    """`{"text": …}` speaks the language that the message falls back to."""
    message_id = await _draft(gateway, content={"de": {"body": "Alt"}}, default_locale="de")
    reply = await gateway.patch(f"/v1/messages/{message_id}", {"content": {"text": "Neu"}})
    assert reply.json["content"] == {"de": {"body": "Neu"}}


@pytest.mark.parametrize(
    ("patch", "pointers"),
    [
        ({}, {"": "missing"}),
        ({"state": "live"}, {"/state": "read_only"}),
        ({"kind": "toast"}, {"/kind": "read_only"}),
        ({"severity": None, "tags": None}, {"/severity": "not_null", "/tags": "not_null"}),
        ({"content": {"de": {"body": "x"}}}, {"/content": "missing_locale"}),
        ({"default_locale": "de"}, {"/default_locale": "missing_locale"}),
        ({"audience": {}}, {"/audience": "audience_not_supported"}),
        ({"expires_in": "1h", "ends_at": "2026-11-21T13:00:00Z"}, {"/ends_at": "conflicting"}),
        ({"incident": {"status": "fixed"}}, {"/incident/status": "unknown_value"}),
        ({"revision": 7}, {"/revision": "unknown_field"}),
    ],
)
async def test_a_patch_that_cannot_be_is_refused(
    gateway: Gateway, patch: Any, pointers: dict[str, str]
) -> None:
    """422 with the place, and nothing changes."""
    message_id = await _draft(gateway)
    reply = await gateway.patch(f"/v1/messages/{message_id}", patch)
    assert (reply.status, reply.pointers) == (422, pointers)
    assert len(gateway.messages.known[message_id]) == 1


async def test_of_two_operators_the_second_has_to_look_again(gateway: Gateway) -> None:
    """Two patches with one ETag: 200 and 412; `*` takes any revision."""
    message_id = await _draft(gateway)
    seen = {"If-Match": '"1"'}
    first = await gateway.patch(f"/v1/messages/{message_id}", {"priority": 1}, headers=seen)
    second = await gateway.patch(f"/v1/messages/{message_id}", {"priority": 2}, headers=seen)
    assert first.status == 200
    assert (second.status, second.problem["code"]) == (412, "precondition_failed")
    any_ = {"If-Match": "*"}
    third = await gateway.patch(f"/v1/messages/{message_id}", {"priority": 3}, headers=any_)
    assert (third.status, third.json["revision"]) == (200, 3)


# The verbs of its life


async def test_a_message_goes_live_pauses_and_ends(gateway: Gateway) -> None:
    """draft → live → paused → live → ended, each with a reason for the audit trail."""
    message_id = await _draft(gateway)
    states = []
    for verb in ("publish", "pause", "publish", "retract"):
        reply = await gateway.post(f"/v1/messages/{message_id}/{verb}", {"reason": f"to {verb}"})
        assert reply.status == 200
        states.append(reply.json["state"])
    assert states == ["live", "paused", "live", "ended"]
    assert gateway.messages.reasons == ["to publish", "to pause", "to publish", "to retract"]


@pytest.mark.parametrize("verb", ["publish", "pause", "retract"])
async def test_a_verb_minds_the_revision_that_was_seen(gateway: Gateway, verb: str) -> None:
    """412 for a stale `If-Match`, on the verbs as on PATCH."""
    message_id = await _draft(gateway, state="draft" if verb == "publish" else "live")
    path = f"/v1/messages/{message_id}/{verb}"
    assert (await gateway.post(path, {}, headers={"If-Match": '"9"'})).status == 412
    assert (await gateway.post(path, {}, headers={"If-Match": '"1"'})).status == 200


async def test_a_way_that_life_does_not_go_is_refused(gateway: Gateway) -> None:
    """422 with where the message could go instead."""
    message_id = await _draft(gateway)
    reply = await gateway.post(f"/v1/messages/{message_id}/pause")
    assert (reply.status, reply.problem["code"]) == (422, "wrong_state")


@pytest.mark.parametrize(
    "body", [{"why": "x"}, {"reason": 5}, {"reason": " "}, {"reason": "x" * 201}]
)
async def test_a_reason_is_a_short_text(gateway: Gateway, body: Any) -> None:
    """Body `{}` or `{reason}`, nothing else."""
    message_id = await gateway.banner()
    assert (await gateway.post(f"/v1/messages/{message_id}/retract", body)).status == 422
    assert gateway.messages.known[message_id][-1].state is State.LIVE
    assert gateway.messages.known[message_id][-1].kind is Kind.BANNER
