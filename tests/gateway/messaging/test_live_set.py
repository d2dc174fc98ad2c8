"""The live set as a value: merge keeps the highest revision, an end is a tombstone."""

from datetime import timedelta

import msgspec
from hypothesis import given
from hypothesis import strategies as st

from gateway.messaging.live_set import LiveSet
from gateway.model.message import Message, Severity, State
from tests.fakes import START
from tests.gateway.messaging.test_lifecycle import begin


def revisions(count: int, ended: bool) -> list[Message]:
    message = begin()
    made = [message]
    for _ in range(count - 1):
        made.append(made[-1].changed(priority=made[-1].priority + 1))
    if ended:
        made.append(made[-1].changed(state=State.ENDED, ended_reason="retracted"))
    return made


def apply(live_set: LiveSet, message: Message) -> None:
    if message.state is State.LIVE:
        live_set.put(message)
    else:
        live_set.end(message)


@given(st.data(), st.integers(1, 5))
def test_whatever_the_order_the_highest_revision_stays(data: st.DataObject, count: int) -> None:
    """P5: lost, doubled and reordered envelopes lead to the same set."""
    made = revisions(count, ended=False)
    live_set = LiveSet()
    for message in data.draw(st.permutations([*made, *made])):
        apply(live_set, message)
    assert live_set.messages[made[0].id].message == made[-1]


@given(st.data(), st.integers(1, 5))
def test_after_its_end_no_late_envelope_brings_a_message_back(
    data: st.DataObject, count: int
) -> None:
    """P7."""
    *before, end = revisions(count, ended=True)
    live_set = LiveSet()
    apply(live_set, before[0])
    apply(live_set, end)
    for message in data.draw(st.permutations(before)):
        apply(live_set, message)
    assert live_set.messages == {}


def test_a_slot_is_given_to_one_message_at_a_time() -> None:
    live_set = LiveSet()
    made = [begin() for _ in range(5)]
    slots = {put.slot for message in made if (put := live_set.put(message))}
    assert slots == {0, 1, 2, 3, 4}
    live_set.end(made[2].changed(state=State.ENDED))
    held_back = live_set.put(begin())
    assert held_back is not None
    assert held_back.slot == 5
    live_set.forget(made[2].id)
    reused = live_set.put(begin())
    assert reused is not None
    assert reused.slot == 2


def test_the_worst_comes_first_then_priority_then_the_newest() -> None:

    def at(minutes: int, severity: Severity, priority: int = 50) -> Message:
        message = begin(severity=severity, priority=priority)

        return msgspec.structs.replace(message, created_at=START + timedelta(minutes=minutes))

    live_set = LiveSet()
    minor = at(0, Severity.MINOR)
    late, early = at(2, Severity.MAJOR), at(1, Severity.MAJOR)
    urgent = at(3, Severity.MAJOR, priority=90)
    for message in (minor, late, early, urgent):
        live_set.put(message)
    ordered = [msgspec.json.decode(message)["id"] for message in live_set.public(START)]
    assert ordered == [urgent.id, late.id, early.id, minor.id]
