"""Is the telephone alive?  One word that an operator understands, and why."""

from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from tahuri import watching
from tahuri.host.processes import open_files
from tahuri.settings import Settings
from tahuri.telephony.media.jitter import ROWS_MAX
from tahuri.telephony.media.protocol import STREAMS_MAX
from tahuri.telephony.protocol.snapshot import Inventory
from tahuri.watch.limits import Limit, Sample, hours_until_full, near, shown
from tahuri.watch.verdict import Line, Reason, Verdict, verdict

NOW = datetime(2026, 11, 26, 8, 0, tzinfo=UTC)
WELL = {
    "switch": {"ok": True, "seats_ready": 2},
    "media": {"ok": True},
    "database": {"ok": True},
    "disk": {"ok": True},
}
EDGE = Line(name="edge", ok=True, last_ok_at=NOW, begun_at=NOW - timedelta(days=1))
TELCO = Line(name="telco", ok=True, last_ok_at=NOW, begun_at=NOW - timedelta(days=1))
DEAD_LINE = Line(name="telco", last_ok_at=NOW - timedelta(minutes=4), begun_at=NOW)


def said(**changes: Any) -> Verdict:
    given: dict[str, Any] = {
        "parts": WELL, "alarms": [], "findings": [], "lines": [EDGE, TELCO],
        "round_at": NOW, "now": NOW, "every_s": 60.0, **changes,
    }  # fmt: skip
    return verdict(**given)


def without(name: str, **more: Any) -> dict[str, Any]:
    return {**WELL, name: {"ok": False, **more}}


def test_when_all_is_well_it_is_alive() -> None:
    """No reason is made up."""
    assert said() == Verdict(state="alive", reasons=[])


@pytest.mark.parametrize(
    ("changes", "state", "code"),
    [
        ({"parts": without("switch")}, "dead", "switch-down"),
        ({"parts": without("media")}, "dead", "media-down"),
        ({"lines": [Line(name="edge", begun_at=NOW - timedelta(minutes=4)), TELCO]}, "dead",
         "edge-silent"),
        ({"lines": [EDGE, DEAD_LINE]}, "dead", "lines-silent"),
        ({"lines": [EDGE, DEAD_LINE, Line(name="isat", ok=True, last_ok_at=NOW)]}, "degraded",
         "line-silent"),
        ({"parts": without("database")}, "degraded", "database-down"),
        ({"parts": without("disk")}, "degraded", "disk-down"),
        ({"parts": {**WELL, "switch": {"ok": True, "seats_ready": 0}}}, "degraded",
         "no-seat-ready"),
        ({"round_at": NOW - timedelta(minutes=5)}, "degraded", "nobody-watches"),
        ({"round_at": None}, "degraded", "nobody-watches"),
        ({"alarms": [Reason(code="recording-failed")]}, "degraded", "recording-failed"),
        ({"findings": [Reason(code="recording-missing", about="x")]}, "degraded",
         "recording-missing"),
    ],
)  # fmt: skip
def test_each_fault_is_told_for_what_it_is(changes: dict[str, Any], state: str, code: str) -> None:
    """Dead is only what keeps a caller from being answered; the rest must not drown it."""
    found = said(**changes)
    assert found.state == state
    assert code in {one.code for one in found.reasons}


def test_a_deaf_listener_is_told_by_its_name_and_both_as_the_edge() -> None:
    """Callers of the other family are answered: that is no dead telephone, and no well one.

    Given a switch that listens at two addresses; when test calls to one fail; then that one is
    named, once; when both do; then the telephone is dead, since the last of them was heard.
    """
    well = Line(name="edge-ipv4", ok=True, last_ok_at=NOW, begun_at=NOW - timedelta(days=1))
    deaf = Line(name="edge-ipv6", last_ok_at=NOW - timedelta(minutes=9), begun_at=NOW)
    missed = [Reason(code="test-call-missing", about="edge-ipv6")]
    failed = [Reason(code="test-call-failed", about="edge-ipv6")]
    found = said(lines=[well, deaf, TELCO], alarms=missed, findings=failed)
    assert found.state == "degraded"
    assert found.reasons == [
        Reason(code="edge-half-silent", about="edge-ipv6", since=deaf.last_ok_at)
    ]
    later = Line(name="edge-ipv4", last_ok_at=NOW - timedelta(minutes=4), begun_at=NOW)
    found = said(lines=[later, deaf, TELCO])
    assert found.state == "dead"
    assert found.reasons == [Reason(code="edge-silent", about="edge", since=later.last_ok_at)]


