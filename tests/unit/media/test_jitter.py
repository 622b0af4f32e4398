"""The jitter buffer, with the clock moved by hand: delay, loss, jumps, and shrinking again."""

import numpy as np
import pytest

from tahuri.telephony.media.jitter import DELAY_MAX, FRAME, ROWS_MAX, JitterBuffers
from tahuri.telephony.media.protocol import MediaError, MediaRefused

QUIET, LOUD = 8, 5000


class Line:
    """One stream whose packets come when the test says."""

    def __init__(self) -> None:
        self.buffers = JitterBuffers()
        self.row = self.buffers.add()
        self.tick = 0
        self.late = 0
        self.heard: list[np.ndarray] = []

    def packet(self, number: int, level: int = LOUD, until_tick_s: float = 0.015) -> bool:
        samples = np.full(FRAME, level, np.int16)
        return self.buffers.write(self.row, number * FRAME, samples, until_tick_s)

    def read(self) -> np.ndarray:
        return self.buffers.read(np.array([self.row]))[0]

    def run(self, seconds: float, level: int, stalled: range = range(0)) -> None:
        """Steady packets; those whose number is in ``stalled`` come together after the last."""
        for _ in range(round(seconds * 50)):
            due = [self.tick]
            if self.tick in stalled:
                due = []
            elif stalled and self.tick == stalled.stop:
                due = [*stalled, self.tick]
            for number in due:
                self.late += not self.packet(number, level)
            self.heard.append(self.read() if self.buffers.begun(self.row) else np.zeros(FRAME))
            self.tick += 1

    @property
    def delay_ms(self) -> float:
        return self.buffers.delay_samples(self.row) / 8


def test_a_steady_line_has_no_delay_of_ours() -> None:
    """What comes well before the tick sounds at that tick."""
    line = Line()
    line.run(2.0, LOUD)
    assert line.delay_ms == 0
    assert line.late == 0
    assert (np.array(line.heard) == LOUD).all()


def test_a_packet_close_to_the_tick_is_held_one_frame() -> None:
    """Otherwise the next one, a little later, would already be too late."""
    line = Line()
    line.packet(0, until_tick_s=0.001)
    assert (line.read() == 0).all()
    assert (line.read() == LOUD).all()


def test_late_packets_are_delayed_and_not_lost() -> None:
    """A word that comes late must still be heard."""
    line = Line()
    line.run(2.0, LOUD, stalled=range(40, 46))
    whole = sum(bool((frame == LOUD).all()) for frame in line.heard)
    assert line.late == 1
    assert line.delay_ms == 120
    assert whole == 100 - 6


def test_delay_that_is_no_longer_needed_goes_at_once_in_silence() -> None:
    """A starved machine once left 220 ms for the rest of a call."""
    line = Line()
    line.run(2.0, QUIET, stalled=range(40, 48))
    assert line.delay_ms == 160
    line.run(5.0, QUIET)
    assert line.delay_ms == 0


def test_delay_goes_step_by_step_while_somebody_speaks() -> None:
    """Nobody hears a cross-fade of 20 ms a second; a jump of 160 ms loses a word."""
    line = Line()
    line.run(2.0, LOUD, stalled=range(40, 44))
    assert line.delay_ms == 80
    before = len(line.heard)
    line.run(9.0, LOUD)
    assert line.delay_ms == 0
    assert np.abs(np.array(line.heard[before:]) - LOUD).max() < 1


def test_a_lost_packet_is_concealed_and_a_long_gap_fades_to_silence() -> None:
    """A click is worse than a repeated 20 ms; a buzz for ever is worse than silence."""
    line = Line()
    line.packet(0)
    assert (line.read() == LOUD).all()
    frames = [line.read() for _ in range(5)]
    assert np.abs(frames[0] - LOUD).max() < 1, "nobody hears that 20 ms are missing"
    levels = [float(np.abs(frame).mean()) for frame in frames]
    assert levels == sorted(levels, reverse=True)
    assert levels[-1] == 0
    line.packet(6)
    back = line.read()
    assert (np.diff(back) >= 0).all(), "comes back without a click"
    assert back[-1] == LOUD


