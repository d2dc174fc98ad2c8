"""One HTTP call puts an outage banner on every open screen: a real process, real sockets."""

import asyncio
import json
import signal
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx2
import msgpack
import pytest

from tests.servers import GatewayProcess, a_gateway


@pytest.fixture(scope="module")
def gateway(tmp_path_factory: pytest.TempPathFactory) -> Iterator[GatewayProcess]:
    with a_gateway(tmp_path_factory.mktemp("gateway")) as gateway:
        yield gateway


async def broadcast(http: httpx2.AsyncClient, text: str = "Down", **fields: Any) -> dict[str, Any]:
    answer = await http.post("/v1/broadcast", json={"text": text} | fields)
    assert answer.status_code == 201, answer.text
    return dict(answer.json())


async def test_one_call_reaches_every_client_within_the_second(gateway: GatewayProcess) -> None:
    """A17."""
    async with gateway.http() as http, asyncio.timeout(30):
        async with gateway.connect("ada") as ada, gateway.connect("grace") as grace:
            answer = await broadcast(http, "Payments are failing")
            for client in (ada, grace):
                frame = await client.next("message", seconds=1)
                assert frame["message"]["id"] == answer["id"]
        assert answer["reach"]["sent"] == 2


async def test_wait_answers_with_confirmed_receipts(gateway: GatewayProcess) -> None:
    """PROTOCOL §3: `?wait=` waits for `received`."""
    async with gateway.http() as http, gateway.connect("ada") as ada:
        waiting = asyncio.create_task(http.post("/v1/broadcast?wait=10s", json={"text": "hello"}))
        frame = await ada.next("message")
        assert not waiting.done()
        line = {"message": frame["message"]["id"], "revision": 1, "stage": "received"}
        await ada.say(type="receipt", receipts=[line])
        answer = (await waiting).json()
        assert answer["reach"]["received"] >= 1


async def test_msgpack_clients_get_the_same_objects(gateway: GatewayProcess) -> None:
    subprotocols = ["inapp.v1.msgpack"]
    async with gateway.http() as http, gateway.dial(subprotocols=subprotocols) as client:
        await client.ws.send(msgpack.packb({"type": "connect", "token": gateway.token("ada")}))
        welcome = msgpack.unpackb(await client.ws.recv())
        assert welcome["type"] == "welcome"
        answer = await broadcast(http, "for msgpack")
        frame = msgpack.unpackb(await client.ws.recv())
        assert frame["message"]["id"] == answer["id"]


async def test_a_banner_lives_on_after_kill_9_exactly_once(tmp_path: Path) -> None:
    """P1: accepted means durable."""
    with a_gateway(tmp_path) as gateway:
        async with gateway.http() as http:
            answer = await broadcast(http, "kept")
        gateway.kill()
        gateway.start()
        async with gateway.connect("ada") as ada:
            live = ada.got[0]["live"]
        assert [(m["id"], m["revision"]) for m in live] == [(answer["id"], 1)]


async def test_the_same_idempotency_key_after_kill_9_makes_no_second_banner(
    tmp_path: Path,
) -> None:
    """T63, I8."""
    headers = {"Idempotency-Key": "outage-1"}
    with a_gateway(tmp_path) as gateway:
        async with gateway.http() as http:
            first = await http.post("/v1/broadcast", json={"text": "once"}, headers=headers)
        gateway.kill()
        gateway.start()
        async with gateway.http() as http:
            again = await http.post("/v1/broadcast", json={"text": "once"}, headers=headers)
            listed = (await http.get("/v1/messages?state=live")).json()["data"]
    assert (first.status_code, again.status_code) == (201, 201)
    assert first.json()["id"] == again.json()["id"]
    assert len(listed) == 1


async def test_a_hundred_parallel_posts_with_one_key_make_one_banner(
    gateway: GatewayProcess,
) -> None:
    """T63."""
    async with gateway.http() as http:
        headers = {"Idempotency-Key": "parallel-1"}

        async def post() -> httpx2.Response:
            return await http.post("/v1/broadcast", json={"text": "one"}, headers=headers)

        answers = await asyncio.gather(*(post() for _ in range(100)))
        made = {answer.json()["id"] for answer in answers if answer.status_code == 201}
        assert {answer.status_code for answer in answers} <= {201, 409}
        assert len(made) == 1


