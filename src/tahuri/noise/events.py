"""Facts about measures on numbers.  Stream: ``measure/<measure_id>``.

No fact holds a number: it stands in an erasable row; without that row the measure slows nobody.
"""

from datetime import datetime
from enum import StrEnum
from typing import NewType

from tahuri.kernel.event import Event
from tahuri.kernel.ids import OperatorId, PersonalId

MeasureId = NewType("MeasureId", str)


class MeasureReason(StrEnum):
    """Why a number's calls are slowed."""

    REPEATED_PRANKS = "repeated-pranks"
    ABUSE = "abuse"
    AUTOMATIC_DIALLER = "automatic-dialler"
    OTHER = "other"


class EndReason(StrEnum):
    """How a measure came to its end."""

    LIFTED = "lifted"
    EXPIRED = "expired"
    UNREVIEWED = "unreviewed"
    NOT_CONFIRMED = "not-confirmed"


class MeasureSet(Event, frozen=True, tag="noise.measure-set"):
    """A supervisor put a number's calls into the slow lane."""

    operator_id: OperatorId
    number: PersonalId
    reason: MeasureReason
    remarks: PersonalId | None
    until: datetime
    """It ends then by itself."""
    review_by: datetime
    """It ends then by itself unless another supervisor has confirmed it."""
    score: float
    """The number's score in that moment, and what it stood on."""
    counted: dict[str, int]


class MeasureReviewed(Event, frozen=True, tag="noise.measure-reviewed"):
    """Another supervisor looked at it."""

    operator_id: OperatorId
    confirmed: bool


class MeasureEnded(Event, frozen=True, tag="noise.measure-ended"):
    """The number's calls are like all others again."""

    reason: EndReason
    operator_id: OperatorId | None = None
    """Who ended it; None: time did."""
