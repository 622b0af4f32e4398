"""One item a caller, until somebody says what became of them."""

from typing import Any

import pytest
from facts import fact, row_after
from given import check

from tahuri.callbacks.decider import (
    END_UNKNOWN,
    ITEM,
    WORDS_MAX,
    AnsweredLater,
    BeginAttempt,
    CloseItem,
    EndAttempt,
    ItemEvent,
    NoticeOverdue,
    Owe,
    ReopenItem,
    TellCentre,
    TellMessage,
)
from tahuri.callbacks.events import (
    AttemptBegun,
    AttemptEnded,
    CallAttached,
    CallerTold,
    CallerWord,
    Cause,
    ItemClosed,
    ItemOpened,
    ItemReopened,
    MessageFailed,
    MessageSent,
    Outcome,
    Overdue,
)
from tahuri.callbacks.views import CALL_BACKS, CallBackRow
from tahuri.kernel.event import Event
from tahuri.kernel.ids import CallId, IncidentId, OperatorId, PersonalId, SeatId
from tahuri.refusals import Refusal

C1, C2, OURS = CallId("C1"), CallId("C2"), CallId("C9")
SEAT: dict[str, Any] = {"seat_id": SeatId("M1"), "operator_id": OperatorId("O1")}
CALLER, NOTE = PersonalId("P1"), PersonalId("P2")
OPENED = ItemOpened(
    call_id=C1, cause=Cause.HUNG_UP, number_status="present", dialable=True, caller=CALLER,
    waited_s=12.0,
)  # fmt: skip
NUMBERLESS = ItemOpened(call_id=C1, cause=Cause.HUNG_UP, number_status="none", dialable=False)
ATTACHED = CallAttached(call_id=C2, cause=Cause.HUNG_UP, waited_s=40.0, keys=2)
BEGUN = AttemptBegun(call_id=OURS, **SEAT)
REACHED = AttemptEnded(call_id=OURS, result="reached")
BUSY = AttemptEnded(call_id=OURS, result="busy", status=486)


def owe(call_id: CallId = C1, **changes: Any) -> Owe:
    given: dict[str, Any] = {
        "call_id": call_id, "cause": Cause.HUNG_UP, "number_status": "present", "dialable": True,
        "caller": CALLER, "location": None, "waited_s": 12.0, "keys": 0, "near": None,
        "night": False,
    }  # fmt: skip
    return Owe(**{**given, **changes})


def close(outcome: Outcome, **more: Any) -> CloseItem:
    return CloseItem(outcome=outcome, **more)


def closed(outcome: Outcome, **more: Any) -> ItemClosed:
    return ItemClosed(outcome=outcome, **more)


def test_a_call_in_vain_opens_an_item() -> None:
    """Every city loses most callers before an answer; none may be forgotten."""
    check(ITEM, when=owe(), then=[OPENED])


def test_however_often_they_ring_there_is_one_item() -> None:
    """Ten items of one frightened caller would bury nine other callers."""
    check(ITEM, given=[OPENED], when=owe(C2, waited_s=40.0, keys=2), then=[ATTACHED])


def test_a_call_that_is_attached_is_not_attached_again() -> None:
    """Facts of the switch may come twice."""
    check(ITEM, given=[OPENED, ATTACHED], when=owe(C2), then=[])
    check(ITEM, given=[OPENED], when=owe(C1), then=[])


def test_a_closed_item_takes_no_new_call() -> None:
    """Who rings again after an outcome is owed a new call."""
    check(
        ITEM,
        given=[OPENED, closed(Outcome.PRANK)],
        when=owe(C2),
        refused=Refusal.CALLBACK_NOT_POSSIBLE,
    )


def test_an_attempt_is_told_once_and_ends_once() -> None:
    """The proof counts attempts: who called, when, and what came of it."""
    begin = BeginAttempt(call_id=OURS, automatic=False, **SEAT)
    check(ITEM, given=[OPENED], when=begin, then=[BEGUN])
    check(ITEM, given=[OPENED, BEGUN], when=begin, then=[])
    end = EndAttempt(call_id=OURS, result="busy", status=486)
    check(ITEM, given=[OPENED, BEGUN], when=end, then=[BUSY])
    check(ITEM, given=[OPENED, BEGUN, BUSY], when=end, then=[])


