"""Jitter buffers of all legs, as rows of one array.  Pure: no socket, no clock.

A row is a ring of samples addressed by RTP timestamp.  Each tick reads one frame of 20 ms from
every row that has begun.  How far the reading point lags behind arrivals is the delay: it begins
at no more than one frame, grows at once by whole frames when a packet comes too late (so its
audio is delayed, not lost), and shrinks again when a few seconds show that it was not needed: in
silence all at once, in speech one frame at a time with a cross-fade.
"""

from typing import Final

import numpy as np
import numpy.typing as npt

from tahuri.telephony.media.protocol import MediaError, MediaRefused
from tahuri.telephony.media.rtp import difference

FRAME: Final = 160
"""Samples in 20 ms."""
FRAME_S: Final = 0.02
RING: Final = 8192
"""Samples of one row: 1.024 s; a power of two."""
ROWS_MAX: Final = 1024
DELAY_MAX: Final = 10 * FRAME
"""The buffer grows to at most 200 ms; what is later starts the stream anew."""
AHEAD_MAX: Final = RING - 4 * FRAME
GUARD_S: Final = 0.004
"""A packet should be here this long before the tick that needs it."""
FIRST_SLACK_S: Final = 0.010
"""A first packet nearer to the tick than this is held for one frame more."""
WINDOW_TICKS: Final = 50
WINDOWS: Final = 3
"""Seconds for which less delay must have been enough before it is taken away."""
SILENCE_PEAK: Final = 400
"""A frame whose peak is below this (-38 dBFS) can be left out unheard."""
FADE_STEP: Final = 0.35
"""Concealment loses this much of its loudness each frame: three frames, then silence."""

_MISSING = np.int16(-32768)  # never decoded from G.711
_PLENTY_S = 1e9
_RAMP = np.arange(FRAME, dtype=np.float32) / FRAME

Rows = npt.NDArray[np.intp]
Frames = npt.NDArray[np.float32]
"""Shape (rows, 160), in units of int16."""


