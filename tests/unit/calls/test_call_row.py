"""The row of a call, after every event that can touch it."""

from typing import Any, get_args

import pytest
from facts import at, fact, row_after

from tahuri.calls.events import (
    CallAnswered,
    CallArrived,
    CallClass,
    CallClassified,
    CallEnded,
    CallHeld,
    CallLinked,
    CallOffered,
    CallOverflowed,
    CallParked,
    CallQueued,
    CallRefused,
    CallRequeued,
    CallResumed,
    CallUnlinked,
    CallWrappedUp,
    FactUnreadable,
    KeyPressed,
    LegQualityMeasured,
    MediaHeard,
    MediaSilent,
    OfferMissed,
    OfferWithdrawn,
    OverflowAnswered,
    OverflowReturned,
    PartyAdded,
    PartyJoined,
    PartyLeft,
    RecordingChecked,
    RecordingClosed,
    RecordingCopied,
    RecordingCopyErased,
    RecordingFailed,
    RecordingPlayed,
    RecordingRepaired,
    RecordingStarted,
    SeatMuted,
    SeatUnmuted,
    SupervisionEnded,
    SupervisionStarted,
    TransferCompleted,
    TransferFailed,
    TransferStarted,
)
from tahuri.calls.views import CALLS, CallRow
from tahuri.calls.views.call import CallEvent
from tahuri.calls.views.rows import Party, Recording
from tahuri.kernel.event import Event, StreamId
from tahuri.kernel.ids import CallId, IncidentId, LegId, OperatorId, PersonalId, RecordingId, SeatId
from tahuri.kernel.view import body_of
from tahuri.operators.events import SeatReady

M1: dict[str, Any] = {"seat_id": SeatId("M1"), "operator_id": OperatorId("O1")}
R1 = RecordingId("R1")
DAMKAR, PLN = LegId("L1"), LegId("L2")
ARRIVED = CallArrived(
    trunk="telkom", number_status="present", caller=PersonalId("P1"), location=PersonalId("P2")
)
ANSWERED = CallAnswered(**M1)
STARTED = RecordingStarted(recording_id=R1, path="2026/11/23/C1.wav")
ADDED = PartyAdded(leg_id=DAMKAR, address=PersonalId("P3"))


def after(*events: Event) -> CallRow:
    """The row of call C1; event n happened n seconds after START."""
    facts = [fact(event, second=n, seq=n + 1) for n, event in enumerate(events)]
    row: CallRow = row_after(CALLS, "C1", facts)
    return row


@pytest.mark.parametrize(
    ("events", "shown"),
    [
        ([], {"state": "queued", "call_id": "C1"}),
        ([ARRIVED], {"arrived_at": at(0), "trunk": "telkom", "caller": "P1", "location": "P2"}),
        (
            [CallArrived(trunk="t", number_status="withheld", test=True)],
            {"test": True, "number_status": "withheld", "caller": None},
        ),
        ([ARRIVED, CallQueued()], {"state": "queued"}),
        ([ARRIVED, CallOffered(**M1)], {"state": "offered", "offered_to": "M1"}),
        ([ARRIVED, CallOffered(**M1), OfferMissed(**M1)], {"state": "queued", "offered_to": None}),
        (
            [ARRIVED, CallOffered(**M1), OfferWithdrawn(**M1)],
            {"state": "queued", "offered_to": None},
        ),
        ([ARRIVED, ANSWERED, OfferWithdrawn(**M1)], {"state": "answered", "offered_to": None}),
        (
            [ARRIVED, CallOffered(**M1), ANSWERED],
            {
                "state": "answered",
                "answered_at": at(2),
                "offered_to": None,
                "seat_id": "M1",
                "operator_id": "O1",
                "robot": False,
            },
        ),
        ([ARRIVED, ANSWERED, CallHeld()], {"state": "held", "on_hold": True}),
        ([ARRIVED, ANSWERED, CallHeld(), CallResumed()], {"state": "answered", "on_hold": False}),
        ([ARRIVED, ANSWERED, SeatMuted()], {"muted": True, "state": "answered"}),
        ([ARRIVED, ANSWERED, SeatMuted(), SeatUnmuted()], {"muted": False}),
        ([ARRIVED, KeyPressed(digit="1"), KeyPressed(digit="#")], {"keys": "1#"}),
        ([ARRIVED, MediaSilent(leg="caller")], {"silent": True}),
        ([ARRIVED, MediaSilent(leg="seat")], {"silent": False}),
        ([ARRIVED, MediaSilent(leg="caller"), MediaHeard(leg="seat")], {"silent": True}),
        ([ARRIVED, MediaSilent(leg="caller"), MediaHeard(leg="caller")], {"silent": False}),
        (
            [ARRIVED, CallRefused(status=488, reason="unsupported-codec")],
            {
                "state": "refused",
                "outcome": "refused",
                "refused_reason": "unsupported-codec",
                "arrived_at": at(0),
                "ended_at": at(1),
            },
        ),
        (
            [CallRefused(status=503, reason="too-many-calls")],
            {"state": "refused", "arrived_at": at(0)},
        ),
        ([ARRIVED, CallClassified(call_class=CallClass.GHOST)], {"call_class": "ghost"}),
        ([ARRIVED, CallWrappedUp()], {"wrapped_up_at": at(1)}),
        (
            [ARRIVED, RecordingPlayed(recording_id=R1, operator_id=OperatorId("O1"))],
            {"recording": None},
        ),
        ([ARRIVED, FactUnreadable(event_type="x")], {"state": "queued"}),
    ],
)
def test_the_row_shows_what_happened(events: list[Event], shown: dict[str, Any]) -> None:
    """What a call taker reads must be what the caller lives through."""
    row = after(*events)
    assert {name: getattr(row, name) for name in shown} == shown


