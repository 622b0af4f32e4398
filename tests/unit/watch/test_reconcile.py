"""What must be accounted for: every call has its end, every recording its call and its length."""

from datetime import UTC, datetime, timedelta

import pytest

from tahuri.kernel.ids import encoded_id
from tahuri.watch.reconcile import (
    HEADER_BYTES,
    Held,
    HeldCall,
    LoggedCall,
    LoggedRecording,
    called_at,
    day_of,
    differences,
    may_close,
)

NOW = datetime(2026, 11, 26, 8, 0, tzinfo=UTC)
DAY = "2026/11/26"
DAYS = frozenset({DAY})
EARLIER = NOW - timedelta(minutes=10)
BYTES = HEADER_BYTES + 60 * 32_000
FILE = f"{DAY}/C1.wav"
CLOSED = LoggedRecording("R1", "closed", FILE, "ab", 60.0, True)
ENDED = LoggedCall("C1", "ended", EARLIER, EARLIER + timedelta(seconds=60), CLOSED)
LIVE = LoggedCall("C1", "answered", EARLIER, None, LoggedRecording("R1", "recording", FILE))
IN_HAND = HeldCall("C1", EARLIER, 7, FILE)
HOLDS = Held((IN_HAND,), {7: True}, frozenset({FILE}))
NOTHING = Held((), {})


def codes(
    log: list[LoggedCall], held: Held | None, files: dict[str, int] | None = None
) -> list[tuple[str, str]]:
    found = differences(log, held, files or {}, DAYS, NOW)
    return [(one.code, one.about) for one in found]


def changed(call: LoggedCall, **recording: object) -> LoggedCall:
    from msgspec.structs import replace

    assert call.recording is not None
    return replace(call, recording=replace(call.recording, **recording))


def test_a_day_on_which_all_is_well_has_no_difference() -> None:
    """Given a live call and an ended one, both as they should be; then nothing is said."""
    other = LoggedCall("C2", "ended", EARLIER, EARLIER + timedelta(seconds=60),
                       LoggedRecording("R2", "closed", f"{DAY}/C2.wav", "cd", 60.0))  # fmt: skip
    files = {FILE: 1000, f"{DAY}/C2.wav": BYTES}
    assert codes([LIVE, other], HOLDS, files) == []


def test_a_call_in_the_log_that_nobody_holds_has_no_end() -> None:
    """A caller must not vanish between two processes.

    Given a call without an outcome; when the switch does not have it; then it is told; not while
    facts wait to be taken over, nor while the switch is away.
    """
    assert ("call-without-end", "C1") in codes([LIVE], NOTHING, {FILE: 1})
    assert codes([LIVE], Held((), {}, facts_waiting=3), {FILE: 1}) == []
    assert codes([LIVE], Held((), {}, facts_waiting=300), {FILE: 1}) == [("log-behind", "log")]
    assert codes([LIVE], None, {FILE: 1}) == []


def test_a_call_that_the_switch_holds_must_come_into_the_log() -> None:
    """Given a call older than the way of its facts; when the log has none; then it is told."""
    assert codes([], HOLDS, {FILE: 1}) == [("call-not-in-log", "C1")]
    young = Held((HeldCall("C1", NOW, 7, FILE),), {7: True}, frozenset({FILE}))
    assert codes([], young, {FILE: 1}) == []


@pytest.mark.parametrize(
    ("held", "told"),
    [
        (Held((IN_HAND,), {}, frozenset({FILE})), [("call-without-sound", "C1")]),
        (Held((IN_HAND,), {7: True}), [("recording-stopped", "C1")]),
        (Held((IN_HAND,), {7: True, 9: False}, frozenset({FILE})), [("port-unknown", "9")]),
        (Held((IN_HAND,), {7: True}, frozenset({FILE, "x"})), [("recording-ownerless", "x")]),
        (Held((IN_HAND,), None), []),
    ],
)  # fmt: skip
def test_what_media_holds_is_what_the_calls_need(held: Held, told: list[tuple[str, str]]) -> None:
    """A port that nobody owns is lost for callers; a call without one is silent."""
    assert codes([LIVE], held, {FILE: 1}) == told


