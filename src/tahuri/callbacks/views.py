"""The list of call-backs: one row an item, with its risk and its clocks.  Pure."""

from datetime import datetime
from typing import assert_never

from msgspec import Struct
from msgspec.structs import replace

from tahuri.callbacks.decider import ItemEvent
from tahuri.callbacks.events import (
    WISHES,
    AttemptBegun,
    AttemptEnded,
    CallAttached,
    CallerTold,
    CallerWord,
    Cause,
    ItemClosed,
    ItemOpened,
    ItemReopened,
    MessageFailed,
    MessageSent,
    Overdue,
)
from tahuri.callbacks.risk import RiskReason, Signals, Told, reasons_of, risk_of
from tahuri.kernel.event import Event, Fact, StreamId
from tahuri.kernel.ids import CallId, IncidentId, OperatorId, PersonalId, SeatId
from tahuri.kernel.view import Row, View


class LostCall(Struct, frozen=True):
    """One call in vain."""

    call_id: CallId
    at: datetime
    """When they were gone."""
    cause: Cause
    waited_s: float
    keys: int
    near: IncidentId | None
    night: bool
    location: PersonalId | None

    @property
    def signals(self) -> Signals:
        """What counts of it."""
        located = self.location is not None
        near = self.near is not None
        return Signals(self.cause, self.waited_s, self.keys, located, near, self.night)


class Attempt(Struct, frozen=True):
    """One call of ours."""

    call_id: CallId
    seat_id: SeatId
    operator_id: OperatorId
    automatic: bool
    at: datetime
    ended_at: datetime | None = None
    result: str | None = None
    status: int | None = None


class CallerSaid(Struct, frozen=True):
    """One word on the caller's page."""

    word: CallerWord
    at: datetime
    text: PersonalId | None = None
    location: PersonalId | None = None


class CallBackRow(Row, frozen=True):
    """An item as it stands."""

    callback_id: str
    state: str = "open"
    """``open`` or ``closed``."""
    opened_at: datetime | None = None
    """When the first of its calls was lost."""
    closed_at: datetime | None = None
    caller: PersonalId | None = None
    number_status: str = "none"
    dialable: bool = False
    location: PersonalId | None = None
    calls: tuple[LostCall, ...] = ()
    attempts: tuple[Attempt, ...] = ()
    calling: CallId | None = None
    """Our call that is under way."""
    said: tuple[CallerSaid, ...] = ()
    """On the caller's page, in the order in which it came."""
    wish: CallerWord | None = None
    """The last of `events.WISHES`: whether to call them at all."""
    risk: int = 0
    reasons: tuple[RiskReason, ...] = ()
    overdue: bool = False
    message: str = "none"
    """``none``, ``sent`` or ``failed``."""
    outcome: str | None = None
    outcome_by: OperatorId | None = None
    incident_id: IncidentId | None = None
    answered_call_id: CallId | None = None
    note: PersonalId | None = None
    reason: PersonalId | None = None
    """Why it was opened again."""
    reopened: int = 0
    call_back_s: float | None = None
    """Clock: lost → first attempt.  None before it, or where the two moments are out of order."""
    outcome_s: float | None = None
    """Clock: lost → outcome."""


def keys(stream: StreamId, event: Event) -> tuple[str, ...]:
    """The item's own row."""
    return (stream.key,) if isinstance(event, ItemEvent) else ()


def fold(row: CallBackRow, fact: Fact) -> CallBackRow:
    """The item after the fact."""
    event = fact.event
    assert isinstance(event, ItemEvent)
    match event:
        case ItemOpened():
            opened = replace(
                row,
                opened_at=fact.at,
                caller=event.caller,
                number_status=event.number_status,
                dialable=event.dialable,
                location=event.location,
                calls=(_lost(event, fact.at),),
            )
            return _weighed(opened)
        case CallAttached():
            place = event.location or row.location
            calls = (*row.calls, _lost(event, fact.at))
            return _weighed(replace(row, calls=calls, location=place))
        case AttemptBegun():
            attempt = Attempt(
                event.call_id, event.seat_id, event.operator_id, event.automatic, fact.at
            )
            first_s = _between(row.opened_at, fact.at) if not row.attempts else row.call_back_s
            return replace(
                row,
                attempts=(*row.attempts, attempt),
                calling=event.call_id,
                overdue=False,
                call_back_s=first_s,
            )
        case AttemptEnded():
            going = None if row.calling == event.call_id else row.calling
            attempts = tuple(_ended(one, event, fact.at) for one in row.attempts)
            return replace(row, attempts=attempts, calling=going)
        case Overdue():
            return replace(row, overdue=True)
        case MessageSent():
            return replace(row, message="sent")
        case MessageFailed():
            return replace(row, message="failed")
        case ItemClosed():
            return replace(
                row,
                state="closed",
                closed_at=fact.at,
                overdue=False,
                outcome=event.outcome,
                outcome_by=OperatorId(fact.actor),
                incident_id=event.incident_id,
                answered_call_id=event.call_id,
                note=event.note,
                outcome_s=_between(row.opened_at, fact.at),
            )
        case ItemReopened():
            return replace(
                row,
                state="open",
                closed_at=None,
                outcome=None,
                outcome_by=None,
                outcome_s=None,
                reason=event.reason,
                reopened=row.reopened + 1,
            )
        case CallerTold(word=word):
            said = CallerSaid(word, fact.at, event.text, event.location)
            wish = word if word in WISHES else row.wish
            return _weighed(replace(row, said=(*row.said, said), wish=wish))
        case _:
            assert_never(event)


def _lost(event: ItemOpened | CallAttached, at: datetime) -> LostCall:
    return LostCall(
        call_id=event.call_id,
        at=at,
        cause=event.cause,
        waited_s=event.waited_s,
        keys=event.keys,
        near=event.near,
        night=event.night,
        location=event.location,
    )


def _weighed(row: CallBackRow) -> CallBackRow:
    signals = (call.signals for call in row.calls)
    told = Told(
        wish=row.wish,
        wrote=any(said.text is not None for said in row.said),
        located=any(said.location is not None for said in row.said),
    )
    reasons = reasons_of(signals, row.number_status, row.dialable, told)
    return replace(row, reasons=reasons, risk=risk_of(reasons))


def _ended(attempt: Attempt, event: AttemptEnded, at: datetime) -> Attempt:
    if attempt.call_id != event.call_id:
        return attempt
    return replace(attempt, ended_at=at, result=event.result, status=event.status)


def _between(start: datetime | None, end: datetime) -> float | None:
    """Seconds; None where the clocks that told of the two moments disagree."""
    if start is None or end < start:
        return None
    return (end - start).total_seconds()


CALL_BACKS = View(
    "callback",
    CallBackRow,
    "callback_id",
    keys,
    fold,
    personal=("caller", "location", "note", "reason", "said[].text", "said[].location"),
)
VIEWS = (CALL_BACKS,)
