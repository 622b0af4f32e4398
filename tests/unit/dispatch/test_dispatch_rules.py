"""The rules of sending units, given–when–then."""

from datetime import UTC, datetime, timedelta

import pytest
from given import check

from tahuri.dispatch.decider import (
    ACK_DUE_S,
    DEVICE_CLOCK_ERROR_S,
    DISPATCH,
    NoticeSilence,
    ReportMilestone,
    ReportState,
    SendUnit,
    Situation,
    StandUnitDown,
    belongs,
)
from tahuri.dispatch.events import (
    AcknowledgementOverdue,
    DispatchEvent,
    MilestoneReached,
    OverrideReason,
    Released,
    StandDownReason,
    UnitAcknowledged,
    UnitArrived,
    UnitDispatched,
    UnitLeftForHospital,
    UnitReachedHospital,
    UnitReleased,
    UnitSetOut,
    UnitStoodDown,
)
from tahuri.kernel.ids import IncidentId, UnitId
from tahuri.refusals import Refusal
from tahuri.units.events import ReportCameLate
from tahuri.units.states import PROGRESS, Milestone, UnitState, is_behind

UNIT, OTHER, THIRD = UnitId("PSC-01"), UnitId("PSC-02"), UnitId("PSC-03")
SENT = UnitDispatched(unit_id=UNIT, ack_due_s=ACK_DUE_S, next_units=(OTHER, THIRD))
ANSWERED = UnitAcknowledged(unit_id=UNIT)
DONE = UnitReleased(unit_id=UNIT, reason=Released.DONE)
STOOD_DOWN = UnitStoodDown(unit_id=UNIT, reason=StandDownReason.NOT_NEEDED)
KNOWN = Situation()
NOW = datetime(2026, 11, 23, 3, 0, tzinfo=UTC)


def report(state: UnitState, hospital_id: str | None = None) -> ReportState:
    return ReportState(unit_id=UNIT, state=state, hospital_id=hospital_id)


def test_a_free_unit_is_sent_and_its_crew_has_a_minute_to_answer() -> None:
    """The promise to the caller starts here."""
    check(
        DISPATCH,
        knowing=[Situation(next_units=(OTHER, THIRD))],
        when=SendUnit(unit_id=UNIT),
        then=[SENT],
    )


def test_sending_a_unit_twice_to_one_incident_records_it_once() -> None:
    """Two dispatchers agree more often than they think."""
    check(
        DISPATCH,
        given=[SENT],
        knowing=[Situation(unit_state=UnitState.DISPATCHED, unit_incident=IncidentId("I1"))],
        when=SendUnit(unit_id=UNIT),
        then=[],
    )


@pytest.mark.parametrize("state", [*PROGRESS, UnitState.OUT_OF_SERVICE])
def test_a_unit_that_is_busy_is_refused(state: UnitState) -> None:
    """Two dispatchers must never send one ambulance to two incidents."""
    check(
        DISPATCH,
        knowing=[Situation(unit_state=state, unit_incident=IncidentId("I2"))],
        when=SendUnit(unit_id=UNIT),
        refused=Refusal.UNIT_NOT_AVAILABLE,
    )


def test_a_unit_out_of_service_is_refused_although_it_has_no_incident() -> None:
    """A broken engine must not be counted on."""
    check(
        DISPATCH,
        knowing=[Situation(unit_state=UnitState.OUT_OF_SERVICE)],
        when=SendUnit(unit_id=UNIT),
        refused=Refusal.UNIT_NOT_AVAILABLE,
    )


def test_nobody_is_sent_to_a_closed_incident() -> None:
    """It would never be released: closing has already counted the units."""
    check(
        DISPATCH,
        knowing=[Situation(incident_open=False)],
        when=SendUnit(unit_id=UNIT),
        refused=Refusal.INCIDENT_CLOSED,
    )


def test_a_choice_that_is_not_recommended_must_be_explained() -> None:
    """Afterwards somebody asks why the farther unit went."""
    about = Situation(recommended=False)
    check(
        DISPATCH,
        knowing=[about],
        when=SendUnit(unit_id=UNIT),
        refused=Refusal.OVERRIDE_REASON_MISSING,
    )
    blocked = OverrideReason.ROAD_BLOCKED
    check(
        DISPATCH,
        knowing=[about],
        when=SendUnit(unit_id=UNIT, override_reason=blocked),
        then=[UnitDispatched(unit_id=UNIT, ack_due_s=ACK_DUE_S, override_reason=blocked)],
    )


