"""What may be said about a call after it was answered."""

import pytest
from given import check

from tahuri.calls.decider import CALL, Call, ClassifyCall, WrapUpCall
from tahuri.calls.events import (
    CallAnswered,
    CallArrived,
    CallClass,
    CallClassified,
    CallEnded,
    CallLinked,
    CallQueued,
    CallRefused,
    CallRequeued,
    CallWrappedUp,
)
from tahuri.kernel.ids import IncidentId, OperatorId, SeatId
from tahuri.refusals import Refusal

ARRIVED = CallArrived(trunk="telkom", number_status="present")
ANSWERED = CallAnswered(seat_id=SeatId("M1"), operator_id=OperatorId("O1"))
ENDED = CallEnded(outcome="answered", by="caller")
NORMAL = CallClassified(call_class=CallClass.NORMAL)
PRANK = CallClassified(call_class=CallClass.PRANK)


@pytest.mark.parametrize("command", [ClassifyCall(call_class=CallClass.NORMAL), WrapUpCall()])
def test_a_call_that_never_came_cannot_be_spoken_of(command: object) -> None:
    """A wrong id must not make a call that nobody placed."""
    check(CALL, when=command, refused=Refusal.CALL_UNKNOWN)


def test_a_call_is_classified_while_it_is_live() -> None:
    """The call taker knows a prank before the caller hangs up."""
    check(
        CALL,
        given=[ARRIVED, ANSWERED],
        when=ClassifyCall(call_class=CallClass.PRANK),
        then=[PRANK],
    )


def test_classifying_twice_alike_records_it_once() -> None:
    """A key pressed twice is one judgement."""
    check(CALL, given=[ARRIVED, NORMAL], when=ClassifyCall(call_class=CallClass.NORMAL), then=[])


def test_a_class_can_be_put_right() -> None:
    """A ghost call may turn out to be somebody who cannot speak; both judgements are kept."""
    check(
        CALL,
        given=[ARRIVED, PRANK, ENDED, CallWrappedUp()],
        when=ClassifyCall(call_class=CallClass.NORMAL),
        then=[NORMAL],
    )


def test_a_live_call_cannot_be_wrapped_up() -> None:
    """Nobody may leave a caller who is still on the line."""
    check(
        CALL, given=[ARRIVED, ANSWERED, NORMAL], when=WrapUpCall(), refused=Refusal.CALL_STILL_LIVE
    )


def test_a_call_that_went_back_to_the_queue_is_live_again() -> None:
    """A seat vanished; its caller still waits."""
    requeued = CallRequeued(seat_id=SeatId("M1"), reason="seat-vanished")
    check(
        CALL,
        given=[ARRIVED, ANSWERED, NORMAL, requeued],
        when=WrapUpCall(),
        refused=Refusal.CALL_STILL_LIVE,
    )


def test_a_call_without_a_class_cannot_be_wrapped_up() -> None:
    """The city counts its pranks: the class is set first."""
    check(CALL, given=[ARRIVED, ENDED], when=WrapUpCall(), refused=Refusal.CALL_NOT_CLASSIFIED)


@pytest.mark.parametrize("end", [ENDED, CallRefused(status=488, reason="unsupported-codec")])
def test_an_ended_call_with_a_class_is_wrapped_up(end: CallEnded | CallRefused) -> None:
    """Then the seat may take the next caller."""
    check(CALL, given=[ARRIVED, NORMAL, end], when=WrapUpCall(), then=[CallWrappedUp()])


def test_wrapping_up_twice_records_it_once() -> None:
    """A key pressed twice ends one call."""
    check(CALL, given=[ARRIVED, NORMAL, ENDED, CallWrappedUp()], when=WrapUpCall(), then=[])


def test_facts_that_the_rules_need_not_know_change_nothing() -> None:
    """New facts of the switch must not stop a call from being wrapped up."""
    before = CALL.after([ARRIVED, NORMAL])
    linked = CallLinked(incident_id=IncidentId("I1"))
    assert CALL.after([ARRIVED, NORMAL, CallQueued(), linked]) == before
    assert CALL.after([]) == Call()
