"""What may be done with one incident.  Pure: no clock, no I/O, no chance."""

from datetime import date
from typing import TypeVar, assert_never

from msgspec import UNSET, Struct, UnsetType
from msgspec.structs import replace

from tahuri.incidents.events import (
    IncidentAmended,
    IncidentClosed,
    IncidentOpened,
    IncidentReopened,
    NoteAdded,
)
from tahuri.kernel.event import Command, Decider
from tahuri.kernel.ids import PersonalId, UnitId
from tahuri.kernel.refusal import Refused
from tahuri.refusals import Refusal

NUMBER_DIGITS = 4
T = TypeVar("T")


class Open(Command, frozen=True, tag="open"):
    """Make an incident of what was reported."""

    number: str
    category: str
    priority: int
    place: PersonalId
    ward_code: str | None
    injured: int | None
    hazards: tuple[str, ...]
    report: PersonalId
    notify: tuple[str, ...]


class Amend(Command, frozen=True, tag="amend"):
    """Change what is known; what is not set stays."""

    category: str | UnsetType = UNSET
    priority: int | UnsetType = UNSET
    place: PersonalId | UnsetType = UNSET
    ward_code: str | UnsetType | None = UNSET
    injured: int | UnsetType | None = UNSET
    hazards: tuple[str, ...] | UnsetType = UNSET
    report: PersonalId | UnsetType = UNSET
    notify: tuple[str, ...] | UnsetType = UNSET


class AddNote(Command, frozen=True, tag="add-note"):
    """Write something down; also after the end."""

    note: PersonalId


class Close(Command, frozen=True, tag="close"):
    """End it; ``unreleased`` are the units that are still on it."""

    disposition: str
    remarks: PersonalId | None
    unreleased: tuple[UnitId, ...]


class Reopen(Command, frozen=True, tag="reopen"):
    """Take it up again."""

    reason: PersonalId


IncidentCommand = Open | Amend | AddNote | Close | Reopen
IncidentEvent = IncidentOpened | IncidentAmended | NoteAdded | IncidentClosed | IncidentReopened


class Incident(Struct, frozen=True):
    """One incident, as far as these rules look at it."""

    exists: bool = False
    closed: bool = False
    category: str = ""
    priority: int = 0
    injured: int | None = None
    hazards: tuple[str, ...] = ()
    notify: tuple[str, ...] = ()


def decide(command: IncidentCommand, incident: Incident) -> list[IncidentEvent]:
    """Events that carry the command out; none if it is so already.  Raises Refused."""
    if not incident.exists and not isinstance(command, Open):
        raise Refused(Refusal.INCIDENT_UNKNOWN)
    match command:
        case Open():
            if incident.exists:
                return []
            return [
                IncidentOpened(
                    number=command.number,
                    category=command.category,
                    priority=command.priority,
                    place=command.place,
                    ward_code=command.ward_code,
                    injured=command.injured,
                    hazards=command.hazards,
                    report=command.report,
                    notify=command.notify,
                )
            ]
        case Amend():
            if incident.closed:
                raise Refused(Refusal.INCIDENT_CLOSED)
            amended = _amended(command, incident)
            return [] if amended == IncidentAmended() else [amended]
        case AddNote(note=note):
            return [NoteAdded(note=note)]
        case Close(disposition=disposition, remarks=remarks, unreleased=unreleased):
            if incident.closed:
                return []
            if unreleased:
                raise Refused(Refusal.UNITS_NOT_RELEASED, units=", ".join(unreleased))
            return [IncidentClosed(disposition=disposition, remarks=remarks)]
        case Reopen(reason=reason):
            return [IncidentReopened(reason=reason)] if incident.closed else []
        case _:
            assert_never(command)


def _amended(command: Amend, incident: Incident) -> IncidentAmended:
    """Without what is so already.  Texts are taken as new: the rules cannot look into them."""
    return IncidentAmended(
        category=UNSET if command.category == incident.category else command.category,
        priority=UNSET if command.priority == incident.priority else command.priority,
        place=command.place,
        ward_code=command.ward_code,
        injured=UNSET if command.injured == incident.injured else command.injured,
        hazards=UNSET if command.hazards == incident.hazards else command.hazards,
        report=command.report,
        notify=UNSET if command.notify == incident.notify else command.notify,
    )


def set_or(value: T | UnsetType, otherwise: T) -> T:
    """The value, or what it was before if it is not set."""
    return otherwise if isinstance(value, UnsetType) else value


def next_number(prefix: str, today: date, last: str | None) -> str:
    """The number after ``last``, e.g. ``AMB-20261123-0042``: one count a day, without a gap.

    Args:
        today: the day in the city's zone.
        last: the newest incident's number.  If it is of a later day the clock stepped back; then
            its day goes on, so that no number is given twice.
    """
    day, count = f"{today:%Y%m%d}", 0
    if last is not None:
        _, last_day, last_count = last.rsplit("-", 2)
        if last_day >= day:
            day, count = last_day, int(last_count)
    return f"{prefix}-{day}-{count + 1:0{NUMBER_DIGITS}}"


def evolve(incident: Incident, event: IncidentEvent) -> Incident:
    """The incident after the event."""
    match event:
        case IncidentOpened():
            return Incident(
                exists=True,
                category=event.category,
                priority=event.priority,
                injured=event.injured,
                hazards=event.hazards,
                notify=event.notify,
            )
        case IncidentAmended():
            return Incident(
                exists=True,
                closed=incident.closed,
                category=set_or(event.category, incident.category),
                priority=set_or(event.priority, incident.priority),
                injured=set_or(event.injured, incident.injured),
                hazards=set_or(event.hazards, incident.hazards),
                notify=set_or(event.notify, incident.notify),
            )
        case NoteAdded():
            return incident
        case IncidentClosed():
            return replace(incident, closed=True)
        case IncidentReopened():
            return replace(incident, closed=False)
        case _:
            assert_never(event)


INCIDENT = Decider(Incident(), decide, evolve)
