"""Recordings after the call are copied to second places, and erased there when they are here."""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import msgspec
import structlog
from msgspec import Struct

from tahuri.calls.events import RecordingCopied, RecordingCopyErased
from tahuri.calls.faults import Fault
from tahuri.calls.nodes import OURS
from tahuri.calls.places import Place
from tahuri.kernel import clock
from tahuri.kernel.db import Database
from tahuri.kernel.event import StreamId
from tahuri.kernel.ids import RecordingId, encoded_id
from tahuri.kernel.log import Writing, writing
from tahuri.kernel.mint import new_id
from tahuri.kernel.view import View

BATCH = 100
LOOK_BACK = timedelta(days=2)
"""Calls of this age may still have a recording to be copied."""
AGAIN_S = 600.0
"""What failed for one recording's sake is tried again after so long, not in each round."""
WHOLE_S = 86_400.0
"""So often all recordings are looked at, not only the latest: calls of a switch or a node that was
cut off for days are told late."""
IDLE_S = 300.0
"""A place for which nothing waits is asked so often whether it is there."""

log = structlog.get_logger()


class Copying(Struct, frozen=True):
    """How far a second place is."""

    waiting: int = 0
    oldest_at: datetime | None = None
    """When the oldest call ended whose recording waits."""
    fault: Fault | None = None
    """Why something, or all, could not be done in the last round."""
    to_erase: int = 0
    """Erased recordings that still lie there."""
    erased_at: datetime | None = None
    """When the oldest of them was erased."""
    failing_since: datetime | None = None
    """Since when the place itself fails; None while it does what is asked."""


