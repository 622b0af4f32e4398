"""Who waits and who talks, for supervisors at no seat: what is told, and when a switch is away."""

import asyncio
from collections.abc import AsyncIterator
from datetime import UTC, datetime
from types import SimpleNamespace
from typing import Any

import msgspec
import pytest
from starlette.requests import Request

import tahuri.app
from tahuri import live
from tahuri.kernel.http import SignedOn
from tahuri.kernel.refusal import Refused, Unavailable
from tahuri.kernel.roles import Role
from tahuri.live import LiveBoard
from tahuri.refusals import Refusal
from tahuri.telephony.protocol.snapshot import (
    CallView,
    LineSpan,
    LineView,
    QueuedView,
    Snapshot,
    WaitingView,
)

NOW = datetime(2026, 11, 26, 18, 0, tzinfo=UTC)
HELD_UNTIL = datetime(2026, 11, 26, 18, 1, tzinfo=UTC)
SPAN = LineSpan(began=NOW, verdict="bad", mos=2.0, worst_mos=1.5, loss=0.2)
LINE = LineView(
    leg="caller", verdict="bad", mos=2.0, loss=0.2, jitter_ms=9.0, rtt_ms=40.0,
    their_loss=None, their_mos=None, history=[SPAN],
)  # fmt: skip
WAITS = QueuedView(
    call_id="W", arrived_at=NOW, number="+620000000001", number_status="present",
    trunk="mobile", held_back_until=HELD_UNTIL,
)  # fmt: skip

PARKED = WaitingView(
    call_id="P", number="+620000000003", number_status="present", seat_id="M1", since=NOW, slot=4,
)  # fmt: skip


def call(call_id: str, **more: Any) -> CallView:
    known = {
        "answered_at": NOW, "number": "+620000000002", "number_status": "present",
        "on_hold": False, "muted": False, "parties": [], "location": None, "lines": [LINE],
        "seat_id": "M1", "operator_name": "Penerima", **more,
    }  # fmt: skip
    return CallView(call_id=call_id, **known)


STATE = Snapshot(
    now=NOW, seats=[], queue=[WAITS], seats_ready=1, media_connected=True, alarms=[], counters={},
    calls=[call("T"), call("O", direction="out", state="ringing")], waiting=[PARKED],
)  # fmt: skip


class Switch:
    """Answers with its state, or as it is told."""

    def __init__(self) -> None:
        self.asked = 0
        self.fault: Exception | None = None
        self.hangs = False

    async def state(self) -> Snapshot:
        self.asked += 1
        if self.hangs:
            await asyncio.Event().wait()
        if self.fault:
            raise self.fault
        return STATE


def data(frame: bytes) -> dict[str, Any]:
    """The board of a server-sent event."""
    event, _, told = frame.decode().partition("\n")
    assert event == "event: live"
    found: dict[str, Any] = msgspec.json.decode(told.removeprefix("data: "))
    return found


async def test_a_supervisor_is_told_who_waits_why_and_who_talks_with_whom() -> None:
    """Given a caller for whom no seat is ready though one is kept, a conversation and a call of
    ours that still rings; then the board has the first with the end of its wait, and of the others
    the conversation alone, without the minutes of its line, which every second would be much."""
    frames = LiveBoard(Switch().state, "A").frames()
    told = data(await anext(frames))
    assert (told["node"], told["away"]) == ("A", False)
    (waits,) = told["queue"]
    assert (waits["call_id"], waits["number"]) == ("W", "+620000000001")
    assert waits["held_back_until"] == "2026-11-26T18:01:00Z"
    (parked,) = told["waiting"]
    assert (parked["call_id"], parked["slot"], parked["since"]) == ("P", 4, "2026-11-26T18:00:00Z")
    (talks,) = told["calls"]
    assert (talks["call_id"], talks["seat_id"], talks["operator_name"]) == ("T", "M1", "Penerima")
    assert [(line["leg"], line["verdict"], line["history"]) for line in talks["lines"]] == [
        ("caller", "bad", [])
    ]


