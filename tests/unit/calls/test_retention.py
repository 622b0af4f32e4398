"""How long recordings are kept: evidence is never erased early, noise not kept for ever."""

from datetime import UTC, datetime, timedelta

import pytest
from given import check
from msgspec.structs import replace

from tahuri.calls.events import (
    CallArrived,
    CallClass,
    LegalHoldLifted,
    LegalHoldSet,
    RecordingErased,
)
from tahuri.calls.retention import (
    DAYS,
    KEEPING,
    Erase,
    Kept,
    LiftLegalHold,
    SetLegalHold,
    is_due,
    kept_as,
)
from tahuri.kernel.ids import PersonalId, RecordingId
from tahuri.kernel.refusal import Invalid
from tahuri.refusals import Refusal

NOW = datetime(2026, 11, 26, 8, 0, tzinfo=UTC)
PRANK = Kept("C1", NOW - timedelta(days=91), "prank", False, False, False)
ARRIVED = CallArrived(trunk="t", number_status="none")
REASON = PersonalId("P1")
ERASE = Erase(RecordingId("R1"), "prank", 90)
ERASED = RecordingErased(recording_id=RecordingId("R1"), kept_as="prank", days=90)


@pytest.mark.parametrize(
    ("changes", "due"),
    [
        ({}, True),
        ({"ended_at": NOW - timedelta(days=89)}, False),
        ({"linked": True}, False),
        ({"call_class": None}, False),
        ({"call_class": "normal"}, False),
        ({"call_class": "ghost"}, False),
        ({"call_class": "normal", "ended_at": NOW - timedelta(days=731)}, True),
        ({"legal_hold": True, "ended_at": NOW - timedelta(days=9999)}, False),
        ({"open_incident": True, "ended_at": NOW - timedelta(days=9999)}, False),
        ({"call_class": "a class of a later version"}, False),
    ],
)
def test_only_what_is_old_enough_free_and_of_no_open_incident_goes(
    changes: dict[str, object], due: bool
) -> None:
    """A class that was set by mistake must not cost the evidence of a case."""
    assert is_due(replace(PRANK, **changes), {}, NOW) is due


def test_the_city_decides_how_long() -> None:
    """Given another number of days in the settings; then that counts."""
    assert not is_due(PRANK, {"prank": 120}, NOW)
    assert is_due(replace(PRANK, ended_at=NOW - timedelta(days=8)), {"prank": 7}, NOW)


def test_every_class_has_its_days_and_real_ones_a_year_at_least() -> None:
    """No recording may be kept by accident, none erased by omission."""
    assert set(DAYS) == set(CallClass)
    assert DAYS[CallClass.NORMAL] >= 365
    assert kept_as(None, False) == kept_as("prank", True) == "normal"


def test_a_legal_hold_is_set_and_lifted_once_and_keeps_the_recording() -> None:
    """A court that asks must find it."""
    held, lifted = LegalHoldSet(reason=REASON), LegalHoldLifted(reason=REASON)
    set_it, lift_it = SetLegalHold(reason="r"), LiftLegalHold(reason="r")
    known = [REASON]
    check(KEEPING, given=[ARRIVED], when=set_it, knowing=known, then=[held])
    check(KEEPING, given=[ARRIVED, held], when=set_it, knowing=known, then=[])
    check(KEEPING, given=[ARRIVED, held], when=ERASE, then=[])
    check(KEEPING, given=[ARRIVED, held], when=lift_it, knowing=known, then=[lifted])
    check(KEEPING, given=[ARRIVED], when=lift_it, knowing=known, then=[])
    check(KEEPING, given=[ARRIVED, held, lifted], when=ERASE, then=[ERASED])
    check(KEEPING, given=[ARRIVED, ERASED], when=ERASE, then=[])
    check(KEEPING, when=set_it, knowing=known, refused=Refusal.CALL_UNKNOWN)
    with pytest.raises(Invalid, match="erased"):
        KEEPING.decide(set_it, KEEPING.after([ARRIVED, ERASED]), REASON)
