"""The contract of the switch: the facts it spools, what may be asked of it, what it shows.

A fact's ``body`` never holds a number, a name, an address or free text; what must be erasable
stands in ``personal``, by field.  Delivery is at least once, in order: remove duplicates by ``id``.
Longer than other modules, because a contract is read in one place.
"""

import hmac
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
SeatStateName = Literal["free", "not_ready", "ready", "offered", "busy", "supervising", "vanished"]
AnsweredHow = Literal["offered", "picked-up", "taken-over", "taken-back"]
TransferKind = Literal["blind", "warm", "refer"]
SupervisionMode = Literal["listen", "whisper", "barge"]
"""Hears all, heard by nobody; heard by the seat alone; heard by all."""
PartyState = Literal["calling", "joined"]
Direction = Literal["in", "out"]
LeftReason = Literal["dropped", "hung-up", "refused", "no-answer", "failed", "call-ended"]
PrecedenceReason = Literal["resource-priority", "open-incident", "call-back", "operator"]
SkillReason = Literal["trunk", "number", "operator"]
OverflowTo = Literal["supervisors", "agency-desks", "number"]
AlarmCode = Literal[
    "media-lost",
    "spool-disk-full",
    "facts-lost",
    "recording-failed",
    "draining",
    "trunk-down",
    "test-call-missing",
]
TrunkStateName = Literal["unknown", "up", "down"]
LineVerdict = Literal["good", "fair", "bad"]
RefusedReason = Literal[
    "unsupported-codec",
    "srtp-required",
    "unsupported-body",
    "no-offer-possible",
    "malformed",
    "ports-exhausted",
    "too-many-calls",
    "kept-for-other-trunks",
    "media-unavailable",
    "not-allowed",
    "disk-full",
    "switch-restarted",
    "draining",
    "internal-error",
    "too-many-test-calls",
    "unknown-resource-priority",
]


Lane = Literal["normal", "slow"]
GhostQuestion = Literal["cannot-speak", "police", "medical", "fire", "come"]
GhostAnswer = Literal["yes", "no"]


class Body(Struct, frozen=True, kw_only=True, tag_field="type", forbid_unknown_fields=True):
    """Base of every fact's body."""


# ---- stream call/<call_id> ------------------------------------------------------------------


class CallArrived(Body, frozen=True, tag="calls.call-arrived"):
    """An INVITE was let in.  Personal: ``caller`` (`Caller`), ``location`` (`Location`)."""

    trunk: str
    number_status: NumberStatus
    request_uri_kind: Literal["number", "service-urn"]
    test: bool
    loopback: bool = False
    """A test call: the caller hears itself; no queue, no seat, no recording."""


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


class CallAnswered(Body, frozen=True, tag="calls.call-answered"):
    """The call is this seat's from now on."""

    seat_id: str
    operator_id: str
    robot: bool
    how: AnsweredHow = "offered"


class CallBackBegun(Body, frozen=True, tag="calls.call-back-begun"):
    """We are about to call somebody back.  Personal: ``caller`` (`Caller`), who is called."""

    callback_id: str
    trunk: str
    automatic: bool
    """Offered to a free seat by the centre itself, not asked for by a person."""


class CallPlaced(Body, frozen=True, tag="calls.call-placed"):
    """Our INVITE is on its way; the recording runs."""

    callback_id: str
    seat_id: str
    operator_id: str
    automatic: bool


class CallRinging(Body, frozen=True, tag="calls.call-ringing"):
    """The far end said that it rings: its first provisional answer above 100."""

    status: int


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


class GhostStarted(Body, frozen=True, tag="calls.ghost-started"):
    """Nobody speaks: from now on the caller is asked for keys."""

    listen_in_s: float


class GhostAsked(Body, frozen=True, tag="calls.ghost-asked"):
    """The caller hears the question; 5 is yes, any other key no."""

    question: GhostQuestion


class GhostAnswered(Body, frozen=True, tag="calls.ghost-answered"):
    """The first key after the question."""

    question: GhostQuestion
    answer: GhostAnswer
    digit: str


class GhostEnded(Body, frozen=True, tag="calls.ghost-ended"):
    """A silent call is over, and nobody has spoken."""

    by: Literal["caller", "seat", "failure", "switch"]
    answers: int
    """Keys that the caller answered with: somebody was there."""
    call_back: bool
    """Whether the caller is to be called back: the number is known."""


class MediaSilent(Body, frozen=True, tag="calls.media-silent"):
    leg: str
    """``caller``, ``seat`` or a party's leg_id."""


class MediaHeard(Body, frozen=True, tag="calls.media-heard"):
    leg: str


