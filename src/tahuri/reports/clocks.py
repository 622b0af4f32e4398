"""The clocks of a case, in seconds, from its facts alone.  Pure.

Source: the city's definitions (docs/glossary.md) after Permen PU 25/2008 and Permendagri 114/2018.
"""

from collections.abc import Sequence
from datetime import datetime

from msgspec import Struct

from tahuri.calls.events import CallAnswered, CallArrived
from tahuri.dispatch.events import (
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


class UnitClocks(Struct, frozen=True, kw_only=True):
    """The phases of one sending of a unit, seconds; None where a phase was not reported."""

    unit_id: UnitId
    acknowledge_s: float | None = None
    """Dispatch → crew acknowledges."""
    turnout_s: float | None = None
    """Acknowledged → on the way."""
    travel_s: float | None = None
    """On the way → on scene."""
    on_scene_s: float | None = None
    """On scene → free again."""


class Clocks(Struct, frozen=True, kw_only=True):
    """The clocks of one case, seconds; None while the later moment has not come."""

    answer_s: float | None = None
    """Call received → call taker answers, of the call about the case that was answered first."""
    processing_s: float | None = None
    """Answered (or opened, without a call) → first unit dispatched."""
    response_s: float | None = None
    """Report received → first unit on scene."""
    closed_s: float | None = None
    """Report received → closed for the last time; None while it is open again."""
    units: tuple[UnitClocks, ...] = ()


def _first(facts: Sequence[Fact], *kinds: type[Event]) -> datetime | None:
    return min((fact.at for fact in facts if isinstance(fact.event, kinds)), default=None)


def _between(start: datetime | None, end: datetime | None) -> float | None:
    return None if start is None or end is None else (end - start).total_seconds()


def clocks(facts: Sequence[Fact]) -> Clocks:
    """The clocks of one case.

    Args:
        facts: of the incident, its dispatches and its calls, in any order.
    """
    listed = sorted(facts, key=lambda fact: fact.seq)
    received = _first(listed, CallArrived) or _first(listed, IncidentOpened)
    answered = _first(listed, CallAnswered)
    started = answered or _first(listed, IncidentOpened)
    return Clocks(
        answer_s=_answer_s(listed),
        processing_s=_between(started, _first(listed, UnitDispatched)),
        response_s=_between(received, _first(listed, UnitArrived)),
        closed_s=_between(received, _closed_at(listed)),
        units=tuple(_unit_clocks(assignment) for assignment in _assignments(listed)),
    )


def _answer_s(facts: Sequence[Fact]) -> float | None:
    """Of the call that was answered first; callers who gave up before it have no answer time."""
    answers = [fact for fact in facts if isinstance(fact.event, CallAnswered)]
    first = min(answers, key=lambda fact: fact.at, default=None)
    if first is None:
        return None
    same_call = [fact for fact in facts if fact.stream == first.stream]
    return _between(_first(same_call, CallArrived), first.at)


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
    arrived = _first(facts, UnitArrived)
    return UnitClocks(
        unit_id=dispatched.unit_id,
        acknowledge_s=_between(facts[0].at, acknowledged),
        turnout_s=_between(acknowledged or facts[0].at, out),
        travel_s=_between(out, arrived),
        on_scene_s=_between(arrived, _first(facts, UnitReleased, UnitStoodDown)),
    )
