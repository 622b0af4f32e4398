"""The rules of incidents, given–when–then."""

from datetime import UTC, date, datetime

import pytest
from given import check
from hypothesis import given
from hypothesis import strategies as st
from msgspec import UNSET

from tahuri.calls.events import CallLinked, CallUnlinked
from tahuri.dispatch.events import (
    AcknowledgementOverdue,
    Released,
    UnitAcknowledged,
    UnitArrived,
    UnitDispatched,
    UnitLeftForHospital,
    UnitReachedHospital,
    UnitReleased,
)
from tahuri.incidents.decider import (
    INCIDENT,
    AddNote,
    Amend,
    Close,
    Open,
    Reopen,
    next_number,
    set_or,
)
from tahuri.incidents.events import (
    IncidentAmended,
    IncidentClosed,
    IncidentOpened,
    IncidentReopened,
    NoteAdded,
)
from tahuri.incidents.views import INCIDENTS, IncidentRow
from tahuri.kernel.event import Event, Fact, StreamId, loaded, stored
from tahuri.kernel.ids import IncidentId, PersonalId, UnitId
from tahuri.refusals import Refusal
from tahuri.units.events import UnitInService
from tahuri.units.states import UnitState

NOW = datetime(2026, 11, 23, 3, 0, tzinfo=UTC)
PLACE, REPORT, TEXT = PersonalId("P1"), PersonalId("P2"), PersonalId("P3")
INCIDENT_ID = IncidentId("I1")
AMBULANCE = UnitId("PSC-01")

OPENED = IncidentOpened(
    number="AMB-20261123-0001",
    category="breathing",
    priority=1,
    place=PLACE,
    ward_code="81.71.02.1017",
    injured=None,
    hazards=("gas",),
    report=REPORT,
    notify=("PLN",),
)
CLOSED = IncidentClosed(disposition="handled", remarks=None)
OPEN = Open(
    number="AMB-20261123-0001",
    category="breathing",
    priority=1,
    place=PLACE,
    ward_code="81.71.02.1017",
    injured=None,
    hazards=("gas",),
    report=REPORT,
    notify=("PLN",),
)


def close(*unreleased: UnitId) -> Close:
    return Close(disposition="handled", remarks=None, unreleased=unreleased)


def test_an_incident_is_opened_once() -> None:
    """A report that was sent twice is still one emergency."""
    check(INCIDENT, when=OPEN, then=[OPENED])
    check(INCIDENT, given=[OPENED], when=OPEN, then=[])


@pytest.mark.parametrize(
    "command", [Amend(priority=2), AddNote(note=TEXT), close(), Reopen(reason=TEXT)]
)
def test_an_incident_that_was_never_opened_is_refused(command: object) -> None:
    """A note on nothing would be read by nobody."""
    check(INCIDENT, when=command, refused=Refusal.INCIDENT_UNKNOWN)


def test_only_what_changed_is_recorded() -> None:
    """The timeline must show what became known when, not the whole form again."""
    check(
        INCIDENT,
        given=[OPENED],
        when=Amend(category="breathing", priority=2, injured=3, hazards=("gas",), notify=("PLN",)),
        then=[IncidentAmended(priority=2, injured=3)],
    )
    check(INCIDENT, given=[OPENED], when=Amend(priority=1), then=[])


def test_a_number_of_people_hurt_can_become_unknown_again() -> None:
    """``null`` says that nobody knows; leaving it out says nothing."""
    three = IncidentAmended(injured=3)
    check(INCIDENT, given=[OPENED], when=Amend(injured=3), then=[three])
    check(
        INCIDENT,
        given=[OPENED, three],
        when=Amend(injured=None),
        then=[IncidentAmended(injured=None)],
    )
    check(INCIDENT, given=[OPENED, three], when=Amend(), then=[])


def test_what_was_amended_is_what_the_next_change_is_compared_with() -> None:
    """A change and its undoing are two facts."""
    amended = [OPENED, IncidentAmended(category="burns", hazards=(), notify=())]
    check(
        INCIDENT,
        given=amended,
        when=Amend(category="breathing", hazards=(), notify=()),
        then=[IncidentAmended(category="breathing")],
    )