def test_a_caller_whose_seat_vanished_waits_again_and_is_answered_at_the_first_time() -> None:
    """The answer time of the case stays the first; hold and mute do not follow to the new seat."""
    requeued = CallRequeued(seat_id=SeatId("M1"), reason="seat-vanished")
    row = after(ARRIVED, ANSWERED, CallHeld(), SeatMuted(), requeued)
    assert (row.state, row.seat_id, row.on_hold, row.muted, row.requeued) == (
        "queued",
        None,
        False,
        False,
        1,
    )
    again = after(
        ARRIVED,
        ANSWERED,
        requeued,
        CallAnswered(seat_id=SeatId("M2"), operator_id=OperatorId("O2")),
    )
    assert (again.state, again.seat_id, again.operator_id) == ("answered", "M2", "O2")
    assert again.answered_at == at(1)


TO_PARTY = TransferStarted(**M1, kind="blind", leg_id=DAMKAR)
TO_SEAT = TransferStarted(**M1, kind="blind", to_seat_id=SeatId("M2"))
PARKED = CallParked(**M1, slot=2)
NOT_ASIDE: dict[str, Any] = {"to_seat_id": None, "aside_since": None}


@pytest.mark.parametrize(
    ("events", "shown"),
    [
        (
            [TO_PARTY],
            {"state": "answered", "transferring": True, "seat_id": "M1", "aside_since": None},
        ),
        ([TO_PARTY, TransferFailed(**M1, reason="refused")], {"transferring": False}),
        (
            [CallHeld(), TO_PARTY, TransferCompleted(**M1, kind="blind", leg_id=DAMKAR)],
            {"state": "answered", "handed_over": True, "seat_id": None, "on_hold": False},
        ),
        (
            [SeatMuted(), TO_SEAT],
            {"state": "queued", "transferring": True, "seat_id": None, "muted": False}
            | {"to_seat_id": "M2", "aside_since": at(3)},
        ),
        (
            [
                TO_SEAT,
                CallAnswered(seat_id=SeatId("M2"), operator_id=OperatorId("O2")),
                TransferCompleted(**M1, kind="blind", to_seat_id=SeatId("M2")),
            ],
            {"state": "answered", "transferring": False, "seat_id": "M2", "handed_over": False}
            | NOT_ASIDE,
        ),
        ([TO_SEAT, TransferFailed(**M1, reason="no-answer")], {"state": "queued"} | NOT_ASIDE),
        (
            [PARKED],
            {"state": "parked", "slot": 2, "seat_id": None, "operator_id": "O1"}
            | {"aside_since": at(2)},
        ),
        (
            [PARKED, CallAnswered(**M1, how="picked-up")],
            {"state": "answered", "slot": None} | NOT_ASIDE,
        ),
        (
            [PARKED, CallRequeued(seat_id=SeatId("M1"), reason="park-over")],
            {"state": "queued", "slot": None} | NOT_ASIDE,
        ),
        (
            [
                TransferCompleted(**M1, kind="warm", leg_id=DAMKAR),
                CallRequeued(seat_id=SeatId("M1"), reason="party-lost"),
            ],
            {"state": "queued", "handed_over": False},
        ),
        ([TO_PARTY, CallEnded(outcome="answered", by="caller")], {"transferring": False}),
        (
            [SupervisionStarted(**M1, mode="listen", audible=False)],
            {"state": "answered", "seat_id": "M1"},
        ),
        ([SupervisionEnded(**M1, mode="listen", reason="left")], {"state": "answered"}),
    ],
)
def test_a_call_that_is_sent_on_shows_where_it_is(
    events: list[Event], shown: dict[str, Any]
) -> None:
    """Who has the caller now must be plain to everybody in the room."""
    row = after(ARRIVED, ANSWERED, *events)
    assert {name: getattr(row, name) for name in shown} == shown
    assert row.answered_at == at(1)


