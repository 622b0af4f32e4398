"""A damaged or absent recording is replaced by a sound one of another place.

The damaged one is never deleted: it lies beside, under a name of its own, until the recording's
time is over.  What is erased stays erased: the log decides after the file lies there, and what it
refuses is removed again.
"""

import asyncio
import tempfile
from collections.abc import Sequence
from datetime import datetime, timedelta
from pathlib import Path
from typing import Literal

import structlog

from tahuri.calls.export import FETCHED
from tahuri.calls.faults import Fault, FaultCode, fault, of_disk
from tahuri.calls.nodes import OURS
from tahuri.calls.places import ASIDE, Place
from tahuri.calls.reading import Pace, digest_of
from tahuri.calls.reread import Log, Recorded, Rereader, recorded
from tahuri.calls.soundness import Repair, sources
from tahuri.kernel import clock
from tahuri.kernel.db import Database
from tahuri.kernel.view import View

REPAIRS = 20
"""Recordings looked at in one round, at most."""
AGAIN = timedelta(minutes=10)
"""Between two tries where a place was away."""
LOST_AGAIN = timedelta(days=1)
"""Between two looks at one that is damaged everywhere: somebody may have put a file back."""
DAMAGED_MAX = 500
TOLD = timedelta(days=7)
"""Repairs of so long ago are still told: a disk that damages one will damage others."""

log = structlog.get_logger()

Outcome = Literal["sound", "repaired", "lost", "later"]


async def damaged(db: Database, node: str = "") -> list[Recorded]:
    """Recordings that are damaged at one place at least.  Raises Unavailable."""
    records = await db.all(
        "select body from view_rows where city_id = %s and view = 'call' "  # noqa: S608
        "and (body #>> '{recording,intact}' = 'false' or body #> '{recording,damaged}' <> '[]') "
        f"and body #>> '{{recording,state}}' = 'closed' and {OURS} order by key limit %s",
        (db.city_id, node, node, DAMAGED_MAX),
    )
    found = (recorded(record[0]) for record in records)
    return [one for one in found if one is not None and one.damaged]


async def repaired(db: Database, now: datetime) -> dict[str, int]:
    """Place → recordings repaired there lately.  Raises Unavailable."""
    records = await db.all(
        "select body ->> 'place', count(*) from facts where city_id = %s "
        "and type = 'calls.recording-repaired' and at > %s group by 1",
        (db.city_id, now - TOLD),
    )
    return dict(records)


class Repairer:
    """Repairs what the log says is damaged.

    Args:
        places: the original one and the others, the nearest first.
        near: a folder of this machine for what is fetched.
        rereader: to which each reading is told.
    """

    def __init__(
        self,
        db: Database,
        views: Sequence[View],
        places: Sequence[Place],
        near: Path,
        pace: Pace,
        rereader: Rereader,
        node: str = "",
    ) -> None:
        self._db, self._log, self._node = db, Log(db, views), node
        self._places = {one.name: one for one in places}
        self._near, self._pace, self._rereader = near, pace, rereader
        self._next: dict[str, datetime] = {}
        """Call → when it is tried again."""

    async def round(self) -> None:
        """Repairs what can be, at most ``REPAIRS``.  Raises Unavailable."""
        now = clock.now()
        waiting = await damaged(self._db, self._node)
        names = {one.call_id for one in waiting}
        self._next = {name: at for name, at in self._next.items() if name in names}
        due = [one for one in waiting if self._next.get(one.call_id, now) <= now]
        for one in due[:REPAIRS]:
            outcomes = {await self.mend(one, name) for name in one.there if name in one.damaged}
            if not outcomes & {"sound", "repaired"}:  # else what is sound now serves the others
                wait = AGAIN if "later" in outcomes else LOST_AGAIN
                self._next[one.call_id] = clock.now() + wait

    async def mend(self, one: Recorded, place: str) -> Outcome:
        """Repairs one recording at one place.  Raises Unavailable."""
        target = self._places.get(place)
        if target is None:  # it is not in the settings any more
            return "later"
        found = await asyncio.to_thread(target.fault)
        found = found or await self._rereader.read(one, target, self._pace)
        if found is None:
            return "sound"
        if found.whole:
            return "later"
        there = frozenset(one.there)
        away = False
        for name in sources(list(self._places), there, one.damaged, place):
            try:
                with tempfile.TemporaryDirectory(prefix=FETCHED, dir=self._near) as folder:
                    fresh = Path(folder) / "recording"
                    told = await self._fetched(self._places[name], one, fresh)
                    if told is None:
                        return await self._replace(one, target, found, name, fresh)
            except OSError as error:  # our own disk cannot take it
                told = of_disk(error, writing=True)
            if told.code is FaultCode.ABSENT:  # of a place whose disk is another one, nothing is
                told = await self._rereader.strange(self._places[name], one.call_id) or told
            if told.whole:
                away = True
            else:
                await self._rereader.note(one, name, told)
        return "later" if away else "lost"

    async def _fetched(self, source: Place, one: Recorded, to: Path) -> Fault | None:
        told = await asyncio.to_thread(source.fault)
        if told is not None:
            return told
        found = await digest_of(source, one.path, self._pace, to)
        if isinstance(found, Fault):
            return found
        return None if found == one.sha256 else fault(FaultCode.ALTERED, found)

    async def _replace(
        self, one: Recorded, target: Place, found: Fault, source: str, fresh: Path
    ) -> Outcome:
        absent = found.code is FaultCode.ABSENT
        aside = "" if absent else f"{one.path}{ASIDE}{clock.now():%Y%m%dT%H%M%SZ}"
        told = await asyncio.to_thread(target.bring, fresh, one.path, one.sha256, aside or None)
        if told is not None:
            log.warning("a recording cannot be repaired", call_id=one.call_id, fault=str(told))
            return "later"
        command = Repair(one.recording_id, target.name, source, aside)
        state = await self._log.tell(one.call_id, command)
        if state.erased:  # meanwhile: it must not come back
            await asyncio.to_thread(target.erase, one.path)
            return "sound"
        log.info("a recording was repaired", call_id=one.call_id, place=target.name, source=source)
        return "repaired"
