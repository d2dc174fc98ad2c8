"""The queue of a slow connection: order, conflation, byte budget."""

from hypothesis import given
from hypothesis import strategies as st

from gateway.transport.outbox import Outbox

ALL = 1 << 30


def test_frames_leave_in_the_order_in_which_they_came() -> None:
    """Rule 1."""
    box = Outbox(100, 200)
    for frame in (b"one", b"two", b"three"):
        assert box.put(frame, None)
    assert box.take(ALL) == b"onetwothree"
    assert not box


def test_up_to_the_soft_limit_every_frame_is_kept() -> None:
    """Rule 2: a slow client that is not too slow sees each state."""
    box = Outbox(100, 200)
    box.put(b"first ", "m1")
    box.put(b"second", "m1")
    assert box.take(ALL) == b"first second"


def test_over_the_soft_limit_the_newest_takes_the_place_of_the_older() -> None:
    """Rule 3: superseded states are skipped, the place in line is kept (P10)."""
    box = Outbox(10, 100)
    box.put(b"old old ", "m1")
    box.put(b"other", "m2")
    assert box.put(b"new new new", "m1")
    assert box.take(ALL) == b"new new new" + b"other"


def test_a_frame_without_a_key_is_never_replaced() -> None:
    """Answers to requests stand for themselves."""
    box = Outbox(4, 100)
    box.put(b"reply1", None)
    box.put(b"reply2", None)
    assert box.take(ALL) == b"reply1reply2"


def test_over_the_hard_limit_all_is_dropped_and_the_connection_lags() -> None:
    """Rule 4: then only a snapshot helps, and nothing is kept until it is due."""
    box = Outbox(10, 20)
    box.put(b"0123456789", None)
    box.put(b"0123456789", None)
    assert not box.put(b"x", None)
    assert (box.is_lagging, box.size, bool(box)) == (True, 0, False)
    assert not box.put(b"y", None)
    assert box.take(ALL) == b""


def test_a_replacement_counts_only_what_it_adds() -> None:
    """The budget is what waits, not what ever waited."""
    box = Outbox(5, 20)
    box.put(b"0123456789", "m1")
    for _ in range(100):
        assert box.put(b"9876543210", "m1")
    assert box.size == 10


def test_what_has_left_is_not_replaced() -> None:
    """The key of a frame that is gone starts anew at the end of the line."""
    box = Outbox(1, 100)
    box.put(b"a1", "a")
    box.put(b"b1", "b")
    assert box.take(1) == b"a1"
    box.put(b"a2", "a")
    assert box.take(ALL) == b"b1a2"


def test_take_gives_at_least_one_frame_and_no_more_than_fits() -> None:
    """A frame longer than a flush still leaves."""
    box = Outbox(100, 100)
    box.put(b"0123456789", None)
    box.put(b"01234", None)
    box.put(b"56789", None)
    assert [box.take(8), box.take(10), box.take(8)] == [b"0123456789", b"0123456789", b""]


steps = st.lists(
    st.one_of(
        st.tuples(st.binary(min_size=1, max_size=20), st.sampled_from([None, "a", "b", "c"])),
        st.integers(1, 60),
    ),
    max_size=60,
)


@given(steps)
def test_no_history_breaks_the_budget_or_loses_the_newest_state(
    history: list[tuple[bytes, str | None] | int],
) -> None:
    """P10: bounded bytes; while not lagging, the newest frame of each key waits or has left."""
    box = Outbox(30, 60)
    left = b""
    newest: dict[str, bytes] = {}
    for step in history:
        if isinstance(step, int):
            left += box.take(step)
        else:
            frame = b"<" + step[0].hex().encode() + b">"
            if box.put(frame, step[1]) and step[1] is not None:
                newest[step[1]] = frame
        assert 0 <= box.size <= 60
    lagging = box.is_lagging
    left += box.take(ALL)
    assert box.size == 0
    if not lagging:
        assert all(frame in left for frame in newest.values())
