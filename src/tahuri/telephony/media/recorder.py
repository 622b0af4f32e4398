"""Recordings on the disk: two channels, 8 kHz, 16 bit; one thread writes them all, one closes.

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

from tahuri.kernel.clock import monotonic_s
from tahuri.telephony.media.clockwork import WRITING_PRIORITY, realtime
from tahuri.telephony.media.protocol import MediaError, MediaRefused, RecordingClosed
from tahuri.telephony.media.rtp import CLOCK_HZ
from tahuri.telephony.rpc import CALL_TIMEOUT_S

CHANNELS: Final = 2
FRAME_BYTES: Final = 2 * CHANNELS
HEADER_BYTES: Final = 44
BLOCKS_MAX: Final = 4096
"""Blocks of a second that may wait for the disk: 40 s of a hundred calls."""
HASH_BLOCK_BYTES: Final = 1 << 20
PATIENCE_S: Final = CALL_TIMEOUT_S - 1
"""Whoever asked for a recording has given up soon after: one that begins later is nobody's, and
would run for ever."""

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
        except Exception as error:  # the thread must live: it writes everybody's recordings
            self.fail(_word(error))
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
            self.fail(_word(error))
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
            self.fail(_word(error))
        try:
            os.close(self._file)
        except OSError as error:  # a network's disk tells here what it could not take before
            self.fail(_word(error))
        seconds = self._bytes / FRAME_BYTES / CLOCK_HZ
        return RecordingClosed(str(self.path), digest, seconds, size, self.fault)

    def discard(self) -> None:
        """Remove a file in which nothing is and that nobody waits for any more."""
        with contextlib.suppress(OSError):
            os.close(self._file)
        with contextlib.suppress(OSError):
            self.path.unlink()

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


def _word(error: Exception) -> str:
    """What the system calls it."""
    if isinstance(error, OSError):
        return os.strerror(error.errno or errno.EIO)
    return type(error).__name__


class _Block(Struct, frozen=True):
    file: File
    recording: int
    samples: bytes


_Job = Callable[[], None] | _Block | None


class Writer:
    """The threads that write and close.  To be made and used in a running event loop.

    Args:
        on_failed: called in the loop, once a recording, with (recording, path, error).
    """

    def __init__(self, on_failed: Callable[[int, str, str], None]) -> None:
        self._on_failed = on_failed
        self._loop = asyncio.get_running_loop()
        self._jobs: queue.Queue[_Job] = queue.Queue()
        self._closings: queue.Queue[_Job] = queue.Queue()
        self._thread = self._begun("recorder", self._jobs)
        self._closer = self._begun("recordings closer", self._closings)

    async def open(self, path: Path) -> File:
        """Make a file with an empty header.

        Raises MediaRefused ``disk-full``, or ``bad-file`` (taken, not allowed, no folder, or made
        only when nobody waited for it any more).
        """
        asked_s = monotonic_s()
        try:
            file = await self._done(lambda: File(path), File.discard)
        except OSError as error:
            full = error.errno in (errno.ENOSPC, errno.EDQUOT)
            code = MediaError.DISK_FULL if full else MediaError.BAD_FILE
            raise MediaRefused(code, _word(error)) from error
        if monotonic_s() - asked_s > PATIENCE_S:
            self._jobs.put(file.discard)
            raise MediaRefused(MediaError.BAD_FILE, "the disk is too slow")
        return file

    def append(self, file: File, recording: int, samples: bytes) -> None:
        """Hand a block over; never waits.  A disk that fell too far behind has failed."""
        if self._jobs.qsize() >= BLOCKS_MAX:
            if file.fault is None:
                file.fail("the disk is too slow")
                self._on_failed(recording, str(file.path), "the disk is too slow")
            return
        self._jobs.put(_Block(file, recording, samples))

    async def close(self, file: File) -> RecordingClosed:
        """Close after all that was handed over before is written.

        Syncing and reading an hour of sound takes its time, in which callers wait for an answer,
        and no answer is given before a recording has begun: so another thread does that.
        """
        await self._done(lambda: None)
        return await self._done(file.close, jobs=self._closings)

    async def stop(self) -> None:
        """Write what was handed over, close what is to be closed, and end the threads."""
        for jobs, thread in ((self._jobs, self._thread), (self._closings, self._closer)):
            jobs.put(None)
            await asyncio.to_thread(thread.join)

    async def _done(
        self,
        job: Callable[[], Result],
        unheard: Callable[[Result], None] | None = None,
        jobs: "queue.Queue[_Job] | None" = None,
    ) -> Result:
        """Do it in a thread.

        Args:
            unheard: done by the writing one with the result when the asking was cancelled
                meanwhile.
            jobs: of the thread; None: of the one that writes.
        """
        future: asyncio.Future[Result] = self._loop.create_future()

        def settle(error: Exception | None, result: Result | None) -> None:
            if future.done():
                if unheard is not None and result is not None:
                    self._jobs.put(lambda: unheard(result))
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

        (jobs or self._jobs).put(run)
        return await future

    def _begun(self, name: str, jobs: "queue.Queue[_Job]") -> threading.Thread:
        thread = threading.Thread(target=self._run, args=(jobs,), name=name, daemon=True)
        thread.start()
        return thread

    def _run(self, jobs: "queue.Queue[_Job]") -> None:
        if os.sched_getscheduler(0) == os.SCHED_RR:  # inherited from the mixing
            realtime(WRITING_PRIORITY)
        while (job := jobs.get()) is not None:
            if not isinstance(job, _Block):
                job()
            elif not job.file.append(job.samples):
                told = (job.recording, str(job.file.path), job.file.fault or "")
                self._loop.call_soon_threadsafe(self._on_failed, *told)
