"""SQL of dispatch: rows of units and incidents, last positions, where a unit was when."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any

import msgspec
from msgspec import Struct

from tahuri.kernel.db import Database
from tahuri.kernel.ids import AgencyId, IncidentId, OperatorId, PersonalId, StationId, UnitId
from tahuri.kernel.log import Log
from tahuri.units.states import UnitState

UNIT_ROW = (
    "select body from view_rows where city_id = %s and view = 'unit' and key = %s "
    "and body is not null"
)
INCIDENT_ROW = (
    "select body from view_rows where city_id = %s and view = 'incident' and key = %s "
    "and body is not null"
)


class UnitNow(Struct, frozen=True):
    """A unit's row, as far as dispatch looks at it."""

    unit_id: UnitId
    agency_id: AgencyId
    station_id: StationId | None
    kind: str
    state: UnitState
    incident_id: IncidentId | None
    operators: tuple[OperatorId, ...]


class UnitHere(Struct, frozen=True):
    """A unit in an incident's row."""

    unit_id: UnitId
    ack_overdue: bool
    proposed_unit_id: UnitId | None


class IncidentNow(Struct, frozen=True):
    """An incident's row, as far as dispatch looks at it."""

    incident_id: IncidentId
    state: str
    category: str
    priority: int
    place: PersonalId | None
    notify: tuple[str, ...]
    units: tuple[UnitHere, ...]

    def silent(self) -> frozenset[UnitId]:
        """Units whose crew has not answered in time: nobody can count on them."""
        return frozenset(one.unit_id for one in self.units if one.ack_overdue)

    def proposed(self) -> frozenset[UnitId]:
        """Units that were proposed in their stead."""
        found = (one.proposed_unit_id for one in self.units if one.ack_overdue)
        return frozenset(unit_id for unit_id in found if unit_id is not None)


class Position(Struct, frozen=True):
    """The last fix of a unit."""

    lat: float
    lon: float
    at: datetime


async def unit_now(source: Log | Database, unit_id: str) -> UnitNow | None:
    """The unit's row; inside a write it cannot change before the end of it."""
    records = await _all(source, UNIT_ROW, unit_id)
    return msgspec.convert(records[0][0], UnitNow) if records else None


async def units_now(db: Database) -> list[UnitNow]:
    """Every unit."""
    records = await db.all(
        "select body from view_rows where city_id = %s and view = 'unit' and body is not null",
        (db.city_id,),
    )
    return [msgspec.convert(record[0], UnitNow) for record in records]


async def free_units(log: Log) -> frozenset[UnitId]:
    """Units that could be sent at this moment."""
    records = await log.fetch(
        "select key from view_rows where city_id = %s and view = 'unit' "
        "and body ->> 'state' = 'available'",
        (log.city_id,),
    )
    return frozenset(UnitId(key) for (key,) in records)


async def incident_now(source: Log | Database, incident_id: str) -> IncidentNow | None:
    """The incident's row."""
    records = await _all(source, INCIDENT_ROW, incident_id)
    return msgspec.convert(records[0][0], IncidentNow) if records else None


async def incident_body(db: Database, incident_id: str) -> dict[str, Any] | None:
    """The incident's whole row, as screens get it."""
    records = await _all(db, INCIDENT_ROW, incident_id)
    body: dict[str, Any] | None = records[0][0] if records else None
    return body


async def personal_bodies(db: Database, ids: list[str]) -> dict[str, Any]:
    """Erasable rows by id; None where erased."""
    records = await db.all(
        "select personal_id, body from personal where city_id = %s and personal_id = any(%s)",
        (db.city_id, ids),
    )
    return dict(records)


async def fresh_positions(db: Database, after: datetime) -> Mapping[str, Position]:
    """Last fixes made after a moment, by unit."""
    records = await db.all(
        "select unit_id, lat, lon, at from unit_positions where city_id = %s and at > %s",
        (db.city_id, after),
    )
    return {unit_id: Position(lat, lon, at) for unit_id, lat, lon, at in records}


async def assigned_at(log: Log, unit_id: str, at: datetime) -> IncidentId | None:
    """The incident of the unit's newest assignment that had begun by then."""
    records = await log.fetch(
        "select split_part(stream, '/', 2) from facts where city_id = %s "
        "and type = 'dispatch.unit-dispatched' and body ->> 'unit_id' = %s and at <= %s "
        "order by seq desc limit 1",
        (log.city_id, unit_id, at),
    )
    return IncidentId(records[0][0]) if records else None


async def _all(source: Log | Database, query: str, key: str) -> list[tuple[Any, ...]]:
    if isinstance(source, Log):
        return await source.fetch(query, (source.city_id, key))
    return await source.all(query, (source.city_id, key))
