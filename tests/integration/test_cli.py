"""The command line against a real gateway: what an operator types, what everybody sees."""

import asyncio
import json
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from gateway.cli.main import cli
from tests.servers import GatewayProcess, a_gateway


@pytest.fixture(scope="module")
def gateway(tmp_path_factory: pytest.TempPathFactory) -> Iterator[GatewayProcess]:
    with a_gateway(tmp_path_factory.mktemp("gateway")) as gateway:
        yield gateway


async def typed(gateway: GatewayProcess, *words: str, key: str | None = None) -> Result:
    """Type a command line beside a running gateway."""
    client = {"GATEWAY_URL": gateway.url, "GATEWAY_KEY": key or gateway.key}
    runner = CliRunner(env=gateway.environment | client)
    return await asyncio.to_thread(runner.invoke, cli, list(words), prog_name="gateway")


async def test_an_outage_from_the_first_word_to_the_last(gateway: GatewayProcess) -> None:
    """A17, A35: banner, confirmations, reach, list, resolve; each as an operator would type it."""
    async with gateway.connect("ada") as ada:
        announcing = asyncio.create_task(
            typed(gateway, "banner", "Payments are failing", "--for", "2h", "--wait", "10s")
        )
        frame = await ada.next("message")
        message = frame["message"]
        line = {"message": message["id"], "revision": 1, "stage": "received"}
        await ada.say(type="receipt", receipts=[line])
        announced = await announcing
        assert announced.stdout.splitlines()[0] == (
            "Live on 1 screen of 1 online; 1 has confirmed."
        ), announced.stderr
        assert message["id"] in announced.stdout

        reached = await typed(gateway, "reach", "last")
        assert ["received", "1", "1"] in [row.split()[:3] for row in reached.stdout.splitlines()]
        listed = await typed(gateway, "list", "--state", "live")
        assert "Payments are failing" in listed.stdout

        resolved = await typed(gateway, "resolve", "last", "All good again")
        assert resolved.exit_code == 0, resolved.stderr
        frame = await ada.next("message")
        assert frame["message"]["incident"]["status"] == "resolved"
        assert frame["message"]["incident"]["updates"][-1]["body"] == "All good again"

        retracted = await typed(gateway, "retract", message["id"], "--reason", "done")
        assert retracted.exit_code == 0, retracted.stderr
        assert (await ada.next("retract"))["message"] == message["id"]


async def test_mute_takes_banners_off_and_unmute_brings_them_back(gateway: GatewayProcess) -> None:
    """P6: the kill switch acts on screens that show it."""
    async with gateway.connect("ada") as ada:
        await typed(gateway, "banner", "shown", "--wait", "0")
        await ada.next("message")
        muted = await typed(gateway, "mute", "banner", "--reason", "test")
        assert "off all screens" in muted.stdout, muted.stderr
        unmuted = await typed(gateway, "unmute", "banner")
        assert "No longer muted" in unmuted.stdout
        await typed(gateway, "retract", "last")


async def test_every_reading_verb_reads_what_the_gateway_answers(gateway: GatewayProcess) -> None:
    """The shapes that the command line expects are those that the API has."""
    announced = await typed(gateway, "banner", "to be listed", "--wait", "0")
    assert announced.exit_code == 0, announced.stderr
    async with gateway.connect("ada", device={"platform": "web"}, page="/cart"):
        for words in (
            ("presence",),
            ("presence", "ada"),
            ("presence", "ada", "nobody"),
            ("list",),
            ("audit",),
            ("keys", "list"),
        ):
            human = await typed(gateway, *words)
            assert (human.exit_code, human.stderr) == (0, ""), words
            machine = await typed(gateway, *words, "--json")
            assert json.loads(machine.stdout)
        one = await typed(gateway, "presence", "ada")
        assert "/cart" in one.stdout
    await typed(gateway, "retract", "last")


async def test_a_key_made_by_the_command_line_may_do_what_its_scopes_say(
    gateway: GatewayProcess,
) -> None:
    """And nothing else: the refusal names the scope."""
    made = await typed(gateway, "keys", "create", "ci", "--scope", "read")
    secret = made.stdout.strip()
    assert (await typed(gateway, "list", key=secret)).exit_code == 0
    refused = await typed(gateway, "banner", "x", key=secret)
    assert refused.exit_code == 1
    assert "gateway keys create NAME --scope banner:write" in refused.stderr
    key_id = made.stderr.split()[0]
    assert (await typed(gateway, "keys", "revoke", key_id)).exit_code == 0
    assert "Check GATEWAY_KEY" in (await typed(gateway, "list", key=secret)).stderr


