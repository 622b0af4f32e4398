"""Recordings after the call: copied to second places, erased when their time is over."""

import asyncio
import shutil
from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import msgspec
import structlog
from msgspec import Struct

from tahuri.calls.events import (
    RecordingChecked,
    RecordingCopied,
    RecordingCopyErased,
    RecordingStarted,
)
from tahuri.calls.export import FETCHED
from tahuri.calls.nodes import OURS
from tahuri.calls.places import Place
from tahuri.calls.recordings import file_fault
from tahuri.calls.retention import DAYS, KEEPING, Erase, Kept, is_due, kept_as
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
SWEPT = timedelta(days=60)
"""So long after an erasure its files are looked for again, here and in the copy."""
EXPORT_S = 86_400
"""An export takes less; its temporary file of this age belongs to nobody."""

log = structlog.get_logger()


class Closed(Struct, frozen=True):
    """A closed recording, as the log has it."""

    recording_id: str
    path: str
    sha256: str
    intact: bool | None


class Copying(Struct, frozen=True):
    """How far a second place is."""

    waiting: int = 0
    oldest_at: datetime | None = None
    """When the oldest call ended whose recording waits."""
    fault: str | None = None
    """Why nothing can be copied now."""
    to_erase: int = 0
    """Erased recordings that still lie there."""
    erased_at: datetime | None = None
    """When the oldest of them was erased."""


class Copier:
    """Brings every closed recording to one place, the oldest first, and removes there what is
    erased; for ever.

    Args:
        folder: of the recordings.
        node: ours; recordings of other nodes are copied there.
    """

    def __init__(
        self, db: Database, views: Sequence[View], folder: Path, place: Place, node: str = ""
    ) -> None:
        self._db, self._views = db, views
        self._folder, self._place, self._node = folder, place, node
        self._there = "copied" if place.name == "folder" else "stored"
        self._from = ""
        """All recordings of calls before it are copied."""
        self._failed: dict[str, float] = {}
        """Call → when its recording last could not be copied: those not tried yet come first."""

    async def round(self) -> Copying:
        """Copies what waits, at most ``BATCH``; how far it is then.  Raises Unavailable."""
        waiting, erased = await self._waiting(), await self._erased()
        if not waiting and not erased:
            self._from = encoded_id(int((clock.now() - LOOK_BACK).timestamp() * 1000), 0)
            return Copying()
        fault = await asyncio.to_thread(self._place.fault)
        if fault is not None:
            return self._behind(waiting, erased, fault)
        kept = []
        for row in erased:
            told = await self._remove(row)
            if told is not None:
                kept.append(row)
                fault = told
        done = set()
        for row in sorted(waiting, key=lambda row: self._failed.get(row["call_id"], 0.0))[:BATCH]:
            told = await self._copy(row)
            if told is None:
                done.add(row["call_id"])
            else:
                self._failed[row["call_id"]] = clock.monotonic_s()
                fault = told
        left = [row for row in waiting if row["call_id"] not in done]
        names = {row["call_id"] for row in left}
        self._failed = {name: at for name, at in self._failed.items() if name in names}
        return self._behind(left, kept, fault)

    def _behind(
        self, waiting: list[dict[str, Any]], erased: list[dict[str, Any]], fault: str | None
    ) -> Copying:
        oldest = None
        if waiting:
            self._from = str(waiting[0]["call_id"])
            oldest = msgspec.convert(waiting[0]["ended_at"], datetime)
        times = [msgspec.convert(row["recording"]["erased_at"], datetime) for row in erased]
        return Copying(len(waiting), oldest, fault, len(erased), min(times, default=None))

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
            f"and (body -> 'recording' ->> %s)::boolean and {OURS} order by key limit %s",
            (self._db.city_id, self._there, self._node, self._node, BATCH),
        )
        return [record[0] for record in records]

    async def _copy(self, row: dict[str, Any]) -> str | None:
        recording = row["recording"]
        path, sha256 = recording["path"], recording["sha256"]
        file = self._folder / path
        fault = await asyncio.to_thread(self._place.bring, file, path, sha256)
        if fault is not None:
            log.warning("a recording cannot be copied", call_id=row["call_id"], fault=fault)
            return fault
        to, name = self._place.name, recording["recording_id"]
        command = f"copy {name}" if to == "folder" else f"copy {name} to {to}"
        event = RecordingCopied(recording_id=RecordingId(name), place=to)
        await _append(self._db, self._views, row["call_id"], command, event)
        return None

    async def _remove(self, row: dict[str, Any]) -> str | None:
        recording = row["recording"]
        fault = await asyncio.to_thread(self._place.erase, recording["path"])
        if fault is not None:
            log.warning("a copy cannot be erased", call_id=row["call_id"], fault=fault)
            return fault
        event = RecordingCopyErased(
            recording_id=RecordingId(recording["recording_id"]), place=self._place.name
        )
        await _append(self._db, self._views, row["call_id"], new_id(), event)
        return None