class Copier:
    """Brings every closed recording to one place, the oldest first, and removes there what is
    erased; for ever.

    Args:
        folder: of the recordings.
        node: ours; recordings of other nodes are copied there.
        failing_since: what was known before this process began.
    """

    def __init__(
        self,
        db: Database,
        views: Sequence[View],
        folder: Path,
        place: Place,
        node: str = "",
        failing_since: datetime | None = None,
    ) -> None:
        self._db, self._views = db, views
        self._folder, self._place, self._node = folder, place, node
        self._there = "copied" if place.name == "folder" else "stored"
        self._from = ""
        """All recordings of calls before it are copied, as far as they were known then."""
        self._whole_at_s = clock.monotonic_s()
        """When all were looked at last."""
        self._failed: dict[str, tuple[float, Fault]] = {}
        """Call → when its recording last could not be copied or erased, and why."""
        self._failing_since = failing_since
        self._asked_s: float | None = None

    async def round(self, doubt: Fault | None = None) -> Copying:
        """Copies what waits, at most ``BATCH``; how far it is then.  Raises Unavailable.

        The first fault of the place itself ends the round: it would be met for each recording.

        Args:
            doubt: why it may be another place: then nothing is brought there, nor called erased.
        """
        if clock.monotonic_s() - self._whole_at_s >= WHOLE_S:
            self._from, self._whole_at_s = "", clock.monotonic_s()
        waiting, erased = await self._waiting(), await self._erased()
        if not waiting and not erased:
            self._from = encoded_id(int((clock.now() - LOOK_BACK).timestamp() * 1000), 0)
            if doubt is None and not self._is_to_be_asked():
                return Copying()
        fault = doubt or await asyncio.to_thread(self._place.fault)
        self._asked_s = clock.monotonic_s()
        kept, fault = await self._each(erased, self._remove, fault)
        left, fault = await self._each(waiting, self._copy, fault)
        names = {row["call_id"] for row in (*left, *kept)}
        self._failed = {name: one for name, one in self._failed.items() if name in names}
        self._note(fault)
        if fault is None and self._failed:
            _, fault = max(self._failed.values(), key=lambda one: one[0])
        return self._behind(left, kept, fault)

    async def _each(
        self,
        rows: list[dict[str, Any]],
        step: Callable[[dict[str, Any]], Awaitable[Fault | None]],
        fault: Fault | None,
    ) -> tuple[list[dict[str, Any]], Fault | None]:
        """Does it with at most ``BATCH``; what is left, and the last fault.

        Args:
            fault: of the place itself: then nothing is tried.
        """
        done = set()
        now_s = clock.monotonic_s()
        due = [row for row in rows if self._tried_s(row) + AGAIN_S <= now_s]
        for row in due[:BATCH]:
            if fault is not None and fault.whole:
                break
            told = await step(row)
            if told is None:
                done.add(row["call_id"])
            elif not told.whole:
                self._failed[row["call_id"]] = (clock.monotonic_s(), told)
            fault = told or fault
        return [row for row in rows if row["call_id"] not in done], fault

    def _tried_s(self, row: dict[str, Any]) -> float:
        """When it failed last; before all time if it did not."""
        at_s, _ = self._failed.get(row["call_id"], (-AGAIN_S, None))
        return at_s

    def _is_to_be_asked(self) -> bool:
        """Whether it is time to ask a place for which nothing waits: it must not be found away only
        when it is needed."""
        if self._failing_since is not None or self._asked_s is None:
            return True
        return clock.monotonic_s() - self._asked_s >= IDLE_S

    def _note(self, fault: Fault | None) -> None:
        if fault is None or not fault.whole:
            self._failing_since = None
        elif self._failing_since is None:
            self._failing_since = clock.now()
            log.warning("a place for copies fails", place=self._place.name, fault=str(fault))

    def _behind(
        self, waiting: list[dict[str, Any]], erased: list[dict[str, Any]], fault: Fault | None
    ) -> Copying:
        oldest = None
        if waiting:
            self._from = str(waiting[0]["call_id"])
            oldest = msgspec.convert(waiting[0]["ended_at"], datetime)
        times = [msgspec.convert(row["recording"]["erased_at"], datetime) for row in erased]
        return Copying(
            waiting=len(waiting),
            oldest_at=oldest,
            fault=fault,
            to_erase=len(erased),
            erased_at=min(times, default=None),
            failing_since=self._failing_since,
        )

    async def _waiting(self) -> list[dict[str, Any]]:
        records = await self._db.all(
            "select body from view_rows where city_id = %s and view = 'call' and key >= %s "  # noqa: S608
            "and body #>> '{recording,state}' = 'closed' "
            "and not coalesce((body -> 'recording' ->> %s)::boolean, false) "
            f"and body ->> 'ended_at' is not null and {OURS} order by key limit %s",
            (self._db.city_id, self._from, self._there, self._node, self._node, 10 * BATCH),
        )
        return [record[0] for record in records]

    async def _erased(self) -> list[dict[str, Any]]:
        """Rows whose recording is erased and still lies in the place, as far as we know."""
        records = await self._db.all(
            "select body from view_rows where city_id = %s and view = 'call' "  # noqa: S608
            "and body #>> '{recording,state}' = 'erased' "
            "and (body #>> '{recording,copied}' = 'true' or body #>> '{recording,stored}' = 'true')"
            f" and body -> 'recording' ->> %s = 'true' and {OURS} order by key limit %s",
            (self._db.city_id, self._there, self._node, self._node, BATCH),
        )
        return [record[0] for record in records]

    async def _copy(self, row: dict[str, Any]) -> Fault | None:
        recording = row["recording"]
        path, sha256 = recording["path"], recording["sha256"]
        file = self._folder / path
        fault = await asyncio.to_thread(self._place.bring, file, path, sha256)
        if fault is not None:
            log.warning("a recording cannot be copied", call_id=row["call_id"], fault=str(fault))
            return fault
        to, name = self._place.name, recording["recording_id"]
        command = f"copy {name}" if to == "folder" else f"copy {name} to {to}"
        event = RecordingCopied(recording_id=RecordingId(name), place=to)
        await self._append(row["call_id"], command, event)
        return None

    async def _remove(self, row: dict[str, Any]) -> Fault | None:
        recording = row["recording"]
        fault = await asyncio.to_thread(self._place.erase, recording["path"])
        if fault is not None:
            log.warning("a copy cannot be erased", call_id=row["call_id"], fault=str(fault))
            return fault
        name = RecordingId(recording["recording_id"])
        event = RecordingCopyErased(recording_id=name, place=self._place.name)
        await self._append(row["call_id"], new_id(), event)
        return None

    async def _append(
        self, call_id: str, command: str, event: RecordingCopied | RecordingCopyErased
    ) -> None:
        write = Writing(actor="work", command=command, now=clock.now())
        async with writing(self._db, self._views, write) as open_log:
            if open_log.answered is None:
                await open_log.append(StreamId("call", call_id), [event])
