"""The list of calls: one row a call, folded from its facts."""

from msgspec.structs import replace

from tahuri.calls.events import (
    CallArrived,
    CallBackBegun,
    CallClassified,
    CallEnded,
    CallLinked,
    CallOverflowed,
    CallParked,
    CallRefused,
    CallSampled,
    CallSlowed,
    CallUnlinked,
    CallWrappedUp,
    ConsultationBegun,
    ConsultationEnded,
    ConsultationRefused,
    FactUnreadable,
    GhostAnswered,
    GhostAsked,
    GhostEnded,
    GhostStarted,
    LaneLeft,
    LegalHoldLifted,
    LegalHoldSet,
    LegQualityMeasured,
    LegReplaced,
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
    SkillAsked,
    SupervisionEnded,
    SupervisionStarted,
    TransferCompleted,
    TransferFailed,
    TransferStarted,
)
from tahuri.calls.views.conversation import Conversation, conversation
from tahuri.calls.views.parts import OfParty, OfSilence, line_of, parties_after, silence_after
from tahuri.calls.views.recordings import (
    Kept,
    Looked,
    Made,
    recording_kept,
    recording_looked_at,
    recording_made,
)
from tahuri.calls.views.rows import CallRow, Silence
from tahuri.calls.views.transfers import SentOn, sent_on
from tahuri.calls.views.turns import Turn, turn
from tahuri.kernel.event import Event, Fact, StreamId
from tahuri.kernel.view import View

CallEvent = (
    CallArrived
    | CallRefused
    | CallBackBegun
    | LegQualityMeasured
    | LegReplaced
    | ReferRefused
    | ConsultationBegun
    | ConsultationEnded
    | ConsultationRefused
    | RecordingPlayed
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
    | Conversation
    | Turn
    | SentOn
    | Made
    | Looked
    | Kept
    | OfParty
    | OfSilence
)


def _only_tests(event: Event) -> bool:
    """Whether it tells of a test call that hears itself: those are facts without a row."""
    match event:
        case CallArrived(loopback=True) | CallEnded(outcome="tested"):
            return True
        case CallRefused(loopback=True) | CallRefused(reason="too-many-test-calls"):
            return True  # the reason alone: in logs of before such refusals said that of all
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
        return replace(
            after, state="ended", on_hold=False, muted=False, offered_to=None, rings_at=()
        )
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
            return replace(row, recording=recording_made(row.recording, event))
        case RecordingChecked() | RecordingRepaired():
            return replace(row, recording=recording_looked_at(row.recording, event))
        case RecordingCopied() | RecordingCopyErased() | RecordingErased():
            return replace(row, recording=recording_kept(row.recording, event, fact.at))
        case LegalHoldSet() | LegalHoldLifted():
            return replace(row, legal_hold=isinstance(event, LegalHoldSet))
        case PartyAdded() | PartyJoined() | PartyLeft():
            return replace(row, parties=parties_after(row.parties, event))
        case CallSlowed():
            return replace(row, lane="slow")
        case CallSampled():
            return replace(row, lane="sampled")
        case LaneLeft():
            return replace(row, lane=event.reason)
        case GhostStarted() | GhostAsked() | GhostAnswered() | GhostEnded():
            return replace(row, silence=silence_after(row.silence or Silence(), event))
        case LegQualityMeasured():
            return replace(row, lines=(*row.lines, line_of(event)))
        case RecordingPlayed() | FactUnreadable() | SupervisionStarted() | SupervisionEnded():
            return row
        case LegReplaced() | ReferRefused():
            return row  # who talks is the same side; the timeline tells of it
        case ConsultationBegun() | ConsultationEnded() | ConsultationRefused():
            return row  # its party and its hold are facts of their own
        case TransferStarted() | TransferCompleted() | TransferFailed() | CallParked():
            return sent_on(row, event, fact.at)
        case (
            PrecedenceSet()
            | SkillAsked()
            | CallOverflowed()
            | OverflowAnswered()
            | OverflowReturned()
        ):
            return turn(row, event, fact.at)
        case _:
            return conversation(row, event, fact.at)


CALLS = View(
    "call", CallRow, "call_id", keys, fold, personal=("caller", "location", "parties[].address")
)
