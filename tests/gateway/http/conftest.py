"""Fixtures of the HTTP edge's tests."""

import pytest

from tests.gateway.http.http_kit import Gateway


@pytest.fixture
async def gateway() -> Gateway:
    """An edge over fakes, fresh for each test."""
    return Gateway()