def test_an_attempt_whose_end_nobody_told_binds_nobody_and_is_told_when_somebody_does() -> None:
    """Given a call-back at a node that is gone for good; then its caller may be called again and
    the item be closed; when the node is back after all; then what became of it counts."""
    lost = EndAttempt(call_id=OURS, result=END_UNKNOWN)
    unknown = AttemptEnded(call_id=OURS, result=END_UNKNOWN)
    check(ITEM, given=[OPENED, BEGUN], when=lost, then=[unknown])
    check(ITEM, given=[OPENED, BEGUN, unknown], when=lost, then=[])
    check(ITEM, given=[OPENED, BEGUN, BUSY], when=lost, then=[])
    missed = closed(Outcome.NOT_REACHED)
    check(ITEM, given=[OPENED, BEGUN, unknown], when=close(Outcome.NOT_REACHED), then=[missed])
    late = EndAttempt(call_id=OURS, result="reached")
    check(ITEM, given=[OPENED, BEGUN, unknown], when=late, then=[REACHED])
    check(ITEM, given=[OPENED, BEGUN, unknown, REACHED], when=late, then=[])


@pytest.mark.parametrize(
    "command",
    [
        AnsweredLater(call_id=C2),
        BeginAttempt(call_id=OURS, automatic=False, **SEAT),
        close(Outcome.PRANK),
        ReopenItem(reason=NOTE),
    ],
)
def test_what_does_not_exist_is_refused(command: object) -> None:
    """A mistyped id must never make an item out of nothing."""
    check(ITEM, when=command, refused=Refusal.CALLBACK_UNKNOWN)


def test_who_rings_again_and_is_answered_needs_no_call_back() -> None:
    """The item closes by itself and names the call in which they were heard."""
    later = closed(Outcome.ANSWERED_LATER, call_id=C2)
    check(ITEM, given=[OPENED], when=AnsweredLater(call_id=C2), then=[later])
    check(ITEM, given=[OPENED, later], when=AnsweredLater(call_id=C2), then=[])
    check(ITEM, given=[OPENED], when=AnsweredLater(call_id=C1), then=[])


@pytest.mark.parametrize(
    ("given", "outcome", "allowed"),
    [
        ([OPENED], Outcome.REACHED_NO_EMERGENCY, False),
        ([OPENED, BEGUN, BUSY], Outcome.REACHED_EMERGENCY, False),
        ([OPENED, BEGUN, REACHED], Outcome.REACHED_NO_EMERGENCY, True),
        ([OPENED], Outcome.NOT_REACHED, False),
        ([OPENED, BEGUN, BUSY], Outcome.NOT_REACHED, True),
        ([OPENED], Outcome.NO_NUMBER, False),
        ([NUMBERLESS], Outcome.NO_NUMBER, True),
        ([OPENED], Outcome.PRANK, True),
        ([OPENED], Outcome.DUPLICATE, True),
        ([OPENED], Outcome.ANSWERED_LATER, True),
        ([OPENED, BEGUN], Outcome.PRANK, False),
        ([OPENED, closed(Outcome.PRANK)], Outcome.DUPLICATE, False),
    ],
)
def test_an_outcome_must_be_true(given: list[Event], outcome: Outcome, allowed: bool) -> None:
    """Nobody is "reached" whom nobody has spoken with, and nobody "not reached" untried."""
    if allowed:
        check(ITEM, given=given, when=close(outcome), then=[closed(outcome)])
    else:
        check(ITEM, given=given, when=close(outcome), refused=Refusal.CALLBACK_NOT_POSSIBLE)


def test_closing_twice_with_the_same_outcome_changes_nothing() -> None:
    """A hand that presses twice must not see an error."""
    given = [OPENED, closed(Outcome.PRANK)]
    check(ITEM, given=given, when=close(Outcome.PRANK), then=[])