def test_a_recommended_unit_needs_no_reason_and_none_is_recorded() -> None:
    """A reason on every line would make the reasons worthless."""
    check(
        DISPATCH,
        knowing=[KNOWN],
        when=SendUnit(unit_id=UNIT, override_reason=OverrideReason.OTHER),
        then=[UnitDispatched(unit_id=UNIT, ack_due_s=ACK_DUE_S)],
    )


@pytest.mark.parametrize(
    ("state", "event"),
    [
        (UnitState.ACKNOWLEDGED, ANSWERED),
        (UnitState.EN_ROUTE, UnitSetOut(unit_id=UNIT)),
        (UnitState.ON_SCENE, UnitArrived(unit_id=UNIT)),
        (UnitState.TRANSPORTING, UnitLeftForHospital(unit_id=UNIT, hospital_id="R1")),
        (UnitState.AT_HOSPITAL, UnitReachedHospital(unit_id=UNIT, hospital_id="R1")),
        (UnitState.AVAILABLE, DONE),
    ],
)
def test_a_report_is_recorded_once_in_words_of_its_own(
    state: UnitState, event: DispatchEvent
) -> None:
    """Each state is a clock that somebody answers for; states may be skipped, not repeated."""
    given = [SENT, ANSWERED] if state is UnitState.AVAILABLE else [SENT]
    check(DISPATCH, given=given, knowing=[KNOWN], when=report(state, "R1"), then=[event])
    check(DISPATCH, given=[*given, event], knowing=[KNOWN], when=report(state, "R1"), then=[])


def test_acknowledging_twice_records_it_once() -> None:
    """Crews on a bad link press again; the timeline must not show two answers."""
    check(
        DISPATCH,
        given=[SENT, ANSWERED],
        knowing=[KNOWN],
        when=report(UnitState.ACKNOWLEDGED),
        then=[],
    )


def test_a_report_behind_the_present_state_is_kept_and_moves_nothing() -> None:
    """Out of a dead spot the older report comes second; the ambulance does not drive backwards."""
    given = [SENT, UnitArrived(unit_id=UNIT)]
    late = ReportCameLate(unit_id=UNIT, state=UnitState.EN_ROUTE)
    check(DISPATCH, given=given, knowing=[KNOWN], when=report(UnitState.EN_ROUTE), then=[late])
    check(DISPATCH, given=[*given, late], knowing=[KNOWN], when=report(UnitState.EN_ROUTE), then=[])
    assert DISPATCH.after([*given, late]).present[UNIT].state is UnitState.ON_SCENE


def test_a_repeated_report_of_a_state_passed_long_ago_is_not_late_but_known() -> None:
    """The outbox sends again what was recorded in time."""
    check(
        DISPATCH,
        given=[SENT, ANSWERED, UnitSetOut(unit_id=UNIT), UnitArrived(unit_id=UNIT)],
        knowing=[KNOWN],
        when=report(UnitState.EN_ROUTE),
        then=[],
    )


@pytest.mark.parametrize("ended", [DONE, STOOD_DOWN])
def test_a_report_after_the_end_of_the_assignment_is_kept(ended: DispatchEvent) -> None:
    """The crew was on scene at that time, whatever the dispatcher did meanwhile."""
    late = ReportCameLate(unit_id=UNIT, state=UnitState.ON_SCENE)
    given = [SENT, ANSWERED, ended]
    check(DISPATCH, given=given, knowing=[KNOWN], when=report(UnitState.ON_SCENE), then=[late])
    check(DISPATCH, given=[*given, late], knowing=[KNOWN], when=report(UnitState.ON_SCENE), then=[])
    check(DISPATCH, given=given, knowing=[KNOWN], when=report(UnitState.AVAILABLE), then=[])


