"""The facts that the switch spools.

A fact's ``body`` never holds a number, a name, an address or free text; what must be erasable
stands in ``personal``, by field.  Delivery is at least once, in order: remove duplicates by ``id``.
"""

from datetime import datetime
from typing import Literal

import msgspec
from msgspec import Struct

from tahuri.telephony.protocol.words import (
    AnsweredHow,
    DiskFault,
    GhostAnswer,
    GhostQuestion,
    LeftReason,
    LineVerdict,
    NotReadyReason,
    NumberStatus,
    OverflowTo,
    PrecedenceReason,
    ReferRefusedReason,
    RefusedReason,
    SkillReason,
    SupervisionMode,
    TransferKind,
)
from tahuri.telephony.token import Desk, SeatKind


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
    node: str = ""
    """The node that has it and its recording; empty where there is but one."""


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
    node: str = ""
    """The node that places it and has its recording; empty where there is but one."""


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
    referred_by: str = ""
    """Leg of the party that sends the caller on to this one; empty when a seat, or overflow, had
    it called."""


class PartyJoined(Body, frozen=True, tag="calls.party-joined"):
    leg_id: str


class PartyLeft(Body, frozen=True, tag="calls.party-left"):
    leg_id: str
    reason: LeftReason
    status: int | None = None
    """SIP status, where the far end or the network gave one."""


class LegReplaced(Body, frozen=True, tag="calls.leg-replaced"):
    """The far side put another telephone in the place of one that was on the call (RFC 3891).
    Personal: ``caller`` (`Caller`), as which the new one calls, where it says so."""

    role: Literal["caller", "seat", "party"]
    leg_id: str
    """Of a party the leg's id, of a seat the seat's; else empty."""
    early: bool = False
    """The former one only rang."""


class ReferRefused(Body, frozen=True, tag="calls.refer-refused"):
    """Somebody's telephone asked us to send the call on (REFER), and we did not.
    Personal: ``address`` (`Address`), to whom."""

    role: Literal["caller", "seat", "party"]
    leg_id: str
    """Of a party the leg's id, of a seat the seat's; else empty."""
    reason: ReferRefusedReason
    status: int
    """SIP status that it was told."""


class CallRequeued(Body, frozen=True, tag="calls.call-requeued"):
    """Nobody talks with the caller: to the head of the queue."""

    seat_id: str
    reason: Literal["seat-vanished", "transfer-failed", "park-over", "party-lost", "node-lost"]


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
    worst_mos: float | None = None
    """Of its worst moment, a few seconds long, the worse direction; None: nobody looked at it."""
    bad_s: float = 0
    """Seconds at which it was bad."""


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


class SeatSkillsTold(Body, frozen=True, tag="operators.seat-skills-told"):
    """Which calls the seat is there for: told after it was taken, and when it changes.

    A seat of which nothing is told is a call taker's, without a language or an agency.
    """

    operator_id: str
    desk: Desk
    languages: list[str] = []
    agency_id: str | None = None


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


# ---- stream disk/<node, or "spool"> -----------------------------------------------------------


class DiskFilled(Body, frozen=True, tag="calls.disk-filled"):
    """The disk takes no more facts of the switch: they go to its reserve."""

    fault: DiskFault
    reserve_bytes: int
    """What the reserve has room for."""


class DiskFreed(Body, frozen=True, tag="calls.disk-freed"):
    """The disk takes facts again."""

    since: datetime
    """When it began to refuse."""
    until: datetime


class FactsLost(Body, frozen=True, tag="calls.facts-lost"):
    """So many facts found neither disk nor room in memory, or were in memory alone in a kill."""

    facts: int


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
    | LegReplaced
    | ReferRefused
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
    | SeatSkillsTold
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
    | DiskFilled
    | DiskFreed
    | FactsLost
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
