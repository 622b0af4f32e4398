"""What may be done with the units of one incident.  Pure: no clock, no I/O, no chance."""

from collections.abc import Mapping
from datetime import datetime, timedelta
from types import MappingProxyType
from typing import assert_never

from msgspec import Struct
from msgspec.structs import replace

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
    state_after,
)
from tahuri.kernel.event import Command, Decider
from tahuri.kernel.ids import IncidentId, UnitId
from tahuri.kernel.refusal import Refused
from tahuri.refusals import Refusal
from tahuri.units.events import ReportCameLate
from tahuri.units.states import Milestone, UnitState, is_behind, may_follow

ACK_DUE_S = 60
DEVICE_CLOCK_ERROR_S = 120
"""A device clock may be this wrong before its report is taken for one of an earlier assignment."""


class SendUnit(Command, frozen=True, tag="send-unit"):
    """Commit a unit to the incident."""

    unit_id: UnitId
    override_reason: OverrideReason | None = None


class StandUnitDown(Command, frozen=True, tag="stand-unit-down"):
    """Take a unit off the incident."""

    unit_id: UnitId
    reason: StandDownReason


class ReportState(Command, frozen=True, tag="report-state"):
    """A crew, or a dispatcher for it, says what the unit is doing."""

    unit_id: UnitId
    state: UnitState
    hospital_id: str | None = None


class ReportMilestone(Command, frozen=True, tag="report-milestone"):
    """A crew, or a dispatcher for it, says what it has reached on scene."""

    unit_id: UnitId
    milestone: Milestone


class NoticeSilence(Command, frozen=True, tag="notice-silence"):
    """The time to acknowledge has passed."""

    unit_id: UnitId
    late_s: float


DispatchCommand = SendUnit | StandUnitDown | ReportState | ReportMilestone | NoticeSilence


class Situation(Struct, frozen=True):
    """What must be known beside the incident's own units."""

    incident_open: bool = True
    unit_state: UnitState = UnitState.AVAILABLE
    unit_incident: IncidentId | None = None
    recommended: bool = True
    """The run card asks for this unit, and no other would be there much sooner."""
    next_units: tuple[UnitId, ...] = ()
    free: frozenset[UnitId] = frozenset()
    """Units that could be sent at this moment."""
    belongs: bool = True
    """The report tells of the unit's present assignment."""


class Assignment(Struct, frozen=True):
    """One unit's part in the incident."""

    state: UnitState
    known: frozenset[UnitState]
    """What has been reported, in time or late."""
    reached: frozenset[Milestone] = frozenset()
    next_units: tuple[UnitId, ...] = ()
    overdue: bool = False


class Dispatch(Struct, frozen=True):
    """The units of one incident."""

    present: Mapping[UnitId, Assignment] = MappingProxyType({})
    past: Mapping[UnitId, Assignment] = MappingProxyType({})
    """The last assignment of units that were released."""


def decide(
    command: DispatchCommand, state: Dispatch, about: Situation
) -> list[DispatchEvent | ReportCameLate]:
    """Events that carry the command out; none if it is so already.  Raises Refused."""
    assignment = state.present.get(command.unit_id)
    match command:
        case SendUnit():
            return [] if assignment else [_sent(command, about)]
        case StandUnitDown(unit_id=unit, reason=reason):
            if assignment:
                return [UnitStoodDown(unit_id=unit, reason=reason)]
            if unit in state.past:
                return []
            raise Refused(Refusal.UNIT_NOT_DISPATCHED, unit=unit)
        case ReportState():
            return _reported(command, state, about)
        case ReportMilestone():
            return _reached(command, state, about)
        case NoticeSilence(unit_id=unit, late_s=late_s):
            if assignment is None or assignment.state is not UnitState.DISPATCHED:
                return []
            if assignment.overdue:
                return []  # told loudly, but once
            proposed = next((one for one in assignment.next_units if one in about.free), None)
            return [AcknowledgementOverdue(unit_id=unit, late_s=late_s, proposed_unit_id=proposed)]
        case _:
            assert_never(command)


def _sent(command: SendUnit, about: Situation) -> UnitDispatched:
    if not about.incident_open:
        raise Refused(Refusal.INCIDENT_CLOSED)
    if about.unit_incident or not may_follow(about.unit_state, UnitState.DISPATCHED):
        raise Refused(
            Refusal.UNIT_NOT_AVAILABLE,
            unit=command.unit_id,
            state=about.unit_state,
            incident=about.unit_incident or "",
        )
    if not about.recommended and command.override_reason is None:
        raise Refused(Refusal.OVERRIDE_REASON_MISSING, unit=command.unit_id)
    return UnitDispatched(
        unit_id=command.unit_id,
        ack_due_s=ACK_DUE_S,
        next_units=about.next_units,
        override_reason=None if about.recommended else command.override_reason,
    )


