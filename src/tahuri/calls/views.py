"""The list of calls: one row a call, as call takers see it.  Pure."""

from datetime import datetime
from typing import assert_never

from msgspec import Struct
from msgspec.structs import replace

from tahuri.calls.events import (
    CallAnswered,
    CallArrived,
    CallBackBegun,
    CallClassified,
    CallEnded,
    CallHeld,
    CallLinked,
    CallOffered,
    CallOverflowed,
    CallParked,
    CallPlaced,
    CallQueued,
    CallRefused,
    CallRequeued,
    CallResumed,
    CallRinging,
    CallSampled,
    CallSlowed,
    CallUnlinked,
    CallWrappedUp,
    FactUnreadable,
    GhostAnswered,
    GhostAsked,
    GhostEnded,
    GhostStarted,
    KeyPressed,
    LaneLeft,
    LegalHoldLifted,
    LegalHoldSet,
    LegQualityMeasured,
    LegReplaced,
    MediaHeard,
    MediaSilent,
    OfferMissed,
    OfferWithdrawn,
    OverflowAnswered,
    OverflowReturned,
    PartyAdded,
    PartyJoined,
    PartyLeft,
    PrecedenceSet,
    RecordingChecked,
    RecordingClosed,
    RecordingCopied,
    RecordingCopyErased,
    RecordingErased,
    RecordingFailed,
    RecordingPlayed,
    RecordingRepaired,
    RecordingStarted,
    ReferRefused,
    SeatMuted,
    SeatUnmuted,
    SkillAsked,
    SupervisionEnded,
    SupervisionStarted,
    SurgeSwitched,
    TransferCompleted,
    TransferFailed,
    TransferStarted,
    TrunkDown,
    TrunkRemoved,
    TrunkUp,
)
from tahuri.calls.soundness import ORIGINAL
from tahuri.kernel.event import Event, Fact, StreamId
from tahuri.kernel.ids import (
    CallId,
    IncidentId,
    LegId,
    OperatorId,
    PersonalId,
    RecordingId,
    SeatId,
)
from tahuri.kernel.view import Row, View

CallEvent = (
    CallArrived
    | CallRefused
    | CallQueued
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
    | KeyPressed
    | MediaSilent
    | MediaHeard
    | LegQualityMeasured
    | LegReplaced
    | ReferRefused
    | CallEnded
    | RecordingStarted
    | RecordingClosed
    | RecordingFailed
    | RecordingPlayed
    | RecordingChecked
    | RecordingRepaired
    | RecordingCopied
    | RecordingCopyErased
    | RecordingErased
    | LegalHoldSet
    | LegalHoldLifted
    | SupervisionStarted
    | SupervisionEnded
    | CallClassified
    | CallWrappedUp
    | CallLinked
    | CallUnlinked
    | FactUnreadable
    | CallSlowed
    | CallSampled
    | LaneLeft
    | GhostStarted
    | GhostAsked
    | GhostAnswered
    | GhostEnded
    | PrecedenceSet
    | SkillAsked
    | CallOverflowed
    | OverflowAnswered
    | OverflowReturned
)
Turn = PrecedenceSet | SkillAsked | CallOverflowed | OverflowAnswered | OverflowReturned


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


class SurgeRow(Row, frozen=True):
    """Whether callers hear a recorded notice; one row, ``surge``."""

    surge_id: str
    notice: str | None = None
    since: datetime | None = None
    operator_id: str | None = None


def _only_tests(event: Event) -> bool:
    """Whether it tells of a test call that hears itself: those are facts without a row."""
    match event:
        case CallArrived(loopback=True) | CallEnded(outcome="tested"):
            return True
        case CallRefused(reason="too-many-test-calls"):
            return True
        case _:
            return False


def keys(stream: StreamId, event: Event) -> tuple[str, ...]:
    """The call's own row."""
    if _only_tests(event):
        return ()
    return (stream.key,) if stream.kind == "call" and isinstance(event, CallEvent) else ()


def fold(row: CallRow, fact: Fact) -> CallRow:
    """The call after the fact.

    Facts of a call come from two nodes when a seat of the other one has it, each in its own order:
    what is told late changes no state of a call that has ended.
    """
    after = _fold(row, fact)
    if row.state == "ended" and after.state != "ended":
        return replace(after, state="ended", on_hold=False, muted=False, offered_to=None)
    return after


