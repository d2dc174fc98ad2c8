"""The API keeps to its own description: schemathesis on /openapi.json (T60, T61).

Every run tries a few hundred requests; GATEWAY_API_EXAMPLES=1000 tries some 40,000.
"""

import os
from collections.abc import Iterator
from typing import Any

import hypothesis
import pytest
import schemathesis
from hypothesis import HealthCheck, Phase
from schemathesis.checks import not_a_server_error
from schemathesis.specs.openapi.checks import (
    content_type_conformance,
    response_schema_conformance,
    status_code_conformance,
    unsupported_method,
)
from structlog.testing import capture_logs

from tests.gateway.http.http_kit import Gateway

EXAMPLES = int(os.environ.get("GATEWAY_API_EXAMPLES", "8"))
CHECKS = [
    not_a_server_error,
    status_code_conformance,
    content_type_conformance,
    response_schema_conformance,
    unsupported_method,
]

_gateway = Gateway()
_schema = schemathesis.openapi.from_asgi("/openapi.json", _gateway.app)
settings = hypothesis.settings(
    max_examples=EXAMPLES,
    deadline=None,
    derandomize="GATEWAY_API_EXAMPLES" not in os.environ,
    database=None,
    suppress_health_check=list(HealthCheck),
)


@pytest.fixture(autouse=True)
def logs() -> Iterator[list[Any]]:
    """An unexpected error is logged; there must be none."""
    with capture_logs() as lines:
        yield lines
    assert lines == []


@_schema.parametrize()
@settings
def test_no_request_gets_an_answer_that_is_not_described(case: "schemathesis.Case[Any]") -> None:
    """T61: valid and invalid requests alike; 0 answers of 5xx, 0 undescribed ones."""
    case.headers["Authorization"] = "Bearer admin"
    case.call_and_validate(checks=CHECKS)


@_schema.parametrize()
@hypothesis.settings(settings, phases=[Phase.generate], max_examples=max(3, EXAMPLES // 3))
def test_no_request_gets_in_without_its_scope(case: "schemathesis.Case[Any]") -> None:
    """T60: whatever the request, a key that lacks the scope or does not exist gets nothing."""
    if not case.operation.definition.raw["security"]:
        return
    for key in ("nothing", "made-up"):
        case.headers["Authorization"] = f"Bearer {key}"
        answer = case.call()
        assert answer.status_code in (400, 401, 403)  # 400: the address itself is broken
        assert answer.headers["content-type"] == ["application/problem+json"]
