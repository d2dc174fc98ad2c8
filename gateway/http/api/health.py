"""`/healthz`, `/readyz`, `/metrics`: for those who watch the node. No key, no user data."""

import asyncio
from typing import Any

from gateway.errors import DependencyDown
from gateway.http.answers import Answer, answer
from gateway.http.operation import Call, Operation
from gateway.http.problems import HttpError
from gateway.http.queries import Query
from gateway.http.views import HealthView
from gateway.metrics import CONTENT_TYPE

_PING_SECONDS = 1.0
"""The store promises to answer or fail within it."""


async def healthz(call: Call[Any, Query]) -> Answer:
    """Alive: the event loop turns."""
    return answer(HealthView(status="ok", node=call.services.node.node_id))


async def readyz(call: Call[Any, Query]) -> Answer:
    """Ready: takes connections and can keep what it accepts."""
    if call.services.node.is_draining:
        raise HttpError("draining", "This node is draining: it takes no new connections.")
    try:
        async with asyncio.timeout(_PING_SECONDS):
            await call.services.store.ping()
    except TimeoutError:
        raise DependencyDown("The store does not answer.", code="store_unavailable") from None
    return answer(HealthView(status="ready", node=call.services.node.node_id))


async def metrics(call: Call[Any, Query]) -> Answer:
    """All metrics."""
    return Answer(body=call.services.render_metrics(), media_type=CONTENT_TYPE)


OPERATIONS: tuple[Operation, ...] = (
    Operation(
        id="healthz",
        method="GET",
        path="/healthz",
        tag="operations",
        summary="Alive?",
        handler=healthz,
        returns=HealthView,
    ),
    Operation(
        id="readyz",
        method="GET",
        path="/readyz",
        tag="operations",
        summary="Ready to take connections?",
        description="503 while draining or without the store; `code` and `detail` say why.",
        handler=readyz,
        returns=HealthView,
        statuses=(503,),
    ),
    Operation(
        id="metrics",
        method="GET",
        path="/metrics",
        tag="operations",
        summary="Metrics for Prometheus",
        handler=metrics,
        streams={"text/plain": "Prometheus' text format"},
    ),
)
