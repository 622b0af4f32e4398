"""Where the journal goes while the disk is full: one file, made beforehand, written in place.

Two halves: states are added to one until it is full, then those that still count begin the other.
Of each name the newest state counts.  See ADR 0024.
"""

import contextlib
import errno
import logging
import os
import zlib
from pathlib import Path

from tahuri.telephony import preallocated

BYTES = 16 << 20
"""Both halves: 200 calls of 20 kB each, twice over, in each."""

log = logging.getLogger(__name__)


class JournalReserve:
    """The file, if there is one.

    Args:
        path: made by `make` and opened; until then every `put` fails.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        self._file = -1
        self._half = 0
        self._at = 0
        self._round = 0
        self.states: dict[str, bytes] = {}
        """By name, what counts: it stands here and nowhere else."""
        self.open()

    @property
    def missing(self) -> bool:
        """Whether it has yet to be made."""
        return self._file < 0

    def make(self, size: int = BYTES) -> None:
        """Make the file.  May take seconds; to be called in a thread.  Raises OSError."""
        fresh = self._path.with_suffix(".new")
        if preallocated.build(fresh, size):
            fresh.replace(self._path)

    def put(self, name: str, content: bytes) -> None:
        """Keep a state.  Raises OSError: there is no reserve, or no room in it."""
        before = self.states.get(name)
        self.states[name] = content
        try:
            self._add(name, content)
        except OSError:
            if before is None:
                del self.states[name]
            else:
                self.states[name] = before
            raise

    def drop(self, name: str) -> None:
        """The state counts no more.  As far as the disk allows."""
        if self.states.pop(name, None) is not None:
            with contextlib.suppress(OSError):
                self._add(name, b"")

    def close(self) -> None:
        if self._file >= 0:
            os.close(self._file)
        self._file = -1

    def _add(self, name: str, content: bytes) -> None:
        if self._file < 0:
            raise OSError(errno.ENOSPC, "there is no reserve")
        line = self._line(name, content)
        if not self._round or self._at + len(line) > self._half:
            self._turn()
        else:
            preallocated.put(self._file, line, self._begin + self._at)
            self._at += len(line)

    @property
    def _begin(self) -> int:
        return self._half if self._round % 2 else 0

    def _line(self, name: str, content: bytes) -> bytes:
        rest = b"%d %s %s" % (self._round, name.encode(), content)
        return b"%08x %s\n" % (zlib.crc32(rest), rest)

    def _turn(self) -> None:
        """Begin the other half with what counts; its first line is written last, so that a kill in
        the middle leaves this half in force."""
        self._round += 1
        head = self._line("", b"")
        states = b"".join(self._line(name, content) for name, content in self.states.items())
        if len(head) + len(states) > self._half:
            self._round -= 1
            raise OSError(errno.ENOSPC, "the journal's reserve is used up")
        try:
            preallocated.put(self._file, states, self._begin + len(head))
            preallocated.put(self._file, head, self._begin)
        except OSError:
            self._round -= 1
            raise
        self._at = len(head) + len(states)

    def open(self) -> None:
        """Take the file as it is, if there is one."""
        with contextlib.suppress(OSError):
            self.close()
            self._file = os.open(self._path, os.O_RDWR)
            self._half = os.fstat(self._file).st_size // 2
            for number in (0, 1):
                self._read(number)

    def _read(self, half: int) -> None:
        """Take the half if it is the newer one."""
        begin = half * self._half
        if os.pread(self._file, 1, begin) in (b"", b"\0"):
            return
        content = os.pread(self._file, self._half, begin)
        at, found, round_ = 0, {}, 0
        while (end := content.find(b"\n", at)) >= 0:
            checksum, _, rest = content[at:end].partition(b" ")
            number, _, named = rest.partition(b" ")
            name, _, state = named.partition(b" ")
            sound = checksum == b"%08x" % zlib.crc32(rest) and number.isdigit()
            if not sound or (round_ and int(number) != round_):
                break
            round_ = int(number)
            if state:
                found[name.decode()] = state
            else:
                found.pop(name.decode(), None)
            at = end + 1
        if round_ > self._round:
            self._round, self._at, self.states = round_, at, found
