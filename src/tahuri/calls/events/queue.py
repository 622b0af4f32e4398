"""How a call waits and is offered to seats.  Stream: ``call/<call_id>``."""

from tahuri.kernel.event import Event
from tahuri.kernel.ids import LegId, OperatorId, SeatId


class CallQueued(Event, frozen=True, tag="calls.call-queued"):
    """The caller waits for a seat and hears the notice, then the queue tone."""

    notice: str = "normal"
    """``normal``, or ``surge``: the recorded one that was switched on."""


class PrecedenceSet(Event, frozen=True, tag="calls.precedence-set"):
    """The call goes before waiting calls of lower precedence, and why."""

    precedence: int
    """0 (ordinary) to 9."""
    reason: str
    """``resource-priority``, ``open-incident``, ``call-back`` or ``operator``."""


class SkillAsked(Event, frozen=True, tag="calls.skill-asked"):
    """Whom the call is for, if such a seat is free soon; both None: anybody."""

    language: str | None
    agency_id: str | None
    reason: str
    """``trunk``, ``number`` or ``operator``."""


class CallOverflowed(Event, frozen=True, tag="calls.call-overflowed"):
    """The call has waited for so long that others take part."""

    to: str
    """``supervisors``, ``agency-desks`` or ``number``."""
    after_s: float
    leg_id: LegId | None = None
    """The leg to the number; None where it could not be called."""


class OverflowAnswered(Event, frozen=True, tag="calls.overflow-answered"):
    """A number outside took the call: caller and far side hear each other."""

    leg_id: LegId


class OverflowReturned(Event, frozen=True, tag="calls.overflow-returned"):
    """The number outside was gone before it could have helped: the call waits again."""

    leg_id: LegId


class CallSlowed(Event, frozen=True, tag="calls.call-slowed"):
    """The caller's number has a measure: asked for a key, and behind all others for a while."""

    measure_id: str
    wait_max_s: float


class CallSampled(Event, frozen=True, tag="calls.call-sampled"):
    """The caller's number has a measure, but the lot let the call bypass the slow lane."""

    measure_id: str
    share: float


class LaneLeft(Event, frozen=True, tag="calls.lane-left"):
    """The call waits like every other from here on: a key was pressed, or it has waited enough."""

    reason: str
    """``key`` or ``waited``."""
    waited_s: float


class CallOffered(Event, frozen=True, tag="calls.call-offered"):
    """The call rings at one seat."""

    seat_id: SeatId
    operator_id: OperatorId


class OfferMissed(Event, frozen=True, tag="calls.offer-missed"):
    """The seat did not answer in time."""

    seat_id: SeatId
    operator_id: OperatorId


class OfferWithdrawn(Event, frozen=True, tag="calls.offer-withdrawn"):
    """The call rings no longer at this seat: the caller or the seat is gone."""

    seat_id: SeatId
    operator_id: OperatorId


class CallRequeued(Event, frozen=True, tag="calls.call-requeued"):
    """A call went back to the head of the queue, because nobody talked with the caller."""

    seat_id: SeatId
    reason: str
    """``seat-vanished``, ``transfer-failed``, ``park-over``, ``party-lost`` or ``node-lost``."""


class CallParked(Event, frozen=True, tag="calls.call-parked"):
    """The caller waits in a numbered place until a seat picks them up."""

    seat_id: SeatId
    operator_id: OperatorId
    slot: int
