"""Recordings are read again for as long as they are kept, at every place that has them.

When each was read last is kept in a table (telemetry); what is found damaged is a fact, and so is,
once a day, how much was read.
"""

import asyncio
from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any

import structlog
from msgspec import Struct

from tahuri.calls.events import RecordingsReread
from tahuri.calls.faults import Fault, FaultCode, PlaceError
from tahuri.calls.nodes import OURS
from tahuri.calls.places import Place
from tahuri.calls.reading import Pace, fault_at
from tahuri.calls.soundness import ORIGINAL, SOUNDNESS, Found, Repair, Soundness
from tahuri.kernel import clock
from tahuri.kernel.db import Database
from tahuri.kernel.event import StreamId
from tahuri.kernel.ids import RecordingId, encoded_id
from tahuri.kernel.log import Writing, writing
from tahuri.kernel.mint import new_id
from tahuri.kernel.view import View

CALLS = 50
"""Recordings read in one round at one place, at most."""
ROUND_S = 55.0
"""A round reads no longer than this, shared by the places, before it tells how far it is."""
ENROLLED = 500
RECENT = timedelta(days=2)
PROBED = 5
"""Where one recording is absent, so many others are looked for: are all of them gone?"""
DUE_SHARE = 0.7
"""Share of the period after which a recording is read again: the rest is room for delays."""

ENROL = f"""
with batch as (
    select key, body from view_rows where city_id = %s and view = 'call' and key > %s
    and body ->> 'recording' is not null and {OURS} and body ->> 'ended_at' is not null
    order by key limit %s),
lying as (
    select key, body, place, case when known then (body ->> 'ended_at')::timestamptz end as read_at
    from batch cross join lateral (values
        ('original', true, body #>> '{{recording,intact}}' is not null),
        ('folder', coalesce((body #>> '{{recording,copied}}')::boolean, false), true),
        ('store', coalesce((body #>> '{{recording,stored}}')::boolean, false), true)
    ) p (place, there, known)
    where there and place = any(%s) and body #>> '{{recording,state}}' = 'closed'),
gone as (
    delete from recording_reads r using batch where r.city_id = %s and r.call_id = batch.key
    and not exists (select from lying where lying.key = r.call_id and lying.place = r.place)),
added as (
    insert into recording_reads (city_id, call_id, place, node, read_at)
    select %s, key, place, coalesce(body ->> 'node', ''), read_at from lying
    on conflict do nothing)
select max(key), count(*) from batch"""  # noqa: S608
"""Makes the rows of some calls' recordings what they must be; the last key, and how many calls."""

log = structlog.get_logger()


class Reading(Struct, frozen=True):
    """How far reading again is at one place."""

    place: str
    recordings: int = 0
    unread: int = 0
    """Not read within the period, or never."""
    oldest_at: datetime | None = None
    """When the one was read that has waited longest."""
    fault: Fault | None = None
    """Why nothing can be read there now."""
    read: int = 0
    """Since the day's fact."""
    damaged: int = 0
    """Of these found altered or absent."""


class Recorded(Struct, frozen=True):
    """A call's closed recording, as far as reading it again goes."""

    call_id: str
    node: str
    recording_id: RecordingId
    path: str
    sha256: str
    there: tuple[str, ...]
    """Places that have it, the original one first."""
    damaged: frozenset[str]
    """Of these: found altered or absent when they were read last."""


def recorded(row: dict[str, Any]) -> Recorded | None:
    """The recording of a call's row; None without one that is closed."""
    one = row["recording"]
    if one is None or one["state"] != "closed":
        return None
    copies = {"folder": one.get("copied", False), "store": one.get("stored", False)}
    there = (ORIGINAL, *(name for name, has in copies.items() if has))
    damaged = {ORIGINAL} if one["intact"] is False else set[str]()
    damaged |= {name for name in one.get("damaged", ()) if name in there}
    return Recorded(
        row["call_id"],
        row.get("node") or "",
        RecordingId(one["recording_id"]),
        one["path"],
        one["sha256"],
        there,
        frozenset(damaged),
    )


EMPTY = Fault(FaultCode.FOLDER_EMPTY, whole=True)