class JitterBuffers:
    """Rows for at most `ROWS_MAX` streams."""

    def __init__(self) -> None:
        self._ring = np.empty((ROWS_MAX, RING), np.int16)
        self._read = np.zeros(ROWS_MAX, np.int64)
        self._newest = np.zeros(ROWS_MAX, np.int64)
        self._base = [0] * ROWS_MAX
        self._begun = [False] * ROWS_MAX
        self._last = np.zeros((ROWS_MAX, FRAME), np.float32)
        self._concealed = np.zeros(ROWS_MAX, np.int32)
        self._slack = [_PLENTY_S] * ROWS_MAX
        self._before: list[list[float]] = [[] for _ in range(ROWS_MAX)]
        self._excess: dict[int, int] = {}
        self._free = list(range(ROWS_MAX - 1, -1, -1))
        self._ticks = 0

    def add(self) -> int:
        """A row that has heard nothing yet.  Raises MediaRefused ``ports-exhausted``."""
        if not self._free:
            raise MediaRefused(MediaError.PORTS_EXHAUSTED, f"{ROWS_MAX} streams are open")
        row = self._free.pop()
        self.restart(row)
        self._last[row] = 0
        return row

    def remove(self, row: int) -> None:
        self._excess.pop(row, None)
        self._free.append(row)

    def restart(self, row: int) -> None:
        """The next packet begins the stream anew (first packet, other SSRC, jump)."""
        self._begun[row] = False
        self._ring[row] = _MISSING
        self._concealed[row] = 0
        self._slack[row] = _PLENTY_S
        self._before[row] = []
        self._excess.pop(row, None)

    def begun(self, row: int) -> bool:
        """Whether the row has a reading point; only such rows may be read."""
        return self._begun[row]

    def delay_samples(self, row: int) -> int:
        """Samples that wait in the row, ≥ 0."""
        if not self._begun[row]:
            return 0
        return max(0, int(self._newest[row] - self._read[row]))

    def write(
        self, row: int, timestamp: int, samples: npt.NDArray[np.int16], until_tick_s: float
    ) -> bool:
        """Put a packet's samples where their timestamp says.

        Args:
            timestamp: RTP timestamp of the first sample.
            samples: at most `AHEAD_MAX`, none equal to -32768.
            until_tick_s: time left until the next tick reads; may be negative.

        Returns:
            False if it came too late to be heard in full.
        """
        length = len(samples)
        if not self._begun[row]:
            self._begin(row, timestamp, until_tick_s)
        position = int(self._newest[row]) + difference(
            timestamp, (self._base[row] + int(self._newest[row])) & 0xFFFFFFFF, 32
        )
        margin = position - int(self._read[row])
        if margin < -DELAY_MAX or margin + length > AHEAD_MAX:
            self.restart(row)
            self._begin(row, timestamp, until_tick_s)
            position, margin = 0, -int(self._read[row])
        in_time = margin >= 0
        if not in_time:
            margin = self._grow(row, margin)
        slack = until_tick_s + FRAME_S * (margin // FRAME)
        self._slack[row] = min(self._slack[row], slack)
        self._put(row, position, samples, max(0, -margin))
        self._newest[row] = max(int(self._newest[row]), position + length)
        return in_time

    def _begin(self, row: int, timestamp: int, until_tick_s: float) -> None:
        self._base[row] = timestamp
        self._newest[row] = 0
        self._read[row] = 0 if until_tick_s >= FIRST_SLACK_S else -FRAME
        self._begun[row] = True

    def _grow(self, row: int, margin: int) -> int:
        """Read later by as many whole frames as make this packet heard.  Returns its margin."""
        frames = -(margin // FRAME)
        if self.delay_samples(row) + frames * FRAME > DELAY_MAX:
            return margin
        self._read[row] -= frames * FRAME
        self._excess.pop(row, None)
        return margin + frames * FRAME

    def _put(
        self, row: int, position: int, samples: npt.NDArray[np.int16], already_read: int
    ) -> None:
        kept = samples[already_read:]
        start = (position + already_read) % RING
        head = min(len(kept), RING - start)
        self._ring[row, start : start + head] = kept[:head]
        self._ring[row, : len(kept) - head] = kept[head:]

    def read(self, rows: Rows) -> Frames:
        """The next frame of each row; gaps are concealed.  All rows must have begun.

        Once a tick, with all begun rows: this is also what moves time on.
        """
        self._ticks += 1
        if self._ticks % WINDOW_TICKS == 0:
            for row in rows.tolist():
                self._judge(row)
        for row in [row for row in self._excess if self._begun[row]]:
            self._shrink(row)
        indices = (self._read[rows][:, None] + np.arange(FRAME)) % RING
        raw = self._ring[rows[:, None], indices]
        self._ring[rows[:, None], indices] = _MISSING
        self._read[rows] += FRAME
        frames: Frames = raw.astype(np.float32)
        missing = raw == _MISSING
        holed = missing.any(axis=1)
        if holed.any():
            hurt = rows[holed]
            self._concealed[hurt] += 1
            loudness = np.maximum(0, 1 - FADE_STEP * self._concealed[hurt])[:, None]
            frames[holed] = np.where(missing[holed], self._last[hurt] * loudness, frames[holed])
        whole = rows[~holed]
        self._concealed[whole] = 0
        self._last[whole] = frames[~holed]
        return frames

    def _judge(self, row: int) -> None:
        """Once a second: how many frames of delay did the last seconds not need?"""
        if self._slack[row] < _PLENTY_S:
            self._before[row] = [*self._before[row][1 - WINDOWS :], self._slack[row]]
        self._slack[row] = _PLENTY_S
        if len(self._before[row]) < WINDOWS:
            return
        excess = int((min(self._before[row]) - GUARD_S) // FRAME_S)
        if excess > 0:
            self._excess[row] = excess

    def _shrink(self, row: int) -> None:
        """Leave out delay that was not needed: everything in silence, else one faded frame."""
        excess = self._excess[row]
        start = int(self._read[row])
        indices = np.arange(start, start + (excess + 1) * FRAME) % RING
        waiting = self._ring[row, indices]
        if (waiting[: 2 * FRAME] == _MISSING).any():
            return  # nothing waits yet; what is missing needs no leaving out
        silent = int(np.abs(waiting[waiting != _MISSING]).max()) < SILENCE_PEAK
        frames = excess if silent else 1
        self._ring[row, indices[: frames * FRAME]] = _MISSING
        if not silent:
            old = waiting[:FRAME].astype(np.float32)
            new = waiting[FRAME : 2 * FRAME].astype(np.float32)
            self._ring[row, indices[FRAME : 2 * FRAME]] = old + (new - old) * _RAMP
        self._read[row] += frames * FRAME
        self._before[row] = [slack - frames * FRAME_S for slack in self._before[row]]
        del self._excess[row]
