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
    levels = [float(line.read()[0]) for _ in range(5)]
    assert levels[0] == pytest.approx(0.65 * LOUD)
    assert levels == sorted(levels, reverse=True)
    assert levels[-1] == 0


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
