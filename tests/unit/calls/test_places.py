"""Folders of recordings: faults in words, nothing lost when one is replaced, slow reading."""

import errno
import hashlib
import json
import os
import stat
from pathlib import Path

import pytest

from tahuri.calls import places
from tahuri.calls.faults import OF_ONE, SENTENCES, Fault, FaultCode, PlaceError, of_disk
from tahuri.calls.places import ASIDE, Folder, those_of
from tahuri.calls.reading import Pace, digest_of, fault_at
from tahuri.kernel import clock

PATH = "2026/11/23/C1.wav"
SOUND = b"RIFF" + bytes(600_000)
SHA256 = hashlib.sha256(SOUND).hexdigest()
FAST = Pace(1e12)
WEB = Path(__file__).parents[3] / "web" / "src" / "core" / "i18n"


@pytest.fixture
def file(tmp_path: Path) -> Path:
    made = tmp_path / "sound"
    made.write_bytes(SOUND)
    return made


@pytest.fixture
def folder(tmp_path: Path) -> Folder:
    (tmp_path / "second").mkdir()
    return Folder(tmp_path / "second")


def test_the_damaged_one_lies_beside_the_one_that_took_its_place(
    tmp_path: Path, folder: Folder, file: Path
) -> None:
    """The damaged bytes may be evidence of who damaged them.

    Given a damaged copy; when a sound one is brought; then both are there; when the recording is
    erased; then neither is, and its neighbour is.
    """
    there = tmp_path / "second" / PATH
    there.parent.mkdir(parents=True)
    there.write_bytes(b"harmed")
    neighbour = there.with_name("C12.wav")
    neighbour.write_bytes(b"another")
    aside = f"{PATH}{ASIDE}1"
    assert folder.bring(file, PATH, SHA256, aside) is None
    assert there.read_bytes() == SOUND
    assert (tmp_path / "second" / aside).read_bytes() == b"harmed"
    assert folder.erase(PATH) is None
    assert list(there.parent.iterdir()) == [neighbour]
    assert those_of(tmp_path / "second", "../sound") == []


