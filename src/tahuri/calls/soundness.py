"""Where a recording is sound, where it is damaged, and what is said of it.  Pure.

A recording lies at its original place and, once copied, at others.  It is read again for years;
what is found is told when it differs from what was known, and never of one that was erased.
"""

from collections.abc import Sequence
from typing import assert_never

from msgspec import Struct

from tahuri.calls.events import (
    RecordingChecked,
    RecordingCopied,
    RecordingCopyErased,
    RecordingErased,
    RecordingRepaired,
    RecordingStarted,
)
from tahuri.kernel.event import Decider, Event
from tahuri.kernel.ids import RecordingId

ORIGINAL = "original"
"""The place where a recording was made."""


class Found(Struct, frozen=True):
    """It was read again at that place."""

    recording_id: RecordingId
    place: str
    fault: str | None
    """What is wrong with it there."""


class Repair(Struct, frozen=True):
    """What lies at that place now is from a sound one."""

    recording_id: RecordingId
    place: str
    source: str
    aside: str
    """Where the damaged one lies, if there was one."""


class Soundness(Struct, frozen=True):
    """What is known of a call's recording."""

    recording_id: RecordingId | None = None
    places: frozenset[str] = frozenset()
    damaged: frozenset[str] = frozenset()
    erased: bool = False


def decide(command: Found | Repair, state: Soundness) -> list[Event]:
    """Events that say so; none if it is known, or of a recording that is not there to be kept."""
    here = command.recording_id == state.recording_id and command.place in state.places
    if state.erased or not here:
        return []
    match command:
        case Found(recording_id=recording, place=place, fault=fault):
            if (fault is not None) == (place in state.damaged):
                return []
            return [
                RecordingChecked(
                    recording_id=recording, intact=fault is None, fault=fault, place=place
                )
            ]
        case Repair(recording_id=recording, place=place, source=source, aside=aside):
            return [
                RecordingRepaired(recording_id=recording, place=place, source=source, aside=aside)
            ]
        case _:
            assert_never(command)


def evolve(state: Soundness, event: Event) -> Soundness:
    """State after the event."""
    match event:
        case RecordingStarted(recording_id=recording):
            return Soundness(recording, frozenset({ORIGINAL}))
        case RecordingErased():
            return Soundness(state.recording_id, state.places, state.damaged, True)
        case RecordingCopied(place=place) | RecordingRepaired(place=place):
            return _at(state, state.places | {place}, state.damaged - {place})
        case RecordingCopyErased(place=place):
            return _at(state, state.places - {place}, state.damaged - {place})
        case RecordingChecked(place=place, intact=intact):
            others = state.damaged - {place}
            return _at(state, state.places, others if intact else others | {place})
        case _:
            return state


def _at(state: Soundness, places: frozenset[str], damaged: frozenset[str]) -> Soundness:
    return Soundness(state.recording_id, places, damaged, state.erased)


SOUNDNESS = Decider(Soundness(), decide, evolve)


def sources(
    places: Sequence[str], there: frozenset[str], damaged: frozenset[str], target: str
) -> list[str]:
    """Where a sound one may be had from, the nearest first.

    Args:
        places: all that are set, the nearest first.
        there: those that have had the recording.
        damaged: those where it was found damaged.
    """
    return [one for one in places if one in there - damaged and one != target]
