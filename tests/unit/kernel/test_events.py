"""Events by their stored names, streams, deciders."""

import subprocess
import sys

import pytest
from facts import fact
from msgspec import ValidationError

import tahuri.calls.events
import tahuri.operators.events
from tahuri.calls.events import CallClass, CallClassified, CallEnded
from tahuri.kernel.event import Command, Decider, Event, StreamId, loaded, stored


class Named(Command, frozen=True):
    name: str


def test_an_event_comes_back_from_the_log_as_it_was_stored() -> None:
    """A timeline read years later must say what was said then."""
    event = CallClassified(call_class=CallClass.PRANK)
    tag, body = stored(event)
    assert (tag, body) == ("calls.call-classified", {"call_class": "prank"})
    assert loaded(tag, body) == event


def test_an_old_fact_without_a_newer_field_is_still_read() -> None:
    """Fields are added later; yesterday's calls must not become unreadable by it."""
    event = loaded("calls.call-ended", {"outcome": "answered", "by": "caller"})
    assert event == CallEnded(outcome="answered", by="caller", reason="")


def test_a_name_that_no_event_has_is_told() -> None:
    """What this version cannot read must be seen, not skipped."""
    with pytest.raises(ValueError, match=r"no event is stored as 'calls\.call-teleported'"):
        loaded("calls.call-teleported", {})


def test_a_body_that_the_event_cannot_have_is_told() -> None:
    """Half a fact is no proof of anything."""
    with pytest.raises(ValueError, match="outcome") as caught:
        loaded("calls.call-ended", {"by": "caller"})
    assert isinstance(caught.value, ValidationError)


TWICE = """
import tahuri.calls.events
from tahuri.kernel.event import Event, event_types

class Twice(Event, frozen=True, tag="calls.call-held"):
    pass

event_types()
"""


def test_two_events_with_one_stored_name_stop_the_start() -> None:
    """One of them would be read as the other."""
    done = subprocess.run([sys.executable, "-c", TWICE], capture_output=True, text=True)
    assert done.stderr.strip().endswith("two events are stored as 'calls.call-held'")


def test_every_event_is_a_frozen_whole_word_of_its_slice() -> None:
    """The stored names are what exports and other systems match on."""
    for module in (tahuri.calls.events, tahuri.operators.events):
        slice_ = module.__name__.split(".")[1]
        kinds = [one for one in vars(module).values() if isinstance(one, type) and one is not Event]
        events = [one for one in kinds if issubclass(one, Event)]
        assert events
        for kind in events:
            tag = str(kind.__struct_config__.tag)
            words = "".join(word.capitalize() for word in tag.partition(".")[2].split("-"))
            assert (tag.partition(".")[0], words) == (slice_, kind.__name__)
            assert kind.__struct_config__.frozen


@pytest.mark.parametrize("text", ["call", "call/", "/01J", ""])
def test_a_stream_without_kind_or_key_is_no_stream(text: str) -> None:
    """A fact that belongs to nothing would stand in nobody's timeline."""
    with pytest.raises(ValueError, match="not a stream"):
        StreamId.parse(text)


def test_a_stream_is_written_as_it_is_read() -> None:
    """Keys may hold slashes; the kind may not."""
    assert str(StreamId.parse("seat/M1/a")) == "seat/M1/a"
    assert StreamId.parse("seat/M1/a") == StreamId("seat", "M1/a")


def test_a_decider_folds_facts_as_it_folds_events() -> None:
    """The rules must see the same state whether it was just decided or read from the log."""
    decider: Decider[str, []] = Decider(
        "", lambda command, state: [], lambda state, event: state + type(event).__name__[0]
    )
    events = [CallEnded(outcome="answered", by="seat"), CallClassified(call_class=CallClass.TEST)]
    assert decider.after(events) == "CC"
    assert decider.state(fact(event) for event in events) == "CC"
