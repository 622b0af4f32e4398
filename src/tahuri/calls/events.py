"""Facts about calls.  Streams: ``call/<call_id>``, ``trunk/<name>``, ``reread/<place>``,
``disk/<node>``.

Most are made by the switch, which goes on without the log and hands them over later.
"""

from datetime import datetime
from enum import StrEnum

from tahuri.kernel.event import Event
from tahuri.kernel.ids import IncidentId, LegId, OperatorId, PersonalId, RecordingId, SeatId


class CallClass(StrEnum):
    """What a call was (the national procedure's classes)."""

    NORMAL = "normal"
    INFORMASI = "informasi"
    PRANK = "prank"
    GHOST = "ghost"
    ABANDONED = "abandoned"
    IVR_PRANK = "ivr_prank"
    UNANSWERED = "unanswered"
    TEST = "test"
    NON_EMERGENCY = "non_emergency"


class GhostQuestion(StrEnum):
    """What a caller who does not speak may be asked; each is a recording."""

    CANNOT_SPEAK = "cannot-speak"
    POLICE = "police"
    MEDICAL = "medical"
    FIRE = "fire"
    COME = "come"


class CallArrived(Event, frozen=True, tag="calls.call-arrived"):
    """An INVITE for the emergency number was accepted at the edge."""

    trunk: str
    number_status: str
    """``present``, ``withheld`` or ``none``."""
    request_uri_kind: str = "number"
    test: bool = False
    loopback: bool = False
    """A test call that hears itself: no queue, no seat, no recording, no row."""
    node: str = ""
    """The node that has it and its recording; empty where there is but one."""
    caller: PersonalId | None = None
    location: PersonalId | None = None


class CallRefused(Event, frozen=True, tag="calls.call-refused"):
    """An INVITE that could not become a call, and why.  Its only outcome."""

    status: int
    reason: str
    loopback: bool = False
    """A test call that would have heard itself."""


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


class SurgeSwitched(Event, frozen=True, tag="calls.surge-switched"):
    """Callers hear this recorded notice before the queue.  Stream: ``centre/surge``."""

    notice: str | None
    """Its name; None: the ordinary one again."""


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


class CallAnswered(Event, frozen=True, tag="calls.call-answered"):
    """Caller and call taker hear each other."""

    seat_id: SeatId
    operator_id: OperatorId
    robot: bool = False
    how: str = "offered"
    """``offered``, ``picked-up``, ``taken-over``, ``taken-back``, or ``other-node``: at a seat of
    another node, while the caller stays at the one where they came in."""


class CallBackBegun(Event, frozen=True, tag="calls.call-back-begun"):
    """We are about to call somebody back.  ``caller`` is who is called."""

    callback_id: str
    trunk: str
    automatic: bool = False
    """Offered to a free seat by the centre itself, not asked for by a person."""
    node: str = ""
    """The node that places it and has its recording; empty where there is but one."""
    caller: PersonalId | None = None


class CallPlaced(Event, frozen=True, tag="calls.call-placed"):
    """Our INVITE is on its way; the recording runs."""

    callback_id: str
    seat_id: SeatId
    operator_id: OperatorId
    automatic: bool = False


class CallRinging(Event, frozen=True, tag="calls.call-ringing"):
    """It rings at whom we call."""

    status: int


class CallHeld(Event, frozen=True, tag="calls.call-held"):
    """The caller was put on hold."""


class CallResumed(Event, frozen=True, tag="calls.call-resumed"):
    """The caller was taken back from hold."""


class SeatMuted(Event, frozen=True, tag="calls.seat-muted"):
    """The caller no longer hears the seat."""


class SeatUnmuted(Event, frozen=True, tag="calls.seat-unmuted"):
    """The caller hears the seat again."""


class PartyAdded(Event, frozen=True, tag="calls.party-added"):
    """A third party is being called."""

    leg_id: LegId
    referred_by: str = ""
    """Leg of the party that sends the caller on to this one; else empty."""
    address: PersonalId | None = None


class PartyJoined(Event, frozen=True, tag="calls.party-joined"):
    """The third party is in the conference."""

    leg_id: LegId


class PartyLeft(Event, frozen=True, tag="calls.party-left"):
    """The third party is out, and why."""

    leg_id: LegId
    reason: str
    status: int | None = None


class LegReplaced(Event, frozen=True, tag="calls.leg-replaced"):
    """The far side put another telephone in the place of one that was on the call."""

    role: str
    """``caller``, ``seat`` or ``party``."""
    leg_id: str
    """Of a party the leg's id, of a seat the seat's; else empty."""
    early: bool = False
    """The former one only rang."""
    caller: PersonalId | None = None
    """As which the new telephone calls."""


class ReferRefused(Event, frozen=True, tag="calls.refer-refused"):
    """Somebody's telephone asked us to send the call on, and we did not."""

    role: str
    """``caller``, ``seat`` or ``party``."""
    leg_id: str
    """Of a party the leg's id, of a seat the seat's; else empty."""
    reason: str
    """``not-allowed``, ``attended``, ``busy``, ``unreachable`` or ``too-many-parties``."""
    status: int
    """SIP status that it was told."""
    address: PersonalId | None = None
    """To whom it was to go."""


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