def _fold(row: CallRow, fact: Fact) -> CallRow:
    event = fact.event
    assert isinstance(event, CallEvent)
    match event:
        case CallArrived():
            return replace(
                row,
                arrived_at=fact.at,
                trunk=event.trunk,
                node=event.node,
                number_status=event.number_status,
                caller=event.caller,
                location=event.location,
                test=event.test,
            )
        case CallBackBegun():
            return replace(
                row,
                state="begun",
                arrived_at=fact.at,
                trunk=event.trunk,
                node=event.node,
                number_status="present",
                caller=event.caller,
                direction="out",
                callback_id=event.callback_id,
            )
        case CallRefused():
            return replace(
                row,
                state="refused",
                outcome="refused",
                arrived_at=row.arrived_at or fact.at,
                ended_at=fact.at,
                refused_reason=event.reason,
            )
        case CallClassified():
            return replace(row, call_class=event.call_class)
        case CallWrappedUp():
            return replace(row, wrapped_up_at=fact.at)
        case CallLinked():
            others = tuple(one for one in row.incident_ids if one != event.incident_id)
            return replace(row, incident_ids=(*others, event.incident_id))
        case CallUnlinked():
            others = tuple(one for one in row.incident_ids if one != event.incident_id)
            return replace(row, incident_ids=others)
        case RecordingStarted() | RecordingClosed() | RecordingFailed():
            return replace(row, recording=_recording(row.recording, event))
        case RecordingChecked() | RecordingRepaired():
            return replace(row, recording=_sound(row.recording, event))
        case RecordingCopied() | RecordingCopyErased() | RecordingErased():
            return replace(row, recording=_kept(row.recording, event, fact.at))
        case LegalHoldSet() | LegalHoldLifted():
            return replace(row, legal_hold=isinstance(event, LegalHoldSet))
        case PartyAdded() | PartyJoined() | PartyLeft():
            return replace(row, parties=_parties(row.parties, event))
        case CallSlowed():
            return replace(row, lane="slow")
        case CallSampled():
            return replace(row, lane="sampled")
        case LaneLeft():
            return replace(row, lane=event.reason)
        case GhostStarted() | GhostAsked() | GhostAnswered() | GhostEnded():
            return replace(row, silence=_silence(row.silence or Silence(), event))
        case LegQualityMeasured():
            return replace(row, lines=(*row.lines, _line(event)))
        case RecordingPlayed() | FactUnreadable() | SupervisionStarted() | SupervisionEnded():
            return row
        case LegReplaced() | ReferRefused():
            return row  # who talks is the same side; the timeline tells of it
        case TransferStarted() | TransferCompleted() | TransferFailed() | CallParked():
            return _sent_on(row, event, fact.at)
        case (
            PrecedenceSet()
            | SkillAsked()
            | CallOverflowed()
            | OverflowAnswered()
            | OverflowReturned()
        ):
            return _turn(row, event, fact.at)
        case _:
            return _conversation(row, event, fact.at)


def _turn(row: CallRow, event: Turn, at: datetime) -> CallRow:
    """What changed a waiting call's turn."""
    match event:
        case PrecedenceSet():
            return replace(row, precedence=event.precedence, precedence_reason=event.reason)
        case SkillAsked():
            return replace(row, language=event.language, agency_id=event.agency_id)
        case CallOverflowed():
            others = tuple(one for one in row.overflow if one != event.to)
            return replace(row, overflow=(*others, event.to))
        case OverflowAnswered():
            return replace(
                row,
                state="answered",
                answered_at=row.answered_at or at,
                answered_by=row.answered_by or "overflow",
                offered_to=None,
                rings_at=(),
            )
        case OverflowReturned():
            outside = row.answered_by == "overflow"
            return replace(
                row,
                state="queued",
                answered_at=None if outside else row.answered_at,
                answered_by=None if outside else row.answered_by,
                requeued=row.requeued + 1,
            )
        case _:
            assert_never(event)


Conversation = (
    CallQueued
    | CallOffered
    | OfferMissed
    | OfferWithdrawn
    | CallAnswered
    | CallPlaced
    | CallRinging
    | CallHeld
    | CallResumed
    | SeatMuted
    | SeatUnmuted
    | CallRequeued
    | KeyPressed
    | MediaSilent
    | MediaHeard
    | CallEnded
)


