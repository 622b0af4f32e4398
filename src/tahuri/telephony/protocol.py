"""The contract of the switch: the facts it spools, what may be asked of it, what it shows.

A fact's ``body`` never holds a number, a name, an address or free text; what must be erasable
stands in ``personal``, by field.  Delivery is at least once, in order: remove duplicates by ``id``.
Longer than other modules, because a contract is read in one place.
"""

from datetime import datetime
from typing import Literal

import msgspec
from msgspec import Struct

from tahuri.telephony.token import SeatKind

SUBPROTOCOL = "tahuri.seat.1"
"""WebSocket subprotocol of browser seats."""

NumberStatus = Literal["present", "withheld", "none"]
NotReadyReason = Literal[
    "break", "meal", "paperwork", "training", "technical", "missed-offer", "wrap-up"
]
SeatStateName = Literal["free", "not_ready", "ready", "offered", "busy", "supervising", "vanished"]
AnsweredHow = Literal["offered", "picked-up", "taken-over", "taken-back"]
TransferKind = Literal["blind", "warm", "refer"]
SupervisionMode = Literal["listen", "whisper", "barge"]
"""Hears all, heard by nobody; heard by the seat alone; heard by all."""
PartyState = Literal["calling", "joined"]
LeftReason = Literal["dropped", "hung-up", "refused", "no-answer", "failed", "call-ended"]
AlarmCode = Literal["media-lost", "spool-disk-full", "facts-lost", "recording-failed"]
RefusedReason = Literal[
    "unsupported-codec",
    "unsupported-body",
    "no-offer-possible",
    "malformed",
    "ports-exhausted",
    "too-many-calls",
    "media-unavailable",
    "not-allowed",
    "disk-full",
    "switch-restarted",
    "internal-error",
]


class Body(Struct, frozen=True, kw_only=True, tag_field="type", forbid_unknown_fields=True):
    """Base of every fact's body."""


# ---- stream call/<call_id> ------------------------------------------------------------------


class CallArrived(Body, frozen=True, tag="calls.call-arrived"):
    """An INVITE was let in.  Personal: ``caller`` (`Caller`), ``location`` (`Location`)."""

    trunk: str
    number_status: NumberStatus
    request_uri_kind: Literal["number", "service-urn"]
    test: bool


class CallRefused(Body, frozen=True, tag="calls.call-refused"):
    """Terminal: the INVITE was answered ``status``."""

    status: int
    reason: RefusedReason


class CallQueued(Body, frozen=True, tag="calls.call-queued"):
    """The caller waits and hears the notice."""


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


class CallAnswered(Body, frozen=True, tag="calls.call-answered"):
    """The call is this seat's from now on."""

    seat_id: str
    operator_id: str
    robot: bool
    how: AnsweredHow = "offered"


class CallHeld(Body, frozen=True, tag="calls.call-held"):
    """The caller hears the hold prompt."""


class CallResumed(Body, frozen=True, tag="calls.call-resumed"):
    pass


class SeatMuted(Body, frozen=True, tag="calls.seat-muted"):
    pass


class SeatUnmuted(Body, frozen=True, tag="calls.seat-unmuted"):
    pass


class PartyAdded(Body, frozen=True, tag="calls.party-added"):
    """Personal: ``address`` (`Address`)."""

    leg_id: str


class PartyJoined(Body, frozen=True, tag="calls.party-joined"):
    leg_id: str


class PartyLeft(Body, frozen=True, tag="calls.party-left"):
    leg_id: str
    reason: LeftReason
    status: int | None = None
    """SIP status, where the far end or the network gave one."""


class CallRequeued(Body, frozen=True, tag="calls.call-requeued"):
    """Nobody talks with the caller: to the head of the queue."""

    seat_id: str
    reason: Literal["seat-vanished", "transfer-failed", "park-over", "party-lost"]


