"""Third parties, the keys of a silent caller, and lines of a call."""

from typing import assert_never

from msgspec.structs import replace

from tahuri.calls.events import (
    GhostAnswered,
    GhostAsked,
    GhostEnded,
    GhostStarted,
    LegQualityMeasured,
    PartyAdded,
    PartyJoined,
    PartyLeft,
)
from tahuri.calls.views.rows import Line, Party, Silence

OfParty = PartyAdded | PartyJoined | PartyLeft
OfSilence = GhostStarted | GhostAsked | GhostAnswered | GhostEnded


def parties_after(parties: tuple[Party, ...], event: OfParty) -> tuple[Party, ...]:
    """Everybody who was called into the call, by leg, the last called last."""
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


def silence_after(known: Silence, event: OfSilence) -> Silence:
    """What was asked and answered, and how it ended."""
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


def line_of(event: LegQualityMeasured) -> Line:
    """The leg's line; what came too late is lost to who listens."""
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