async def test_two_operators_who_patch_at_once_get_one_200_and_one_412(
    gateway: GatewayProcess,
) -> None:
    async with gateway.http() as http:
        made = await broadcast(http, "contested")
        headers = {"If-Match": '"1"'}
        path = f"/v1/messages/{made['id']}"
        answers = await asyncio.gather(
            *(http.patch(path, json={"severity": s}, headers=headers) for s in ("minor", "info"))
        )
        assert sorted(answer.status_code for answer in answers) == [200, 412]


async def test_sigterm_sends_everybody_away_in_order_and_exits_cleanly(tmp_path: Path) -> None:
    """F14, P12: nobody gets 1012; each has a pause of its own; new upgrades are refused."""
    with a_gateway(tmp_path, drain_over="10s", drain_grace="1s") as gateway:
        async with gateway.connect("ada") as ada, gateway.connect("grace") as grace:
            gateway.terminate()
            pauses = [(await c.next("drain"))["reconnect_after"] for c in (ada, grace)]
            codes = [await client.close_code() for client in (ada, grace)]
        assert codes == [4200, 4200]
        assert len(set(pauses)) == 2
        assert gateway.wait() == 0


async def test_a_draining_node_is_not_ready_and_refuses_upgrades(tmp_path: Path) -> None:
    with a_gateway(tmp_path, drain_over="10s", drain_grace="3s") as gateway:
        async with gateway.http() as http, gateway.connect("ada") as ada:
            gateway.terminate()
            await ada.next("drain")
            ready = await http.get("/readyz")
            assert ready.status_code == 503
            upgrade = await http.get(
                "/v1/ws",
                headers={
                    "Connection": "Upgrade",
                    "Upgrade": "websocket",
                    "Sec-WebSocket-Version": "13",
                    "Sec-WebSocket-Key": "dGhlIHNhbXBsZSBub25jZQ==",
                },
            )
            assert upgrade.status_code == 503
            assert "retry-after" in upgrade.headers
            await ada.ws.close()
        assert gateway.wait() == 0


async def test_a_second_signal_hastens_the_end(tmp_path: Path) -> None:
    with a_gateway(tmp_path, drain_grace="60s") as gateway:
        async with gateway.connect("ada") as ada:
            gateway.terminate()
            await ada.next("drain")
            gateway.terminate()
            assert await ada.close_code() in (1001, 4200)
        assert gateway.wait(15) == 0


async def test_no_token_key_or_text_is_in_any_log_line(tmp_path: Path) -> None:
    """P18, T52, F11: canaries through good and bad flows."""
    with a_gateway(tmp_path, log_level="debug") as gateway:
        token = gateway.token("canary-user")
        async with gateway.http() as http, gateway.connect("ada"):
            await broadcast(http, "canary-text")
            await http.get(f"/v1/ws?token={token}")
            await http.get("/v1/messages?cursor=canary-cursor")
            await http.post("/v1/broadcast", content=b'{"text": "canary-broken')
        async with gateway.http("igk_canary-key-that-is-unknown-00000") as stranger:
            assert (await stranger.get("/v1/messages")).status_code == 401
        async with gateway.dial() as client:
            await client.say(type="connect", token=f"{token[:-4]}AAAA")
            assert await client.close_code() == 4303
        gateway.stop()
        log = gateway.log.read_text()
    for secret in (token, token[:-4], gateway.key, gateway.secret, "canary-"):
        assert secret not in log


async def test_every_log_line_of_the_server_is_json(tmp_path: Path) -> None:
    with a_gateway(tmp_path) as gateway:
        async with gateway.http() as http:
            await http.get("/v1/nothing")
        gateway.stop()
        lines = gateway.log.read_text().splitlines()
    events = [json.loads(line) for line in lines if line.startswith("{")]
    assert all({"event", "level", "at"} <= set(event) for event in events)
    assert len(lines) - len(events) <= 1  # the line for people: where it listens


async def test_metrics_tell_how_long_a_fan_out_took(gateway: GatewayProcess) -> None:
    async with gateway.http() as http, gateway.connect("ada"):
        await broadcast(http, "measured")
        text = (await http.get("/metrics")).text
    assert "gateway_publish_seconds_count" in text
    assert "gateway_fan_out_seconds_bucket" in text
    assert "gateway_sessions 1.0" in text


@pytest.mark.parametrize("how", [signal.SIGINT, signal.SIGTERM])
def test_an_idle_node_stops_at_once(tmp_path: Path, how: signal.Signals) -> None:
    with a_gateway(tmp_path) as gateway:
        assert gateway.process is not None
        gateway.process.send_signal(how)
        assert gateway.wait(10) == 0
