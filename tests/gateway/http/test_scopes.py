"""Who may call what: keys and scopes, for every operation there is."""

from typing import Any

import pytest

from gateway.http.operation import Operation
from gateway.http.operations import API
from gateway.model.admin import Scope
from tests.gateway.http.http_kit import Gateway, Reply

SCOPES: dict[str, tuple[str, ...]] = {
    "broadcast": ("banner:write",),
    "get_public_banners": (),
    "create_message": ("banner:write", "message:write"),
    "list_messages": ("read",),
    "get_message": ("read",),
    "patch_message": ("banner:write", "message:write"),
    "publish_message": ("banner:write", "message:write"),
    "pause_message": ("banner:write", "message:write"),
    "retract_message": ("banner:write", "message:write"),
    "list_revisions": ("read",),
    "get_reach": ("read",),
    "list_receipts": ("read",),
    "get_census": ("presence",),
    "get_presence": ("presence",),
    "query_presence": ("presence",),
    "disconnect_user": ("admin",),
    "revoke_user": ("admin",),
    "block_user": ("admin",),
    "unblock_user": ("admin",),
    "mute": ("admin",),
    "unmute": ("admin",),
    "list_mutes": ("read",),
    "create_key": ("admin",),
    "list_keys": ("admin",),
    "revoke_key": ("admin",),
    "revoke_key_post": ("admin",),
    "list_audit": ("admin",),
    "get_stats": ("read",),
    "healthz": (),
    "readyz": (),
    "metrics": (),
}
"""The table as decided; a new operation has to be added here by hand, on purpose."""

GUARDED = [operation for operation in API if operation.scopes]
each_guarded = pytest.mark.parametrize("operation", GUARDED, ids=lambda o: o.id)


async def _call(gateway: Gateway, operation: Operation, **request: Any) -> Reply:
    path = operation.path.replace("{id}", "some-id").replace("{user}", "alice")
    return await gateway.call(operation.method, path, **request)


def test_the_table_of_scopes_is_as_decided() -> None:
    """T60: nobody opens an operation by forgetting its scope."""
    assert {o.id: tuple(str(scope) for scope in o.scopes) for o in API} == SCOPES


@each_guarded
async def test_without_a_key_nothing_is_told(gateway: Gateway, operation: Operation) -> None:
    """T60: 401 with how to authenticate, before anything of the request is looked at."""
    reply = await _call(gateway, operation, body=b"{not json")
    assert (reply.status, reply.problem["code"]) == (401, "key_missing")
    assert reply.header("WWW-Authenticate") == 'Bearer realm="gateway"'


@each_guarded
@pytest.mark.parametrize(
    ("key", "code"), [("made-up", "key_unknown"), ("revoked", "key_revoked"), ("", "key_missing")]
)
async def test_a_key_that_does_not_hold_is_refused(
    gateway: Gateway, operation: Operation, key: str, code: str
) -> None:
    """T60: unknown and revoked keys are 401 with the reason."""
    reply = await _call(gateway, operation, key=key)
    assert (reply.status, reply.problem["code"]) == (401, code)


@each_guarded
async def test_a_key_without_the_scope_is_told_which_one_it_needs(
    gateway: Gateway, operation: Operation
) -> None:
    """T60: 403 naming the scope, for every scope that is not among those needed."""
    needed = [str(scope) for scope in operation.scopes]
    others = [str(scope) for scope in Scope if scope not in (*operation.scopes, Scope.ADMIN)]
    for key in ["nothing", *others]:
        reply = await _call(gateway, operation, key=key)
        assert (reply.status, reply.problem["code"]) == (403, "scope_missing")
        assert all(f"`{scope}`" in reply.problem["detail"] for scope in needed)
        assert f'scope="{" ".join(needed)}"' in (reply.header("WWW-Authenticate") or "")
    assert gateway.messages.known == {}
    assert gateway.people.done == []
    assert gateway.mutes.muted == {}


@each_guarded
async def test_each_scope_that_suffices_lets_in(gateway: Gateway, operation: Operation) -> None:
    """A key with one of the scopes, or `admin`, is neither 401 nor 403."""
    for scope in {*operation.scopes, Scope.ADMIN}:
        reply = await _call(gateway, operation, key=str(scope))
        assert reply.status not in (401, 403)


@pytest.mark.parametrize(
    "authorization",
    [b"admin", b"Basic YWRtaW46", b"Token admin", b"bearer", b"Beareradmin", b"Bearer  ", b"\xff"],
)
async def test_anything_but_a_bearer_key_is_no_key(gateway: Gateway, authorization: bytes) -> None:
    """RFC 6750: only `Authorization: Bearer …` counts."""
    reply = await gateway.call("GET", "/v1/stats", headers=[(b"authorization", authorization)])
    assert (reply.status, reply.problem["code"]) == (401, "key_missing")


async def test_the_name_of_the_scheme_ignores_case(gateway: Gateway) -> None:
    """RFC 9110 §11.1."""
    reply = await gateway.call("GET", "/v1/stats", headers={"Authorization": "bEaReR admin"})
    assert reply.status == 200


async def test_two_keys_are_none(gateway: Gateway) -> None:
    """T7: a proxy and the gateway could take different ones for the caller's."""
    twice = [(b"authorization", b"Bearer read"), (b"authorization", b"Bearer admin")]
    assert (await gateway.call("GET", "/v1/stats", headers=twice)).status == 400


async def test_a_cookie_or_a_query_authenticates_nobody(gateway: Gateway) -> None:
    """T58, F11: no cookies, no keys in URLs."""
    cookie = {"Cookie": "authorization=Bearer admin; key=admin"}
    assert (await gateway.call("GET", "/v1/stats", headers=cookie)).status == 401
    assert (await gateway.call("GET", "/v1/stats?access_token=admin")).status == 401
