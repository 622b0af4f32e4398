"""Facts about calls.  Stream: ``call/<call_id>``.

Most are made by the switch, which goes on without the log and hands them over later.
"""

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


class CallArrived(Event, frozen=True, tag="calls.call-arrived"):
    """An INVITE for the emergency number was accepted at the edge."""

    trunk: str
    number_status: str
    """``present``, ``withheld`` or ``none``."""
    request_uri_kind: str = "number"
    test: bool = False
    caller: PersonalId | None = None
    location: PersonalId | None = None


class CallRefused(Event, frozen=True, tag="calls.call-refused"):
    """An INVITE that could not become a call, and why.  Its only outcome."""

    status: int
    reason: str


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
    address: PersonalId | None = None


class PartyJoined(Event, frozen=True, tag="calls.party-joined"):
    """The third party is in the conference."""

    leg_id: LegId


class PartyLeft(Event, frozen=True, tag="calls.party-left"):
    """The third party is out, and why."""

    leg_id: LegId
    reason: str
    status: int | None = None


class CallRequeued(Event, frozen=True, tag="calls.call-requeued"):
    """A live call went back to the head of the queue: its seat vanished."""

    seat_id: SeatId
    reason: str


class KeyPressed(Event, frozen=True, tag="calls.key-pressed"):
    """The caller pressed a key (DTMF)."""

    digit: str


class MediaSilent(Event, frozen=True, tag="calls.media-silent"):
    """No audio packets from this leg any more."""

    leg: str


class MediaHeard(Event, frozen=True, tag="calls.media-heard"):
    """Audio packets from this leg again."""

    leg: str


class CallEnded(Event, frozen=True, tag="calls.call-ended"):
    """The call is over: its only outcome."""

    outcome: str
    """``answered`` or ``abandoned``."""
    by: str
    """``caller``, ``seat``, ``failure``, or ``overflow``: the number outside that had it."""
    reason: str = ""


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
    """The file was read again after the call and compared with what the log says."""

    recording_id: RecordingId
    intact: bool
    fault: str | None = None


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
    """The switch handed over something that this version cannot read; it is kept whole."""

    event_type: str
    content: PersonalId | None = None
