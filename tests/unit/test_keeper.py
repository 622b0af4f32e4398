"""What of copies and of reading again is told, and what is not."""

from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from tahuri import watching
from tahuri.calls.copying import Copying
from tahuri.calls.faults import Fault, FaultCode
from tahuri.calls.reread import Reading, Recorded, recorded
from tahuri.calls.soundness import ORIGINAL
from tahuri.keeper import harmed, late, unread
from tahuri.kernel import clock
from tahuri.kernel.ids import RecordingId
from tahuri.settings import Settings
from tahuri.watch.limits import near
from tahuri.watch.reconcile import Difference
from tahuri.watchman import without_doubles

NOW = datetime(2026, 11, 27, 3, 0, tzinfo=UTC)
PATH = "2026/11/23/C1.wav"
AWAY = Fault(FaultCode.UNREACHABLE, "x", True)


def at(minutes: float) -> datetime:
    return NOW - timedelta(minutes=minutes)


@pytest.mark.parametrize(
    ("copying", "codes"),
    [
        (Copying(), []),
        (Copying(waiting=1, oldest_at=at(9)), []),
        (Copying(waiting=1, oldest_at=at(11)), ["copy-behind"]),
        (Copying(fault=AWAY, failing_since=at(1)), ["copy-failing"]),
        (Copying(waiting=9, oldest_at=at(99), fault=AWAY, failing_since=at(99)), ["copy-failing"]),
        (Copying(to_erase=1, erased_at=at(60)), []),
        (Copying(to_erase=1, erased_at=at(1500)), ["copy-not-erased"]),
    ],
)
def test_one_cause_is_one_alarm(copying: Copying, codes: list[str]) -> None:
    """A store that is away must not read as a store that is slow, nor as both."""
    found = late("recordings_store", copying, NOW)
    assert [one.code for one in found] == codes
    if "copy-failing" in codes:
        assert copying.failing_since is not None
        failing_s = (NOW - copying.failing_since).total_seconds()
        assert found[0].numbers == {"waiting": copying.waiting, "failing_s": failing_s}


def one(there: tuple[str, ...], damaged: set[str]) -> Recorded:
    return Recorded("C1", "", RecordingId("R1"), PATH, "ab", there, frozenset(damaged))


@pytest.mark.parametrize(
    ("there", "damaged", "told"),
    [
        ((ORIGINAL,), {ORIGINAL}, []),  # the comparison of log and disk says so
        ((ORIGINAL, "folder"), {ORIGINAL}, []),
        ((ORIGINAL, "folder"), {"folder"}, [("copy-damaged", f"folder/{PATH}")]),
        ((ORIGINAL, "folder"), {ORIGINAL, "folder"}, [("recording-lost", PATH)]),
        ((ORIGINAL, "folder", "store"), {ORIGINAL, "folder"}, [("copy-damaged", f"folder/{PATH}")]),
    ],
)
def test_lost_is_what_is_damaged_everywhere(
    there: tuple[str, ...], damaged: set[str], told: list[tuple[str, str]]
) -> None:
    """A supervisor answers for what is lost, not for what will be repaired in a minute."""
    assert [(each.code, each.about) for each in harmed(one(there, damaged))] == told


def test_what_is_lost_is_not_told_as_altered_besides() -> None:
    """Given both differences of one path; then the worse one stands; others stay."""
    altered, other = Difference("recording-altered", PATH), Difference("recording-missing", "x")
    lost = Difference("recording-lost", PATH)
    assert without_doubles([altered, other, lost]) == [other, lost]


def test_reading_that_does_not_keep_up_is_told_and_shown(tmp_path: Path) -> None:
    """Given recordings of which two were not read within the period; then that is a finding with
    their number and the oldest age, and the limits show both without an alarm of their own."""
    assert unread(Reading(ORIGINAL, 9, 0, at(60)), timedelta(days=30), NOW) == []
    known = Reading("store", 9, 2, clock.now() - timedelta(days=45))
    (told,) = unread(known, timedelta(days=30), clock.now())
    assert (told.code, told.about, told.numbers) == (
        "recordings-unread", "store", {"unread": 2.0, "days": 45.0},
    )  # fmt: skip
    for code in (FaultCode.STRANGE, FaultCode.FOLDER_EMPTY):
        elsewhere = Reading("store", 9, 2, at(99), Fault(code, "", True))
        (other,) = unread(elsewhere, timedelta(days=30), NOW)
        assert (other.code, other.about) == ("place-strange", "store")
    (never,) = unread(Reading("store", 9, 2), timedelta(days=30), NOW)
    assert never.numbers["days"] == 30.0
    settings = Settings(data=str(tmp_path))
    limits = watching.limits(settings, tmp_path, watching.Kept(reading=[known]), None)
    shown = {one.name: (one.used, one.limit) for one in limits}
    assert shown["reread_days_store"] == (45.0, 30.0)
    assert shown["unread_store"] == (2, 9)
    assert not [one for one in near(limits, 10.0) if "store" in one.about]


def test_only_a_closed_recording_is_read_again() -> None:
    """What still runs, failed or was erased has no hash that it could be compared with."""
    body = {
        "recording_id": "R1", "state": "closed", "path": PATH, "sha256": "ab", "intact": None,
        "copied": True, "stored": False, "damaged": ["store"],
    }  # fmt: skip
    row = {"call_id": "C1", "recording": body}
    assert recorded(row) == one((ORIGINAL, "folder"), set())
    for state in ("recording", "failed", "erased"):
        assert recorded({**row, "recording": {**body, "state": state}}) is None
    assert recorded({**row, "recording": None}) is None
    old = {name: body[name] for name in ("recording_id", "state", "path", "sha256", "intact")}
    assert recorded({**row, "recording": old}) == one((ORIGINAL,), set())