def _reported(
    command: ReportState, state: Dispatch, about: Situation
) -> list[DispatchEvent | ReportCameLate]:
    unit, reported = command.unit_id, command.state
    event = _event_of(command)
    present, assignment = _told_of(unit, reported, state, about)
    if reported is assignment.state:
        return []  # a crew on a bad link presses twice
    if present is None or is_behind(reported, present.state):
        if reported in assignment.known:
            return []
        return [ReportCameLate(unit_id=unit, state=reported, hospital_id=command.hospital_id)]
    if not may_follow(present.state, reported):
        raise Refused(Refusal.MOVE_NOT_ALLOWED, unit=unit, state=present.state, to=reported)
    return [event]


def _reached(
    command: ReportMilestone, state: Dispatch, about: Situation
) -> list[DispatchEvent | ReportCameLate]:
    unit, milestone = command.unit_id, command.milestone
    present, assignment = _told_of(unit, milestone, state, about)
    if milestone in assignment.reached:
        return []
    if present and is_behind(present.state, UnitState.ON_SCENE):
        raise Refused(Refusal.MOVE_NOT_ALLOWED, unit=unit, state=present.state, to=milestone)
    return [MilestoneReached(unit_id=unit, milestone=milestone)]


def _told_of(
    unit: UnitId, reported: UnitState | Milestone, state: Dispatch, about: Situation
) -> tuple[Assignment | None, Assignment]:
    """The present assignment, if the report tells of it; and the one that it tells of."""
    present = state.present.get(unit) if about.belongs else None
    assignment = present or state.past.get(unit)
    if assignment is None:
        raise Refused(Refusal.UNIT_NOT_DISPATCHED, unit=unit, to=reported)
    return present, assignment


def _event_of(command: ReportState) -> DispatchEvent:
    unit, hospital_id = command.unit_id, command.hospital_id
    match command.state:
        case UnitState.ACKNOWLEDGED:
            return UnitAcknowledged(unit_id=unit)
        case UnitState.EN_ROUTE:
            return UnitSetOut(unit_id=unit)
        case UnitState.ON_SCENE:
            return UnitArrived(unit_id=unit)
        case UnitState.TRANSPORTING:
            return UnitLeftForHospital(unit_id=unit, hospital_id=hospital_id)
        case UnitState.AT_HOSPITAL:
            return UnitReachedHospital(unit_id=unit, hospital_id=hospital_id)
        case UnitState.AVAILABLE:
            return UnitReleased(unit_id=unit, reason=Released.DONE)
        case UnitState.DISPATCHED | UnitState.OUT_OF_SERVICE:
            # these are decided, by commands of their own that ask for a reason
            raise Refused(Refusal.MOVE_NOT_ALLOWED, unit=unit, to=command.state)
        case _:
            assert_never(command.state)


def belongs(
    at: datetime,
    incident_id: IncidentId | None,
    present_id: IncidentId,
    dispatched_at: datetime,
) -> bool:
    """Whether a report tells of the unit's present assignment, not of an earlier one.

    Args:
        at: device time of the report.
        incident_id: the incident that the device showed, which no clock can spoil; None if it did
            not say.
        present_id: the incident the unit is on now.
        dispatched_at: when it was sent there.
    """
    if incident_id is not None:
        return incident_id == present_id
    return at >= dispatched_at - timedelta(seconds=DEVICE_CLOCK_ERROR_S)


def evolve(state: Dispatch, event: DispatchEvent | ReportCameLate) -> Dispatch:
    """The incident's units after the event."""
    unit = event.unit_id
    present, past = dict(state.present), dict(state.past)
    known = present.get(unit) or past.get(unit)
    match event:
        case UnitDispatched(next_units=next_units):
            present[unit] = Assignment(
                UnitState.DISPATCHED, frozenset({UnitState.DISPATCHED}), next_units=next_units
            )
        case _ if known is None:
            return state
        case AcknowledgementOverdue():
            present[unit] = replace(known, overdue=True)
        case ReportCameLate(state=late):
            told = replace(known, known=known.known | {late})
            (present if unit in present else past)[unit] = told
        case MilestoneReached(milestone=milestone):
            told = replace(known, reached=known.reached | {milestone})
            (present if unit in present else past)[unit] = told
        case UnitReleased() | UnitStoodDown():
            present.pop(unit, None)
            past[unit] = replace(known, state=UnitState.AVAILABLE)
        case _:
            moved = state_after(event) or known.state
            present[unit] = replace(known, state=moved, known=known.known | {moved})
    return Dispatch(present, past)


DISPATCH = Decider(Dispatch(), decide, evolve)
