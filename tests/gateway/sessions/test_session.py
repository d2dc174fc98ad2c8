"""The session's state machine: what is allowed when, and what each clock does to it."""

import json
from typing import Any

import pytest

from gateway.sessions.link import Encoding
from gateway.sessions.session import ALLOWED, Context, Phase, Session, Timing
from gateway.sessions.timing_wheel import RESOLUTION, TimingWheel
from gateway.wire import frames
from tests.fakes import FakeClock, FakeLink

TIMING = Timing(
    connect=8,
    interval=25,
    grace=10,
    reauth=60,
    lifetime=86_400,
    frames_per_second=10,
    burst=40,
)


class RecordingDesk:
    """Welcomes everybody and remembers what it was asked."""

    def __init__(self, lives: float = 3600) -> None:
        self.handled: list[Any] = []
        self.closed_sessions: list[Session] = []
        self.drains: list[bool] = []
        self.lives = lives

    def connect(self, session: Session, frame: frames.Connect) -> None:
        session.since = session.context.now()
        session.expires_at = session.since + self.lives
        session.welcome(
            frames.Welcome(
                session="ses_1",
                user="ada",
                now=0,
                heartbeat=frames.Heartbeat(interval=25, grace=10),
                expires_at="",
                live=[],
                limits=frames.Limits(frame_bytes=16_384, frames_per_second=10),
            )
        )

    def handle(self, session: Session, frame: frames.ClientFrame) -> None:
        self.handled.append(frame)

    def drained(self, session: Session, lost: bool) -> None:
        self.drains.append(lost)

    def closed(self, session: Session, code: int | None) -> None:
        self.closed_sessions.append(session)


class Stage:
    """A session with its clock, wheel, desk and link."""

    def __init__(self, encoding: Encoding = Encoding.JSON, **desk: Any) -> None:
        self.clock = FakeClock()
        self.errors: list[BaseException] = []
        self.wheel = TimingWheel(self.clock.monotonic, self.errors.append)
        self.desk = RecordingDesk(**desk)
        context = Context(self.desk, self.wheel, TIMING, lambda: self.clock.now().timestamp())
        self.link = FakeLink(encoding)
        self.session = Session(context, self.link, token=None)

    def say(self, *objects: Any) -> None:
        payload: Any = objects[0] if len(objects) == 1 else list(objects)
        self.session.receive(json.dumps(payload).encode())

    def connected(self) -> "Stage":
        self.say({"type": "connect", "token": "t"})
        self.link.clear()
        return self

    def wait(self, seconds: float, *, answer: bool = True) -> None:
        """Let time pass, one turn of the wheel after the other; the client answers pings."""
        for _ in range(int(seconds / RESOLUTION)):
            seen = len(self.link.written)
            self.clock.pass_seconds(RESOLUTION)
            self.wheel.advance()
            if answer and any(f["type"] == "ping" for f in self.link.frames[seen:]):
                self.say({"type": "pong"})

    @property
    def code(self) -> int | None:
        return self.link.closed_with[0] if self.link.closed_with else None


def test_connect_is_welcomed() -> None:
    stage = Stage()
    stage.say({"type": "connect", "token": "t"})
    assert [f["type"] for f in stage.link.frames] == ["welcome"]
    assert stage.session.phase is Phase.LIVE


def test_a_connection_without_connect_closes_with_4300_after_8_seconds() -> None:
    """PROTOCOL §2; T25."""
    stage = Stage()
    stage.wait(7.5)
    assert stage.code is None
    stage.wait(1)
    assert stage.code == 4300


@pytest.mark.parametrize(
    "frame",
    [
        {"type": "page", "url": "/"},
        {"type": "state", "busy": True},
        {"type": "receipt", "receipts": []},
        {"type": "refresh", "id": "1", "token": "t"},
        {"type": "track", "id": "1", "event": "e"},
    ],
)
def test_nothing_but_connect_is_taken_before_welcome(frame: dict[str, Any]) -> None:
    stage = Stage()
    stage.say(frame)
    assert stage.desk.handled == []
    assert stage.link.frames[0]["code"] == "bad_frame"


def test_a_second_connect_is_refused() -> None:
    stage = Stage().connected()
    stage.say({"type": "connect", "token": "t"})
    assert "refresh" in stage.link.frames[0]["message"]


def test_an_array_of_frames_is_taken_in_order() -> None:
    stage = Stage().connected()
    stage.say({"type": "page", "url": "/a"}, {"type": "state", "busy": True})
    assert [type(frame) for frame in stage.desk.handled] == [frames.PageView, frames.ClientState]


def test_a_bad_frame_in_an_array_does_not_take_the_others_with_it() -> None:
    stage = Stage().connected()
    stage.say({"type": "page", "url": "/a"}, {"type": "page"}, {"type": "page", "url": "/b"})
    assert [frame.url for frame in stage.desk.handled] == ["/a", "/b"]
    assert [frame["code"] for frame in stage.link.frames] == ["bad_frame"]


