"""Places that hold recordings: the folder where they were made, a second one, a store.

Each place answers with what is wrong, or None; reading alone raises, and only `PlaceError`.
"""

import hashlib
import os
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import Protocol

from tahuri.calls.faults import Fault, FaultCode, PlaceError, fault, of_disk
from tahuri.calls.soundness import ORIGINAL

BLOCK_BYTES = 1 << 18
ASIDE = ".damaged-"
"""Stands in the name under which a damaged recording lies beside the one that took its place."""


class Place(Protocol):
    """Where recordings lie.  Its methods block: call them in a thread."""

    @property
    def name(self) -> str:
        """As facts name it: ``original``, ``folder`` or ``store``."""

    def fault(self) -> Fault | None:
        """Why nothing can be read or written there now."""

    def bring(self, file: Path, path: str, sha256: str, aside: str | None = None) -> Fault | None:
        """Copies a closed recording there, reads the copy again and compares.

        Args:
            aside: the name that what lies there takes before; None: nothing is expected there.
        """

    def read(self, path: str) -> Iterator[bytes]:
        """The recording in blocks, from the disk itself.  Raises PlaceError."""

    def erase(self, path: str) -> Fault | None:
        """Removes the recording and what lies aside of it; gone already is well."""


def copied(file: Path, to: Path, sha256: str, aside: Path | None = None) -> Fault | None:
    """Copies a closed recording, reads the copy again and compares; what is wrong, or None.

    The copy takes its name only when it is whole and on the disk.
    """
    fresh = fresh_of(to)
    try:
        source = file.open("rb")
    except OSError as error:
        return fault(FaultCode.SOURCE, error.strerror or "")
    with source:
        try:
            to.parent.mkdir(parents=True, exist_ok=True)
            with fresh.open("wb") as target:
                os.fchmod(target.fileno(), 0o600)
                told = _poured(source.fileno(), target.fileno())
                if told is None:
                    os.fsync(target.fileno())
            with fresh.open("rb") as again:
                _forget(again.fileno())
                found = hashlib.file_digest(again, "sha256").hexdigest()
            if told is not None or found != sha256:
                fresh.unlink()
                return told or fault(FaultCode.SOURCE_ALTERED, found)
            if aside is not None:
                with suppress(FileNotFoundError):
                    to.rename(aside)
            fresh.replace(to)
            _settle(to.parent)
        except OSError as error:
            with suppress(OSError):
                fresh.unlink(missing_ok=True)
            return of_disk(error, writing=True)
    return None


def _settle(folder: Path) -> None:
    """Brings its names to the disk: the log is about to say that the copy is there."""
    opened = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(opened)
    finally:
        os.close(opened)


def fresh_of(file: Path) -> Path:
    """The name of a copy until it is whole."""
    return file.with_name(f".{file.name}.new")


def _poured(source: int, target: int) -> Fault | None:
    """Copies all bytes; a fault of the source is one recording's, one of the target is raised."""
    while True:
        try:
            block = os.read(source, BLOCK_BYTES)
        except OSError as error:
            return fault(FaultCode.SOURCE, error.strerror or "")
        if not block:
            return None
        view = memoryview(block)
        while view:
            view = view[os.write(target, view) :]


class Folder:
    """A folder of recordings; it must be there: one that we made ourselves might be the empty place
    of a disk that is not mounted.

    Args:
        name: ``original`` for the one where recordings are made.
    """

    def __init__(self, root: Path, name: str = "folder") -> None:
        self._root, self.name = root, name

    def fault(self) -> Fault | None:
        try:
            if not self._root.is_dir():
                return fault(FaultCode.FOLDER_ABSENT)
            with os.scandir(self._root) as found:
                next(found, None)
        except OSError as error:
            return of_disk(error, writing=True)
        return None

    def bring(self, file: Path, path: str, sha256: str, aside: str | None = None) -> Fault | None:
        beside = self._root / aside if aside is not None else None
        return copied(file, self._root / path, sha256, beside)

    def read(self, path: str) -> Iterator[bytes]:
        try:
            with (self._root / path).open("rb", buffering=0) as content:
                _forget(content.fileno())
                while block := content.read(BLOCK_BYTES):
                    yield block
                _forget(content.fileno())
        except OSError as error:
            told = of_disk(error, writing=False)
            if told.code is FaultCode.ABSENT and self._is_empty():
                told = fault(FaultCode.FOLDER_EMPTY)
            raise PlaceError(told) from error

    def _is_empty(self) -> bool:
        """Whether nothing lies there at all, or nobody can tell: then no recording is lost yet."""
        try:
            with os.scandir(self._root) as found:
                return next(found, None) is None
        except OSError:
            return True

    def erase(self, path: str) -> Fault | None:
        try:
            found = [file for file in those_of(self._root, path) if file.exists()]
            if not found and self._is_empty():
                return fault(FaultCode.FOLDER_EMPTY)
            for file in found:
                file.unlink(missing_ok=True)
        except OSError as error:
            return Fault(FaultCode.DISK, error.strerror or "cannot be removed")
        return None


def those_of(root: Path, path: str) -> list[Path]:
    """The recording's file, those that were put aside, and half a copy of a process that was
    killed; none outside the folder."""
    base = root.resolve()
    file = (base / path).resolve()
    if file == base or not file.is_relative_to(base):
        return []
    found = [file, fresh_of(file)]
    with suppress(FileNotFoundError, NotADirectoryError):
        found += [one for one in file.parent.iterdir() if one.name.startswith(file.name + ASIDE)]
    return found


def _forget(descriptor: int) -> None:
    """Makes the next read come from the disk: what memory remembers proves nothing of it."""
    if hasattr(os, "posix_fadvise"):
        with suppress(OSError):
            os.posix_fadvise(descriptor, 0, 0, os.POSIX_FADV_DONTNEED)


def original(root: Path) -> Folder:
    """The folder where recordings are made."""
    return Folder(root, ORIGINAL)
