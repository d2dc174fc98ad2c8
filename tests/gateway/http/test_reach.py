"""How far a message came: counts, the stream of counts, receipts as pages and as CSV."""

import asyncio
import csv
import io
import json
from collections.abc import AsyncGenerator
from typing import Any

import pytest
from structlog.testing import capture_logs

from gateway.http.answers import Stream
from gateway.http.csv import csv_line
from gateway.http.sse import HEARTBEAT, end_with_node
from gateway.model.receipt import Reach, Stage
from tests.gateway.http.http_kit import DEADLINE, FakeNode, Gateway, Wire, receipt

SSE = {"Accept": "text/event-stream"}
CSV = {"Accept": "text/csv"}


async def test_reach_is_told_by_stage(gateway: Gateway) -> None:
    """PROTOCOL §3: by user, with `sessions` beside it; null where nobody can know."""
    message_id = await gateway.banner()
    gateway.messages.counts[message_id] = Reach(
        online=9, sent=8, received=7, displayed=6, suppressed={"hidden": 1}, sessions={"sent": 11}
    )
    assert (await gateway.get(f"/v1/messages/{message_id}/reach")).json == {
        "targeted": None, "online": 9, "sent": 8, "received": 7, "displayed": 6, "clicked": 0,
        "dismissed": 0, "answered": 0, "offline": None, "suppressed": {"hidden": 1},
        "sessions": {"sent": 11},
    }  # fmt: skip


# The stream


async def _stream(gateway: Gateway) -> tuple[Wire, "asyncio.Task[None]"]:
    message_id = await gateway.banner()
    path = f"/v1/messages/{message_id}/reach"
    wire = gateway.wire("GET", path, key="read", headers=SSE)
    serving = gateway.app(wire.scope, wire.receive, wire.send)  # type: ignore[arg-type] # ASGI's own types are wider
    task = asyncio.ensure_future(serving)
    await wire.until(b'"received":0')
    return wire, task


async def _ends(task: "asyncio.Task[None]") -> None:
    async with asyncio.timeout(DEADLINE):
        await task


def _events(body: bytes) -> list[tuple[str, Any]]:
    events = []
    for block in body.decode().split("\n\n"):
        fields = dict(line.split(": ", 1) for line in block.splitlines() if ": " in line)
        if "event" in fields:
            events.append((fields["event"], json.loads(fields["data"])))
    return events


async def test_reach_streams_each_change_until_the_message_is_over(gateway: Gateway) -> None:
    """`Accept: text/event-stream`: now, each change, and `end` as the last word."""
    wire, task = await _stream(gateway)
    gateway.messages.reach_steps.put_nowait(Reach(received=1))
    gateway.messages.reach_steps.put_nowait(Reach(received=2))
    gateway.messages.reach_steps.put_nowait(None)
    await _ends(task)
    reply = wire.reply()
    assert reply.header("Content-Type") == "text/event-stream"
    assert reply.header("Cache-Control") == "no-store"
    assert reply.is_whole
    names = [name for name, _ in _events(reply.body)]
    assert names == ["reach", "reach", "reach", "end"]
    assert [data["received"] for _, data in _events(reply.body)[:3]] == [0, 1, 2]


async def test_a_stream_ends_when_its_reader_leaves(gateway: Gateway) -> None:
    """No watcher and no task stays behind."""
    tasks = len(asyncio.all_tasks())
    wire, task = await _stream(gateway)
    assert gateway.messages.watchers == 1
    wire.gone.set()
    await _ends(task)
    assert gateway.messages.watchers == 0
    assert len(asyncio.all_tasks()) == tasks


async def test_a_stream_ends_when_the_node_drains(gateway: Gateway) -> None:
    """The reader is told to connect again, elsewhere."""
    wire, task = await _stream(gateway)
    gateway.node.draining.set()
    await _ends(task)
    assert _events(wire.reply().body)[-1] == ("drain", {})
    assert wire.reply().is_whole
    assert gateway.messages.watchers == 0


async def test_a_stream_that_is_cancelled_leaves_nothing(gateway: Gateway) -> None:
    """When the server stops by force."""
    _, task = await _stream(gateway)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert gateway.messages.watchers == 0


async def test_a_quiet_stream_says_that_it_is_there() -> None:
    """A comment before proxies lose patience."""
    never = asyncio.Event()

    async def quiet() -> Any:
        await never.wait()
        yield b""

    events = end_with_node(quiet(), FakeNode(), heartbeat=0.001)
    assert [await anext(events) for _ in range(3)] == [b"retry: 2000\n\n", HEARTBEAT, HEARTBEAT]
    await events.aclose()


