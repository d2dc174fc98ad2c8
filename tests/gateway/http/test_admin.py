"""Kill switch, keys, audit, statistics."""

from typing import Any

import pytest

from tests.gateway.http.http_kit import Gateway


async def test_muting_and_unmuting_a_kind(gateway: Gateway) -> None:
    """P6: the kill switch for a kind; it says who threw it, when and why."""
    reply = await gateway.post("/v1/mute", {"kind": "banner", "reason": "storm"})
    muted = {"kind": "banner", "at": "2026-11-21T12:00:00.000Z", "by": "admin", "reason": "storm"}
    assert (reply.status, reply.json) == (200, muted)
    assert (await gateway.get("/v1/mute")).json == {"data": [muted], "next_cursor": None}
    for unmuted in (True, False):
        reply = await gateway.call("DELETE", "/v1/mute?kind=banner", key="admin")
        assert reply.json == {"kind": "banner", "unmuted": unmuted}
    assert (await gateway.get("/v1/mute")).json["data"] == []


async def test_without_a_kind_everything_is_muted(gateway: Gateway) -> None:
    """In an emergency nobody should have to look up a word."""
    assert (await gateway.post("/v1/mute")).json["kind"] == "all"
    assert (await gateway.call("DELETE", "/v1/mute", key="admin")).json["kind"] == "all"


@pytest.mark.parametrize("kind", ["banners", "", "ALL", None, 1])
async def test_an_unknown_kind_is_not_muted(gateway: Gateway, kind: Any) -> None:
    """A switch that does nothing must not look thrown."""
    reply = await gateway.post("/v1/mute", {"kind": kind})
    assert reply.status == 422
    assert list(reply.pointers) == ["/kind"]
    assert gateway.mutes.muted == {}


async def test_unmuting_an_unknown_kind_is_refused(gateway: Gateway) -> None:
    """The query is checked as strictly as a body."""
    reply = await gateway.call("DELETE", "/v1/mute?kind=banners", key="admin")
    assert (reply.status, list(reply.pointers)) == (400, ["/kind"])


async def test_a_key_is_made_with_its_secret_told_once(gateway: Gateway) -> None:
    """The list never shows a secret or a hash."""
    body = {"name": "ci", "scopes": ["banner:write", "read"], "owner": "ops", "contact": "#ops"}
    made = await gateway.post("/v1/keys", body)
    assert made.status == 201
    assert made.json["scopes"] == ["banner:write", "read"]
    listed = (await gateway.get("/v1/keys?limit=200")).json["data"]
    assert made.json["id"] in [key["id"] for key in listed]
    assert all("secret" not in key and "hash" not in key for key in listed)


@pytest.mark.parametrize(
    ("body", "pointers"),
    [
        ({}, {"/name": "missing", "/scopes": "missing"}),
        ({"name": "x", "scopes": []}, {"/scopes": "too_short"}),
        ({"name": "x", "scopes": ["write"]}, {"/scopes/0": "unknown_value"}),
        ({"name": "", "scopes": ["read"]}, {"/name": "blank"}),
        ({"name": "x", "scopes": "read"}, {"/scopes": "wrong_type"}),
    ],
)
async def test_a_key_needs_a_name_and_known_scopes(
    gateway: Gateway, body: Any, pointers: dict[str, str]
) -> None:
    """422 naming each bad field."""
    reply = await gateway.post("/v1/keys", body)
    assert (reply.status, reply.pointers) == (422, pointers)


async def test_keys_are_listed_a_page_at_a_time(gateway: Gateway) -> None:
    """Like every list; a cursor of nobody is refused."""
    seen: list[str] = []
    path = "/v1/keys?limit=3"
    while path:
        page = (await gateway.get(path)).json
        seen += [key["id"] for key in page["data"]]
        cursor = page["next_cursor"]
        path = f"/v1/keys?limit=3&cursor={cursor}" if cursor else ""
    assert seen == [key.id for key in gateway.keys.list()]
    assert (await gateway.get("/v1/keys?cursor=nobody")).problem["code"] == "bad_cursor"


@pytest.mark.parametrize(
    ("method", "path"), [("DELETE", "/v1/keys/key_read"), ("POST", "/v1/keys/key_read/revoke")]
)
async def test_a_key_is_ended_either_way(gateway: Gateway, method: str, path: str) -> None:
    """DELETE, or POST for clients that retry under an Idempotency-Key."""
    reply = await gateway.call(method, path, key="admin")
    assert (reply.status, reply.json["id"]) == (200, "key_read")
    missing = await gateway.call(method, path.replace("key_read", "none"), key="admin")
    assert (missing.status, missing.problem["code"]) == (404, "key_not_found")


async def test_the_audit_trail_says_who_changed_what(gateway: Gateway) -> None:
    """P2: one line a change, newest first, by target."""
    reply = await gateway.get("/v1/audit?target=msg_9&limit=1")
    assert reply.json == {
        "data": [
            {"id": 1, "at": "2026-11-21T12:00:00.000Z", "key_id": "key_ops", "key_name": "ops",
             "action": "message.create", "target": "msg_9", "request_id": "req_1",
             "detail": {"reason": "why"}}
        ],
        "next_cursor": None,
    }  # fmt: skip


async def test_statistics_are_one_look(gateway: Gateway) -> None:
    """PROTOCOL §3: sessions, users, live messages, rates, nodes ("n of m answered")."""
    assert (await gateway.get("/v1/stats")).json == {
        "node": "node-a", "draining": False, "connections": 2, "sessions": 2, "users": 1,
        "uptime_seconds": 1.5, "nodes": {"answered": 1, "known": 1},
    }  # fmt: skip
