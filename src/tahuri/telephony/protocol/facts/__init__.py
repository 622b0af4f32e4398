"""The facts that the switch spools.

A fact's ``body`` never holds a number, a name, an address or free text; what must be erasable
stands in ``personal``, by field.  Delivery is at least once, in order: remove duplicates by ``id``.
"""

from datetime import datetime

import msgspec
from msgspec import Struct

from tahuri.telephony.protocol.facts import call, centre, ghost, parties, queue, seat
from tahuri.telephony.protocol.facts.body import Body

__all__ = ["AnyBody", "Body", "Fact", "fact_of"]

AnyBody = (
    call.CallArrived
    | call.CallRefused
    | call.CallAnswered
    | call.CallBackBegun
    | call.CallPlaced
    | call.CallRinging
    | call.CallHeld
    | call.CallResumed
    | call.SeatMuted
    | call.SeatUnmuted
    | call.KeyPressed
    | call.MediaSilent
    | call.MediaHeard
    | call.LegQualityMeasured
    | call.CallEnded
    | call.RecordingStarted
    | call.RecordingClosed
    | call.RecordingFailed
    | queue.CallQueued
    | queue.PrecedenceSet
    | queue.SkillAsked
    | queue.CallOverflowed
    | queue.OverflowAnswered
    | queue.OverflowReturned
    | queue.CallSlowed
    | queue.CallSampled
    | queue.LaneLeft
    | queue.CallOffered
    | queue.OfferMissed
    | queue.OfferWithdrawn
    | queue.CallRequeued
    | queue.CallParked
    | parties.PartyAdded
    | parties.PartyJoined
    | parties.PartyLeft
    | parties.LegReplaced
    | parties.ReferRefused
    | parties.ConsultationBegun
    | parties.ConsultationEnded
    | parties.ConsultationRefused
    | parties.TransferStarted
    | parties.TransferCompleted
    | parties.TransferFailed
    | parties.SupervisionStarted
    | parties.SupervisionEnded
    | ghost.GhostStarted
    | ghost.GhostAsked
    | ghost.GhostAnswered
    | ghost.GhostEnded
    | seat.SeatTaken
    | seat.SeatSkillsTold
    | seat.SeatReady
    | seat.SeatNotReady
    | seat.WrapUpExtended
    | seat.SeatLeft
    | seat.SeatVanished
    | centre.TrunkUp
    | centre.TrunkDown
    | centre.TrunkRemoved
    | centre.SurgeSwitched
    | centre.DiskFilled
    | centre.DiskFreed
    | centre.FactsLost
    | centre.FactsSetAside
)
"""All that the switch spools."""


class Fact(Struct, frozen=True, kw_only=True):
    """The envelope of one spooled fact."""

    id: str
    at: datetime
    stream: str
    """``call/<call_id>``, ``seat/<seat_id>``, ``trunk/<name>`` or ``disk/<node>``."""
    type: str
    body: dict[str, object]
    personal: dict[str, dict[str, object]]
    actor: str
    """An operator's id, or ``switch``."""

    def opened(self) -> AnyBody:
        """The body as its struct.  Raises msgspec.ValidationError for an unknown type."""
        body: AnyBody = msgspec.convert({**self.body, "type": self.type}, AnyBody)
        return body


def fact_of(
    identifier: str,
    at: datetime,
    stream: str,
    body: Body,
    personal: dict[str, Struct],
    actor: str,
) -> Fact:
    """The envelope around a body."""
    content: dict[str, object] = msgspec.to_builtins(body)
    return Fact(
        id=identifier,
        at=at,
        stream=stream,
        type=str(content.pop("type")),
        body=content,
        personal={name: msgspec.to_builtins(value) for name, value in personal.items()},
        actor=actor,
    )
