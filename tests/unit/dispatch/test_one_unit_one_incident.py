"""No sequence of commands leads to one unit on two incidents; rows and rules always agree.

A small city in memory: the real deciders and views, facts instead of a database.
"""

from datetime import UTC, datetime, timedelta

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule

from tahuri.dispatch.decider import (
    DISPATCH,
    Dispatch,
    NoticeSilence,
    ReportState,
    SendUnit,
    Situation,
    StandUnitDown,
)
from tahuri.dispatch.events import OverrideReason, StandDownReason, UnitReleased
from tahuri.incidents.decider import INCIDENT, Close, Incident, Open, Reopen
from tahuri.incidents.views import INCIDENTS, IncidentRow
from tahuri.kernel.event import Event, Fact, StreamId
from tahuri.kernel.ids import AgencyId, IncidentId, OperatorId, PersonalId, UnitId
from tahuri.kernel.refusal import Refused
from tahuri.kernel.view import Row, View
from tahuri.refusals import Refusal
from tahuri.units.decider import Asker, PutInService, TakeOutOfService, Unit
from tahuri.units.decider import decide as decide_unit
from tahuri.units.events import OutOfServiceReason, UnitRegistered
from tahuri.units.states import PROGRESS, UnitState
from tahuri.units.views import UNITS, UnitRow

FLEET = tuple(UnitId(name) for name in ("A", "B", "C"))
WORLD = tuple(IncidentId(name) for name in ("I1", "I2", "I3"))
START = datetime(2026, 11, 23, 3, 0, tzinfo=UTC)
ROOM = Asker(OperatorId("ola"), is_crew=False)
EXPECTED = {
    Refusal.UNIT_NOT_AVAILABLE,
    Refusal.UNIT_NOT_DISPATCHED,
    Refusal.MOVE_NOT_ALLOWED,
    Refusal.OVERRIDE_REASON_MISSING,
    Refusal.INCIDENT_CLOSED,
    Refusal.UNITS_NOT_RELEASED,
}

units = st.sampled_from(FLEET)
incidents = st.sampled_from(WORLD)


