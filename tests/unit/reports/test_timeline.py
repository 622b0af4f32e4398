"""The timeline of a case, in words of both languages."""

from string import Formatter
from typing import Any

import pytest
from facts import fact
from msgspec.structs import fields

from tahuri.calls.events import CallAnswered, CallArrived, CallQueued, PartyAdded
from tahuri.dispatch.events import OverrideReason, Released, StandDownReason, UnitDispatched
from tahuri.incidents.events import IncidentAmended, IncidentOpened, NoteAdded
from tahuri.kernel.event import event_types
from tahuri.kernel.ids import LegId, OperatorId, PersonalId, SeatId, UnitId
from tahuri.reports.timeline import entries, said
from tahuri.reports.words import CODES, WORDS
from tahuri.units.events import ReportCameLate
from tahuri.units.states import UnitState

MADE_BY_US = {"instead", "changes", "override", "target"}


def of_cases() -> set[str]:
    """Tags of every event that can stand in a case."""
    parts = ("calls.", "callbacks.", "incidents.", "dispatch.")
    return {tag for tag in event_types() if tag.startswith(parts)} | {
        str(ReportCameLate.__struct_config__.tag)
    }


def names_in(text: str) -> set[str]:
    return {name for _, name, _, _ in Formatter().parse(text) if name}


def test_every_event_of_a_case_has_words_in_both_languages() -> None:
    """A line that shows a code instead of words proves nothing to a judge."""
    assert set(WORDS) == of_cases()
    assert all(in_id and in_en for in_id, in_en in WORDS.values())


@pytest.mark.parametrize("tag", sorted(WORDS))
def test_words_ask_only_for_what_the_event_says(tag: str) -> None:
    """A blank in the middle of a printed sentence is read as something left out."""
    known = {field.name for field in fields(event_types()[tag])} | MADE_BY_US
    for text in WORDS[tag]:
        assert names_in(text) <= known


@pytest.mark.parametrize("code", [*OverrideReason, *StandDownReason, *Released, *UnitState])
def test_every_reason_and_state_is_said_in_words(code: str) -> None:
    """Whoever reads the printed case has no list of our codes."""
    in_id, in_en = CODES[code]
    assert in_id
    assert "-" not in in_en
    assert "_" not in in_en


def test_both_languages_say_the_same_facts() -> None:
    """The operator reads Indonesian, the auditor perhaps English."""
    for in_id, in_en in WORDS.values():
        assert names_in(in_id) == names_in(in_en)


PERSONAL: dict[str, Any] = {
    "P1": {"number": "+620000000001", "display_name": None, "source": "from"},
    "P2": {"lat": -3.69543, "lon": 128.18141, "label": "Pasar Mardika", "detail": "lantai 2"},
    "P3": {"summary": "Asap tebal {trunk}", "caller_name": "Penelepon", "people": []},
    "P4": None,
    "P5": {"address": "113"},
    "P6": {"text": "jalan tertutup"},
}


def words_of(*facts: Any) -> list[tuple[str, str]]:
    lines = entries(list(facts), PERSONAL, {"O1": "Penerima 1"})
    return [(line.text_id, line.text_en) for line in lines]


def test_a_line_says_who_did_what_and_when() -> None:
    """Everything on paper must be found again in the log: the line has its seq."""
    answered = CallAnswered(seat_id=SeatId("M1"), operator_id=OperatorId("O1"))
    (line,) = entries([fact(answered, actor="O1", seq=7)], PERSONAL, {"O1": "Penerima 1"})
    assert (line.seq, line.type, line.stream) == (7, "calls.call-answered", "call/C1")
    assert (line.actor, line.actor_name) == ("O1", "Penerima 1")
    assert (line.text_id, line.text_en) == ("Dijawab di kursi M1", "Answered at seat M1")
    (other,) = entries([fact(answered, actor="O9")], PERSONAL, {})
    assert other.actor_name == "O9"


def test_lines_stand_in_the_order_in_which_things_happened() -> None:
    """A crew's report from a dead spot comes late and belongs earlier."""
    arrived = fact(CallArrived(trunk="telkom", number_status="none"), second=0, seq=1)
    queued = fact(CallQueued(), second=0, seq=2)
    late = fact(NoteAdded(note=PersonalId("P6")), second=5, seq=9, late_s=600)
    soon = fact(NoteAdded(note=PersonalId("P6")), second=8, seq=3, late_s=4)
    lines = entries([soon, late, queued, arrived], PERSONAL, {})
    assert [line.seq for line in lines] == [1, 2, 9, 3]
    assert [line.late_s for line in lines] == [None, None, 600.0, None]


def test_what_was_said_and_typed_is_filled_in() -> None:
    """The words of the report are what the crew was sent for."""
    opened = IncidentOpened(
        number="AMB-20261123-0001",
        category="structure-fire",
        priority=1,
        place=PersonalId("P2"),
        ward_code="81.71.02.1017",
        injured=2,
        hazards=(),
        report=PersonalId("P3"),
        notify=("DAMKAR",),
    )
    ((in_id, _),) = words_of(fact(opened))
    assert in_id == (
        "Kejadian AMB-20261123-0001 dibuka: structure-fire, prioritas 1. "
        "Pasar Mardika lantai 2 (-3.69543, 128.18141). Asap tebal {trunk} – Penelepon"
    )
    assert words_of(fact(PartyAdded(leg_id=LegId("L1"), address=PersonalId("P5"))))[0][1] == (
        "Third party called: 113"
    )


def test_what_was_erased_says_so() -> None:
    """A gap that says what it is stays proof; an empty one looks forged."""
    assert words_of(fact(NoteAdded(note=PersonalId("P4"))))[0][0] == "Catatan: [dihapus / erased]"
    assert said({}) == ""


def test_an_amendment_names_only_what_changed() -> None:
    """The dispatcher must see the one thing that is different."""
    amended = IncidentAmended(priority=1, hazards=("gas", "live-wire"))
    assert words_of(fact(amended))[0] == (
        "Laporan diperbarui: priority 1, hazards gas live-wire",
        "Report amended: priority 1, hazards gas live-wire",
    )


def test_an_override_is_shown_with_its_reason_and_words() -> None:
    """Why another unit was sent than the one recommended is asked first afterwards."""
    plain = UnitDispatched(unit_id=UnitId("DMK-01"), ack_due_s=60)
    assert words_of(fact(plain))[0] == ("DMK-01 dikerahkan", "DMK-01 dispatched")
    other = UnitDispatched(
        unit_id=UnitId("DMK-01"),
        ack_due_s=60,
        override_reason=OverrideReason.ROAD_BLOCKED,
        override_note=PersonalId("P6"),
    )
    assert words_of(fact(other))[0][1] == "DMK-01 dispatched (road blocked) jalan tertutup"
    bare = UnitDispatched(
        unit_id=UnitId("DMK-01"), ack_due_s=60, override_reason=OverrideReason.OTHER
    )
    assert words_of(fact(bare))[0][1] == "DMK-01 dispatched (other)"
