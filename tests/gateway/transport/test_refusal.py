"""Refusals as whole HTTP answers."""

import json
from http import HTTPStatus

from gateway.transport.refusal import Refusal, overloaded


def test_a_refusal_is_a_problem_document_that_ends_the_connection() -> None:
    """RFC 9457, with our `code` for programs."""
    refusal = Refusal(status=HTTPStatus.BAD_REQUEST, code="bad_host", detail="one Host, please")
    head, _, body = refusal.response().partition(b"\r\n\r\n")
    lines = head.decode().split("\r\n")
    assert lines[0] == "HTTP/1.1 400 Bad Request"
    assert {"content-type: application/problem+json", "connection: close"} <= set(lines)
    assert f"content-length: {len(body)}" in lines
    assert json.loads(body) == {
        "type": "about:blank",
        "title": "Bad Request",
        "status": 400,
        "detail": "one Host, please",
        "code": "bad_host",
        "errors": [],
    }


def test_overload_tells_when_to_come_back_in_whole_seconds() -> None:
    """RFC 9110 §10.2.3; never 0, which would mean at once."""
    assert overloaded("node_full", "full", 0.01).headers["retry-after"] == "1"
    assert overloaded("node_full", "full", 2.1).headers["retry-after"] == "3"
    assert overloaded("node_full", "full", 2.1).status == 503
