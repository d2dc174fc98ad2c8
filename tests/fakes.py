"""Fakes that implement the interfaces of the core: a clock that is moved by hand, a link that
remembers what was written."""

import json
from datetime import UTC, datetime, timedelta
from typing import Any

import msgspec

from gateway.sessions.link import Encoding

START = datetime(2026, 11, 21, 12, 0, tzinfo=UTC)


class FakeClock:
    """Stands still until somebody calls `pass_seconds`."""

    def __init__(self, start: datetime = START) -> None:
        self.wall = start
        self.ticks = 100.0

    def now(self) -> datetime:
        return self.wall

    def monotonic(self) -> float:
        return self.ticks

    def pass_seconds(self, seconds: float) -> None:
        self.wall += timedelta(seconds=seconds)
        self.ticks += seconds


class FakeLink:
    """Keeps every frame; never blocks. `open` False: writes are refused."""

    def __init__(self, encoding: Encoding = Encoding.JSON) -> None:
        self.encoding = encoding
        self.open = True
        self.waits = False
        self.reading = True
        self.written: list[tuple[bytes, str | None]] = []
        self.closed_with: tuple[int, str] | None = None

    @property
    def is_closing(self) -> bool:
        return not self.open

    def write(self, frame: bytes, key: str | None = None) -> bool:
        if not self.open:
            return False
        self.written.append((frame, key))
        return True

    def close(self, code: int, reason: str) -> None:
        self.open = False
        self.closed_with = (code, reason)

    def abort(self) -> None:
        self.open = False

    def pause_reading(self) -> None:
        self.reading = False

    def resume_reading(self) -> None:
        self.reading = True

    @property
    def frames(self) -> list[dict[str, Any]]:
        """What was written, decoded."""
        return [self._decode(frame) for frame, _ in self.written]

    def of_type(self, name: str) -> list[dict[str, Any]]:
        """Only the frames of one type."""
        return [frame for frame in self.frames if frame["type"] == name]

    def clear(self) -> None:
        """Forget what was written so far."""
        self.written.clear()

    def _decode(self, frame: bytes) -> dict[str, Any]:
        payload = payload_of(frame)
        if self.encoding is Encoding.JSON:
            decoded = json.loads(payload)
        else:
            decoded = msgspec.msgpack.decode(payload)
        assert isinstance(decoded, dict)
        return decoded


def payload_of(frame: bytes) -> bytes:
    """The payload of one unmasked frame (RFC 6455 §5.2)."""
    length, start = frame[1], 2
    if length == 126:
        length, start = int.from_bytes(frame[2:4]), 4
    elif length == 127:
        length, start = int.from_bytes(frame[2:10]), 10
    assert len(frame) == start + length
    return frame[start:]