def test_the_end_of_a_call_leaves_nobody_on_hold_and_no_party_in_it() -> None:
    """A console must not offer to talk to somebody who is gone."""
    end = CallEnded(outcome="answered", by="seat", reason="hung-up")
    row = after(ARRIVED, ANSWERED, ADDED, PartyJoined(leg_id=DAMKAR), CallHeld(), SeatMuted(), end)
    assert (row.state, row.outcome, row.ended_by, row.ended_at) == (
        "ended",
        "answered",
        "seat",
        at(6),
    )
    assert (row.on_hold, row.muted, row.parties[0].state) == (False, False, "left")
    gone = after(ARRIVED, CallOffered(**M1), CallEnded(outcome="abandoned", by="caller"))
    assert (gone.state, gone.offered_to, gone.outcome) == ("ended", None, "abandoned")


def test_what_another_node_tells_after_the_end_makes_no_call_ring_again() -> None:
    """Facts of two nodes come each in its own order; a call that is over rings nowhere."""
    late = after(ARRIVED, CallEnded(outcome="abandoned", by="caller"), CallOffered(**M1))
    assert (late.state, late.offered_to, late.rings_at) == ("ended", None, ())


def test_third_parties_come_and_go_each_by_itself() -> None:
    """The call taker must see who listens."""
    row = after(ARRIVED, ADDED, PartyAdded(leg_id=PLN), PartyJoined(leg_id=DAMKAR))
    assert row.parties == (Party(DAMKAR, PersonalId("P3"), "joined"), Party(PLN, None, "calling"))
    left = after(ARRIVED, ADDED, PartyAdded(leg_id=PLN), PartyLeft(leg_id=PLN, reason="refused"))
    assert [party.state for party in left.parties] == ["calling", "left"]


def test_a_party_that_is_told_of_twice_stands_once() -> None:
    """The spool delivers at least once."""
    assert len(after(ARRIVED, ADDED, ADDED).parties) == 1


def test_the_recording_is_followed_from_its_start_to_its_check() -> None:
    """A recording that is not what it was must show without anybody looking for it."""
    closed = RecordingClosed(recording_id=R1, sha256="ab", duration_s=9.5, bytes=304_044)
    path = "2026/11/23/C1.wav"
    assert after(ARRIVED, STARTED).recording == Recording(R1, "recording", path)
    row = after(ARRIVED, STARTED, closed)
    assert row.recording == Recording(R1, "closed", path, "ab", 9.5)
    checked = RecordingChecked(recording_id=R1, intact=False, fault="has sha256 cd")
    assert after(STARTED, closed, checked).recording == Recording(
        R1, "closed", path, "ab", 9.5, False
    )
    failed = after(STARTED, RecordingFailed(recording_id=R1, fault="disk-full")).recording
    assert failed == Recording(R1, "failed", path, short=True)


def test_a_recording_that_failed_on_the_way_stays_short_whatever_follows() -> None:
    """Whoever hears it must know that it is not the whole call, though the file is as it was."""
    failed = RecordingFailed(recording_id=R1, fault="No space left on device")
    closed = RecordingClosed(recording_id=R1, sha256="ab", duration_s=1.0, bytes=32_044)
    checked = RecordingChecked(recording_id=R1, intact=True, fault=None)
    recording = after(STARTED, failed, closed, checked).recording
    assert recording is not None
    assert (recording.state, recording.intact, recording.short) == ("closed", True, True)
    begun_late = after(failed, STARTED, closed).recording
    assert begun_late is not None
    assert begun_late.short
    whole = after(STARTED, closed).recording
    assert whole is not None
    assert not whole.short


