"""How long a recording is kept, and what keeps it longer.  Pure: no clock, no I/O, no chance."""

from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import assert_never

from msgspec import Struct

from tahuri.calls.events import (
    CallArrived,
    CallClass,
    LegalHoldLifted,
    LegalHoldSet,
    RecordingErased,
)
from tahuri.kernel.event import Command, Decider, Event
from tahuri.kernel.ids import PersonalId, RecordingId
from tahuri.kernel.refusal import Invalid, Refused
from tahuri.refusals import Refusal

REASON_CHARS_MAX = 500
DAYS: Mapping[str, int] = {
    CallClass.NORMAL: 730,
    CallClass.GHOST: 365,
    CallClass.INFORMASI: 90,
    CallClass.NON_EMERGENCY: 90,
    CallClass.PRANK: 90,
    CallClass.IVR_PRANK: 90,
    CallClass.ABANDONED: 90,
    CallClass.UNANSWERED: 90,
    CallClass.TEST: 30,
}
"""Days by class.  A silent call is kept long: a stroke or violence at home is silent too."""


class SetLegalHold(Command, frozen=True):
    """Keep the recording whatever its age, and why."""

    reason: str


class LiftLegalHold(Command, frozen=True):
    """It need not be kept longer than others, and why."""

    reason: str


class Erase(Struct, frozen=True):
    """Its time is over."""

    recording_id: RecordingId
    kept_as: str
    days: int


class Keeping(Struct, frozen=True):
    """What the rules need to know of a call's recording."""

    known: bool = False
    held: bool = False
    erased: bool = False


class Kept(Struct, frozen=True):
    """A call's row, as far as keeping its recording goes."""

    call_id: str
    ended_at: datetime
    call_class: str | None
    linked: bool
    open_incident: bool
    legal_hold: bool


def kept_as(call_class: str | None, linked: bool) -> str:
    """The class whose days count: a call about an incident, or that nobody classified, is real."""
    return str(CallClass.NORMAL) if linked or call_class is None else call_class


def is_due(call: Kept, days: Mapping[str, int], now: datetime) -> bool:
    """Whether the recording is to be erased now.

    Args:
        days: by class, over ``DAYS``.
    """
    if call.legal_hold or call.open_incident:
        return False
    name = kept_as(call.call_class, call.linked)
    kept = {**DAYS, **days}.get(name, DAYS[CallClass.NORMAL])
    return now - call.ended_at > timedelta(days=kept)


def decide(
    command: SetLegalHold | LiftLegalHold | Erase,
    state: Keeping,
    reason: PersonalId | None = None,
) -> list[Event]:
    """Events that carry the command out; none if it is so already.

    Raises:
        Refused: there is no such call.
        Invalid: its recording is erased.
    """
    if not state.known:
        raise Refused(Refusal.CALL_UNKNOWN)
    match command:
        case SetLegalHold():
            if state.erased:
                raise Invalid.of({"call_id": "its recording is erased"})
            return [] if state.held or reason is None else [LegalHoldSet(reason=reason)]
        case LiftLegalHold():
            return [LegalHoldLifted(reason=reason)] if state.held and reason is not None else []
        case Erase(recording_id=recording, kept_as=name, days=days):
            if state.held or state.erased:
                return []
            return [RecordingErased(recording_id=recording, kept_as=name, days=days)]
        case _:
            assert_never(command)


def evolve(state: Keeping, event: Event) -> Keeping:
    """State after the event."""
    match event:
        case CallArrived(loopback=False):
            return Keeping(True, state.held, state.erased)
        case LegalHoldSet():
            return Keeping(state.known, True, state.erased)
        case LegalHoldLifted():
            return Keeping(state.known, False, state.erased)
        case RecordingErased():
            return Keeping(state.known, state.held, True)
        case _:
            return state


KEEPING = Decider(Keeping(), decide, evolve)