class TransferStarted(Event, frozen=True, tag="calls.transfer-started"):
    """The seat sends its call on; the target rings."""

    seat_id: SeatId
    operator_id: OperatorId
    kind: str
    """``blind``, ``warm``, or ``refer``: the trunk was asked to take the call over."""
    leg_id: LegId | None = None
    to_seat_id: SeatId | None = None
    address: PersonalId | None = None
    """Where the trunk was asked to send the caller."""


class TransferCompleted(Event, frozen=True, tag="calls.transfer-completed"):
    """The seat is off the call; caller and target go on."""

    seat_id: SeatId
    operator_id: OperatorId
    kind: str
    leg_id: LegId | None = None
    to_seat_id: SeatId | None = None


class TransferFailed(Event, frozen=True, tag="calls.transfer-failed"):
    """Nobody took the call; it went back."""

    seat_id: SeatId
    operator_id: OperatorId
    reason: str
    status: int | None = None


class SupervisionStarted(Event, frozen=True, tag="calls.supervision-started"):
    """A supervisor takes part: ``listen``, ``whisper`` or ``barge``."""

    seat_id: SeatId
    operator_id: OperatorId
    mode: str
    audible: bool
    """Whether a notice was played."""


class SupervisionEnded(Event, frozen=True, tag="calls.supervision-ended"):
    """The supervisor takes part in this way no longer."""

    seat_id: SeatId
    operator_id: OperatorId
    mode: str
    reason: str


class KeyPressed(Event, frozen=True, tag="calls.key-pressed"):
    """The caller pressed a key (DTMF)."""

    digit: str


class GhostStarted(Event, frozen=True, tag="calls.ghost-started"):
    """Nobody speaks: the call taker listens in and asks for keys."""

    listen_in_s: float


class GhostAsked(Event, frozen=True, tag="calls.ghost-asked"):
    """The silent caller was asked; 5 is yes, any other key no."""

    question: str
    """``cannot-speak``, ``police``, ``medical``, ``fire`` or ``come``."""


class GhostAnswered(Event, frozen=True, tag="calls.ghost-answered"):
    """The silent caller answered by a key."""

    question: str
    answer: str
    """``yes`` or ``no``."""
    digit: str


class GhostEnded(Event, frozen=True, tag="calls.ghost-ended"):
    """A silent call is over; whether its caller is to be called back."""

    by: str
    """``caller``, ``seat`` or ``failure``."""
    answers: int
    """Keys that the caller answered with: somebody was there."""
    call_back: bool
    """The number is known."""


class MediaSilent(Event, frozen=True, tag="calls.media-silent"):
    """No audio packets from this leg any more."""

    leg: str


class MediaHeard(Event, frozen=True, tag="calls.media-heard"):
    """Audio packets from this leg again."""

    leg: str


class LegQualityMeasured(Event, frozen=True, tag="calls.leg-quality-measured"):
    """How the line of one leg was over its whole life; see ``telephony/media/quality.py``."""

    leg: str
    """``caller``, ``seat`` or a party's id."""
    verdict: str
    """``good``, ``fair`` or ``bad``."""
    received: int
    """Packets that came from them."""
    lost: int
    late: int
    concealed: int
    """Frames of 20 ms that were made up."""
    jitter_ms: float
    rtt_ms: float | None
    mos: float
    """What we heard of them, by the E-model, 1 to 4.4."""
    their_loss: float | None = None
    """Share of our packets that they missed, by their own reports."""
    their_jitter_ms: float | None = None
    their_mos: float | None = None
    worst_mos: float | None = None
    """Of its worst moment, a few seconds long, the worse direction; None: nobody looked at it."""
    bad_s: float = 0
    """Seconds at which it was bad."""


class CallEnded(Event, frozen=True, tag="calls.call-ended"):
    """The call is over: its only outcome."""

    outcome: str
    """``answered`` or ``abandoned``; ``not-reached`` of a call of ours; ``tested`` of a test call
    that heard itself."""
    by: str
    """``caller`` (whoever is outside), ``seat``, ``party`` or ``failure``; ``switch`` when a test
    call took too long; ``overflow``: the number outside that had it."""
    reason: str = ""
    status: int | None = None
    """SIP status with which a call of ours was refused."""


class RecordingStarted(Event, frozen=True, tag="calls.recording-started"):
    """Both directions are being recorded."""

    recording_id: RecordingId
    path: str
    """Relative to the folder of recordings."""


class RecordingClosed(Event, frozen=True, tag="calls.recording-closed"):
    """The recording is complete; its digest proves it from now on."""

    recording_id: RecordingId
    sha256: str
    duration_s: float
    bytes: int


class RecordingFailed(Event, frozen=True, tag="calls.recording-failed"):
    """The call is not, or not wholly, recorded."""

    recording_id: RecordingId
    fault: str


class RecordingPlayed(Event, frozen=True, tag="calls.recording-played"):
    """Somebody listened."""

    recording_id: RecordingId
    operator_id: OperatorId


