"""A cancelled caller does not leave half a change behind."""

import asyncio
from pathlib import Path

import pytest

from gateway.messaging.whole import whole
from tests.gateway.messaging.stage import a_stage


async def test_a_change_whose_caller_is_cancelled_still_reaches_the_screens(
    tmp_path: Path,
) -> None:
    async with a_stage(tmp_path) as stage:
        screen = stage.connect("ada")
        publishing = asyncio.create_task(stage.banner())
        await asyncio.sleep(0)
        publishing.cancel()
        with pytest.raises(asyncio.CancelledError):
            await publishing
        async with asyncio.timeout(10):
            while not screen.shown:  # noqa: ASYNC110 - the change runs in a task of its own
                await asyncio.sleep(0)
        stored = await stage.core.messages.find()
        assert [published.message.id for published in stored.data] == screen.shown


async def test_an_error_of_the_change_reaches_its_caller() -> None:
    @whole
    async def fail() -> None:
        raise ValueError("no")

    with pytest.raises(ValueError, match="no"):
        await fail()