def test_a_full_disk_costs_neither_the_damaged_one_nor_a_half_copy(
    tmp_path: Path, folder: Folder, file: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Given a disk that fills up in the middle; then the old file keeps its name and all its bytes,
    nothing half is left, and the fault is the whole place's."""
    there = tmp_path / "second" / PATH
    there.parent.mkdir(parents=True)
    there.write_bytes(b"harmed")

    def full(descriptor: int, block: bytes) -> int:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(places.os, "write", full)
    told = folder.bring(file, PATH, SHA256, f"{PATH}{ASIDE}1")
    assert told is not None
    assert (told.code, told.whole) == (FaultCode.FULL, True)
    assert [(one.name, one.read_bytes()) for one in there.parent.iterdir()] == [
        ("C1.wav", b"harmed")
    ]


def test_a_copy_is_told_when_the_disk_has_its_sound_and_its_name(
    tmp_path: Path, folder: Folder, file: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """After a power cut the log must not speak of a copy whose name the disk never had.

    Given a copy; then its sound is synced, read again from the disk and not from memory, and the
    folder is synced when it has the name.
    """
    there, steps = tmp_path / "second" / PATH, list[str]()
    sync, forget = os.fsync, os.posix_fadvise

    def synced(number: int) -> None:
        folded = stat.S_ISDIR(os.fstat(number).st_mode)
        steps.append(f"name {there.exists()}" if folded else "sound")
        sync(number)

    def forgotten(number: int, *how: int) -> None:
        steps.append("forget")
        forget(number, *how)

    monkeypatch.setattr(os, "fsync", synced)
    monkeypatch.setattr(os, "posix_fadvise", forgotten)
    assert folder.bring(file, PATH, SHA256) is None
    assert steps == ["sound", "forget", "name True"]


def test_a_source_that_is_not_what_the_log_says_takes_no_name(
    tmp_path: Path, folder: Folder, file: Path
) -> None:
    """One altered recording is one recording's fault: those behind it are copied."""
    told = folder.bring(file, PATH, "0" * 64)
    assert told is not None
    assert (told.code, told.whole) == (FaultCode.SOURCE_ALTERED, False)
    absent = folder.bring(tmp_path / "none", PATH, SHA256)
    assert absent is not None
    assert (absent.code, absent.whole) == (FaultCode.SOURCE, False)
    assert [one for one in (tmp_path / "second").rglob("*") if one.is_file()] == []


async def test_a_folder_whose_disk_is_not_mounted_has_lost_nothing(
    tmp_path: Path, folder: Folder, file: Path
) -> None:
    """An unplugged disk must not become ten thousand lost recordings in the log.

    Given a folder that is not there, or empty; then the place fails as a whole; given one that has
    others; then this recording alone is absent.
    """
    gone = Folder(tmp_path / "nowhere")
    told = gone.fault()
    assert told is not None
    assert (told.code, told.whole) == (FaultCode.FOLDER_ABSENT, True)
    empty = await fault_at(folder, PATH, SHA256, FAST)
    assert empty == Fault(FaultCode.FOLDER_EMPTY, "", True)
    assert folder.bring(file, "2026/11/23/C2.wav", SHA256) is None
    assert await fault_at(folder, PATH, SHA256, FAST) == Fault(FaultCode.ABSENT)
    assert await fault_at(folder, "2026/11/23/C2.wav", SHA256, FAST) is None


@pytest.mark.parametrize(
    ("number", "writing", "code", "whole"),
    [
        (errno.EIO, False, FaultCode.DISK, False),
        (errno.EIO, True, FaultCode.DISK, True),
        (errno.ESTALE, False, FaultCode.DISK, True),
        (errno.EROFS, True, FaultCode.NOT_ALLOWED, True),
        (errno.EACCES, False, FaultCode.NOT_ALLOWED, False),
        (errno.EDQUOT, True, FaultCode.FULL, True),
        (errno.ENOENT, False, FaultCode.ABSENT, False),
    ],
)
def test_a_bad_block_is_one_recordings_and_a_dead_mount_is_all_of_theirs(
    number: int, writing: bool, code: FaultCode, whole: bool
) -> None:
    """Which of the two it is decides between a repair and waiting for the disk."""
    told = of_disk(OSError(number, os.strerror(number)), writing=writing)
    assert (told.code, told.whole) == (code, whole)


async def test_reading_again_keeps_to_its_pace(folder: Folder, file: Path, tmp_path: Path) -> None:
    """Nobody's call may stutter because old recordings are read.

    Given 600 kB and a pace of 100 kB/s; then the waits ask for six seconds, and what was read is
    the file.
    """
    assert folder.bring(file, PATH, SHA256) is None
    free_s = 0.0

    async def wait(seconds: float) -> None:
        nonlocal free_s
        free_s = max(free_s, clock.monotonic_s() + seconds)

    begun_s = clock.monotonic_s()
    to = tmp_path / "fetched"
    assert await digest_of(folder, PATH, Pace(100_000, wait), to) == SHA256
    assert to.read_bytes() == SOUND
    assert free_s - begun_s >= len(SOUND) / 100_000


async def test_a_reading_that_cannot_be_opened_says_why(folder: Folder, tmp_path: Path) -> None:
    """Given a folder in the recording's place; then it is a fault in words, not a crash."""
    (tmp_path / "second" / PATH).mkdir(parents=True)
    told = await digest_of(folder, PATH, FAST)
    assert isinstance(told, Fault)
    assert "directory" in str(told)
    with pytest.raises(PlaceError):
        next(folder.read(PATH))


def test_each_fault_is_one_sentence_in_each_language() -> None:
    """The operator at 3 a.m. reads a sentence, not a code of another company's store."""
    assert set(SENTENCES) == set(FaultCode)
    assert set(FaultCode) > OF_ONE
    for language in ("id", "en"):
        words = json.loads((WEB / f"{language}.json").read_text())
        for code in FaultCode:
            said = words[f"telephone.place_fault.{code}"]
            assert said.endswith("."), code
            assert ("{detail}" in said) == ("{detail}" in SENTENCES[code]), code
