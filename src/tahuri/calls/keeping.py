"""Recordings whose time is over are erased, here and in the second folder."""

import asyncio
import shutil
from collections.abc import Mapping, Sequence
from contextlib import suppress
from datetime import datetime, timedelta
from pathlib import Path

import structlog

from tahuri.calls.events import RecordingStarted
from tahuri.calls.export import FETCHED
from tahuri.calls.nodes import OURS
from tahuri.calls.places import those_of
from tahuri.calls.retention import DAYS, KEEPING, Erase, Kept, is_due, kept_as
from tahuri.kernel import clock
from tahuri.kernel.db import Database
from tahuri.kernel.event import StreamId
from tahuri.kernel.ids import RecordingId, encoded_id
from tahuri.kernel.log import Writing, writing
from tahuri.kernel.mint import new_id
from tahuri.kernel.view import View

BATCH = 100
SWEPT = timedelta(days=60)
"""So long after an erasure its files are looked for again, here and in the copy."""
EXPORT_S = 86_400
"""An export takes less; its temporary file of this age belongs to nobody."""

log = structlog.get_logger()


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
            with suppress(FileNotFoundError):  # an export that ends takes its own away
                if now.timestamp() - left.stat().st_mtime > EXPORT_S:  # its process was killed
                    shutil.rmtree(left, ignore_errors=True)
                    left.unlink(missing_ok=True)
        for _, path in records:
            try:
                await asyncio.to_thread(_remove, root, path)
            except OSError as error:
                log.warning("an erased recording cannot be removed", fault=error.strerror)


def _remove(root: Path, path: str) -> None:
    for file in those_of(root, path):
        file.unlink(missing_ok=True)
