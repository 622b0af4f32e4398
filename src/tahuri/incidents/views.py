"""The incident list: one row an incident with its units and calls.  Pure."""

from datetime import datetime, timedelta
from typing import assert_never

from msgspec import Struct
from msgspec.structs import replace

from tahuri.calls.events import CallLinked, CallUnlinked
from tahuri.dispatch.events import (
    AcknowledgementOverdue,
    DispatchEvent,
    MilestoneReached,
    UnitDispatched,
    UnitLeftForHospital,
    UnitReachedHospital,
    state_after,
)
from tahuri.incidents.decider import IncidentEvent, set_or
from tahuri.incidents.events import (
    IncidentAmended,
    IncidentClosed,
    IncidentOpened,
    IncidentReopened,
    NoteAdded,
)
from tahuri.kernel.event import Event, Fact, StreamId
from tahuri.kernel.ids import CallId, IncidentId, OperatorId, PersonalId, UnitId
from tahuri.kernel.view import Row, View
from tahuri.units.states import Milestone, UnitState


class UnitOnIncident(Struct, frozen=True, kw_only=True):
    """A unit's part in the incident; the last one, if it was sent more than once."""

    unit_id: UnitId
    state: UnitState
    dispatched_at: datetime
    ack_due_at: datetime
    acknowledged_at: datetime | None = None
    """First sign of the crew: the acknowledgement, or a later state if that was skipped."""
    ack_overdue: bool = False
    """Nobody has answered in time, and still nobody has."""
    proposed_unit_id: UnitId | None = None
    """Who could go instead, while ``ack_overdue``."""
    on_scene_at: datetime | None = None
    reached: tuple[Milestone, ...] = ()
    """What the crew has reported from the scene, in the order of the log."""
    hospital_id: str | None = None
    released_at: datetime | None = None


class Note(Struct, frozen=True):
    """What somebody wrote down, and when by their clock."""

    at: datetime
    operator_id: OperatorId
    note: PersonalId


class IncidentRow(Row, frozen=True):
    """An incident as it stands."""

    incident_id: IncidentId
    number: str = ""
    state: str = "open"
    """``open`` or ``closed``."""
    opened_at: datetime | None = None
    closed_at: datetime | None = None
    category: str = ""
    priority: int = 0
    place: PersonalId | None = None
    ward_code: str | None = None
    injured: int | None = None
    hazards: tuple[str, ...] = ()
    report: PersonalId | None = None
    call_ids: tuple[CallId, ...] = ()
    units: tuple[UnitOnIncident, ...] = ()
    notify: tuple[str, ...] = ()
    notes: tuple[Note, ...] = ()
    disposition: str | None = None
    remarks: PersonalId | None = None
    reopened: int = 0
    opened_by: OperatorId | None = None


def keys(stream: StreamId, event: Event) -> tuple[str, ...]:
    """The incident that the event is about."""
    if isinstance(event, CallLinked | CallUnlinked):
        return (event.incident_id,)
    return (stream.key,) if isinstance(event, IncidentEvent | DispatchEvent) else ()


def fold(row: IncidentRow, fact: Fact) -> IncidentRow:
    """The incident after the fact."""
    event = fact.event
    if isinstance(event, DispatchEvent):
        return replace(row, units=_units(row.units, event, fact.at))
    assert isinstance(event, IncidentEvent | CallLinked | CallUnlinked)
    match event:
        case CallLinked():
            call_id = CallId(fact.stream.key)
            others = tuple(one for one in row.call_ids if one != call_id)
            return replace(row, call_ids=(*others, call_id))
        case CallUnlinked():
            left = tuple(one for one in row.call_ids if one != fact.stream.key)
            return replace(row, call_ids=left)
        case IncidentOpened():
            return replace(
                row,
                number=event.number,
                opened_at=fact.at,
                opened_by=OperatorId(fact.actor),
                category=event.category,
                priority=event.priority,
                place=event.place,
                ward_code=event.ward_code,
                injured=event.injured,
                hazards=event.hazards,
                report=event.report,
                notify=event.notify,
            )
        case IncidentAmended():
            return _amended(row, event)
        case NoteAdded(note=text) | IncidentReopened(reason=text):
            note = Note(fact.at, OperatorId(fact.actor), text)
            noted = replace(row, notes=(*row.notes, note))
            if isinstance(event, NoteAdded):
                return noted
            return replace(noted, state="open", closed_at=None, reopened=row.reopened + 1)
        case IncidentClosed():
            return replace(
                row,
                state="closed",
                closed_at=fact.at,
                disposition=event.disposition,
                remarks=event.remarks,
            )
        case _:
            assert_never(event)


def _amended(row: IncidentRow, event: IncidentAmended) -> IncidentRow:
    return replace(
        row,
        category=set_or(event.category, row.category),
        priority=set_or(event.priority, row.priority),
        place=set_or(event.place, row.place),
        ward_code=set_or(event.ward_code, row.ward_code),
        injured=set_or(event.injured, row.injured),
        hazards=set_or(event.hazards, row.hazards),
        report=set_or(event.report, row.report),
        notify=set_or(event.notify, row.notify),
    )


def _units(
    units: tuple[UnitOnIncident, ...], event: DispatchEvent, at: datetime
) -> tuple[UnitOnIncident, ...]:
    if isinstance(event, UnitDispatched):
        others = tuple(one for one in units if one.unit_id != event.unit_id)
        sent = UnitOnIncident(
            unit_id=event.unit_id,
            state=UnitState.DISPATCHED,
            dispatched_at=at,
            ack_due_at=at + timedelta(seconds=event.ack_due_s),
        )
        return (*others, sent)
    return tuple(_moved(one, event, at) if one.unit_id == event.unit_id else one for one in units)


def _moved(unit: UnitOnIncident, event: DispatchEvent, at: datetime) -> UnitOnIncident:
    if isinstance(event, AcknowledgementOverdue):
        return replace(unit, ack_overdue=True, proposed_unit_id=event.proposed_unit_id)
    if isinstance(event, MilestoneReached):
        return replace(unit, reached=(*unit.reached, event.milestone))
    state = state_after(event) or unit.state
    moved = replace(unit, state=state, ack_overdue=False, proposed_unit_id=None)
    if state is UnitState.AVAILABLE:
        return replace(moved, released_at=at)
    if state is UnitState.ON_SCENE:
        moved = replace(moved, on_scene_at=at)
    if isinstance(event, UnitLeftForHospital | UnitReachedHospital):
        moved = replace(moved, hospital_id=event.hospital_id or unit.hospital_id)
    return replace(moved, acknowledged_at=unit.acknowledged_at or at)


INCIDENTS = View(
    "incident",
    IncidentRow,
    "incident_id",
    keys,
    fold,
    personal=("place", "report", "notes[].note", "remarks"),
)
VIEWS = (INCIDENTS,)