async def _append(
    db: Database,
    views: Sequence[View],
    call_id: str,
    command: str,
    event: RecordingCopied | RecordingChecked | RecordingCopyErased,
) -> None:
    write = Writing(actor="work", command=command, now=clock.now())
    async with writing(db, views, write) as open_log:
        if open_log.answered is None:
            await open_log.append(StreamId("call", call_id), [event])


async def check_again(
    db: Database,
    views: Sequence[View],
    folder: Path,
    call_id: str,
    recording: Closed,
) -> bool:
    """Reads a recording again; what it is now is a fact when it differs from what was known.

    Returns:
        Whether it is intact.
    """
    fault = await asyncio.to_thread(file_fault, folder / recording.path, recording.sha256)
    intact = fault is None
    if intact != (recording.intact is not False):
        event = RecordingChecked(
            recording_id=RecordingId(recording.recording_id), intact=intact, fault=fault
        )
        await _append(db, views, call_id, new_id(), event)
    return intact


async def erase_due(
    db: Database,
    views: Sequence[View],
    folders: Sequence[Path],
    days: Mapping[str, int],
    node: str = "",
) -> int:
    """Erases every recording whose time is over; how many.

    The fact comes first: a kill in between leaves a file that the next sweep removes, never a
    recording that is gone without a fact.

    Args:
        folders: of the recordings, and of their copies.
        days: by class, over ``retention.DAYS``.
        node: ours; recordings of other nodes are erased there.
    """
    now = clock.now()
    done, after = 0, ""
    while True:
        before = now - timedelta(days=min({**DAYS, **days}.values()))
        rows = await _old_rows(db, before, after, node)
        if not rows:
            break
        after = rows[-1][0].call_id
        for call, recording_id in rows:
            if is_due(call, days, now) and await _erase(db, views, call, recording_id, days):
                done += 1
    await sweep(db, folders, now)
    return done


async def _old_rows(
    db: Database, before: datetime, after: str, node: str
) -> list[tuple[Kept, str]]:
    records = await db.all(
        "select v.key, (v.body ->> 'ended_at')::timestamptz, v.body ->> 'call_class', "  # noqa: S608
        "v.body -> 'incident_ids' <> '[]', exists (select from view_rows i "
        "where i.city_id = v.city_id and i.view = 'incident' and i.body ->> 'state' = 'open' "
        "and v.body -> 'incident_ids' ? i.key), "
        "coalesce((v.body ->> 'legal_hold')::boolean, false), "
        "v.body #>> '{recording,recording_id}' "
        "from view_rows v where v.city_id = %s and v.view = 'call' and v.key > %s and v.key < %s "
        "and v.body #>> '{recording,state}' in ('closed', 'failed') "
        f"and (v.body ->> 'ended_at')::timestamptz < %s and {OURS} order by v.key limit %s",
        (
            db.city_id,
            after,
            encoded_id(int(before.timestamp() * 1000), 0),
            before,
            node,
            node,
            BATCH,
        ),
    )
    return [(Kept(*record[:6]), record[6]) for record in records]


async def _erase(
    db: Database,
    views: Sequence[View],
    call: Kept,
    recording_id: str,
    days: Mapping[str, int],
) -> bool:
    name = kept_as(call.call_class, call.linked)
    erase = Erase(RecordingId(recording_id), name, {**DAYS, **days}.get(name, 0))
    stream = StreamId("call", call.call_id)
    write = Writing(actor="work", command=new_id(), now=clock.now())
    async with writing(db, views, write) as open_log:
        # looked at again under the city's lock: an incident may have opened, a hold been set
        still = await open_log.fetch(
            "select 1 from view_rows i where i.city_id = %s and i.view = 'incident' "
            "and i.body ->> 'state' = 'open' and i.body -> 'call_ids' ? %s",
            (db.city_id, call.call_id),
        )
        events = KEEPING.decide(erase, KEEPING.state(await open_log.read(stream)))
        if still:
            events = []
        await open_log.append(stream, events)
    return bool(events)


async def sweep(db: Database, folders: Sequence[Path], now: datetime) -> None:
    """Removes the files of erased recordings that are still there."""
    records = await db.all(
        "select v.key, f.body ->> 'path' from view_rows v join facts f on f.city_id = v.city_id "
        "and f.stream = 'call/' || v.key and f.type = %s "
        "where v.city_id = %s and v.view = 'call' "
        "and (v.body #>> '{recording,erased_at}')::timestamptz > %s",
        (RecordingStarted.__struct_config__.tag, db.city_id, now - SWEPT),
    )
    for folder in folders:
        root = folder.resolve()
        for left in [*root.glob(".export-*.zip"), *root.glob(f"{FETCHED}*")]:
            if now.timestamp() - left.stat().st_mtime > EXPORT_S:  # of a process that was killed
                shutil.rmtree(left, ignore_errors=True)
                left.unlink(missing_ok=True)
        for _, path in records:
            file = (root / path).resolve()
            if file.is_relative_to(root):
                try:
                    await asyncio.to_thread(file.unlink, missing_ok=True)
                except OSError as error:
                    log.warning("an erased recording cannot be removed", fault=error.strerror)
