"""SQL reads about noise: what a number's calls were, and which measures are active."""

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any

from tahuri.kernel.db import Database
from tahuri.kernel.ids import encoded_id
from tahuri.noise.estimate import LaneFigures
from tahuri.noise.score import Outcome
from tahuri.numbers import NumberPlan

LOOK_BACK = timedelta(days=180)
"""Older calls weigh nothing."""
CALLS_MAX = 200
"""Of one number; the latest count."""
NUMBERS_MAX = 50
"""With the most pranks, from which the highest scores are shown."""

_REAL = "(v.body ->> 'call_class' = 'normal' or v.body -> 'incident_ids' <> '[]')"
MEASURE_ON = (
    "select v.body from view_rows v "
    "join personal p on p.city_id = v.city_id and p.personal_id = v.body ->> 'number' "
    "where v.city_id = %s and v.view = 'measure' and v.body ->> 'ended_at' is null "
    "and p.body ->> 'number' = any(%s)"
)
"""The row of a number's active measure, by city and the number's spellings."""
_KNOWN = "(v.body ->> 'call_class' is not null or v.body -> 'incident_ids' <> '[]')"


def first_key(now: datetime) -> str:
    """Calls that arrived within `LOOK_BACK` have this key or a later one: ids begin with a time."""
    return encoded_id(int((now - LOOK_BACK).timestamp() * 1000), 0)


async def number_of(db: Database, call_id: str) -> str | None:
    """The caller's number, if it is known and has not been erased."""
    record = await db.one(
        "select p.body ->> 'number' from view_rows v join personal p on p.city_id = v.city_id "
        "and p.personal_id = v.body ->> 'caller' "
        "where v.city_id = %s and v.view = 'call' and v.key = %s",
        (db.city_id, call_id),
    )
    return record[0] if record else None


async def outcomes(
    db: Database, numbers: Sequence[str], now: datetime, plan: NumberPlan
) -> dict[str, list[Outcome]]:
    """Number → what its calls were, however they spelled it, the latest first.  Reads only rows
    that were not erased."""
    meant = {way: number for number in numbers for way in plan.spellings(number)}
    records = await db.all(
        "select number, at, call_class, linked, keyed from ("  # noqa: S608
        "select p.body ->> 'number' as number, (v.body ->> 'arrived_at')::timestamptz as at, "
        "coalesce(v.body ->> 'call_class', '') as call_class, "
        "v.body -> 'incident_ids' <> '[]' as linked, "
        "coalesce(v.body #> '{silence,answers}', '{}') <> '{}' as keyed, "
        "row_number() over (partition by p.body ->> 'number' order by v.key desc) as place "
        "from personal p join view_rows v on v.city_id = p.city_id and v.view = 'call' "
        "and v.body ->> 'caller' = p.personal_id "
        "where p.city_id = %s and p.kind = 'caller' and p.body ->> 'number' = any(%s) "
        f"and v.key >= %s and {_KNOWN}) found where place <= %s order by at desc",
        (db.city_id, list(meant), first_key(now), CALLS_MAX),
    )
    found: dict[str, list[Outcome]] = {number: [] for number in numbers}
    for number, at, call_class, linked, keyed in records:
        found[meant[number]].append(Outcome(at, call_class, linked, keyed))
    return {number: listed[:CALLS_MAX] for number, listed in found.items()}


async def noisy_numbers(db: Database, now: datetime) -> list[str]:
    """Numbers with pranks lately, most first."""
    records = await db.all(
        "select p.body ->> 'number' from view_rows v join personal p on p.city_id = v.city_id "
        "and p.personal_id = v.body ->> 'caller' where v.city_id = %s and v.view = 'call' "
        "and v.key >= %s and v.body ->> 'call_class' in ('prank', 'ivr_prank') "
        "and p.body ->> 'number' is not null group by 1 order by count(*) desc, 1 limit %s",
        (db.city_id, first_key(now), NUMBERS_MAX),
    )
    return [record[0] for record in records]


async def active_measures(db: Database) -> list[tuple[str, str, datetime]]:
    """(measure id, number, until) of measures that have not ended and whose number is known.

    Until it is reviewed a measure is good for no longer than its review may take: so it ends in
    time also where nobody is there to say so, neither ``work`` nor the log.
    """
    return [
        (measure_id, number, until)
        for measure_id, number, until in await db.all(
            "select v.key, p.body ->> 'number', "
            "(case when v.body ->> 'reviewed_at' is null then v.body ->> 'review_by' "
            "else v.body ->> 'until' end)::timestamptz from view_rows v "
            "join personal p on p.city_id = v.city_id and p.personal_id = v.body ->> 'number' "
            "where v.city_id = %s and v.view = 'measure' and v.body ->> 'ended_at' is null "
            "and p.body ->> 'number' is not null order by v.key",
            (db.city_id,),
        )
    ]


async def measure_on(db: Database, number: str, plan: NumberPlan) -> dict[str, Any] | None:
    """The row of the number's active measure."""
    record = await db.one(MEASURE_ON, (db.city_id, plan.spellings(number)))
    return record[0] if record else None


async def lane_figures(db: Database, now: datetime) -> LaneFigures:
    """What became of the calls of measured numbers within `LOOK_BACK`."""
    sampled = "v.body ->> 'lane' = 'sampled'"
    slowed = "v.body ->> 'lane' in ('slow', 'key', 'waited')"
    answered = "v.body ->> 'outcome' = 'answered'"
    counts = {
        "sampled": sampled,
        "sampled_known": f"{sampled} and {_KNOWN}",
        "sampled_real": f"{sampled} and {_REAL}",
        "slowed": slowed,
        "abandoned": "v.body ->> 'lane' = 'slow' and v.body ->> 'outcome' = 'abandoned'",
        "left_by_key": "v.body ->> 'lane' = 'key'",
        "left_by_wait": "v.body ->> 'lane' = 'waited'",
        "answered_known": f"{slowed} and {answered} and {_KNOWN}",
        "answered_real": f"{slowed} and {answered} and {_REAL}",
    }
    columns = ", ".join(f"count(*) filter (where {where})" for where in counts.values())
    record = await db.one(
        f"select {columns} from view_rows v where v.city_id = %s and v.view = 'call' "  # noqa: S608
        "and v.key >= %s and v.body ->> 'lane' <> ''",
        (db.city_id, first_key(now)),
    )
    return LaneFigures(**dict(zip(counts, record or (), strict=False)))
