"""What changes a waiting call's turn."""

from datetime import datetime
from typing import assert_never

from msgspec.structs import replace

from tahuri.calls.events import (
    CallOverflowed,
    OverflowAnswered,
    OverflowReturned,
    PrecedenceSet,
    SkillAsked,
)
from tahuri.calls.views.rows import CallRow

Turn = PrecedenceSet | SkillAsked | CallOverflowed | OverflowAnswered | OverflowReturned


def turn(row: CallRow, event: Turn, at: datetime) -> CallRow:
    """What changed a waiting call's turn."""
    match event:
        case PrecedenceSet():
            return replace(row, precedence=event.precedence, precedence_reason=event.reason)
        case SkillAsked():
            return replace(row, language=event.language, agency_id=event.agency_id)
        case CallOverflowed():
            others = tuple(one for one in row.overflow if one != event.to)
            return replace(row, overflow=(*others, event.to))
        case OverflowAnswered():
            return replace(
                row,
                state="answered",
                answered_at=row.answered_at or at,
                answered_by=row.answered_by or "overflow",
                offered_to=None,
                rings_at=(),
            )
        case OverflowReturned():
            outside = row.answered_by == "overflow" and row.operator_id is None  # nobody helped yet
            return replace(
                row,
                state="queued",
                answered_at=None if outside else row.answered_at,
                answered_by=None if outside else row.answered_by,
                requeued=row.requeued + 1,
            )
        case _:
            assert_never(event)
