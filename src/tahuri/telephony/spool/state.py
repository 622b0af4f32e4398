"""What the spool must know after a kill, beside its facts: one small file, written in place."""

import contextlib
import os
import zlib
from pathlib import Path

from msgspec import Struct

from tahuri.telephony import preallocated

STATE_BYTES = 80


class State(Struct, frozen=True):
    """The small file ``done``."""

    done: int = 0
    """Position up to which the log has everything."""
    full_since_us: int = 0
    """Since when the disk takes no facts, in microseconds since 1970; 0: it takes them."""
    endangered: int = 0
    """Facts that stand in no file: in memory alone, or lost and not told yet."""


class StateFile:
    """Written in place, so that it needs no room; a torn one counts as if nothing was done."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._file = -1
        self.state = self._read()
        self._put()  # now, so that its block is there when the disk is full

    def keep(self, state: State) -> None:
        """As far as the disk allows."""
        if state != self.state:
            self.state = state
            self._put()

    def _put(self) -> None:
        state = self.state
        rest = b"%020d %020d %020d" % (state.done, state.full_since_us, state.endangered)
        content = b"%s %08x" % (rest, zlib.crc32(rest))
        with contextlib.suppress(OSError):
            if self._file < 0:
                self._file = os.open(self._path, os.O_RDWR | os.O_CREAT, 0o600)
            preallocated.put(self._file, content.ljust(STATE_BYTES - 1) + b"\n", 0)

    def close(self) -> None:
        if self._file >= 0:
            os.close(self._file)
        self._file = -1

    def _read(self) -> State:
        try:
            content = self._path.read_bytes()
            if len(content) < STATE_BYTES:
                return State(done=int(content))  # as earlier versions wrote it
            rest, _, checksum = content.strip().rpartition(b" ")
            if int(checksum, 16) != zlib.crc32(rest):
                raise ValueError("torn")
            return State(*(int(number) for number in rest.split()))
        except (OSError, ValueError):
            return State()
