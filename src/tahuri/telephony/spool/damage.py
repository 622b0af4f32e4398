"""What of the spool cannot be read: found by its checksums, set aside whole, told (ADR 0025).

A line that is damaged must not hold up the facts behind it, and must not vanish with its file once
those are in the log.  So its segment gets a second name in the folder ``quarantine``: a hard link
asks a full disk for no room, and whatever becomes of the segment, these bytes stay.
"""

import errno
import logging
import os
import zlib
from pathlib import Path

import msgspec
from msgspec import Struct

from tahuri.telephony.protocol.words import DamageReason

QUARANTINE = "quarantine"
PIECES_MAX = 50
"""Pieces of one reading that are told one by one; further ones are told as one."""
BLOCK_BYTES = 4096
"""What is taken for zeros where the disk does not give it back."""
BAD_BLOCKS_MAX = 4
"""Blocks of one file that are tried in vain: a failing disk takes seconds for each, and callers
wait.  The rest of the file then counts as unreadable as well."""
LINE_BYTES_MIN = 64
"""No line is shorter."""
UNREADABLE = frozenset({errno.EIO, errno.ENODATA, errno.EUCLEAN, errno.EBADMSG, errno.ENOENT})
"""What a disk says of a bad block, and of a file that somebody has removed; anything else (too many
open files, say) is over with the next attempt."""

NAMES_MAX = 100
"""Files of one name in the quarantine: positions begin anew when a spool is made anew."""

log = logging.getLogger(__name__)


class _Whole(Struct):
    """Any JSON object: read through, nothing of it kept."""


_decoder = msgspec.json.Decoder(_Whole)
Entry = tuple[int, bytes]
"""Position and the fact as JSON."""


class Damage(Struct, frozen=True):
    """A piece of a file that holds no whole fact."""

    file: str
    """Its name, in the folder of the spool."""
    at: int
    """The byte where it begins."""
    size: int
    """Bytes."""
    first: int
    last: int
    """Positions that must have stood there, as far as those around it tell."""
    reason: DamageReason
    crc: int = 0
    """Of the piece, so that it is told from one that lay at the same place of another file."""


def entry_of(line: bytes) -> Entry | None:
    """What a line without its end says; None: it is damaged."""
    checksum, _, rest = line.partition(b" ")
    position, _, content = rest.partition(b" ")
    if not position.isdigit() or checksum != b"%08x" % zlib.crc32(rest):
        return None
    try:
        if not content.isascii():
            content.decode()
        _decoder.decode(content)
    except (msgspec.DecodeError, UnicodeError, RecursionError):
        return None  # whole, and no fact: its reader could not read those around it either
    return int(position), content


def parsed(
    content: bytes, file: str, at: int, last: int, then: int | None, reason: DamageReason
) -> tuple[list[Entry], list[Damage]]:
    """The facts in a part of a file, and what is none.

    Args:
        content: begins with a line.
        at: where in the file it begins.
        last: position of the line before it.
        then: position of the line behind it; None: it is the end of what there is.
        reason: what damage in it is put down to.

    Returns:
        Entries in their order; pieces of which a fact is missing.  Half a line whose fact was
        written anew behind it is no damage.
    """
    entries: list[Entry] = []
    found: list[Damage] = []
    bad = place = at
    lines = 0

    def piece(end: int, until: int) -> None:
        if lines and until > last:
            bytes_ = content[bad - at : end - at].rstrip(b"\n")  # else half a line would grow one
            crc = zlib.crc32(bytes_)
            found.append(Damage(file, bad, len(bytes_), last + 1, until, reason, crc))

    for line in content.split(b"\n"):
        entry = entry_of(line) if line else None
        if entry is not None and entry[0] > last:
            piece(place, entry[0] - 1)
            entries.append(entry)
            last, lines = entry[0], 0
        elif line and entry is None:
            bad, lines = (bad if lines else place), lines + 1
        place += len(line) + 1
    end = at + len(content)
    piece(end, last + _most(content[bad - at :], lines) if then is None else then - 1)
    if len(found) > PIECES_MAX:
        found = [*found[: PIECES_MAX - 1], _merged(found[PIECES_MAX - 1 :])]
    return entries, found


def _most(piece: bytes, lines: int) -> int:
    """How many facts may have stood there: what reads as zeros may have been many."""
    return max(lines, len(piece) // LINE_BYTES_MIN) if b"\0" in piece else lines


def _merged(pieces: list[Damage]) -> Damage:
    one, end = pieces[0], pieces[-1]
    size = end.at + end.size - one.at
    return Damage(one.file, one.at, size, one.first, end.last, one.reason, one.crc)


def read_all(path: Path, at: int, size: int) -> tuple[bytes, bool]:
    """So many bytes of a file; blocks that the disk does not give are zeros, and then True.

    Raises:
        OSError: for a reason that may be gone with the next attempt.
    """
    try:
        with path.open("rb") as file:
            file.seek(at)
            return file.read(size), False
    except OSError as error:
        if error.errno not in UNREADABLE:
            raise
        log.exception("a file of the spool cannot be read whole")
    try:
        opened = os.open(path, os.O_RDONLY)
    except OSError as error:
        if error.errno not in UNREADABLE:
            raise
        return bytes(size), True
    whole, failed = bytearray(size), 0
    try:
        for place in range(at, at + size, BLOCK_BYTES):
            try:
                part = os.pread(opened, min(BLOCK_BYTES, at + size - place), place)
            except OSError:
                failed += 1
                if failed >= BAD_BLOCKS_MAX:
                    break
            else:
                whole[place - at : place - at + len(part)] = part
    finally:
        os.close(opened)
    return bytes(whole), True


def keep(path: Path, moving: bool = False) -> bool:
    """Give a file its second name in the quarantine; whether it has one now.

    Args:
        moving: where the filesystem knows no second names, the file may have this one instead.
    """
    try:
        name = _name_for(path)
        if name is None:
            return True
        try:
            os.link(path, name)
        except OSError:
            if not moving:
                raise
            path.replace(name)
    except FileNotFoundError:
        return True  # somebody has removed it: nothing is left to keep
    except OSError as error:
        log.warning("a damaged file of the spool has no second name", extra={"why": str(error)})
        return False
    log.error("a damaged file of the spool is kept", extra={"file": name.name})
    return True


def copy(folder: Path, name: str, content: bytes) -> None:
    """Keep a piece of a file that is to be written over.  Raises OSError."""
    place = folder / QUARANTINE / name
    place.parent.mkdir(exist_ok=True, mode=0o700)
    if place.exists():
        return
    fresh = place.with_suffix(".new")
    fresh.write_bytes(content)
    fresh.replace(place)


def _name_for(path: Path) -> Path | None:
    """A free name in the quarantine; None: it has one.  Raises OSError."""
    folder = path.parent / QUARANTINE
    folder.mkdir(exist_ok=True, mode=0o700)
    for number in range(NAMES_MAX):
        name = folder / (path.name if number == 0 else f"{path.stem}-{number}{path.suffix}")
        if not name.exists():
            return name
        if path.samefile(name):
            return None
    raise OSError(errno.EEXIST, "too many damaged files of one name")
