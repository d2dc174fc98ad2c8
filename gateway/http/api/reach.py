"""How far a message came: its reach as JSON or as a stream, its receipts as pages or as CSV."""

from collections.abc import AsyncGenerator
from typing import Any

from gateway.http.answers import Answer, Stream, answer
from gateway.http.csv import csv_line
from gateway.http.message_views import ReceiptView, receipt_view
from gateway.http.operation import Call, Operation
from gateway.http.queries import PageQuery, Query
from gateway.http.sse import CONTENT_TYPE as EVENT_STREAM
from gateway.http.sse import end_with_node, event
from gateway.http.views import Listed
from gateway.model.admin import Scope
from gateway.model.receipt import Reach, Receipt

_CSV = "text/csv; charset=utf-8; header=present"
_CSV_PAGE = 200
_COLUMNS = ("user", "stage", "revision", "at", "sessions", "action", "reason")


async def reach(call: Call[Any, Query]) -> Answer | Stream:
    """The counts now, or whenever they change."""
    message_id = call.params["id"]
    now = await call.services.messages.reach(message_id)
    if not call.accepts(b"text/event-stream"):
        return answer(now)
    return Stream(
        chunks=end_with_node(_reach_events(call, message_id), call.services.node),
        media_type=EVENT_STREAM,
        headers={"X-Accel-Buffering": "no"},
    )


async def _reach_events(call: Call[Any, Query], message_id: str) -> AsyncGenerator[bytes, None]:
    async for counts in call.services.messages.watch_reach(message_id):
        yield event("reach", counts)
    yield event("end", {})


async def receipts(call: Call[Any, PageQuery]) -> Answer | Stream:
    """One page of receipts, or all of them as CSV."""
    if call.accepts(b"text/csv"):
        return await _receipts_csv(call)
    page = await call.services.messages.receipts(
        call.params["id"], cursor=call.query.cursor, limit=call.query.limit
    )
    data = tuple(receipt_view(receipt) for receipt in page.data)
    return answer(Listed(data=data, next_cursor=page.next_cursor))


async def _receipts_csv(call: Call[Any, PageQuery]) -> Stream:
    """The first page is read before the head is sent, so a message that is not there is a 404."""
    message_id, messages = call.params["id"], call.services.messages
    first = await messages.receipts(message_id, cursor=call.query.cursor, limit=_CSV_PAGE)

    async def pages() -> AsyncGenerator[bytes, None]:
        page = first
        yield csv_line(_COLUMNS) + _csv_rows(page.data)
        while page.next_cursor is not None:
            page = await messages.receipts(message_id, cursor=page.next_cursor, limit=_CSV_PAGE)
            yield _csv_rows(page.data)

    disposition = f'attachment; filename="receipts-{_safe(message_id)}.csv"'
    return Stream(chunks=pages(), media_type=_CSV, headers={"Content-Disposition": disposition})


def _csv_rows(receipts: tuple[Receipt, ...]) -> bytes:
    views = (receipt_view(receipt) for receipt in receipts)
    return b"".join(csv_line([getattr(view, name) for name in _COLUMNS]) for view in views)


def _safe(name: str) -> str:
    return "".join(c for c in name if c.isascii() and (c.isalnum() or c in "_-"))


OPERATIONS: tuple[Operation, ...] = (
    Operation(
        id="get_reach",
        method="GET",
        path="/v1/messages/{id}/reach",
        tag="reach",
        summary="Count how far a message came",
        description="With `Accept: text/event-stream` the counts come again whenever they have"
        " changed: events `reach`, at the end `end` (the message is over) or `drain` (this node"
        " stops; connect again), and a comment every 15 s.",
        handler=reach,
        scopes=(Scope.READ,),
        returns=Reach,
        streams={"text/event-stream": "events `reach`, `end`, `drain`; data is the reach"},
    ),
    Operation(
        id="list_receipts",
        method="GET",
        path="/v1/messages/{id}/receipts",
        tag="reach",
        summary="List receipts, by user and stage",
        description="With `Accept: text/csv` all of them in one file.",
        handler=receipts,
        scopes=(Scope.READ,),
        query=PageQuery,
        returns=Listed[ReceiptView],
        streams={"text/csv": "all receipts, one a line, with a header"},
    ),
)
