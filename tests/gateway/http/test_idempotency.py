"""The same request twice does the work once: Idempotency-Key (PROTOCOL §3, T63)."""

import asyncio
from typing import Any

import pytest

from gateway.errors import Conflict
from gateway.http.operation import Operation
from gateway.http.operations import API
from tests.gateway.http.http_kit import Gateway

KEY = {"Idempotency-Key": "deploy-17"}
BODY = {"text": "Payments are delayed"}

REPEATABLE = [operation for operation in API if operation.method in ("POST", "PATCH")]


async def test_the_same_key_gets_the_same_answer(gateway: Gateway) -> None:
    """T63: one banner; status, body and headers again, and a header that says so."""
    first = await gateway.post("/v1/broadcast", BODY, headers=KEY)
    again = await gateway.post("/v1/broadcast", BODY, headers=KEY)
    assert (first.status, again.status) == (201, 201)
    assert again.body == first.body
    assert again.header("ETag") == first.header("ETag")
    assert again.header("Location") == first.header("Location")
    assert (first.header("Idempotent-Replay"), again.header("Idempotent-Replay")) == (None, "true")
    assert len(gateway.messages.known) == 1


@pytest.mark.parametrize(
    ("path", "body"),
    [
        ("/v1/broadcast", {"text": "Payments are fine"}),
        ("/v1/broadcast?dry_run=true", BODY),
        ("/v1/messages", BODY),
    ],
)
async def test_the_same_key_with_another_request_is_refused(
    gateway: Gateway, path: str, body: Any
) -> None:
    """422: method, path, query and body all belong to what the key stands for."""
    await gateway.post("/v1/broadcast", BODY, headers=KEY)
    reply = await gateway.post(path, body, headers=KEY)
    assert reply.status == 422
    assert len(gateway.messages.known) == 1


async def test_while_the_first_is_running_the_second_has_to_wait(gateway: Gateway) -> None:
    """409 with Retry-After for the same request, 422 for another one; then the replay."""
    gateway.messages.hold = asyncio.Event()
    first = asyncio.create_task(gateway.post("/v1/broadcast", BODY, headers=KEY))
    await asyncio.sleep(0)
    same = await gateway.post("/v1/broadcast", BODY, headers=KEY)
    other = await gateway.post("/v1/broadcast", {"text": "Other"}, headers=KEY)
    gateway.messages.hold.set()
    assert (same.status, same.problem["code"]) == (409, "idempotency_in_progress")
    assert same.header("Retry-After") == "1"
    assert (other.status, other.problem["code"]) == (422, "idempotency_key_reused")
    assert (await first).status == 201
    assert (await gateway.post("/v1/broadcast", BODY, headers=KEY)).status == 201
    assert len(gateway.messages.known) == 1


async def test_a_hundred_at_once_make_one_banner(gateway: Gateway) -> None:
    """T63: 100 parallel requests with one key: one id, and no answer that names another."""
    calls = [gateway.post("/v1/broadcast", BODY, headers=KEY) for _ in range(100)]
    replies = await asyncio.gather(*calls)
    accepted = {reply.body for reply in replies if reply.status == 201}
    assert (len(gateway.messages.known), len(accepted)) == (1, 1)
    assert {reply.status for reply in replies} <= {201, 409}


async def test_an_answer_lost_in_a_crash_is_built_again(gateway: Gateway) -> None:
    """Between commit and answer there may be a kill -9: the record has the message, no answer."""
    first = await gateway.post("/v1/broadcast", BODY, headers=KEY)
    [record] = gateway.store.records.values()
    gateway.store.claim(
        _claim(record.key, record.fingerprint), target=first.json["id"]
    )  # as the transaction left it
    again = await gateway.post("/v1/broadcast", BODY, headers=KEY)
    assert (again.status, again.json) == (201, first.json)
    assert again.header("Idempotent-Replay") == "true"
    assert len(gateway.messages.known) == 1


async def test_a_store_that_cannot_keep_the_answer_costs_no_call(gateway: Gateway) -> None:
    """The banner is live and durable, so the caller hears 201; a repeat is built again."""
    gateway.store.forgets_answers = True
    first = await gateway.post("/v1/broadcast", BODY, headers=KEY)
    again = await gateway.post("/v1/broadcast", BODY, headers=KEY)
    assert (first.status, again.status) == (201, 201)
    assert again.json["id"] == first.json["id"]


async def test_a_refused_request_may_come_again_with_the_same_key(gateway: Gateway) -> None:
    """It changed nothing, so the key is still free."""
    assert (await gateway.post("/v1/broadcast", {"txt": "x"}, headers=KEY)).status == 422
    assert (await gateway.post("/v1/broadcast", BODY, headers=KEY)).status == 201


