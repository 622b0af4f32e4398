"""Who hears whom, and what goes out for it."""

import numpy as np

from tahuri.telephony.media import g711, rtp
from tahuri.telephony.media.jitter import FRAME
from tahuri.telephony.media.matrix import PEAK, Matrix
from tahuri.telephony.media.mixer import Mixer, Player, Sender, left, right

SAID = np.stack([np.full(FRAME, level, np.float32) for level in (100, 1000, 30000)])
SOURCES = {1: 0, 2: 1, 3: 2}


def heard(matrix: Matrix, sinks: list[int]) -> list[int]:
    """First sample of what each sink hears."""
    return [int(row[0]) for row in matrix.plan(sinks, SOURCES).mix(SAID)]


def test_a_conference_is_everybody_but_oneself() -> None:
    """Caller, call taker and agency talk; nobody hears an echo of themselves."""
    matrix = Matrix()
    for hears in SOURCES:
        for says in SOURCES:
            if hears != says:
                matrix.set(hears, says, 1.0)
    assert heard(matrix, [1, 2, 3]) == [31000, 30100, 1100]


def test_listening_is_one_way_and_whispering_one_cell() -> None:
    """A supervisor (3) listens to both and speaks to the call taker (2) alone."""
    matrix = Matrix()
    for hears, says, gain in ((1, 2, 1.0), (2, 1, 1.0), (3, 1, 1.0), (3, 2, 1.0), (2, 3, 0.1)):
        matrix.set(hears, says, gain)
    assert heard(matrix, [1, 2, 3]) == [1000, 3100, 1100]
    assert matrix.hearing(2) == {1: 1.0, 3: np.float64(0.1)}


def test_gain_zero_is_no_cell_and_a_dropped_name_is_nowhere() -> None:
    """A party that left must not be heard by whoever gets its place."""
    matrix = Matrix()
    matrix.set(1, 2, 1.0)
    matrix.set(1, 3, 1.0)
    matrix.set(2, 1, 1.0)
    matrix.set(1, 3, 0.0)
    assert heard(matrix, [1]) == [1000]
    matrix.drop(2)
    assert heard(matrix, [1, 2]) == [0, 0]
    assert matrix.hearing(9) == {}


def test_too_much_at_once_is_clipped_and_silent_sources_are_passed_over() -> None:
    """An overflow would be a bang in the caller's ear."""
    matrix = Matrix()
    matrix.set(1, 3, 4.0)
    matrix.set(2, 99, 1.0)
    assert heard(matrix, [1, 2]) == [int(PEAK), 0]


def test_packets_count_up_and_carry_each_legs_codec() -> None:
    """One leg speaks A-law, the other mu-law; both hear the same sound."""
    mixer = Mixer(np.random.default_rng(1))
    mixer.players[7] = Player(np.full(400, 1000, np.float32), loop=True)
    rows = [mixer.buffers.add(), mixer.buffers.add()]
    ssrcs = [mixer.outgoing.begin(row) for row in rows]
    for port in (1, 2):
        mixer.matrix.set(port, 7, 1.0)
    senders = [Sender(1, rows[0], g711.PCMA), Sender(2, rows[1], g711.PCMU)]
    mixer.changed({}, senders, [])
    first, second = mixer.tick().packets, mixer.tick().packets
    for index, payload in enumerate((g711.PCMA, g711.PCMU)):
        one, next_one = rtp.parse(first[index].tobytes()), rtp.parse(second[index].tobytes())
        assert one is not None
        assert next_one is not None
        assert (one.payload, one.ssrc) == (payload, ssrcs[index])
        assert next_one.sequence == (one.sequence + 1) & 0xFFFF
        assert next_one.timestamp - one.timestamp == FRAME
        assert mixer.outgoing.timestamp(rows[index]) == next_one.timestamp
        sound = g711.decode(payload, np.frombuffer(one.body, np.uint8))
        assert (abs(sound.astype(int) - 1000) < 40).all()


def test_a_recording_has_the_caller_left_and_everyone_else_right() -> None:
    """Who said what must be provable."""
    mixer = Mixer(np.random.default_rng(1))
    mixer.players[1] = Player(np.full(FRAME, 100, np.float32), loop=True)
    mixer.players[2] = Player(np.full(FRAME, 200, np.float32), loop=True)
    mixer.matrix.set(left(5), 1, 1.0)
    mixer.matrix.set(right(5), 2, 1.0)
    mixer.changed({}, [], [5])
    recorded = mixer.tick().recorded
    assert recorded.shape == (1, FRAME, 2)
    assert recorded[0, 0].tolist() == [100, 200]


def test_a_sound_that_does_not_loop_ends_in_silence() -> None:
    """The notice is said once; the queue tone goes on without a gap."""
    once = Player(np.arange(1, 201, dtype=np.float32), loop=False)
    assert once.next()[0] == 1
    assert not once.ended
    assert once.next().tolist() == [*range(161, 201), *[0] * 120]
    assert once.ended
    assert not once.next().any()
    again = Player(np.arange(1, 101, dtype=np.float32), loop=True)
    assert again.next()[99:102].tolist() == [100, 1, 2]
    assert again.next()[0] == 61
    assert not again.ended
