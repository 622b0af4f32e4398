"""The seats of the room: one row a seat, as supervisors see it.  Pure."""

from datetime import datetime, timedelta

from msgspec.structs import replace

from tahuri.calls.events import (
    CallAnswered,
    CallOffered,
    OfferMissed,
    OfferWithdrawn,
    SupervisionStarted,
)
from tahuri.kernel.event import Event, Fact, StreamId
from tahuri.kernel.ids import CallId, OperatorId, SeatId
from tahuri.kernel.view import Row, View
from tahuri.operators.events import (
    SeatLeft,
    SeatNotReady,
    SeatReady,
    SeatSkillsTold,
    SeatTaken,
    SeatVanished,
    WrapUpExtended,
)


class SeatRow(Row, frozen=True):
    """A seat as it stands."""

    seat_id: SeatId
    kind: str = "browser"
    operator_id: OperatorId | None = None
    state: str = "free"
    """``free``, ``ready``, ``not_ready``, ``offered``, ``busy``, ``supervising``, ``vanished``."""
    reason: str | None = None
    call_id: CallId | None = None
    robot: bool = False
    since: datetime | None = None
    ready_at: datetime | None = None
    """When wrap-up ends by itself; None: not before the operator says so."""
    desk: str = "taker"
    """``taker``, ``supervisor`` or ``agency-desk``."""
    languages: tuple[str, ...] = ()
    agency_id: str | None = None


def keys(stream: StreamId, event: Event) -> tuple[str, ...]:
    """A seat's own facts, and the calls that ring or are answered there."""
    match event:
        case SeatTaken() | SeatReady() | SeatNotReady() | SeatLeft() | SeatVanished():
            return (stream.key,)
        case WrapUpExtended() | SeatSkillsTold():
            return (stream.key,)
        case CallOffered() | OfferMissed() | OfferWithdrawn() | CallAnswered():
            return (event.seat_id,)
        case SupervisionStarted():
            return (event.seat_id,)
        case _:
            return ()


def fold(row: SeatRow, fact: Fact) -> SeatRow:
    """The seat after the fact."""
    now = replace(row, since=fact.at, ready_at=None)
    match fact.event:
        case SeatTaken() as event:
            return replace(
                now,
                operator_id=event.operator_id,
                kind=event.kind,
                robot=event.robot,
                state="not_ready",
                reason="technical",
                call_id=None,
                desk="taker",
                languages=(),
                agency_id=None,
            )
        case SeatSkillsTold() as event:
            return replace(
                row, desk=event.desk, languages=event.languages, agency_id=event.agency_id
            )
        case SeatReady() as event:
            return replace(
                now, operator_id=event.operator_id, state="ready", reason=None, call_id=None
            )
        case SeatNotReady() as event:
            return replace(
                now,
                operator_id=event.operator_id,
                state="not_ready",
                reason=event.reason,
                call_id=None,
                ready_at=_later(fact.at, event.for_s),
            )
        case WrapUpExtended() as event:
            return replace(row, ready_at=_later(fact.at, event.for_s))
        case SeatLeft():
            return replace(now, operator_id=None, state="free", reason=None, call_id=None)
        case SeatVanished():
            return replace(now, operator_id=None, state="vanished", reason=None, call_id=None)
        case CallOffered():
            return replace(now, state="offered", call_id=CallId(fact.stream.key))
        case CallAnswered() as event:
            return replace(now, state="busy", call_id=CallId(fact.stream.key), robot=event.robot)
        case SupervisionStarted():
            return replace(now, state="supervising", call_id=CallId(fact.stream.key))
        case OfferMissed() | OfferWithdrawn():
            return replace(
                now, call_id=None, state="ready" if row.state == "offered" else row.state
            )
        case _:
            return row


def _later(at: datetime, for_s: float | None) -> datetime | None:
    return None if for_s is None else at + timedelta(seconds=for_s)


SEATS = View("seat", SeatRow, "seat_id", keys, fold)
VIEWS = (SEATS,)
