"""Recordings as files, without the process around them."""

import asyncio
import hashlib
import os
import threading
import wave
from importlib.resources import files
from pathlib import Path

import pytest

from tahuri.telephony.media import recorder
from tahuri.telephony.media.protocol import MediaError, MediaRefused, RecordingFailed
from tahuri.telephony.media.recorder import BLOCKS_MAX, File, Writer, header

BLOCK = b"\1\0\2\0" * 8000


def test_the_file_is_playable_after_every_block(tmp_path: Path) -> None:
    """A process that is killed in mid-call leaves what was said so far."""
    file = File(tmp_path / "a" / "b.wav")
    for seconds in (1, 2, 3):
        assert file.append(BLOCK)
        with wave.open(str(file.path)) as heard:
            form = (heard.getnchannels(), heard.getframerate(), heard.getsampwidth())
            assert form == (2, 8000, 2)
            assert heard.getnframes() == 8000 * seconds
    file.close()


def test_the_answer_of_a_close_describes_the_bytes_on_the_disk(tmp_path: Path) -> None:
    """The digest goes into the log and must prove the file years later."""
    file = File(tmp_path / "b.wav")
    file.append(BLOCK)
    closed = file.close()
    content = file.path.read_bytes()
    assert closed.sha256 == hashlib.sha256(content).hexdigest()
    assert (closed.bytes, closed.duration_s, closed.fault) == (len(content), 1.0, None)
    assert file.path.stat().st_mode & 0o777 == 0o600


def test_an_existing_file_is_never_touched(tmp_path: Path) -> None:
    """Two recordings in one file would be no evidence of either."""
    (tmp_path / "b.wav").write_bytes(b"evidence")
    with pytest.raises(FileExistsError):
        File(tmp_path / "b.wav")
    assert (tmp_path / "b.wav").read_bytes() == b"evidence"


