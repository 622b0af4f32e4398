"""Crews and service of one unit."""

from datetime import UTC, datetime

import pytest
from given import check
from msgspec.structs import replace

from tahuri.dispatch.events import (
    AcknowledgementOverdue,
    Released,
    UnitArrived,
    UnitDispatched,
    UnitReleased,
)
from tahuri.kernel.event import Event, Fact, StreamId
from tahuri.kernel.ids import AgencyId, IncidentId, OperatorId, StationId, UnitId
from tahuri.refusals import Refusal
from tahuri.units.decider import (
    UNIT,
    Asker,
    PutInService,
    SignOff,
    SignOn,
    TakeOutOfService,
    Unit,
    decide,
)
from tahuri.units.events import (
    CrewSignedOff,
    CrewSignedOn,
    OutOfServiceReason,
    ReportCameLate,
    UnitInService,
    UnitOutOfService,
    UnitRegistered,
)
from tahuri.units.states import UnitState
from tahuri.units.views import UNITS, UnitRow

NOW = datetime(2026, 11, 23, 3, 0, tzinfo=UTC)
AMBULANCE = UnitId("PSC-01")
WIM, OLA = OperatorId("wim"), OperatorId("ola")
BREAKDOWN = OutOfServiceReason.BREAKDOWN
REGISTERED = UnitRegistered(
    agency_id=AgencyId("DINKES"),
    station_id=StationId("PSC"),
    kind="ambulance",
    callsign="Ambulans 1",
)
CREW = Asker(WIM)
ROOM = Asker(OLA, is_crew=False)
DESK = Asker(OLA, is_crew=False, is_desk=True, agency_id="DINKES")


def test_a_crew_member_signs_on() -> None:
    """Only who is signed on may report: the log names who said so."""
    check(
        UNIT,
        given=[REGISTERED],
        knowing=[CREW],
        when=SignOn(),
        then=[CrewSignedOn(operator_id=WIM)],
    )


def test_signing_on_twice_records_it_once() -> None:
    """A phone that lost the answer repeats."""
    check(
        UNIT,
        given=[REGISTERED, CrewSignedOn(operator_id=WIM)],
        knowing=[CREW],
        when=SignOn(),
        then=[],
    )


def test_signing_on_to_a_unit_of_another_agency_is_refused() -> None:
    """A police account must not move an ambulance."""
    check(
        UNIT,
        given=[REGISTERED],
        knowing=[Asker(WIM, agency_id="POLRESTA")],
        when=SignOn(),
        refused=Refusal.NOT_ALLOWED,
    )
    check(
        UNIT,
        given=[REGISTERED],
        knowing=[Asker(WIM, agency_id="DINKES")],
        when=SignOn(),
        then=[CrewSignedOn(operator_id=WIM)],
    )


def test_signing_off_is_recorded_once() -> None:
    """The roster must say who was there, and until when."""
    aboard = [REGISTERED, CrewSignedOn(operator_id=WIM)]
    left = CrewSignedOff(operator_id=WIM)
    check(UNIT, given=aboard, knowing=[CREW], when=SignOff(), then=[left])
    check(UNIT, given=[*aboard, left], knowing=[CREW], when=SignOff(), then=[])


@pytest.mark.parametrize(
    "command", [SignOn(), SignOff(), PutInService(), TakeOutOfService(reason=BREAKDOWN)]
)
def test_a_unit_that_is_not_on_the_roster_is_refused(command: object) -> None:
    """A mistyped unit must not become one."""
    check(UNIT, knowing=[ROOM], when=command, refused=Refusal.UNIT_UNKNOWN)


@pytest.mark.parametrize("command", [PutInService(), TakeOutOfService(reason=BREAKDOWN)])
def test_a_crew_acts_only_for_the_unit_it_is_signed_on_to(command: object) -> None:
    """Nobody takes another crew's vehicle out of service by a slip of the thumb."""
    check(
        UNIT,
        given=[REGISTERED, CrewSignedOn(operator_id=OLA)],
        knowing=[CREW],
        when=command,
        refused=Refusal.CREW_NOT_SIGNED_ON,
    )


