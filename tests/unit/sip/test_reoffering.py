"""New sessions for calls that stand (RFC 3261 § 14): none is lost because its moment was bad."""

from collections.abc import Callable
from typing import cast

import pytest
from wire import ANSWER, OFFER, Side, Wire, label

from tahuri.telephony.sip import events
from tahuri.telephony.sip.leg import Leg
from tahuri.telephony.sip.message import Request, Response, response_to
from tahuri.telephony.sip.reoffering import TRIES_MAX
from tahuri.telephony.sip.sessions import EXPIRES_S, MISSES_S
from tahuri.telephony.sip.transaction import TIMEOUT_S

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


def sent(side: Side, method: str) -> Request:
    """The newest request of that method."""
    found = (m for m in reversed(side.sent) if isinstance(m, Request) and m.method == method)
    return next(found)


@pytest.mark.parametrize("late", [False, True])
def test_the_acknowledgement_of_the_call_is_none_of_a_new_session(late: bool) -> None:
    """A call must not end because two packets changed places.

    Given a re-INVITE that waits for our answer; when the ACK of the call itself comes (late, or
    once more); then the re-INVITE is answered all the same, and its own ACK is told.
    """
    wire = Wire()
    wire.lose = lambda name: late and name == "ACK"
    wire.up()
    wire.lose = lambda _: False
    first = sent(wire.caller, "ACK")
    reoffer(wire)
    wire.perform(wire.callee, wire.callee.agent.receive(first, wire.caller.flow, wire.now))
    assert wire.callee_leg.confirmed
    assert wire.callee.told(events.Reacknowledged) == 0
    answer(wire)
    assert told(wire.caller) == [200]
    assert wire.callee.told(events.Reacknowledged) == 1


@pytest.mark.parametrize("answered", [True, False])
def test_the_end_of_a_refresh_is_none_of_a_new_session(answered: bool) -> None:
    """After a kill each dialog is asked for; media that dies in that moment must not cost sound.

    Given an UPDATE of ours without an answer; when a new session is offered and the UPDATE is
    answered, or given up; then the answer to the session still counts.
    """
    wire = Wire()
    wire.up()
    wire.lose = lambda name: name == "200 UPDATE"
    wire.pass_s(EXPIRES_S / 2 + 5, 5)
    assert wire.caller.told(events.Refreshed) == 0
    wire.lose = lambda name: name == "200 UPDATE" and not answered
    reoffer(wire)
    wire.pass_s(TIMEOUT_S - 4)
    assert wire.caller.told(events.Refreshed) == 1  # answered, or to be asked again
    assert wire.caller_leg.offering
    answer(wire)
    assert told(wire.caller) == [200]


def test_a_repeated_answer_counts_for_its_own_session_alone() -> None:
    """Given a session whose answer comes again while a newer one is offered; then only the answer
    to the newer one is its answer."""
    wire = Wire()
    wire.up()
    wire.lose = lambda name: name == "ACK"
    reoffer(wire)
    answer(wire)
    repeated = wire.callee.sent[-1]
    assert told(wire.caller) == [200]
    wire.lose = lambda name: name == "INVITE"
    reoffer(wire, NEWER)
    wire.perform(wire.caller, wire.caller.agent.receive(repeated, wire.callee.flow, wire.now))
    assert told(wire.caller) == [200]
    wire.lose = lambda _: False
    wire.pass_s(5)
    assert offered(wire.callee) == [NEW, NEWER]
    answer(wire)
    assert told(wire.caller) == [200, 200]


def test_a_session_that_only_ever_hears_trying_is_given_up() -> None:
    """Given a re-INVITE that a machine on the way answered with 100, and nobody else; then it is
    taken back after a while, told as unanswered, and nothing of it is kept."""
    wire = Wire()
    wire.up()
    wire.lose = lambda name: name == "INVITE"
    reoffer(wire)
    trying = response_to(sent(wire.caller, "INVITE"), 100, ("192.0.2.1", 5060), "")
    wire.perform(wire.caller, wire.caller.agent.receive(trying, wire.callee.flow, wire.now))
    wire.pass_s(2 * TIMEOUT_S + 1)
    assert wire.trace.count("CANCEL") >= 1
    assert told(wire.caller) == [408]
    assert not wire.caller_leg.offering
    wire.pass_s(2 * TIMEOUT_S)
    assert len(wire.caller.agent.transactions) == 0


