"""Facts on their way to the log: kept on disk until `serve` says that it has them.

A line is in the kernel's hands before `append` returns, so that a killed process loses nothing;
the disk has it within FSYNC_EVERY_S.  Facts go to segments, which grow.  When the disk takes no
more they go to the reserve, whose blocks exist already, in place; when there is room again, what
stands in the reserve is moved to the segments (ADR 0024).  Only when both refuse, facts wait in
memory.
"""

import asyncio
import contextlib
import errno
import logging
import os
import threading
from collections import deque
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path

import msgspec
from msgspec.structs import replace

from tahuri.kernel import clock
from tahuri.telephony import preallocated
from tahuri.telephony.plaintext import encoded
from tahuri.telephony.protocol.facts import Fact
from tahuri.telephony.protocol.words import DiskFault
from tahuri.telephony.spool.damage import Damage, Entry
from tahuri.telephony.spool.reserve import Reserve
from tahuri.telephony.spool.segments import Segments, ShareUsed, line_of
from tahuri.telephony.spool.state import StateFile

FSYNC_EVERY_S = 0.05
RETRY_DISK_S = 1.0
BUILD_EVERY_S = 30.0
"""Between two attempts to make the reserve."""
CALM_S = 3.0
"""A disk must have taken facts for so long before it counts as mended."""
ROOM_BYTES_MIN = 8 << 20
"""Free on the disk before facts go there again rather than to the reserve."""
MOVED_AT_ONCE = 500
"""Facts that are moved from the reserve in one step."""
BYTES_MAX = 8 << 30
UNWRITTEN_FACTS_MAX = 20_000
"""Facts kept in memory while the disk takes none; later ones are counted as lost."""
RECENT_FACTS_MAX = 5_000
"""Facts kept in memory as well, so that a reader who follows never reads the disk."""
BATCH_BYTES_MAX = 512 << 10
"""Most that `after` returns at once, so that an answer fits a line of the RPC."""
BEGINNING = datetime(1970, 1, 1, tzinfo=UTC)

log = logging.getLogger(__name__)