def _conversation(row: CallRow, event: Conversation, at: datetime) -> CallRow:
    match event:
        case CallQueued():
            return replace(row, state="queued", notice=event.notice)
        case CallOffered():
            seats = (*(one for one in row.rings_at if one != event.seat_id), event.seat_id)
            return replace(row, state="offered", offered_to=seats[0], rings_at=seats)
        case OfferMissed() | OfferWithdrawn():
            seats = tuple(one for one in row.rings_at if one != event.seat_id)
            state = "queued" if row.state == "offered" and not seats else row.state
            return replace(row, state=state, offered_to=seats[0] if seats else None, rings_at=seats)
        case CallAnswered():
            return replace(
                row,
                state="answered",
                answered_at=row.answered_at or at,
                answered_by=row.answered_by or "seat",
                offered_to=None,
                rings_at=(),
                seat_id=event.seat_id,
                operator_id=event.operator_id,
                robot=event.robot,
                on_hold=False,
                muted=False,
                slot=None,
                to_seat_id=None,
                aside_since=None,
                handed_over=False,
            )
        case CallPlaced():
            return replace(
                row,
                state="calling",
                offered_to=None,
                seat_id=event.seat_id,
                operator_id=event.operator_id,
            )
        case CallRinging():
            return replace(row, state="ringing")
        case CallHeld():
            return replace(row, state="held", on_hold=True)
        case CallResumed():
            return replace(row, state="answered", on_hold=False)
        case SeatMuted():
            return replace(row, muted=True)
        case SeatUnmuted():
            return replace(row, muted=False)
        case CallRequeued():
            return replace(
                row,
                state="queued",
                seat_id=None,
                on_hold=False,
                muted=False,
                requeued=row.requeued + 1,
                slot=None,
                to_seat_id=None,
                aside_since=None,
                handed_over=False,
            )
        case KeyPressed():
            return replace(row, keys=row.keys + event.digit)
        case MediaSilent():
            return replace(row, silent=row.silent or event.leg == "caller")
        case MediaHeard():
            return replace(row, silent=row.silent and event.leg != "caller")
        case CallEnded():
            return replace(
                row,
                state="ended",
                ended_at=at,
                offered_to=None,
                rings_at=(),
                outcome=event.outcome,
                ended_by=event.by,
                end_reason=event.reason or None,
                status=event.status,
                wrapped_up_at=at if event.outcome == "not-reached" else row.wrapped_up_at,
                on_hold=False,
                muted=False,
                slot=None,
                to_seat_id=None,
                aside_since=None,
                transferring=False,
                parties=tuple(replace(party, state="left") for party in row.parties),
            )
        case _:
            assert_never(event)


def _silence(
    known: Silence, event: GhostStarted | GhostAsked | GhostAnswered | GhostEnded
) -> Silence:
    match event:
        case GhostStarted():
            return known
        case GhostAsked():
            return replace(known, question=event.question)
        case GhostAnswered():
            return replace(known, answers={**known.answers, event.question: event.answer})
        case GhostEnded():
            return replace(known, ended_by=event.by, call_back=event.call_back)
        case _:
            assert_never(event)


def _line(event: LegQualityMeasured) -> Line:
    packets = max(1, event.received + event.lost)
    return Line(
        leg=event.leg,
        verdict=event.verdict,
        mos=event.mos,
        loss=round(min(1.0, (event.lost + event.late) / packets), 4),
        jitter_ms=event.jitter_ms,
        rtt_ms=event.rtt_ms,
        their_loss=event.their_loss,
        their_mos=event.their_mos,
    )


def _sent_on(
    row: CallRow,
    event: TransferStarted | TransferCompleted | TransferFailed | CallParked,
    at: datetime,
) -> CallRow:
    match event:
        case CallParked():
            return replace(
                row,
                state="parked",
                slot=event.slot,
                aside_since=at,
                seat_id=None,
                on_hold=False,
                muted=False,
            )
        case TransferStarted(to_seat_id=None):
            return replace(row, transferring=True)
        case TransferStarted():
            return replace(
                row,
                state="queued",
                transferring=True,
                to_seat_id=event.to_seat_id,
                aside_since=at,
                seat_id=None,
                on_hold=False,
                muted=False,
            )
        case TransferCompleted(leg_id=None):
            return replace(row, transferring=False)
        case TransferCompleted():
            return replace(
                row,
                state="answered",
                transferring=False,
                handed_over=True,
                seat_id=None,
                on_hold=False,
                muted=False,
            )
        case TransferFailed():
            return replace(row, transferring=False, to_seat_id=None, aside_since=None)
        case _:
            assert_never(event)


