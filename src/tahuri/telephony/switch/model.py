"""What the switch holds in its hands: calls and seats.  A journal keeps each as JSON."""

from collections.abc import Callable
from datetime import datetime
from typing import Literal

from msgspec import Struct

from tahuri.telephony.media.protocol import PortFigures
from tahuri.telephony.protocol.facts import Fact
from tahuri.telephony.protocol.facts.personal import Caller, Location
from tahuri.telephony.protocol.words import (
    Direction,
    GhostAnswer,
    GhostQuestion,
    Lane,
    LeftReason,
    NotReadyReason,
    NumberStatus,
    OverflowTo,
    PartyState,
    PrecedenceReason,
    SeatStateName,
    SupervisionMode,
    TransferKind,
    TrunkStateName,
)
from tahuri.telephony.sip.dialogs import Output
from tahuri.telephony.sip.leg import Leg
from tahuri.telephony.sip.sdes import Srtp
from tahuri.telephony.sip.sdp import Stream
from tahuri.telephony.sip.transaction import Flow, Send
from tahuri.telephony.token import Desk, SeatKind

Phase = Literal["arriving", "queued", "proposed", "calling", "live", "echo", "ended"]
"""A call of ours is ``proposed`` while it waits for a seat to accept it, then ``calling``;
``echo``: a test call, whose caller hears itself."""
MediaState = Literal["connected", "connecting", "down"]


class Audio(Struct, kw_only=True):
    """One RTP port of media and what the far end told us about its own."""

    port: int
    address: str
    udp: int
    remote: Stream | None = None
    untold: bool = False
    """``remote`` came while media was away, and it has not been told."""
    sdp_version: int = 1
    srtp: Srtp = "off"
    keys: dict[str, str] = {}
    """Our SRTP keys by suite, as the far end was told them; empty while nothing is encrypted."""


Owed = Callable[[float], list[Output]]
"""Something to say on the wire after a kill, given the time, when the sockets are open."""


class Kept(Struct, kw_only=True):
    """A SIP message as it goes on the wire, kept so that the next process can send it."""

    text: str
    flow: Flow
    instead: Flow | None = None
    """Where to connect to when the connection ``flow`` is gone, as it is in the next process."""

    @property
    def send(self) -> Send:
        return Send(self.text.encode("utf-8", "surrogateescape"), self.flow, self.instead)

    def again(self, _now: float) -> list[Output]:
        """An `Owed`: it may have got lost."""
        return [self.send]


def kept(send: Send) -> Kept:
    """A message as a journal can hold it."""
    text = send.data.decode("utf-8", "surrogateescape")
    return Kept(text=text, flow=send.flow, instead=send.instead)


class Unanswered(Kept, kw_only=True):
    """What an INVITE that was let in is to hear should we die before its answer."""

    loopback: bool = False
    """Whether it is a test call, of which nobody is refused."""


class Party(Struct, kw_only=True):
    """Somebody whom a seat added to a call."""

    leg_id: str
    address: str
    state: PartyState
    audio: Audio
    leg: Leg
    ring_due: float = 0.0
    early: bool = False
    """Whether the seat hears what comes before the answer: a ring-back, an announcement."""
    by: str = ""
    """Who had it called, as its facts name them."""
    referred_by: str = ""
    """Leg of the party that sends the caller on to this one."""
    overflow: int | None = None
    """The overflow rule that had it called; None for a party that a seat added."""
    node: str = ""
    """The other node whose seat it is; empty for everybody else."""
    seat_id: str = ""
    """That seat, once it has answered."""
    consulted: bool = False
    """A seat's phone asks it by a second line: it does not hear the caller."""
    answer: Kept | None = None
    """Our 200 to an INVITE that put this leg in the place of another, until it is acknowledged."""


class Gone(Struct, kw_only=True):
    """A party that did not come, or whose line broke."""

    address: str
    reason: LeftReason
    status: int | None
    at: datetime


class Recording(Struct, kw_only=True):
    recording_id: str
    number: int
    """Media's own number of it."""
    path: str
    """Relative to the folder ``recordings``."""
    failed: bool = False


