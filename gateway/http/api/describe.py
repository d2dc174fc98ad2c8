"""The API's own description: `/openapi.json`, `/asyncapi.json`, `/docs`. Made once, when asked."""

from collections.abc import Callable, Sequence
from functools import cache
from typing import Any

from gateway.http.answers import Answer, Policy, encode
from gateway.http.asyncapi import asyncapi
from gateway.http.caching import cached, etag_of
from gateway.http.docs_page import docs_page, problems_page
from gateway.http.openapi import openapi
from gateway.http.operation import Call, Handler, Operation
from gateway.http.queries import Query

_HTML = "text/html; charset=utf-8"
_JSON = "application/json"


def describe(others: Sequence[Operation]) -> tuple[Operation, ...]:
    """Operations that describe the others, and themselves."""

    def everything() -> tuple[Operation, ...]:
        return (*others, *described)

    described: tuple[Operation, ...] = (
        _document("get_openapi", "/openapi.json", "OpenAPI 3.1", _JSON,
                  lambda: encode(openapi(everything()))),
        _document("get_asyncapi", "/asyncapi.json", "AsyncAPI 3.0 of the WebSocket", _JSON,
                  lambda: encode(asyncapi())),
        _document("get_docs", "/docs", "This API as a page", _HTML,
                  lambda: docs_page(everything())),
        _document("get_problems", "/docs/problems", "Every problem code as a page", _HTML,
                  problems_page),
    )  # fmt: skip
    return described


def _document(
    id: str,  # noqa: A002 - the field's name
    path: str,
    summary: str,
    media_type: str,
    make: Callable[[], bytes],
) -> Operation:
    is_page = media_type == _HTML
    return Operation(
        id=id,
        method="GET",
        path=path,
        tag="description",
        summary=summary,
        handler=_handler(media_type, make, Policy.PAGE if is_page else Policy.SHARED),
        returns=None if is_page else dict[str, Any],
        streams={"text/html": "a page"} if is_page else {},
    )


def _handler(media_type: str, make: Callable[[], bytes], policy: Policy) -> Handler:
    @cache
    def made() -> Answer:
        body = make()
        headers = {"ETag": etag_of(body)}
        if policy is Policy.SHARED:
            headers["Cache-Control"] = "no-cache"
        return Answer(body=body, media_type=media_type, headers=headers, policy=policy)

    async def handler(call: Call[Any, Query]) -> Answer:
        return cached(made(), call.headers)

    return handler
