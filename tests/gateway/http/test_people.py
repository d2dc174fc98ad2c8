"""Presence, and what an admin may do about a user."""

from typing import Any

import pytest

from tests.gateway.http.http_kit import Gateway

OFFLINE = {"online": False, "state": "offline", "last_seen": None}


async def test_the_census_counts_everybody(gateway: Gateway) -> None:
    """PROTOCOL §3: `{users, sessions, by_state{}, by_platform{}}`."""
    assert (await gateway.get("/v1/presence")).json == {
        "users": 1, "sessions": 1, "by_state": {"active": 1}, "by_platform": {"web": 1},
    }  # fmt: skip


async def test_a_user_is_shown_with_all_sessions(gateway: Gateway) -> None:
    """PROTOCOL §3: who, where, since when."""
    assert (await gateway.get("/v1/presence/alice")).json == {
        "user": "alice",
        "online": True,
        "state": "active",
        "last_seen": "2026-11-21T12:00:00.000Z",
        "sessions": [
            {"session": "ses_1", "platform": "web", "app": "shop", "version": "1.2.3",
             "page": "/cart", "visibility": "visible", "activity": "active",
             "since": "2026-11-21T12:00:00.000Z"}
        ],
    }  # fmt: skip


async def test_a_user_never_seen_is_offline_not_missing(gateway: Gateway) -> None:
    """A28: also for a user never seen."""
    reply = await gateway.get("/v1/presence/nobody")
    assert (reply.status, reply.json) == (200, {"user": "nobody", **OFFLINE, "sessions": []})


async def test_many_users_are_looked_up_at_once(gateway: Gateway) -> None:
    """One entry for each that was asked, in the one spelling of their id."""
    body = {"users": ["alice", "e\u0301", "alice", "nobody"]}
    users = (await gateway.post("/v1/presence/query", body)).json["users"]
    assert list(users) == ["alice", "é", "nobody"]
    assert users["nobody"] == OFFLINE
    assert users["alice"]["online"] is True


@pytest.mark.parametrize(
    ("users", "pointer", "code"),
    [
        ([], "/users", "too_short"),
        ([f"u{n}" for n in range(1_001)], "/users", "too_long"),
        (["a", "b\u200bc"], "/users/1", "bad_identifier"),
        (["a", 5], "/users/1", "wrong_type"),
        (["x" * 129], "/users/0", "bad_identifier"),
        ("alice", "/users", "wrong_type"),
    ],
)
async def test_a_question_about_nobody_or_everybody_is_refused(
    gateway: Gateway, users: Any, pointer: str, code: str
) -> None:
    """T65: 1 to 1,000 users a call, each a valid id (T41)."""
    reply = await gateway.post("/v1/presence/query", {"users": users})
    assert (reply.status, reply.pointers) == (422, {pointer: code})


@pytest.mark.parametrize(
    ("method", "path", "body", "done", "what"),
    [
        ("POST", "disconnect", None, "disconnected", ("alice", "disconnect")),
        ("POST", "disconnect", {}, "disconnected", ("alice", "disconnect")),
        ("POST", "revoke", {}, "revoked", ("alice", "revoke")),
        ("POST", "revoke", {"jti": "tok-1"}, "revoked", ("alice", "revoke", "tok-1")),
        ("POST", "block", None, "blocked", ("alice", "block")),
        ("DELETE", "block", None, "unblocked", ("alice", "unblock")),
    ],
)
async def test_an_admin_acts_on_a_user(
    gateway: Gateway, method: str, path: str, body: Any, done: str, what: tuple[str, ...]
) -> None:
    """PROTOCOL §3: disconnect, revoke, block and its undoing, with how many it hit."""
    reply = await gateway.call(method, f"/v1/users/alice/{path}", key="admin", json=body)
    assert reply.json == {"user": "alice", "done": done, "sessions_closed": 2}
    assert gateway.people.done == [what]


async def test_two_spellings_are_one_user(gateway: Gateway) -> None:
    """T41: who blocks `é` blocks it however it is typed."""
    await gateway.post("/v1/users/e%CC%81/block")
    assert gateway.people.done == [("é", "block")]