def test_a_closed_item_can_be_taken_up_again() -> None:
    """Somebody else may have picked up the phone."""
    reopened = ItemReopened(reason=NOTE)
    given = [OPENED, closed(Outcome.PRANK)]
    check(ITEM, given=given, when=ReopenItem(reason=NOTE), then=[reopened])
    check(ITEM, given=[OPENED], when=ReopenItem(reason=NOTE), then=[])
    check(ITEM, given=[*given, reopened], when=close(Outcome.DUPLICATE),
          then=[closed(Outcome.DUPLICATE)])  # fmt: skip


@pytest.mark.parametrize(
    ("given", "told"),
    [
        ([OPENED], True),
        ([OPENED, BEGUN], False),
        ([OPENED, BEGUN, BUSY], False),
        ([OPENED, closed(Outcome.PRANK)], False),
        ([OPENED, Overdue(due_s=180, late_s=0)], False),
    ],
)
def test_the_room_is_told_once_when_nobody_called_in_time(given: list[Event], told: bool) -> None:
    """An alarm that repeats itself, or rings for nothing, is switched off by hand."""
    expected = [Overdue(due_s=180, late_s=2.5)] if told else []
    check(ITEM, given=given, when=NoticeOverdue(due_s=180, late_s=2.5), then=expected)


def test_one_message_is_enough() -> None:
    """A caller in danger must not be lit up by message after message; failures are told."""
    sent = MessageSent(gateway="file", with_link=True)
    failed = MessageFailed(gateway="http", fault="answered 500")
    tell = TellMessage(gateway="file", with_link=True)
    fail = TellMessage(gateway="http", with_link=False, fault="answered 500")
    check(ITEM, given=[OPENED], when=tell, then=[sent])
    check(ITEM, given=[OPENED, sent], when=tell, then=[])
    check(ITEM, given=[OPENED], when=fail, then=[failed])
    check(ITEM, given=[OPENED, *([failed] * 8)], when=fail, then=[])


def after(*events: ItemEvent, every_s: float = 10) -> CallBackRow:
    facts = [
        fact(event, stream="callback/C1", second=every_s * n, seq=n + 1, actor="O1")
        for n, event in enumerate(events)
    ]
    row: CallBackRow = row_after(CALL_BACKS, "C1", facts)
    return row


def test_the_row_tells_calls_attempts_and_clocks() -> None:
    """What the room sees, and what the city's figures are computed from."""
    row = after(OPENED, ATTACHED, BEGUN, BUSY, closed(Outcome.NOT_REACHED, note=NOTE))
    assert [call.call_id for call in row.calls] == [C1, C2]
    assert [(one.call_id, one.result, one.status) for one in row.attempts] == [(OURS, "busy", 486)]
    assert (row.call_back_s, row.outcome_s) == (20.0, 40.0)
    assert (row.state, row.outcome, row.outcome_by) == ("closed", Outcome.NOT_REACHED, "O1")
    assert row.note == NOTE
    assert row.calling is None


def test_the_row_says_that_somebody_is_calling() -> None:
    """Two seats must not think of calling at once; a late alarm falls silent."""
    row = after(OPENED, Overdue(due_s=180, late_s=1), BEGUN)
    assert row.calling == OURS
    assert not row.overdue
    other = AttemptEnded(call_id=CallId("C8"), result="busy")
    assert after(OPENED, BEGUN, other).calling == OURS
    assert after(OPENED, BEGUN, other).attempts[0].result is None


def test_a_clock_that_stepped_back_gives_no_negative_time() -> None:
    """Facts carry the clock of whoever saw them."""
    assert after(OPENED, BEGUN, every_s=-5).call_back_s is None
    second = AttemptBegun(call_id=CallId("C8"), **SEAT)
    assert after(OPENED, BEGUN, BUSY, second).call_back_s == 10.0


