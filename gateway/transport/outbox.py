"""Frames that wait for one slow connection, within a byte budget. Pure; knows no socket.

Made only once a socket has stopped taking bytes, so a healthy connection never has one.

Rules:
1. Frames leave in the order in which they came.
2. Up to the soft limit every frame is kept.
3. Over it, a frame whose key already waits takes the place of the newest frame of that key: a
   slow client skips superseded states, and nothing moves behind what came after it.
4. A frame that would go over the hard limit drops everything that waits, and from then on the
   connection is lagging: nothing is kept until the socket has drained and the session sends a
   fresh snapshot.
"""


class Outbox:
    """The queue of one connection, oldest frame first."""

    __slots__ = ("_frames", "_hard", "_places", "_soft", "_taken", "is_lagging", "size")

    def __init__(self, soft_bytes: int, hard_bytes: int) -> None:
        self._soft = soft_bytes
        self._hard = hard_bytes
        self._frames: list[bytes] = []
        self._places: dict[str, int] = {}  # key -> number of its newest frame, counted from 0
        self._taken = 0  # frames that have left; turns a number into an index
        self.size = 0
        """Bytes that wait."""
        self.is_lagging = False
        """Frames were dropped; only a snapshot helps."""

    def put(self, frame: bytes, key: str | None) -> bool:
        """Queue a frame; False when it was dropped, and with it all that waited."""
        if self.is_lagging:
            return False
        place = -1
        if key is not None and self.size + len(frame) > self._soft:
            place = self._places.get(key, -1) - self._taken
        replaced = len(self._frames[place]) if place >= 0 else 0
        if self.size - replaced + len(frame) > self._hard:
            self._drop()
            return False
        self.size += len(frame) - replaced
        if place >= 0:
            self._frames[place] = frame
        else:
            self._append(frame, key)
        return True

    def _append(self, frame: bytes, key: str | None) -> None:
        if key is not None:
            self._places[key] = self._taken + len(self._frames)
        self._frames.append(frame)

    def _drop(self) -> None:
        self.is_lagging = True
        self.size = 0
        self._frames.clear()
        self._places.clear()

    def take(self, most_bytes: int) -> bytes:
        """Remove and return the oldest frames: at least one, then as many as fit."""
        count = size = 0
        for frame in self._frames:
            size += len(frame)
            if count and size > most_bytes:
                break
            count += 1
        taken = b"".join(self._frames[:count])
        del self._frames[:count]
        self._taken += count
        self.size -= len(taken)
        return taken

    def __bool__(self) -> bool:
        """True while frames wait."""
        return bool(self._frames)
