"""`GET /v1/public/banners`: the live set for everybody, logged in or not; fit for a CDN."""

from typing import Any

from gateway.http.answers import Answer, Policy, encode
from gateway.http.caching import cached, etag_of
from gateway.http.operation import Call, Operation
from gateway.http.queries import Query
from gateway.http.views import PublicView

_CACHE = "public, max-age=5, stale-while-revalidate=30, stale-if-error=600"
"""A banner may be five seconds late here. When the gateway is down, which is when banners matter,
a CDN may go on with what it has."""


async def banners(call: Call[Any, Query]) -> Answer:
    """The anonymous live set."""
    live = call.services.live_view()
    body = encode(PublicView(revision=live.revision, live=live.messages))
    headers = {"ETag": etag_of(body), "Cache-Control": _CACHE}
    return cached(Answer(body=body, headers=headers, policy=Policy.SHARED), call.headers)


OPERATIONS: tuple[Operation, ...] = (
    Operation(
        id="get_public_banners",
        method="GET",
        path="/v1/public/banners",
        tag="banners",
        summary="The live banners that are for everybody",
        description="Without a key, for logged-out pages and CDNs: `ETag`, `Cache-Control`, and"
        " CORS for any origin. `live` holds messages as they are on the wire.",
        handler=banners,
        returns=PublicView,
    ),
)
