"""The file of the spool that is written in place, while the others may not grow (ADR 0024)."""

import contextlib
import errno
import logging
import os
from array import array
from bisect import bisect_left, bisect_right
from collections.abc import Callable
from pathlib import Path

from tahuri.telephony import preallocated
from tahuri.telephony.protocol.words import DamageReason
from tahuri.telephony.spool import damage
from tahuri.telephony.spool.damage import Damage, Entry, entry_of, parsed

log = logging.getLogger(__name__)


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
        if damage.keep(self.path, moving=True):
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

    def position_after(self, position: int, count: int) -> int:
        """The last of so many positions after one."""
        begin = bisect_right(self._positions, position)
        return self._positions[min(begin + count, len(self._positions)) - 1]

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
                if error.errno not in damage.UNREADABLE:
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
            damage.copy(self.path.parent, f"reserve-{one.first}-{one.at}", content)
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
