"""Facts about incidents.  Stream: ``incident/<incident_id>``.

Calls are linked by ``calls.events.CallLinked`` in the calls' own streams, units are sent by
``dispatch.events`` in ``dispatch/<incident_id>``.
"""

from msgspec import UNSET, UnsetType

from tahuri.kernel.event import Event
from tahuri.kernel.ids import PersonalId


class IncidentOpened(Event, frozen=True, tag="incidents.incident-opened"):
    """Somebody said that help is needed."""

    number: str
    """What people call it, e.g. ``AMB-20261123-0042``."""
    category: str
    priority: int
    place: PersonalId
    ward_code: str | None
    injured: int | None
    hazards: tuple[str, ...]
    report: PersonalId
    notify: tuple[str, ...]
    """Agencies that the run card tells, with or without a unit of theirs."""


class IncidentAmended(Event, frozen=True, tag="incidents.incident-amended"):
    """What is known has changed; only what changed is named."""

    category: str | UnsetType = UNSET
    priority: int | UnsetType = UNSET
    place: PersonalId | UnsetType = UNSET
    ward_code: str | UnsetType | None = UNSET
    """Comes with ``place``."""
    injured: int | UnsetType | None = UNSET
    hazards: tuple[str, ...] | UnsetType = UNSET
    report: PersonalId | UnsetType = UNSET
    notify: tuple[str, ...] | UnsetType = UNSET


class NoteAdded(Event, frozen=True, tag="incidents.note-added"):
    """Somebody in the room or on scene wrote something down."""

    note: PersonalId


class IncidentClosed(Event, frozen=True, tag="incidents.incident-closed"):
    """Everything is done; how it ended."""

    disposition: str
    remarks: PersonalId | None


class IncidentReopened(Event, frozen=True, tag="incidents.incident-reopened"):
    """It was not over after all."""

    reason: PersonalId
