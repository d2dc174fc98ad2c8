"""The registry and the fan-out: everybody once, the same bytes, nobody who has left."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.sessions.hub import SLICE, Hub
from gateway.sessions.link import Encoding
from gateway.sessions.session import Session
from tests.gateway.sessions.test_session import Stage


def member(hub: Hub, user: str, *, locale: str = "", encoding: Encoding = Encoding.JSON) -> Session:
    session = Stage(encoding).session
    session.user_id, session.locale = user, locale
    hub.join(session)
    return session


def written(session: Session) -> list[bytes]:
    return [frame for frame, _ in session.link.written]  # type: ignore[attr-defined]


async def show(hub: Hub, bit: int = 1, **how: object) -> int:
    taken = await hub.fan_out(
        lambda encoding, locale: f"{encoding.name}/{locale}".encode(),
        "msg_1",
        bit,
        holding=False,
        flip=True,
        **how,  # type: ignore[arg-type]
    )
    return taken.sessions


def test_joining_tells_the_first_and_leaving_the_last_session_of_a_user() -> None:
    hub = Hub()
    first, second = Stage().session, Stage().session
    first.user_id = second.user_id = "ada"
    assert [hub.join(first), hub.join(second)] == [True, False]
    assert [hub.leave(first), hub.leave(second)] == [False, True]
    assert (hub.user_count, hub.session_count) == (0, 0)


def test_leaving_twice_changes_nothing() -> None:
    hub = Hub()
    session = member(hub, "ada")
    hub.leave(session)
    assert hub.leave(session) is False
    assert hub.session_count == 0


async def test_a_frame_reaches_every_session_once() -> None:
    hub = Hub()
    sessions = [member(hub, f"u{n}") for n in range(SLICE * 2 + 3)]
    assert await show(hub) == len(sessions)
    assert all(written(session) == [b"JSON/"] for session in sessions)


async def test_a_frame_is_made_once_for_each_encoding_and_locale() -> None:
    hub = Hub()
    for locale in ("", "de", "fr"):
        for encoding in Encoding:
            for _ in range(5):
                member(hub, "ada", locale=locale, encoding=encoding)
    made: list[tuple[Encoding, str]] = []

    def make(encoding: Encoding, locale: str) -> bytes:
        made.append((encoding, locale))
        return b"x"

    await hub.fan_out(make, None, 1, holding=False, flip=True)

    assert sorted(made) == sorted((e, loc) for e in Encoding for loc in ("", "de", "fr"))


async def test_everybody_of_a_group_gets_the_very_same_bytes() -> None:
    """PROTOCOL §2: nothing in a `message` frame differs per connection."""
    hub = Hub()
    sessions = [member(hub, f"u{n}") for n in range(10)]
    await show(hub)
    assert len({id(written(session)[0]) for session in sessions}) == 1


async def test_who_holds_a_message_is_not_shown_it_again() -> None:
    hub = Hub()
    member(hub, "ada")
    assert await show(hub) == 1
    assert await show(hub) == 0


async def test_an_update_goes_to_holders_only() -> None:
    hub = Hub()
    holder, stranger = member(hub, "ada"), member(hub, "grace")
    holder.shown = 1
    await hub.fan_out(lambda *_: b"update", None, 1, holding=True, flip=False)
    assert (written(holder), written(stranger)) == ([b"update"], [])
    assert holder.shown == 1


async def test_a_retraction_leaves_nobody_holding() -> None:
    hub = Hub()
    holder = member(hub, "ada")
    holder.shown = 0b11
    await hub.fan_out(lambda *_: b"retract", None, 0b01, holding=True, flip=True)
    assert holder.shown == 0b10


async def test_a_link_that_is_closing_does_not_count_as_sent() -> None:
    """*sent* = bytes taken by the socket (PROTOCOL §3)."""
    hub = Hub()
    session = member(hub, "ada")
    session.link.open = False  # type: ignore[attr-defined]
    assert await show(hub) == 0
    assert session.shown == 0


async def test_a_frame_that_waits_in_the_link_does_not_count_as_sent_yet() -> None:
    """*sent* = bytes taken by the socket (PROTOCOL §3)."""
    hub = Hub()
    session = member(hub, "ada")
    session.link.waits = True  # type: ignore[attr-defined]
    assert await show(hub) == 0
    assert (session.shown, session.waiting) == (1, 1)


async def test_only_wanted_sessions_are_written() -> None:
    hub = Hub()
    ada, grace = member(hub, "ada"), member(hub, "grace")
    await show(hub, wanted=lambda session: session.user_id == "grace")
    assert (written(ada), written(grace)) == ([], [b"JSON/"])


async def test_a_session_that_leaves_during_a_fan_out_gets_no_frame_after() -> None:
    hub = Hub()
    first = member(hub, "first")
    rest = [member(hub, f"u{n}") for n in range(SLICE + 10)]

    def leave_late(session: Session) -> bool:
        if session is first:
            for other in rest[-5:]:
                hub.leave(other)
                other.link.open = False  # type: ignore[attr-defined]
        return True

    await show(hub, wanted=leave_late)
    assert all(written(other) == [] for other in rest[-5:])
    assert written(rest[0]) == [b"JSON/"]


def test_invented_locales_do_not_make_groups_without_end() -> None:
    hub = Hub()
    for n in range(2_000):
        member(hub, f"u{n}", locale=f"xx-{n}")
    assert len(hub.groups()) <= 257
    assert sum(len(group.sessions) for group in hub.groups()) == 2_000


@given(st.lists(st.tuples(st.sampled_from("abc"), st.booleans()), max_size=60))
def test_the_registry_agrees_with_a_plain_list(steps: list[tuple[str, bool]]) -> None:
    """Whatever the order of coming and going (P9)."""
    hub, here = Hub(), []
    for user, comes in steps:
        if comes:
            here.append(member(hub, user))
        else:
            leaving = next((s for s in here if s.user_id == user), None)
            if leaving is not None:
                here.remove(leaving)
                hub.leave(leaving)
    assert {id(s) for s in hub} == {id(s) for s in here}
    assert set(hub.users) == {s.user_id for s in here}
    for user in "abc":
        assert {id(s) for s in hub.sessions_of(user)} == {id(s) for s in here if s.user_id == user}
    for group in hub.groups():
        assert [s.slot for s in group.sessions] == list(range(len(group.sessions)))


@pytest.mark.parametrize("encoding", list(Encoding))
async def test_both_encodings_are_served(encoding: Encoding) -> None:
    hub = Hub()
    session = member(hub, "ada", encoding=encoding)
    await show(hub)
    assert written(session) == [f"{encoding.name}/".encode()]
