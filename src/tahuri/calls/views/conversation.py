"""A call from the queue through its conversation to its end."""

from datetime import datetime
from typing import assert_never

from msgspec.structs import replace

from tahuri.calls.events import (
    CallAnswered,
    CallEnded,
    CallHeld,
    CallOffered,
    CallPlaced,
    CallQueued,
    CallRequeued,
    CallResumed,
    CallRinging,
    KeyPressed,
    MediaHeard,
    MediaSilent,
    OfferMissed,
    OfferWithdrawn,
    SeatMuted,
    SeatUnmuted,
)
from tahuri.calls.views.rows import CallRow

Conversation = (
    CallQueued
    | CallOffered
    | OfferMissed
    | OfferWithdrawn
    | CallAnswered
    | CallPlaced
    | CallRinging
    | CallHeld
    | CallResumed
    | SeatMuted
    | SeatUnmuted
    | CallRequeued
    | KeyPressed
    | MediaSilent
    | MediaHeard
    | CallEnded
)


def conversation(row: CallRow, event: Conversation, at: datetime) -> CallRow:
    """The call as it waits, rings, is spoken in or has ended."""
    match event:
        case CallQueued():
            return replace(row, state="queued", notice=event.notice)
        case CallOffered():
            seats = (*(one for one in row.rings_at if one != event.seat_id), event.seat_id)
            return replace(row, state="offered", offered_to=seats[0], rings_at=seats)
        case OfferMissed() | OfferWithdrawn():
            seats = tuple(one for one in row.rings_at if one != event.seat_id)
            state = "queued" if row.state == "offered" and not seats else row.state
            return replace(row, state=state, offered_to=seats[0] if seats else None, rings_at=seats)
        case CallAnswered():
            return replace(
                row,
                state="answered",
                answered_at=row.answered_at or at,
                answered_by=row.answered_by or "seat",
                offered_to=None,
                rings_at=(),
                seat_id=event.seat_id,
                operator_id=event.operator_id,
                robot=event.robot,
                on_hold=False,
                muted=False,
                slot=None,
                to_seat_id=None,
                aside_since=None,
                handed_over=False,
            )
        case CallPlaced():
            return replace(
                row,
                state="calling",
                offered_to=None,
                seat_id=event.seat_id,
                operator_id=event.operator_id,
            )
        case CallRinging():
            return replace(row, state="ringing")
        case CallHeld():
            return replace(row, state="held", on_hold=True)
        case CallResumed():
            return replace(row, state="answered", on_hold=False)
        case SeatMuted():
            return replace(row, muted=True)
        case SeatUnmuted():
            return replace(row, muted=False)
        case CallRequeued():
            return replace(
                row,
                state="queued",
                seat_id=None,
                on_hold=False,
                muted=False,
                requeued=row.requeued + 1,
                slot=None,
                to_seat_id=None,
                aside_since=None,
                handed_over=False,
            )
        case KeyPressed():
            return replace(row, keys=row.keys + event.digit)
        case MediaSilent():
            return replace(row, silent=row.silent or event.leg == "caller")
        case MediaHeard():
            return replace(row, silent=row.silent and event.leg != "caller")
        case CallEnded():
            return replace(
                row,
                state="ended",
                ended_at=at,
                offered_to=None,
                rings_at=(),
                outcome=event.outcome,
                ended_by=event.by,
                end_reason=event.reason or None,
                status=event.status,
                wrapped_up_at=at if event.outcome == "not-reached" else row.wrapped_up_at,
                on_hold=False,
                muted=False,
                slot=None,
                to_seat_id=None,
                aside_since=None,
                transferring=False,
                parties=tuple(replace(party, state="left") for party in row.parties),
            )
        case _:
            assert_never(event)