@pytest.mark.parametrize(
    ("call", "files", "told"),
    [
        (ENDED, {FILE: BYTES}, []),
        (ENDED, {}, ["recording-missing"]),
        (ENDED, {FILE: BYTES - 320}, ["recording-altered"]),
        (changed(ENDED, intact=False), {FILE: BYTES}, ["recording-altered"]),
        (changed(ENDED, state="recording"), {FILE: BYTES}, ["recording-lacking"]),
        (changed(ENDED, state="failed"), {FILE: BYTES}, ["recording-lacking"]),
        (changed(ENDED, state="erased"), {}, []),
        (changed(ENDED, state="erased"), {FILE: BYTES}, ["recording-not-erased"]),
        (changed(ENDED, duration_s=40.0), {FILE: HEADER_BYTES + 40 * 32_000}, ["recording-length"]),
        (changed(ENDED, duration_s=58.0), {FILE: HEADER_BYTES + 58 * 32_000}, []),
        (changed(ENDED, duration_s=40.0, path=f"{DAY}/C1-2.wav"),
         {f"{DAY}/C1-2.wav": HEADER_BYTES + 40 * 32_000}, []),
        (changed(ENDED, path="2025/01/02/C1.wav"), {}, []),
        (ENDED, {FILE: BYTES, f"{DAY}/C9.wav": 44}, ["recording-of-nobody"]),
        (ENDED, {FILE: BYTES, f"{DAY}/C1-2.wav": 44}, []),
    ],
)  # fmt: skip
def test_a_call_has_one_recording_of_its_length_and_each_file_a_call(
    call: LoggedCall, files: dict[str, int], told: list[str]
) -> None:
    """A recording that was cut, changed, lost or slipped in must be known before the trial."""
    assert [code for code, _ in codes([call], NOTHING, files)] == told


def test_a_call_that_never_queued_owes_no_recording() -> None:
    """Given a caller who was gone before the answer; then no recording is missed."""
    call = LoggedCall("C1", "ended", EARLIER, EARLIER, None, queued=False)
    assert codes([call], NOTHING) == []
    refused = LoggedCall("C2", "refused", EARLIER, EARLIER, None, queued=False)
    assert codes([refused], NOTHING) == []


def test_a_call_that_has_just_ended_may_still_close_its_recording() -> None:
    """Given an end of a minute ago; then the recording is waited for."""
    call = LoggedCall("C1", "ended", EARLIER, NOW - timedelta(minutes=1), LIVE.recording)
    assert codes([call], NOTHING, {FILE: 5}) == []


def test_a_finding_closes_only_when_its_source_was_looked_at() -> None:
    """Silence of a source that was away must not look like a repair."""
    assert may_close("call-without-end", "C1", HOLDS, DAYS)
    assert not may_close("call-without-end", "C1", None, DAYS)
    assert not may_close("call-without-end", "C1", Held((), {}, facts_waiting=1), DAYS)
    assert not may_close("port-unknown", "7", Held((), None), DAYS)
    assert may_close("recording-missing", FILE, None, DAYS)
    assert not may_close("recording-missing", "2020/01/01/C1.wav", HOLDS, DAYS)
    assert may_close("limit-near", "disk_data", None, frozenset())


def test_the_day_of_a_finding_is_told_by_its_path_or_its_call() -> None:
    """A finding of last month stands until its own day is looked at again."""
    identifier = encoded_id(int(EARLIER.timestamp() * 1000), 5)
    assert called_at(identifier) == EARLIER
    assert day_of("recording-lacking", identifier) == DAY
    assert day_of("recording-missing", FILE) == DAY
    assert day_of("recording-lacking", "no id") is None
    assert day_of("port-unknown", "7") is None
