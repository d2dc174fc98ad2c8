"""The registry: every operation of the HTTP API. Routes, documents and tests come from this list."""

from gateway.http.api import admin, broadcast, dev, health, messages, people, public, reach
from gateway.http.api.describe import describe
from gateway.http.operation import Operation

API: tuple[Operation, ...] = (
    *broadcast.OPERATIONS,
    *public.OPERATIONS,
    *messages.OPERATIONS,
    *reach.OPERATIONS,
    *people.OPERATIONS,
    *admin.OPERATIONS,
    *health.OPERATIONS,
)
DESCRIPTION: tuple[Operation, ...] = describe(API)


def operations(*, docs: bool, dev_mode: bool) -> tuple[Operation, ...]:
    """What a node answers, by its settings."""
    return (*API, *(DESCRIPTION if docs else ()), *(dev.OPERATIONS if dev_mode else ()))