def test_a_session_for_nobody_to_connect_to_is_offered_for_a_minute() -> None:
    """A line that is down for a moment ends no call, whatever has to be said to it.

    Given a call over TCP whose far end takes no connection; when media dies; then the session is
    offered again, taken when the line is back, and given up after a minute.
    """
    wire = Wire("TCP")
    wire.up()
    for back in (True, False):
        wire.lose = lambda _: True
        reoffer(wire)
        waited_s = 0.0
        while waited_s < MISSES_S / 2 if back else told(wire.caller) == [200]:
            wire.pass_s(1)
            waited_s += 1
            agent = wire.caller.agent
            wire.perform(wire.caller, agent.unreachable(wire.callee.flow, wire.now))
        if back:
            assert told(wire.caller) == []
            wire.lose = lambda _: False
            wire.pass_s(5)
            answer(wire)
            assert told(wire.caller) == [200]
        else:
            assert told(wire.caller) == [200, 408]
            assert MISSES_S <= waited_s < MISSES_S + 5


def test_nothing_is_offered_to_a_call_that_is_over() -> None:
    """Given a session that waits for the answer to another; when the call ends, and then that
    answer comes; then it is acknowledged and nothing more is said."""
    wire = Wire()
    wire.up()
    reoffer(wire)
    reoffer(wire, NEWER)
    event = cast("events.Reoffered", wire.callee.last(events.Reoffered))
    key = event.leg.reoffer_key
    wire.lose = lambda name: name == "BYE"
    wire.hang_up(wire.caller)
    assert key is not None
    answer(wire)
    assert label(wire.caller.sent[-1]) == "ACK"
    wire.pass_s(10)
    assert offered(wire.callee) == [NEW]
    assert told(wire.caller) == []


def test_a_bye_answers_a_session_that_waits() -> None:
    """Given a re-INVITE of theirs that waits for media; when they hang up, or we do; then it is
    refused with 487, and nothing of it is kept (RFC 3261 § 15.1.2)."""
    for who in ("caller", "callee"):
        wire = Wire()
        wire.up()
        reoffer(wire)
        wire.hang_up(getattr(wire, who))
        assert wire.trace.count("487 INVITE") == 1
        answer(wire)
        wire.pass_s(3 * TIMEOUT_S)
        assert len(wire.callee.agent.transactions) == 0


def test_a_repeated_200_is_told_once_whatever_was_acknowledged_since() -> None:
    """Given our ACK lost and a session of ours taken since; when the 200 to the call itself comes
    again; then it is acknowledged, and the call is not answered twice."""
    wire = Wire()
    wire.lose = lambda name: name == "ACK"
    wire.up()
    answered = wire.callee.sent[-1]
    wire.lose = lambda _: False
    reoffer(wire)
    answer(wire)
    wire.perform(wire.caller, wire.caller.agent.receive(answered, wire.callee.flow, wire.now))
    last = wire.caller.sent[-1]
    assert (label(last), last.cseq[0]) == ("ACK", wire.caller_leg.invite_cseq)
    assert wire.caller.told(events.Answered) == 1


@pytest.mark.parametrize("asked", ["²", "0", "soon", "-1", "999999999999999999999999999"])
def test_whatever_retry_after_says_the_session_is_offered_again(asked: str) -> None:
    """A number that is none must not cost a caller's sound."""
    wire = Wire()
    wire.up()
    reoffer(wire)
    refusing(wire, 500, (("retry-after", asked),))
    wire.pass_s(4.5)
    assert offered(wire.callee) == [NEW, NEW]
