"""What happens when the disk is full, clients storm, stall or vanish, and nothing is prepared."""

import asyncio
import contextlib
import json
import resource
import shutil
import socket
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx2
import pytest

from tests.servers import GatewayProcess, a_gateway, until

ROOT = Path(__file__).parents[2]
CROWD = 2_000
"""Connections of the short runs here; `make bench` takes 10,000."""


@pytest.fixture(scope="module")
def meter(tmp_path_factory: pytest.TempPathFactory) -> str:
    compiler = shutil.which("cc")
    assert compiler, "a C compiler is needed to build bench/meter.c: apt-get install gcc libc6-dev"
    program = str(tmp_path_factory.mktemp("meter") / "meter")
    subprocess.run([compiler, "-O2", "-o", program, ROOT / "bench" / "meter.c"], check=True)
    return program


@pytest.fixture
def gateway(tmp_path: Path) -> Iterator[GatewayProcess]:
    with a_gateway(tmp_path, max_connect_rate=100_000, stall_timeout="2s") as gateway:
        yield gateway


def connects(gateway: GatewayProcess, count: int) -> Path:
    """A file with a `connect` frame for each connection, each of a user of its own."""
    file = gateway.folder / "connects.jsonl"
    frames = ({"type": "connect", "token": gateway.token(f"u-{n}")} for n in range(count))
    file.write_text("\n".join(json.dumps(frame) for frame in frames) + "\n")
    return file


def publish_request(gateway: GatewayProcess, text: str = "BCAST") -> Path:
    body = json.dumps({"text": text}).encode()
    head = (
        "POST /v1/broadcast HTTP/1.1\r\nHost: 127.0.0.1\r\n"
        f"Authorization: Bearer {gateway.key}\r\nContent-Type: application/json\r\n"
        f"Content-Length: {len(body)}\r\n\r\n"
    )
    file = gateway.folder / "publish.bin"
    file.write_bytes(head.encode() + body)
    return file


async def measure(gateway: GatewayProcess, meter: str, *options: str) -> dict[str, Any]:
    """Run the meter to its end."""
    process = await asyncio.create_subprocess_exec(
        *(meter, "--port", str(gateway.port), "--path", "/v1/ws"),
        *("--subprotocol", "inapp.v1.json", "-n", str(CROWD), "--ready", "welcome"),
        *("--init-file", str(connects(gateway, CROWD)), "--timeout", "30", *options),
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
    )
    out, errors = await process.communicate()
    assert process.returncode == 0, errors.decode()
    return dict(json.loads(out))


async def test_every_client_of_a_crowd_gets_every_banner(
    gateway: GatewayProcess, meter: str
) -> None:
    """A17, in short: nobody missed, nobody dropped."""
    request = str(publish_request(gateway))
    measured = await measure(
        gateway, meter, "--rounds", "5", "--publish", request, "--publish-port", str(gateway.port)
    )
    assert measured["ready"] == CROWD
    assert sum(round_["missed"] for round_ in measured["rounds"]) == 0
    assert measured["dropped"] == 0


async def test_a_crowd_that_comes_back_at_once_is_welcomed_with_the_live_set(
    gateway: GatewayProcess, meter: str
) -> None:
    """P13: all connections break at once, and all are back with the right set."""
    await measure(gateway, meter)
    async with gateway.http() as http:
        answer = await http.post("/v1/broadcast", json={"text": "BCAST still here"})
        marker = answer.json()["id"]
        measured = await measure(gateway, meter, "--ready", marker)
        stats = (await http.get("/v1/stats")).json()
    assert measured["ready"] == CROWD
    assert measured["refused"] == 0
    assert stats["live_messages"] == 1


async def test_a_storm_over_the_admission_rate_is_told_when_to_come_back(tmp_path: Path) -> None:
    """T14."""
    with a_gateway(tmp_path, max_connect_rate=2) as gateway:
        answers = [await upgrade(gateway) for _ in range(12)]
    statuses = {status for status, _ in answers}
    assert statuses == {101, 503}
    assert all("retry-after" in head for status, head in answers if status == 503)


