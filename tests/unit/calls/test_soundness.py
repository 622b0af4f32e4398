"""What is said of a recording that is read again, and what is not."""

import pytest
from given import check

from tahuri.calls.events import (
    RecordingChecked,
    RecordingCopied,
    RecordingCopyErased,
    RecordingErased,
    RecordingRepaired,
    RecordingStarted,
)
from tahuri.calls.soundness import ORIGINAL, SOUNDNESS, Found, Repair, sources
from tahuri.kernel.event import Event, loaded
from tahuri.kernel.ids import RecordingId

R1 = RecordingId("R1")
STARTED = RecordingStarted(recording_id=R1, path="2026/11/23/C1.wav")
COPIED = RecordingCopied(recording_id=R1)
ERASED = RecordingErased(recording_id=R1, kept_as="prank", days=90)
REPAIR = Repair(R1, "folder", ORIGINAL, "2026/11/23/C1.wav.damaged-1")


def harmed(place: str, intact: bool = False) -> RecordingChecked:
    fault = None if intact else "it is not there"
    return RecordingChecked(recording_id=R1, intact=intact, fault=fault, place=place)


def found(place: str, intact: bool = False) -> Found:
    return Found(R1, place, None if intact else "it is not there")


@pytest.mark.parametrize("place", [ORIGINAL, "folder"])
def test_damage_is_told_once_and_its_end_once(place: str) -> None:
    """A reading each month for years must not fill the log, and no change may be left out."""
    given = [STARTED, COPIED]
    check(SOUNDNESS, given=given, when=found(place, intact=True), then=[])
    check(SOUNDNESS, given=given, when=found(place), then=[harmed(place)])
    check(SOUNDNESS, given=[*given, harmed(place)], when=found(place), then=[])
    mended = harmed(place, intact=True)
    check(SOUNDNESS, given=[*given, harmed(place)], when=found(place, intact=True), then=[mended])


@pytest.mark.parametrize("when", [found(ORIGINAL), REPAIR])
def test_nothing_is_said_of_what_was_erased(when: Found | Repair) -> None:
    """What the law says must go does not come back, and its absence is no damage."""
    check(SOUNDNESS, given=[STARTED, COPIED, ERASED], when=when, then=[])


@pytest.mark.parametrize(
    "given",
    [
        [],
        [STARTED],
        [STARTED, COPIED, RecordingCopyErased(recording_id=R1, place="folder")],
        [STARTED, COPIED, RecordingStarted(recording_id=RecordingId("R2"), path="C1-2.wav")],
    ],
)
def test_a_place_that_never_had_it_cannot_have_lost_it(given: list[Event]) -> None:
    """A copy that is on its way, or of an earlier recording, is no finding."""
    check(SOUNDNESS, given=given, when=found("folder"), then=[])


def test_a_repair_is_told_and_the_place_is_sound_again() -> None:
    """A court asks where the sound came from."""
    repaired = RecordingRepaired(
        recording_id=R1, place="folder", source=ORIGINAL, aside=REPAIR.aside
    )
    given: list[Event] = [STARTED, COPIED, harmed("folder")]
    check(SOUNDNESS, given=given, when=REPAIR, then=[repaired])
    check(SOUNDNESS, given=[*given, repaired], when=found("folder"), then=[harmed("folder")])
    check(SOUNDNESS, given=[*given, COPIED], when=found("folder"), then=[harmed("folder")])


def test_a_check_of_an_earlier_version_was_of_the_original() -> None:
    """A stored fact never changes: old logs replay."""
    old = loaded("calls.recording-checked", {"recording_id": "R1", "intact": False})
    assert isinstance(old, RecordingChecked)
    assert old.place == ORIGINAL
    assert SOUNDNESS.after([STARTED, old]).damaged == {ORIGINAL}


def test_a_repair_takes_the_nearest_that_is_sound() -> None:
    """A store far away is read only when nothing nearer will do."""
    places = (ORIGINAL, "folder", "store")
    there = frozenset(places)
    assert sources(places, there, frozenset({ORIGINAL}), ORIGINAL) == ["folder", "store"]
    assert sources(places, there, frozenset({ORIGINAL, "folder"}), "folder") == ["store"]
    assert sources(places, frozenset({ORIGINAL, "folder"}), frozenset({"folder"}), "folder") == [
        ORIGINAL
    ]
    assert sources(places, there, there, "store") == []
