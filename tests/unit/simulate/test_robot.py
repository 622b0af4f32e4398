"""Whom the robot sends, and when it sends somebody else."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from tahuri.simulate.robot import SILENT_AFTER, chosen_from, is_silent

DUE = datetime(2026, 11, 24, 1, 0, tzinfo=UTC)


def unit(unit_id: str, *reasons: str, kind: str = "ambulance", ok: bool = False) -> dict[str, Any]:
    """A line of a recommendation."""
    return {"unit_id": unit_id, "kind": kind, "reasons": list(reasons), "recommended": ok}


def ids(units: list[dict[str, Any]]) -> list[str]:
    """Their names."""
    return [one["unit_id"] for one in units]


def test_the_recommended_units_go() -> None:
    """The centre knows the roads; the robot does not."""
    units = [unit("A", "nearest", ok=True), unit("P", kind="patrol-car", ok=True), unit("B")]
    assert ids(chosen_from(units)) == ["A", "P"]


def test_for_a_unit_without_a_crew_the_next_of_its_kind_goes() -> None:
    """Nobody would ever acknowledge."""
    units = [
        unit("A", "no-crew", ok=True),
        unit("B", "assigned-elsewhere"),
        unit("C", "out-of-service"),
        unit("P", kind="patrol-car"),
        unit("D"),
        unit("E"),
    ]
    assert ids(chosen_from(units)) == ["D"]


def test_two_units_without_a_crew_are_replaced_by_two() -> None:
    """One ambulance cannot stand for both."""
    units = [unit("A", "no-crew", ok=True), unit("B", "no-crew", ok=True), unit("C"), unit("D")]
    assert ids(chosen_from(units)) == ["C", "D"]


def test_where_no_crew_is_aboard_nobody_goes() -> None:
    """With --no-crews the visitor's own crew is the only one."""
    assert chosen_from([unit("A", "no-crew", ok=True), unit("B", "no-crew")]) == []


@pytest.mark.parametrize(
    ("acknowledged", "released", "late", "silent"),
    [
        (None, None, timedelta(seconds=1), True),
        (None, None, -timedelta(seconds=1), False),
        ("2026-11-24T01:00:20Z", None, timedelta(seconds=1), False),
        (None, "2026-11-24T01:00:20Z", timedelta(seconds=1), False),
    ],
)
def test_only_a_crew_that_stays_silent_is_stood_down(
    acknowledged: str | None, released: str | None, late: timedelta, silent: bool
) -> None:
    """A sleepy crew answers late and still goes; the alarm has rung by then."""
    row = {
        "ack_due_at": "2026-11-24T01:00:00Z",
        "acknowledged_at": acknowledged,
        "released_at": released,
    }
    assert is_silent(row, DUE + SILENT_AFTER + late) is silent