def test_a_unit_goes_out_of_service_with_a_reason_and_comes_back() -> None:
    """Who sends units must know which cannot go, and why."""
    out = UnitOutOfService(reason=BREAKDOWN)
    take = TakeOutOfService(reason=BREAKDOWN)
    check(UNIT, given=[REGISTERED], knowing=[ROOM], when=take, then=[out])
    check(UNIT, given=[REGISTERED, out], knowing=[ROOM], when=take, then=[])
    check(
        UNIT,
        given=[REGISTERED, out],
        knowing=[ROOM],
        when=TakeOutOfService(reason=OutOfServiceReason.NO_CREW),
        then=[UnitOutOfService(reason=OutOfServiceReason.NO_CREW)],
    )
    check(
        UNIT, given=[REGISTERED, out], knowing=[ROOM], when=PutInService(), then=[UnitInService()]
    )
    check(
        UNIT,
        given=[REGISTERED, out, UnitInService()],
        knowing=[ROOM],
        when=PutInService(),
        then=[],
    )


def test_a_unit_that_breaks_down_on_an_incident_is_released_from_it() -> None:
    """The incident must show that nobody is coming, or nobody else is sent."""
    unit = Unit(
        unit_id=AMBULANCE,
        registered=True,
        state=UnitState.EN_ROUTE,
        incident_id=IncidentId("I1"),
        operators=(WIM,),
    )
    assert decide(TakeOutOfService(reason=BREAKDOWN), unit, CREW) == [
        UnitReleased(unit_id=AMBULANCE, reason=Released.OUT_OF_SERVICE),
        UnitOutOfService(reason=BREAKDOWN),
    ]


def test_a_desk_takes_its_own_agencys_units_out_of_service_and_no_others() -> None:
    """It knows first that a vehicle is in the workshop; another agency's is not its business."""
    take_out, out = TakeOutOfService(reason=BREAKDOWN), UnitOutOfService(reason=BREAKDOWN)
    given = [REGISTERED, out]
    check(UNIT, given=[REGISTERED], knowing=[DESK], when=take_out, then=[out])
    check(UNIT, given=given, knowing=[DESK], when=PutInService(), then=[UnitInService()])
    foreign = replace(DESK, agency_id="PLN")
    check(UNIT, given=[REGISTERED], knowing=[foreign], when=take_out, refused=Refusal.NOT_ALLOWED)


def folded(*events: tuple[str, Event]) -> UnitRow:
    row = UnitRow(unit_id=AMBULANCE)
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
        assert UNITS.keys(fact.stream, event) == (AMBULANCE,)
        row = UNITS.fold(row, fact)
    return row


def test_the_row_follows_crew_service_and_assignment() -> None:
    """The unit board is what dispatchers decide by."""
    own = "unit/PSC-01"
    row = folded(
        (own, REGISTERED),
        (own, CrewSignedOn(operator_id=WIM)),
        (own, CrewSignedOn(operator_id=OLA)),
        (own, CrewSignedOff(operator_id=WIM)),
        ("dispatch/I1", UnitDispatched(unit_id=AMBULANCE, ack_due_s=60)),
        (
            "dispatch/I1",
            AcknowledgementOverdue(unit_id=AMBULANCE, late_s=0.3, proposed_unit_id=None),
        ),
    )
    assert (row.state, row.incident_id, row.operators) == (UnitState.DISPATCHED, "I1", (OLA,))
    assert (row.kind, row.since) == ("ambulance", NOW)


def test_the_row_of_a_released_unit_names_no_incident() -> None:
    """A unit that still names its last incident could not be sent to the next."""
    own = "unit/PSC-01"
    sent = ("dispatch/I1", UnitDispatched(unit_id=AMBULANCE, ack_due_s=60))
    there = ("dispatch/I1", UnitArrived(unit_id=AMBULANCE))
    done = ("dispatch/I1", UnitReleased(unit_id=AMBULANCE, reason=Released.DONE))
    row = folded((own, REGISTERED), sent, there, done)
    assert (row.state, row.incident_id) == (UnitState.AVAILABLE, None)
    out = folded((own, REGISTERED), (own, UnitOutOfService(reason=BREAKDOWN)))
    assert (out.state, out.reason) == (UnitState.OUT_OF_SERVICE, "breakdown")
    back = folded(
        (own, REGISTERED), (own, UnitOutOfService(reason=BREAKDOWN)), (own, UnitInService())
    )
    assert (back.state, back.reason) == (UnitState.AVAILABLE, None)


def test_a_late_report_touches_no_row() -> None:
    """It belongs in the timeline; the board shows what is."""
    late = ReportCameLate(unit_id=AMBULANCE, state=UnitState.EN_ROUTE)
    assert UNITS.keys(StreamId("dispatch", "I1"), late) == ()
    assert UNITS.keys(StreamId("unit", "PSC-01"), late) == ()
