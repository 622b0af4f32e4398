"""When a finding opens, closes and is accepted.  Pure: no clock, no I/O, no chance."""

from collections.abc import Mapping
from typing import assert_never

from msgspec import Struct

from tahuri.kernel.event import Command, Decider, Event
from tahuri.kernel.ids import PersonalId
from tahuri.kernel.refusal import Invalid
from tahuri.watch.events import FindingAccepted, FindingClosed, FindingOpened

REASON_CHARS_MAX = 500


class Report(Struct, frozen=True):
    """It is so, and has been for longer than the grace."""

    code: str
    about: str
    numbers: dict[str, float] = {}
    node: str = ""


class Mend(Struct, frozen=True):
    """It is so no longer."""


class AcceptFinding(Command, frozen=True):
    """A supervisor says why it stays."""

    finding_id: str
    reason: str


class Finding(Struct, frozen=True):
    """What the rules need to know."""

    open: bool = False
    accepted: bool = False


def decide(
    command: Report | Mend | AcceptFinding, state: Finding, reason: PersonalId | None = None
) -> list[Event]:
    """Events that carry the command out; none if it is so already.

    Raises:
        Invalid: there is no such open finding.
    """
    match command:
        case Report(code=code, about=about, numbers=numbers, node=node):
            if state.open:
                return []
            return [FindingOpened(code=code, about=about, numbers=numbers, node=node)]
        case Mend():
            return [FindingClosed()] if state.open else []
        case AcceptFinding():
            if not state.open:
                raise Invalid.of({"finding_id": "no open finding of that name"})
            if state.accepted or reason is None:
                return []
            return [FindingAccepted(reason=reason)]
        case _:
            assert_never(command)


def evolve(state: Finding, event: Event) -> Finding:
    """State after the event."""
    match event:
        case FindingOpened():
            return Finding(open=True)
        case FindingClosed():
            return Finding()
        case FindingAccepted():
            return Finding(open=state.open, accepted=True)
        case _:
            return state


FINDING = Decider(Finding(), decide, evolve)


def grown(before: Mapping[str, float], keys: set[str], now_s: float) -> dict[str, float]:
    """Since when each difference has been seen without a break.

    Args:
        before: the same, as of the last look.
        keys: what differs now.
    """
    return {key: before.get(key, now_s) for key in keys}
