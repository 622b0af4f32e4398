"""The switch and the log must not drift apart: every spooled fact is an event of the log."""

from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any, Literal, get_args, get_origin, get_type_hints

import msgspec
import pytest

from tahuri.calls.events import CallClass, RecordingFailed
from tahuri.calls.switchboard import event_of
from tahuri.kernel.event import Event, event_types, stored
from tahuri.kernel.ids import PersonalId
from tahuri.operators.events import SeatNotReady
from tahuri.reference import NOT_READY_REASONS
from tahuri.refusals import Refusal
from tahuri.telephony.protocol import words
from tahuri.telephony.protocol.facts import AnyBody, Body, Fact, fact_of
from tahuri.telephony.protocol.facts.call import CallArrived

BODIES: tuple[type[Body], ...] = get_args(AnyBody)
AT = datetime(2026, 11, 23, 3, 0, tzinfo=UTC)
SAMPLES: dict[Any, Any] = {str: "text", int: 488, float: 9.5, bool: True, datetime: AT}
OURS = {
    "calls.recording-played",
    "calls.recording-checked",
    "calls.recording-repaired",
    "calls.recordings-reread",
    "calls.recording-copied",
    "calls.recording-copy-erased",
    "calls.recording-erased",
    "calls.legal-hold-set",
    "calls.legal-hold-lifted",
    "calls.recordings-exported",
    "calls.call-classified",
    "calls.call-wrapped-up",
    "calls.call-linked",
    "calls.call-unlinked",
    "calls.fact-unreadable",
    "operators.account-made",
    "operators.account-changed",
    "operators.signed-in",
    "operators.signed-out",
}
"""Made by ``serve`` and ``work``, never by the switch."""


def values(kind: Any) -> list[Any]:
    """What a field of this type may hold: each word of a Literal, one sample of the rest."""
    if get_origin(kind) is Literal:
        return list(get_args(kind))
    if get_origin(kind) is list:
        return [[], values(get_args(kind)[0])]
    if kind in SAMPLES:
        return [SAMPLES[kind]]
    return [value for one in get_args(kind) for value in values(one)] if get_args(kind) else [None]


def bodies(kind: type[Body]) -> Iterator[Body]:
    """Bodies that between them hold every value of every field."""
    hints = {name: get_type_hints(kind)[name] for name in kind.__struct_fields__}
    first = {name: values(hint)[0] for name, hint in hints.items()}
    yield kind(**first)
    for name, hint in hints.items():
        for value in values(hint)[1:]:
            yield kind(**{**first, name: value})


def personal_fields(kind: type[Event]) -> set[str]:
    """Fields that name erasable rows."""
    hints = get_type_hints(kind)
    return {
        name
        for name in kind.__struct_fields__
        if PersonalId in (hints[name], *get_args(hints[name]))
    }


def spooled(body: Body) -> Fact:
    """The fact as it comes over the socket."""
    made = fact_of("01J", AT, "call/C1", body, {}, "switch")
    return msgspec.json.decode(msgspec.json.encode(made), type=Fact)


@pytest.mark.parametrize("kind", BODIES, ids=lambda kind: kind.__name__)
def test_every_fact_of_the_switch_is_taken_into_the_log_whole(kind: type[Body]) -> None:
    """A fact that the log cannot read would be a call without a past."""
    for body in bodies(kind):
        fact = spooled(body)
        event = event_of(fact, {})
        tag, kept = stored(event)
        assert tag == fact.type
        as_stored = msgspec.json.decode(msgspec.json.encode(kept))
        assert {name: as_stored[name] for name in fact.body} == fact.body
        assert type(event).__name__ == kind.__name__


@pytest.mark.parametrize("kind", BODIES, ids=lambda kind: kind.__name__)
def test_what_the_log_keeps_beyond_the_body_is_erasable(kind: type[Body]) -> None:
    """Each further field of the event must be filled from the fact's personal part."""
    event = event_types()[str(kind.__struct_config__.tag)]
    beyond = set(event.__struct_fields__) - set(kind.__struct_fields__)
    assert beyond == personal_fields(event)


def test_the_personal_parts_are_those_of_the_contract() -> None:
    """Caller, place and third parties: nothing else of a person passes from the switch."""
    named = {
        (str(kind.__struct_config__.tag), name)
        for kind in BODIES
        for name in personal_fields(event_types()[str(kind.__struct_config__.tag)])
    }
    assert named == {
        ("calls.call-arrived", "caller"),
        ("calls.call-arrived", "location"),
        ("calls.call-back-begun", "caller"),
        ("calls.consultation-refused", "address"),
        ("calls.leg-replaced", "caller"),
        ("calls.party-added", "address"),
        ("calls.refer-refused", "address"),
        ("calls.transfer-started", "address"),
    }


def test_every_event_of_calls_and_seats_is_made_by_one_side() -> None:
    """An event that neither side makes is a promise in the log's description that nobody keeps."""
    made_by_switch = {str(kind.__struct_config__.tag) for kind in BODIES}
    known = {tag for tag in event_types() if tag.startswith(("calls.", "operators."))}
    assert known == made_by_switch | OURS
    assert not made_by_switch & OURS


def test_the_personal_part_takes_its_place_in_the_event() -> None:
    """The event names the erasable row, never the number."""
    body = CallArrived(
        trunk="telkom", number_status="present", request_uri_kind="number", test=False
    )
    event = event_of(spooled(body), {"caller": "P1"})
    assert stored(event)[1]["caller"] == "P1"


def test_reasons_offered_on_screen_are_those_the_switch_takes() -> None:
    """A reason that can be chosen but is refused would keep a tired operator at the seat."""
    known = set(get_args(words.NotReadyReason))
    assert set(NOT_READY_REASONS) == known - {"missed-offer"}
    assert SeatNotReady.__struct_fields__ == ("operator_id", "reason", "for_s")


def test_what_the_switch_refuses_has_a_code_that_consoles_know() -> None:
    """The contract's codes; ``bad-request`` and ``bug`` are faults of ours, not refusals."""
    codes = (
        "call-not-offered call-already-answered seat-not-signed-on seat-taken seat-busy "
        "seat-is-phone "
        "no-live-call bad-address no-such-leg media-unavailable too-many-parties "
        "listen-in-running seat-not-ready no-party-joined not-allowed"
    )
    assert set(codes.split()) <= set(Refusal)


def test_the_classes_of_calls_are_those_of_the_procedure() -> None:
    """The ministry's report counts by these names (docs/glossary.md)."""
    assert {str(one) for one in CallClass} == {
        "normal", "informasi", "prank", "ghost", "abandoned", "ivr_prank", "unanswered", "test",
        "non_emergency",
    }  # fmt: skip
    assert RecordingFailed.__struct_config__.tag == "calls.recording-failed"
