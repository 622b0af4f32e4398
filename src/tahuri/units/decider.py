"""What may be done with one unit and its crew.  Pure: no clock, no I/O, no chance."""

from typing import assert_never

from msgspec import Struct
from msgspec.structs import replace

from tahuri.dispatch.events import Released, UnitReleased
from tahuri.kernel.event import Command, Decider
from tahuri.kernel.ids import AgencyId, IncidentId, OperatorId, UnitId
from tahuri.kernel.refusal import Refused
from tahuri.refusals import Refusal
from tahuri.units.events import (
    CrewSignedOff,
    CrewSignedOn,
    OutOfServiceReason,
    UnitInService,
    UnitOutOfService,
    UnitRegistered,
)
from tahuri.units.states import UnitState


class TakeOutOfService(Command, frozen=True, tag="take-out-of-service"):
    """The unit cannot be sent, and why."""

    reason: OutOfServiceReason


class PutInService(Command, frozen=True, tag="put-in-service"):
    """The unit can be sent again."""


class SignOn(Command, frozen=True, tag="sign-on"):
    """Who asks is with the unit."""


class SignOff(Command, frozen=True, tag="sign-off"):
    """Who asks is no longer with the unit."""


UnitCommand = TakeOutOfService | PutInService | SignOn | SignOff
UnitEvent = UnitRegistered | CrewSignedOn | CrewSignedOff | UnitOutOfService | UnitInService


class Unit(Struct, frozen=True):
    """One unit, as far as these rules look at it."""

    unit_id: UnitId = UnitId("")
    agency_id: AgencyId = AgencyId("")
    state: UnitState = UnitState.AVAILABLE
    reason: str | None = None
    incident_id: IncidentId | None = None
    operators: tuple[OperatorId, ...] = ()
    registered: bool = False


class Asker(Struct, frozen=True):
    """Who asks."""

    operator_id: OperatorId
    is_crew: bool = True
    """They ask as crew, and so only for the unit they are signed on to."""
    is_desk: bool = False
    """They ask as an agency's desk, and so only for its own units."""
    agency_id: str | None = None
    """A crew or a desk of this agency only; None: of any."""


def decide(command: UnitCommand, unit: Unit, asker: Asker) -> list[UnitEvent | UnitReleased]:
    """Events that carry the command out; none if it is so already.

    Raises:
        Refused: no such unit, a crew that is not signed on to it, or a unit of another agency.
    """
    if not unit.registered:
        raise Refused(Refusal.UNIT_UNKNOWN, unit=unit.unit_id)
    operator_id = asker.operator_id
    aboard = operator_id in unit.operators
    match command:
        case SignOn() if asker.agency_id not in (None, unit.agency_id):
            raise Refused(Refusal.NOT_ALLOWED, unit=unit.unit_id, agency=unit.agency_id)
        case SignOn():
            return [] if aboard else [CrewSignedOn(operator_id=operator_id)]
        case SignOff():
            return [CrewSignedOff(operator_id=operator_id)] if aboard else []
        case TakeOutOfService() | PutInService() if _foreign(asker, unit):
            raise Refused(Refusal.NOT_ALLOWED, unit=unit.unit_id, agency=unit.agency_id)
        case TakeOutOfService() | PutInService() if asker.is_crew and not aboard:
            raise Refused(Refusal.CREW_NOT_SIGNED_ON, unit=unit.unit_id)
        case TakeOutOfService(reason=reason):
            if unit.state is UnitState.OUT_OF_SERVICE and unit.reason == reason:
                return []
            out = UnitOutOfService(reason=reason)
            if unit.incident_id is None:
                return [out]
            return [UnitReleased(unit_id=unit.unit_id, reason=Released.OUT_OF_SERVICE), out]
        case PutInService():
            return [UnitInService()] if unit.state is UnitState.OUT_OF_SERVICE else []
        case _:
            assert_never(command)


def _foreign(asker: Asker, unit: Unit) -> bool:
    """Whether a desk asks for another agency's unit, with which it is not on the road itself."""
    aboard = asker.operator_id in unit.operators
    return asker.is_desk and not aboard and asker.agency_id != unit.agency_id


def evolve(unit: Unit, event: UnitEvent) -> Unit:
    """The unit after the event."""
    match event:
        case UnitRegistered(agency_id=agency_id):
            return replace(unit, registered=True, agency_id=agency_id)
        case CrewSignedOn(operator_id=operator_id):
            return replace(unit, operators=(*unit.operators, operator_id))
        case CrewSignedOff(operator_id=operator_id):
            left = tuple(one for one in unit.operators if one != operator_id)
            return replace(unit, operators=left)
        case UnitOutOfService(reason=reason):
            return replace(unit, state=UnitState.OUT_OF_SERVICE, reason=reason, incident_id=None)
        case UnitInService():
            return replace(unit, state=UnitState.AVAILABLE, reason=None)
        case _:
            assert_never(event)


UNIT = Decider(Unit(), decide, evolve)