class LegQualityMeasured(Body, frozen=True, tag="calls.leg-quality-measured"):
    """How one leg's line was, from its start to its end, as `media.quality.Measured` tells it."""

    leg: str
    """``caller``, ``seat`` or a party's leg_id."""
    verdict: LineVerdict
    received: int
    lost: int
    late: int
    concealed: int
    jitter_ms: float
    rtt_ms: float | None
    mos: float
    their_loss: float | None = None
    their_jitter_ms: float | None = None
    their_mos: float | None = None


class CallEnded(Body, frozen=True, tag="calls.call-ended"):
    """Terminal; exactly one of this and `CallRefused` for each INVITE of theirs, and exactly one of
    this for each call of ours."""

    outcome: Literal["answered", "abandoned", "not-reached", "tested"]
    """``not-reached``: nobody answered a call of ours, or it was never placed; ``tested``: a test
    call, whose caller heard itself."""
    by: Literal["caller", "seat", "party", "failure", "switch", "overflow"]
    """``caller`` is whoever is outside, also when we called; ``overflow``: the number outside that
    had answered it."""
    reason: str
    """A code: ``hung-up``, ``cancelled``, ``no-acknowledgement``, ``media-lost``, …; of a call of
    ours also ``busy``, ``no-answer``, ``declined``, ``redirected``, ``wrong-number``, ``failed``,
    ``not-taken`` (no seat accepted it), ``queue-first``, ``switch-restarted``."""
    status: int | None = None
    """SIP status with which the far end refused a call of ours."""


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


# ---- stream trunk/<name> --------------------------------------------------------------------


class TrunkUp(Body, frozen=True, tag="calls.trunk-up"):
    """The trunk answers, or has called."""


class TrunkDown(Body, frozen=True, tag="calls.trunk-down"):
    """The trunk has not answered twice in a row, or says that it is out of service."""

    status: int | None = None
    """The SIP status it answered, if it did."""


class TrunkRemoved(Body, frozen=True, tag="calls.trunk-removed"):
    """The settings name it no longer."""


# ---- stream centre/surge --------------------------------------------------------------------


class SurgeSwitched(Body, frozen=True, tag="calls.surge-switched"):
    """Callers hear this recorded notice before the queue; None: the ordinary one."""

    notice: str | None