async def test_an_accident_frees_the_key(gateway: Gateway) -> None:
    """After a 500 the same request may be tried again."""
    gateway.messages.broken = ValueError()
    assert (await gateway.post("/v1/broadcast", BODY, headers=KEY)).status == 500
    gateway.messages.broken = None
    assert (await gateway.post("/v1/broadcast", BODY, headers=KEY)).status == 201


async def test_another_node_may_have_been_faster(gateway: Gateway) -> None:
    """The store refuses a second claim on a key; the caller hears 409."""
    gateway.messages.broken = Conflict("in use", code="idempotency_key_in_use")
    assert (await gateway.post("/v1/broadcast", BODY, headers=KEY)).status == 409


async def test_without_a_store_a_claimed_request_is_not_begun(gateway: Gateway) -> None:
    """Who cannot look up a key cannot know whether the work was done."""
    gateway.store.down = True
    assert (await gateway.post("/v1/broadcast", BODY, headers=KEY)).status == 503
    assert gateway.messages.known == {}


async def test_two_admin_keys_do_not_share_their_keys(gateway: Gateway) -> None:
    """One caller's Idempotency-Key says nothing about another's."""
    await gateway.post("/v1/broadcast", BODY, headers=KEY, key="admin")
    reply = await gateway.post("/v1/broadcast", BODY, headers=KEY, key="banner:write")
    assert reply.header("Idempotent-Replay") is None
    assert len(gateway.messages.known) == 2


@pytest.mark.parametrize("key", ["", "a b", "é", "x" * 256, "a\tb"])
async def test_a_key_that_is_none_is_refused(gateway: Gateway, key: str) -> None:
    """1 to 255 visible ASCII characters; anything else would not do what its sender hopes."""
    reply = await gateway.post("/v1/broadcast", BODY, headers={"Idempotency-Key": key})
    assert (reply.status, reply.problem["code"]) == (400, "bad_header")
    assert gateway.messages.known == {}


async def test_the_secret_of_a_key_is_not_kept_for_a_replay(gateway: Gateway) -> None:
    """Keys are stored as hashes only: a replay knows which key was made, not its secret."""
    body = {"name": "ci", "scopes": ["read"]}
    first = await gateway.post("/v1/keys", body, headers=KEY)
    again = await gateway.post("/v1/keys", body, headers=KEY)
    assert first.json["secret"]
    assert again.json == {**first.json, "secret": None}
    stored = repr(gateway.store.records)
    assert first.json["secret"] not in stored


BODIES: dict[str, Any] = {
    "broadcast": BODY,
    "create_message": {"kind": "banner", "severity": "minor", "content": {"text": "Hello"}},
    "patch_message": {"priority": 7},
    "query_presence": {"users": ["alice"]},
    "create_key": {"name": "ci", "scopes": ["read"]},
}


@pytest.mark.parametrize("operation", REPEATABLE, ids=lambda o: o.id)
@pytest.mark.parametrize("has_crashed", [False, True], ids=["replayed", "rebuilt"])
async def test_every_post_and_patch_can_be_repeated(
    gateway: Gateway, operation: Operation, has_crashed: bool
) -> None:
    """PROTOCOL §3: Idempotency-Key on every POST and PATCH, crash or no crash."""
    target = await _target_for(gateway, operation)
    path = operation.path.replace("{id}", target)
    body = BODIES.get(operation.id, {})
    request: dict[str, Any] = {"key": "admin", "json": body, "headers": KEY}
    gateway.store.forgets_answers = has_crashed
    first = await gateway.call(operation.method, path, **request)
    before = _count(gateway)
    again = await gateway.call(operation.method, path, **request)
    assert first.status == again.status == operation.status
    assert set(again.json) == set(first.json)
    if operation.id != "query_presence" or not has_crashed:  # reads nothing is claimed for
        assert again.header("Idempotent-Replay") == "true"
    assert _count(gateway) == before


async def _target_for(gateway: Gateway, operation: Operation) -> str:
    if operation.path.startswith("/v1/messages/"):
        message_id = await gateway.banner()
        if operation.id == "publish_message":
            await gateway.post(f"/v1/messages/{message_id}/pause")
        return message_id
    return "key_read" if operation.path.startswith("/v1/keys/") else "alice"


def _count(gateway: Gateway) -> tuple[int, int, int, int]:
    revisions = sum(len(each) for each in gateway.messages.known.values())
    return revisions, len(gateway.people.done), len(gateway.mutes.muted), len(gateway.keys.keys)


def _claim(key: str, fingerprint: str) -> Any:
    from gateway.model.admin import IdempotencyClaim

    return IdempotencyClaim(key=key, fingerprint=fingerprint)
