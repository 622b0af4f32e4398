"""The clocks of a case, in seconds, from its facts alone.  Pure.

Facts carry the clock of whoever saw them, and clocks are wrong or set: a phase that would end
before it began has no length and is named as doubtful, never shown as a negative time.

Source: the city's definitions (docs/glossary.md) after Permen PU 25/2008 and Permendagri 114/2018.
"""

from collections.abc import Callable, Mapping, Sequence
from datetime import datetime

from msgspec import Struct

from tahuri.callbacks.events import AttemptBegun, ItemClosed, ItemOpened
from tahuri.calls.events import CallAnswered, CallArrived
from tahuri.dispatch.events import (
    MilestoneReached,
    UnitAcknowledged,
    UnitArrived,
    UnitDispatched,
    UnitReleased,
    UnitSetOut,
    UnitStoodDown,
)
from tahuri.incidents.events import IncidentClosed, IncidentOpened, IncidentReopened
from tahuri.kernel.event import Event, Fact
from tahuri.kernel.ids import UnitId
from tahuri.units.states import Milestone


class UnitClocks(Struct, frozen=True, kw_only=True):
    """The phases of one sending of a unit, seconds; None where a phase was not reported."""

    unit_id: UnitId
    acknowledge_s: float | None = None
    """Dispatch → crew acknowledges."""
    turnout_s: float | None = None
    """Acknowledged → on the way."""
    travel_s: float | None = None
    """On the way → on scene."""
    access_s: float | None = None
    """On scene → at the patient or at what burns."""
    setup_s: float | None = None
    """At the patient or at what burns → work begun."""
    on_scene_s: float | None = None
    """On scene → free again."""
    doubtful: tuple[str, ...] = ()
    """Phases that have no length because the clocks that told of their ends disagree."""


class Clocks(Struct, frozen=True, kw_only=True):
    """The clocks of one case, seconds; None while the later moment has not come."""

    answer_s: float | None = None
    """Call received → call taker answers, of the call about the case that was answered first."""
    processing_s: float | None = None
    """Answered (or opened, without a call) → first unit dispatched."""
    response_s: float | None = None
    """Report received → first unit on scene."""
    action_s: float | None = None
    """Report received → first crew begins its work."""
    closed_s: float | None = None
    """Report received → closed for the last time; None while it is open again."""
    call_back_s: float | None = None
    """Caller gone before an answer → first call-back attempt."""
    outcome_s: float | None = None
    """Caller gone before an answer → what became of them is said."""
    doubtful: tuple[str, ...] = ()
    """Clocks that have no length because the moments that they run between are out of order."""
    units: tuple[UnitClocks, ...] = ()


def _first(facts: Sequence[Fact], *kinds: type[Event]) -> datetime | None:
    return min((fact.at for fact in facts if isinstance(fact.event, kinds)), default=None)


def _reached(facts: Sequence[Fact], milestone: Milestone) -> datetime | None:
    told = (
        fact.at
        for fact in facts
        if isinstance(fact.event, MilestoneReached) and fact.event.milestone is milestone
    )
    return min(told, default=None)


Spans = Mapping[str, tuple[datetime | None, datetime | None]]


def _lengths(spans: Spans) -> tuple[dict[str, float | None], tuple[str, ...]]:
    """Seconds of each span, None where it has no end or ends before its start; and these names."""
    lengths: dict[str, float | None] = {}
    doubtful = []
    for name, (start, end) in spans.items():
        lengths[name] = None if start is None or end is None else (end - start).total_seconds()
        if (lengths[name] or 0) < 0:
            lengths[name] = None
            doubtful.append(name)
    return lengths, tuple(doubtful)


