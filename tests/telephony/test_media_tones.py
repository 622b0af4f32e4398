"""The measuring stick itself, before anything is measured with it."""

from pathlib import Path

import numpy as np
import pytest
import tones


def test_a_tone_is_found_at_its_level_and_nowhere_else() -> None:
    """Every test of who hears whom rests on this."""
    found = tones.levels(tones.tone([440, 880], 2.0, level_dbfs=-20.0), [440, 660, 880])
    assert found[440] == pytest.approx(-20.0, abs=0.1)
    assert found[880] == pytest.approx(-20.0, abs=0.1)
    assert found[660] < -80


def test_silence_and_nothing_at_all_have_the_lowest_level() -> None:
    """An empty recording must not look like a quiet one."""
    assert tones.levels(tones.silence(1.0), [440]) == {440: tones.NOTHING_DBFS}
    assert tones.levels(tones.silence(0.0), [440]) == {440: tones.NOTHING_DBFS}


def test_a_wav_is_read_as_it_was_written_even_when_its_header_is_old(tmp_path: Path) -> None:
    """A recorder that was killed leaves a header that knows less than the file holds."""
    stereo = np.stack([tones.tone(440, 1.0), tones.tone(620, 1.0)], axis=1)
    path = tones.write_wav(tmp_path / "a.wav", stereo)
    with path.open("ab") as file:
        file.write(b"\0\0\0\0" * 8000)
    rate_hz, samples = tones.read_wav(path)
    assert (rate_hz, samples.shape) == (8000, (16000, 2))
    assert tones.wav_levels(path, [440, 620], channel=1, end_s=1.0)[620] > -13
    assert tones.wav_levels(path, [440], channel=0, start_s=-1.0)[440] == tones.NOTHING_DBFS
