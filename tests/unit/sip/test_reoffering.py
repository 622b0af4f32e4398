"""New sessions for calls that stand (RFC 3261 § 14): none is lost because its moment was bad."""

from collections.abc import Callable
from typing import cast

import pytest
from wire import ANSWER, OFFER, Side, Wire, label

from tahuri.telephony.sip import events
from tahuri.telephony.sip.leg import Leg
from tahuri.telephony.sip.message import Request, Response
from tahuri.telephony.sip.reoffering import TRIES_MAX

NEW = OFFER.replace(b"40000", b"41000")
NEWER = OFFER.replace(b"40000", b"42000")


def reoffer(wire: Wire, session: bytes = NEW, who: str = "caller") -> None:
    side = getattr(wire, who)
    leg = wire.caller_leg if who == "caller" else wire.callee_leg
    wire.perform(side, side.agent.reoffer(leg, session, wire.now))


def answer(wire: Wire, who: str = "callee") -> None:
    side = getattr(wire, who)
    event = cast("events.Reoffered", side.last(events.Reoffered))
    wire.perform(side, side.agent.answer_reoffer(event.leg, ANSWER, wire.now))


def offered(side: Side) -> list[bytes]:
    """Sessions that came in re-INVITEs, in order."""
    return [e.session for e in side.events if isinstance(e, events.Reoffered) and e.session]


def told(side: Side) -> list[int]:
    return [e.status for e in side.events if isinstance(e, events.Reanswered)]


def refusing(wire: Wire, status: int, headers: tuple[tuple[str, str], ...] = ()) -> None:
    """The callee refuses the re-INVITE that it was given last."""
    leg = wire.callee_leg
    key, leg.reoffer_key = leg.reoffer_key, None
    assert key is not None
    wire.perform(wire.callee, wire.callee.agent.respond(key, status, wire.now, headers))


def test_what_is_refused_for_the_moment_is_offered_again() -> None:
    """Both changed at once (491): given the side that made the call; then it offers again after
    2.1 to 4 s, with the same session, and its sound goes on."""
    wire = Wire()
    wire.up()
    reoffer(wire)
    refusing(wire, 491)
    wire.pass_s(2.0)
    assert offered(wire.callee) == [NEW]
    wire.pass_s(2.25)
    assert offered(wire.callee) == [NEW, NEW]
    answer(wire)
    assert told(wire.caller) == [200]
    assert not wire.caller_leg.owed


def test_two_that_offer_at_once_agree_in_the_end() -> None:
    """Given re-INVITEs that cross; then each is refused with 491; the side that was called offers
    again first, and the other's answer says all that it had to say."""
    wire = Wire()
    wire.up()
    wire.lose = lambda name: name == "INVITE"
    reoffer(wire)
    reoffer(wire, NEWER, "callee")
    wire.lose = lambda _: False
    for _ in range(60):
        wire.pass_s(0.25)
        for side in (wire.caller, wire.callee):
            last = [e for e in side.events if isinstance(e, events.Reoffered)]
            if last and last[-1].leg.reoffer_key and label(side.sent[-1]) != "200 INVITE":
                answer(wire, "caller" if side is wire.caller else "callee")
    assert offered(wire.caller) == [NEWER]
    assert offered(wire.callee) == []
    assert (told(wire.caller), told(wire.callee)) == ([], [200])
    assert not wire.caller_leg.owed


@pytest.mark.parametrize(
    ("headers", "wait_s"),
    [((("retry-after", "3"),), 3.0), ((("retry-after", "10"),), 4.0), ((), 2.0)],
)
def test_who_asks_for_time_gets_it(headers: tuple[tuple[str, str], ...], wait_s: float) -> None:
    """500 with Retry-After: an offer of theirs was under way."""
    wire = Wire()
    wire.up()
    reoffer(wire)
    refusing(wire, 500, headers)
    wire.pass_s(wait_s - 0.5)
    assert offered(wire.callee) == [NEW]
    wire.pass_s(1.0)
    assert offered(wire.callee) == [NEW, NEW]


def test_who_refuses_for_ever_is_told_at_last() -> None:
    """Given a far end that says 491 each time; then its silence counts after a while."""
    wire = Wire()
    wire.up()
    reoffer(wire)
    for _ in range(TRIES_MAX + 1):
        assert told(wire.caller) == []
        refusing(wire, 491)
        wire.pass_s(4.5)
    assert told(wire.caller) == [491]
    assert len(offered(wire.callee)) == TRIES_MAX + 1


