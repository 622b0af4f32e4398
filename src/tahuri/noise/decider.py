"""What may be done with a measure.  Pure: no clock, no I/O, no chance.

There is no measure that refuses calls: the only one is the slow lane.
"""

from datetime import datetime, timedelta
from typing import assert_never

from msgspec import Struct

from tahuri.kernel.event import Command, Decider, Event
from tahuri.kernel.ids import OperatorId, PersonalId
from tahuri.kernel.refusal import Refused
from tahuri.noise.events import (
    EndReason,
    MeasureEnded,
    MeasureReason,
    MeasureReviewed,
    MeasureSet,
)
from tahuri.refusals import Refusal

DAYS_MAX = 30
DAYS = 7
"""Unless a supervisor says otherwise."""
REVIEW_WITHIN = timedelta(hours=24)


class PutInSlowLane(Command, frozen=True):
    """Slow the calls of a number."""

    by: OperatorId
    number: PersonalId
    reason: MeasureReason
    remarks: PersonalId | None
    days: int
    score: float
    counted: dict[str, int]
    now: datetime


class Review(Command, frozen=True):
    """Another supervisor confirms it, or does not: then it ends."""

    by: OperatorId
    confirmed: bool


class Lift(Command, frozen=True):
    """A supervisor ends it."""

    by: OperatorId


class LetEnd(Command, frozen=True):
    """Time has come: it is over, or nobody has reviewed it."""

    reason: EndReason


MeasureCommand = PutInSlowLane | Review | Lift | LetEnd


class Measure(Struct, frozen=True):
    """A measure as the rules see it."""

    active: bool = False
    set_by: OperatorId | None = None
    confirmed: bool = False


def decide(command: MeasureCommand, state: Measure) -> list[Event]:
    """Events that carry the command out; none if it is so already.  Raises Refused."""
    match command:
        case PutInSlowLane():
            until = command.now + timedelta(days=command.days)
            return [
                MeasureSet(
                    operator_id=command.by,
                    number=command.number,
                    reason=command.reason,
                    remarks=command.remarks,
                    until=until,
                    review_by=min(until, command.now + REVIEW_WITHIN),
                    score=command.score,
                    counted=command.counted,
                )
            ]
        case Review(by=by, confirmed=confirmed):
            if not state.active:
                raise Refused(Refusal.MEASURE_NOT_ACTIVE)
            if by == state.set_by:
                raise Refused(Refusal.NOT_ALLOWED, needed="another supervisor")
            if confirmed and state.confirmed:
                return []
            reviewed = MeasureReviewed(operator_id=by, confirmed=confirmed)
            ended = MeasureEnded(reason=EndReason.NOT_CONFIRMED, operator_id=by)
            return [reviewed] if confirmed else [reviewed, ended]
        case Lift(by=by):
            if not state.active:
                raise Refused(Refusal.MEASURE_NOT_ACTIVE)
            return [MeasureEnded(reason=EndReason.LIFTED, operator_id=by)]
        case LetEnd(reason=reason):
            reviewed_in_time = reason is EndReason.UNREVIEWED and state.confirmed
            if not state.active or reviewed_in_time:
                return []
            return [MeasureEnded(reason=reason)]
        case _:
            assert_never(command)


def evolve(state: Measure, event: Event) -> Measure:
    """State after the event.  Never refuses: it has happened."""
    match event:
        case MeasureSet(operator_id=by):
            return Measure(active=True, set_by=by)
        case MeasureReviewed(confirmed=confirmed):
            return Measure(state.active, state.set_by, confirmed)
        case MeasureEnded():
            return Measure(False, state.set_by, state.confirmed)
        case _:
            return state


MEASURE = Decider(Measure(), decide, evolve)
