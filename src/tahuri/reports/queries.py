"""SQL reads for reports: the facts of a case, from the log only."""

from typing import Any

from msgspec import Struct

from tahuri.calls.events import CallLinked, CallUnlinked
from tahuri.kernel.db import Database
from tahuri.kernel.event import Fact, stored
from tahuri.kernel.log import FACT_COLUMNS, fact_of


class Case(Struct, frozen=True):
    """Everything the log holds about one incident."""

    incident: dict[str, Any]
    """The incident's row."""
    facts: list[Fact]
    """Of the incident, its dispatches and its calls, by seq."""
    digests: dict[int, str]
    """seq → the chain's digest after it, hex."""
    personal: dict[str, Any]
    """Erasable row → body, None when erased."""
    names: dict[str, str]
    """Operator id → name."""


async def case_of(db: Database, incident_id: str) -> Case | None:
    """One snapshot; None when there is no such incident."""
    async with db.connection() as connection:
        await connection.execute("set transaction isolation level repeatable read read only")
        cursor = await connection.execute(
            "select body from view_rows where city_id = %s and view = 'incident' and key = %s",
            (db.city_id, incident_id),
        )
        row = await cursor.fetchone()
        if row is None or row[0] is None:
            return None
        streams = [f"incident/{incident_id}", f"dispatch/{incident_id}"]
        streams += [f"call/{call_id}" for call_id in row[0]["call_ids"]]
        cursor = await connection.execute(
            "select 'callback/' || key from view_rows where city_id = %s and view = 'callback' "
            "and body ->> 'incident_id' = %s",
            (db.city_id, incident_id),
        )
        streams += [stream for (stream,) in await cursor.fetchall()]
        cursor = await connection.execute(
            f"select {FACT_COLUMNS}, digest from facts "  # noqa: S608
            "where city_id = %s and stream = any(%s) order by seq".encode(),
            (db.city_id, streams),
        )
        records = await cursor.fetchall()
        facts = [fact_of(tuple(record[:-1])) for record in records]
        cursor = await connection.execute(
            "select personal_id, body from personal where city_id = %s and personal_id = any(%s)",
            (db.city_id, [name for fact in facts for name in fact.personal]),
        )
        personal = dict(await cursor.fetchall())
        cursor = await connection.execute(
            "select operator_id, name from accounts where city_id = %s", (db.city_id,)
        )
        names = dict(await cursor.fetchall())
    digests = {record[0]: bytes(record[-1]).hex() for record in records}
    kept = [fact for fact in facts if _of_case(fact, incident_id)]
    return Case(row[0], kept, digests, personal, names)


def _of_case(fact: Fact, incident_id: str) -> bool:
    """A call may be about several incidents: links to others are not part of this case."""
    match fact.event:
        case CallLinked(incident_id=other) | CallUnlinked(incident_id=other):
            return other == incident_id
        case _:
            return True


def fact_lines(case: Case) -> list[dict[str, Any]]:
    """The facts as the export shows them, with the chain's digests."""
    return [
        {
            "seq": fact.seq,
            "stream": str(fact.stream),
            "version": fact.version,
            "type": stored(fact.event)[0],
            "body": stored(fact.event)[1],
            "actor": fact.actor,
            "at": fact.at,
            "recorded_at": fact.recorded_at,
            "command": fact.command,
            "personal": fact.personal,
            "digest": case.digests[fact.seq],
        }
        for fact in case.facts
    ]