class RecordingChecked(Event, frozen=True, tag="calls.recording-checked"):
    """It was read again, after the call or later, and compared with what the log says."""

    recording_id: RecordingId
    intact: bool
    fault: str | None = None
    place: str = "original"
    """``original``, ``folder`` or ``store``."""


class RecordingRepaired(Event, frozen=True, tag="calls.recording-repaired"):
    """A damaged or absent one was replaced at that place by what the log says, and read again."""

    recording_id: RecordingId
    place: str
    source: str
    """The place that had a sound one."""
    aside: str = ""
    """Where the damaged one lies now, relative to the place; empty: there was none."""


class RecordingsReread(Event, frozen=True, tag="calls.recordings-reread"):
    """What was read again at a place since the last such fact.  Stream: ``reread/<place>``."""

    place: str
    read: int
    damaged: int
    """Of them found altered or absent."""
    recordings: int
    """That the place has, all together."""
    unread: int
    """Of these, not read within the period that is set."""
    oldest_at: datetime | None = None
    """When that one was read which has waited longest."""


class RecordingCopied(Event, frozen=True, tag="calls.recording-copied"):
    """It lies in a second place as well; the copy was read again and is the same."""

    recording_id: RecordingId
    place: str = "folder"
    """``folder`` or ``store``."""


class RecordingCopyErased(Event, frozen=True, tag="calls.recording-copy-erased"):
    """After the recording itself its copy was removed from that place."""

    recording_id: RecordingId
    place: str


class RecordingErased(Event, frozen=True, tag="calls.recording-erased"):
    """Its time was over: its files are removed, here and in the second folder."""

    recording_id: RecordingId
    kept_as: str
    """The class whose days counted."""
    days: int


class LegalHoldSet(Event, frozen=True, tag="calls.legal-hold-set"):
    """The recording must be kept whatever its age."""

    reason: PersonalId


class LegalHoldLifted(Event, frozen=True, tag="calls.legal-hold-lifted"):
    """It need not be kept any longer than others."""

    reason: PersonalId


class RecordingsExported(Event, frozen=True, tag="calls.recordings-exported"):
    """Somebody took recordings out of the centre.  Stream: ``export/<id>``."""

    recording_ids: tuple[RecordingId, ...]
    incident_id: str | None = None
    begin: str | None = None
    end: str | None = None
    manifest_sha256: str = ""


class CallClassified(Event, frozen=True, tag="calls.call-classified"):
    """The call taker said what the call was."""

    call_class: CallClass


class CallWrappedUp(Event, frozen=True, tag="calls.call-wrapped-up"):
    """The call taker is done with the call."""


class CallLinked(Event, frozen=True, tag="calls.call-linked"):
    """The call is about this incident."""

    incident_id: IncidentId


class CallUnlinked(Event, frozen=True, tag="calls.call-unlinked"):
    """The call is not about this incident after all."""

    incident_id: IncidentId


class FactUnreadable(Event, frozen=True, tag="calls.fact-unreadable"):
    """The switch handed over what this version cannot read or record; it is kept whole."""

    event_type: str
    content: PersonalId | None = None
    position: int = 0
    """In the switch's spool; 0 in facts that were stored before."""
    reason: str = ""
    """``no-fact``: not a fact's shape; ``unknown``: of a type, or a shape, that this version does
    not know; ``not-recorded``: a rule of the log broke over it."""


class TrunkUp(Event, frozen=True, tag="calls.trunk-up"):
    """A line to the telephone network answers, or has called."""


class TrunkDown(Event, frozen=True, tag="calls.trunk-down"):
    """A line to the telephone network does not answer."""

    status: int | None = None
    """The SIP status it answered, if it did."""
    fault: str = ""
    """Why it could not be reached, such as ``connection-refused`` or ``certificate-expired``;
    empty where it just did not answer."""


class TrunkRemoved(Event, frozen=True, tag="calls.trunk-removed"):
    """The settings name the line no longer."""


class DiskFilled(Event, frozen=True, tag="calls.disk-filled"):
    """The switch's disk took no more facts: from here on they came from its reserve."""

    fault: str
    """``full``, ``failing``, or ``limit``: as many as the spool may keep."""
    reserve_bytes: int
    """What the reserve had room for."""


class DiskFreed(Event, frozen=True, tag="calls.disk-freed"):
    """The switch's disk took facts again."""

    since: datetime
    """When it began to refuse."""
    until: datetime


class FactsLost(Event, frozen=True, tag="calls.facts-lost"):
    """So many facts of the switch found neither disk nor room in memory, and are in no log."""

    facts: int


class FactsSetAside(Event, frozen=True, tag="calls.facts-set-aside"):
    """A piece of the switch's spool cannot be read: its file is kept whole beside the spool
    (``quarantine``), and these facts are in no log until somebody mends it."""

    file: str
    at: int
    """The byte where it begins."""
    bytes: int
    first: int
    last: int
    """Positions of the facts that it must have held; of what reads as zeros at most so many."""
    reason: str
    """``checksum`` or ``disk``."""
