"""Recordings after their calls, in ``work``: copied, read again, repaired, erased."""

from collections.abc import Sequence
from datetime import datetime, timedelta
from pathlib import Path

import httpx
import structlog

from tahuri import watching
from tahuri.calls.copying import Copier, Copying
from tahuri.calls.faults import FaultCode
from tahuri.calls.keeping import erase_due
from tahuri.calls.places import Folder, Place, original
from tahuri.calls.reading import Pace
from tahuri.calls.repair import Repairer, damaged, repaired
from tahuri.calls.reread import Reading, Recorded, Rereader
from tahuri.calls.soundness import ORIGINAL
from tahuri.calls.store import Store
from tahuri.centre import Centre
from tahuri.kernel import clock
from tahuri.kernel.db import Database
from tahuri.kernel.ids import RecordingId
from tahuri.kernel.view import View
from tahuri.settings import Settings
from tahuri.watch import queries
from tahuri.watch.reconcile import Difference, LoggedCall

COPY_LATE = timedelta(seconds=watching.COPY_LATE_S)
DAY = timedelta(days=1)
AT_ONCE_BYTES_S = 100e6
"""A file that somebody touched is read at once, but not faster."""

NOT_THE_PLACE = (FaultCode.STRANGE, FaultCode.FOLDER_EMPTY)
"""Faults of a place that may be new: a supervisor says so, or its disk is brought back."""

log = structlog.get_logger()


class Keeper:
    """What becomes of one centre's recordings.

    Args:
        kept: what the watch remembers; written by ``write``.
    """

    def __init__(
        self, centre: Centre, db: Database, views: Sequence[View], kept: watching.Kept
    ) -> None:
        self._settings: Settings = centre.settings
        self._node = centre.settings.node
        self._run, self._recordings = centre.folder.run, centre.folder.recordings
        self._db, self._views, self.kept = db, views, kept
        copies = places(self._settings)
        known = {"folder": kept.copying, "store": kept.storing}
        self.copiers = {
            one.name: Copier(
                db, views, self._recordings, one, self._node, _failing_since(known[one.name])
            )
            for one in copies
        }
        here = original(self._recordings)
        pace = Pace(self._settings.recording_reread_mb_s * 1e6)
        self._period = timedelta(days=self._settings.recording_reread_days)
        everywhere = (here, *copies)
        self.rereader = Rereader(
            db, views, everywhere, pace, self._period, self._node, kept.reading
        )
        self.repairer = Repairer(
            db, views, everywhere, self._recordings, pace, self.rereader, self._node
        )
        self._here, self._at_once = here, Pace(AT_ONCE_BYTES_S)

    async def copy(self, name: str = "folder") -> None:
        """Brings recordings to a second place.  Raises Unavailable."""
        faults = {one.place: one.fault for one in self.kept.reading}
        fault = faults.get(name)
        doubt = fault if fault is not None and fault.code in NOT_THE_PLACE else None
        done = await self.copiers[name].round(doubt)
        if name == "folder":
            self.kept.copying = done
        else:
            self.kept.storing = done
        self.write()

    async def reread(self) -> None:
        """Reads recordings again, and repairs what is damaged.  Raises Unavailable."""
        self.rereader.accepted = frozenset(
            row["about"]
            for row in await queries.open_findings(self._db)
            if (row["code"], row["state"]) == ("place-strange", "accepted")
            and row.get("node", "") == self._node
        )
        self.kept.reading = await self.rereader.round()
        await self.repairer.round()
        today = f"{clock.now():%Y-%m-%d}"
        if self.kept.reread_on != today:
            await self.rereader.tell_day(self.kept.reading, today)
            self.kept.reread_on = today
        self.write()

    async def check(self, call: LoggedCall) -> None:
        """Reads a call's recording at once, where it was made.  Raises Unavailable."""
        one = call.recording
        if one is None or one.sha256 is None:
            return
        known = frozenset({ORIGINAL}) if one.intact is False else frozenset[str]()
        name = RecordingId(one.recording_id)
        recorded = Recorded(call.call_id, call.node, name, one.path, one.sha256, (ORIGINAL,), known)
        await self.rereader.read(recorded, self._here, self._at_once)

    async def erase(self) -> None:
        """Once a day: recordings whose time is over.  Raises Unavailable."""
        today = f"{clock.now():%Y-%m-%d}"
        if self.kept.erased_on == today:
            return
        folders = [self._recordings]
        if self._settings.recordings_copy is not None:
            folders.append(Path(self._settings.recordings_copy))
        count = await erase_due(
            self._db, self._views, folders, self._settings.recording_days, self._node
        )
        log.info("recordings erased", count=count)
        self.kept.erased_on = today
        self.write()

    def write(self) -> None:
        """Brings what is remembered to the disk."""
        folder, store = "folder" in self.copiers, "store" in self.copiers
        self.kept.copying = (self.kept.copying or Copying()) if folder else None
        self.kept.storing = (self.kept.storing or Copying()) if store else None
        watching.write(self._run, self.kept)

    async def differences(self, now: datetime) -> list[Difference]:
        """What is not as it must be with copies and with reading again.  Raises Unavailable."""
        found: list[Difference] = []
        for about, copying in (
            ("recordings_copy", self.kept.copying),
            ("recordings_store", self.kept.storing),
        ):
            if copying is not None:
                found += late(about, copying, now)
        for one in await damaged(self._db, self._node):
            found += harmed(one)
        for reading in self.kept.reading:
            found += unread(reading, self._period, now)
        for place, count in (await repaired(self._db, now)).items():
            found.append(Difference("recordings-repaired", place, {"repaired": float(count)}))
        return found