def test_a_recording_that_failed_before_it_started_is_shown() -> None:
    """No file at all is what a supervisor must know first."""
    row = after(ARRIVED, RecordingFailed(recording_id=R1, fault="disk-full"))
    assert row.recording == Recording(R1, "failed", "", short=True)


def test_a_call_may_be_about_several_incidents_each_once() -> None:
    """One caller may tell of a fire and of the crash that it made."""
    fire, crash = CallLinked(incident_id=IncidentId("I1")), CallLinked(incident_id=IncidentId("I2"))
    assert after(ARRIVED, fire, crash, fire).incident_ids == ("I2", "I1")
    gone = CallUnlinked(incident_id=IncidentId("I1"))
    assert after(ARRIVED, fire, crash, gone).incident_ids == ("I2",)


def test_only_a_calls_own_facts_touch_its_row() -> None:
    """Another call's end, or a seat's, must not end this one."""
    assert CALLS.keys(StreamId("call", "C1"), ARRIVED) == ("C1",)
    assert CALLS.keys(StreamId("seat", "M1"), FactUnreadable(event_type="x")) == ()
    assert CALLS.keys(StreamId("call", "C1"), SeatReady(operator_id=OperatorId("O1"))) == ()


def test_a_refused_test_call_is_no_refused_caller() -> None:
    """Given a test call that found media away; then no list and no figure shows it; a caller whom
    the same fault refused has a row."""
    for loopback, keys in ((True, ()), (False, ("C1",))):
        refused = CallRefused(status=503, reason="media-unavailable", loopback=loopback)
        assert CALLS.keys(StreamId("call", "C1"), refused) == keys


def test_an_offer_to_many_seats_lasts_until_the_last_is_over() -> None:
    """Where all ring, one seat that misses leaves the call ringing at the others."""
    m2 = {"seat_id": SeatId("M2"), "operator_id": OperatorId("O2")}
    both = after(ARRIVED, CallOffered(**M1), CallOffered(**m2))
    assert (both.state, both.offered_to, both.rings_at) == ("offered", "M1", ("M1", "M2"))
    one = after(ARRIVED, CallOffered(**M1), CallOffered(**m2), OfferMissed(**M1))
    assert (one.state, one.offered_to) == ("offered", "M2")
    none = after(
        ARRIVED, CallOffered(**M1), CallOffered(**m2), OfferMissed(**M1), OfferWithdrawn(**m2)
    )
    assert (none.state, none.offered_to, none.rings_at) == ("queued", None, ())


def test_a_call_that_a_number_outside_took_is_answered_until_it_comes_back() -> None:
    """What an answering machine took is no answered call."""
    went = (ARRIVED, CallOverflowed(to="number", after_s=30.0, leg_id=DAMKAR))
    took = after(*went, OverflowAnswered(leg_id=DAMKAR))
    assert (took.state, took.answered_by, took.overflow) == ("answered", "overflow", ("number",))
    assert took.answered_at is not None
    back = after(*went, OverflowAnswered(leg_id=DAMKAR), OverflowReturned(leg_id=DAMKAR))
    assert (back.state, back.answered_by, back.answered_at) == ("queued", None, None)
    ours = after(
        ARRIVED, ANSWERED, OverflowAnswered(leg_id=DAMKAR), OverflowReturned(leg_id=DAMKAR)
    )
    assert ours.answered_by == "seat"
    assert ours.answered_at is not None
    over = after(*went, OverflowAnswered(leg_id=DAMKAR), ANSWERED)
    back = after(
        *went,
        OverflowAnswered(leg_id=DAMKAR),
        ANSWERED,  # a supervisor took the call over from whoever had it outside
        OverflowAnswered(leg_id=DAMKAR),
        OverflowReturned(leg_id=DAMKAR),
    )
    assert back.answered_at == over.answered_at is not None