class Phone(Struct, kw_only=True):
    """The leg to a seat that is a SIP phone, ringing or talking."""

    audio: Audio
    leg: Leg
    seat_id: str = ""
    answer: Kept | None = None
    """As of a `Party`."""


class Consultation(Struct, kw_only=True):
    """A second line of the seat's phone, by which it asks somebody while the caller waits."""

    consultation_id: str
    """Part of the ids of its facts: told again after a kill, each counts once."""
    seat_id: str
    operator_id: str
    address: str
    """Whom, as dialled."""
    leg_id: str
    """The party that is asked."""
    to_seat_id: str | None = None
    """Its seat, where it is one."""
    leg: Leg
    """The phone's own INVITE."""
    audio: Audio | None = None
    refusal: Kept | None = None
    """How the next process answers that INVITE, should this one not come to it."""
    answer: Kept | None = None
    """Our 200, until the phone has acknowledged it."""
    session: str = ""
    """What the phone was told of our audio before the answer."""
    held_for_it: bool = False
    """We put the caller on hold; else the phone or the operator did."""
    told: bool = False
    """Its outcome is told: all that is left is to hang up."""

    @property
    def on_hold(self) -> bool:
        """Whether the phone has put this line on hold: it talks with the caller meanwhile."""
        return self.audio is not None and bool(self.audio.remote and self.audio.remote.on_hold)


class Outgoing(Struct, kw_only=True):
    """What a call of ours knows beyond a caller's."""

    callback_id: str
    number: str
    automatic: bool = False
    ringing: bool = False
    """The far end says that it rings."""
    early: bool = False
    """Its network is heard before anybody answers."""
    ring_due: float = 0.0
    """When we give up, on the clock that never steps."""
    status: int | None = None
    """SIP status with which it was refused."""
    over: str = ""
    """Why it is about to end without an answer; empty while it is not."""


class Ghost(Struct, kw_only=True):
    """What a caller who does not speak was asked, and answered by keys."""

    listen_until_s: float
    """On the clock that never steps."""
    question: GhostQuestion | None = None
    answers: dict[GhostQuestion, GhostAnswer] = {}
    keys: int = 0
    """Answers in all."""


class Transfer(Struct, kw_only=True):
    """A call on its way to a party or a seat that has not answered."""

    transfer_id: str = ""
    """Part of the ids of its facts: told again after a kill, each counts once."""
    kind: TransferKind
    seat_id: str
    """Who sends it on, and gets it back."""
    operator_id: str
    since: datetime
    target: str
    leg_id: str | None = None
    """The party that is called; None while the trunk is asked (REFER), and for a seat."""
    to_seat_id: str | None = None
    refer_due_s: float = 0.0
    """Until when the trunk may take the call over, on the clock that never steps."""
    asked_by_phone: bool = False
    """The seat's own phone sent a REFER and is told how it goes."""


class Parked(Struct, kw_only=True):
    slot: int
    seat_id: str
    operator_id: str
    since: datetime
    due_s: float
    """When it rings again, on the clock that never steps."""


class Supervisor(Struct, kw_only=True):
    """A supervisor's seat that takes part in a call."""

    supervision_id: str = ""
    """As of a `Transfer`."""
    audible: bool = False
    seat_id: str
    operator_id: str
    mode: SupervisionMode
    since: datetime


class Beep(Struct, kw_only=True):
    """The audible notice of a supervision, while it sounds."""

    port: int
    caller_hears: bool
    due_s: float


