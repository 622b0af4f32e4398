"""SQL of units: positions, crews, and the roster of the city pack."""

from collections.abc import Sequence
from datetime import datetime

from tahuri.city.records import Unit as PackUnit
from tahuri.kernel import clock
from tahuri.kernel.db import Database
from tahuri.kernel.event import StreamId
from tahuri.kernel.ids import AgencyId, StationId, UnitId
from tahuri.kernel.log import Log, Writing, writing
from tahuri.kernel.mint import new_id
from tahuri.kernel.view import View
from tahuri.units.events import UnitRegistered


async def store_position(
    db: Database,
    unit_id: str,
    operator_id: str | None,
    fix: tuple[float, float, datetime, float | None, float | None, float | None],
) -> bool:
    """Keeps a unit's last fix; whether it was newer than the one before.

    Args:
        operator_id: the fix counts only if they are signed on to the unit; None: it counts.
        fix: lat, lon, device time, speed in km/h, heading in degrees, accuracy in metres.
    """
    stored = await db.run(
        "insert into unit_positions (city_id, unit_id, lat, lon, at, received_at, "
        "speed_kmh, heading, accuracy_m) "
        "select %s, key, %s, %s, least(%s, now()), now(), %s, %s, %s from view_rows "
        "where city_id = %s and view = 'unit' and key = %s "
        "and (%s::text is null or body -> 'operators' ? %s::text) "
        "on conflict (city_id, unit_id) do update set lat = excluded.lat, lon = excluded.lon, "
        "at = excluded.at, received_at = excluded.received_at, speed_kmh = excluded.speed_kmh, "
        "heading = excluded.heading, accuracy_m = excluded.accuracy_m "
        "where unit_positions.at < excluded.at",
        (db.city_id, *fix, db.city_id, unit_id, operator_id, operator_id),
    )
    return stored > 0


async def crew_of(db: Database, unit_id: str) -> Sequence[str] | None:
    """Who is signed on to the unit; None if there is no such unit."""
    record = await db.one(
        "select body -> 'operators' from view_rows "
        "where city_id = %s and view = 'unit' and key = %s",
        (db.city_id, unit_id),
    )
    return list(record[0]) if record else None


async def crewed_by(db: Database, operator_id: str) -> list[str]:
    """Units that a crew member is signed on to."""
    records = await db.all(
        "select key from view_rows where city_id = %s and view = 'unit' "
        "and body -> 'operators' ? %s",
        (db.city_id, operator_id),
    )
    return [key for (key,) in records]


async def other_units_of(log: Log, operator_id: str, unit_id: str) -> list[UnitId]:
    """Units beside this one that a crew member is still signed on to."""
    records = await log.fetch(
        "select key from view_rows where city_id = %s and view = 'unit' and key <> %s "
        "and body -> 'operators' ? %s order by key",
        (log.city_id, unit_id, operator_id),
    )
    return [UnitId(key) for (key,) in records]


async def register_units(db: Database, views: Sequence[View], roster: Sequence[PackUnit]) -> int:
    """Records the pack's units that are new or have changed; how many.  Called at start.

    Nothing is written if the rows say so already.
    """
    if not _changed(await _particulars(db), roster):
        return 0
    write = Writing(actor="serve", command=new_id(), now=clock.now())
    async with writing(db, views, write) as log:
        records = await log.fetch(PARTICULARS, (db.city_id,))
        changed = _changed({key: tuple(rest) for key, *rest in records}, roster)
        for unit in changed:
            registered = UnitRegistered(
                agency_id=AgencyId(unit.agency_id),
                station_id=StationId(unit.station_id),
                kind=unit.kind,
                callsign=unit.callsign,
            )
            await log.append(StreamId("unit", unit.unit_id), [registered])
    return len(changed)


PARTICULARS = (
    "select key, body ->> 'agency_id', body ->> 'station_id', body ->> 'kind', "
    "body ->> 'callsign' from view_rows where city_id = %s and view = 'unit'"
)


async def _particulars(db: Database) -> dict[str, tuple[str, ...]]:
    return {key: tuple(rest) for key, *rest in await db.all(PARTICULARS, (db.city_id,))}


def _changed(known: dict[str, tuple[str, ...]], roster: Sequence[PackUnit]) -> list[PackUnit]:
    return [
        unit
        for unit in roster
        if known.get(unit.unit_id) != (unit.agency_id, unit.station_id, unit.kind, unit.callsign)
    ]