async def test_a_refusal_names_every_field_that_is_wrong(gateway: GatewayProcess) -> None:
    """problem+json, for people."""
    result = await typed(gateway, "banner", " ", "--link", "http://insecure.example", "--page", "[")
    assert result.exit_code == 1
    for field in ("text:", "link.href:"):
        assert field in result.stderr


async def test_watching_reach_follows_a_banner_to_its_end(gateway: GatewayProcess) -> None:
    """One line for each change; the watch ends with the message."""
    announced = await typed(gateway, "banner", "watched", "--wait", "0", "--json")
    message_id = json.loads(announced.stdout)["id"]
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "gateway", "reach", message_id, "--watch",
        env=gateway.environment | {"GATEWAY_URL": gateway.url, "GATEWAY_KEY": gateway.key,
                                   "PYTHONUNBUFFERED": "1"},
        cwd=gateway.folder, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
    )  # fmt: skip
    assert process.stdout is not None
    async with asyncio.timeout(20):
        assert b"sent 0" in await process.stdout.readline()
        async with gateway.connect("ada"):
            assert b"sent 1" in await process.stdout.readline()
        await typed(gateway, "retract", message_id)
        assert await process.wait() == 0


async def test_doctor_finds_a_running_gateway_sound(gateway: GatewayProcess) -> None:
    """Health, readiness, and a real WebSocket handshake."""
    result = await typed(gateway, "doctor", "--json")
    report = json.loads(result.stdout)
    levels = {finding["check"]: finding["level"] for finding in report["findings"]}
    assert levels["gateway"] == levels["ready"] == levels["websocket"] == "ok", report
    assert levels["database"] == levels["settings"] == "ok", report


async def test_a_second_gateway_on_the_same_port_says_so(gateway: GatewayProcess) -> None:
    """Which port, and which to try instead."""
    result = await asyncio.to_thread(gateway.run, "dev", "--port", str(gateway.port))
    assert result.returncode == 1
    assert f"Something else listens on 127.0.0.1:{gateway.port}" in result.stderr


async def test_serve_refuses_a_database_without_a_schema(tmp_path: Path) -> None:
    """With the command to type."""
    fresh = GatewayProcess(tmp_path)
    result = await asyncio.to_thread(fresh.run, "serve", "--port", "0")
    assert result.returncode == 1
    assert "gateway migrate" in result.stderr
    assert "Traceback" not in result.stderr


def test_dev_starts_with_nothing_set_and_its_line_can_be_pasted(tmp_path: Path) -> None:
    """A35: `gateway dev`, then the line that it prints, in a shell, as it is."""
    clean = {k: v for k, v in os.environ.items() if not k.startswith("GATEWAY_")}
    # the command `gateway` as this checkout has it, also where it is not installed
    command = tmp_path / "bin" / "gateway"
    command.parent.mkdir()
    command.write_text(f'#!/bin/sh\nexec {sys.executable} -m gateway "$@"\n')
    command.chmod(0o755)
    environ = clean | {
        "PATH": f"{command.parent}:{os.environ['PATH']}",
        "PYTHONPATH": str(Path(__file__).parents[2]),
        "PYTHONUNBUFFERED": "1",
    }
    with subprocess.Popen(
        ["gateway", "dev", "--port", "0"],
        env=environ, cwd=tmp_path, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
    ) as dev:  # fmt: skip
        assert dev.stdout is not None
        try:
            lines = iter(dev.stdout.readline, "")
            paste = next(line for line in lines if line.strip().startswith("Banner"))
            pasted = subprocess.run(
                paste.strip().removeprefix("Banner"),
                shell=True, env=environ, cwd=tmp_path, capture_output=True, text=True,
                timeout=60, check=False,
            )  # fmt: skip
            assert pasted.returncode == 0, pasted.stderr
            assert "Live, and nobody is online now" in pasted.stdout
            dev.send_signal(signal.SIGINT)
            assert dev.wait(10) == 0
        finally:
            dev.kill()
