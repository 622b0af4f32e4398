"""The list of measures: one row a measure, as supervisors see it.  Pure."""

from datetime import datetime

from msgspec import field
from msgspec.structs import replace

from tahuri.kernel.event import Event, Fact, StreamId
from tahuri.kernel.ids import OperatorId, PersonalId
from tahuri.kernel.view import Row, View
from tahuri.noise.events import MeasureEnded, MeasureId, MeasureReviewed, MeasureSet

MeasureEvent = MeasureSet | MeasureReviewed | MeasureEnded


class MeasureRow(Row, frozen=True):
    """A measure as it stands."""

    measure_id: MeasureId
    number: PersonalId | None = None
    reason: str = ""
    remarks: PersonalId | None = None
    set_by: OperatorId | None = None
    set_at: datetime | None = None
    until: datetime | None = None
    review_by: datetime | None = None
    reviewed_by: OperatorId | None = None
    reviewed_at: datetime | None = None
    ended_at: datetime | None = None
    ended_by: OperatorId | None = None
    end_reason: str | None = None
    score: float = 0.0
    """When it was set."""
    counted: dict[str, int] = field(default_factory=dict)
    """What the score stood on then."""


def keys(stream: StreamId, event: Event) -> tuple[str, ...]:
    """The measure's own row."""
    return (stream.key,) if isinstance(event, MeasureEvent) else ()


def fold(row: MeasureRow, fact: Fact) -> MeasureRow:
    """The measure after the fact."""
    match fact.event:
        case MeasureSet() as event:
            return replace(
                row,
                number=event.number,
                reason=str(event.reason),
                remarks=event.remarks,
                set_by=event.operator_id,
                set_at=fact.at,
                until=event.until,
                review_by=event.review_by,
                score=event.score,
                counted=event.counted,
            )
        case MeasureReviewed() as event:
            return replace(row, reviewed_by=event.operator_id, reviewed_at=fact.at)
        case MeasureEnded() as event:
            return replace(
                row, ended_at=fact.at, ended_by=event.operator_id, end_reason=str(event.reason)
            )
        case _:
            return row


MEASURES = View("measure", MeasureRow, "measure_id", keys, fold, personal=("number", "remarks"))
VIEWS = (MEASURES,)
