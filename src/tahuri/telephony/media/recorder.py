"""Recordings on the disk: two channels, 8 kHz, 16 bit, one thread that writes them all.

The file is playable at every moment: samples are appended first, then the header learns of them.
A disk that refuses costs the recording, never the call: the fault is told once and again at the
close.  Nothing here may wait in the thread that mixes.
"""

import asyncio
import contextlib
import errno
import hashlib
import os
import queue
import struct
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Final, TypeVar

from msgspec import Struct

from tahuri.telephony.media.clockwork import WRITING_PRIORITY, realtime
from tahuri.telephony.media.protocol import MediaError, MediaRefused, RecordingClosed
from tahuri.telephony.media.rtp import CLOCK_HZ

CHANNELS: Final = 2
FRAME_BYTES: Final = 2 * CHANNELS
HEADER_BYTES: Final = 44
BLOCKS_MAX: Final = 4096
"""Blocks of a second that may wait for the disk: 40 s of a hundred calls."""
HASH_BLOCK_BYTES: Final = 1 << 20

Result = TypeVar("Result")


def header(data_bytes: int) -> bytes:
    """The 44 bytes before the samples of a two-channel recording."""
    size = min(data_bytes, 0xFFFFFFFF - 36)
    rate = CLOCK_HZ * FRAME_BYTES
    form = struct.pack("<IHHIIHH", 16, 1, CHANNELS, CLOCK_HZ, rate, FRAME_BYTES, 16)
    chunks = b"WAVEfmt " + form + b"data" + struct.pack("<I", size)
    return b"RIFF" + struct.pack("<I", 36 + size) + chunks


class File:
    """One WAV.  Every method may take as long as the disk does.

    Raises OSError from the constructor when the file cannot be made; later methods remember the
    first fault instead and write no more.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self.fault: str | None = None
        self._bytes = 0
        path.parent.mkdir(parents=True, exist_ok=True)
        self._file = os.open(path, os.O_CREAT | os.O_EXCL | os.O_RDWR, 0o600)
        try:
            self._put(header(0), 0)
        except OSError:
            os.close(self._file)
            with contextlib.suppress(OSError):
                path.unlink()
            raise

    def append(self, samples: bytes) -> bool:
        """Add interleaved samples.  False if this is the moment at which the disk refused."""
        if self.fault is not None:
            return True
        try:
            self._put(samples, HEADER_BYTES + self._bytes)
            self._bytes += len(samples)
            self._put(header(self._bytes), 0)
        except OSError as error:
            self.fail(os.strerror(error.errno or errno.EIO))
            return False
        return True

    def fail(self, fault: str) -> None:
        """Write no more and remember why."""
        self.fault = self.fault or fault

    def close(self) -> RecordingClosed:
        """Bring all to the disk and say what lies there.  Only once."""
        digest, size = "", HEADER_BYTES + self._bytes
        try:
            os.ftruncate(self._file, size)
            self._put(header(self._bytes), 0)
        except OSError as error:  # full, where what is there is not written over but beside it
            self.fail(os.strerror(error.errno or errno.EIO))
        try:
            size = os.fstat(self._file).st_size
            os.fsync(self._file)
            digest = self._digest()
            folder = os.open(self.path.parent, os.O_RDONLY)
            try:
                os.fsync(folder)
            finally:
                os.close(folder)
        except OSError as error:
            self.fail(os.strerror(error.errno or errno.EIO))
        finally:
            os.close(self._file)
        seconds = self._bytes / FRAME_BYTES / CLOCK_HZ
        return RecordingClosed(str(self.path), digest, seconds, size, self.fault)

    def _put(self, content: bytes, at: int) -> None:
        view = memoryview(content)
        while view:
            written = os.pwrite(self._file, view, at)
            view, at = view[written:], at + written

    def _digest(self) -> str:
        digest = hashlib.sha256()
        at = 0
        while block := os.pread(self._file, HASH_BLOCK_BYTES, at):
            digest.update(block)
            at += len(block)
        return digest.hexdigest()


class _Block(Struct, frozen=True):
    file: File
    recording: int
    samples: bytes


_Job = Callable[[], None] | _Block | None


class Writer:
    """The thread that writes.  To be made and used in a running event loop.

    Args:
        on_failed: called in the loop, once a recording, with (recording, path, error).
    """

    def __init__(self, on_failed: Callable[[int, str, str], None]) -> None:
        self._on_failed = on_failed
        self._loop = asyncio.get_running_loop()
        self._jobs: queue.Queue[_Job] = queue.Queue()
        self._thread = threading.Thread(target=self._run, name="recorder", daemon=True)
        self._thread.start()

    async def open(self, path: Path) -> File:
        """Make a file with an empty header.

        Raises MediaRefused ``disk-full``, or ``bad-file`` (taken, not allowed, no folder).
        """
        try:
            return await self._done(lambda: File(path))
        except OSError as error:
            full = error.errno in (errno.ENOSPC, errno.EDQUOT)
            code = MediaError.DISK_FULL if full else MediaError.BAD_FILE
            raise MediaRefused(code, os.strerror(error.errno or errno.EIO)) from error

    def append(self, file: File, recording: int, samples: bytes) -> None:
        """Hand a block over; never waits.  A disk that fell too far behind has failed."""
        if self._jobs.qsize() >= BLOCKS_MAX:
            if file.fault is None:
                file.fail("the disk is too slow")
                self._on_failed(recording, str(file.path), "the disk is too slow")
            return
        self._jobs.put(_Block(file, recording, samples))

    async def close(self, file: File) -> RecordingClosed:
        """Close after all that was handed over before is written."""
        return await self._done(file.close)

    async def stop(self) -> None:
        """Write what was handed over and end the thread."""
        self._jobs.put(None)
        await asyncio.to_thread(self._thread.join)

    async def _done(self, job: Callable[[], Result]) -> Result:
        future: asyncio.Future[Result] = self._loop.create_future()

        def settle(error: Exception | None, result: Result | None) -> None:
            if future.done():
                return
            if error is not None:
                future.set_exception(error)
            else:
                future.set_result(result)  # type: ignore[arg-type]

        def run() -> None:
            try:
                result = job()
            except Exception as error:
                self._loop.call_soon_threadsafe(settle, error, None)
            else:
                self._loop.call_soon_threadsafe(settle, None, result)

        self._jobs.put(run)
        return await future

    def _run(self) -> None:
        if os.sched_getscheduler(0) == os.SCHED_RR:  # inherited from the mixing
            realtime(WRITING_PRIORITY)
        while (job := self._jobs.get()) is not None:
            if not isinstance(job, _Block):
                job()
            elif not job.file.append(job.samples):
                told = (job.recording, str(job.file.path), job.file.fault or "")
                self._loop.call_soon_threadsafe(self._on_failed, *told)
