"""The contract of the switch: the facts it spools, what may be asked of it, what it shows.

A fact's ``body`` never holds a number, a name, an address or free text; what must be erasable
stands in ``personal``, by field.  Delivery is at least once, in order: remove duplicates by ``id``.
Longer than other modules, because a contract is read in one place.
"""

from datetime import datetime
from typing import Annotated, Literal

import msgspec
from msgspec import Meta, Struct

from tahuri.telephony.token import Desk, SeatKind, Skills

SUBPROTOCOL = "tahuri.seat.1"
"""WebSocket subprotocol of browser seats."""
PRECEDENCE_MAX = 9
"""The most urgent call's precedence."""
LANGUAGE_CHARS_MAX = 16

NumberStatus = Literal["present", "withheld", "none"]
NotReadyReason = Literal[
    "break", "meal", "paperwork", "training", "technical", "missed-offer", "wrap-up"
]
SeatStateName = Literal["free", "not_ready", "ready", "offered", "busy", "vanished"]
PartyState = Literal["calling", "joined"]
LeftReason = Literal["dropped", "hung-up", "refused", "no-answer", "failed", "call-ended"]
PrecedenceReason = Literal["resource-priority", "open-incident", "call-back", "operator"]
SkillReason = Literal["trunk", "number", "operator"]
OverflowTo = Literal["supervisors", "agency-desks", "number"]
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
    "unknown-resource-priority",
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
    seat_id: str
    operator_id: str
    robot: bool


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
    seat_id: str
    reason: Literal["seat-vanished"]


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
    by: Literal["caller", "seat", "failure", "overflow"]
    """``overflow``: the number outside that had answered it."""
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
    for_s: float | None = None
    """After so long the seat becomes ready by itself; None: never."""


class WrapUpExtended(Body, frozen=True, tag="operators.wrap-up-extended"):
    """The operator needs longer: so many seconds from now."""

    operator_id: str
    for_s: float


class SeatLeft(Body, frozen=True, tag="operators.seat-left"):
    operator_id: str


class SeatVanished(Body, frozen=True, tag="operators.seat-vanished"):
    operator_id: str
    after_s: float


# ---- stream centre/surge --------------------------------------------------------------------


class SurgeSwitched(Body, frozen=True, tag="calls.surge-switched"):
    """Callers hear this recorded notice before the queue; None: the ordinary one."""

    notice: str | None


AnyBody = (
    CallArrived
    | CallRefused
    | CallQueued
    | PrecedenceSet
    | SkillAsked
    | CallOverflowed
    | OverflowAnswered
    | OverflowReturned
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
    | WrapUpExtended
    | SurgeSwitched
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
    desk: Desk = "taker"
    languages: list[str] = []
    agency_id: str | None = None
    wrap_up_until: datetime | None = None
    """When it becomes ready by itself; None: not before its operator says so."""


class QueuedView(Struct, frozen=True, kw_only=True):
    call_id: str
    arrived_at: datetime
    number: str | None
    number_status: NumberStatus
    trunk: str
    precedence: int = 0
    precedence_reason: PrecedenceReason | None = None
    language: str | None = None
    agency_id: str | None = None
    overflow: list[OverflowTo] = []
    """Who takes part by now because it waits for long; ``number`` while one is called."""
    rings_at: list[str] = []
    """Seats where it rings."""
    requeued: bool = False


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


class CallView(Struct, frozen=True, kw_only=True):
    call_id: str
    answered_at: datetime | None
    number: str | None
    number_status: NumberStatus
    on_hold: bool
    muted: bool
    parties: list[PartyView]
    location: Location | None


class Alarm(Struct, frozen=True, kw_only=True):
    """Something a supervisor must know now."""

    code: AlarmCode
    since: datetime


class Surge(Struct, frozen=True, kw_only=True):
    """A recorded notice that is switched on, since when, by whom."""

    notice: str
    since: datetime
    operator_id: str


class NoticeView(Struct, frozen=True, kw_only=True):
    """A recorded notice that can be switched on, or what is wrong with its file."""

    name: str
    duration_s: float
    fault: Literal["unreadable", "not-8khz-mono", "too-long"] | None = None


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
    surge: Surge | None = None


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
    surge: Surge | None = None


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
    skills: Skills = Skills()


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


class ExtendWrapUp(SeatOperation, frozen=True, tag="extend_wrap_up"):
    """So many seconds from now; nothing where wrap-up does not end by itself."""

    for_s: Annotated[float, Meta(ge=1, le=3600)] = 120.0


class AddParty(SeatOperation, frozen=True, tag="add_party"):
    """A number, a ``sip:`` or ``tel:`` address, or an alias of the configuration."""

    address: str


class DropParty(SeatOperation, frozen=True, tag="drop_party"):
    leg_id: str


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
    | ExtendWrapUp
    | AddParty
    | DropParty
)


class SetPrecedence(Operation, frozen=True, tag="set_precedence"):
    """Of a call that waits; asked by `serve`."""

    call_id: str
    precedence: Annotated[int, Meta(ge=0, le=PRECEDENCE_MAX)]
    reason: PrecedenceReason
    operator_id: str | None = None


class AskSkill(Operation, frozen=True, tag="ask_skill"):
    """Whom a waiting call is for; both None: anybody."""

    call_id: str
    language: Annotated[str, Meta(max_length=LANGUAGE_CHARS_MAX)] | None = None
    agency_id: str | None = None
    operator_id: str | None = None


class SwitchSurge(Operation, frozen=True, tag="switch_surge"):
    """Switch a recorded notice on, or with None off."""

    notice: str | None
    operator_id: str


AnyQueueOperation = SetPrecedence | AskSkill | SwitchSurge
