"""Sounds to send and to measure: make tones, write and read WAV, and see which tones are there.

Samples are int16, 8 kHz, mono unless said otherwise.  0 dBFS is a sine that reaches full scale.
"""

import struct
import wave
from collections.abc import Iterable, Sequence
from pathlib import Path

import numpy as np
import numpy.typing as npt

Samples = npt.NDArray[np.int16]
RATE_HZ = 8000
LEVEL_DBFS = -12.0
WINDOW_S = 0.4
"""Length of one window of measurement."""
NOTHING_DBFS = -120.0
"""What the level of silence is called."""


def tone(
    frequencies_hz: float | Iterable[float],
    seconds: float,
    rate_hz: int = RATE_HZ,
    level_dbfs: float = LEVEL_DBFS,
) -> Samples:
    """A sum of sines, each at the level given."""
    several = [frequencies_hz] if isinstance(frequencies_hz, int | float) else frequencies_hz
    moments = np.arange(round(seconds * rate_hz)) / rate_hz
    amplitude = 32767 * 10 ** (level_dbfs / 20)
    total = sum((np.sin(2 * np.pi * f * moments) for f in several), np.zeros(len(moments)))
    return np.clip(np.rint(amplitude * total), -32768, 32767).astype(np.int16)


def silence(seconds: float, rate_hz: int = RATE_HZ) -> Samples:
    """Digital silence."""
    return np.zeros(round(seconds * rate_hz), np.int16)


def write_wav(path: Path, samples: Samples, rate_hz: int = RATE_HZ) -> Path:
    """A 16-bit WAV; samples of shape (n,) are mono, (n, channels) interleaved.  Returns path."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with wave.open(str(path), "wb") as file:
        file.setnchannels(1 if samples.ndim == 1 else samples.shape[1])
        file.setsampwidth(2)
        file.setframerate(rate_hz)
        file.writeframes(np.ascontiguousarray(samples, "<i2").tobytes())
    return path


def tone_wav(
    path: Path,
    frequencies_hz: float | Iterable[float],
    seconds: float,
    rate_hz: int = RATE_HZ,
    level_dbfs: float = LEVEL_DBFS,
) -> Path:
    """A mono WAV of the tones.  Returns path."""
    return write_wav(path, tone(frequencies_hz, seconds, rate_hz, level_dbfs), rate_hz)


def read_wav(path: Path) -> tuple[int, Samples]:
    """(rate in Hz, samples of shape (n, channels)) of a 16-bit WAV.

    Reads to the end of the file, whatever the header says of its length: a recording that is
    still written, or whose writer was killed, is read too.
    """
    content = path.read_bytes()
    channels = struct.unpack_from("<H", content, 22)[0]
    rate_hz = struct.unpack_from("<I", content, 24)[0]
    start = content.index(b"data") + 8
    count = (len(content) - start) // (2 * channels)
    samples = np.frombuffer(content, "<i2", count * channels, start)
    return rate_hz, samples.reshape(-1, channels).astype(np.int16)


def levels(
    samples: npt.ArrayLike, frequencies_hz: Sequence[float], rate_hz: int = RATE_HZ
) -> dict[float, float]:
    """Level of each frequency in dBFS: the median over windows of 0.4 s.

    The median makes one glitch harmless.  A slice shorter than a window is one window.
    Resolution is about 10 Hz, leakage of a tone 100 Hz away below -70 dB.
    """
    heard = np.asarray(samples, dtype=np.float64).reshape(-1)
    length = min(round(WINDOW_S * rate_hz), len(heard))
    if length == 0:
        return dict.fromkeys(frequencies_hz, NOTHING_DBFS)
    count = len(heard) // length
    windows = heard[: count * length].reshape(count, length) * np.hanning(length)
    moments = np.arange(length) / rate_hz
    scale = 2 / np.hanning(length).sum() / 32768
    found: dict[float, float] = {}
    for frequency in frequencies_hz:
        amplitude = abs(windows @ np.exp(-2j * np.pi * frequency * moments)) * scale
        decibels = 20 * np.log10(np.maximum(amplitude, 10 ** (NOTHING_DBFS / 20)))
        found[frequency] = round(float(np.median(decibels)), 1)
    return found


def wav_levels(
    path: Path,
    frequencies_hz: Sequence[float],
    channel: int = 0,
    start_s: float = 0.0,
    end_s: float | None = None,
) -> dict[float, float]:
    """Level of each frequency in dBFS in one channel of a slice of a WAV.

    ``start_s`` may be negative: that many seconds before the end.
    """
    rate_hz, samples = read_wav(path)
    start = round(start_s * rate_hz)
    end = None if end_s is None else round(end_s * rate_hz)
    return levels(samples[start:end, channel], frequencies_hz, rate_hz)
