"""SQL of incidents: numbers, calls, and who is on scene."""

from tahuri.kernel.ids import UnitId
from tahuri.kernel.log import Log


async def last_number(log: Log) -> str | None:
    """The newest incident's number; the city's lock keeps it the newest."""
    records = await log.fetch(
        "select body ->> 'number' from facts where city_id = %s "
        "and type = 'incidents.incident-opened' order by seq desc limit 1",
        (log.city_id,),
    )
    return str(records[0][0]) if records else None


async def call_known(log: Log, call_id: str) -> bool:
    """Whether the log has heard of the call."""
    records = await log.fetch(
        "select 1 from view_rows where city_id = %s and view = 'call' and key = %s",
        (log.city_id, call_id),
    )
    return bool(records)


async def call_had_by(log: Log, call_id: str, operator_id: str) -> bool:
    """Whether that operator has the call, or had it last."""
    records = await log.fetch(
        "select 1 from view_rows where city_id = %s and view = 'call' and key = %s "
        "and body ->> 'operator_id' = %s",
        (log.city_id, call_id, operator_id),
    )
    return bool(records)


async def units_of(log: Log, operator_id: str) -> frozenset[UnitId]:
    """The units that a crew member is signed on to."""
    records = await log.fetch(
        "select key from view_rows where city_id = %s and view = 'unit' "
        "and body -> 'operators' ? %s",
        (log.city_id, operator_id),
    )
    return frozenset(UnitId(key) for (key,) in records)