async def test_a_stream_that_breaks_is_cut_off_and_logged(gateway: Gateway) -> None:
    """Half an answer must not look whole."""
    message_id = await gateway.banner()
    gateway.messages.lines[message_id] = [receipt(f"u{n}") for n in range(300)]
    gateway.messages.broken = ValueError("igk_secret")
    with capture_logs() as logs:
        reply = await gateway.get(f"/v1/messages/{message_id}/receipts", headers=CSV)
    assert (reply.status, reply.is_whole) == (200, False)
    assert [line["error"] for line in logs] == ["ValueError"]


@pytest.fixture
def closed() -> list[str]:
    """Whether the source of a stream has been closed."""
    return []


async def _source(closed: list[str]) -> AsyncGenerator[bytes, None]:
    try:
        yield b"one"
        yield b"two"
    finally:
        closed.append("closed")


async def test_a_source_is_closed_with_its_stream(closed: list[str]) -> None:
    """Not when the collector comes by: a watcher of a busy node costs something."""
    source = _source(closed)
    events = end_with_node(source, FakeNode())
    assert [await anext(events), await anext(events)] == [b"retry: 2000\n\n", b"one"]
    await events.aclose()
    assert closed == ["closed"]


async def test_a_source_is_closed_when_writing_fails(closed: list[str]) -> None:
    """A server may raise from `send` when the client is gone."""
    source = _source(closed)

    async def send(event: Any) -> None:
        if event.get("body"):
            raise OSError

    stream = Stream(chunks=source, media_type="text/plain")
    with pytest.raises(OSError):
        await stream.write(send, b"req_1", asyncio.sleep(DEADLINE), head_only=False)
    assert closed == ["closed"]


async def test_head_of_a_stream_has_no_body(gateway: Gateway) -> None:
    """RFC 9110 §9.3.2, also where the body would never end."""
    message_id = await gateway.banner()
    path = f"/v1/messages/{message_id}/reach"
    reply = await gateway.call("HEAD", path, key="read", headers=SSE)
    assert (reply.status, reply.body, reply.is_whole) == (200, b"", True)
    assert gateway.messages.watchers == 0


# Receipts


async def test_receipts_come_by_user_and_stage_a_page_at_a_time(gateway: Gateway) -> None:
    """PROTOCOL §3: per user, paged."""
    message_id = await gateway.banner()
    lines = [receipt("alice"), receipt("bob", Stage.CLICKED, action="more")]
    gateway.messages.lines[message_id] = lines
    first = (await gateway.get(f"/v1/messages/{message_id}/receipts?limit=1")).json
    assert first["data"] == [
        {"user": "alice", "stage": "displayed", "revision": 1, "at": "2026-11-21T12:00:00.000Z",
         "sessions": 1, "action": None, "reason": None}
    ]  # fmt: skip
    cursor = first["next_cursor"]
    path = f"/v1/messages/{message_id}/receipts?limit=1&cursor={cursor}"
    second = (await gateway.get(path)).json
    assert [(line["user"], line["action"]) for line in second["data"]] == [("bob", "more")]
    assert second["next_cursor"] is None


async def test_all_receipts_are_one_csv_file(gateway: Gateway) -> None:
    """`Accept: text/csv` exports everything, however many pages it takes."""
    message_id = await gateway.banner()
    users = [f"user-{n}" for n in range(450)]
    gateway.messages.lines[message_id] = [receipt(user) for user in users]
    reply = await gateway.get(f"/v1/messages/{message_id}/receipts", headers=CSV)
    assert (reply.header("Content-Type") or "").startswith("text/csv")
    expected = f'attachment; filename="receipts-{message_id}.csv"'
    assert reply.header("Content-Disposition") == expected
    rows = list(csv.DictReader(io.StringIO(reply.body.decode())))
    assert [row["user"] for row in rows] == users
    assert reply.is_whole


async def test_an_export_without_receipts_has_its_header(gateway: Gateway) -> None:
    """An empty file would look like a mistake."""
    message_id = await gateway.banner()
    reply = await gateway.get(f"/v1/messages/{message_id}/receipts", headers=CSV)
    assert reply.body == b"user,stage,revision,at,sessions,action,reason\r\n"


@pytest.mark.parametrize(
    "text",
    ["=1+1", "+1", "-1", "@SUM(A1)", "\tx", "\rx", "\nx", " =1+1", "=cmd|' /C calc'!A0",
     "\uff1d1+1", '"=1"', "a,b", 'say "hi"', "two\nlines", "'", "plain", ""],
)  # fmt: skip
def test_no_field_of_a_csv_is_a_formula(text: str) -> None:
    """OWASP, CSV injection: a user id or reason is shown by a spreadsheet, never run."""
    [[field, other]] = list(csv.reader(io.StringIO(csv_line([text, 1]).decode(), newline="")))
    assert other == "1"
    assert field in (text, "'" + text)
    assert not field.strip(" ").startswith(("=", "+", "-", "@", "\t", "\r", "\n", "\uff1d"))