class CallParked(Body, frozen=True, tag="calls.call-parked"):
    """The caller waits in a numbered place, with the hold prompt, until a seat picks them up."""

    seat_id: str
    operator_id: str
    slot: int


class TransferStarted(Body, frozen=True, tag="calls.transfer-started"):
    """The target rings; the caller hears the hold prompt.  Personal: ``address`` (`Address`) where
    the trunk is asked, so that no party tells it."""

    seat_id: str
    operator_id: str
    kind: TransferKind
    leg_id: str | None = None
    """The party that is called, or"""
    to_seat_id: str | None = None
    """the seat."""


class TransferCompleted(Body, frozen=True, tag="calls.transfer-completed"):
    """The seat is off the call; caller and target go on."""

    seat_id: str
    operator_id: str
    kind: TransferKind
    leg_id: str | None = None
    to_seat_id: str | None = None


class TransferFailed(Body, frozen=True, tag="calls.transfer-failed"):
    """The call is with its seat again, or on its way there."""

    seat_id: str
    operator_id: str
    reason: Literal[
        "no-answer", "refused", "failed", "not-ready", "taken-back", "taken-over", "hung-up"
    ]
    status: int | None = None
    """SIP status, where there was one."""


class SupervisionStarted(Body, frozen=True, tag="calls.supervision-started"):
    seat_id: str
    """The supervisor's."""
    operator_id: str
    mode: SupervisionMode
    audible: bool
    """Whether a notice was played."""


class SupervisionEnded(Body, frozen=True, tag="calls.supervision-ended"):
    seat_id: str
    operator_id: str
    mode: SupervisionMode
    reason: Literal["left", "changed", "call-ended", "seat-vanished", "taken-over"]


class KeyPressed(Body, frozen=True, tag="calls.key-pressed"):
    """At most `calls.KEYS_MAX` of a call."""

    digit: str


class MediaSilent(Body, frozen=True, tag="calls.media-silent"):
    leg: str
    """``caller``, ``seat`` or a party's leg_id."""


class MediaHeard(Body, frozen=True, tag="calls.media-heard"):
    leg: str


class CallEnded(Body, frozen=True, tag="calls.call-ended"):
    """Terminal; exactly one of this and `CallRefused` for each INVITE."""

    outcome: Literal["answered", "abandoned"]
    by: Literal["caller", "seat", "party", "failure"]
    reason: str
    """A code: ``hung-up``, ``cancelled``, ``no-acknowledgement``, ``media-lost``, …"""


class RecordingStarted(Body, frozen=True, tag="calls.recording-started"):
    recording_id: str
    path: str
    """Relative to the folder ``recordings``."""


class RecordingClosed(Body, frozen=True, tag="calls.recording-closed"):
    recording_id: str
    sha256: str
    duration_s: float
    bytes: int


class RecordingFailed(Body, frozen=True, tag="calls.recording-failed"):
    recording_id: str
    fault: str


# ---- stream seat/<seat_id> ------------------------------------------------------------------


class SeatTaken(Body, frozen=True, tag="operators.seat-taken"):
    operator_id: str
    kind: SeatKind
    robot: bool


class SeatReady(Body, frozen=True, tag="operators.seat-ready"):
    operator_id: str


class SeatNotReady(Body, frozen=True, tag="operators.seat-not-ready"):
    operator_id: str
    reason: NotReadyReason


class SeatLeft(Body, frozen=True, tag="operators.seat-left"):
    operator_id: str


class SeatVanished(Body, frozen=True, tag="operators.seat-vanished"):
    operator_id: str
    after_s: float


AnyBody = (
    CallArrived
    | CallRefused
    | CallQueued
    | CallOffered
    | OfferMissed
    | OfferWithdrawn
    | CallAnswered
    | CallHeld
    | CallResumed
    | SeatMuted
    | SeatUnmuted
    | PartyAdded
    | PartyJoined
    | PartyLeft
    | CallRequeued
    | CallParked
    | TransferStarted
    | TransferCompleted
    | TransferFailed
    | SupervisionStarted
    | SupervisionEnded
    | KeyPressed
    | MediaSilent
    | MediaHeard
    | CallEnded
    | RecordingStarted
    | RecordingClosed
    | RecordingFailed
    | SeatTaken
    | SeatReady
    | SeatNotReady
    | SeatLeft
    | SeatVanished
)


