"""The files of the spool that grow.

A line is ``crc32 position JSON``, here and in the reserve; positions ascend in each file.
"""

import contextlib
import errno
import logging
import os
import zlib
from bisect import bisect_right, insort
from collections.abc import Callable
from pathlib import Path

from tahuri.kernel import clock
from tahuri.telephony import preallocated
from tahuri.telephony.protocol.words import DamageReason
from tahuri.telephony.spool import damage
from tahuri.telephony.spool.damage import LINE_BYTES_MIN, Damage, Entry, parsed

SEGMENT_BYTES_MAX = 8 << 20
BAD_BLOCK_S = 10.0
"""So long a disk that fails is asked again before what it does not give counts as damaged."""


class ShareUsed(OSError):  # noqa: N818
    """The segments have all that they may have."""


log = logging.getLogger(__name__)


def line_of(position: int, content: bytes) -> bytes:
    rest = b"%d %s" % (position, content)
    return b"%08x %s\n" % (zlib.crc32(rest), rest)


class Segments:
    """Files ``<first position>.facts``; the newest grows, a whole one is removed at a time.

    Args:
        folder: must be there.
        bytes_max: of all of them; `write` refuses more.
    """

    def __init__(self, folder: Path, bytes_max: int) -> None:
        self._folder = folder
        self._bytes_max = bytes_max
        self._file = -1
        self._full: list[int] = []
        """Older files, open until `syncing` has been to them."""
        self._torn = False
        self._parsed: tuple[int, int, list[Entry]] = (-1, 0, [])
        """Of the segment read last: first position, bytes parsed, entries."""
        self._starts: list[int] = []
        self._sizes: dict[int, int] = {}
        for path in sorted(folder.glob("*.facts")):
            with contextlib.suppress(ValueError, OSError):
                self._sizes[int(path.stem)] = path.stat().st_size
        self._starts = sorted(self._sizes)
        self.dirty = False
        """Whether something was written that `syncing` has not brought to the disk."""
        self.last = self.held = self._starts[-1] - 1 if self._starts else 0
        """Position written last, and the last that can be read: in the newest segment, which may
        end in damage that had positions as well."""
        self.damages: list[Damage] = []
        """Found, and not told yet."""
        self._known: dict[tuple[int, int], int] = {}
        """By segment and byte, up to which position damage was found before: it may grow."""
        self._unkept: set[int] = set()
        """Damaged segments that have no second name yet."""
        self._bad_since_s: dict[int, float] = {}
        """By segment, since when the disk does not give it."""
        self.tail: list[Entry] = []
        """Entries of the newest segment, as found at the start."""
        if self._starts:
            self._mend(self._starts[-1])

    @property
    def size(self) -> int:
        """Bytes of all segments."""
        return sum(self._sizes.values())

    @property
    def room(self) -> int:
        """Bytes until ``bytes_max``."""
        return self._bytes_max - self.size

    def write(self, position: int, line: bytes) -> None:
        """Put a line at the end; half a line is taken back.  Raises OSError."""
        if len(line) > self.room:
            raise ShareUsed(errno.EDQUOT, "the spool has its share of the disk")
        start = self._starts[-1] if self._starts else -1
        if self._file < 0 or self._sizes[start] + len(line) > SEGMENT_BYTES_MAX:
            start = self._begin(position)
        if self._torn:
            line = b"\n" + line
        try:
            if os.write(self._file, line) != len(line):
                raise OSError(errno.ENOSPC, "half a line")
        except OSError:
            self._take_back(start)
            raise
        self._torn = False
        self._sizes[start] += len(line)
        self.last = self.held = position
        self.dirty = True

    def read(self, position: int, limit: int) -> list[Entry]:
        """The first entries after a position.  Raises OSError."""
        found: list[Entry] = []
        for start in self._starts[max(0, bisect_right(self._starts, position + 1) - 1) :]:
            entries = self._entries_of(start)
            begin = bisect_right(entries, position, key=lambda entry: entry[0])
            found += entries[begin : begin + limit]
            if len(found) >= limit:
                break
        return found

    def remove(self, upto: int) -> None:
        """Segments of which every position is at most this one; never the newest."""
        while len(self._starts) > 1 and self._starts[1] <= upto + 1:
            start = self._starts[0]
            if start in self._unkept and not damage.keep(self._path(start), moving=True):
                return
            try:
                self._path(start).unlink(missing_ok=True)
            except OSError:
                return
            self._unkept.discard(start)
            del self._sizes[self._starts.pop(0)]

    def syncing(self) -> Callable[[], None]:
        """What brings everything to the disk, to be called in a thread.  It raises OSError."""
        self.dirty = False
        files = [*self._full, os.dup(self._file)]
        folder, self._full = self._folder, []

        def sync() -> None:
            try:
                for file in files:
                    os.fsync(file)
                preallocated.sync_folder(folder)
            finally:
                for file in files:
                    os.close(file)

        return sync

    def abandon(self) -> None:
        """Write no more into the newest segment: what it holds may not be on the disk."""
        if self._file >= 0:
            os.close(self._file)
        self._file, self.dirty = -1, False

    def _path(self, start: int) -> Path:
        return self._folder / f"{start:020d}.facts"

    def _begin(self, position: int) -> int:
        flags = os.O_WRONLY | os.O_CREAT | os.O_APPEND
        opened = os.open(self._path(position), flags, 0o600)
        if self._file >= 0:
            self._full.append(self._file)
        self._file = opened
        size = os.fstat(opened).st_size
        self._torn = size > 0
        if position not in self._sizes:
            insort(self._starts, position)
        self._sizes[position] = size
        return position

    def _take_back(self, start: int) -> None:
        try:
            os.ftruncate(self._file, self._sizes[start])
        except OSError:  # the next line begins on a line of its own
            self._torn = True
            with contextlib.suppress(OSError):
                self._sizes[start] = os.fstat(self._file).st_size

    def _entries_of(self, start: int) -> list[Entry]:
        known, size, entries = self._parsed
        if known != start:
            size, entries = 0, []
        if size < self._sizes[start]:
            content, bad = damage.read_all(self._path(start), size, self._sizes[start] - size)
            if bad:
                since_s = self._bad_since_s.setdefault(start, clock.monotonic_s())
                if clock.monotonic_s() - since_s < BAD_BLOCK_S:
                    raise OSError(errno.EIO, "a bad block")
            later = next((one for one in self._starts if one > start), None)
            if later is None:
                content = content[: content.rfind(b"\n") + 1]
            last = entries[-1][0] if entries else start - 1
            reason: DamageReason = "disk" if bad else "checksum"
            more, pieces = parsed(content, self._path(start).name, size, last, later, reason)
            self._set_aside(start, pieces)
            entries = entries + more
            self._parsed = (start, size + len(content), entries)
        return entries

    def _set_aside(self, start: int, pieces: list[Damage]) -> None:
        fresh = [one for one in pieces if one.last > self._known.get((start, one.at), 0)]
        if not fresh:
            return
        self._known |= {(start, one.at): one.last for one in fresh}
        self.damages += fresh
        if not damage.keep(self._path(start)):
            self._unkept.add(start)

    def _mend(self, start: int) -> None:
        """Go on in the newest segment, on a line of its own where it ends in half a line."""
        path, size = self._path(start), self._sizes[start]
        try:
            content, bad = damage.read_all(path, 0, size)
        except OSError:  # it must not keep the switch from its callers
            log.exception("the newest segment of the spool cannot be opened")
            self.last = start + size // LINE_BYTES_MIN
            return
        with contextlib.suppress(OSError):
            if not bad:
                self._begin(start)
            self._torn = bool(content) and not content.endswith(b"\n")
        reason: DamageReason = "disk" if bad else "checksum"
        self.tail, pieces = parsed(content, path.name, 0, start - 1, None, reason)
        if self.tail:
            self.last = self.held = self.tail[-1][0]
        if pieces:
            self.last = max(self.last, pieces[-1].last)
        self._set_aside(start, pieces)
