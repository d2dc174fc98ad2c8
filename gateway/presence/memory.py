"""Presence of a gateway with one node: the hub's registry is the truth, so nothing is copied."""

from collections import Counter
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime

from gateway.model import user
from gateway.model.receipt import Tally
from gateway.model.user import SessionPresence, UserPresence
from gateway.presence.base import Census, Presence
from gateway.sessions.hub import Hub
from gateway.sessions.session import Session
from gateway.store.base import Store


def state_of(session: Session) -> user.Presence:
    """How present one session is: hidden tabs are hidden, whatever else they say."""
    if session.visibility == "hidden":
        return user.Presence.HIDDEN
    return user.Presence.IDLE if session.activity == "idle" else user.Presence.ACTIVE


def state_of_all(sessions: Sequence[Session]) -> user.Presence:
    """The most present of a user's sessions."""
    if not sessions:
        return user.Presence.OFFLINE
    return max((state_of(session) for session in sessions), key=lambda state: state.rank)


class MemoryPresence(Presence):
    """Reads the hub; keeps only `last_seen`, in the store."""

    def __init__(self, hub: Hub, store: Store) -> None:
        self._hub = hub
        self._store = store

    async def enter(self, user_ids: Sequence[str]) -> None:
        """Nothing to do: the hub knows."""

    async def leave(self, users: Mapping[str, datetime]) -> None:
        await self._store.put_last_seen(users)

    def online(self) -> Tally:
        return Tally(users=self._hub.user_count, sessions=self._hub.session_count)

    async def census(self) -> Census:
        by_state = Counter({state: 0 for state in user.Presence if state.rank})
        for user_id in self._hub.users:
            by_state[state_of_all(self._hub.sessions_of(user_id))] += 1
        by_platform = Counter(_platform(session) for session in self._hub)
        return Census(
            users=self._hub.user_count,
            sessions=self._hub.session_count,
            by_state={str(state): count for state, count in by_state.items()},
            by_platform=dict(by_platform),
        )

    async def lookup(self, user_id: str) -> UserPresence:
        sessions = self._hub.sessions_of(user_id)
        seen = {} if sessions else await self._store.last_seen([user_id])
        return _presence(user_id, sessions, seen.get(user_id), with_sessions=True)

    async def query(self, user_ids: Sequence[str]) -> Mapping[str, UserPresence]:
        away = [user_id for user_id in user_ids if not self._hub.sessions_of(user_id)]
        seen = await self._store.last_seen(away) if away else {}
        return {
            user_id: _presence(
                user_id, self._hub.sessions_of(user_id), seen.get(user_id), with_sessions=False
            )
            for user_id in user_ids
        }


def _presence(
    user_id: str, sessions: Sequence[Session], seen: datetime | None, *, with_sessions: bool
) -> UserPresence:
    return UserPresence(
        user=user_id,
        online=bool(sessions),
        state=state_of_all(sessions),
        last_seen=seen,
        sessions=tuple(_shown(session) for session in sessions) if with_sessions else (),
    )


def _platform(session: Session) -> str:
    return (session.device.platform if session.device else None) or "unknown"


def _shown(session: Session) -> SessionPresence:
    device = session.device
    return SessionPresence(
        session=session.id,
        platform=device.platform if device else None,
        app=device.app if device else None,
        version=device.version if device else None,
        page=session.page,
        visibility=session.visibility,
        activity=session.activity,
        since=datetime.fromtimestamp(session.since, UTC),
    )
