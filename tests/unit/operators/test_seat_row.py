"""The row of a seat, as supervisors see it."""

from typing import Any

import pytest
from facts import at, fact, row_after

from tahuri.calls.events import (
    CallAnswered,
    CallEnded,
    CallOffered,
    OfferMissed,
    OfferWithdrawn,
    SupervisionStarted,
)
from tahuri.kernel.event import Event, StreamId
from tahuri.kernel.ids import OperatorId, SeatId
from tahuri.operators.events import (
    AccountMade,
    SeatLeft,
    SeatNotReady,
    SeatReady,
    SeatSkillsTold,
    SeatTaken,
    SeatVanished,
)
from tahuri.operators.views import SEATS, SeatRow

O1 = OperatorId("O1")
M1: dict[str, Any] = {"seat_id": SeatId("M1"), "operator_id": O1}
TAKEN = SeatTaken(operator_id=O1, kind="browser")
READY = SeatReady(operator_id=O1)
SKILLS = SeatSkillsTold(operator_id=O1, desk="agency-desk", languages=("en",), agency_id="pmi")


def after(*events: Event) -> SeatRow:
    """The row of seat M1; call facts stand in the stream of call C1."""
    facts = [
        fact(
            event,
            second=n,
            seq=n + 1,
            stream="seat/M1" if type(event).__name__.startswith("Seat") else "call/C1",
        )
        for n, event in enumerate(events)
    ]
    row: SeatRow = row_after(SEATS, "M1", facts)
    return row


@pytest.mark.parametrize(
    ("events", "shown"),
    [
        ([], {"state": "free", "operator_id": None}),
        ([TAKEN], {"state": "not_ready", "reason": "technical", "operator_id": "O1"}),
        ([SeatTaken(operator_id=O1, kind="sip", robot=True)], {"kind": "sip", "robot": True}),
        (
            [TAKEN, SKILLS, READY],
            {"desk": "agency-desk", "languages": ("en",), "agency_id": "pmi", "state": "ready"},
        ),
        (
            [TAKEN, SKILLS, SeatLeft(operator_id=O1), TAKEN],
            {"desk": "taker", "languages": (), "agency_id": None},
        ),
        ([TAKEN, READY], {"state": "ready", "reason": None, "since": at(1)}),
        (
            [TAKEN, READY, SeatNotReady(operator_id=O1, reason="meal")],
            {"state": "not_ready", "reason": "meal"},
        ),
        ([TAKEN, READY, CallOffered(**M1)], {"state": "offered", "call_id": "C1"}),
        ([TAKEN, READY, CallOffered(**M1), OfferMissed(**M1)], {"state": "ready", "call_id": None}),
        (
            [TAKEN, READY, CallOffered(**M1), OfferWithdrawn(**M1)],
            {"state": "ready", "call_id": None},
        ),
        ([TAKEN, READY, CallAnswered(**M1)], {"state": "busy", "call_id": "C1", "since": at(2)}),
        (
            [TAKEN, READY, CallAnswered(**M1), SeatNotReady(operator_id=O1, reason="wrap-up")],
            {"state": "not_ready", "reason": "wrap-up", "call_id": None},
        ),
        (
            [TAKEN, SeatNotReady(operator_id=O1, reason="meal"), OfferWithdrawn(**M1)],
            {"state": "not_ready", "reason": "meal"},
        ),
        ([TAKEN, READY, SeatLeft(operator_id=O1)], {"state": "free", "operator_id": None}),
        (
            [TAKEN, READY, SupervisionStarted(**M1, mode="listen", audible=False)],
            {"state": "supervising", "call_id": "C1"},
        ),
        (
            [TAKEN, READY, SupervisionStarted(**M1, mode="barge", audible=False), READY],
            {"state": "ready", "call_id": None},
        ),
        (
            [TAKEN, READY, CallAnswered(**M1), SeatVanished(operator_id=O1, after_s=30)],
            {"state": "vanished", "operator_id": None, "call_id": None},
        ),
    ],
)
def test_the_row_shows_where_the_seat_stands(events: list[Event], shown: dict[str, Any]) -> None:
    """A supervisor decides by this row whether the room can take another call."""
    row = after(*events)
    assert {name: getattr(row, name) for name in shown} == shown


def test_only_facts_that_name_the_seat_touch_it() -> None:
    """One seat's break must not close another."""
    call, seat = StreamId("call", "C1"), StreamId("seat", "M1")
    assert SEATS.keys(seat, READY) == ("M1",)
    assert SEATS.keys(call, CallOffered(**M1)) == ("M1",)
    assert SEATS.keys(call, CallEnded(outcome="answered", by="seat")) == ()
    assert SEATS.keys(StreamId("operator", "O1"), AccountMade(operator_id=O1, roles=())) == ()


def test_a_fact_that_says_nothing_of_seats_leaves_the_row() -> None:
    """Folding never refuses: it has happened."""
    row = after(TAKEN)
    assert SEATS.fold(row, fact(CallEnded(outcome="answered", by="seat"))) == row
