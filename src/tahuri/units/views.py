"""The unit board: one row a unit, as dispatchers see it.  Pure; the kernel stores the rows."""

from datetime import datetime
from typing import assert_never

from msgspec.structs import replace

from tahuri.dispatch.events import DispatchEvent, state_after
from tahuri.kernel.event import Event, Fact, StreamId
from tahuri.kernel.ids import AgencyId, IncidentId, OperatorId, StationId, UnitId
from tahuri.kernel.view import Row, View
from tahuri.units.decider import UnitEvent
from tahuri.units.events import (
    CrewSignedOff,
    CrewSignedOn,
    UnitInService,
    UnitOutOfService,
    UnitRegistered,
)
from tahuri.units.states import UnitState


class UnitRow(Row, frozen=True):
    """A unit as it stands."""

    unit_id: UnitId
    agency_id: AgencyId = AgencyId("")
    station_id: StationId | None = None
    kind: str = ""
    callsign: str = ""
    state: UnitState = UnitState.AVAILABLE
    incident_id: IncidentId | None = None
    since: datetime | None = None
    """When the state last changed, UTC, by the clock of whoever saw it."""
    reason: str | None = None
    """Why it is out of service."""
    operators: tuple[OperatorId, ...] = ()
    registered: bool = False


def keys(stream: StreamId, event: Event) -> tuple[str, ...]:
    """The unit that the event is about."""
    if isinstance(event, DispatchEvent):
        return (event.unit_id,)
    return (stream.key,) if stream.kind == "unit" and isinstance(event, UnitEvent) else ()


def fold(row: UnitRow, fact: Fact) -> UnitRow:
    """The unit after the fact."""
    event = fact.event
    if isinstance(event, DispatchEvent):
        return _assigned(row, event, fact)
    assert isinstance(event, UnitEvent)
    match event:
        case UnitRegistered():
            return replace(
                row,
                agency_id=event.agency_id,
                station_id=event.station_id,
                kind=event.kind,
                callsign=event.callsign,
                registered=True,
                since=row.since or fact.at,
            )
        case CrewSignedOn():
            return replace(row, operators=(*row.operators, event.operator_id))
        case CrewSignedOff():
            left = tuple(one for one in row.operators if one != event.operator_id)
            return replace(row, operators=left)
        case UnitOutOfService():
            return replace(row, state=UnitState.OUT_OF_SERVICE, reason=event.reason, since=fact.at)
        case UnitInService():
            return replace(row, state=UnitState.AVAILABLE, reason=None, since=fact.at)
        case _:
            assert_never(event)


def _assigned(row: UnitRow, event: DispatchEvent, fact: Fact) -> UnitRow:
    state = state_after(event)
    if state is None:
        return row
    incident_id = None if state is UnitState.AVAILABLE else IncidentId(fact.stream.key)
    return replace(row, state=state, incident_id=incident_id, since=fact.at)


UNITS = View("unit", UnitRow, "unit_id", keys, fold)
VIEWS = (UNITS,)
