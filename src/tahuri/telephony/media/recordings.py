"""The recordings of all calls: which run, who is on them, what became of them."""

import asyncio
from collections.abc import Callable
from pathlib import Path
from typing import Final

from tahuri.telephony.media.mixer import Mixed, Mixer, left, right
from tahuri.telephony.media.protocol import (
    AnyEvent,
    HeldRecording,
    MediaError,
    MediaRefused,
    RecordingClosed,
    RecordingFailed,
)
from tahuri.telephony.media.recorder import File, Writer

BLOCK_FRAMES: Final = 50
"""Frames handed to the disk at once: a second; what a killed process may lose."""
CLOSED_KEPT: Final = 256
"""Closed recordings whose answer is kept for one who asks again."""


class _Running:
    def __init__(self, file: File) -> None:
        self.file = file
        self.frames: list[bytes] = []


class Recordings:
    """Opens, fills and closes recordings.  To be made in a running event loop.

    Args:
        mixer: whose matrix the channels are rows of.
        folder: paths must lie in it; None: anywhere.
        tell: called with `RecordingFailed`.
        fresh: gives a number never given before.
    """

    def __init__(
        self,
        mixer: Mixer,
        folder: Path | None,
        tell: Callable[[AnyEvent], None],
        fresh: Callable[[], int],
    ) -> None:
        self._matrix = mixer.matrix
        self._folder = folder
        self._fresh = fresh
        self._writer = Writer(lambda *failed: tell(RecordingFailed(*failed)))
        self._running: dict[int, _Running] = {}
        self._closing: dict[int, asyncio.Task[RecordingClosed]] = {}

    @property
    def running(self) -> list[int]:
        """Recordings that take sound, in the order of the mixer's sinks."""
        return list(self._running)

    def held(self) -> list[HeldRecording]:
        """Recordings that run, with their paths."""
        return [HeldRecording(n, str(one.file.path)) for n, one in self._running.items()]

    async def open(self, path: str) -> int:
        """Begin a recording on which nobody is yet.

        Raises MediaRefused ``bad-file`` or ``disk-full``.
        """
        file = await self._writer.open(self._allowed(path))
        recording = self._fresh()
        self._running[recording] = _Running(file)
        return recording

    def sources(self, recording: int, on_left: list[int], on_right: list[int]) -> None:
        """Put these ports, and no others, on the channels.  Raises ``no-such-port``."""
        if recording not in self._running:
            raise MediaRefused(MediaError.NO_SUCH_PORT, f"recording {recording} does not run")
        for sink, ports in ((left(recording), on_left), (right(recording), on_right)):
            self._matrix.drop(sink)
            for port in ports:
                self._matrix.set(sink, port, 1.0)

    async def close(self, recording: int) -> RecordingClosed:
        """Bring it to the disk; asked again, the same answer.  Raises ``no-such-port``."""
        if recording in self._running:
            self._begin_close(recording)
        if recording not in self._closing:
            raise MediaRefused(MediaError.NO_SUCH_PORT, f"recording {recording} does not run")
        return await asyncio.shield(self._closing[recording])

    def take(self, mixed: Mixed) -> None:
        """The frames of a tick, for the recordings of `running` when the plan was made."""
        for running, frame in zip(self._running.items(), mixed.recorded, strict=True):
            recording, one = running
            one.frames.append(frame.astype("<i2").tobytes())
            if len(one.frames) >= BLOCK_FRAMES:
                self._flush(recording, one)

    async def stop(self) -> None:
        """Close all recordings and end the writer."""
        for recording in self.running:
            self._begin_close(recording)
        await asyncio.gather(*self._closing.values(), return_exceptions=True)
        await self._writer.stop()

    def _begin_close(self, recording: int) -> None:
        one = self._running.pop(recording)
        self._flush(recording, one)
        self._matrix.drop(left(recording))
        self._matrix.drop(right(recording))
        while len(self._closing) >= CLOSED_KEPT:
            del self._closing[next(iter(self._closing))]
        self._closing[recording] = asyncio.create_task(self._writer.close(one.file))

    def _flush(self, recording: int, one: _Running) -> None:
        block = b"".join(one.frames)
        one.frames.clear()
        if block:
            self._writer.append(one.file, recording, block)

    def _allowed(self, path: str) -> Path:
        if self._folder is None:
            return Path(path)
        folder = self._folder.resolve()
        allowed = (folder / path).resolve()
        if not allowed.is_relative_to(folder) or allowed == folder:
            raise MediaRefused(MediaError.BAD_FILE, "outside the folder of recordings")
        return allowed
