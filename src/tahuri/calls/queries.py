"""SQL reads about calls."""

from datetime import datetime
from typing import Any

from tahuri.kernel.db import Database
from tahuri.numbers import NumberPlan

HISTORY_CALLS_MAX = 20
INCIDENTS_NEAR_MAX = 500


async def number_of(db: Database, call_id: str) -> str | None:
    """The caller's number, if it is known and has not been erased."""
    record = await db.one(
        "select p.body ->> 'number' from view_rows v join personal p on p.city_id = v.city_id "
        "and p.personal_id = v.body ->> 'caller' "
        "where v.city_id = %s and v.view = 'call' and v.key = %s",
        (db.city_id, call_id),
    )
    return record[0] if record else None


async def calls_from(
    db: Database, number: str, before: str, plan: NumberPlan
) -> list[tuple[dict[str, Any], datetime]]:
    """Earlier calls of a number, the latest first: rows of the view ``call``."""
    return [
        (body, arrived_at)
        for body, arrived_at in await db.all(
            "select v.body, (v.body ->> 'arrived_at')::timestamptz from personal p "
            "join view_rows v on v.city_id = p.city_id and v.view = 'call' "
            "and v.body ->> 'caller' = p.personal_id "
            "where p.city_id = %s and p.kind = 'caller' and p.body ->> 'number' = any(%s) "
            "and v.key < %s order by v.key desc limit %s",
            (db.city_id, plan.spellings(number), before, HISTORY_CALLS_MAX),
        )
    ]


async def is_lost(
    db: Database, number: str, call_id: str, since: datetime, plan: NumberPlan
) -> bool:
    """Whether the last call of the number before this one was given up in the queue since then."""
    record = await db.one(
        "select v.body ->> 'outcome' = 'abandoned' and (v.body ->> 'ended_at')::timestamptz > %s "
        "from personal p join view_rows v on v.city_id = p.city_id and v.view = 'call' "
        "and v.body ->> 'caller' = p.personal_id "
        "where p.city_id = %s and p.kind = 'caller' and p.body ->> 'number' = any(%s) "
        "and v.key < %s order by v.key desc limit 1",
        (since, db.city_id, plan.spellings(number), call_id),
    )
    return bool(record and record[0])


async def has_open_incident(db: Database, number: str, call_id: str, plan: NumberPlan) -> bool:
    """Whether an earlier call of the number is about an incident that is open."""
    record = await db.one(
        "select 1 from personal p "
        "join view_rows v on v.city_id = p.city_id and v.view = 'call' "
        "and v.body ->> 'caller' = p.personal_id "
        "join view_rows i on i.city_id = p.city_id and i.view = 'incident' "
        "and v.body -> 'incident_ids' ? i.key and i.body ->> 'state' = 'open' "
        "where p.city_id = %s and p.kind = 'caller' and p.body ->> 'number' = any(%s) "
        "and v.key < %s limit 1",
        (db.city_id, plan.spellings(number), call_id),
    )
    return record is not None


async def place_of(db: Database, call_id: str) -> tuple[float, float] | None:
    """(latitude, longitude) that the network gave of the caller."""
    record = await db.one(
        "select (p.body ->> 'lat')::float, (p.body ->> 'lon')::float from view_rows v "
        "join personal p on p.city_id = v.city_id and p.personal_id = v.body ->> 'location' "
        "where v.city_id = %s and v.view = 'call' and v.key = %s and p.body is not null",
        (db.city_id, call_id),
    )
    return (record[0], record[1]) if record else None


async def places_of_open_incidents(db: Database) -> list[tuple[float, float]]:
    """(latitude, longitude) of each, the latest first."""
    return [
        (lat, lon)
        for lat, lon in await db.all(
            "select (p.body ->> 'lat')::float, (p.body ->> 'lon')::float from view_rows v "
            "join personal p on p.city_id = v.city_id and p.personal_id = v.body ->> 'place' "
            "where v.city_id = %s and v.view = 'incident' and v.body ->> 'state' = 'open' "
            "and p.body is not null order by v.key desc limit %s",
            (db.city_id, INCIDENTS_NEAR_MAX),
        )
    ]


async def incidents_of(db: Database, incident_ids: list[str]) -> list[dict[str, Any]]:
    """Rows of the view ``incident``."""
    records = await db.all(
        "select body from view_rows where city_id = %s and view = 'incident' and key = any(%s)",
        (db.city_id, incident_ids),
    )
    return [record[0] for record in records]


async def recording_of(db: Database, recording_id: str) -> tuple[str, dict[str, Any]] | None:
    """(call id, the call's row) of a recording."""
    record = await db.one(
        "select key, body from view_rows where city_id = %s and view = 'call' "
        "and body #>> '{recording,recording_id}' = %s",
        (db.city_id, recording_id),
    )
    return (record[0], record[1]) if record else None


async def played_since(
    db: Database, call_id: str, recording_id: str, operator_id: str, since: datetime
) -> bool:
    """Whether the log says that this operator began to listen since then."""
    record = await db.one(
        "select 1 from facts where city_id = %s and stream = %s and actor = %s "
        "and type = 'calls.recording-played' and body ->> 'recording_id' = %s and at > %s",
        (db.city_id, f"call/{call_id}", operator_id, recording_id, since),
    )
    return record is not None