def test_the_newest_session_counts() -> None:
    """Media died twice: given an offer that waits for its answer; when there is a newer one; then
    that goes next, and no other."""
    wire = Wire()
    wire.up()
    reoffer(wire)
    reoffer(wire, ANSWER)
    reoffer(wire, NEWER)
    assert offered(wire.callee) == [NEW]
    answer(wire)
    assert offered(wire.callee) == [NEW, NEWER]
    answer(wire)
    wire.pass_s(10)
    assert offered(wire.callee) == [NEW, NEWER]
    assert told(wire.caller) == [200, 200]


def test_a_refused_session_with_a_newer_one_is_no_failure() -> None:
    """Given 488 to a session that is old by then; then the newer one is offered."""
    wire = Wire()
    wire.up()
    reoffer(wire)
    reoffer(wire, NEWER)
    refusing(wire, 488)
    assert told(wire.caller) == []
    assert offered(wire.callee) == [NEW, NEWER]


def test_nothing_is_offered_into_an_offer_of_theirs() -> None:
    """Given their re-INVITE, answered and not yet acknowledged; then ours goes after the ACK."""
    wire = Wire()
    wire.up()
    wire.lose = lambda name: name == "ACK"
    reoffer(wire, NEWER, "caller")
    answer(wire)
    reoffer(wire, NEW, "callee")
    wire.pass_s(0.25)
    assert offered(wire.caller) == []
    wire.lose = lambda _: False
    wire.pass_s(2.0)  # their 200 is repeated, and acknowledged
    assert offered(wire.caller) == [NEW]


@pytest.mark.parametrize("comes", [True, False])
def test_an_answered_call_is_acknowledged_before_its_session_changes(comes: bool) -> None:
    """Given our 200 without its ACK; when media dies; then the new session goes after the ACK, or
    after two seconds: the process before this one may have had it."""
    wire = Wire()
    wire.lose = lambda name: name == "ACK"
    wire.up()
    reoffer(wire, NEW, "callee")
    wire.pass_s(0.25)
    assert offered(wire.caller) == []
    if comes:
        wire.lose = lambda _: False
        wire.pass_s(1.0)
        assert wire.callee.told(events.Acknowledged) == 1
    else:
        wire.pass_s(2.25)
    assert offered(wire.caller) == [NEW]


def after_a_kill(wire: Wire, change: Callable[[Leg], None] = lambda _: None) -> None:
    """The caller's process dies; the next one has its leg."""
    leg = wire.caller_leg
    wire.caller = Side(wire.caller.host, "UDP")
    change(leg)
    wire.caller.agent.adopt(leg, wire.now)


def test_a_session_that_a_killed_process_offered_is_offered_anew() -> None:
    """Nobody is hung up because the switch died between a re-INVITE and its answer.

    Given a re-INVITE; when its sender is killed before the answer; then the answer is acknowledged
    by the next process, which offers the session again, and the call goes on.
    """
    wire = Wire()
    wire.up()
    wire.lose = lambda name: name == "200 INVITE"
    reoffer(wire)
    answer(wire)
    after_a_kill(wire)
    wire.lose = lambda _: False
    wire.pass_s(1.0)
    acks = [m for m in wire.caller.sent if isinstance(m, Request) and m.method == "ACK"]
    assert acks, wire.trace
    assert offered(wire.callee) == [NEW, NEW]
    answer(wire)
    wire.pass_s(40)
    assert told(wire.caller) == [200]
    assert wire.callee_leg.state == "up"
    assert wire.callee.told(events.Ended) == 0


def test_a_session_that_was_owed_is_owed_by_the_next_process() -> None:
    """Given a session that had to wait; when its sender is killed; then the next one offers it."""
    wire = Wire()
    wire.up()
    reoffer(wire)
    refusing(wire, 491)
    after_a_kill(wire)
    wire.pass_s(1.0)
    assert offered(wire.callee) == [NEW, NEW]


def test_an_answer_to_nothing_is_acknowledged_in_a_call_alone() -> None:
    """A 200 to an INVITE that nobody sent is acknowledged where it names a call that stands."""
    wire = Wire()
    wire.up()
    leg = wire.caller_leg
    for tag, acks in (("another", 0), (leg.remote_tag, 1)):
        response = Response(status=200, reason="OK")
        response.headers = [
            ("via", f"SIP/2.0/UDP {wire.caller.host}:5060;branch=z9hG4bKunknown"),
            ("from", f"{leg.local};tag={leg.local_tag}"),
            ("to", f"{leg.remote};tag={tag}"),
            ("call-id", leg.call_id),
            ("cseq", "7 INVITE"),
        ]
        before = len(wire.caller.sent)
        received = wire.caller.agent.receive(response, wire.callee.flow, wire.now)
        wire.perform(wire.caller, received)
        sent = wire.caller.sent[before:]
        assert [label(message) for message in sent] == ["ACK"] * acks
