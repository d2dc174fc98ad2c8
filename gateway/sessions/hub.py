"""Sessions on this node: the registry, and copying one frame to many of them.

Knows nothing of messages, HTTP or other nodes. A session is in exactly one group, that of its
encoding and locale, so a frame is made once for each group and never for a recipient.
"""

import asyncio
from collections.abc import Callable, Iterator, Sequence

from gateway.sessions.link import Encoding
from gateway.sessions.session import Session

SLICE = 2_000
"""Sessions written before the event loop gets a turn: about 10 ms of writes (bench/README.md)."""

_MOST_LOCALES = 256
"""Distinct locales a node keeps apart; a client that invents more gets the default one."""

Wanted = Callable[[Session], bool]


class Group:
    """Sessions that get the very same bytes."""

    __slots__ = ("encoding", "locale", "sessions")

    def __init__(self, encoding: Encoding, locale: str) -> None:
        self.encoding = encoding
        self.locale = locale
        self.sessions: list[Session] = []


class Taken:
    """Who took a frame: a user id for each session whose socket took the bytes. Those that let it
    wait remember that themselves (`Session.waiting`)."""

    __slots__ = ("users",)

    def __init__(self) -> None:
        self.users: list[str] = []

    @property
    def sessions(self) -> int:
        return len(self.users)


class Hub:
    """All live sessions of this node, by group and by user."""

    def __init__(self) -> None:
        self._groups: dict[tuple[Encoding, str], Group] = {}
        self._by_user: dict[str, tuple[Session, ...]] = {}
        self._locales: set[str] = set()
        self.session_count = 0
        self._emptied: asyncio.Event | None = None

    # registry

    def join(self, session: Session) -> bool:
        """Add a session; True when it is the user's first on this node."""
        group = self._group(session.link.encoding, session.locale)
        session.group, session.slot = group, len(group.sessions)
        group.sessions.append(session)
        self.session_count += 1
        others = self._by_user.get(session.user_id, ())
        self._by_user[session.user_id] = (*others, session)
        return not others

    def leave(self, session: Session) -> bool:
        """Remove a session; True when it was the user's last on this node. Once this has
        returned, no frame is written for it."""
        group = session.group
        if not isinstance(group, Group):
            return False
        last = group.sessions.pop()
        if last is not session:
            group.sessions[session.slot] = last
            last.slot = session.slot
        session.group = None
        self.session_count -= 1
        if not self.session_count and self._emptied is not None:
            self._emptied.set()
        return self._leave_user(session)

    def _leave_user(self, session: Session) -> bool:
        rest = tuple(s for s in self._by_user[session.user_id] if s is not session)
        if rest:
            self._by_user[session.user_id] = rest
        else:
            del self._by_user[session.user_id]
        return not rest

    def _group(self, encoding: Encoding, locale: str) -> Group:
        if locale not in self._locales:
            if len(self._locales) >= _MOST_LOCALES:
                locale = ""
            self._locales.add(locale)
        key = (encoding, locale)
        group = self._groups.get(key)
        if group is None:
            group = self._groups[key] = Group(encoding, locale)
        return group

    async def wait_until_empty(self) -> None:
        """Return once nobody is here."""
        while self.session_count:
            self._emptied = asyncio.Event()
            await self._emptied.wait()

    @property
    def user_count(self) -> int:
        """Distinct users on this node."""
        return len(self._by_user)

    @property
    def users(self) -> Sequence[str]:
        """Every user on this node, as of now."""
        return tuple(self._by_user)

    def sessions_of(self, user_id: str) -> Sequence[Session]:
        """The user's sessions on this node, oldest first."""
        return self._by_user.get(user_id, ())

    def groups(self) -> Sequence[Group]:
        """Groups that hold sessions."""
        return [group for group in self._groups.values() if group.sessions]

    def __iter__(self) -> Iterator[Session]:
        """Every session as of now; safe against joining and leaving."""
        for group in self.groups():
            yield from tuple(group.sessions)

    # fan-out

    async def fan_out(
        self,
        make: Callable[[Encoding, str], bytes],
        key: str | None,
        bit: int,
        *,
        holding: bool,
        flip: bool,
        wanted: Wanted | None = None,
    ) -> Taken:
        """Write one frame to every session that does, or does not, hold the message of `bit`.

        Args:
            make: the frame for an encoding and a locale; called once for each group.
            key: what a frame that waits is conflated by.
            bit: the message's bit in `Session.shown`.
            holding: only sessions that hold the message (True) or do not (False).
            flip: whether the write makes a session hold it, or no longer hold it.
            wanted: a test for each session, or None for all.
        """
        taken = Taken()
        for group in self.groups():
            frame = make(group.encoding, group.locale)
            everyone = tuple(group.sessions)
            for start in range(0, len(everyone), SLICE):
                part = everyone[start : start + SLICE]
                _write_all(part, frame, key, bit, bit if holding else 0, flip, wanted, taken)
                await asyncio.sleep(0)
        return taken


def _write_all(
    sessions: Sequence[Session],
    frame: bytes,
    key: str | None,
    bit: int,
    state: int,
    flip: bool,
    wanted: Wanted | None,
    taken: Taken,
) -> None:
    """The inner loop of every broadcast: nothing is made here for a recipient
    (bench/README.md, CPU per delivery)."""
    took = taken.users.append
    change = bit if flip else 0
    for session in sessions:
        if session.shown & bit != state or (wanted is not None and not wanted(session)):
            continue
        link = session.link
        if link.write(frame, key):
            session.shown ^= change
            session.spoken = True
            if link.waits:
                session.waiting |= change
            else:
                took(session.user_id)