def test_a_late_report_of_an_earlier_assignment_does_not_move_the_present_one() -> None:
    """Sent again to the same fire, the unit is not on scene because it was, an hour ago."""
    given = [SENT, ANSWERED, STOOD_DOWN, SENT]
    late = ReportCameLate(unit_id=UNIT, state=UnitState.ON_SCENE)
    check(
        DISPATCH,
        given=given,
        knowing=[Situation(belongs=False)],
        when=report(UnitState.ON_SCENE),
        then=[late],
    )
    after = [*given, late]
    assert DISPATCH.after(after).present[UNIT].state is UnitState.DISPATCHED
    check(
        DISPATCH,
        given=after,
        knowing=[KNOWN],
        when=report(UnitState.ON_SCENE),
        then=[UnitArrived(unit_id=UNIT)],
    )


def test_a_crew_that_has_not_answered_cannot_release_itself() -> None:
    """The dispatcher would believe that help had been and gone."""
    check(
        DISPATCH,
        given=[SENT],
        knowing=[KNOWN],
        when=report(UnitState.AVAILABLE),
        refused=Refusal.MOVE_NOT_ALLOWED,
    )


@pytest.mark.parametrize("state", [UnitState.DISPATCHED, UnitState.OUT_OF_SERVICE])
def test_what_is_decided_cannot_be_reported(state: UnitState) -> None:
    """Being sent and going out of service have commands that ask for a reason."""
    check(
        DISPATCH,
        given=[SENT],
        knowing=[KNOWN],
        when=report(state),
        refused=Refusal.MOVE_NOT_ALLOWED,
    )


def test_a_report_of_a_unit_that_was_never_sent_is_refused() -> None:
    """It belongs to no incident; the crew should call in."""
    check(
        DISPATCH,
        knowing=[KNOWN],
        when=report(UnitState.ON_SCENE),
        refused=Refusal.UNIT_NOT_DISPATCHED,
    )


def reached(milestone: Milestone) -> ReportMilestone:
    return ReportMilestone(unit_id=UNIT, milestone=milestone)


def at(milestone: Milestone) -> MilestoneReached:
    return MilestoneReached(unit_id=UNIT, milestone=milestone)


@pytest.mark.parametrize("milestone", Milestone)
def test_a_milestone_on_scene_is_recorded_once_and_moves_nothing(milestone: Milestone) -> None:
    """Access and set-up are two of the five phases that a fire service answers for."""
    given = [SENT, ANSWERED, UnitArrived(unit_id=UNIT)]
    told = at(milestone)
    check(DISPATCH, given=given, knowing=[KNOWN], when=reached(milestone), then=[told])
    check(DISPATCH, given=[*given, told], knowing=[KNOWN], when=reached(milestone), then=[])
    assert DISPATCH.after([*given, told]).present[UNIT].state is UnitState.ON_SCENE


def test_a_milestone_may_be_left_out_and_told_afterwards() -> None:
    """Hands that hold a hose press no button; the second may come first, and both too late."""
    given = [SENT, UnitArrived(unit_id=UNIT), at(Milestone.WORK)]
    access = at(Milestone.ACCESS)
    check(DISPATCH, given=given, knowing=[KNOWN], when=reached(Milestone.ACCESS), then=[access])
    check(DISPATCH, given=given, knowing=[KNOWN], when=report(UnitState.AVAILABLE), then=[DONE])
    gone = [*given, UnitLeftForHospital(unit_id=UNIT)]
    check(DISPATCH, given=gone, knowing=[KNOWN], when=reached(Milestone.ACCESS), then=[access])
    ended = [*given, DONE]
    check(DISPATCH, given=ended, knowing=[KNOWN], when=reached(Milestone.ACCESS), then=[access])
    told = [*ended, access]
    check(DISPATCH, given=told, knowing=[KNOWN], when=reached(Milestone.ACCESS), then=[])


@pytest.mark.parametrize(
    "state", [state for state in PROGRESS if is_behind(state, UnitState.ON_SCENE)]
)
def test_who_has_not_arrived_has_reached_nothing(state: UnitState) -> None:
    """A slip of the thumb on the road must not make the fastest set-up of the year."""
    moves = {UnitState.ACKNOWLEDGED: [ANSWERED], UnitState.EN_ROUTE: [UnitSetOut(unit_id=UNIT)]}
    given = [SENT, *moves.get(state, [])]
    check(
        DISPATCH,
        given=given,
        knowing=[KNOWN],
        when=reached(Milestone.WORK),
        refused=Refusal.MOVE_NOT_ALLOWED,
    )


