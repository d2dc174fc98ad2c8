"""The opening handshake as a decision: subprotocols, tokens, Origin, and RFC 6455's own rules."""

from http import HTTPStatus
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.sessions.link import Encoding
from gateway.transport.handshake import Accepted, UpgradeRequest, negotiate
from gateway.transport.origins import Origins
from gateway.transport.refusal import Refusal

JWT = "eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiJ1In0.c2lnbmF0dXJl"
FIELDS = {
    "host": "gateway.test",
    "upgrade": "websocket",
    "connection": "keep-alive, Upgrade",
    "sec-websocket-key": "dGhlIHNhbXBsZSBub25jZQ==",
    "sec-websocket-version": "13",
}


def request(
    target: str = "/v1/ws",
    *,
    method: str = "GET",
    version: str = "1.1",
    extra: tuple[tuple[str, str], ...] = (),
    **changes: str | None,
) -> UpgradeRequest:
    """A handshake; None leaves a field out, `extra` adds fields even twice."""
    fields = FIELDS | {name.replace("_", "-"): value for name, value in changes.items()}
    pairs = [(name, value) for name, value in fields.items() if value is not None]
    headers = [(name.encode(), value.encode("latin-1")) for name, value in [*pairs, *extra]]
    return UpgradeRequest(method=method, target=target, version=version, headers=headers)


def accepted(*args: Any, **kwargs: Any) -> Accepted:
    """The outcome, when it must be a yes."""
    answer = negotiate(request(*args, **kwargs), Origins(["https://app.example.com"]))
    assert isinstance(answer, Accepted), answer
    return answer


def refused(*args: Any, **kwargs: Any) -> Refusal:
    """The outcome, when it must be a no."""
    answer = negotiate(request(*args, **kwargs), Origins(["https://app.example.com"]))
    assert isinstance(answer, Refusal), answer
    return answer


def test_the_answer_proves_the_key_and_offers_no_extension() -> None:
    """RFC 6455 §1.3's own example; compression is never agreed to (T17, T18)."""
    response = accepted(sec_websocket_extensions="permessage-deflate").response
    assert response.startswith(b"HTTP/1.1 101 ")
    assert b"sec-websocket-accept: s3pplmbitxaq9kygzzhzrbk+xoo=" in response.lower()
    assert b"extensions" not in response.lower()


@pytest.mark.parametrize(
    ("offer", "encoding", "chosen"),
    [
        (None, Encoding.JSON, None),
        ("inapp.v1.json", Encoding.JSON, "inapp.v1.json"),
        ("inapp.v1.msgpack", Encoding.MSGPACK, "inapp.v1.msgpack"),
        ("inapp.v1.msgpack, inapp.v1.json", Encoding.MSGPACK, "inapp.v1.msgpack"),
        ("inapp.v9.json,inapp.v1.json", Encoding.JSON, "inapp.v1.json"),
        (f"inapp.v1.json, bearer.{JWT}", Encoding.JSON, "inapp.v1.json"),
    ],
)
def test_the_first_known_subprotocol_is_chosen(
    offer: str | None, encoding: Encoding, chosen: str | None
) -> None:
    """None offered: JSON, and none named in the answer."""
    answer = accepted(sec_websocket_protocol=offer)
    assert answer.encoding is encoding
    line = f"sec-websocket-protocol: {chosen}".encode()
    assert (line in answer.response.lower()) is (chosen is not None)
    assert JWT.encode() not in answer.response


@pytest.mark.parametrize("offer", ["chat", "inapp.v2.json", f"bearer.{JWT}", ",", "INAPP.V1.JSON"])
def test_none_known_is_refused_and_told_what_is(offer: str) -> None:
    """Some offered and none known: 400."""
    refusal = refused(sec_websocket_protocol=offer)
    assert (refusal.status, refusal.code) == (HTTPStatus.BAD_REQUEST, "unknown_subprotocol")
    assert "inapp.v1.json" in refusal.detail


def test_a_token_comes_as_a_subprotocol_or_in_authorization() -> None:
    """The two places beside the `connect` frame."""
    assert accepted(sec_websocket_protocol=f"inapp.v1.json, bearer.{JWT}").token == JWT
    assert accepted(authorization=f"Bearer {JWT}").token == JWT
    assert accepted(authorization=f"bearer  {JWT} ").token == JWT
    assert accepted().token is None


@pytest.mark.parametrize("value", ["Basic dTpw", "Bearer", "Bearer ", JWT])
def test_other_authorization_is_refused(value: str) -> None:
    """Better a clear no than a connection that is closed for want of a token."""
    assert refused(authorization=value).code == "bad_token"