def _recording(
    known: Recording | None,
    event: RecordingStarted | RecordingClosed | RecordingFailed,
) -> Recording:
    now = known or Recording(event.recording_id, "recording", "")
    match event:
        case RecordingStarted():
            short = known is not None and known.short
            return Recording(event.recording_id, "recording", event.path, short=short)
        case RecordingClosed():
            return replace(now, state="closed", sha256=event.sha256, duration_s=event.duration_s)
        case RecordingFailed():
            return replace(now, state="failed", short=True)
        case _:
            assert_never(event)


def _sound(
    known: Recording | None, event: RecordingChecked | RecordingRepaired
) -> Recording | None:
    """Whether it is what the log says, at the place that was looked at."""
    if known is None or known.recording_id != event.recording_id:
        return known
    intact = isinstance(event, RecordingRepaired) or event.intact
    if event.place == ORIGINAL:
        return replace(known, intact=intact)
    others = tuple(one for one in known.damaged if one != event.place)
    return replace(known, damaged=others if intact else (*others, event.place))


def _kept(
    known: Recording | None,
    event: RecordingCopied | RecordingCopyErased | RecordingErased,
    at: datetime,
) -> Recording | None:
    if known is None or known.recording_id != event.recording_id:
        return known
    if isinstance(event, RecordingCopied | RecordingCopyErased):
        there = isinstance(event, RecordingCopied)
        others = tuple(one for one in known.damaged if one != event.place)
        if event.place == "store":
            return replace(known, stored=there, damaged=others)
        return replace(known, copied=there, damaged=others)
    return replace(known, state="erased", erased_at=at)


def _parties(
    parties: tuple[Party, ...], event: PartyAdded | PartyJoined | PartyLeft
) -> tuple[Party, ...]:
    match event:
        case PartyAdded():
            others = tuple(party for party in parties if party.leg_id != event.leg_id)
            return (*others, Party(event.leg_id, event.address, "calling"))
        case PartyJoined():
            state = "joined"
        case PartyLeft():
            state = "left"
        case _:
            assert_never(event)
    return tuple(
        replace(party, state=state) if party.leg_id == event.leg_id else party for party in parties
    )


CALLS = View(
    "call", CallRow, "call_id", keys, fold, personal=("caller", "location", "parties[].address")
)


class TrunkRow(Row, frozen=True):
    """A line to the telephone network as it stands."""

    trunk: str
    state: str = "up"
    """``up``, ``down`` or ``removed``."""
    since: datetime | None = None
    status: int | None = None
    """What it answered instead of carrying calls, if anything."""


def trunk_keys(stream: StreamId, event: Event) -> tuple[str, ...]:
    """The trunk's own row."""
    return (stream.key,) if isinstance(event, TrunkUp | TrunkDown | TrunkRemoved) else ()


def trunk_fold(row: TrunkRow, fact: Fact) -> TrunkRow:
    """The trunk after the fact."""
    match fact.event:
        case TrunkUp():
            return replace(row, state="up", since=fact.at, status=None)
        case TrunkDown() as event:
            return replace(row, state="down", since=fact.at, status=event.status)
        case TrunkRemoved():
            return replace(row, state="removed", since=fact.at, status=None)
        case _:
            return row


TRUNKS = View("trunk", TrunkRow, "trunk", trunk_keys, trunk_fold)


def surge_keys(stream: StreamId, event: Event) -> tuple[str, ...]:
    """The one row."""
    return ("surge",) if isinstance(event, SurgeSwitched) else ()


def surge_fold(row: SurgeRow, fact: Fact) -> SurgeRow:
    """What callers hear after the fact."""
    event = fact.event
    assert isinstance(event, SurgeSwitched)
    on = event.notice is not None
    return replace(
        row,
        notice=event.notice,
        since=fact.at if on else None,
        operator_id=fact.actor if on else None,
    )


SURGE = View("surge", SurgeRow, "surge_id", surge_keys, surge_fold)
VIEWS = (CALLS, TRUNKS, SURGE)
