"""Waits that matter: rows with a due time, carried out once, also after an outage."""

from collections.abc import Awaitable, Callable, Mapping, Sequence
from datetime import datetime
from typing import Any

from tahuri.kernel import clock
from tahuri.kernel.db import Database
from tahuri.kernel.log import Log, Writing, writing
from tahuri.kernel.mint import new_id
from tahuri.kernel.view import View

WAITS_MAX = 5_000

Handler = Callable[[Log, str, Mapping[str, Any], float], Awaitable[None]]
"""(open write, key, body, seconds late) → appends what follows."""


Wait = tuple[str, str, Mapping[str, Any], datetime]
"""(key, kind, body, due_at)"""


async def due(db: Database, now: datetime | None = None) -> list[Wait]:
    """Deadlines that have come by then, or all that are waited for; the oldest first."""
    rows = await db.all(
        "select key, kind, body, due_at from deadlines "
        "where city_id = %s and due_at <= coalesce(%s, 'infinity'::timestamptz) "
        "order by due_at limit %s",
        (db.city_id, now, WAITS_MAX),
    )
    return [(key, kind, body, due_at) for key, kind, body, due_at in rows]


class Waits:
    """Which waits are over, by a clock that never steps: who sets the server's clock neither calls
    every silence at once nor holds one back.
    """

    def __init__(self) -> None:
        self._due_s: dict[tuple[str, datetime], float] = {}

    def over(self, pending: Sequence[Wait], now: datetime, monotonic_s: float) -> list[Wait]:
        """Of all that is waited for; the calendar counts only when a wait is first seen."""
        due_s = {(key, at): monotonic_s + (at - now).total_seconds() for key, *_, at in pending}
        self._due_s = {name: self._due_s.get(name, at_s) for name, at_s in due_s.items()}
        return [one for one in pending if self._due_s[one[0], one[3]] <= monotonic_s]


async def carry_out(
    db: Database,
    views: Sequence[View],
    handlers: Mapping[str, Handler],
    found: Wait,
) -> None:
    """One deadline, in one write: gone when its facts are recorded, still there otherwise."""
    key, kind, body, due_at = found
    now = clock.now()
    write = Writing(actor="work", command=new_id(), now=now)
    async with writing(db, views, write) as open_log:
        still = await open_log.fetch(
            "delete from deadlines where city_id = %s and key = %s and due_at = %s returning key",
            (db.city_id, key, due_at),
        )
        if still:
            await handlers[kind](open_log, key, body, max(0.0, (now - due_at).total_seconds()))
