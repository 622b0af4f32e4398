"""Whom to call back first, and why: each rule of the table, and no other."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from tahuri.callbacks import risk
from tahuri.callbacks.automatic import Pace, due
from tahuri.callbacks.events import CallerWord, Cause
from tahuri.callbacks.risk import Signals, Told, is_night, reasons_of, risk_of

QUICK = Signals(Cause.HUNG_UP, waited_s=3)


def codes(*calls: Signals, status: str = "present", dialable: bool = True) -> dict[str, int]:
    return {one.code: one.points for one in reasons_of(calls, status, dialable)}


@pytest.mark.parametrize(
    ("calls", "expected"),
    [
        ((QUICK,), {}),
        ((Signals(Cause.HUNG_UP, waited_s=10),), {"waited": 1}),
        ((Signals(Cause.HUNG_UP, waited_s=30),), {"waited-long": 3}),
        ((QUICK, QUICK), {"again": 2}),
        ((QUICK,) * 9, {"again": 6}),
        ((QUICK, Signals(Cause.FAILURE)), {"failure": 5, "again": 2}),
        ((Signals(Cause.ASKED),), {"asked": 4}),
        ((Signals(Cause.SILENT, keys=2),), {"silent": 4, "keys": 3}),
        ((Signals(Cause.HUNG_UP, keys=2),), {"keys": 3}),
        ((Signals(Cause.HUNG_UP, near=True),), {"near-incident": 4}),
        ((Signals(Cause.HUNG_UP, located=True),), {"located": 1}),
        ((Signals(Cause.HUNG_UP, night=True),), {"night": 1}),
    ],
)
def test_each_reason_has_its_points(calls: tuple[Signals, ...], expected: dict[str, int]) -> None:
    """A call taker who disagrees must be able to read why."""
    assert codes(*calls) == expected


@pytest.mark.parametrize(
    ("told", "expected"),
    [
        (Told(CallerWord.CALL_ME), {"asked": 4}),
        (Told(CallerWord.CANNOT_SPEAK), {"cannot-speak": 6}),
        (Told(CallerWord.CANNOT_SPEAK, True, True), {"cannot-speak": 6, "wrote": 3, "located": 1}),
        (Told(CallerWord.NO_LONGER_NEEDED), {"no-longer-needed": -3}),
    ],
)
def test_what_callers_say_on_their_page_counts(told: Told, expected: dict[str, int]) -> None:
    """Who must not be heard comes before all others."""
    reasons = reasons_of([QUICK], "present", True, told)
    assert {one.code: one.points for one in reasons} == expected
    assert risk_of(reasons) == max(0, sum(expected.values()))


def test_a_caller_who_needs_nothing_any_more_is_lowered_and_never_below_nothing() -> None:
    """Somebody else may hold the telephone: the item stays where people see it."""
    told = Told(CallerWord.NO_LONGER_NEEDED)
    failed = reasons_of([Signals(Cause.FAILURE)], "present", True, told)
    assert [one.code for one in failed] == ["failure", "no-longer-needed"]
    assert risk_of(failed) == 2


def test_numbers_that_are_withheld_or_missing_count() -> None:
    """Who hides the number may be in danger at home; who has none cannot be called."""
    assert codes(QUICK, status="withheld") == {"withheld": 1}
    assert codes(QUICK, status="none", dialable=False) == {"no-number": 1}


def test_the_weightiest_reason_comes_first() -> None:
    """Two reasons fit on a line of the pane."""
    told = reasons_of([Signals(Cause.FAILURE, 31, 1, True, True, True)], "present", True)
    points = [one.points for one in told]
    assert points == sorted(points, reverse=True)
    assert told[0].code == "failure"


def test_the_table_of_the_docs_names_every_reason() -> None:
    """The rule is no black box only as long as what is written is what is done."""
    every = {
        *codes(*(Signals(cause, 31, 1, True, True, True) for cause in Cause)),
        *codes(Signals(Cause.HUNG_UP, 11), status="withheld"),
        *codes(QUICK, dialable=False),
        *(
            one.code
            for wish in CallerWord
            for one in reasons_of([QUICK], "present", True, Told(wish, wrote=True))
        ),
    }
    assert {
        line.split("``")[1] for line in (risk.__doc__ or "").split("\n") if "| ``" in line
    } == every


@pytest.mark.parametrize(
    ("hour", "night"), [(21, False), (22, True), (0, True), (4, True), (5, False)]
)
def test_night_is_from_ten_to_five(hour: int, night: bool) -> None:
    """The city's own hours, not the server's."""
    assert is_night(hour) is night


NOW = datetime(2026, 11, 23, 3, 0, tzinfo=UTC)
PACE = Pace(after_s=30, attempts_max=2, spacing_s=120)


def ago(seconds: float) -> str:
    return (NOW - timedelta(seconds=seconds)).isoformat()


def row(
    *attempts: dict[str, Any], lost_s: float = 60, calling: str | None = None
) -> dict[str, Any]:
    return {"calls": [{"at": ago(lost_s)}], "attempts": list(attempts), "calling": calling}


def attempt(seconds: float, automatic: bool = True, result: str = "busy") -> dict[str, Any]:
    return {"at": ago(seconds), "automatic": automatic, "result": result}


@pytest.mark.parametrize(
    ("item", "offered_s", "expected"),
    [
        (row(), None, True),
        (row(lost_s=29), None, False),
        (row(calling="C9"), None, False),
        (row(), 119, False),
        (row(), 121, True),
        (row(attempt(119)), None, False),
        (row(attempt(121)), None, True),
        (row(attempt(500), attempt(300)), None, False),
        (row(attempt(500, automatic=False), attempt(300)), None, True),
        (row(attempt(300, result="reached")), None, False),
    ],
)
def test_the_centre_calls_back_a_few_times_and_leaves_the_rest_to_people(
    item: dict[str, Any], offered_s: float | None, expected: bool
) -> None:
    """Not before they could ring again, spaced, at most twice, never after somebody was reached."""
    offered_at = None if offered_s is None else NOW - timedelta(seconds=offered_s)
    assert due(item, PACE, NOW, offered_at) is expected


def test_the_telephone_of_who_cannot_speak_never_rings_by_itself() -> None:
    """Whoever hides from somebody would be found by it; a person decides, and sees why."""
    assert due(row() | {"wish": None}, PACE, NOW, None)
    assert due(row() | {"wish": "no-longer-needed"}, PACE, NOW, None)
    assert not due(row() | {"wish": "cannot-speak"}, PACE, NOW, None)