AnyBody = (
    CallArrived
    | CallRefused
    | CallQueued
    | CallSlowed
    | CallSampled
    | LaneLeft
    | PrecedenceSet
    | SkillAsked
    | CallOverflowed
    | OverflowAnswered
    | OverflowReturned
    | CallOffered
    | OfferMissed
    | OfferWithdrawn
    | CallAnswered
    | CallBackBegun
    | CallPlaced
    | CallRinging
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
    | GhostStarted
    | GhostAsked
    | GhostAnswered
    | GhostEnded
    | MediaSilent
    | MediaHeard
    | LegQualityMeasured
    | CallEnded
    | RecordingStarted
    | RecordingClosed
    | RecordingFailed
    | SeatTaken
    | SeatReady
    | SeatNotReady
    | SeatLeft
    | SeatVanished
    | TrunkUp
    | TrunkDown
    | TrunkRemoved
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
    """``call/<call_id>``, ``seat/<seat_id>`` or ``trunk/<name>``."""
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
    lane: Lane = "normal"
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
    direction: Direction = "in"
    """``out``: accepting it calls this number back."""
    callback_id: str | None = None


class PartyView(Struct, frozen=True, kw_only=True):
    leg_id: str
    address: str
    state: PartyState


class GhostAnswerView(Struct, frozen=True, kw_only=True):
    question: GhostQuestion
    answer: GhostAnswer


class GhostView(Struct, frozen=True, kw_only=True):
    """The keys' conversation with a caller who does not speak."""

    question: GhostQuestion | None
    """Asked and not answered yet."""
    answers: list[GhostAnswerView]
    """The last to each question, in the order of the answers."""
    listen_until: datetime
    """From then on the call may be ended as silent."""


class LineView(Struct, frozen=True, kw_only=True):
    """How one leg's line was in the last seconds."""

    leg: str
    """``caller``, ``seat`` or a party's leg_id."""
    verdict: LineVerdict
    mos: float
    loss: float
    """Share of their packets that we could not play, 0 to 1."""
    jitter_ms: float
    rtt_ms: float | None
    their_loss: float | None
    their_mos: float | None


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
    direction: Direction = "in"
    state: Literal["calling", "ringing", "live"] = "live"
    """A call of ours rings before it is live."""
    callback_id: str | None = None
    ghost: GhostView | None = None
    lines: list[LineView] = []
    """The legs that can be judged, the caller's first."""
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
    about: str = ""
    """The trunk, where the alarm is about one."""


class TrunkView(Struct, frozen=True, kw_only=True):
    """A line to the telephone network."""

    name: str
    state: TrunkStateName
    """``unknown`` until it answered, called or asked."""
    since: datetime
    rtt_ms: float | None
    """How long its last answer took; None before the first and where we do not ask."""
    calls: int
    """Calls that came by it and are not over."""


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
    trunks_down: list[str] = []
    """Trunks that do not answer."""
    waiting: list[WaitingView] = []
    """Parked calls, and those on their way to a seat."""
    live: list[CallView] = []
    """Every live call; for supervisors only."""
    supervision: SupervisionView | None = None
    gateways: list[GatewayView] = []
    surge: Surge | None = None


class Snapshot(Struct, frozen=True, kw_only=True):
    """The answer to ``state``."""

    now: datetime
    seats: list[SeatView]
    queue: list[QueuedView]
    calls: list[CallView]
    seats_ready: int
    media_connected: bool
    draining: bool = False
    """New calls are sent elsewhere (503); those in hand go on."""
    calls_in_hand: int = 0
    """Waiting, live, or with a recording that is being closed."""
    alarms: list[Alarm]
    counters: dict[str, int]
    trunks: list[TrunkView] = []
    gateways: list[GatewayView] = []
    surge: Surge | None = None


class CallInHand(Struct, frozen=True, kw_only=True):
    """A call whose outcome or whose recording's end is still owed."""

    call_id: str
    phase: str
    loopback: bool
    arrived_at: datetime
    port: int
    """Media's port of the caller."""
    recording: str | None
    """Path of the recording that runs, relative to the folder ``recordings``."""


class MediaPort(Struct, frozen=True, kw_only=True):
    """A port that media holds."""

    port: int
    kind: str
    name: str
    known: bool
    """Whether some call, seat or prompt of the switch needs it."""


class Inventory(Struct, frozen=True, kw_only=True):
    """The answer to ``inventory``: all that the switch has in hand, beside what media holds."""

    now: datetime
    calls: list[CallInHand]
    calls_max: int
    seats: int
    """Seats where somebody sits."""
    seats_max: int
    spool_done: int
    """Position up to which the log has taken facts."""
    spool_end: int
    spool_unwritten: int
    """Facts that wait in memory because the disk takes none."""
    spool_unwritten_max: int
    media: bool
    """Whether media answered; without it the next two are empty."""
    ports: list[MediaPort] = []
    recordings: list[str] = []
    """Paths, absolute, of the recordings that media writes."""


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


class CallBack(SeatOperation, frozen=True, tag="call_back"):
    """Call a number from the seat.  Asked by `serve` alone, which knows the item; the answer is
    ``{"call_id": …}``.

    Refused: ``seat-busy`` unless the seat is ready or writes up, ``bad-address``,
    ``callback-not-possible`` while another seat calls for the same item.
    """

    callback_id: str
    number: str
    number_status: NumberStatus = "present"
    trunk: str | None = None
    """By name; None is the default one."""


class OfferCallBack(Operation, frozen=True, tag="offer_call_back"):
    """Let a call-back ring at the longest idle person's seat, if no call waits.

    The answer is ``{"call_id": …}``, null when there is no such seat now.
    """

    callback_id: str
    number: str
    number_status: NumberStatus = "present"
    trunk: str | None = None


class GhostBegin(SeatOperation, frozen=True, tag="ghost"):
    """Begin to ask the silent caller for keys."""


class GhostAsk(SeatOperation, frozen=True, tag="ghost_ask"):
    question: GhostQuestion


class GhostEnd(SeatOperation, frozen=True, tag="ghost_end"):
    """End the call as silent; refused before the listen-in time is over."""


class Measure(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A number's active measure."""

    digest: str
    """`number_digest` of the number."""
    measure_id: str
    until: datetime


class SetMeasures(Operation, frozen=True, tag="measures"):
    """The whole table of active measures; the switch keeps it and lets each end by itself."""

    salt: str
    measures: list[Measure]


def number_digest(salt: str, number: str) -> str:
    """64 hex digits: finds a number's measure, and tells no number to whoever reads the table."""
    return hmac.new(salt.encode(), number.encode(), "sha256").hexdigest()


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
    | ExtendWrapUp
    | AddParty
    | DropParty
    | GhostBegin
    | GhostAsk
    | GhostEnd
    | CallControl
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