def test_the_row_knows_messages_and_reopening() -> None:
    """A second look at an item starts with what was done before."""
    failed = after(OPENED, MessageFailed(gateway="http", fault="no answer"))
    assert failed.message == "failed"
    sent = after(OPENED, MessageSent(gateway="http", with_link=False))
    assert sent.message == "sent"
    again = after(OPENED, closed(Outcome.PRANK), ItemReopened(reason=NOTE))
    assert (again.state, again.outcome, again.outcome_s, again.reopened) == ("open", None, None, 1)
    linked = closed(Outcome.REACHED_EMERGENCY, incident_id=IncidentId("I1"))
    assert after(OPENED, BEGUN, REACHED, linked).incident_id == "I1"


def test_overdue_shows_until_somebody_acts() -> None:
    """The badge of the pane stands on it."""
    assert after(OPENED, Overdue(due_s=180, late_s=0)).overdue
    assert not after(OPENED, Overdue(due_s=180, late_s=0), closed(Outcome.PRANK)).overdue


# ---- the caller's page --------------------------------------------------------------------------


@pytest.mark.parametrize("word", list(CallerWord))
def test_what_the_caller_says_on_their_page_is_kept_and_closes_nothing(word: CallerWord) -> None:
    """Also "no longer needed": somebody else may hold the telephone; people close items."""
    check(ITEM, given=[OPENED], when=TellCentre(word=word), then=[CallerTold(word=word)])


@pytest.mark.parametrize(
    "word", [word for word in CallerWord if word is not CallerWord.NO_LONGER_NEEDED]
)
def test_who_still_needs_something_opens_a_closed_item_again(word: CallerWord) -> None:
    """Nobody's word is lost because a stranger had answered their telephone."""
    over = [OPENED, BEGUN, BUSY, closed(Outcome.NOT_REACHED)]
    then = [CallerTold(word=word), ItemReopened()]
    check(ITEM, given=over, when=TellCentre(word=word), then=then)


def test_who_needs_nothing_any_more_leaves_a_closed_item_closed() -> None:
    """It is told, and that is all."""
    word = CallerWord.NO_LONGER_NEEDED
    over = [OPENED, BEGUN, BUSY, closed(Outcome.NOT_REACHED)]
    check(ITEM, given=over, when=TellCentre(word=word), then=[CallerTold(word=word)])


def test_a_program_that_sends_words_for_ever_is_told_no() -> None:
    """One link must not fill the log."""
    said = [CallerTold(word=CallerWord.TEXT, text=NOTE)] * WORDS_MAX
    word = TellCentre(word=CallerWord.CALL_ME)
    check(ITEM, given=[OPENED, *said], when=word, refused=Refusal.CALLER_PAGE_FULL)


def test_the_row_tells_what_was_said_and_what_holds() -> None:
    """Given words one after the other; then the last wish holds, and the risk follows it."""
    words = [
        CallerTold(word=CallerWord.CANNOT_SPEAK),
        CallerTold(word=CallerWord.TEXT, text=NOTE),
        CallerTold(word=CallerWord.LOCATION, location=CALLER),
    ]
    row = after(OPENED, *words)
    assert (row.wish, [said.word for said in row.said]) == ("cannot-speak", [w.word for w in words])
    assert {one.code for one in row.reasons} == {"cannot-speak", "wrote", "located", "waited"}
    row = after(OPENED, *words, CallerTold(word=CallerWord.NO_LONGER_NEEDED))
    assert (row.state, row.wish, row.risk) == ("open", "no-longer-needed", 2)


def test_who_wrote_was_reached_and_who_only_pressed_was_not() -> None:
    """Given a caller who cannot speak; then help may be sent for what they wrote, and the item says
    so; a bare press tells nobody what became of them."""
    outcome = closed(Outcome.REACHED_EMERGENCY, incident_id=IncidentId("I1"))
    close_it = close(Outcome.REACHED_EMERGENCY, incident_id=IncidentId("I1"))
    wrote = CallerTold(word=CallerWord.TEXT, text=NOTE)
    check(ITEM, given=[OPENED, wrote], when=close_it, then=[outcome])
    pressed = CallerTold(word=CallerWord.CANNOT_SPEAK)
    check(ITEM, given=[OPENED, pressed], when=close_it, refused=Refusal.CALLBACK_NOT_POSSIBLE)
