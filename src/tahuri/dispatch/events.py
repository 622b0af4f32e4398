"""Facts about units sent to incidents.  Stream: ``dispatch/<incident_id>``.

Late reports (``units.events.ReportCameLate``) stand in the same stream.
"""

from enum import StrEnum
from typing import assert_never

from tahuri.kernel.event import Event
from tahuri.kernel.ids import PersonalId, UnitId
from tahuri.units.states import Milestone, UnitState


class OverrideReason(StrEnum):
    """Why a dispatcher sends a unit that was not recommended."""

    REINFORCEMENT = "reinforcement"
    NEARER_IN_FACT = "nearer-in-fact"
    ROAD_BLOCKED = "road-blocked"
    LOCAL_KNOWLEDGE = "local-knowledge"
    SKILL_OR_EQUIPMENT = "skill-or-equipment"
    RECOMMENDED_UNREACHABLE = "recommended-unreachable"
    ASKED_BY_AGENCY = "asked-by-agency"
    OTHER = "other"


class StandDownReason(StrEnum):
    """Why a dispatcher takes a unit off an incident."""

    NOT_NEEDED = "not-needed"
    NEARER_UNIT = "nearer-unit"
    NEEDED_ELSEWHERE = "needed-elsewhere"
    NO_ANSWER = "no-answer"
    WRONG_UNIT = "wrong-unit"
    BREAKDOWN = "breakdown"
    OTHER = "other"


class Released(StrEnum):
    """How an assignment ended by itself."""

    DONE = "done"
    OUT_OF_SERVICE = "out-of-service"


class UnitDispatched(Event, frozen=True, tag="dispatch.unit-dispatched"):
    """A dispatcher committed the unit; its crew has not answered yet."""

    unit_id: UnitId
    ack_due_s: int
    """Seconds the crew has to acknowledge before the dispatcher is alerted."""
    next_units: tuple[UnitId, ...] = ()
    """Who could go instead, the best first, as ranked at this moment."""
    override_reason: OverrideReason | None = None
    override_note: PersonalId | None = None


class UnitAcknowledged(Event, frozen=True, tag="dispatch.unit-acknowledged"):
    """The crew confirmed that they have the assignment."""

    unit_id: UnitId


class UnitSetOut(Event, frozen=True, tag="dispatch.unit-set-out"):
    """The unit is on its way to the incident."""

    unit_id: UnitId


class UnitArrived(Event, frozen=True, tag="dispatch.unit-arrived"):
    """The unit is on scene."""

    unit_id: UnitId


class MilestoneReached(Event, frozen=True, tag="dispatch.milestone-reached"):
    """The crew got to the patient, or began its work; told in time or late, it moves no state."""

    unit_id: UnitId
    milestone: Milestone


class UnitLeftForHospital(Event, frozen=True, tag="dispatch.unit-left-for-hospital"):
    """The unit is taking somebody to hospital."""

    unit_id: UnitId
    hospital_id: str | None = None


class UnitReachedHospital(Event, frozen=True, tag="dispatch.unit-reached-hospital"):
    """The unit is at the hospital and hands over."""

    unit_id: UnitId
    hospital_id: str | None = None


class UnitReleased(Event, frozen=True, tag="dispatch.unit-released"):
    """The unit's part in the incident is over."""

    unit_id: UnitId
    reason: Released


class UnitStoodDown(Event, frozen=True, tag="dispatch.unit-stood-down"):
    """A dispatcher took the unit off the incident."""

    unit_id: UnitId
    reason: StandDownReason


class AcknowledgementOverdue(Event, frozen=True, tag="dispatch.acknowledgement-overdue"):
    """The crew has not answered in time; the dispatcher is told, once."""

    unit_id: UnitId
    late_s: float
    """Seconds from the moment it was due to the moment it was noticed; large after an outage."""
    proposed_unit_id: UnitId | None
    """Who could go instead and was free when it was noticed."""


DispatchEvent = (
    UnitDispatched
    | UnitAcknowledged
    | UnitSetOut
    | UnitArrived
    | MilestoneReached
    | UnitLeftForHospital
    | UnitReachedHospital
    | UnitReleased
    | UnitStoodDown
    | AcknowledgementOverdue
)


def state_after(event: DispatchEvent) -> UnitState | None:
    """The state in which the event leaves its unit; None if it leaves it as it was."""
    match event:
        case UnitDispatched():
            return UnitState.DISPATCHED
        case UnitAcknowledged():
            return UnitState.ACKNOWLEDGED
        case UnitSetOut():
            return UnitState.EN_ROUTE
        case UnitArrived():
            return UnitState.ON_SCENE
        case UnitLeftForHospital():
            return UnitState.TRANSPORTING
        case UnitReachedHospital():
            return UnitState.AT_HOSPITAL
        case UnitReleased() | UnitStoodDown():
            return UnitState.AVAILABLE
        case MilestoneReached() | AcknowledgementOverdue():
            return None
        case _:
            assert_never(event)
