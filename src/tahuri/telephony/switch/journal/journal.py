"""What must survive a killed switch: a small file or two a call, one for the seats.

Each save appends a line with a checksum; the last whole line counts.  Replacing a file by renaming
would be as safe, and costs 2 ms on ext4, which flushes the new file first: at 60 calls a second the
switch would do nothing else.  What a full disk refuses goes to a reserve; a file that is there and
can be read counts before it.
"""

import contextlib
import logging
import os
import zlib
from pathlib import Path

import msgspec
from msgspec import Struct

from tahuri.telephony.protocol.operations import SetMeasures
from tahuri.telephony.protocol.snapshot import Surge
from tahuri.telephony.switch.journal.reserve import JournalReserve
from tahuri.telephony.switch.model import Call, Gateway, Seat, TrunkState, Unanswered
from tahuri.telephony.switch.text import Encoder, decode

FILE_BYTES_MAX = 256 << 10
"""A longer file is begun anew."""

log = logging.getLogger(__name__)
_encoder = Encoder()


class Seats(Struct, kw_only=True):
    """The content of ``seats.json``."""

    media_instance: str = ""
    """Which media process the ports belong to."""
    tone: int | None = None
    hold: int | None = None
    surge: Surge | None = None
    """The recorded notice that is switched on."""
    seats: list[Seat] = []
    trunks: list[TrunkState] = []
    gateways: list[Gateway] = []
    names: dict[str, str] = {}
    """What names of far ends stood for."""


class Journal:
    """Writes are atomic: after a kill the old state counts or the new one.

    Nothing is synced to the disk: after a power cut there are no calls to take up again.
    """

    def __init__(self, folder: Path) -> None:
        self._calls = folder / "calls"
        self._unanswered = folder / "unanswered"
        self._seats = folder / "seats.json"
        self._measures = folder / "measures.json"
        self._written: dict[Path, bytes] = {}
        self._folder = folder
        self.failures = 0
        """Writes that the disk refused; the calls went on."""
        self.unreadable: list[str] = []
        """Calls whose file is damaged: they cannot be taken up, but have to end."""
        for kind in (self._calls, self._unanswered):
            kind.mkdir(parents=True, exist_ok=True, mode=0o700)
        self.reserve = JournalReserve(folder / "reserve")

    def owe_answer(self, call_id: str, refusal: Unanswered) -> None:
        """An INVITE is let in: should we die before its answer, the next process refuses it."""
        self._write(self._unanswered / f"{call_id}.json", _encoder.encode(refusal))

    def answered(self, call_id: str) -> None:
        """The INVITE has its final answer."""
        self._remove(self._unanswered / f"{call_id}.json")

    def load_unanswered(self) -> dict[str, Unanswered]:
        """By call, the refusals that a killed process still owed."""
        found: dict[str, Unanswered] = {}
        for path in self._paths(self._unanswered):
            with contextlib.suppress(OSError, msgspec.DecodeError, UnicodeError):
                found[path.stem] = decode(self._last(path), Unanswered)
        return found

    def save_call(self, call: Call) -> None:
        """Keep a call as it is now."""
        self._write(self._calls / f"{call.call_id}.json", _encoder.encode(call))

    def forget_call(self, call_id: str) -> None:
        """The call is over and its facts are told."""
        self._remove(self._calls / f"{call_id}.json")

    def save_seats(self, seats: Seats) -> None:
        self._write(self._seats, _encoder.encode(seats))

    def load_seats(self) -> Seats:
        """What was saved last; nothing if there is nothing readable."""
        try:
            return decode(self._last(self._seats), Seats)
        except (OSError, msgspec.DecodeError, UnicodeError):
            return Seats()

    def save_measures(self, measures: SetMeasures) -> None:
        self._write(self._measures, _encoder.encode(measures))

    def load_measures(self) -> SetMeasures:
        """What `serve` told last; none if there is nothing readable: everybody is let by."""
        try:
            return msgspec.json.decode(self._last(self._measures), type=SetMeasures)
        except (OSError, msgspec.DecodeError, UnicodeError):
            return SetMeasures(salt="", measures=[])

    def load_calls(self) -> list[Call]:
        """Every call that was not over, in the order of arrival; see ``unreadable`` as well."""
        calls: list[Call] = []
        for path in self._paths(self._calls):
            try:
                calls.append(decode(self._last(path), Call))
            except (OSError, msgspec.DecodeError, UnicodeError):
                log.error("journal has an unreadable call")
                self.unreadable.append(path.stem)
                with contextlib.suppress(OSError):
                    path.rename(path.with_suffix(".unreadable"))
        return calls

    def put_aside(self, call_id: str) -> None:
        """The call cannot be taken up; its file stays for whoever looks for the reason."""
        path = self._calls / f"{call_id}.json"
        self.reserve.drop(self._name(path))
        with contextlib.suppress(OSError):
            path.rename(path.with_suffix(".unreadable"))

    def _name(self, path: Path) -> str:
        return str(path.relative_to(self._folder))

    def _paths(self, folder: Path) -> list[Path]:
        """Files of a folder, and those that the reserve stands for."""
        kept = {self._folder / name for name in self.reserve.states}
        return sorted({*folder.glob("*.json"), *(path for path in kept if path.parent == folder)})

    def _last(self, path: Path) -> bytes:
        """The state that counts; empty when there is none.  Raises OSError."""
        kept = self.reserve.states.get(self._name(path), b"")
        if not kept:
            return _last_line(path)
        with contextlib.suppress(OSError):
            return _last_line(path) or kept
        return kept

    def _remove(self, path: Path) -> None:
        self._written.pop(path, None)
        self.reserve.drop(self._name(path))
        with contextlib.suppress(OSError):
            path.unlink()

    def _write(self, path: Path, content: bytes) -> None:
        if self._written.get(path) == content:
            return
        line = b"\n%08x %s" % (zlib.crc32(content), content)  # a torn line before it stays alone
        try:
            size = self._append(path, line)
            if size > FILE_BYTES_MAX:
                temporary = path.with_suffix(".new")
                temporary.unlink(missing_ok=True)
                self._append(temporary, line)
                temporary.replace(path)
        except OSError:
            self.failures += 1
            self._keep_in_reserve(path, content)
        else:
            self._written[path] = content
            self.reserve.drop(self._name(path))

    def _keep_in_reserve(self, path: Path, content: bytes) -> None:
        try:
            self.reserve.put(self._name(path), content)
        except OSError:
            log.warning("journal cannot be written")
            return
        self._written[path] = content
        with contextlib.suppress(OSError):
            path.unlink(missing_ok=True)  # else it would count, and it is older

    def _append(self, path: Path, line: bytes) -> int:
        """Add a line; half a line is taken back.  Returns the file's size.  Raises OSError."""
        opened = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
        try:
            before = os.fstat(opened).st_size
            if os.write(opened, line) != len(line):
                os.ftruncate(opened, before)
                raise OSError("half a line")
        finally:
            os.close(opened)
        return before + len(line)


def _last_line(path: Path) -> bytes:
    """The newest whole line's content; empty when there is none.  Raises OSError."""
    for line in reversed(path.read_bytes().split(b"\n")):
        checksum, _, content = line.partition(b" ")
        if content and checksum == b"%08x" % zlib.crc32(content):
            return content
    return b""
