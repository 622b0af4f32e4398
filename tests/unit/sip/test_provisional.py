"""Reliable provisional responses (RFC 3262) and early media."""

from typing import cast

import pytest
from wire import ANSWER, Wire

from tahuri.telephony.sip import events
from tahuri.telephony.sip.message import Request, Response, response_to


def ringing(wire: Wire, session: bytes = ANSWER, status: int = 183) -> None:
    """The callee's provisional response."""
    agent = wire.callee.agent
    wire.perform(wire.callee, agent.progress(wire.callee_leg, status, wire.now, session))


def last_ringing(wire: Wire) -> events.Ringing:
    """What the caller was told last of ringing."""
    return cast("events.Ringing", wire.caller.last(events.Ringing))


def test_early_media_is_told_and_acknowledged() -> None:
    """An announcement before the answer ("this number has changed") must be heard."""
    wire = Wire()
    wire.invite()
    ringing(wire)
    assert wire.trace[-3:] == ["183 INVITE", "PRACK", "200 PRACK"]
    assert last_ringing(wire).session == ANSWER
    prack = next(m for m in wire.caller.sent if isinstance(m, Request) and m.method == "PRACK")
    assert prack.get("rack") == "1 1 INVITE"
    wire.accept()
    assert wire.caller.told(events.Answered) == 1
    wire.hang_up(wire.caller)
    assert wire.callee.told(events.Ended) == 1


def test_a_lost_183_and_a_lost_prack_are_made_good() -> None:
    """Reliable means: as reliable as the answer itself."""
    for name in ("183 INVITE", "PRACK", "200 PRACK"):
        wire = Wire()
        lost: list[str] = []

        def lose(label: str, name: str = name, lost: list[str] = lost) -> bool:
            if label == name and len(lost) < 2:
                lost.append(label)
                return True
            return False

        wire.invite()
        wire.lose = lose
        ringing(wire)
        wire.pass_s(8)
        assert lost == [name, name]
        assert wire.caller.told(events.Ringing) == 1, "a repetition is told once"
        assert not wire.callee.agent._waiting
        wire.accept()
        assert wire.caller.told(events.Answered) == 1


def test_a_provisional_response_that_nobody_acknowledges_ends_the_call() -> None:
    """RFC 3262 § 3: then the far end is not there."""
    wire = Wire()
    wire.invite()
    wire.lose = lambda label: label == "PRACK"
    ringing(wire)
    wire.pass_s(40)
    ended = wire.callee.last(events.Ended)
    assert isinstance(ended, events.Ended)
    assert ended.reason == "no-acknowledgement"
    rejected = wire.caller.last(events.Rejected)
    assert isinstance(rejected, events.Rejected)
    assert rejected.status == 504


def test_an_answer_may_overtake_the_prack() -> None:
    """Whoever picks up at once must not wait for a formality."""
    wire = Wire()
    wire.invite()
    wire.lose = lambda label: label == "PRACK"
    ringing(wire)
    wire.lose = lambda _: False
    wire.accept()
    wire.pass_s(5)
    assert wire.caller.told(events.Answered) == 1
    assert wire.callee.told(events.Ended) == 0


def test_a_second_provisional_response_waits_for_the_first() -> None:
    """RFC 3262 § 3 forbids two at once."""
    wire = Wire()
    wire.invite()
    wire.lose = lambda label: label == "PRACK"
    ringing(wire)
    before = wire.trace.count("183 INVITE")
    ringing(wire)
    assert wire.trace.count("183 INVITE") == before
    wire.lose = lambda _: False
    wire.pass_s(2)
    ringing(wire, b"", 180)
    assert wire.trace[-1] == "180 INVITE", "without a session it need not be acknowledged"


def test_who_demands_reliable_responses_gets_them() -> None:
    """``Require: 100rel``: then a 180 is acknowledged as well."""
    wire = Wire()
    wire.invite()
    wire.callee_leg.prack = "required"
    ringing(wire, b"", 180)
    assert wire.trace[-3:] == ["180 INVITE", "PRACK", "200 PRACK"]


def test_each_reliable_response_of_a_call_can_be_acknowledged() -> None:
    """Given a caller that demands reliable responses; when a second one follows the first; then its
    PRACK is taken as well, and the call is not refused for want of it."""
    wire = Wire()
    wire.invite()
    wire.callee_leg.prack = "required"
    ringing(wire, b"", 180)
    ringing(wire)
    assert wire.trace[-3:] == ["183 INVITE", "PRACK", "200 PRACK"]
    wire.pass_s(40)
    assert wire.callee.told(events.Ended) == 0


def test_a_prack_for_something_else_is_refused() -> None:
    """481, and the response goes on being repeated."""
    wire = Wire()
    wire.invite()
    wire.lose = lambda label: label == "PRACK"
    ringing(wire)
    wire.lose = lambda _: False
    leg, agent = wire.callee_leg, wire.callee.agent
    assert wire.raw(
        "PRACK sip:112@192.0.2.2 SIP/2.0\n"
        "Via: SIP/2.0/UDP 192.0.2.1:5060;branch=z9hG4bKp;rport\n"
        f"From: <sip:caller@192.0.2.1>;tag={leg.remote_tag}\n"
        f"To: <sip:112@192.0.2.2>;tag={leg.local_tag}\n"
        f"Call-ID: {leg.call_id}\nCSeq: 2 PRACK\nRAck: 7 1 INVITE\nContent-Length: 0\n\n"
    ) == ["481 PRACK"]
    assert agent._waiting


def test_a_session_said_early_need_not_be_said_again() -> None:
    """RFC 3262 § 5: the answer may have come in the reliable 183 already."""
    wire = Wire()
    wire.invite()
    ringing(wire)
    real = wire.callee.agent.respond

    def without_body(key, status, now, headers=(), body=b""):  # type: ignore[no-untyped-def]
        kept = tuple(pair for pair in headers if pair[0] != "content-type")
        return real(key, status, now, kept)

    wire.callee.agent.respond = without_body  # type: ignore[method-assign]
    wire.accept()
    answer = [m for m in wire.callee.sent if isinstance(m, Response) and m.status == 200][-1]
    assert answer.body == b""
    answered = wire.caller.last(events.Answered)
    assert isinstance(answered, events.Answered)
    assert answered.session == ANSWER


def test_a_provisional_response_out_of_order_is_passed_over() -> None:
    """RFC 3262 § 4: it comes again when its turn is there."""
    wire = Wire()
    wire.invite()
    ringing(wire)
    wire.callee_leg.rseq = 5
    told = wire.caller.told(events.Ringing)
    ringing(wire)
    assert wire.caller.told(events.Ringing) == told


@pytest.mark.parametrize("number", ["²", "many", "", "99999999999"])
def test_a_number_that_is_none_asks_for_no_prack(number: str) -> None:
    """Given a 180 that must be acknowledged by a number, and has none; then it is told as ringing,
    and no exception of ours costs the call."""
    wire = Wire()
    wire.lose = lambda name: name == "INVITE"
    wire.invite()
    asked = cast("Request", wire.caller.sent[-1])
    headers = (("require", "100rel"), ("rseq", number))
    ringing = response_to(asked, 180, ("192.0.2.1", 5060), "t", headers)
    wire.perform(wire.caller, wire.caller.agent.receive(ringing, wire.callee.flow, wire.now))
    assert wire.caller.told(events.Ringing) == 1
    assert "PRACK" not in wire.trace
