"""What the synthetic city sends and plays, without a centre."""

import wave
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tahuri.kernel.geo import distance_m
from tahuri.simulate.callers import located_body
from tahuri.simulate.crews import along
from tahuri.simulate.stories import Located
from tahuri.simulate.voice import RATE_HZ, Voice, read
from tahuri.telephony.sip.body import location_of, session_of
from tahuri.telephony.sip.message import Request
from tahuri.telephony.sip.sdp import offer

PROMPTS_BYTES_MAX = 1_500_000
WAY = [(128.18, -3.70), (128.19, -3.69), (128.19, -3.68)]
"""Longitude, latitude."""


@given(lat=st.floats(-3.8, -3.6), lon=st.floats(128.0, 128.3), radius=st.integers(1, 5000))
def test_the_switch_reads_the_place_that_a_caller_sends(
    lat: float, lon: float, radius: int
) -> None:
    """A place that our own parser cannot read would never be seen on the map."""
    session = offer("127.0.0.1", 40000, 1)
    kind, body = located_body(Located(lat, lon, radius), session)
    headers = [("content-type", kind), ("geolocation", "<cid:place@city.invalid>")]
    request = Request(headers=headers, body=body, method="INVITE", uri="sip:112@127.0.0.1")
    assert session_of(request) == session
    place = location_of(request)
    assert place is not None
    assert (place.lat, place.lon) == (lat, lon)
    assert place.uncertainty_m == radius


@pytest.mark.parametrize(("share", "at"), [(-1.0, (-3.70, 128.18)), (2.0, (-3.68, 128.19))])
def test_a_unit_stays_at_the_ends_of_its_way(share: float, at: tuple[float, float]) -> None:
    """A clock that runs ahead must not drive an ambulance into the sea."""
    assert along(WAY, share) == pytest.approx(at)


@given(one=st.floats(0, 1), two=st.floats(0, 1))
def test_a_unit_drives_forward_along_its_way(one: float, two: float) -> None:
    """Twice the share of the way is twice the distance driven."""
    corner = (-3.69, 128.19)
    lengths = [distance_m((a[1], a[0]), (b[1], b[0])) for a, b in pairwise(WAY)]
    whole = sum(lengths)

    def driven(share: float) -> float:
        lat, lon = along(WAY, share)
        if share * whole <= lengths[0]:
            return distance_m((WAY[0][1], WAY[0][0]), (lat, lon))
        return lengths[0] + distance_m(corner, (lat, lon))

    earlier, later = sorted((one, two))
    assert driven(earlier) <= driven(later) + 0.5
    assert driven(later) == pytest.approx(later * whole, abs=whole * 0.001 + 0.5)


def test_a_way_of_one_point_is_that_point() -> None:
    """A unit whose station is the place of the incident is there."""
    assert along([(128.18, -3.70)], 0.5) == (-3.70, 128.18)


async def test_without_a_speaking_program_recorded_sentences_are_played(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A machine without espeak-ng still has callers who are heard."""
    monkeypatch.setenv("PATH", str(tmp_path))
    samples = await Voice(tmp_path).say("Tolong, ada orang sakit.", "f2")
    assert len(samples) > RATE_HZ / 2
    assert np.abs(samples.astype(np.int32)).max() > 1000
    assert not (tmp_path / "speech").exists()


async def test_what_was_spoken_once_is_kept(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Two thousand callers say the same sixty sentences; speaking costs a core."""
    program, spoken = tmp_path / "espeak-ng", tmp_path / "spoken"
    prompt = next(iter(sorted(prompts())))
    program.write_text(f'#!/bin/sh\necho >> "{spoken}"\ncat "{prompt}" > "$6"\n')
    program.chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path}:/usr/bin:/bin")
    voice = Voice(tmp_path / "cache")
    first = await voice.say("Kebakaran!", "f2")
    again = await voice.say("Kebakaran!", "f2")
    assert np.array_equal(first, again)
    assert np.array_equal(first, read(prompt))
    assert len(spoken.read_text().splitlines()) == 1
    assert len(list((tmp_path / "cache" / "speech").iterdir())) == 1


def prompts() -> list[Path]:
    """The recorded sentences."""
    import tahuri.simulate

    return list((Path(tahuri.simulate.__file__).parent / "prompts").glob("*.wav"))


def test_the_recorded_sentences_are_telephone_sound_and_small() -> None:
    """Every clone of the project carries them."""
    files = prompts()
    assert files
    assert sum(file.stat().st_size for file in files) < PROMPTS_BYTES_MAX
    for file in files:
        with wave.open(str(file)) as wav:
            assert (wav.getframerate(), wav.getnchannels(), wav.getsampwidth()) == (RATE_HZ, 1, 2)