@pytest.mark.parametrize(
    "fault",
    [Unavailable("switch"), Refused(Refusal.CALL_UNKNOWN), msgspec.ValidationError("a later one")],
    ids=lambda fault: type(fault).__name__,
)
async def test_a_switch_that_does_not_answer_is_said_to_be_away_until_it_does(
    fault: Exception,
) -> None:
    """A list that stands still looks like a quiet night.  Given a reader; when the switch is away;
    then the next word says so and names no call; when it is back, so are they."""
    switch = Switch()
    board = LiveBoard(switch.state)
    frames = board.frames()
    await anext(frames)
    waiting = asyncio.ensure_future(anext(frames))
    await asyncio.sleep(0)  # let it wait
    switch.fault = fault
    await board.look()
    told = data(await waiting)
    assert (told["away"], told["queue"], told["waiting"], told["calls"]) == (True, [], [], [])
    switch.fault = None
    waiting = asyncio.ensure_future(anext(frames))
    await asyncio.sleep(0)
    await board.look()
    assert not data(await waiting)["away"]


async def test_a_switch_that_hangs_holds_nobody_up(monkeypatch: pytest.MonkeyPatch) -> None:
    """Given a stopped process; then the board is away after its time, and is asked again."""
    monkeypatch.setattr(live, "ANSWER_S", 0.01)
    switch = Switch()
    switch.hangs = True
    frames = LiveBoard(switch.state).frames()
    assert data(await anext(frames))["away"]


async def test_the_switch_is_asked_once_for_all_and_not_at_all_while_nobody_looks(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """It has calls to answer.  Given no reader; then it is not asked; given two; then one question
    answers both; when both are gone; then it is left alone again."""
    monkeypatch.setattr(live, "READ_S", 0)
    switch = Switch()
    board = LiveBoard(switch.state)

    async def turns() -> int:
        """How often the switch is asked in some turns of the board."""
        before, running = switch.asked, asyncio.create_task(board.run())
        for _ in range(20):
            await asyncio.sleep(0)
        running.cancel()
        await asyncio.gather(running, return_exceptions=True)
        return switch.asked - before

    assert await turns() == 0
    readers = [board.frames(), board.frames()]
    for frames in readers:
        assert data(await anext(frames))["queue"]
    assert await turns() > 0
    asked = switch.asked
    waiting = [asyncio.ensure_future(anext(frames)) for frames in readers]
    await asyncio.sleep(0)  # let them wait
    await board.look()
    first, second = await asyncio.gather(*waiting)
    assert (first, switch.asked) == (second, asked + 1)
    for frames in readers:
        await frames.aclose()  # type: ignore[attr-defined]
    assert (board.readers, await turns()) == (0, 0)


async def test_an_open_feed_ends_when_its_reader_has_other_rights(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Numbers are for who may see them now.  Given a supervisor's open feed; when the account is
    made a crew's; then the feed ends, as it does when the session is over; whoever asks again is
    answered by the new rights."""
    supervisor = SignedOn("O1", "Orang", (Role.SUPERVISOR,))
    for after in (SignedOn("O1", "Orang", (Role.CREW,)), None):
        answers = [supervisor, after]

        async def reader(_: Request, answers: list[SignedOn | None] = answers) -> SignedOn | None:
            return answers.pop(0)

        async def frames() -> AsyncIterator[bytes]:
            for frame in (b"1", b"2", b"3"):
                yield frame

        monkeypatch.setattr(tahuri.app, "session_reader", reader)
        monkeypatch.setattr(tahuri.app, "SESSION_LOOK_S", -1.0)
        request: Any = SimpleNamespace(state=SimpleNamespace(who=supervisor))
        assert [one async for one in tahuri.app.while_signed_on(request, frames())] == [b"1"]