@pytest.mark.parametrize(
    "query",
    [
        f"token={JWT}",
        "access_token=x",
        "ACCESS_TOKEN=x",
        "jwt=",
        "authorization=Bearer+x",
        f"t={JWT}",
        f"x=Bearer%20{JWT}",
        f"a=1&id_token={JWT}",
        "%74oken=x",
    ],
)
def test_a_token_in_the_url_is_refused(query: str) -> None:
    """T52: URLs end up in logs. The refusal does not repeat it."""
    refusal = refused(f"/v1/ws?{query}")
    assert (refusal.status, refusal.code) == (HTTPStatus.BAD_REQUEST, "token_in_url")
    assert b"eyJ" not in refusal.response()


def test_other_queries_do_no_harm() -> None:
    """A cache buster, say."""
    assert accepted("/v1/ws?v=17&app=shop&eyJ=1")


@pytest.mark.parametrize("target", ["/", "/v1/ws/", "/v1/wsx", "//v1/ws", "/V1/WS", "/v1/ws#x"])
def test_only_one_path_is_a_websocket(target: str) -> None:
    """Anything else is 404."""
    assert refused(target).status == HTTPStatus.NOT_FOUND


def test_foreign_origins_are_refused() -> None:
    """PROTOCOL §2: 403 unless on the list, of the same host, or absent."""
    assert refused(origin="https://evil.test").status == HTTPStatus.FORBIDDEN
    assert refused(origin="null").status == HTTPStatus.FORBIDDEN
    assert accepted(origin="https://app.example.com")
    assert accepted(origin="https://gateway.test")
    assert accepted(origin=None)


@pytest.mark.parametrize(
    ("changes", "status"),
    [
        ({"method": "POST"}, HTTPStatus.METHOD_NOT_ALLOWED),
        ({"version": "1.0"}, HTTPStatus.HTTP_VERSION_NOT_SUPPORTED),
        ({"upgrade": "h2c"}, HTTPStatus.UPGRADE_REQUIRED),
        ({"upgrade": None}, HTTPStatus.UPGRADE_REQUIRED),
        ({"connection": "keep-alive"}, HTTPStatus.UPGRADE_REQUIRED),
        ({"sec_websocket_key": None}, HTTPStatus.BAD_REQUEST),
        ({"sec_websocket_key": "short"}, HTTPStatus.BAD_REQUEST),
        ({"sec_websocket_key": "é" * 24}, HTTPStatus.BAD_REQUEST),
        ({"sec_websocket_version": "12"}, HTTPStatus.BAD_REQUEST),
        ({"sec_websocket_version": None}, HTTPStatus.BAD_REQUEST),
    ],
)
def test_what_is_no_handshake_is_refused(changes: dict[str, Any], status: HTTPStatus) -> None:
    """RFC 6455 §4.2.1; HTTP/1.0 cannot upgrade (T9)."""
    refusal = refused(**changes)
    assert refusal.status == status
    assert len(refusal.detail) > 20


@pytest.mark.parametrize(
    "name", ["sec-websocket-key", "sec-websocket-version", "origin", "authorization"]
)
def test_a_field_that_decides_may_come_once(name: str) -> None:
    """Two parties must not read two different ones (T7)."""
    value = {"authorization": "Bearer x", "origin": "https://gateway.test"}.get(name, "13")
    changes: dict[str, Any] = {name.replace("-", "_"): value}
    assert refused(extra=((name, value),), **changes).status == HTTPStatus.BAD_REQUEST


def test_nothing_of_a_refused_request_is_kept() -> None:
    """P18: not even in the parser that all requests share."""
    from gateway.transport import handshake

    refused(sec_websocket_key="short", authorization=f"Bearer {JWT}")
    assert handshake._protocol.handshake_exc is None


header_text = st.text(
    st.characters(min_codepoint=32, max_codepoint=255, exclude_characters="\x7f"), max_size=60
)


@given(
    name=st.sampled_from(
        sorted(
            {
                *FIELDS,
                "origin",
                "authorization",
                "sec-websocket-protocol",
                "sec-websocket-extensions",
            }
        )
    ),
    value=header_text,
)
def test_no_header_text_does_more_than_be_refused(name: str, value: str) -> None:
    """T26: a 101 or a clear 4xx, never an error of ours."""
    changes: dict[str, Any] = {name.replace("-", "_"): value}
    answer = negotiate(request(**changes), Origins(["https://app.example.com"]))
    assert isinstance(answer, Accepted) or 400 <= answer.status < 506


@given(st.text(max_size=80))
def test_no_target_does_more_than_be_refused(target: str) -> None:
    """T26, for what stands in the request line."""
    answer = negotiate(request(f"/v1/ws?{target}"), Origins([]))
    assert isinstance(answer, Accepted | Refusal)
