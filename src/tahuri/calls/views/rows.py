"""The row of a call, as call takers see it, and the structs in it."""

from datetime import datetime

from msgspec import Struct

from tahuri.kernel.ids import CallId, IncidentId, LegId, OperatorId, PersonalId, RecordingId, SeatId
from tahuri.kernel.view import Row


class Party(Struct, frozen=True):
    """A third party of a call."""

    leg_id: LegId
    address: PersonalId | None
    state: str
    """``calling``, ``joined`` or ``left``."""


class Recording(Struct, frozen=True):
    """The recording of a call."""

    recording_id: RecordingId
    state: str
    """``recording``, ``closed``, ``failed`` or ``erased``."""
    path: str
    sha256: str | None = None
    duration_s: float | None = None
    intact: bool | None = None
    """Whether the file was found to be what the log says; None until it was read again."""
    copied: bool = False
    """Whether the second folder has it."""
    stored: bool = False
    """Whether the store has it."""
    damaged: tuple[str, ...] = ()
    """Places whose copy was found altered or absent."""
    erased_at: datetime | None = None
    short: bool = False
    """Whether it failed at some time, so that it does not hold the whole call."""


class Silence(Struct, frozen=True):
    """What a caller who does not speak was asked, and answered by keys."""

    question: str | None = None
    """The last that was asked."""
    answers: dict[str, str] = {}
    """Question → the last answer, ``yes`` or ``no``."""
    ended_by: str | None = None
    """Who ended the call while nobody had spoken."""
    call_back: bool = False
    """The caller is to be called back."""


class Line(Struct, frozen=True):
    """How the line of one leg was."""

    leg: str
    verdict: str
    mos: float
    loss: float
    """Share of their packets that could not be played, 0 to 1."""
    jitter_ms: float
    rtt_ms: float | None
    their_loss: float | None
    their_mos: float | None


class CallRow(Row, frozen=True):
    """A call as it stands."""

    call_id: CallId
    state: str = "queued"
    """``queued``, ``parked``, ``offered``, ``answered``, ``held``, ``ended`` or ``refused``; a call
    of ours is ``begun``, ``calling`` and ``ringing`` first."""
    direction: str = "in"
    """``out``: we called; ``arrived_at`` is when we began to."""
    callback_id: str | None = None
    arrived_at: datetime | None = None
    answered_at: datetime | None = None
    ended_at: datetime | None = None
    trunk: str = ""
    number_status: str = "none"
    caller: PersonalId | None = None
    location: PersonalId | None = None
    test: bool = False
    offered_to: SeatId | None = None
    rings_at: tuple[SeatId, ...] = ()
    """Every seat where it rings; ``offered_to`` is the first."""
    seat_id: SeatId | None = None
    operator_id: OperatorId | None = None
    robot: bool = False
    on_hold: bool = False
    muted: bool = False
    silent: bool = False
    """No audio comes from the caller."""
    parties: tuple[Party, ...] = ()
    outcome: str | None = None
    ended_by: str | None = None
    end_reason: str | None = None
    status: int | None = None
    """SIP status with which a call of ours was refused."""
    refused_reason: str | None = None
    call_class: str | None = None
    wrapped_up_at: datetime | None = None
    incident_ids: tuple[IncidentId, ...] = ()
    recording: Recording | None = None
    node: str = ""
    """The node that has the call, and its recording for good; empty where there is but one."""
    legal_hold: bool = False
    """Whether the recording is kept whatever its age."""
    keys: str = ""
    requeued: int = 0
    lane: str = ""
    """``slow``: never left the slow lane; ``key``, ``waited``: how it left it; ``sampled``: let by;
    empty for everybody else."""
    silence: Silence | None = None
    lines: tuple[Line, ...] = ()
    """Legs that have ended, in that order."""
    slot: int | None = None
    """Where it is parked."""
    to_seat_id: SeatId | None = None
    """The seat where it is to ring, sent on by another."""
    aside_since: datetime | None = None
    """Since when it is parked or on its way to a seat; None in rows that were stored before."""
    transferring: bool = False
    """A target rings, and the caller hears the hold prompt."""
    handed_over: bool = False
    """Its last seat has left it to parties; it goes on without one."""
    precedence: int = 0
    precedence_reason: str | None = None
    language: str | None = None
    """Whom it is for."""
    agency_id: str | None = None
    overflow: tuple[str, ...] = ()
    """Who took part because it waited for long."""
    answered_by: str | None = None
    """Who had it first: ``seat`` or ``overflow``."""
    notice: str = "normal"
    """What its caller heard before the queue."""