def clocks(facts: Sequence[Fact]) -> Clocks:
    """The clocks of one case.

    Args:
        facts: of the incident, its dispatches and its calls, in any order.
    """
    listed = sorted(facts, key=lambda fact: fact.seq)
    received = _first(listed, CallArrived) or _first(listed, IncidentOpened)
    answered = _first(listed, CallAnswered)
    started = answered or _first(listed, IncidentOpened)
    spans = {
        "answer_s": _answer(listed),
        "processing_s": (started, _first(listed, UnitDispatched)),
        "response_s": (received, _first_of_units(listed, _arrived)),
        "action_s": (received, _first_of_units(listed, _begun)),
        "closed_s": (received, _closed_at(listed)),
        "call_back_s": (_first(listed, ItemOpened), _first(listed, AttemptBegun)),
        "outcome_s": (_first(listed, ItemOpened), _first(listed, ItemClosed)),
    }
    lengths, doubtful = _lengths(spans)
    units = tuple(_unit_clocks(assignment) for assignment in _assignments(listed))
    return Clocks(**lengths, doubtful=doubtful, units=units)


def _arrived(assignment: Sequence[Fact]) -> datetime | None:
    return _first(assignment, UnitArrived)


def _begun(assignment: Sequence[Fact]) -> datetime | None:
    return _reached(assignment, Milestone.WORK)


def _first_of_units(
    facts: Sequence[Fact], moment: Callable[[Sequence[Fact]], datetime | None]
) -> datetime | None:
    """When the first unit did it; one whose clock puts it before its own dispatch only if no other.

    Args:
        facts: of the case, as recorded.
        moment: facts of one sending → when its unit did it.
    """
    moments = []
    for assignment in _assignments(facts):
        at = moment(assignment)
        if at is not None:
            moments.append((at < assignment[0].at, at))
    return min(moments)[1] if moments else None


def _answer(facts: Sequence[Fact]) -> tuple[datetime | None, datetime | None]:
    """Of the call that was answered first; callers who gave up before it have no answer time."""
    answers = [fact for fact in facts if isinstance(fact.event, CallAnswered)]
    first = min(answers, key=lambda fact: fact.at, default=None)
    if first is None:
        return None, None
    same_call = [fact for fact in facts if fact.stream == first.stream]
    return _first(same_call, CallArrived), first.at


def _closed_at(facts: Sequence[Fact]) -> datetime | None:
    """The last closing, unless the incident was opened again after it."""
    closed = None
    for fact in facts:
        match fact.event:
            case IncidentClosed():
                closed = fact.at
            case IncidentReopened():
                closed = None
            case _:
                pass
    return closed


def _assignments(facts: Sequence[Fact]) -> list[list[Fact]]:
    """Facts about each sending of a unit; a unit that was sent twice has two."""
    found: list[list[Fact]] = []
    current: dict[UnitId, list[Fact]] = {}
    for fact in facts:
        unit_id = getattr(fact.event, "unit_id", None)
        if isinstance(fact.event, UnitDispatched):
            current[fact.event.unit_id] = [fact]
            found.append(current[fact.event.unit_id])
        elif unit_id in current:
            current[unit_id].append(fact)
    return found


def _unit_clocks(facts: Sequence[Fact]) -> UnitClocks:
    """One sending of a unit.

    Args:
        facts: the dispatch first, then what followed, as recorded.
    """
    dispatched = facts[0].event
    assert isinstance(dispatched, UnitDispatched)
    acknowledged = _first(facts, UnitAcknowledged)
    out = _first(facts, UnitSetOut)
    arrived = _arrived(facts)
    at_patient = _reached(facts, Milestone.ACCESS)
    spans = {
        "acknowledge_s": (facts[0].at, acknowledged),
        "turnout_s": (acknowledged or facts[0].at, out),
        "travel_s": (out, arrived),
        "access_s": (arrived, at_patient),
        "setup_s": (at_patient, _begun(facts)),
        "on_scene_s": (arrived, _first(facts, UnitReleased, UnitStoodDown)),
    }
    lengths, doubtful = _lengths(spans)
    return UnitClocks(unit_id=dispatched.unit_id, **lengths, doubtful=doubtful)
