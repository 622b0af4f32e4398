"""Facts on their way to the log: kept on disk until `serve` says that it has them.

Segments of lines ``crc32 position JSON``; the file ``done`` holds the last position that was
handed over.  A line is in the kernel's hands before `append` returns, so that a killed process
loses nothing; the disk has it within FSYNC_EVERY_S.  When the disk is full, facts wait in memory.
"""

import asyncio
import contextlib
import itertools
import logging
import os
import zlib
from collections import deque
from pathlib import Path

import msgspec

from tahuri.telephony.protocol.facts import Fact

SEGMENT_BYTES_MAX = 8 << 20
FSYNC_EVERY_S = 0.05
RETRY_DISK_S = 1.0
UNWRITTEN_FACTS_MAX = 20_000
"""Facts kept in memory while the disk takes none; later ones are counted as lost."""
RECENT_FACTS_MAX = 5_000
"""Facts kept in memory as well, so that a reader who follows never reads the disk."""
BATCH_BYTES_MAX = 512 << 10
"""Most that `after` returns at once, so that an answer fits a line of the RPC."""

log = logging.getLogger(__name__)
_encoder = msgspec.json.Encoder()
Entry = tuple[int, bytes]


class Spool:
    """One folder of segments; one process writes it.

    Args:
        folder: made if need be, readable by the owner only.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._file = -1
        self._file_bytes = 0
        self._recent: deque[Entry] = deque(maxlen=RECENT_FACTS_MAX)
        self._unwritten: deque[Entry] = deque()
        self._grown = asyncio.Event()
        self._unsynced = False
        self._task: asyncio.Task[None] | None = None
        self.lost = 0
        """Facts that found neither disk nor memory."""
        folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        self.done = self._read_done()
        self.end = self._recover()

    @property
    def unwritten(self) -> int:
        """Facts that wait in memory because the disk takes none."""
        return len(self._unwritten)

    @property
    def disk_full(self) -> bool:
        """Whether facts wait in memory because the disk takes none."""
        return bool(self._unwritten)

    def start(self) -> None:
        """Begin to flush to the disk in the background."""
        self._task = asyncio.create_task(self._flush(), name="spool flush")

    async def close(self) -> None:
        """Write and fsync what is left, as far as the disk allows."""
        if self._task is not None:
            self._task.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await self._task
        self._write_waiting()
        if self._file >= 0:
            with contextlib.suppress(OSError):
                os.fsync(self._file)
            os.close(self._file)
            self._file = -1

    def append(self, fact: Fact) -> int:
        """Take a fact; returns its position.  Never raises, never waits for the disk to sync."""
        content = _encoder.encode(fact)
        self.end += 1
        entry = (self.end, content)
        if len(self._unwritten) >= UNWRITTEN_FACTS_MAX:
            self.lost += 1
            return self.end
        self._recent.append(entry)
        self._unwritten.append(entry)
        if len(self._unwritten) == 1:
            self._write_waiting()
        self._grown.set()
        return self.end

    async def wait(self, after: int, wait_s: float) -> None:
        """Return when there is a fact after that position, at the latest after ``wait_s``.

        Facts that are done are not waited for: a reader may always ask from 0.
        """
        if self.end > max(after, self.done):
            return
        self._grown.clear()
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(wait_s):
                await self._grown.wait()

    def after(self, position: int, limit: int) -> list[tuple[int, msgspec.Raw]]:
        """Facts after a position, in order, as they were encoded; at most ``limit``."""
        position = max(position, self.done)
        if self._recent and self._recent[0][0] <= position + 1:
            entries = [entry for entry in self._recent if entry[0] > position]
        else:
            entries = self._on_disk(position, limit)
        found: list[tuple[int, msgspec.Raw]] = []
        size = 0
        for place, content in entries[:limit]:
            size += len(content)
            if found and size > BATCH_BYTES_MAX:
                break
            found.append((place, msgspec.Raw(content)))
        return found

    def forget(self, upto: int) -> None:
        """Everything up to there is in the log; whole segments of it are removed."""
        if not self.done < upto <= self.end:
            return
        self.done = upto
        while self._unwritten and self._unwritten[0][0] <= upto:
            self._unwritten.popleft()
        with contextlib.suppress(OSError):
            temporary = self._folder / "done.new"
            temporary.write_text(str(upto), encoding="ascii")
            temporary.replace(self._folder / "done")
        segments = self._segments()
        for segment, following in itertools.pairwise(segments):
            if int(following.stem) <= upto + 1:
                with contextlib.suppress(OSError):
                    segment.unlink()

    async def _flush(self) -> None:
        while True:
            await asyncio.sleep(RETRY_DISK_S if self._unwritten else FSYNC_EVERY_S)
            if self._unwritten:
                self._write_waiting()
            if self._unsynced and self._file >= 0:
                self._unsynced = False
                copy = os.dup(self._file)
                try:
                    await asyncio.to_thread(os.fsync, copy)
                except OSError:
                    log.warning("spool cannot be synced to the disk")
                finally:
                    os.close(copy)

    def _write_waiting(self) -> None:
        while self._unwritten:
            position, content = self._unwritten[0]
            if not self._write(position, content):
                return
            self._unwritten.popleft()

    def _write(self, position: int, content: bytes) -> bool:
        """Put one line at the end of the segment; half a line is taken back."""
        line = _line(position, content)
        try:
            if self._file < 0 or self._file_bytes + len(line) > SEGMENT_BYTES_MAX:
                self._open_segment(position)
            if os.write(self._file, line) != len(line):
                raise OSError("half a line")
        except OSError:
            if self._file >= 0:
                with contextlib.suppress(OSError):
                    os.ftruncate(self._file, self._file_bytes)
            return False
        self._file_bytes += len(line)
        self._unsynced = True
        return True

    def _open_segment(self, position: int) -> None:
        path = self._folder / f"{position:020d}.facts"
        flags = os.O_WRONLY | os.O_CREAT | os.O_APPEND
        opened = os.open(path, flags, 0o600)
        if self._file >= 0:
            os.close(self._file)
        self._file, self._file_bytes = opened, os.fstat(opened).st_size

    def _segments(self) -> list[Path]:
        return sorted(self._folder.glob("*.facts"))

    def _recover(self) -> int:
        """Cut a torn last line off; returns the last position."""
        end = self.done
        for segment in self._segments():
            content = segment.read_bytes()
            whole = content.rfind(b"\n") + 1
            if whole < len(content):
                log.warning("spool ended in half a line; cut off")
                os.truncate(segment, whole)
            for entry in _entries(content[:whole]):
                end = max(end, entry[0])
                if entry[0] > self.done:
                    self._recent.append(entry)
        return end

    def _read_done(self) -> int:
        try:
            return int((self._folder / "done").read_text(encoding="ascii"))
        except (OSError, ValueError):
            return 0

    def _on_disk(self, position: int, limit: int) -> list[Entry]:
        found: list[Entry] = []
        segments = self._segments()
        for number, segment in enumerate(segments):
            if number + 1 < len(segments) and int(segments[number + 1].stem) <= position + 1:
                continue
            found += [entry for entry in _entries(segment.read_bytes()) if entry[0] > position]
            if len(found) >= limit:
                break
        last = found[-1][0] if found else position
        found += [entry for entry in self._unwritten if entry[0] > last]
        return found[:limit]


def _line(position: int, content: bytes) -> bytes:
    rest = b"%d %s" % (position, content)
    return b"%08x %s\n" % (zlib.crc32(rest), rest)


def _entries(content: bytes) -> list[Entry]:
    """The whole lines of a segment; a damaged one is left out and reported."""
    found: list[Entry] = []
    for line in content.splitlines():
        checksum, _, rest = line.partition(b" ")
        position, _, fact = rest.partition(b" ")
        if not position.isdigit() or checksum != b"%08x" % zlib.crc32(rest):
            log.error("spool has a damaged line")
            continue
        found.append((int(position), fact))
    return found
