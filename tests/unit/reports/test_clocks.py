"""The clocks of a case, by the city's definitions."""

from datetime import timedelta

import pytest
from facts import fact
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from tahuri.calls.events import CallAnswered, CallArrived, CallEnded
from tahuri.dispatch.events import (
    MilestoneReached,
    Released,
    StandDownReason,
    UnitAcknowledged,
    UnitArrived,
    UnitDispatched,
    UnitReleased,
    UnitSetOut,
    UnitStoodDown,
)
from tahuri.incidents.events import IncidentClosed, IncidentOpened, IncidentReopened
from tahuri.kernel.event import Event, Fact
from tahuri.kernel.ids import OperatorId, PersonalId, SeatId, UnitId
from tahuri.reports.clocks import Clocks, UnitClocks, clocks
from tahuri.units.states import Milestone

ENGINE, TANKER = UnitId("DMK-01"), UnitId("DMK-02")
ARRIVED = CallArrived(trunk="telkom", number_status="present")
ANSWERED = CallAnswered(seat_id=SeatId("M1"), operator_id=OperatorId("O1"))
OPENED = IncidentOpened(
    number="AMB-20261123-0001",
    category="structure-fire",
    priority=1,
    place=PersonalId("P1"),
    ward_code=None,
    injured=None,
    hazards=(),
    report=PersonalId("P2"),
    notify=(),
)
CLOSED = IncidentClosed(disposition="handled", remarks=None)
REOPENED = IncidentReopened(reason=PersonalId("P3"))


def sent(unit_id: UnitId) -> UnitDispatched:
    return UnitDispatched(unit_id=unit_id, ack_due_s=60)


def case(*told: tuple[float, Event] | tuple[float, Event, str]) -> list[Fact]:
    """(second, event, call) … as facts; call C1 unless named."""
    made = []
    for seq, (second, event, *call) in enumerate(told, 1):
        kind = type(event).__module__.split(".")[1]
        stream = {"calls": f"call/{(call or ['C1'])[0]}", "incidents": "incident/I1"}.get(
            kind, "dispatch/I1"
        )
        made.append(fact(event, second=second, seq=seq, stream=stream))
    return made


WHOLE = case(
    (0, ARRIVED),
    (4, ANSWERED),
    (30, OPENED),
    (50, sent(ENGINE)),
    (55, sent(TANKER)),
    (62, UnitAcknowledged(unit_id=ENGINE)),
    (90, UnitSetOut(unit_id=ENGINE)),
    (95, CallEnded(outcome="answered", by="caller")),
    (100, UnitStoodDown(unit_id=TANKER, reason=StandDownReason.NOT_NEEDED)),
    (400, UnitArrived(unit_id=ENGINE)),
    (430, MilestoneReached(unit_id=ENGINE, milestone=Milestone.ACCESS)),
    (520, MilestoneReached(unit_id=ENGINE, milestone=Milestone.WORK)),
    (1900, UnitReleased(unit_id=ENGINE, reason=Released.DONE)),
    (2000, CLOSED),
)


def test_a_whole_case_has_every_clock() -> None:
    """The city answers for 15 minutes to a fire: from the ring to the first unit on scene."""
    assert clocks(WHOLE) == Clocks(
        answer_s=4,
        processing_s=46,
        response_s=400,
        action_s=520,
        closed_s=2000,
        units=(
            UnitClocks(
                unit_id=ENGINE,
                acknowledge_s=12,
                turnout_s=28,
                travel_s=310,
                access_s=30,
                setup_s=90,
                on_scene_s=1500,
            ),
            UnitClocks(unit_id=TANKER),
        ),
    )


@given(st.permutations(WHOLE))
def test_the_order_of_reading_does_not_matter(facts: list[Fact]) -> None:
    """The facts come from several streams."""
    assert clocks(facts) == clocks(WHOLE)


def test_a_case_without_a_call_counts_from_its_opening() -> None:
    """Reports come by radio and at the counter too."""
    found = clocks(case((10, OPENED), (40, sent(ENGINE)), (100, UnitArrived(unit_id=ENGINE))))
    assert (found.answer_s, found.processing_s, found.response_s) == (None, 30, 90)
    assert found.units[0].turnout_s is None


