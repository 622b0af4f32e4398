"""Tells the switch which numbers' calls to slow, so that it can do so without us."""

import asyncio
import secrets
from collections.abc import Awaitable, Callable
from typing import Any

import structlog

from tahuri.kernel.db import Database
from tahuri.kernel.refusal import Unavailable
from tahuri.noise.queries import active_measures

EVERY_S = 2.0
"""How long a measure, or its lifting, takes to reach the switch at most."""
MEASURES_MAX = 5_000

Tell = Callable[..., Awaitable[Any]]
Digest = Callable[[str, str], str]
log = structlog.get_logger()


class MeasurePush:
    """The whole table, again and again: a switch that was started anew has it soon.

    Args:
        tell: asks the switch; raises Unavailable.
        digest: (salt, number) → what the switch finds the number by.
    """

    def __init__(self, db: Database, tell: Tell, digest: Digest) -> None:
        self._db = db
        self._tell = tell
        self._digest = digest
        self._salt = secrets.token_hex(16)

    async def run(self) -> None:
        """Tells for ever."""
        while True:
            try:
                await self.once()
            except Unavailable:
                pass  # the switch goes on with what it was told last
            except Exception:
                log.exception("measures cannot be told to the switch")
            await asyncio.sleep(EVERY_S)

    async def once(self) -> None:
        """Tells the table as it is now.  Raises Unavailable."""
        active = await active_measures(self._db)
        if len(active) > MEASURES_MAX:
            log.error("more measures than the switch takes", measures=len(active))
        table = [
            {
                "digest": self._digest(self._salt, number),
                "measure_id": measure_id,
                "until": until.isoformat(),
            }
            for measure_id, number, until in active[-MEASURES_MAX:]
        ]
        await self._tell("measures", salt=self._salt, measures=table)