def test_unset_fields_are_not_stored_and_stay_unset() -> None:
    """A stored ``null`` would say that nobody is known to be hurt."""
    tag, body = stored(IncidentAmended(priority=2))
    assert body == {"priority": 2}
    assert loaded(tag, body) == IncidentAmended(priority=2)
    assert loaded(tag, {"injured": None}) == IncidentAmended(injured=None)
    assert set_or(UNSET, 1) == 1
    assert set_or(None, 1) is None


def test_a_closed_incident_cannot_be_amended_but_noted() -> None:
    """What was decided by stays; what is learned later may be added."""
    check(INCIDENT, given=[OPENED, CLOSED], when=Amend(priority=2), refused=Refusal.INCIDENT_CLOSED)
    check(INCIDENT, given=[OPENED, CLOSED], when=AddNote(note=TEXT), then=[NoteAdded(note=TEXT)])


def test_every_note_is_a_fact() -> None:
    """Two people may write the same words."""
    note = NoteAdded(note=TEXT)
    check(INCIDENT, given=[OPENED, note], when=AddNote(note=TEXT), then=[note])


def test_closing_waits_for_every_unit() -> None:
    """A crew on a closed incident is a crew that nobody watches."""
    check(INCIDENT, given=[OPENED], when=close(AMBULANCE), refused=Refusal.UNITS_NOT_RELEASED)
    check(INCIDENT, given=[OPENED], when=close(), then=[CLOSED])
    check(INCIDENT, given=[OPENED, CLOSED], when=close(), then=[])


def test_a_closed_incident_can_be_reopened_and_closed_again() -> None:
    """Fires come back."""
    reopened = IncidentReopened(reason=TEXT)
    check(INCIDENT, given=[OPENED], when=Reopen(reason=TEXT), then=[])
    check(INCIDENT, given=[OPENED, CLOSED], when=Reopen(reason=TEXT), then=[reopened])
    check(INCIDENT, given=[OPENED, CLOSED, reopened], when=close(), then=[CLOSED])


def test_numbers_count_up_within_a_day_and_start_again_on_the_next() -> None:
    """People read them out over the radio."""
    today = date(2026, 11, 23)
    assert next_number("AMB", today, None) == "AMB-20261123-0001"
    assert next_number("AMB", today, "AMB-20261123-0041") == "AMB-20261123-0042"
    assert next_number("AMB", today, "AMB-20261122-0107") == "AMB-20261123-0001"
    assert next_number("AMB", today, "AMB-20261123-9999") == "AMB-20261123-10000"


def test_a_clock_that_steps_back_over_midnight_gives_no_number_twice() -> None:
    """Two incidents with one name would be mixed up at the worst moment."""
    assert next_number("AMB", date(2026, 11, 22), "AMB-20261123-0003") == "AMB-20261123-0004"


@given(st.lists(st.dates(date(2026, 1, 1), date(2026, 1, 4)), max_size=40))
def test_numbers_never_repeat_and_have_no_gap_whatever_the_clock_does(days: list[date]) -> None:
    """A missing number looks like an incident that was made to vanish."""
    numbers: list[str] = []
    for day in days:
        numbers.append(next_number("AMB", day, numbers[-1] if numbers else None))
    assert len(set(numbers)) == len(numbers)
    counts: dict[str, list[int]] = {}
    for number in numbers:
        _, on, count = number.split("-")
        counts.setdefault(on, []).append(int(count))
    assert all(found == list(range(1, len(found) + 1)) for found in counts.values())


def folded(*events: tuple[str, Event]) -> IncidentRow:
    row = INCIDENTS.new(INCIDENT_ID)
    assert isinstance(row, IncidentRow)
    for seq, (stream, event) in enumerate(events, 1):
        fact = Fact(
            seq=seq,
            stream=StreamId.parse(stream),
            version=seq,
            at=NOW,
            recorded_at=NOW,
            actor="ola",
            command="c",
            event=event,
        )
        assert INCIDENTS.keys(fact.stream, event) == (INCIDENT_ID,)
        row = INCIDENTS.fold(row, fact)
    return row


OWN, UNITS = "incident/I1", "dispatch/I1"
BEGUN = (OWN, OPENED)
SENT = (UNITS, UnitDispatched(unit_id=AMBULANCE, ack_due_s=60))


