"""The first call-backs, offered to whoever is free, so that nobody has to remember them."""

import asyncio
from datetime import datetime, timedelta
from typing import Any, Protocol

import structlog
from msgspec import Struct

from tahuri.callbacks import queries
from tahuri.callbacks.events import CallerWord
from tahuri.kernel import clock
from tahuri.kernel.db import Database
from tahuri.kernel.refusal import Invalid, Refused, Unavailable

EVERY_S = 1.0

log = structlog.get_logger()


class Telephony(Protocol):
    """The door to the switch, as far as call-backs knock at it."""

    async def command(self, op: str, **arguments: object) -> Any:
        """Asks the switch.  Raises Refused, Invalid, Unavailable."""

    async def state(self) -> Any:
        """What the switch sees: ``seats``, each with ``operator_id`` and ``seat_id``."""


class Pace(Struct, frozen=True):
    """How often the centre itself calls back."""

    after_s: float = 30.0
    """Not before the caller had time to ring again."""
    attempts_max: int = 2
    """Then people decide."""
    spacing_s: float = 120.0
    """Between two of them."""


def due(row: dict[str, Any], pace: Pace, now: datetime, offered_at: datetime | None) -> bool:
    """Whether the item should be offered to a free seat now.  Pure.

    Args:
        row: of the view ``callback``, open and with a number.
        offered_at: when it was offered last and nobody called.
    """
    if row.get("wish") == CallerWord.CANNOT_SPEAK:
        return False  # their telephone must not ring without somebody's thought
    attempts = row["attempts"]
    made = sum(1 for attempt in attempts if attempt["automatic"])
    reached = any(attempt["result"] == "reached" for attempt in attempts)
    if row["calling"] is not None or reached or made >= pace.attempts_max:
        return False
    last = [queries.moment(attempt["at"]) for attempt in attempts]
    if offered_at is not None:
        last.append(offered_at)
    spaced = not last or now - max(last) >= timedelta(seconds=pace.spacing_s)
    newest = max(queries.moment(call["at"]) for call in row["calls"])
    return spaced and now - newest >= timedelta(seconds=pace.after_s)


class Automatic:
    """Offers item after item, the riskiest first, while a seat is free and nobody waits."""

    def __init__(self, db: Database, switch: Telephony, pace: Pace) -> None:
        self._db = db
        self._switch = switch
        self._pace = pace
        self._offered: dict[str, datetime] = {}

    async def run(self) -> None:
        """For ever."""
        while True:
            try:
                await self.look()
            except (Unavailable, Refused, Invalid) as error:
                log.debug("no automatic call-back", error=str(error))
            except Exception:
                log.exception("automatic call-backs failed")
            await asyncio.sleep(EVERY_S)

    async def look(self) -> str | None:
        """Offers at most one item; its id if a seat rings.

        Raises:
            Unavailable: the log or the switch is away.
        """
        now = clock.now()
        items = await queries.waiting_items(self._db, self._pace.attempts_max)
        known = {row["callback_id"] for row, _ in items}
        self._offered = {name: at for name, at in self._offered.items() if name in known}
        for row, number in items:
            callback_id = row["callback_id"]
            if not due(row, self._pace, now, self._offered.get(callback_id)):
                continue
            try:
                answer = await self._switch.command(
                    "offer_call_back",
                    callback_id=callback_id,
                    number=number,
                    number_status=row["number_status"],
                )
            except Refused:
                self._offered[callback_id] = now  # no trunk takes it: others may still be called
                continue
            if answer["call_id"] is None:
                return None  # nobody is free
            self._offered[callback_id] = now
            return str(callback_id)
        return None
