"""A call that is parked, or sent on to another seat or party."""

from datetime import datetime
from typing import assert_never

from msgspec.structs import replace

from tahuri.calls.events import CallParked, TransferCompleted, TransferFailed, TransferStarted
from tahuri.calls.views.rows import CallRow

SentOn = TransferStarted | TransferCompleted | TransferFailed | CallParked


def sent_on(row: CallRow, event: SentOn, at: datetime) -> CallRow:
    """The call where it was parked or sent to, or at its seat again."""
    match event:
        case CallParked():
            return replace(
                row,
                state="parked",
                slot=event.slot,
                aside_since=at,
                seat_id=None,
                on_hold=False,
                muted=False,
            )
        case TransferStarted(to_seat_id=None):
            return replace(row, transferring=True)
        case TransferStarted():
            return replace(
                row,
                state="queued",
                transferring=True,
                to_seat_id=event.to_seat_id,
                aside_since=at,
                seat_id=None,
                on_hold=False,
                muted=False,
            )
        case TransferCompleted(leg_id=None):
            return replace(row, transferring=False)
        case TransferCompleted():
            return replace(
                row,
                state="answered",
                transferring=False,
                handed_over=True,
                seat_id=None,
                on_hold=False,
                muted=False,
            )
        case TransferFailed():
            return replace(row, transferring=False, to_seat_id=None, aside_since=None)
        case _:
            assert_never(event)
