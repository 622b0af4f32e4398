"""What may be said about a call after it was answered.  Pure: no clock, no I/O, no chance."""

from typing import assert_never

from msgspec import Struct

from tahuri.calls.events import (
    CallAnswered,
    CallArrived,
    CallBackBegun,
    CallClass,
    CallClassified,
    CallEnded,
    CallRefused,
    CallRequeued,
    CallWrappedUp,
)
from tahuri.kernel.event import Command, Decider, Event
from tahuri.kernel.refusal import Refused
from tahuri.refusals import Refusal


class ClassifyCall(Command, frozen=True):
    """The call taker says what the call was."""

    call_class: CallClass


class WrapUpCall(Command, frozen=True):
    """The call taker is done with the call."""


class Call(Struct, frozen=True):
    """What the rules need to know of a call."""

    known: bool = False
    live: bool = False
    call_class: CallClass | None = None
    wrapped_up: bool = False


def decide(command: ClassifyCall | WrapUpCall, state: Call) -> list[Event]:
    """Events that carry the command out; none if it is so already.  Raises Refused."""
    if not state.known:
        raise Refused(Refusal.CALL_UNKNOWN)
    match command:
        case ClassifyCall(call_class=call_class):
            if call_class is state.call_class:
                return []
            return [CallClassified(call_class=call_class)]
        case WrapUpCall():
            if state.wrapped_up:
                return []
            if state.live:
                raise Refused(Refusal.CALL_STILL_LIVE)
            if state.call_class is None:
                raise Refused(Refusal.CALL_NOT_CLASSIFIED)
            return [CallWrappedUp()]
        case _:
            assert_never(command)


def evolve(state: Call, event: Event) -> Call:
    """State after the event; what the rules need not know leaves it as it is."""
    match event:
        case CallArrived(loopback=True):
            return state  # nobody talked: there is nothing to say about it
        case CallArrived() | CallBackBegun():
            return Call(known=True, live=True)
        case CallAnswered() | CallRequeued():
            return Call(True, True, state.call_class, state.wrapped_up)
        case CallEnded() | CallRefused():
            return Call(True, False, state.call_class, state.wrapped_up)
        case CallClassified(call_class=call_class):
            return Call(True, state.live, call_class, state.wrapped_up)
        case CallWrappedUp():
            return Call(True, state.live, state.call_class, True)
        case _:
            return state


CALL = Decider(Call(), decide, evolve)
