"""Which callers go first, by what the log knows of them.

Advice to the switch only: a call waits by its turn whether or not we are there to give it.
"""

from datetime import datetime, timedelta

from msgspec import Struct

from tahuri.calls import queries
from tahuri.kernel.db import Database
from tahuri.kernel.geo import distance_m
from tahuri.numbers import NumberPlan

LOST = timedelta(hours=1)
"""So long after a call that nobody answered, its caller is owed an answer first."""
NEAR_M = 300.0
"""A caller whose place is known to within this of an open incident tells of it again."""


class Precedences(Struct, frozen=True):
    """What each reason is worth, 0 to 9; 0: nothing."""

    open_incident: int = 1
    call_back: int = 2
    plan: NumberPlan = NumberPlan()
    """How two spellings of a number are known to be one."""


async def advised(
    db: Database, call_id: str, now: datetime, worth: Precedences
) -> tuple[int, str] | None:
    """(precedence, reason) of a call that has just arrived; None for an ordinary one."""
    number = await queries.number_of(db, call_id)
    since, plan = now - LOST, worth.plan
    if worth.call_back and number and await queries.is_lost(db, number, call_id, since, plan):
        return worth.call_back, "call-back"
    if not worth.open_incident:
        return None
    if number and await queries.has_open_incident(db, number, call_id, worth.plan):
        return worth.open_incident, "open-incident"
    here = await queries.place_of(db, call_id)
    if here is not None:
        for there in await queries.places_of_open_incidents(db):
            if distance_m(here, there) <= NEAR_M:
                return worth.open_incident, "open-incident"
    return None
