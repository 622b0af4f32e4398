"""The files of the spool: segments that grow, a reserve that is written in place.

A line is ``crc32 position JSON``, in segments and reserve alike; positions ascend in each file.
"""

import contextlib
import errno
import logging
import os
import zlib
from array import array
from bisect import bisect_left, bisect_right, insort
from collections.abc import Callable
from pathlib import Path

from tahuri.kernel import clock
from tahuri.telephony import preallocated, spooldamage
from tahuri.telephony.protocol.words import DamageReason
from tahuri.telephony.spooldamage import LINE_BYTES_MIN, Damage, Entry, entry_of, parsed

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
        self._known: set[tuple[int, int]] = set()
        """Segment and byte of damage that was found before."""
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
            if start in self._unkept and not spooldamage.keep(self._path(start), moving=True):
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
            content, bad = spooldamage.read_all(self._path(start), size, self._sizes[start] - size)
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
        fresh = [one for one in pieces if (start, one.at) not in self._known]
        if not fresh:
            return
        self._known |= {(start, one.at) for one in fresh}
        self.damages += fresh
        if not spooldamage.keep(self._path(start)):
            self._unkept.add(start)

    def _mend(self, start: int) -> None:
        """Go on in the newest segment, on a line of its own where it ends in half a line."""
        path, size = self._path(start), self._sizes[start]
        try:
            content, bad = spooldamage.read_all(path, 0, size)
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


class Reserve:
    """One file of a fixed size, written from its beginning, in place; emptied by one zero.

    What an earlier use left behind the present end is told from it by its positions: they are
    lower.  A line that is damaged keeps its place, so that nothing is written over it before it
    is copied.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self._file = -1
        self._positions = array("Q")
        self._ends = array("Q")
        self._unsynced: list[tuple[int, bytes]] = []
        self._wiped = False
        self._damaged: dict[int, tuple[Damage, bytes]] = {}
        """By place, what cannot be read; copied before it is written over."""
        self.damages: list[Damage] = []
        """Found, and not told yet."""
        self.size = 0
        """Bytes; 0: there is none."""
        self.firm = False
        """Whether each byte has its block."""
        self.open()

    @property
    def used(self) -> int:
        """Bytes."""
        return self._ends[-1] if self._ends else 0

    @property
    def left(self) -> int:
        """Bytes."""
        return self.size - self.used

    @property
    def first(self) -> int:
        """Position of its first fact; 0: it is empty."""
        return self._positions[0] if self._positions else 0

    @property
    def last(self) -> int:
        """Position of its last fact; 0: it is empty."""
        return self._positions[-1] if self._positions else 0

    @property
    def dirty(self) -> bool:
        """Whether something was written that `syncing` has not brought to the disk."""
        return self._wiped or bool(self._unsynced)

    def open(self) -> None:
        """Take the file as it is now, with what stands in it."""
        self.close()
        try:
            self._file = os.open(self.path, os.O_RDWR)
            self.size = os.fstat(self._file).st_size
            self.firm = preallocated.is_firm(self._file)
            self._scan()
        except FileNotFoundError:
            pass
        except OSError:  # what stands in it may still be saved by people: a new one is made
            log.exception("the reserve of the spool cannot be read; it is put aside")
            self._put_aside()

    def _put_aside(self) -> None:
        """The disk does not give it back: another one is made in its place."""
        if spooldamage.keep(self.path, moving=True):
            with contextlib.suppress(OSError):
                self.path.unlink(missing_ok=True)
        self.damages.append(Damage(self.path.name, 0, self.size, 0, 0, "disk"))
        self.close()

    def close(self) -> None:
        if self._file >= 0:
            os.close(self._file)
        self._file, self.size = -1, 0
        self._forget()

    def write(self, position: int, line: bytes) -> None:
        """Put a line behind the last one.  Raises OSError: it has no room, or the disk fails."""
        at = self.used
        if self._file < 0 or at + len(line) > self.size:
            raise OSError(errno.ENOSPC, "the reserve is used up")
        preallocated.put(self._file, line, at)
        self._positions.append(position)
        self._ends.append(at + len(line))
        self._unsynced.append((at, line))

    def read(self, position: int, limit: int) -> list[Entry]:
        """The first entries after a position.  Raises OSError."""
        begin = bisect_right(self._positions, position)
        return self._read(begin, min(begin + limit, len(self._positions)))

    def tail(self, position: int, limit: int) -> list[Entry]:
        """The last entries, as far as they are after a position.  Raises OSError."""
        count = len(self._positions)
        return self._read(max(bisect_right(self._positions, position), count - limit), count)

    def holds(self, first: int, last: int) -> bool:
        """Whether all of these positions have their place in it."""
        begin, end = bisect_left(self._positions, first), bisect_right(self._positions, last)
        return end - begin == last - first + 1

    def _read(self, begin: int, end: int) -> list[Entry]:
        found: list[Entry] = []
        for number in range(begin, end):
            at = self._ends[number - 1] if number else 0
            position = self._positions[number]
            try:
                line = os.pread(self._file, self._ends[number] - at, at)
                reason: DamageReason = "checksum"
            except OSError as error:
                if error.errno not in spooldamage.UNREADABLE:
                    raise
                line, reason = b"\0", "disk"
            before = position - 1 - line[:-1].count(b"\n")
            if number:
                before = max(before, self._positions[number - 1])
            entries, pieces = parsed(line, self.path.name, at, before, position + 1, reason)
            found += entries
            for one in pieces:
                if one.at not in self._damaged:
                    self._damaged[one.at] = (one, line)
                    self.damages.append(one)
        return found

    def clear(self) -> None:
        """What it holds is on the disk elsewhere, or in the log.  Raises OSError."""
        for one, content in self._damaged.values():
            spooldamage.copy(self.path.parent, f"reserve-{one.first}-{one.at}", content)
        preallocated.put(self._file, b"\0", 0)
        self._forget()
        self._wiped = True

    def syncing(self) -> Callable[[], None]:
        """What brings everything to the disk, to be called in a thread.  It raises OSError."""
        copy = os.dup(self._file)
        self._wiped = False

        def sync() -> None:
            try:
                os.fsync(copy)
            finally:
                os.close(copy)

        return sync

    @property
    def unsynced(self) -> list[tuple[int, bytes]]:
        """Places and lines that may not be on the disk yet; whoever has synced takes them out."""
        return self._unsynced

    def write_again(self) -> None:
        """After a sync that failed: the kernel may have dropped them.  Raises OSError."""
        self._wiped = True
        for at, line in self._unsynced:
            preallocated.put(self._file, line, at)

    def _forget(self) -> None:
        self._positions, self._ends = array("Q"), array("Q")
        self._unsynced = []
        self._damaged = {}
        self._wiped = False

    def _scan(self) -> None:
        if os.pread(self._file, 1, 0) in (b"", b"\0"):
            return
        content = os.pread(self._file, self.size, 0).rstrip(b"\0")
        at, last = 0, 0
        while (end := content.find(b"\n", at)) >= 0:
            line = content[at:end]
            entry = entry_of(line)
            position = entry[0] if entry is not None else 0
            if entry is None and last and _claimed(line) == last + 1:
                position = last + 1  # it is damaged; what an earlier use left is of lower positions
            if position > last:
                last = position
                self._positions.append(last)
                self._ends.append(end + 1)
            at = end + 1


def _claimed(line: bytes) -> int:
    """The position that a damaged line gives itself; 0: none."""
    words = line.split(b" ", 2)
    return int(words[1]) if len(words) == 3 and len(words[0]) == 8 and words[1].isdigit() else 0