def test_a_disk_that_refuses_is_told_once_and_the_file_stays_whole(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What was said before the disk was full must still be playable."""
    file = File(tmp_path / "b.wav")
    file.append(BLOCK)
    write = os.pwrite

    def half(number: int, content: bytes, at: int) -> int:
        if at == 44 + len(BLOCK):
            return write(number, content[:1000], at)
        if at > 44 + len(BLOCK):
            raise OSError(28, "No space left on device")
        return write(number, content, at)

    monkeypatch.setattr(os, "pwrite", half)
    assert not file.append(BLOCK)
    assert file.append(BLOCK), "told once"
    closed = file.close()
    assert closed.fault == "No space left on device"
    assert closed.duration_s == 1.0
    assert file.path.stat().st_size == closed.bytes == 44 + len(BLOCK)


def test_a_disk_without_room_even_for_the_header_leaves_a_recording_that_can_be_proved(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """btrfs writes beside a block, not over it: when it is full, nothing that is there can be
    changed.  Given such a disk; then what lies there has its digest all the same."""
    file = File(tmp_path / "b.wav")
    file.append(BLOCK)

    def refuse(*_: object) -> int:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "pwrite", refuse)
    monkeypatch.setattr(os, "ftruncate", refuse)
    assert not file.append(BLOCK)
    closed = file.close()
    content = file.path.read_bytes()
    assert closed.fault == "No space left on device"
    assert (closed.sha256, closed.bytes) == (hashlib.sha256(content).hexdigest(), len(content))


def test_a_disk_that_fails_at_the_close_is_told(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A recording that may not be on the disk must not be called closed without a fault."""
    file = File(tmp_path / "b.wav")

    def refuse(number: int) -> None:
        raise OSError(5, "Input/output error")

    monkeypatch.setattr(os, "fsync", refuse)
    closed = file.close()
    assert closed.fault == "Input/output error"
    assert closed.sha256 == ""


def test_a_disk_without_room_for_the_header_refuses_the_recording(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Nothing half made may lie there, so that trying again can work."""

    def refuse(number: int, content: bytes, at: int) -> int:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "pwrite", refuse)
    with pytest.raises(OSError, match="space"):
        File(tmp_path / "b.wav")
    assert list(tmp_path.iterdir()) == []


def test_a_disk_that_fails_after_the_close_is_told(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A network's disk may say only then that it has no room; nobody's fault may be an exception
    that nobody hears."""
    file = File(tmp_path / "b.wav")
    close = os.close

    def refuse(number: int) -> None:
        close(number)
        if number == file._file:
            raise OSError(122, "Disk quota exceeded")

    monkeypatch.setattr(os, "close", refuse)
    assert file.close().fault == "Disk quota exceeded"


async def test_a_bug_in_one_recording_costs_no_other(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """One thread writes everybody's: it must outlive whatever one of them meets."""
    failed: list[RecordingFailed] = []
    writer = Writer(lambda *told: failed.append(RecordingFailed(*told)))
    one, other = await writer.open(tmp_path / "1.wav"), await writer.open(tmp_path / "2.wav")
    write = os.pwrite

    def raises(number: int, content: bytes, at: int) -> int:
        if number == one._file and at:
            raise MemoryError
        return write(number, content, at)

    monkeypatch.setattr(os, "pwrite", raises)
    writer.append(one, 1, BLOCK)
    writer.append(other, 2, BLOCK)
    assert (await writer.close(other)).duration_s == 1.0
    assert (await writer.close(one)).fault == "MemoryError"
    assert [(each.recording, each.error) for each in failed] == [(1, "MemoryError")]
    await writer.stop()


async def test_a_recording_that_nobody_waits_for_does_not_begin(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Given a disk so slow that the switch has given up, or died; when the file is there; then it
    is removed: nobody would ever stop that recording, and it would fill the disk."""
    writer = Writer(lambda *_: None)
    monkeypatch.setattr(recorder, "PATIENCE_S", -1.0)
    with pytest.raises(MediaRefused) as refused:
        await writer.open(tmp_path / "late.wav")
    assert refused.value.code is MediaError.BAD_FILE
    held = threading.Event()
    writer._jobs.put(lambda: (held.wait(), None)[1])
    asking = asyncio.create_task(writer.open(tmp_path / "unheard.wav"))
    await asyncio.sleep(0)
    asking.cancel()
    await asyncio.gather(asking, return_exceptions=True)
    held.set()
    await writer._done(lambda: None)
    await asyncio.sleep(0)
    await writer.stop()
    assert list(tmp_path.iterdir()) == []


def test_the_header_of_a_very_long_recording_does_not_overflow() -> None:
    """Somebody forgets to hang up over a long weekend."""
    assert len(header(1 << 33)) == 44


async def test_the_writer_opens_writes_and_closes_in_order(tmp_path: Path) -> None:
    """Blocks handed over before the close are in the file."""
    writer = Writer(lambda *_: None)
    file = await writer.open(tmp_path / "b.wav")
    for _ in range(3):
        writer.append(file, 1, BLOCK)
    assert (await writer.close(file)).duration_s == 3.0
    with pytest.raises(MediaRefused) as refused:
        await writer.open(tmp_path / "b.wav")
    assert refused.value.code is MediaError.BAD_FILE
    await writer.stop()


async def test_no_caller_waits_while_a_long_recording_is_closed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A call is answered when its recording runs: an hour of sound that is synced and read on a
    busy disk must not keep the next caller waiting, nor take the second recording.

    Given a recording whose close takes long; then others are begun, written, and all are closed.
    """
    writer = Writer(lambda *_: None)
    long = await writer.open(tmp_path / "long.wav")
    writer.append(long, 1, BLOCK)
    held, sync = threading.Event(), os.fsync

    def slow(number: int) -> None:
        if number == long._file:
            held.wait()
        sync(number)

    monkeypatch.setattr(os, "fsync", slow)
    closing = asyncio.create_task(writer.close(long))
    try:
        async with asyncio.timeout(20):
            await asyncio.sleep(0)
            other = await writer.open(tmp_path / "other.wav")
            writer.append(other, 2, BLOCK)
            await writer._done(lambda: None)
        assert other.path.stat().st_size == 44 + len(BLOCK)
        assert not closing.done()
    finally:
        held.set()
    assert (await closing).duration_s == (await writer.close(other)).duration_s == 1.0
    await writer.stop()


async def test_a_full_disk_has_its_own_code(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The switch answers the call all the same and raises the alarm."""

    def refuse(number: int, content: bytes, at: int) -> int:
        raise OSError(28, "No space left on device")

    writer = Writer(lambda *_: None)
    monkeypatch.setattr(os, "pwrite", refuse)
    with pytest.raises(MediaRefused) as refused:
        await writer.open(tmp_path / "b.wav")
    assert refused.value.code is MediaError.DISK_FULL
    await writer.stop()


async def test_a_disk_that_falls_behind_fails_the_recording_once(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Memory is finite: a disk that hangs must not take the calls with it."""
    failed: list[RecordingFailed] = []
    writer = Writer(lambda *told: failed.append(RecordingFailed(*told)))
    file = await writer.open(tmp_path / "b.wav")
    monkeypatch.setattr(writer._jobs, "qsize", lambda: BLOCKS_MAX)
    writer.append(file, 4, BLOCK)
    writer.append(file, 4, BLOCK)
    assert [one.recording for one in failed] == [4]
    assert (await writer.close(file)).fault == "the disk is too slow"
    await writer.stop()


def test_the_notice_that_is_shipped_is_short() -> None:
    """A caller in distress is talked at for 5 s at most; the queue tone follows."""
    with wave.open(str(files("tahuri.telephony") / "prompts/notice.wav")) as notice:
        assert (notice.getframerate(), notice.getnchannels()) == (8000, 1)
        assert 1 < notice.getnframes() / notice.getframerate() <= 5
