"""Sound for packets that never came: a voice goes on as it was, and fades.  Pure.

The idea is that of ITU-T G.711, Appendix I, from its description: find the pitch of the last
20 ms, repeat the last period, fade, and cross over into what comes next.  Unlike there nothing
is delayed for it.
"""

from typing import Final

import numpy as np
import numpy.typing as npt

FRAME: Final = 160
"""Samples in 20 ms."""
HISTORY_FRAMES: Final = 3
"""Frames that must be known: the longest period twice, and the stretch that is compared."""
PITCH_MIN, PITCH_MAX = 40, 120
"""Periods of 5 to 15 ms: voices of 66 to 200 Hz; higher ones are found at a multiple."""
COMPARED: Final = 160
JOIN: Final = 32
"""Samples of the cross-over, 4 ms."""
FADED_FRAMES: Final = 3
"""After 60 ms there is silence: a voice that goes on longer becomes a buzz."""

Samples = npt.NDArray[np.float32]
_LAGS = np.arange(PITCH_MIN, PITCH_MAX + 1)
_SHIFTED = np.arange(COMPARED)[None, :] - _LAGS[:, None] + HISTORY_FRAMES * FRAME - COMPARED
_STEPS = np.arange(FRAME)
_SLOPES = [
    np.linspace(1, 1, FRAME, dtype=np.float32),
    np.linspace(1, 0.55, FRAME, dtype=np.float32),
    np.linspace(0.55, 0, FRAME, dtype=np.float32),
]


def pitch(past: Samples) -> int:
    """Period of what was heard last.

    Args:
        past: shape (480,), oldest first.

    Returns:
        Samples, PITCH_MIN to PITCH_MAX; of sound without a pitch the lag that fits best.
    """
    recent = past[-COMPARED:]
    shifted = past[_SHIFTED]
    alike = np.einsum("ij,j->i", shifted, recent)
    energy = np.sqrt(np.einsum("ij,ij->i", shifted, shifted)) + 1
    score = alike / energy
    best = int(score.argmax())
    return int(_LAGS[best])


def extended(past: Samples, period: int) -> Samples:
    """The next 20 ms, at full loudness: the last period again and again.

    Its end is crossed with what came before its beginning, so that no turn clicks.
    """
    cycle = past[-period:].copy()
    soft = period // 4
    before = past[-period - soft : -period]
    slope = np.arange(1, soft + 1, dtype=np.float32) / (soft + 1)
    cycle[-soft:] += (before - cycle[-soft:]) * slope
    samples: Samples = cycle[_STEPS % period]
    return samples


def faded(age: int) -> Samples:
    """Loudness over a frame, 1 to 0, shape (160,); ``age``: frames concealed before it."""
    return _SLOPES[age] if age < FADED_FRAMES else np.zeros(FRAME, np.float32)
