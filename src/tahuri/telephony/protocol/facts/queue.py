"""Stream ``call/<call_id>``: how a call waits, and where it rings."""

from typing import Literal

from tahuri.telephony.protocol.facts.body import Body
from tahuri.telephony.protocol.words import OverflowTo, PrecedenceReason, SkillReason


class CallQueued(Body, frozen=True, tag="calls.call-queued"):
    """The caller waits and hears the notice."""

    notice: Literal["normal", "surge"] = "normal"


class PrecedenceSet(Body, frozen=True, tag="calls.precedence-set"):
    """The call goes before calls of lower precedence that wait."""

    precedence: int
    """0 to `PRECEDENCE_MAX`; 0 is an ordinary call."""
    reason: PrecedenceReason


class SkillAsked(Body, frozen=True, tag="calls.skill-asked"):
    """Whom the call is for, if such a seat is free soon; both None: anybody."""

    language: str | None
    agency_id: str | None
    reason: SkillReason


class CallOverflowed(Body, frozen=True, tag="calls.call-overflowed"):
    """The call has waited for so long that further seats, or a number outside, take part."""

    to: OverflowTo
    after_s: float
    """What the rule says."""
    leg_id: str | None = None
    """The leg to the number; None for seats of our own, or where it could not be called."""


class OverflowAnswered(Body, frozen=True, tag="calls.overflow-answered"):
    """The number outside took the call: caller and far side hear each other."""

    leg_id: str


class OverflowReturned(Body, frozen=True, tag="calls.overflow-returned"):
    """The far side was gone before anybody could have been helped: the call waits again."""

    leg_id: str


class CallSlowed(Body, frozen=True, tag="calls.call-slowed"):
    """Its number has a measure: the caller is asked for a key and waits behind all others."""

    measure_id: str
    wait_max_s: float
    """After so long it is in the queue like everybody."""


class CallSampled(Body, frozen=True, tag="calls.call-sampled"):
    """Its number has a measure, but the lot let it bypass the slow lane."""

    measure_id: str
    share: float
    """Of such calls that are let by."""


class LaneLeft(Body, frozen=True, tag="calls.lane-left"):
    """From here on it waits like everybody."""

    reason: Literal["key", "waited"]
    waited_s: float


class CallOffered(Body, frozen=True, tag="calls.call-offered"):
    seat_id: str
    operator_id: str


class OfferMissed(Body, frozen=True, tag="calls.offer-missed"):
    """The seat did not answer in time, or its phone declined."""

    seat_id: str
    operator_id: str


class OfferWithdrawn(Body, frozen=True, tag="calls.offer-withdrawn"):
    """The caller left, or the seat did, before the answer."""

    seat_id: str
    operator_id: str


class CallRequeued(Body, frozen=True, tag="calls.call-requeued"):
    """Nobody talks with the caller: to the head of the queue."""

    seat_id: str
    reason: Literal["seat-vanished", "transfer-failed", "park-over", "party-lost", "node-lost"]


class CallParked(Body, frozen=True, tag="calls.call-parked"):
    """The caller waits in a numbered place, with the hold prompt, until a seat picks them up."""

    seat_id: str
    operator_id: str
    slot: int