# ---- personal -------------------------------------------------------------------------------


class Caller(Struct, frozen=True, kw_only=True):
    number: str | None
    display_name: str | None
    source: Literal["p-asserted-identity", "from"]


class Location(Struct, frozen=True, kw_only=True):
    """Where the network says the caller is; WGS 84, decimal degrees."""

    lat: float
    lon: float
    uncertainty_m: float | None = None
    method: str | None = None
    xml: str = ""
    """The PIDF-LO as it came."""


class Address(Struct, frozen=True, kw_only=True):
    address: str


class Fact(Struct, frozen=True, kw_only=True):
    """The envelope of one spooled fact."""

    id: str
    at: datetime
    stream: str
    """``call/<call_id>`` or ``seat/<seat_id>``."""
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


# ---- snapshot -------------------------------------------------------------------------------


class SeatView(Struct, frozen=True, kw_only=True):
    seat_id: str
    operator_id: str | None
    operator_name: str | None
    kind: SeatKind
    robot: bool
    state: SeatStateName
    reason: NotReadyReason | None
    since: datetime
    media: Literal["connected", "connecting", "down"]
    call_id: str | None


class QueuedView(Struct, frozen=True, kw_only=True):
    call_id: str
    arrived_at: datetime
    number: str | None
    number_status: NumberStatus
    trunk: str


class OfferView(Struct, frozen=True, kw_only=True):
    call_id: str
    arrived_at: datetime
    number: str | None
    number_status: NumberStatus
    location: Location | None


class PartyView(Struct, frozen=True, kw_only=True):
    leg_id: str
    address: str
    state: PartyState


class TransferView(Struct, frozen=True, kw_only=True):
    """A transfer whose target has not answered."""

    kind: TransferKind
    target: str
    """The address called, or the seat's id."""
    to_seat: bool
    since: datetime


class CallView(Struct, frozen=True, kw_only=True):
    call_id: str
    answered_at: datetime | None
    number: str | None
    number_status: NumberStatus
    on_hold: bool
    muted: bool
    parties: list[PartyView]
    location: Location | None
    transfer: TransferView | None = None
    seat_id: str | None = None
    """None when only parties talk with the caller."""
    operator_name: str | None = None
    supervisors: list[SupervisionMode] = []
    """Those that the seat is to know of: all of them with a notice, else those it hears."""


class WaitingView(Struct, frozen=True, kw_only=True):
    """A call that waits for certain seats before the others: parked, or on its way to a seat."""

    call_id: str
    number: str | None
    number_status: NumberStatus
    seat_id: str
    """Who parked it or sent it on."""
    since: datetime
    slot: int | None = None
    """Where it is parked."""
    to_seat_id: str | None = None
    """Where it is to ring."""


class SupervisionView(Struct, frozen=True, kw_only=True):
    """What a supervisor takes part in."""

    call_id: str
    mode: SupervisionMode
    since: datetime


class GatewayView(Struct, frozen=True, kw_only=True):
    """A radio or other gateway that can be brought into a call by its name."""

    name: str
    registered: bool


class Alarm(Struct, frozen=True, kw_only=True):
    """Something a supervisor must know now."""

    code: AlarmCode
    since: datetime


class SeatPush(Struct, frozen=True, kw_only=True, tag_field="event", tag="state"):
    """What one browser seat shows; whole, on every change and every 5 s."""

    now: datetime
    seat: SeatView
    queue: list[QueuedView]
    offer: OfferView | None
    call: CallView | None
    seats_ready: int
    alarms: list[AlarmCode]
    """What is wrong with telephony right now, for everybody who sits at a seat."""
    waiting: list[WaitingView] = []
    """Parked calls, and those on their way to a seat."""
    live: list[CallView] = []
    """Every live call; for supervisors only."""
    supervision: SupervisionView | None = None
    gateways: list[GatewayView] = []


