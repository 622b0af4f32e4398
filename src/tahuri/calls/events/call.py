"""A call, how each leg sounds, and what was said of it afterwards.  Stream: ``call/<call_id>``."""

from enum import StrEnum

from tahuri.kernel.event import Event
from tahuri.kernel.ids import IncidentId, OperatorId, PersonalId, SeatId


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


class KeyPressed(Event, frozen=True, tag="calls.key-pressed"):
    """The caller pressed a key (DTMF)."""

    digit: str


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
