"""Stream ``call/<call_id>``: a call from its first sign to its end, and its recording."""

from typing import Literal

from tahuri.telephony.protocol.facts.body import Body
from tahuri.telephony.protocol.words import AnsweredHow, LineVerdict, NumberStatus, RefusedReason


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
    loopback: bool = False
    """A test call that would have heard itself."""


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


class KeyPressed(Body, frozen=True, tag="calls.key-pressed"):
    """At most `calls.KEYS_MAX` of a call."""

    digit: str


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
