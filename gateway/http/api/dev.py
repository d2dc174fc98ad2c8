"""What only `gateway dev` has: an index, and the demo's settings. Never part of the API.

The demo's settings hold keys, so they are given to this machine's own browser alone: not to a
name that somebody else's DNS points here, and not to another site's page.
"""

from typing import Any

from gateway.errors import NotFound
from gateway.http.answers import Answer, Policy, answer
from gateway.http.docs_page import index_page
from gateway.http.operation import Call, Operation
from gateway.http.queries import Query

_LOCAL = (b"localhost", b"127.0.0.1", b"[::1]")


async def index(call: Call[Any, Query]) -> Answer:
    """Where to go."""
    body = index_page(has_demo=call.services.demo is not None)
    return Answer(body=body, media_type="text/html; charset=utf-8", policy=Policy.PAGE)


async def demo_config(call: Call[Any, Query]) -> Answer:
    """What the demo page needs."""
    demo = call.services.demo
    if demo is None or not _is_at_home(call):
        raise NotFound("There is no such path.", code="not_found")
    return answer(demo())


def _is_at_home(call: Call[Any, Query]) -> bool:
    host = call.headers[b"host"].lower()
    name = host[: host.index(b"]") + 1] if host.startswith(b"[") else host.split(b":")[0]
    origin = call.headers.get(b"origin")
    return name in _LOCAL and (origin is None or origin.lower() == b"http://" + host)


OPERATIONS: tuple[Operation, ...] = (
    Operation(id="index", method="GET", path="/", tag="dev", summary="Where to go", handler=index),
    Operation(
        id="demo_config",
        method="GET",
        path="/demo/config.json",
        tag="dev",
        summary="Settings of the demo",
        handler=demo_config,
    ),
)