def places(settings: Settings) -> list[Place]:
    """Where copies go, by the settings."""
    found: list[Place] = []
    if settings.recordings_copy is not None:
        found.append(Folder(Path(settings.recordings_copy)))
    if settings.recordings_store is not None:
        url = httpx.URL(settings.recordings_store)
        found.append(
            Store(
                url.netloc.decode(),
                settings.recordings_store_bucket,
                settings.recordings_store_key,
                settings.store_secret,
                settings.recordings_store_region,
                url.scheme == "https",
                settings.recordings_store_verify,
                settings.recordings_store_authority,
            )
        )
    return found


def _failing_since(known: Copying | None) -> datetime | None:
    return known.failing_since if known is not None else None


def late(about: str, copying: Copying, now: datetime) -> list[Difference]:
    """A place that fails, copies that should be there by now, and such as should be gone."""
    found = []
    if copying.failing_since is not None:
        numbers = {
            "waiting": float(copying.waiting),
            "failing_s": (now - copying.failing_since).total_seconds(),
        }
        found.append(Difference("copy-failing", about, numbers))
    elif copying.oldest_at is not None and now - copying.oldest_at > COPY_LATE:
        late_s = (now - copying.oldest_at).total_seconds()
        numbers = {"waiting": float(copying.waiting), "late_s": late_s}
        found.append(Difference("copy-behind", about, numbers))
    if copying.erased_at is not None and now - copying.erased_at > DAY:
        found.append(Difference("copy-not-erased", about, {"copies": float(copying.to_erase)}))
    return found


def harmed(one: Recorded) -> list[Difference]:
    """Copies that are damaged; or that all are, with the original: nothing can repair it.

    A damaged original alone is told by the comparison of log and disk.
    """
    if len(one.there) > 1 and one.damaged >= set(one.there):
        return [Difference("recording-lost", one.path, {"copies": float(len(one.there) - 1)})]
    copies = sorted(one.damaged - {ORIGINAL})
    return [Difference("copy-damaged", f"{place}/{one.path}") for place in copies]


def unread(reading: Reading, period: timedelta, now: datetime) -> list[Difference]:
    """Recordings that were not read again within the period, and why if it is another place."""
    if reading.fault is not None and reading.fault.code in NOT_THE_PLACE:
        return [Difference("place-strange", reading.place)]
    if not reading.unread:
        return []
    age = now - reading.oldest_at if reading.oldest_at is not None else period
    numbers = {"unread": float(reading.unread), "days": round(age / DAY, 1)}
    return [Difference("recordings-unread", reading.place, numbers)]
