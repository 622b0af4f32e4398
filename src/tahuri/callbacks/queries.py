"""SQL of call-backs: whose item is open, what a call was, what is near, what waits."""

from datetime import datetime
from typing import Any

from tahuri.kernel.db import Database
from tahuri.kernel.event import Fact
from tahuri.kernel.log import FACT_COLUMNS, Log, fact_of
from tahuri.numbers import NumberPlan

OFFERS_MAX = 500
"""Items that are looked at for an automatic call-back in one go: as many as may wait at once for
their next attempt without keeping the others from their first."""


async def call_of(log: Log, call_id: str) -> dict[str, Any] | None:
    """The call's row as it was before this write, or None."""
    records = await log.fetch(
        "select body from view_rows where city_id = %s and view = 'call' and key = %s",
        (log.city_id, call_id),
    )
    return records[0][0] if records else None


async def personal_of(log: Log, personal_id: str | None) -> dict[str, Any]:
    """An erasable row's body; empty when there is none or it was erased."""
    records = await log.fetch(
        "select body from personal where city_id = %s and personal_id = %s",
        (log.city_id, personal_id),
    )
    return (records[0][0] if records else None) or {}


async def open_item_of(log: Log, number: str | None, plan: NumberPlan) -> str | None:
    """The open item of a number however it is spelled; the city's lock keeps it the only one."""
    if number is None:
        return None
    records = await log.fetch(
        "select v.key from view_rows v join personal p on p.city_id = v.city_id "
        "and p.personal_id = v.body ->> 'caller' where v.city_id = %s and v.view = 'callback' "
        "and v.body ->> 'state' = 'open' and p.body ->> 'number' = any(%s) order by v.key limit 1",
        (log.city_id, plan.spellings(number)),
    )
    return records[0][0] if records else None


async def open_places(log: Log) -> list[tuple[str, dict[str, Any]]]:
    """(incident id, place) of every open incident."""
    records = await log.fetch(
        "select v.key, p.body from view_rows v join personal p on p.city_id = v.city_id "
        "and p.personal_id = v.body ->> 'place' where v.city_id = %s and v.view = 'incident' "
        "and v.body ->> 'state' = 'open' and p.body is not null order by v.key desc",
        (log.city_id,),
    )
    return [(key, place) for key, place in records]


async def incident_of_number(log: Log, number: str | None, plan: NumberPlan) -> str | None:
    """An open incident that another call of this number is about."""
    if number is None:
        return None
    records = await log.fetch(
        "select i.key from personal p join view_rows c on c.city_id = p.city_id "
        "and c.view = 'call' and c.body ->> 'caller' = p.personal_id "
        "join view_rows i on i.city_id = c.city_id and i.view = 'incident' "
        "and c.body -> 'incident_ids' ? i.key and i.body ->> 'state' = 'open' "
        "where p.city_id = %s and p.kind = 'caller' and p.body ->> 'number' = any(%s) limit 1",
        (log.city_id, plan.spellings(number)),
    )
    return records[0][0] if records else None


async def incident_calls(log: Log, incident_id: str) -> list[str] | None:
    """The calls linked to an incident; None when there is no such incident."""
    records = await log.fetch(
        "select body -> 'call_ids' from view_rows where city_id = %s and view = 'incident' "
        "and key = %s",
        (log.city_id, incident_id),
    )
    return records[0][0] if records else None


async def number_of(db: Database, callback_id: str) -> tuple[dict[str, Any], str | None] | None:
    """(the item's row, its number if it has one); None when there is no such item."""
    record = await db.one(
        "select v.body, p.body ->> 'number' from view_rows v left join personal p "
        "on p.city_id = v.city_id and p.personal_id = v.body ->> 'caller' "
        "where v.city_id = %s and v.view = 'callback' and v.key = %s",
        (db.city_id, callback_id),
    )
    return (record[0], record[1]) if record else None


async def state_of(log: Log, callback_id: str) -> tuple[str, str | None] | None:
    """(``open`` or ``closed``, the number) of an item inside a write; None: there is no such."""
    records = await log.fetch(
        "select v.body ->> 'state', p.body ->> 'number' from view_rows v left join personal p "
        "on p.city_id = v.city_id and p.personal_id = v.body ->> 'caller' "
        "where v.city_id = %s and v.view = 'callback' and v.key = %s",
        (log.city_id, callback_id),
    )
    return (records[0][0], records[0][1]) if records else None


async def waiting_items(db: Database, attempts_max: int) -> list[tuple[dict[str, Any], str]]:
    """(row, number) of the open items that the centre may still call by itself, riskiest first.

    Args:
        attempts_max: automatic attempts after which an item is left to people.
    """
    records = await db.all(
        "select v.body, p.body ->> 'number' from view_rows v join personal p "
        "on p.city_id = v.city_id and p.personal_id = v.body ->> 'caller' "
        "where v.city_id = %s and v.view = 'callback' and v.body ->> 'state' = 'open' "
        "and (v.body ->> 'dialable')::boolean and p.body ->> 'number' is not null "
        "and v.body ->> 'calling' is null "
        "and not v.body -> 'attempts' @> '[{\"result\": \"reached\"}]' "
        "and jsonb_array_length(jsonb_path_query_array("
        "v.body -> 'attempts', '$[*] ? (@.automatic == true)')) < %s "
        "order by (v.body ->> 'risk')::integer desc, v.body ->> 'opened_at', v.key limit %s",
        (db.city_id, attempts_max, OFFERS_MAX),
    )
    return [(body, number) for body, number in records]


async def proof_of(
    db: Database, callback_id: str
) -> tuple[dict[str, Any], list[tuple[Fact, str]], dict[str, Any]] | None:
    """(row, (fact, the chain's digest after it) of the item and its calls, personal texts)."""
    async with db.connection() as connection:
        await connection.execute("set transaction isolation level repeatable read read only")
        cursor = await connection.execute(
            "select body from view_rows where city_id = %s and view = 'callback' and key = %s",
            (db.city_id, callback_id),
        )
        row = await cursor.fetchone()
        if row is None:
            return None
        calls = [one["call_id"] for one in (*row[0]["calls"], *row[0]["attempts"])]
        later = row[0]["answered_call_id"]
        streams = [f"call/{call_id}" for call_id in (*calls, *([later] if later else ()))]
        cursor = await connection.execute(
            f"select {FACT_COLUMNS}, digest from facts "  # noqa: S608
            "where city_id = %s and stream = any(%s) order by seq".encode(),
            (db.city_id, [f"callback/{callback_id}", *streams]),
        )
        records = await cursor.fetchall()
        facts = [(fact_of(tuple(one[:-1])), bytes(one[-1]).hex()) for one in records]
        cursor = await connection.execute(
            "select personal_id, body from personal where city_id = %s and personal_id = any(%s)",
            (db.city_id, [name for fact, _ in facts for name in fact.personal]),
        )
        return row[0], facts, dict(await cursor.fetchall())


def moment(text: str) -> datetime:
    """A time in a row's body."""
    return datetime.fromisoformat(text)