class Spool:
    """One folder of files; one process writes it.

    Args:
        folder: made if need be, readable by the owner only.
        reserve_bytes: size of the reserve; 0: none.
        bytes_max: of the segments; when they have it, facts go to the reserve as on a full disk.
    """

    def __init__(self, folder: Path, reserve_bytes: int = 0, bytes_max: int = BYTES_MAX) -> None:
        folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        self._folder = folder
        self.reserve_bytes = reserve_bytes
        self.bytes_max = bytes_max
        self._segments = Segments(folder, bytes_max)
        self._reserve = Reserve(folder / "reserve")
        self._state = StateFile(folder / "done")
        self._recent: deque[Entry] = deque(maxlen=RECENT_FACTS_MAX)
        self._unwritten: deque[Entry] = deque()
        self._grown = asyncio.Event()
        self._task: asyncio.Task[None] | None = None
        self._builder: asyncio.Task[None] | None = None
        self._stopping = threading.Event()
        self._build_at_s = self._try_at_s = 0.0
        self._built = False
        self._mended_s: float | None = None
        self.fault: DiskFault | None = None
        """Why facts do not go to the segments; None: they do."""
        self.full_until: datetime | None = None
        """Since when the disk takes facts again, while that is not yet believed."""
        self.on_damage: Callable[[Damage], None] = lambda _: None
        """Tells a fact of what cannot be read; called before the facts behind it are given."""
        self._barren = 0
        """Up to this position nothing is left that could be read."""
        self.lost = self.untold = self._state.state.endangered
        """Facts that found neither disk nor memory; of these, those that `told_lost` has not been
        told of."""
        self._take_up()

    def _take_up(self) -> None:
        """What the last process left."""
        reserve, kept = self._reserve, self._state.state
        (self._folder / "reserve.new").unlink(missing_ok=True)
        self._moved = self._synced = self._segments.held
        self.end = max(self._segments.last, reserve.last, kept.done) + kept.endangered
        for entry in self._segments.tail:
            if entry[0] > kept.done:
                self._recent.append(entry)
        self._segments.tail = []
        self._recent.extend(reserve.tail(self._floor, RECENT_FACTS_MAX))
        if reserve.used:
            self.fault = "full"
            if not kept.full_since_us:
                self._since(clock.now())
        elif kept.full_since_us:
            self._mended_s, self.full_until = clock.monotonic_s(), clock.now()

    # ---- what is known of it --------------------------------------------------------------------

    @property
    def done(self) -> int:
        """Position up to which the log has everything."""
        return self._state.state.done

    @property
    def unwritten(self) -> int:
        """Facts that wait in memory because the disk takes none."""
        return len(self._unwritten)

    @property
    def full_since(self) -> datetime | None:
        """Since when the disk takes no facts, and whether they go to the reserve or wait."""
        us = self._state.state.full_since_us
        return BEGINNING + timedelta(microseconds=us) if us else None

    @property
    def size(self) -> int:
        """Bytes of facts on the disk, in the segments and in the reserve."""
        return self._segments.size + self._reserve.used

    @property
    def reserve_left(self) -> int:
        """Bytes of the reserve that may still be written; 0 as well while there is none."""
        return min(self._reserve.left, self.reserve_bytes)

    @property
    def reserve_used(self) -> int:
        """Bytes of facts in the reserve."""
        return self._reserve.used

    @property
    def reserve_firm(self) -> bool:
        """Whether there is a reserve, and the filesystem keeps a block for each of its bytes."""
        return self._reserve.size > 0 and self._reserve.firm

    # ---- from start to end ----------------------------------------------------------------------

    def start(self) -> None:
        """Begin to flush to the disk in the background."""
        self._task = asyncio.create_task(self._flush(), name="spool flush")

    async def close(self) -> None:
        """Write and fsync what is left, as far as the disk allows."""
        self._stopping.set()
        for task in (self._task, self._builder):
            if task is not None:
                task.cancel()
                with contextlib.suppress(asyncio.CancelledError):
                    await task
        self._write_waiting()
        await self._sync()
        self._segments.abandon()
        self._reserve.close()
        self._state.close()

    # ---- facts ----------------------------------------------------------------------------------

    def append(self, fact: Fact) -> int:
        """Take a fact; returns its position.  Never raises, never waits for the disk to sync."""
        return self._take(encoded(fact))

    def _take(self, content: bytes) -> int:
        self.end += 1
        entry = (self.end, content)
        if len(self._unwritten) >= UNWRITTEN_FACTS_MAX:
            self.lost += 1
            self.untold += 1
            self._endangered()
            return self.end
        self._recent.append(entry)
        self._unwritten.append(entry)
        if len(self._unwritten) == 1:
            self._write_waiting()
        else:
            self._endangered()
        self._grown.set()
        return self.end

    async def wait(self, after: int, wait_s: float) -> None:
        """Return when there is a fact after that position, at the latest after ``wait_s``.

        Facts that are done are not waited for: a reader may always ask from 0.  Nor are those that
        are lost, or cannot be read.
        """
        if self.end > max(after, self.done, self._barren):
            return
        self._grown.clear()
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(wait_s):
                await self._grown.wait()

    def after(self, position: int, limit: int) -> list[tuple[int, msgspec.Raw]]:
        """Facts after a position, in order, as they were encoded; at most ``limit``.

        What cannot be read is left out, and told.  Raises OSError: the disk may still give it.
        """
        end = self.end
        entries = self._entries(max(position, self.done), limit)
        if not entries and position <= self.done:
            self._barren = end
        self.tell_damages()
        found: list[tuple[int, msgspec.Raw]] = []
        size = 0
        for place, content in entries[:limit]:
            size += len(content)
            if found and size > BATCH_BYTES_MAX:
                break
            found.append((place, msgspec.Raw(content)))
        return found

    def _entries(self, position: int, limit: int) -> list[Entry]:
        if self._recent and self._recent[0][0] <= position + 1:
            return [entry for entry in self._recent if entry[0] > position]
        found = dict(self._segments.read(position, limit))
        found |= self._reserve.read(position, limit)
        found |= {entry[0]: entry[1] for entry in self._unwritten if entry[0] > position}
        return sorted(found.items())[:limit]

    def tell_damages(self) -> None:
        """Of each piece that cannot be read, once."""
        found: list[Damage] = []
        again: list[bytes] = []
        for one in self._segments.damages:
            if self._reserve.holds(one.first, one.last):  # and is emptied soon
                count = one.last - one.first + 1
                again += [content for _, content in self._reserve.read(one.first - 1, count)]
            else:
                found.append(one)
        found += self._reserve.damages
        self._segments.damages, self._reserve.damages = [], []
        for content in again:
            self._take(content)  # as facts that come twice
        for one in found:
            self.on_damage(one)

    def forget(self, upto: int) -> None:
        """Everything up to there is in the log; whole segments of it are removed."""
        if not self.done < upto <= self.end:
            return
        while self._unwritten and self._unwritten[0][0] <= upto:
            self._unwritten.popleft()
        self._state.keep(replace(self._state.state, done=upto))
        self._endangered()
        self._segments.remove(upto)
        if 0 < self._reserve.last <= upto:
            with contextlib.suppress(OSError):
                self._reserve.clear()

    def told_lost(self, count: int) -> None:
        """A fact says that so many were lost."""
        self.untold = max(0, self.untold - count)
        self._endangered()

    def _endangered(self) -> None:
        """So that whoever starts after a kill knows how many there were."""
        count = len(self._unwritten) + self.untold
        if count != self._state.state.endangered:
            self._state.keep(replace(self._state.state, endangered=count))

    # ---- writing --------------------------------------------------------------------------------

    def _write_waiting(self) -> None:
        while self._unwritten and self._write(*self._unwritten[0]):
            self._unwritten.popleft()
        self._endangered()

    def _write(self, position: int, content: bytes) -> bool:
        """Put one line where there is room for it; where it goes first, the next one follows."""
        line = line_of(position, content)
        if self.fault is None:
            try:
                self._segments.write(position, line)
            except OSError as error:
                self._refused(error)
            else:
                return True
        try:
            self._reserve.write(position, line)
        except OSError:
            return False
        return True

    def _refused(self, error: OSError) -> None:
        if isinstance(error, ShareUsed):
            self.fault = "limit"
        elif error.errno in (errno.ENOSPC, errno.EDQUOT, errno.EFBIG):
            self.fault = "full"
        else:
            self.fault = "failing"
        self._mended_s = self.full_until = None
        self._try_at_s = clock.monotonic_s() + RETRY_DISK_S
        if self.full_since is None:
            self._since(clock.now())
            log.error("the disk takes no facts; they go to the reserve", extra={"why": self.fault})

    def _since(self, at: datetime | None) -> None:
        us = (at - BEGINNING) // timedelta(microseconds=1) if at is not None else 0
        self._state.keep(replace(self._state.state, full_since_us=us))

    # ---- in the background ----------------------------------------------------------------------

    async def _flush(self) -> None:
        while True:
            await asyncio.sleep(FSYNC_EVERY_S)
            try:
                await self.tend()
            except OSError:
                log.exception("the spool cannot be looked after")

    async def tend(self) -> None:
        """One round of what `start` does for ever.  Raises OSError: try again."""
        now_s = clock.monotonic_s()
        if self.fault is not None and now_s >= self._try_at_s:
            self._try_at_s = now_s + RETRY_DISK_S
            if await self._return():
                self._try_at_s = now_s
        elif self._mended_s is not None and now_s - self._mended_s >= CALM_S:
            self._mended_s = None
            self._since(None)
        await self._sync()
        self._see_to_reserve(now_s)

    async def _return(self) -> bool:
        """Move the reserve to the segments, a step at a time; whether to go on at once."""
        if not self._unwritten and not self._has_room():
            return False
        if self._pending:
            upto = self._reserve.position_after(self._floor, MOVED_AT_ONCE)
            for position, content in self._reserve.read(self._floor, MOVED_AT_ONCE):
                try:
                    self._segments.write(position, line_of(position, content))
                except OSError as error:
                    self._refused(error)
                    return False
                self._moved = position
            self._moved = max(self._moved, upto)  # those that cannot be read stay behind
        if self._pending:
            return True
        if not await self._sync():
            return False
        if self._reserve.last > self._floor:  # told meanwhile
            return True
        if self._reserve.used:
            self._reserve.clear()
        self.fault = None
        self._mended_s, self.full_until = clock.monotonic_s(), clock.now()
        self._write_waiting()
        return False

    @property
    def _floor(self) -> int:
        """Facts of the reserve up to here are elsewhere as well."""
        return max(self._moved, self.done)

    @property
    def _pending(self) -> bool:
        """Whether facts stand in the reserve alone."""
        return self._reserve.last > self._floor

    def _has_room(self) -> bool:
        status = os.statvfs(self._folder)
        wanted = max(ROOM_BYTES_MIN, self._reserve.used)
        return min(status.f_bavail * status.f_frsize, self._segments.room) >= wanted

    async def _sync(self) -> bool:
        """Bring everything to the disk; whether it has it now."""
        held = True
        if self._segments.dirty:
            before = self._synced
            upto = self._segments.last
            try:
                await asyncio.to_thread(self._segments.syncing())
            except OSError as error:
                self._not_synced(error, before, upto)
                held = False
            except asyncio.CancelledError:
                self._segments.dirty = True
                raise
            else:
                self._synced = upto
        if self._reserve.dirty:
            lines = self._reserve.unsynced
            count = len(lines)
            try:
                await asyncio.to_thread(self._reserve.syncing())
            except OSError as error:
                log.warning("the reserve cannot be synced to the disk")
                self._refused(error)
                with contextlib.suppress(OSError):
                    self._reserve.write_again()
                held = False
            else:
                del lines[:count]
        return held

    def _not_synced(self, error: OSError, after: int, upto: int) -> None:
        """What the segments were given last may never reach the disk (the kernel forgets it after
        the error): it is written again, elsewhere, as facts that come twice."""
        log.error("the spool cannot be synced to the disk", extra={"why": str(error)})
        self._segments.abandon()
        self._refused(error)
        doubtful = [one for one in self._entries(max(after, self.done), upto) if one[0] <= upto]
        for _, content in doubtful:
            self._take(content)

    # ---- the reserve ----------------------------------------------------------------------------

    def _see_to_reserve(self, now_s: float) -> None:
        """Make it, or make it anew in another size, when it is empty and there is room."""
        busy = self._builder is not None and not self._builder.done()
        good = self._reserve.firm or self._built or not self.reserve_bytes
        same = self._reserve.size == self.reserve_bytes and good
        if busy or same or self.fault is not None or now_s < self._build_at_s:
            return
        self._build_at_s = now_s + BUILD_EVERY_S
        self._builder = asyncio.create_task(self._build(), name="spool reserve")

    async def _build(self) -> None:
        path, size = self._reserve.path, self.reserve_bytes
        fresh = path.with_suffix(".new")
        try:
            if size == 0:
                path.unlink(missing_ok=True)
            elif not await asyncio.to_thread(preallocated.build, fresh, size, self._stopping):
                return
            if self._reserve.used:  # the disk was full meanwhile
                fresh.unlink(missing_ok=True)
                return
            if size:
                fresh.replace(path)
            preallocated.sync_folder(path.parent)
        except OSError as error:
            log.error("there is no room for the spool's reserve", extra={"why": str(error)})
        else:
            self._built = True
            self._reserve.open()
            if size and not self._reserve.firm:
                log.warning("this filesystem keeps no blocks; the reserve may fail on a full disk")