async def upgrade(gateway: GatewayProcess) -> tuple[int, str]:
    """Status and head of the answer to an upgrade request."""
    reader, writer = await asyncio.open_connection("127.0.0.1", gateway.port)
    writer.write(
        b"GET /v1/ws HTTP/1.1\r\nHost: x\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n"
        b"Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n"
    )
    head = (await reader.readuntil(b"\r\n\r\n")).decode().lower()
    writer.close()
    return int(head.split()[1]), head


async def test_a_client_that_never_reads_is_cut_and_hurts_nobody(gateway: GatewayProcess) -> None:
    """P10, F1, T12: its memory is bounded by its budget, and 4108 is counted."""
    async with gateway.http() as http, gateway.connect("ada") as ada:
        deaf = await a_deaf_client(gateway)
        text = "x" * 450
        for number in range(600):
            answer = await http.post("/v1/broadcast", json={"text": f"{number} {text}"})
            assert answer.status_code == 201
            await http.post(f"/v1/messages/{answer.json()['id']}/retract", json={})
            await ada.next("retract")
            if "stalled" in (await http.get("/metrics")).text:
                break
        else:
            await until_counted(http, "stalled")
        deaf.close()
        presence = (await http.get("/v1/presence/deaf")).json()
    assert presence["online"] is False


async def test_a_slow_client_that_reads_again_is_synced_with_what_is_true_by_then(
    tmp_path: Path,
) -> None:
    """P10, T68: frames over its budget are dropped, and a snapshot closes the gap."""
    budget = {"outbox_soft_bytes": 4_096, "outbox_hard_bytes": 16_384, "send_buffer_bytes": 4_096}
    with a_gateway(tmp_path, stall_timeout="60s", **budget) as gateway:
        async with gateway.http() as http:
            slow = await a_deaf_client(gateway)
            while "lagging" not in (await http.get("/metrics")).text:
                made = await http.post("/v1/broadcast", json={"text": "x" * 450})
                gone = made.json()["id"]
                await http.post(f"/v1/messages/{gone}/retract", json={})
            kept = (await http.post("/v1/broadcast", json={"text": "still true"})).json()["id"]
            frames = await read_until_sync(slow)
            slow.close()
    assert [message["id"] for message in frames[-1]["live"]] == [kept]


async def read_until_sync(client: socket.socket) -> list[dict[str, Any]]:
    """Every frame up to the first `sync`."""
    got, data = [], b""
    async with asyncio.timeout(20):
        while not got or got[-1]["type"] != "sync":
            data += await asyncio.get_running_loop().sock_recv(client, 65_536)
            frames, data = split_frames(data)
            got += frames
    return got


def split_frames(data: bytes) -> tuple[list[dict[str, Any]], bytes]:
    """Whole unmasked text frames, and the rest."""
    got = []
    while len(data) >= 4:
        length, start = (data[1], 2) if data[1] < 126 else (int.from_bytes(data[2:4]), 4)
        if len(data) < start + length:
            break
        got.append(json.loads(data[start : start + length]))
        data = data[start + length :]
    return got, data


async def test_a_peer_that_falls_silent_is_gone_after_interval_and_grace(tmp_path: Path) -> None:
    """P8, T11: half-open connections do not count as present."""
    with a_gateway(tmp_path, heartbeat_interval=1, heartbeat_grace=1) as gateway:
        async with gateway.http() as http, gateway.connect("ada") as ada:
            await ada.next("ping")
            assert await ada.close_code() == 4107
            assert not (await http.get("/v1/presence/ada")).json()["online"]


