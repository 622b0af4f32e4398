"""Facts about units and their crews.  Stream: ``unit/<unit_id>``."""

from enum import StrEnum

from tahuri.kernel.event import Event
from tahuri.kernel.ids import AgencyId, OperatorId, StationId, UnitId
from tahuri.units.states import UnitState


class OutOfServiceReason(StrEnum):
    """Why a unit cannot be sent."""

    BREAKDOWN = "breakdown"
    MAINTENANCE = "maintenance"
    REFUELLING = "refuelling"
    CLEANING = "cleaning"
    NO_CREW = "no-crew"
    CREW_REST = "crew-rest"
    TRAINING = "training"
    OTHER = "other"


class UnitRegistered(Event, frozen=True, tag="units.unit-registered"):
    """The unit is on the city's roster, with these particulars from now on."""

    agency_id: AgencyId
    station_id: StationId | None
    kind: str
    callsign: str


class CrewSignedOn(Event, frozen=True, tag="units.crew-signed-on"):
    """A crew member is with the unit and may report for it."""

    operator_id: OperatorId


class CrewSignedOff(Event, frozen=True, tag="units.crew-signed-off"):
    """A crew member is no longer with the unit."""

    operator_id: OperatorId


class UnitOutOfService(Event, frozen=True, tag="units.unit-out-of-service"):
    """The unit cannot be sent."""

    reason: OutOfServiceReason


class UnitInService(Event, frozen=True, tag="units.unit-in-service"):
    """The unit can be sent again."""


class ReportCameLate(Event, frozen=True, tag="units.report-came-late"):
    """A crew's report that was true when it was made and changes nothing now.

    Stream: ``dispatch/<incident_id>`` of the assignment that it tells of, so that it stands in the
    incident's timeline.
    """

    unit_id: UnitId
    state: UnitState
    hospital_id: str | None = None
