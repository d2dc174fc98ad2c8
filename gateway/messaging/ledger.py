"""How far one message has come, counted in memory: users and sessions, by stage.

Counts are exact: a user counts once for a stage, whatever their tabs, nodes or retries. The
store holds the same truth; a ledger is filled from it when a node takes up a message.
"""

from collections import Counter
from collections.abc import Iterable, Mapping

from gateway.model.receipt import Reach, Stage, Tally

STAGE_BIT: Mapping[Stage, int] = {stage: 1 << index for index, stage in enumerate(Stage)}
"""One bit for each stage, in a user's mask and in a session's."""

STAGE_COUNT = len(Stage)

_IN_REACH = ("sent", "received", "displayed", "clicked", "dismissed", "answered")


class Ledger:
    """Counts of one message on this node."""

    __slots__ = ("acks", "sent_sessions", "sent_users", "suppressed", "tally")

    def __init__(self) -> None:
        self.sent_users: set[str] = set()
        self.sent_sessions = 0
        self.acks: dict[str, int] = {}
        """User → bits of the stages they have reached."""
        self.tally: dict[Stage, list[int]] = {stage: [0, 0] for stage in Stage}
        """Stage → users, sessions."""
        self.suppressed: Counter[str] = Counter()

    def note_sent(self, users: list[str]) -> list[str]:
        """Count a user id for each socket that took the message; return those that are new."""
        new = set(users)
        if self.sent_users:
            new -= self.sent_users
        self.sent_users |= new
        self.sent_sessions += len(users)
        return list(new)

    def note_ack(
        self, user_id: str, stage: Stage, *, is_new_session: bool, reason: str | None
    ) -> None:
        """Count what a client said."""
        bit, counts = STAGE_BIT[stage], self.tally[stage]
        mask = self.acks.get(user_id, 0)
        if not mask & bit:
            self.acks[user_id] = mask | bit
            counts[0] += 1
            if stage is Stage.SUPPRESSED:
                self.suppressed[reason or "unknown"] += 1
        counts[1] += is_new_session

    def restore(
        self,
        sent_users: Iterable[str],
        tallies: Mapping[str, Tally],
        acks: Mapping[Stage, Iterable[str]],
        suppressed: Mapping[str, int],
    ) -> None:
        """Take over what the store knows."""
        self.sent_users = set(sent_users)
        self.sent_sessions = tallies["sent"].sessions if "sent" in tallies else 0
        self.suppressed = Counter(suppressed)
        for stage in Stage:
            known = tallies.get(stage, Tally())
            self.tally[stage] = [known.users, known.sessions]
            for user in acks.get(stage, ()):
                self.acks[user] = self.acks.get(user, 0) | STAGE_BIT[stage]

    @property
    def is_all_received(self) -> bool:
        """Every session that took the message has said so."""
        return self.tally[Stage.RECEIVED][1] >= self.sent_sessions

    def tallies(self) -> Mapping[str, Tally]:
        """The counts by stage, `sent` among them, as the store gives them."""
        counts = {
            str(stage): Tally(users=users, sessions=sessions)
            for stage, (users, sessions) in self.tally.items()
        }
        return counts | {"sent": Tally(users=len(self.sent_users), sessions=self.sent_sessions)}


def reach_of(
    tallies: Mapping[str, Tally], suppressed: Mapping[str, int], *, online: Tally, muted: bool
) -> Reach:
    """The counts as the API gives them. While a kind is muted, everybody online is held back."""
    counts = {stage: tallies.get(stage, Tally()) for stage in _IN_REACH}
    return Reach(
        online=online.users,
        suppressed=dict(suppressed) | ({"muted_kind": online.users} if muted else {}),
        sessions={"online": online.sessions}
        | {stage: count.sessions for stage, count in counts.items()},
        **{stage: count.users for stage, count in counts.items()},
    )