def test_what_kills_the_telephone_comes_first() -> None:
    """At 3 a.m. only the first line is read."""
    findings = [Reason(code="recording-missing", about="x")]
    found = said(parts=without("media"), findings=findings)
    assert found.reasons[0].code == "media-down"


def test_one_silent_trunk_is_told_once() -> None:
    """Given the switch's alarm and the watch's finding about one trunk; then it is one reason."""
    lines = [EDGE, DEAD_LINE, Line(name="isat", ok=True, last_ok_at=NOW)]
    alarms = [Reason(code="test-call-missing", about="telco")]
    findings = [Reason(code="test-call-failed", about="telco")]
    found = said(lines=lines, alarms=alarms, findings=findings)
    assert [one.code for one in found.reasons] == ["line-silent"]
    since = found.reasons[0].since
    assert since == DEAD_LINE.last_ok_at


def test_media_that_is_down_is_told_once() -> None:
    """Given the alarm of the switch beside the part that does not work; then one reason."""
    found = said(parts=without("media"), alarms=[Reason(code="media-lost")])
    assert [one.code for one in found.reasons] == ["media-down"]


def test_without_test_calls_no_line_is_missed() -> None:
    """Given test calls switched off; then their absence says nothing."""
    assert said(lines=[DEAD_LINE], every_s=0.0).state == "alive"


def test_a_limit_alarms_above_its_share_and_says_how_long_it_lasts() -> None:
    """A full disk must be known days before it is full."""
    limits = [Limit("disk_data", 81, 100, 30.0), Limit("calls", 80, 100), Limit("x", 5, 0)]
    assert [one.about for one in near(limits, 80)] == ["disk_data"]
    assert near(limits, 80)[0].numbers == {"used": 81, "limit": 100, "percent": 81.0}
    assert shown(limits)[0]["hours_left"] == 30.0
    samples = [Sample(NOW, 100.0), Sample(NOW + timedelta(hours=1), 110.0)]
    assert hours_until_full(samples, 50.0) == 5.0
    assert hours_until_full(samples[::-1][:1], 50.0) is None
    assert hours_until_full([*samples, Sample(NOW + timedelta(hours=2), 90.0)], 50.0) is None


@pytest.mark.parametrize(
    ("left", "percent", "alarms"), [(64, 0.0, False), (8, 87.5, True), (0, 100.0, True)]
)
def test_a_reserve_that_is_used_or_could_not_be_made_is_near_its_end(
    tmp_path: Path, left: int, percent: float, alarms: bool
) -> None:
    """Given a reserve of 64; then what is left counts, and one that is not there counts as used."""
    seen = Inventory(
        now=NOW, calls=[], calls_max=9, seats=0, seats_max=9, spool_done=0, spool_end=0,
        spool_unwritten=0, spool_unwritten_max=9, media=False, spool_bytes=51, spool_bytes_max=60,
        reserve_bytes=64, reserve_left=left,
    )  # fmt: skip
    settings = Settings(data=str(tmp_path / "none"))
    found = watching.limits(settings, tmp_path, watching.Kept(), seen)
    named = {one.name: one.percent for one in found}
    assert (named["spool"], named["spool_reserve"]) == (85.0, percent)
    expected = ["spool", *(["spool_reserve"] if alarms else [])]
    assert [one.about for one in near(found, 80)] == expected


def test_what_the_inventory_counts_against_is_what_media_has() -> None:
    """A limit that is told wrongly alarms too late."""
    assert STREAMS_MAX == ROWS_MAX


def test_open_files_of_strangers_are_not_counted(tmp_path: Any) -> None:
    """Given another centre on this machine; then its processes are not ours."""
    assert list(open_files(tmp_path / "run")) == []