def voice(seconds: float) -> np.ndarray:
    """Something like a vowel whose pitch and loudness move: 105 to 155 Hz, 19 harmonics."""
    t = np.arange(int(8000 * seconds)) / 8000
    phase = 2 * np.pi * np.cumsum(130 + 25 * np.sin(2 * np.pi * 0.7 * t)) / 8000
    sound = sum(np.sin(k * phase) / k for k in range(1, 20))
    loudness = 0.3 + 0.7 * np.clip(np.sin(2 * np.pi * 2.5 * t), 0, 1)
    return (sound * loudness * 4000).astype(np.int16)


def test_a_voice_with_holes_goes_on_as_it_was() -> None:
    """A twentieth of the packets is lost: twice as close to the voice as holes of silence are."""
    said = voice(8.0)
    lost = np.random.default_rng(112).random(len(said) // FRAME) < 0.05
    line = Line()
    heard, holes = [], said.astype(float)
    for number, gone in enumerate(lost.tolist()):
        piece = slice(number * FRAME, (number + 1) * FRAME)
        if gone and number:
            holes[piece] = 0
        else:
            line.buffers.write(line.row, number * FRAME, said[piece], 0.015)
        heard.append(line.read())
    error = float(np.square(np.concatenate(heard) - said).mean())
    assert error < 0.5 * float(np.square(holes - said).mean())
    assert line.buffers.concealed(line.row) == int(lost[1:].sum())


def test_a_pause_sounds_as_the_far_end_says_and_not_like_a_lost_line() -> None:
    """Comfort noise (RFC 3389): dead silence makes callers ask whether we are still there."""
    line = Line()
    line.packet(0)
    line.packet(1)
    line.buffers.comfort(line.row, 2 * FRAME, -40.0)
    assert (line.read() == LOUD).all()
    assert (line.read() == LOUD).all(), "what was said before the pause is not cut"
    noise = np.concatenate([line.read() for _ in range(50)])
    assert np.sqrt(np.square(noise).mean()) == pytest.approx(321, rel=0.05)
    assert line.buffers.concealed(line.row) == 0
    line.packet(52, 300)
    assert line.read()[-1] == 300
    assert np.abs(line.read()).max() <= 300, "after the pause a gap is a gap again"
    assert line.buffers.concealed(line.row) == 1


def test_packets_out_of_order_and_doubled_sound_once_in_order() -> None:
    """Networks do that."""
    line = Line()
    line.packet(0, 100, until_tick_s=0.001)
    line.packet(2, 300)
    line.packet(1, 200)
    line.packet(1, 200)
    assert [float(line.read()[0]) for _ in range(4)] == [0, 100, 200, 300]


def test_a_jump_of_the_timestamp_begins_anew() -> None:
    """After a hold many phones go on with any timestamp they like."""
    line = Line()
    line.run(1.0, LOUD)
    assert line.packet(1_000_000, 300)
    assert (line.read() == 300).all()
    assert line.packet(5, 200), "backwards as well"
    assert (line.read() == 200).all()


def test_timestamps_and_rings_wrap_without_a_sound() -> None:
    """A call of any length and any first timestamp."""
    line = Line()
    for number in range(200):
        timestamp = (2**32 - 100 * FRAME + number * FRAME) % 2**32
        samples = np.full(FRAME, number + 1, np.int16)
        assert line.buffers.write(line.row, timestamp, samples, 0.015)
        assert (line.read() == number + 1).all()


def test_delay_never_grows_beyond_its_limit() -> None:
    """Two people who hear each other after a second talk over each other."""
    line = Line()
    for round_ in range(6):
        start = 10 + 40 * round_
        line.run(0.8, LOUD, stalled=range(start, start + 5))
    assert line.delay_ms <= DELAY_MAX / 8


def test_rows_run_out_with_a_code_and_come_back_clean() -> None:
    """The one too many is refused; a new call never hears the end of an old one."""
    buffers = JitterBuffers()
    rows = [buffers.add() for _ in range(ROWS_MAX)]
    with pytest.raises(MediaRefused) as refused:
        buffers.add()
    assert refused.value.code is MediaError.PORTS_EXHAUSTED
    buffers.write(rows[5], 0, np.full(FRAME, LOUD, np.int16), 0.015)
    buffers.remove(rows[5])
    assert buffers.add() == rows[5]
    assert not buffers.begun(rows[5])
    assert buffers.delay_samples(rows[5]) == 0