def test_an_unknown_frame_is_answered_and_forgiven_for_ever() -> None:
    """PROTOCOL §2: additive changes must not close old nodes' connections."""
    stage = Stage().connected()
    for _ in range(10):
        stage.say({"type": "hologram", "id": "7"})
    assert stage.link.frames[0] | {"message": ""} == {
        "type": "error",
        "code": "unknown_frame",
        "message": "",
        "id": "7",
    }
    assert stage.code is None


def test_the_third_bad_frame_closes_with_4000() -> None:
    """PROTOCOL §2."""
    stage = Stage().connected()
    stage.session.receive(b"{")
    stage.session.receive(b"[]")
    assert stage.code is None
    stage.session.receive(b"\xff")
    assert stage.code == 4000


def test_bye_tells_the_code_before_the_close() -> None:
    stage = Stage().connected()
    for _ in range(3):
        stage.session.receive(b"{")
    assert stage.link.frames[-1] == {
        "type": "bye",
        "code": 4000,
        "reason": "bad frame",
        "reconnect": False,
        "after": 0,
    }


def test_a_chatty_client_is_closed_with_4103() -> None:
    """T24."""
    stage = Stage().connected()
    for _ in range(200):
        stage.say({"type": "state", "busy": True})
    assert stage.code == 4103
    assert len(stage.desk.handled) < 41


def test_frames_at_the_allowed_rate_are_never_too_many() -> None:
    stage = Stage().connected()
    for _ in range(300):
        stage.say({"type": "state", "busy": True})
        stage.wait(0.25)
    assert stage.code is None


def test_a_quiet_session_is_pinged_and_lives_as_long_as_it_answers() -> None:
    stage = Stage().connected()
    stage.wait(250)
    assert stage.code is None
    assert 5 <= len(stage.link.of_type("ping")) <= 10


def test_a_client_that_does_not_answer_a_ping_closes_with_4107() -> None:
    """P8: gone within interval + interval + grace."""
    stage = Stage().connected()
    stage.wait(25 + 25 + 10 + 1, answer=False)
    assert stage.code == 4107


def test_a_client_is_not_given_up_before_the_grace_is_over() -> None:
    stage = Stage().connected()
    while not stage.link.of_type("ping"):
        stage.wait(RESOLUTION, answer=False)
    stage.wait(9, answer=False)
    assert stage.code is None


def test_no_ping_while_other_traffic_flows() -> None:
    stage = Stage().connected()
    for _ in range(20):
        stage.wait(10)
        stage.session.send(frames.Unread(count=1))
    assert stage.link.of_type("ping") == []
    assert stage.code is None


def test_a_token_that_ends_is_announced_and_then_closes_with_4301() -> None:
    """T50."""
    stage = Stage(lives=120).connected()
    stage.wait(61)
    assert stage.link.of_type("reauth") == [{"type": "reauth", "within": 59}]
    stage.wait(58)
    assert stage.code is None
    stage.wait(2)
    assert stage.code == 4301


def test_a_short_token_is_announced_at_once() -> None:
    stage = Stage(lives=30).connected()
    stage.wait(1)
    assert len(stage.link.of_type("reauth")) == 1


def test_a_renewed_token_keeps_the_session() -> None:
    stage = Stage(lives=120).connected()
    stage.wait(61)
    stage.session.expires_at += 3600
    stage.session.reauth_sent = False
    stage.wait(200)
    assert stage.code is None


def test_a_lifetime_ends_with_4203_and_a_pause() -> None:
    stage = Stage(lives=10 * 86_400).connected()
    stage.session.since -= 86_400 - 10
    stage.wait(60)
    assert stage.code == 4203
    assert stage.link.of_type("bye")[0]["after"] == 1000


def test_a_session_that_lost_frames_says_so_once_it_has_room() -> None:
    stage = Stage().connected()
    stage.session.on_drained(lost=True)
    assert stage.desk.drains == [True]


def test_a_client_that_reads_slowly_is_not_taken_for_silent() -> None:
    """While its frames wait we do not read it either (F3), so no pong can come."""
    stage = Stage().connected()
    stage.link.waits = True
    stage.wait(100, answer=False)
    assert stage.code is None


def test_the_end_is_told_once() -> None:
    stage = Stage().connected()
    stage.session.on_closed(1006)
    stage.session.on_closed(1006)
    assert stage.desk.closed_sessions == [stage.session]


def test_a_session_that_never_connected_ends_like_any_other() -> None:
    stage = Stage()
    stage.session.on_closed(1001)
    stage.wait(10)
    assert stage.desk.closed_sessions == [stage.session]
    assert (stage.errors, stage.code) == ([], None)


def test_nothing_is_taken_after_the_close() -> None:
    stage = Stage().connected()
    stage.session.on_closed(1001)
    stage.say({"type": "page", "url": "/"})
    assert stage.desk.handled == []


def test_every_client_frame_has_its_phase() -> None:
    known = frozenset().union(*ALLOWED.values())
    assert known == frozenset(frames.ClientFrame.__args__)


def test_the_ping_of_a_turn_is_made_once() -> None:
    stage = Stage().connected()
    context = stage.session.context
    assert context.ping(Encoding.JSON) is context.ping(Encoding.JSON)
