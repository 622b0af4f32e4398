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

from tahuri.telephony.media.conceal import (
    FADED_FRAMES,
    HISTORY_FRAMES,
    JOIN,
    PITCH_MAX,
    extended,
    faded,
    pitch,
)
from tahuri.telephony.media.conceal import FRAME as FRAME
from tahuri.telephony.media.protocol import MediaError, MediaRefused
from tahuri.telephony.media.rtp import difference

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
FULL_SCALE: Final = 32124.0
"""The loudest sample of A-law and µ-law: 0 dBov."""
NOISE_SAMPLES: Final = 16000
GAP_FRAMES_MAX: Final = 10
"""A gap longer than 200 ms is a line that pauses or is dead, and is told as such."""

_MISSING = np.int16(-32768)  # never decoded from G.711
_PLENTY_S = 1e9
_JOIN = np.arange(1, JOIN + 1, dtype=np.float32) / (JOIN + 1)
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
        self._past = np.zeros((HISTORY_FRAMES, ROWS_MAX, FRAME), np.float32)
        """The frames read last, each tick in the place of the oldest; concealment at full level."""
        self._concealed = np.zeros(ROWS_MAX, np.int32)
        self._made_up = [0] * ROWS_MAX
        self._pitch = [PITCH_MAX] * ROWS_MAX
        self._slack = [_PLENTY_S] * ROWS_MAX
        self._before: list[list[float]] = [[] for _ in range(ROWS_MAX)]
        self._excess: dict[int, int] = {}
        self._comfort: dict[int, tuple[int, float]] = {}
        """By row: where its pause begins, and how loud its noise is."""
        self._noise = np.random.default_rng(3389).standard_normal(NOISE_SAMPLES, np.float32)
        self._free = list(range(ROWS_MAX - 1, -1, -1))
        self._ticks = 0

    def add(self) -> int:
        """A row that has heard nothing yet.  Raises MediaRefused ``ports-exhausted``."""
        if not self._free:
            raise MediaRefused(MediaError.PORTS_EXHAUSTED, f"{ROWS_MAX} streams are open")
        row = self._free.pop()
        self.restart(row)
        self._past[:, row] = 0
        self._made_up[row] = 0
        return row

    def remove(self, row: int) -> None:
        self._excess.pop(row, None)
        self._comfort.pop(row, None)
        self._free.append(row)

    def restart(self, row: int) -> None:
        """The next packet begins the stream anew (first packet, other SSRC, jump)."""
        self._begun[row] = False
        self._ring[row] = _MISSING
        self._concealed[row] = 0
        self._slack[row] = _PLENTY_S
        self._before[row] = []
        self._excess.pop(row, None)
        self._comfort.pop(row, None)

    def concealed(self, row: int) -> int:
        """Frames made up so far, in gaps of up to `GAP_FRAMES_MAX`; a longer one is no loss."""
        return self._made_up[row]

    def comfort(self, row: int, timestamp: int, level_dbov: float) -> None:
        """From this RTP timestamp on, what is missing is a pause: noise instead of concealment.

        Args:
            level_dbov: of the noise, RMS over a full-scale square wave, ≤ 0.
        """
        if self._begun[row]:
            loudness = FULL_SCALE * 10 ** (level_dbov / 20)
            self._comfort[row] = (self._position(row, timestamp), loudness)

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
        position = self._position(row, timestamp)
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

    def _position(self, row: int, timestamp: int) -> int:
        newest = int(self._newest[row])
        return newest + difference(timestamp, (self._base[row] + newest) & 0xFFFFFFFF, 32)

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
        for row in [row for row in self._comfort if self._begun[row]]:
            self._soothe(row, np.flatnonzero(rows == row), frames, missing)
        holed = missing.any(axis=1)
        wounds = np.flatnonzero(holed | (self._concealed[rows] > 0))
        slot = self._ticks % HISTORY_FRAMES
        if len(wounds) == 0:
            self._past[slot, rows] = frames
            return frames
        whole = frames.copy()
        over = self._concealed[rows[wounds]] > GAP_FRAMES_MAX
        silent = wounds[over & missing[wounds].all(axis=1)]
        frames[silent] = whole[silent] = 0
        wounds = np.setdiff1d(wounds, silent, assume_unique=True)
        for index in wounds.tolist():
            self._heal(int(rows[index]), frames[index], whole[index], missing[index])
        self._past[slot, rows] = whole
        return frames

    def _soothe(
        self,
        row: int,
        found: Rows,
        frames: Frames,
        missing: npt.NDArray[np.bool_],
    ) -> None:
        """Noise for a pause; it ends with the first frame that has sound again."""
        begins, loudness = self._comfort[row]
        if len(found) == 0 or int(self._read[row]) - FRAME < begins:
            return
        gaps = missing[found[0]]
        if not gaps.any():
            del self._comfort[row]
            return
        start = self._ticks * 997 % (NOISE_SAMPLES - FRAME)
        noise = self._noise[start : start + FRAME] * loudness
        frames[found[0], gaps] = noise[gaps]
        gaps[:] = False
        self._concealed[row] = 0

    def _heal(
        self,
        row: int,
        heard: npt.NDArray[np.float32],
        kept: npt.NDArray[np.float32],
        missing: npt.NDArray[np.bool_],
    ) -> None:
        """Conceal what is missing in one frame, or join what came after a gap to the concealment.

        Args:
            heard: shape (160,), changed to what is played.
            kept: the same, changed to what the next concealment goes on from.
        """
        age = int(self._concealed[row])
        holed = bool(missing.any())
        if not age and not self._past[:, row].any():
            heard[missing] = kept[missing] = 0  # the line has said nothing yet
            return
        self._concealed[row] = min(age + 1, GAP_FRAMES_MAX + 1) if holed else 0
        if holed and age < GAP_FRAMES_MAX:
            self._made_up[row] += 1
        if age > FADED_FRAMES:
            heard[missing] = kept[missing] = 0
            if not holed:
                heard[:JOIN] *= _JOIN
            return
        newest = self._ticks - 1
        order = [(newest - back) % HISTORY_FRAMES for back in range(HISTORY_FRAMES - 1, -1, -1)]
        past = self._past[order, row].reshape(-1)
        if not age:
            self._pitch[row] = pitch(past)
        more = extended(past, self._pitch[row])
        loud = faded(age)
        if holed:
            kept[missing] = more[missing]
            heard[missing] = (more * loud)[missing]
        if age and not missing[:JOIN].any():
            joined = heard[:JOIN] * _JOIN + (more * loud)[:JOIN] * (1 - _JOIN)
            heard[:JOIN] = kept[:JOIN] = joined

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
