"""Choice of event loops and of hypothesis' habits: tests marked `both_loops` run on asyncio's loop and on uvloop."""

import asyncio
from collections.abc import Callable, Mapping

import pytest
import uvloop
from hypothesis import settings

# A shared machine stops for longer than an example may take; what must be quick says so itself.
settings.register_profile("gateway", deadline=None)
settings.load_profile("gateway")


def pytest_configure(config: pytest.Config) -> None:
    """Say what our mark means."""
    config.addinivalue_line("markers", "both_loops: runs under asyncio's loop and under uvloop")


def pytest_asyncio_loop_factories(
    config: pytest.Config, item: pytest.Item
) -> Mapping[str, Callable[[], asyncio.AbstractEventLoop]]:
    """asyncio's own loop for every test, and uvloop too for those marked `both_loops`."""
    factories: dict[str, Callable[[], asyncio.AbstractEventLoop]] = {
        "asyncio": asyncio.new_event_loop
    }
    if item.get_closest_marker("both_loops") is not None:
        factories["uvloop"] = uvloop.new_event_loop
    return factories
