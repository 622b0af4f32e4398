"""Sound files for announcements: 8 kHz, mono, 16 bit; read once and kept."""

import asyncio
import wave
from pathlib import Path
from typing import Final

import numpy as np
import numpy.typing as npt

from tahuri.telephony.media.protocol import MediaError, MediaRefused
from tahuri.telephony.media.rtp import CLOCK_HZ

SOUND_S_MAX: Final = 600
SOUNDS_MAX: Final = 64
"""Files kept; the one longest in memory makes room."""

Sound = npt.NDArray[np.float32]


def read(path: Path) -> Sound:
    """Samples of a WAV in units of int16, shape (n,), n ≥ 1.  Raises MediaRefused ``bad-file``."""
    try:
        with wave.open(str(path), "rb") as file:
            form = (file.getframerate(), file.getnchannels(), file.getsampwidth())
            if form != (CLOCK_HZ, 1, 2):
                raise MediaRefused(MediaError.BAD_FILE, "not 8 kHz, mono, 16 bit")
            content = file.readframes(SOUND_S_MAX * CLOCK_HZ)
    except (OSError, EOFError, wave.Error) as error:
        raise MediaRefused(MediaError.BAD_FILE, str(error)) from error
    if len(content) < 2:
        raise MediaRefused(MediaError.BAD_FILE, "no sound in it")
    return np.frombuffer(content, "<i2", len(content) // 2).astype(np.float32)


class Sounds:
    """Files by path; one that changed on the disk is read again."""

    def __init__(self) -> None:
        self._kept: dict[tuple[str, int, int], Sound] = {}

    async def get(self, path: str) -> Sound:
        """The sound; the disk is read beside the mixing.  Raises MediaRefused ``bad-file``."""
        try:
            status = await asyncio.to_thread(Path(path).stat)
        except (OSError, ValueError) as error:
            raise MediaRefused(MediaError.BAD_FILE, str(error)) from error
        key = (path, status.st_mtime_ns, status.st_size)
        if key not in self._kept:
            sound = await asyncio.to_thread(read, Path(path))
            while len(self._kept) >= SOUNDS_MAX:
                del self._kept[next(iter(self._kept))]
            self._kept[key] = sound
        return self._kept[key]