def _lies_there(place: Place, path: str) -> bool:
    """Whether it can be begun to be read; not whether it is sound."""
    blocks = place.read(path)
    try:
        next(blocks, None)
    except PlaceError as error:
        return error.fault.code not in (FaultCode.ABSENT, FaultCode.FOLDER_EMPTY)
    return True


class Log:
    """Tells the log what was found, by the rules of ``soundness``."""

    def __init__(self, db: Database, views: Sequence[View]) -> None:
        self._db, self._views = db, views

    async def tell(self, call_id: str, command: Found | Repair) -> Soundness:
        """What is known of the recording before it.  Raises Unavailable."""
        stream = StreamId("call", call_id)
        write = Writing(actor="work", command=new_id(), now=clock.now())
        async with writing(self._db, self._views, write) as open_log:
            state = SOUNDNESS.state(await open_log.read(stream))
            await open_log.append(stream, SOUNDNESS.decide(command, state))
        return state


class Rereader:
    """Reads again what was not read for longest, at each place.

    Args:
        places: the original one and the others.
        period: within which each is to be read.
        node: ours; recordings of other nodes are read there.
        known: how far reading was when the process before this one ended.
    """

    def __init__(
        self,
        db: Database,
        views: Sequence[View],
        places: Sequence[Place],
        pace: Pace,
        period: timedelta,
        node: str = "",
        known: Sequence[Reading] = (),
    ) -> None:
        self._db, self._views, self._log = db, views, Log(db, views)
        self._places, self._pace, self._period, self._node = places, pace, period, node
        self.accepted: frozenset[str] = frozenset()
        """Places of which somebody said that they are new: what is absent there is copied again."""
        self._enrolled = ""
        """Key of the call up to which all have rows, in turn."""
        self._read = {one.name: (0, 0) for one in places}
        self._read |= {one.place: (one.read, one.damaged) for one in known}

    async def round(self) -> list[Reading]:
        """Reads what is due, at most for ``ROUND_S``; how far it is.  Raises Unavailable."""
        await self._enrol()
        return [await self._reading(place, await self._read_due(place)) for place in self._places]

    async def _enrol(self) -> None:
        """Gives recordings their rows: the latest at once, older ones in turn."""
        recent = encoded_id(int((clock.now() - RECENT).timestamp() * 1000), 0)
        await self._enrol_after(recent, 10 * ENROLLED)
        self._enrolled = await self._enrol_after(self._enrolled, ENROLLED)

    async def _enrol_after(self, after: str, limit: int) -> str:
        """The last key of those that were looked at; empty at the end.  What is erased goes.

        A recording was read when it was checked after its call, and a copy when it was made: both
        soon after the end of the call, which is taken as the time.
        """
        record = await self._db.one(
            ENROL,
            (
                self._db.city_id,
                after,
                self._node,
                self._node,
                limit,
                [one.name for one in self._places],
                self._db.city_id,
                self._db.city_id,
            ),
        )
        assert record is not None
        return record[0] if record[1] == limit else ""

    async def _read_due(self, place: Place) -> Fault | None:
        """Why nothing more can be read there now."""
        told = await asyncio.to_thread(place.fault)
        if told is not None:
            return told
        due = await self._due(place.name)
        if not due:
            return await self.strange(place)
        begun_s = clock.monotonic_s()
        for one in due:
            told = await self.read(one, place, self._pace)
            if told is not None and told.whole:
                return told
            read, damaged = self._read[place.name]
            self._read[place.name] = (read + 1, damaged + (told is not None))
            if clock.monotonic_s() - begun_s > ROUND_S / len(self._places):
                break
        return None

    async def read(self, one: Recorded, place: Place, pace: Pace) -> Fault | None:
        """Reads it there and tells what is found, unless the place itself fails.

        Raises Unavailable.
        """
        fault = await fault_at(place, one.path, one.sha256, pace)
        if place.name in self.accepted and fault == EMPTY:
            fault = Fault(FaultCode.ABSENT)
        if fault == Fault(FaultCode.ABSENT) and place.name not in one.damaged:
            fault = await self.strange(place, one.call_id) or fault
        if fault is None or not fault.whole:
            await self.note(one, place.name, fault)
        return fault

    async def strange(self, place: Place, gone: str = "") -> Fault | None:
        """Whether none of those is there that were read there last: then it is another place, an
        unmounted disk, a wrong bucket, and no recording of the right one is lost.

        Args:
            gone: the call whose recording is known not to be there.
        """
        if place.name in self.accepted:
            return None
        records = await self._db.all(
            "select v.body from recording_reads r join view_rows v "
            "on v.city_id = r.city_id and v.view = 'call' and v.key = r.call_id "
            "where r.city_id = %s and r.place = %s and (%s = '' or r.node in ('', %s)) "
            "and r.call_id <> %s order by r.read_at desc nulls last limit %s",
            (self._db.city_id, place.name, self._node, self._node, gone, PROBED),
        )
        others = [recorded(record[0]) for record in records]
        known = [each for each in others if each and place.name in set(each.there) - each.damaged]
        for other in known:
            if await asyncio.to_thread(_lies_there, place, other.path):
                return None
        # one alone that is gone may well be lost
        return Fault(FaultCode.STRANGE, whole=True) if len(known) + bool(gone) > 1 else None

    async def note(self, one: Recorded, place: str, fault: Fault | None) -> None:
        """It was read there just now, and this was found.  Raises Unavailable."""
        if (place in one.damaged) != (fault is not None):
            said = str(fault) if fault is not None else None
            await self._log.tell(one.call_id, Found(one.recording_id, place, said))
            log.warning("a recording was read again", call_id=one.call_id, place=place, fault=said)
        await self._db.run(
            "insert into recording_reads (city_id, call_id, place, node, read_at) "
            "values (%s, %s, %s, %s, %s) on conflict (city_id, call_id, place) "
            "do update set read_at = excluded.read_at",
            (self._db.city_id, one.call_id, place, one.node, clock.now()),
        )

    async def _due(self, place: str) -> list[Recorded]:
        """Those that were not read for longest first; what is there no more is forgotten."""
        records = await self._db.all(
            "select r.call_id, v.body from recording_reads r left join view_rows v "
            "on v.city_id = r.city_id and v.view = 'call' and v.key = r.call_id "
            "where r.city_id = %s and r.place = %s and (%s = '' or r.node in ('', %s)) "
            "and (r.read_at is null or r.read_at < %s) order by r.read_at nulls first limit %s",
            (
                self._db.city_id,
                place,
                self._node,
                self._node,
                clock.now() - DUE_SHARE * self._period,
                CALLS,
            ),
        )
        known = {call_id: recorded(row) if row else None for call_id, row in records}
        due = {call_id: one for call_id, one in known.items() if one and place in one.there}
        if gone := [call_id for call_id in known if call_id not in due]:
            await self._db.run(
                "delete from recording_reads where city_id = %s and place = %s "
                "and call_id = any(%s)",
                (self._db.city_id, place, gone),
            )
        return list(due.values())

    async def _reading(self, place: Place, fault: Fault | None) -> Reading:
        record = await self._db.one(
            "select count(*), count(*) filter (where read_at is null or read_at < %s), "
            "min(read_at) from recording_reads "
            "where city_id = %s and place = %s and (%s = '' or node in ('', %s))",
            (
                clock.now() - self._period,
                self._db.city_id,
                place.name,
                self._node,
                self._node,
            ),
        )
        assert record is not None
        recordings, unread, oldest_at = record
        read, damaged = self._read[place.name]
        return Reading(place.name, recordings, unread, oldest_at, fault, read, damaged)

    async def tell_day(self, known: Sequence[Reading], day: str) -> None:
        """The day's facts: what was read again since the last.  Raises Unavailable."""
        for one in known:
            at = f"{one.place}@{self._node}" if self._node else one.place
            write = Writing(actor="work", command=f"reread {at} {day}", now=clock.now())
            event = RecordingsReread(
                place=one.place,
                read=one.read,
                damaged=one.damaged,
                recordings=one.recordings,
                unread=one.unread,
                oldest_at=one.oldest_at,
            )
            async with writing(self._db, self._views, write) as open_log:
                if open_log.answered is None:
                    await open_log.append(StreamId("reread", at), [event])
            self._read[one.place] = (0, 0)
