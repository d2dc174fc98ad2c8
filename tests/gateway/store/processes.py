"""Other processes that use a store, for tests that need one to be killed, limited or in the way."""

import asyncio
import sys
from asyncio.subprocess import PIPE, Process
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

# How long a helper may take for anything; generous, since machines differ.
PATIENCE_SECONDS = 30.0
_ROOT = Path(__file__).parents[3]


@asynccontextmanager
async def running(script: str, *arguments: object) -> AsyncIterator[Process]:
    """Run a script of this folder beside the test, and end it with the test."""
    process = await asyncio.create_subprocess_exec(
        sys.executable,
        "-m",
        f"tests.gateway.store.{script}",
        *map(str, arguments),
        stdin=PIPE,
        stdout=PIPE,
        cwd=_ROOT,
    )
    try:
        yield process
    finally:
        if process.returncode is None:
            process.kill()
        await process.communicate()


async def line(process: Process) -> str:
    """The next line that the process prints; empty when there is none."""
    assert process.stdout is not None
    async with asyncio.timeout(PATIENCE_SECONDS):
        return (await process.stdout.readline()).decode().strip()


async def tell(process: Process, word: str) -> None:
    """Write a line to the process."""
    assert process.stdin is not None
    process.stdin.write(f"{word}\n".encode())
    await process.stdin.drain()