async def a_deaf_client(gateway: GatewayProcess) -> socket.socket:
    """Connected and welcomed, with a tiny receive buffer that it will not empty."""
    client = socket.socket()
    client.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4_096)
    client.setblocking(False)
    loop = asyncio.get_running_loop()
    await loop.sock_connect(client, ("127.0.0.1", gateway.port))
    await loop.sock_sendall(
        client,
        b"GET /v1/ws HTTP/1.1\r\nHost: x\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n"
        b"Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n",
    )
    await loop.sock_recv(client, 1_024)
    frame = json.dumps({"type": "connect", "token": gateway.token("deaf")}).encode()
    head = b"\x81\xfe" + len(frame).to_bytes(2) + bytes(4)  # masked with zeros
    await loop.sock_sendall(client, head + frame)
    async with gateway.http() as http:

        async def is_online() -> bool:
            return bool((await http.get("/v1/presence/deaf")).json()["online"])

        await until(is_online)
    return client


async def until_counted(http: Any, reason: str) -> None:
    async def is_counted() -> bool:
        return reason in (await http.get("/metrics")).text

    await until(is_counted)


async def test_a_full_disk_refuses_changes_and_nothing_else(gateway: GatewayProcess) -> None:
    """T70: 503 with the reason, screens stay, and it heals without a restart."""
    assert gateway.process is not None
    async with gateway.http() as http, gateway.connect("ada") as ada:
        first = await http.post("/v1/broadcast", json={"text": "before"})
        room = max(file.stat().st_size for file in gateway.folder.glob("gateway.db*"))
        limit_file_size(gateway.process.pid, room)
        refused = await post_until_refused(http)
        assert refused.headers["content-type"] == "application/problem+json"
        assert refused.json()["code"] in ("store_full", "store_unavailable")
        assert "retry-after" in refused.headers

        async with gateway.connect("grace") as grace:
            live = [message["id"] for message in grace.got[0]["live"]]
        assert first.json()["id"] in live
        assert ada.ws.close_code is None

        limit_file_size(gateway.process.pid, resource.RLIM_INFINITY)
        healed = await post_until_taken(http)
        assert healed.status_code == 201
        while True:
            frame = await ada.next("message")
            if frame["message"]["id"] == healed.json()["id"]:
                break


def limit_file_size(pid: int, size: int) -> None:
    """Writes beyond this fail, as they do on a full disk; no privilege is needed."""
    hard = resource.prlimit(pid, resource.RLIMIT_FSIZE)[1]
    resource.prlimit(pid, resource.RLIMIT_FSIZE, (size, hard))


async def post_until_refused(http: Any) -> Any:
    for number in range(2_000):
        answer = await http.post("/v1/messages", json=draft(f"{number}" + "x" * 400))
        if answer.status_code != 201:
            assert answer.status_code == 503, answer.text
            return answer
    raise AssertionError("the limit was never reached")


async def post_until_taken(http: Any) -> Any:
    answers: list[Any] = []

    async def is_taken() -> bool:
        answers.append(await http.post("/v1/broadcast", json={"text": "after"}))
        return bool(answers[-1].status_code == 201)

    await until(is_taken)
    return answers[-1]


def draft(text: str) -> dict[str, Any]:
    return {
        "kind": "banner",
        "severity": "minor",
        "category": "incident",
        "content": {"en": {"body": text}},
    }


async def test_nothing_that_was_accepted_under_load_is_lost_by_sigterm(tmp_path: Path) -> None:
    """SIGTERM while changes arrive: each 201 is there after the restart."""
    accepted: list[str] = []
    enough = asyncio.Event()
    with a_gateway(tmp_path, drain_grace="500ms") as gateway:

        async def post_until_it_stops() -> None:
            with contextlib.suppress(httpx2.TransportError):
                async with gateway.http() as http:
                    while (
                        answer := await http.post("/v1/messages", json=draft("kept"))
                    ).is_success:
                        accepted.append(answer.json()["id"])
                        if len(accepted) == 50:
                            enough.set()

        async with gateway.connect("ada"):
            posting = [asyncio.create_task(post_until_it_stops()) for _ in range(4)]
            await asyncio.wait_for(enough.wait(), 20)
            gateway.terminate()
            await asyncio.gather(*posting)
        assert gateway.wait() == 0
        gateway.start()
        async with gateway.http() as http:
            for message_id in accepted:
                assert (await http.get(f"/v1/messages/{message_id}")).status_code == 200