class Heard(Struct, kw_only=True):
    """Sums over all looks at the line of one leg in one call."""

    looks: int = 0
    jitter_ms: float = 0.0
    buffer_ms: float = 0.0
    rtt_ms: float = 0.0
    rtt_looks: int = 0
    """Those at which a round trip was known."""
    worst_mos: float | None = None
    """Of one look, the worse direction."""
    bad_s: float = 0.0
    """Seconds at which it was bad."""


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
    """The first rule whose time has not come."""
    overflow_done: int = 0
    """The first rule of which nothing has come yet: no ring, no seats."""
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
    """When somebody first helped, as the log has it; whoever picks it up later does not move it."""
    requeued: bool = False
    on_hold: bool = False
    muted: bool = False
    parties: list[Party] = []
    gone: list[Gone] = []
    """Those that did not come, by address, the latest first: the seat is to see why."""
    handed_over_by: str = ""
    """The seat that left the call to its parties."""
    transfer: Transfer | None = None
    consultation: Consultation | None = None
    parked: Parked | None = None
    turns: list[str] = []
    """Seats at which it is to ring, one after the other, before all others."""
    supervisors: list[Supervisor] = []
    beep: Beep | None = None
    recording: Recording | None = None
    recordings: int = 0
    untold: list[Fact] = []
    """What has become of it and may not be in the spool yet; told again, each counts once."""
    keys: int = 0
    refers_told: int = 0
    """Refused REFERs that became facts."""
    direction: Direction = "in"
    outgoing: Outgoing | None = None
    """Of a call of ours."""
    lane: Lane = "normal"
    lane_due_s: float = 0.0
    """When it leaves the slow lane, on the clock that never steps."""
    ghost: Ghost | None = None
    echo: bool = False
    """A test call: never queued, never at a seat, never recorded."""
    robot: Literal["", "asked", "rings", "there"] = ""
    """Of a test call: whether it goes to the robot's seat, and how far it has come."""
    home: str = ""
    """The node where the caller is, whose call is a guest here; empty for our own calls."""
    alone_s: float = 0.0
    """Of a guest: since when nobody here talks with it nor rings, on the clock that never steps."""
    nodes_asked: int = 0
    """How often other nodes were asked for a free seat."""
    nodes_due_s: float = 0.0
    """When to ask them again, on the clock that never steps."""
    let_go: list[Leg] = []
    """Legs that rang when a process was killed, as they were: the next one lets them go, and should
    it be killed before they have heard of it, the one after that does so again."""
    let_go_until_s: float = 0.0
    """When they have given up by themselves, on the clock that never steps."""
    seat_before: PortFigures | None = None
    """Figures of the browser seat's port when it answered: the port lives longer than the call."""
    heard: dict[int, Heard] = {}
    """By media port, of its legs; kept with each span of ten seconds."""

    @property
    def number(self) -> str | None:
        return self.caller.number if self.caller else None

    @property
    def present(self) -> bool:
        """Whether the caller is there; a guest's line is answered when a seat takes it."""
        return self.leg.state == "up" or (bool(self.home) and self.leg.state == "incoming")

    @property
    def slow(self) -> bool:
        """Whether it waits in the slow lane; never again after its first answer."""
        return self.lane == "slow" and self.answered_at is None

    @property
    def rings_at(self) -> list[str]:
        """Every seat where it rings."""
        return [self.offered_to, *self.rings_also] if self.offered_to else []

    @property
    def test(self) -> bool:
        """Whether the network called to try us out."""
        return self.arrived is not None and self.arrived.body.get("test") is True


class TrunkState(Struct, kw_only=True):
    """Whether a trunk is there."""

    name: str
    state: TrunkStateName = "unknown"
    since: datetime
    rtt_ms: float | None = None
    status: int | None = None
    """What it answered instead of carrying calls, while it is down."""
    fault: str = ""
    """Why it cannot be reached, while it is down."""


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
    sound_lost_s: float | None = None
    """When it lost its sound while it was ready, on the clock that never steps; None otherwise."""
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
    nat: bool = False
    """Whether the phone's Contact names another address than it registers from."""
    registered_until_s: float | None = None
    """When the phone's registration ends, on the clock that never steps."""
    before_supervision: str = ""
    """``ready`` or the reason it was not ready, while it supervises."""


class Gateway(Struct, kw_only=True):
    """Where a gateway of the configuration has registered."""

    name: str
    contact: str = ""
    transport: str = "UDP"
    host: str = ""
    port: int = 0
    registered_until_s: float | None = None
    """On the clock that never steps; None: it is not registered."""