class City(RuleBasedStateMachine):
    """Dispatchers and crews who press any key at any moment."""

    def __init__(self) -> None:
        super().__init__()
        self.facts: list[Fact] = []
        self.rows: dict[tuple[str, str], Row] = {}
        for unit in FLEET:
            registered = UnitRegistered(
                agency_id=AgencyId("PSC"), station_id=None, kind="ambulance", callsign=unit
            )
            self.append(StreamId("unit", unit), [registered])
        for incident in WORLD:
            opened = Open(
                number=f"AMB-20261123-000{incident[-1]}",
                category="breathing",
                priority=1,
                place=PersonalId("P"),
                ward_code=None,
                injured=None,
                hazards=(),
                report=PersonalId("R"),
                notify=(),
            )
            self.append(StreamId("incident", incident), INCIDENT.decide(opened, Incident()))

    def append(self, stream: StreamId, events: "list[Event] | list[UnitRegistered]") -> None:
        for event in events:
            seq = len(self.facts) + 1
            at = START + timedelta(seconds=seq)
            fact = Fact(
                seq=seq,
                stream=stream,
                version=seq,
                at=at,
                recorded_at=at,
                actor="ola",
                command=f"c{seq}",
                event=event,
            )
            self.facts.append(fact)
            for view in (UNITS, INCIDENTS):
                for key in view.keys(stream, event):
                    self.rows[view.name, key] = view.fold(self.row(view, key), fact)

    def row(self, view: View, key: str) -> Row:
        return self.rows.get((view.name, key)) or view.new(key)

    def unit(self, key: str) -> UnitRow:
        row = self.row(UNITS, key)
        assert isinstance(row, UnitRow)
        return row

    def incident(self, key: str) -> IncidentRow:
        row = self.row(INCIDENTS, key)
        assert isinstance(row, IncidentRow)
        return row

    def dispatched(self, incident: IncidentId) -> Dispatch:
        stream = StreamId("dispatch", incident)
        return DISPATCH.state(fact for fact in self.facts if fact.stream == stream)

    def command(self, incident: IncidentId, command: object, about: Situation) -> None:
        try:
            events = DISPATCH.decide(command, self.dispatched(incident), about)
        except Refused as refused:
            if refused.code not in EXPECTED:
                raise
            return
        self.append(StreamId("dispatch", incident), list(events))

    @rule(unit=units, incident=incidents, recommended=st.booleans(), explained=st.booleans())
    def send(self, unit: UnitId, incident: IncidentId, recommended: bool, explained: bool) -> None:
        row = self.unit(unit)
        about = Situation(
            incident_open=self.incident(incident).state == "open",
            unit_state=row.state,
            unit_incident=row.incident_id,
            recommended=recommended,
            next_units=tuple(one for one in FLEET if one != unit),
        )
        reason = OverrideReason.OTHER if explained else None
        self.command(incident, SendUnit(unit_id=unit, override_reason=reason), about)

    @rule(unit=units, incident=incidents)
    def stand_down(self, unit: UnitId, incident: IncidentId) -> None:
        command = StandUnitDown(unit_id=unit, reason=StandDownReason.NOT_NEEDED)
        self.command(incident, command, Situation())

    @rule(unit=units, incident=incidents, state=st.sampled_from(UnitState))
    def report(self, unit: UnitId, incident: IncidentId, state: UnitState) -> None:
        before = self.unit(unit)
        about = Situation(belongs=before.incident_id == incident)
        self.command(incident, ReportState(unit_id=unit, state=state), about)
        after = self.unit(unit)
        if before.state in PROGRESS and after.state in PROGRESS:
            assert PROGRESS.index(after.state) >= PROGRESS.index(before.state)

    @rule(unit=units, incident=incidents)
    def silence(self, unit: UnitId, incident: IncidentId) -> None:
        free = frozenset(one for one in FLEET if self.unit(one).state is UnitState.AVAILABLE)
        self.command(incident, NoticeSilence(unit_id=unit, late_s=0.0), Situation(free=free))

    @rule(unit=units, back=st.booleans())
    def service(self, unit: UnitId, back: bool) -> None:
        row = self.unit(unit)
        known = Unit(
            unit_id=unit,
            state=row.state,
            reason=row.reason,
            incident_id=row.incident_id,
            registered=row.registered,
        )
        out = TakeOutOfService(reason=OutOfServiceReason.BREAKDOWN)
        for event in decide_unit(PutInService() if back else out, known, ROOM):
            if isinstance(event, UnitReleased):
                assert row.incident_id is not None
                self.append(StreamId("dispatch", row.incident_id), [event])
            else:
                self.append(StreamId("unit", unit), [event])

    @rule(incident=incidents, again=st.booleans())
    def end(self, incident: IncidentId, again: bool) -> None:
        row = self.incident(incident)
        unreleased = tuple(one.unit_id for one in row.units if one.released_at is None)
        close = Close(disposition="handled", remarks=None, unreleased=unreleased)
        command = Reopen(reason=PersonalId("T")) if again else close
        stream = StreamId("incident", incident)
        state = INCIDENT.state(fact for fact in self.facts if fact.stream == stream)
        try:
            self.append(stream, list(INCIDENT.decide(command, state)))
        except Refused as refused:
            if refused.code not in EXPECTED:
                raise

    @invariant()
    def a_unit_is_on_one_incident_at_most_and_both_rows_say_the_same(self) -> None:
        for unit in FLEET:
            row = self.unit(unit)
            on = {
                incident: one.state
                for incident in WORLD
                for one in self.incident(incident).units
                if one.unit_id == unit and one.released_at is None
            }
            assert on == ({row.incident_id: row.state} if row.incident_id else {})
            assert (row.state in PROGRESS) == (row.incident_id is not None)

    @invariant()
    def the_rules_and_the_rows_agree(self) -> None:
        for incident in WORLD:
            present = self.dispatched(incident).present
            shown = {
                one.unit_id: (one.state, one.ack_overdue)
                for one in self.incident(incident).units
                if one.released_at is None
            }
            assert {unit: known.state for unit, known in present.items()} == {
                unit: state for unit, (state, _) in shown.items()
            }
            for state, overdue in shown.values():
                assert not overdue or state is UnitState.DISPATCHED

    @invariant()
    def a_closed_incident_has_no_units(self) -> None:
        for incident in WORLD:
            row = self.incident(incident)
            assert row.state == "open" or all(one.released_at for one in row.units)


TestCity = City.TestCase
TestCity.settings = settings(max_examples=60, stateful_step_count=40, deadline=None)