class Snapshot(Struct, frozen=True, kw_only=True):
    """The answer to ``state``."""

    now: datetime
    seats: list[SeatView]
    queue: list[QueuedView]
    calls: list[CallView]
    seats_ready: int
    media_connected: bool
    alarms: list[Alarm]
    counters: dict[str, int]
    gateways: list[GatewayView] = []


# ---- operations -----------------------------------------------------------------------------


class Operation(Struct, frozen=True, kw_only=True, tag_field="op", forbid_unknown_fields=True):
    """Base of what may be asked; all may be repeated."""


class SeatOperation(Operation, frozen=True):
    """Asked for a seat; on the WebSocket both ids come from the token."""

    seat_id: str
    operator_id: str


class Take(SeatOperation, frozen=True, tag="take"):
    kind: SeatKind
    operator_name: str


class Leave(SeatOperation, frozen=True, tag="leave"):
    pass


class Ready(SeatOperation, frozen=True, tag="ready"):
    pass


class NotReady(SeatOperation, frozen=True, tag="not_ready"):
    reason: NotReadyReason


class Answer(SeatOperation, frozen=True, tag="answer"):
    call_id: str


class Hold(SeatOperation, frozen=True, tag="hold"):
    pass


class Resume(SeatOperation, frozen=True, tag="resume"):
    pass


class Mute(SeatOperation, frozen=True, tag="mute"):
    pass


class Unmute(SeatOperation, frozen=True, tag="unmute"):
    pass


class HangUp(SeatOperation, frozen=True, tag="hang_up"):
    pass


class AddParty(SeatOperation, frozen=True, tag="add_party"):
    """A number, a ``sip:`` or ``tel:`` address, or an alias of the configuration."""

    address: str


class DropParty(SeatOperation, frozen=True, tag="drop_party"):
    leg_id: str


class Transfer(SeatOperation, frozen=True, tag="transfer"):
    """Blind: the target is called, the seat is free when it answers.  One of the two."""

    address: str = ""
    """As for `AddParty`."""
    to_seat_id: str = ""
    """A seat that is ready."""


class CompleteTransfer(SeatOperation, frozen=True, tag="complete_transfer"):
    """Warm: the seat leaves its call to the caller and the parties that have joined."""


class TakeBack(SeatOperation, frozen=True, tag="take_back"):
    """A call that this seat sent on or parked is its own again."""

    call_id: str


class PickUp(SeatOperation, frozen=True, tag="pick_up"):
    """A call that waits, is parked, or rings at another seat."""

    call_id: str


class Park(SeatOperation, frozen=True, tag="park"):
    pass


class Supervise(SeatOperation, frozen=True, tag="supervise"):
    """Take part in another seat's call, or in another mode; for supervisors."""

    call_id: str
    mode: SupervisionMode


class EndSupervision(SeatOperation, frozen=True, tag="end_supervision"):
    pass


class TakeOver(SeatOperation, frozen=True, tag="take_over"):
    """Another seat's live call becomes this one's; for supervisors."""

    call_id: str


SUPERVISOR_OPERATIONS = frozenset({"supervise", "end_supervision", "take_over"})
"""Only for a supervisor: `serve` asks the account, the switch the seat's token."""


CallControl = (
    Transfer | CompleteTransfer | TakeBack | PickUp | Park | Supervise | EndSupervision | TakeOver
)
AnySeatOperation = (
    Take
    | Leave
    | Ready
    | NotReady
    | Answer
    | Hold
    | Resume
    | Mute
    | Unmute
    | HangUp
    | AddParty
    | DropParty
    | CallControl
)
