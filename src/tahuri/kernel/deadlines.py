"""Waits that matter: rows with a due time, carried out once, also after an outage."""

import asyncio
from collections.abc import Awaitable, Callable, Mapping, Sequence
from datetime import datetime
from typing import Any

import structlog

from tahuri.kernel import clock
from tahuri.kernel.db import Database
from tahuri.kernel.log import Log, Writing, writing
from tahuri.kernel.mint import new_id
from tahuri.kernel.refusal import Unavailable
from tahuri.kernel.view import View

POLL_S = 0.5
SPACING_S = 0.2
"""Between overdue deadlines after an outage: they come one by one, never in a burst."""

log = structlog.get_logger()

Handler = Callable[[Log, str, Mapping[str, Any], float], Awaitable[None]]
"""(open write, key, body, seconds late) → appends what follows."""


async def due(db: Database, now: datetime) -> list[tuple[str, str, Mapping[str, Any], datetime]]:
    """Deadlines that have come: (key, kind, body, due_at), the oldest first."""
    rows = await db.all(
        "select key, kind, body, due_at from deadlines where city_id = %s and due_at <= %s "
        "order by due_at limit 20",
        (db.city_id, now),
    )
    return [(key, kind, body, due_at) for key, kind, body, due_at in rows]


async def carry_out(
    db: Database,
    views: Sequence[View],
    handlers: Mapping[str, Handler],
    found: tuple[str, str, Mapping[str, Any], datetime],
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
            await handlers[kind](open_log, key, body, (now - due_at).total_seconds())


async def run(db: Database, views: Sequence[View], handlers: Mapping[str, Handler]) -> None:
    """Carries out deadlines for ever."""
    while True:
        try:
            for found in await due(db, clock.now()):
                if found[1] not in handlers:
                    log.error("deadline of unknown kind", kind=found[1], key=found[0])
                    continue
                try:
                    await carry_out(db, views, handlers, found)
                except Unavailable:
                    raise
                except Exception:  # the others must not wait for one that fails
                    log.exception("a deadline failed", kind=found[1], key=found[0])
                await asyncio.sleep(SPACING_S)
        except Unavailable:
            log.warning("deadlines wait for the database")
        except Exception:
            log.exception("deadlines cannot be read")
        await asyncio.sleep(POLL_S)
