"""What the switch holds in its hands: calls and seats.  A journal keeps each as JSON."""

from datetime import datetime
from typing import Literal

from msgspec import Struct

from tahuri.telephony.protocol import (
    Caller,
    Fact,
    Location,
    NotReadyReason,
    NumberStatus,
    OverflowTo,
    PartyState,
    PrecedenceReason,
    SeatStateName,
)
from tahuri.telephony.sip.leg import Leg
from tahuri.telephony.sip.sdp import Stream
from tahuri.telephony.sip.transaction import Flow, Send
from tahuri.telephony.token import Desk, SeatKind

Phase = Literal["arriving", "queued", "live", "ended"]
MediaState = Literal["connected", "connecting", "down"]


class Audio(Struct, kw_only=True):
    """One RTP port of media and what the far end told us about its own."""

    port: int
    address: str
    udp: int
    remote: Stream | None = None
    sdp_version: int = 1


class Party(Struct, kw_only=True):
    """Somebody whom a seat added to a call."""

    leg_id: str
    address: str
    state: PartyState
    audio: Audio
    leg: Leg
    ring_due: float = 0.0
    overflow: int | None = None
    """The overflow rule that had it called; None for a party that a seat added."""


class Recording(Struct, kw_only=True):
    recording_id: str
    number: int
    """Media's own number of it."""
    path: str
    """Relative to the folder ``recordings``."""
    failed: bool = False


class Kept(Struct, kw_only=True):
    """A SIP message as it goes on the wire, kept so that the next process can send it."""

    text: str
    flow: Flow

    @property
    def send(self) -> Send:
        return Send(self.text.encode("utf-8", "surrogateescape"), self.flow)


def kept(send: Send) -> Kept:
    """A message as a journal can hold it."""
    return Kept(text=send.data.decode("utf-8", "surrogateescape"), flow=send.flow)


class Phone(Struct, kw_only=True):
    """The leg to a seat that is a SIP phone, ringing or talking."""

    audio: Audio
    leg: Leg
    seat_id: str = ""


class Call(Struct, kw_only=True):
    """One emergency call, from its INVITE to its closed recording."""

    call_id: str
    ended_id: str
    """Id of its terminal fact, minted at the start: told twice, it still counts once."""
    trunk: str
    arrived_at: datetime
    arrived_s: float = 0.0
    """The same on the clock that never steps: what it has waited and its turn count from here."""
    arrived: Fact | None = None
    """The fact of its arrival, told again after a crash, for the same reason."""
    caller: Caller | None
    number_status: NumberStatus
    location: Location | None
    leg: Leg
    answer: Kept | None = None
    """Our 200, until the far end has acknowledged it."""
    audio: Audio
    phase: Phase = "arriving"
    notice: int | None = None
    """Media's port that plays the notice; None when it is over."""
    notice_due: float = 0.0
    heard_surge: bool = False
    """Whether the notice was the recorded one of a surge."""
    offered_to: str | None = None
    """The seat where it rings; of several, the first."""
    rings_also: list[str] = []
    """The others, where all ready seats ring."""
    offer_due: float = 0.0
    phone: Phone | None = None
    """Leg to the SIP seat that it talks with."""
    ringing: list[Phone] = []
    """Legs to SIP seats where it rings."""
    precedence: int = 0
    precedence_reason: PrecedenceReason | None = None
    language: str | None = None
    agency_id: str | None = None
    skill_since_s: float = 0.0
    """Since when it waits for a seat with these skills, on the clock that never steps."""
    queued_s: float = 0.0
    """Since when it waits this time; overflow counts from here."""
    overflow_next: int = 0
    """The first rule that has not come to pass."""
    open_to: list[OverflowTo] = []
    """Seats beside those of call takers that take part by now."""
    relief: str | None = None
    """Leg of the number outside that talks with the caller."""
    relief_s: float = 0.0
    """Since when."""
    first_answered_outside: bool = False
    """Nobody of ours had it before the number outside."""
    comfort_due: float = 0.0
    """When the next comfort notice is played; 0 before the first is set."""
    seat_id: str | None = None
    """The seat that talks with the caller."""
    operator_id: str | None = None
    answered_at: datetime | None = None
    requeued: bool = False
    on_hold: bool = False
    muted: bool = False
    parties: list[Party] = []
    recording: Recording | None = None
    recordings: int = 0
    keys: int = 0

    @property
    def number(self) -> str | None:
        return self.caller.number if self.caller else None

    @property
    def rings_at(self) -> list[str]:
        """Every seat where it rings."""
        return [self.offered_to, *self.rings_also] if self.offered_to else []

    @property
    def test(self) -> bool:
        """Whether the network called to try us out."""
        return self.arrived is not None and self.arrived.body.get("test") is True


class Seat(Struct, kw_only=True):
    """One workstation."""

    seat_id: str
    kind: SeatKind
    robot: bool = False
    ready_when_registered: bool = False
    operator_id: str | None = None
    operator_name: str | None = None
    state: SeatStateName = "free"
    reason: NotReadyReason | None = None
    since: datetime
    idle_since_s: float = 0.0
    """Since when it has had no call, on the clock that never steps; the longest idle is offered
    the next one."""
    call_id: str | None = None
    """The call it is offered or talks on."""
    offered_s: float = 0.0
    """Since when it rings, on the clock that never steps."""
    wrap_up_due: float | None = None
    """When it becomes ready by itself; None: not before its operator says so."""
    desk: Desk = "taker"
    languages: list[str] = []
    agency_id: str | None = None
    port: int | None = None
    """Media's WebRTC port."""
    media: MediaState = "down"
    attached: bool = False
    """Whether a browser is connected, or a phone registered."""
    gone_since: float | None = None
    """Since when it is not, on the process's own clock."""
    contact: str = ""
    transport: str = "UDP"
    host: str = ""
    port_sip: int = 0
    registered_until_s: float | None = None
    """When the phone's registration ends, on the clock that never steps."""