def test_the_row_says_what_is_known() -> None:
    """Every screen of the room reads this row."""
    row = folded(BEGUN, (OWN, IncidentAmended(place=TEXT, ward_code=None, injured=2)))
    assert (row.number, row.opened_by, row.opened_at) == ("AMB-20261123-0001", "ola", NOW)
    assert (row.place, row.ward_code, row.injured) == (TEXT, None, 2)
    assert (row.category, row.report, row.notify) == ("breathing", REPORT, ("PLN",))


def test_the_row_lists_its_calls_once() -> None:
    """Several callers may see one fire, and one of them calls twice."""
    link = CallLinked(incident_id=INCIDENT_ID)
    linked = folded(BEGUN, ("call/C1", link), ("call/C2", link), ("call/C1", link))
    assert linked.call_ids == ("C2", "C1")
    unlinked = folded(BEGUN, ("call/C1", link), ("call/C1", CallUnlinked(incident_id=INCIDENT_ID)))
    assert unlinked.call_ids == ()


def test_the_row_follows_its_units() -> None:
    """The dispatcher sees who was sent, who answered and who is there."""
    away = UnitLeftForHospital(unit_id=AMBULANCE, hospital_id="R1")
    row = folded(
        BEGUN,
        SENT,
        (UNITS, UnitAcknowledged(unit_id=AMBULANCE)),
        (UNITS, UnitArrived(unit_id=AMBULANCE)),
        (UNITS, away),
        (UNITS, UnitReachedHospital(unit_id=AMBULANCE)),
    )
    unit = row.units[0]
    assert (unit.state, unit.acknowledged_at, unit.on_scene_at) == (
        UnitState.AT_HOSPITAL,
        NOW,
        NOW,
    )
    assert (unit.hospital_id, unit.released_at) == ("R1", None)
    assert (unit.ack_due_at - unit.dispatched_at).total_seconds() == 60
    done = UnitReleased(unit_id=AMBULANCE, reason=Released.DONE)
    assert folded(BEGUN, SENT, (UNITS, done)).units[0].released_at == NOW


def test_the_row_shows_an_overdue_answer_until_it_comes() -> None:
    """The alarm ends when the crew answers, and not before."""
    other = UnitId("PSC-02")
    overdue = (
        UNITS,
        AcknowledgementOverdue(unit_id=AMBULANCE, late_s=0.1, proposed_unit_id=other),
    )
    waiting = folded(BEGUN, SENT, overdue).units[0]
    assert (waiting.ack_overdue, waiting.proposed_unit_id) == (True, other)
    answered = folded(BEGUN, SENT, overdue, (UNITS, UnitAcknowledged(unit_id=AMBULANCE)))
    assert (answered.units[0].ack_overdue, answered.units[0].proposed_unit_id) == (False, None)


def test_a_unit_sent_again_starts_again_and_leaves_the_others_alone() -> None:
    """The row shows the present assignment; the log keeps the first."""
    other = (UNITS, UnitDispatched(unit_id=UnitId("PSC-02"), ack_due_s=60))
    done = (UNITS, UnitReleased(unit_id=AMBULANCE, reason=Released.DONE))
    row = folded(BEGUN, SENT, other, done, SENT)
    assert [one.unit_id for one in row.units] == ["PSC-02", AMBULANCE]
    assert [one.released_at for one in row.units] == [None, None]


def test_the_row_tells_how_it_ended_and_why_it_was_taken_up_again() -> None:
    """The reason stands among the notes, where everybody reads."""
    ended = folded(BEGUN, (OWN, IncidentClosed(disposition="handled", remarks=TEXT)))
    assert (ended.state, ended.closed_at, ended.disposition, ended.remarks) == (
        "closed",
        NOW,
        "handled",
        TEXT,
    )
    again = folded(
        BEGUN,
        (OWN, CLOSED),
        (OWN, IncidentReopened(reason=TEXT)),
        (OWN, NoteAdded(note=REPORT)),
    )
    assert (again.state, again.closed_at, again.reopened) == ("open", None, 1)
    assert [(note.note, note.operator_id) for note in again.notes] == [
        (TEXT, "ola"),
        (REPORT, "ola"),
    ]


def test_facts_of_others_touch_no_incident() -> None:
    """A unit that comes back into service is no news for an incident."""
    assert INCIDENTS.keys(StreamId("unit", "PSC-01"), UnitInService()) == ()
