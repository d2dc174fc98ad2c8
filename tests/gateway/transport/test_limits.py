"""Limits that follow from the process's own."""

from gateway.settings import Settings
from gateway.transport.limits import Limits


def test_connections_stay_below_the_file_limit() -> None:
    """F16: 200 descriptors are left for everything else, or half where there are few."""
    assert Limits.from_settings(Settings(), file_limit=20_000).connections == 19_800
    assert Limits.from_settings(Settings(), file_limit=64).connections == 32


def test_there_is_room_to_refuse_what_is_too_much() -> None:
    """Answering 503 takes a descriptor too."""
    for file_limit in (64, 256, 1_024, 20_000):
        limits = Limits.from_settings(Settings(), file_limit=file_limit)
        assert limits.connections < limits.sockets < file_limit
        assert limits.sockets + limits.accept_batch < file_limit


def test_a_setting_lowers_the_cap_but_never_raises_it_over_the_files() -> None:
    """GATEWAY_MAX_CONNECTIONS."""
    assert Limits.from_settings(Settings(max_connections=10), file_limit=1_024).connections == 10
    few = Limits.from_settings(Settings(max_connections=99_999), file_limit=1_024)
    assert few.connections == 824
