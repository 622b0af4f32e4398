"""SQL reads of the watch.  Calls are found by the time in their ids: no read grows with the log."""

from collections.abc import Iterable
from datetime import datetime, timedelta
from typing import Any

import msgspec

from tahuri.kernel.db import Database
from tahuri.kernel.ids import encoded_id
from tahuri.watch.reconcile import LoggedCall

CALLS_MAX = 50_000
FINDINGS_MAX = 500
LOGGED = (
    "select v.body || jsonb_build_object('queued', exists (select from facts f "
    "where f.city_id = v.city_id and f.stream = 'call/' || v.key "
    "and f.type = 'calls.call-queued')) from view_rows v where v.city_id = %s and v.view = 'call' "
)
REAL = (
    "view = 'call' and body ->> 'state' <> 'refused' and not (body ->> 'test')::boolean "
    "and body ->> 'arrived_at' is not null"
)


def first_id(at: datetime) -> str:
    """The least id that is made then."""
    return encoded_id(max(0, int(at.timestamp() * 1000)), 0)


def _loaded(records: list[Any]) -> list[LoggedCall]:
    return [msgspec.convert(record[0], LoggedCall) for record in records]


async def logged_calls(db: Database, since: datetime) -> list[LoggedCall]:
    """Calls without an outcome, and all that came since then."""
    return _loaded(
        await db.all(
            # each in an index of its own: a condition with "or" would read every call of years
            LOGGED + "and v.key in (select key from view_rows where city_id = %s "  # noqa: S608
            "and view = 'call' and body ->> 'ended_at' is null "
            "union select key from view_rows where city_id = %s and view = 'call' and key > %s "
            "union select key from view_rows where city_id = %s and view = 'call' "
            "and (body #>> '{recording,intact}' = 'false' "
            "or body #> '{recording,damaged}' <> '[]') "
            "and body #>> '{recording,intact}' = 'false') "
            "order by v.key desc limit %s",
            (db.city_id, db.city_id, db.city_id, first_id(since), db.city_id, CALLS_MAX),
        )
    )


async def calls_between(db: Database, begin: datetime, end: datetime) -> list[LoggedCall]:
    """Calls that came between two moments."""
    return _loaded(
        await db.all(
            LOGGED + "and v.key > %s and v.key < %s order by v.key limit %s",
            (db.city_id, first_id(begin), first_id(end), CALLS_MAX),
        )
    )


async def forgotten(
    db: Database, since: datetime, until: datetime, known: Iterable[str]
) -> list[str]:
    """Calls given up in the queue that no call-back item has: nobody is told to call back.

    Args:
        since: of the calls; those of ``known`` are looked at whenever they were.
        until: of their ends.
    """
    records = await db.all(
        "with lost as (select key from view_rows where city_id = %s and view = 'call' "
        "and (key > %s or key = any(%s)) and body ->> 'outcome' = 'abandoned' "
        "and coalesce(body ->> 'direction', 'in') = 'in' and not (body ->> 'test')::boolean "
        "and (body ->> 'ended_at')::timestamptz < %s), "
        # an item's row is never older than the first fact of a call that it has
        "first as (select min(f.seq) as seq from facts f join lost on f.stream = 'call/' || key "
        "where f.city_id = %s and f.version = 1) "
        "select key from lost except "
        "select jsonb_array_elements(i.body -> 'calls') ->> 'call_id' from view_rows i, first "
        "where i.city_id = %s and i.view = 'callback' and i.seq >= first.seq "
        "order by 1 limit %s",
        (
            db.city_id,
            first_id(since),
            list(known),
            until,
            db.city_id,
            db.city_id,
            FINDINGS_MAX,
        ),
    )
    return [record[0] for record in records]


async def open_findings(db: Database) -> list[dict[str, Any]]:
    """Rows of the view ``finding`` that are open or accepted, the newest first; with the reason."""
    records = await db.all(
        "select v.body || jsonb_build_object('reason_text', p.body ->> 'text') from view_rows v "
        "left join personal p on p.city_id = v.city_id and p.personal_id = v.body ->> 'reason' "
        "where v.city_id = %s and v.view = 'finding' and v.body ->> 'state' <> 'closed' "
        "order by v.seq desc limit %s",
        (db.city_id, FINDINGS_MAX),
    )
    return [record[0] for record in records]


async def last_call(db: Database) -> dict[str, Any] | None:
    """When and by which trunk the last real call came."""
    record = await db.one(
        "select body ->> 'arrived_at', body ->> 'trunk' from view_rows "  # noqa: S608
        f"where city_id = %s and {REAL} order by key desc limit 1",
        (db.city_id,),
    )
    return {"at": record[0], "trunk": record[1]} if record else None


async def first_call(db: Database) -> datetime | None:
    """When the first real call came."""
    record = await db.one(
        "select (body ->> 'arrived_at')::timestamptz from view_rows "  # noqa: S608
        f"where city_id = %s and {REAL} order by key limit 1",
        (db.city_id,),
    )
    return record[0] if record else None


async def call_counts(db: Database, since: datetime, until: datetime) -> dict[datetime, int]:
    """Real calls by whole hour, UTC."""
    records = await db.all(
        "select date_trunc('hour', (body ->> 'arrived_at')::timestamptz, 'UTC'), count(*) "  # noqa: S608
        f"from view_rows where city_id = %s and {REAL} and key > %s and key < %s group by 1",
        (db.city_id, first_id(since), first_id(until)),
    )
    return dict(records)


async def arrivals(db: Database, now: datetime) -> list[datetime]:
    """When the real calls of the last 24 hours came."""
    records = await db.all(
        "select (body ->> 'arrived_at')::timestamptz from view_rows "  # noqa: S608
        f"where city_id = %s and {REAL} and key > %s order by key desc limit %s",
        (db.city_id, first_id(now - timedelta(hours=25)), CALLS_MAX),
    )
    return [record[0] for record in records]