def test_every_event_of_a_call_can_be_folded_first() -> None:
    """A row rebuilt from any place of the log must never stop the rebuilding."""
    given: dict[str, Any] = {
        "role": "party",
        "trunk": "t", "number_status": "none", "status": 486, "reason": "r", **M1,
        "leg_id": DAMKAR, "leg": "caller", "digit": "1", "outcome": "answered", "by": "seat",
        "recording_id": R1, "path": "p", "sha256": "s", "duration_s": 1.0, "bytes": 1,
        "fault": "f", "kept_as": "prank", "days": 90, "intact": True, "call_class": CallClass.TEST,
        "incident_id": IncidentId("I1"), "event_type": "x", "callback_id": "B1",
            "measure_id": "S1", "wait_max_s": 20.0, "share": 0.1, "waited_s": 20.0, "answers": 1,
            "listen_in_s": 30.0, "question": "police", "answer": "yes", "call_back": True,
        "verdict": "good", "received": 9, "lost": 1, "late": 0, "concealed": 1,
        "jitter_ms": 1.0, "rtt_ms": None, "mos": 4.1,
        "slot": 1, "kind": "blind", "mode": "listen", "audible": False,
        "precedence": 2, "language": "en", "agency_id": None, "to": "number", "after_s": 30.0,
            "place": "store", "source": "original",
    }  # fmt: skip
    for kind in get_args(CallEvent):
        event = kind(**{name: given[name] for name in kind.__struct_fields__ if name in given})
        row = after(event)
        assert row.call_id == "C1"
        assert CALLS.load(body_of(row)) == row


def test_the_row_names_the_caller_the_place_and_the_parties_as_erasable() -> None:
    """What the law lets a caller erase must be found, all of it."""
    assert CALLS.personal_ids(body_of(after(ARRIVED, ADDED))) == ["P1", "P2", "P3"]
    assert CALLS.new("C9") == CallRow(call_id=CallId("C9"))


def test_how_each_line_was_stays_with_the_call() -> None:
    """A caller who says that nobody understood them must be answered with more than a shrug."""
    body: dict[str, Any] = {
        "verdict": "bad", "received": 90, "lost": 10, "late": 5, "concealed": 15,
        "jitter_ms": 31.5, "rtt_ms": 80.0, "mos": 2.9, "their_loss": 0.02, "their_mos": 4.1,
    }  # fmt: skip
    row = after(
        LegQualityMeasured(leg="caller", **body),
        LegQualityMeasured(leg="seat", **{**body, "received": 0, "lost": 0, "late": 0}),
    )
    assert [(line.leg, line.loss) for line in row.lines] == [("caller", 0.15), ("seat", 0.0)]
    assert (row.lines[0].verdict, row.lines[0].mos, row.lines[0].their_loss) == ("bad", 2.9, 0.02)


def test_each_place_has_its_copy_until_it_is_erased_there() -> None:
    """An erased recording whose copy still lies somewhere must be seen as such."""
    row = after(
        RecordingStarted(recording_id=R1, path="1.wav"),
        RecordingCopied(recording_id=R1),
        RecordingCopied(recording_id=R1, place="store"),
        RecordingCopyErased(recording_id=R1, place="folder"),
    )
    assert row.recording is not None
    assert (row.recording.copied, row.recording.stored) == (False, True)


def test_damage_and_repair_stand_at_the_place_where_they_are() -> None:
    """A damaged copy must not make a sound original look damaged, nor the other way round."""
    given = (
        RecordingStarted(recording_id=R1, path="1.wav"),
        RecordingCopied(recording_id=R1),
        RecordingChecked(recording_id=R1, intact=False, fault="f"),
        RecordingChecked(recording_id=R1, intact=False, fault="f", place="folder"),
    )
    row = after(*given).recording
    assert row is not None
    assert (row.intact, row.damaged, row.copied) == (False, ("folder",), True)
    row = after(
        *given, RecordingRepaired(recording_id=R1, place="folder", source="store")
    ).recording
    assert row is not None
    assert (row.intact, row.damaged) == (False, ())
    row = after(*given, RecordingRepaired(recording_id=R1, place="original", source="s")).recording
    assert row is not None
    assert (row.intact, row.damaged) == (True, ("folder",))
    erased = RecordingCopyErased(recording_id=R1, place="folder")
    row = after(*given, erased).recording
    assert row is not None
    assert row.damaged == ()
    other = RecordingChecked(recording_id=RecordingId("R9"), intact=True)
    assert after(*given, other) == after(*given)