def test_a_phase_that_the_crew_left_out_has_no_length() -> None:
    """Work begun without a word of access is still the action that the city answers for."""
    found = clocks(
        case(
            (0, OPENED),
            (40, sent(ENGINE)),
            (100, UnitArrived(unit_id=ENGINE)),
            (160, MilestoneReached(unit_id=ENGINE, milestone=Milestone.WORK)),
        )
    )
    assert (found.action_s, found.units[0].access_s, found.units[0].setup_s) == (160, None, None)
    assert (found.doubtful, found.units[0].doubtful) == ((), ())


def test_clocks_that_have_not_run_out_show_nothing() -> None:
    """A zero would look like a good answer time."""
    assert clocks([]) == Clocks()
    assert clocks(case((0, ARRIVED))) == Clocks()


def test_the_answer_time_is_that_of_one_call() -> None:
    """A caller who gave up two minutes earlier waited, but was never answered."""
    found = clocks(
        case(
            (0, ARRIVED, "C1"),
            (20, CallEnded(outcome="abandoned", by="caller"), "C1"),
            (120, ARRIVED, "C2"),
            (125, ANSWERED, "C2"),
            (150, OPENED),
            (160, sent(ENGINE)),
            (300, UnitArrived(unit_id=ENGINE)),
        )
    )
    assert (found.answer_s, found.processing_s, found.response_s) == (5, 35, 300)


def test_an_answer_whose_call_is_not_known_has_no_answer_time() -> None:
    """The ring itself may have been lost with an unreadable fact."""
    assert clocks(case((5, ANSWERED))).answer_s is None


def test_a_device_clock_that_is_wrong_gives_no_clock_and_is_named() -> None:
    """A phone that is a day slow must not make the fastest response of the year."""
    found = clocks(
        case(
            (100, ARRIVED),
            (104, ANSWERED),
            (150, sent(ENGINE)),
            (150, sent(TANKER)),
            (20, UnitAcknowledged(unit_id=ENGINE)),
            (30, UnitSetOut(unit_id=ENGINE)),
            (25, UnitArrived(unit_id=ENGINE)),
            (900, UnitArrived(unit_id=TANKER)),
        )
    )
    assert (found.response_s, found.doubtful) == (800, ())
    assert found.units[0] == UnitClocks(
        unit_id=ENGINE, turnout_s=10, doubtful=("acknowledge_s", "travel_s")
    )


@given(st.lists(st.integers(-500, 500), min_size=len(WHOLE), max_size=len(WHOLE)))
def test_no_clock_is_ever_negative(errors: list[int]) -> None:
    """Whatever each device's clock was: a paper with a time below zero proves nothing."""
    wrong = [
        replace(one, at=one.at + timedelta(seconds=error))
        for one, error in zip(WHOLE, errors, strict=True)
    ]
    found = clocks(wrong)
    for times in (found, *found.units):
        lengths = [getattr(times, name) for name in times.__struct_fields__ if name.endswith("_s")]
        assert all(length is None or length >= 0 for length in lengths)
        assert all(getattr(times, name) is None for name in times.doubtful)


def test_a_unit_that_is_sent_twice_has_two_lines() -> None:
    """Called back on the way and sent again: its travel is not the sum of both."""
    found = clocks(
        case(
            (0, OPENED),
            (10, sent(ENGINE)),
            (20, UnitSetOut(unit_id=ENGINE)),
            (60, UnitStoodDown(unit_id=ENGINE, reason=StandDownReason.NEARER_UNIT)),
            (100, sent(ENGINE)),
            (105, UnitAcknowledged(unit_id=ENGINE)),
            (110, UnitSetOut(unit_id=ENGINE)),
            (200, UnitArrived(unit_id=ENGINE)),
            (300, UnitReleased(unit_id=ENGINE, reason=Released.DONE)),
        )
    )
    assert found.units == (
        UnitClocks(unit_id=ENGINE, turnout_s=10),
        UnitClocks(unit_id=ENGINE, acknowledge_s=5, turnout_s=5, travel_s=90, on_scene_s=100),
    )


def test_reports_of_a_unit_that_was_never_sent_have_no_line() -> None:
    """A report for a unit of another incident belongs there."""
    assert clocks(case((0, OPENED), (5, UnitArrived(unit_id=TANKER)))).units == ()


@pytest.mark.parametrize(
    ("after", "closed_s"),
    [([], 100.0), ([(150, REOPENED)], None), ([(150, REOPENED), (200, CLOSED)], 200.0)],
)
def test_a_case_that_was_opened_again_is_not_closed(
    after: list[tuple[float, Event]], closed_s: float | None
) -> None:
    """The clock must not say done while a crew works."""
    assert clocks(case((0, OPENED), (100, CLOSED), *after)).closed_s == closed_s