def test_a_milestone_of_a_unit_that_was_never_sent_is_refused() -> None:
    """It belongs to no incident; the crew should call in."""
    check(
        DISPATCH,
        knowing=[KNOWN],
        when=reached(Milestone.ACCESS),
        refused=Refusal.UNIT_NOT_DISPATCHED,
    )


def test_a_unit_is_stood_down_once_with_a_reason() -> None:
    """A crew that turns back must know that it was meant to."""
    command = StandUnitDown(unit_id=UNIT, reason=StandDownReason.NOT_NEEDED)
    check(DISPATCH, given=[SENT], knowing=[KNOWN], when=command, then=[STOOD_DOWN])
    check(DISPATCH, given=[SENT, STOOD_DOWN], knowing=[KNOWN], when=command, then=[])


def test_a_unit_that_was_never_sent_cannot_be_stood_down() -> None:
    """A slip in the unit's name must not pass as done."""
    check(
        DISPATCH,
        knowing=[KNOWN],
        when=StandUnitDown(unit_id=UNIT, reason=StandDownReason.WRONG_UNIT),
        refused=Refusal.UNIT_NOT_DISPATCHED,
    )


def test_silence_is_told_once_and_the_next_free_unit_is_proposed() -> None:
    """No answer in a minute: the dispatcher is told loudly, once, with a way out."""
    overdue = AcknowledgementOverdue(unit_id=UNIT, late_s=0.4, proposed_unit_id=THIRD)
    silence = NoticeSilence(unit_id=UNIT, late_s=0.4)
    about = Situation(free=frozenset({THIRD}))
    check(DISPATCH, given=[SENT], knowing=[about], when=silence, then=[overdue])
    check(DISPATCH, given=[SENT, overdue], knowing=[about], when=silence, then=[])


def test_silence_is_told_although_no_other_unit_is_free() -> None:
    """Then the dispatcher must telephone, and know it."""
    check(
        DISPATCH,
        given=[SENT],
        knowing=[KNOWN],
        when=NoticeSilence(unit_id=UNIT, late_s=3.0),
        then=[AcknowledgementOverdue(unit_id=UNIT, late_s=3.0, proposed_unit_id=None)],
    )


@pytest.mark.parametrize("known", [[], [SENT, ANSWERED], [SENT, STOOD_DOWN]])
def test_a_crew_that_answered_or_was_stood_down_is_not_called_silent(
    known: list[DispatchEvent],
) -> None:
    """An alarm that cries wolf is not heard the next time."""
    check(
        DISPATCH,
        given=known,
        knowing=[KNOWN],
        when=NoticeSilence(unit_id=UNIT, late_s=0.0),
        then=[],
    )


def test_an_answer_after_the_alarm_still_counts() -> None:
    """Late is better than never."""
    overdue = AcknowledgementOverdue(unit_id=UNIT, late_s=0.1, proposed_unit_id=OTHER)
    check(
        DISPATCH,
        given=[SENT, overdue],
        knowing=[KNOWN],
        when=report(UnitState.ACKNOWLEDGED),
        then=[ANSWERED],
    )


def test_facts_about_a_unit_never_heard_of_change_nothing() -> None:
    """Folding never fails, whatever stands in the log."""
    assert DISPATCH.after([ANSWERED]) == DISPATCH.initial


def test_the_incident_that_the_device_shows_settles_which_assignment_is_meant() -> None:
    """A device clock may be wrong by days; what its screen showed is not."""
    here, elsewhere = IncidentId("I1"), IncidentId("I2")
    long_ago = NOW - timedelta(days=900)
    assert belongs(long_ago, here, here, NOW)
    assert not belongs(NOW, elsewhere, here, NOW)


def test_without_it_a_report_from_before_the_dispatch_tells_of_an_earlier_one() -> None:
    """A queue of reports from the last job must not run through the new one."""
    here = IncidentId("I1")
    skewed = NOW - timedelta(seconds=DEVICE_CLOCK_ERROR_S)
    assert belongs(skewed, None, here, NOW)
    assert not belongs(skewed - timedelta(seconds=1), None, here, NOW)
