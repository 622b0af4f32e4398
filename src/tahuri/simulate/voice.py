"""Speech for callers and the robot: spoken by espeak-ng where it is installed, else recorded."""

import asyncio
import hashlib
import shutil
import wave
from importlib import resources
from pathlib import Path

import numpy as np
import numpy.typing as npt

RATE_HZ = 8000
WORDS_A_MINUTE = 155

Samples = npt.NDArray[np.int16]


def read(file: Path) -> Samples:
    """Samples of a 16-bit mono WAV at 8 kHz or a whole multiple of it near 22,050 Hz.

    Raises:
        ValueError: more than one channel, or not 16 bits.
    """
    with wave.open(str(file)) as content:
        if content.getnchannels() != 1 or content.getsampwidth() != 2:
            raise ValueError(f"{file.name}: 16-bit mono is needed")
        rate = content.getframerate()
        samples = np.frombuffer(content.readframes(content.getnframes()), "<i2")
    if rate == RATE_HZ:
        return samples.astype(np.int16)
    moments = np.arange(0, len(samples) - 1, rate / RATE_HZ)
    resampled: Samples = np.interp(moments, np.arange(len(samples)), samples).astype(np.int16)
    return resampled


class Voice:
    """Says sentences.

    Args:
        cache: folder for spoken sentences.
    """

    def __init__(self, cache: Path) -> None:
        self._cache = cache / "speech"
        self._speaker = shutil.which("espeak-ng")

    async def say(self, text: str, variant: str) -> Samples:
        """The sentence as sound, 8 kHz.

        Args:
            variant: espeak-ng's variant, e.g. ``f2``; recorded prompts know none.
        """
        if self._speaker is None:
            return await asyncio.to_thread(self._recorded, text)
        key = hashlib.sha256(f"{variant} {text}".encode()).hexdigest()[:24]
        file = self._cache / f"{key}.wav"
        if not file.exists():
            self._cache.mkdir(parents=True, exist_ok=True)
            part = file.with_suffix(f".{id(text)}")
            process = await asyncio.create_subprocess_exec(
                self._speaker,
                "-v",
                f"id+{variant}",
                "-s",
                str(WORDS_A_MINUTE),
                "-w",
                str(part),
                text,
            )
            if await process.wait() != 0:
                return await asyncio.to_thread(self._recorded, text)
            part.replace(file)
        return await asyncio.to_thread(read, file)

    def _recorded(self, text: str) -> Samples:
        folder = Path(str(resources.files("tahuri.simulate"))) / "prompts"
        files = sorted(folder.glob("*.wav"))
        digest = hashlib.sha256(text.encode()).digest()
        return read(files[digest[0] % len(files)])
