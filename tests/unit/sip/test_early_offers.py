"""Offers before the answer: UPDATE in an early dialog (RFC 3311), a session in PRACK (RFC 3262)."""

from typing import cast

import pytest
from test_provisional import ringing
from wire import ANSWER, OFFER, Wire

from tahuri.telephony.sip import events
from tahuri.telephony.sip.leg import request_in
from tahuri.telephony.sip.message import Request, Response, parse

MOVED = OFFER.replace(b"49170", b"49180") if b"49170" in OFFER else OFFER + b"a=x:1\r\n"
THEIRS = ANSWER + b"a=x:2\r\n"


def update_from_callee(wire: Wire, session: bytes = MOVED) -> list[Response]:
    """The callee, which has not answered, sends UPDATE; returns what it hears."""
    leg = wire.callee_leg
    return sent_by(wire, "callee", request_in(leg, "UPDATE", "<sip:x@192.0.2.2>"), session)


def update_from_caller(wire: Wire, session: bytes = MOVED, tag: str = "") -> list[Response]:
    leg = wire.caller_leg
    request = request_in(leg, "UPDATE", "<sip:x@192.0.2.1>")
    tag = tag or wire.callee_leg.local_tag
    request.replace("to", f"<sip:112@192.0.2.2>;tag={tag}")
    return sent_by(wire, "caller", request, session)


def sent_by(wire: Wire, who: str, request: Request, session: bytes) -> list[Response]:
    side, other = getattr(wire, who), wire.callee if who == "caller" else wire.caller
    request.headers.insert(0, ("via", f"SIP/2.0/UDP {side.host}:5060;branch=z9hG4bK{wire.now}"))
    wire.now += 0.01
    if session:
        request.headers.append(("content-type", "application/sdp"))
        request.body = session
    before = len(other.sent)
    message = parse(request.encoded())
    wire.perform(other, other.agent.receive(message, side.flow, wire.now))
    return [m for m in other.sent[before:] if isinstance(m, Response)]


def answer_reoffer(wire: Wire, who: str, session: bytes | None) -> Response:
    side = getattr(wire, who)
    event = cast("events.Reoffered", side.last(events.Reoffered))
    wire.perform(side, side.agent.answer_reoffer(event.leg, session, wire.now))
    return cast("Response", side.sent[-1])


def test_an_update_before_the_answer_is_answered() -> None:
    """A called network moves its announcement: the seat must go on hearing it."""
    wire = Wire()
    wire.invite()
    ringing(wire)
    assert update_from_callee(wire) == []
    assert cast("events.Reoffered", wire.caller.last(events.Reoffered)).session == MOVED
    answer = answer_reoffer(wire, "caller", THEIRS)
    assert (answer.status, answer.body) == (200, THEIRS)
    assert answer.get("session-expires") is None
    wire.accept()
    answered = cast("events.Answered", wire.caller.last(events.Answered))
    assert answered.session == MOVED, "the session of the 200 is older than that of the UPDATE"


def test_a_refused_update_before_the_answer_leaves_the_call() -> None:
    """488, and it rings on."""
    wire = Wire()
    wire.invite()
    ringing(wire)
    update_from_callee(wire)
    assert answer_reoffer(wire, "caller", None).status == 488
    wire.accept()
    answered = cast("events.Answered", wire.caller.last(events.Answered))
    assert answered.session == ANSWER


def test_an_update_without_a_session_moves_the_far_side() -> None:
    """It asks for nothing: 200, at either end, and no timer runs before the answer."""
    wire = Wire()
    wire.invite()
    ringing(wire)
    for answers in (update_from_callee(wire, b""), update_from_caller(wire, b"")):
        assert [answer.status for answer in answers] == [200]
        assert answers[0].get("session-expires") is None
    assert wire.caller_leg.target == "sip:x@192.0.2.2"


def test_an_update_before_our_answer_is_answered_once_a_reliable_one_stood() -> None:
    """The caller's network moves the caller while its 183 is acknowledged."""
    wire = Wire()
    wire.invite()
    ringing(wire)
    assert update_from_caller(wire) == []
    assert answer_reoffer(wire, "callee", THEIRS).status == 200
    wire.accept()
    assert wire.caller.told(events.Answered) == 1


def test_an_update_while_their_offer_is_unanswered_waits() -> None:
    """RFC 3311 § 5.2: 500 with Retry-After of at most 10 s; the call stands."""
    wire = Wire()
    wire.invite()
    answers = update_from_caller(wire)
    assert [answer.status for answer in answers] == [500]
    assert 0 <= int(answers[0].get("retry-after") or "-1") <= 10
    wire.accept()
    assert wire.caller.told(events.Answered) == 1


def test_two_offers_of_theirs_at_once_wait() -> None:
    """The first has no answer yet: 500 with Retry-After."""
    wire = Wire()
    wire.invite()
    ringing(wire)
    update_from_callee(wire)
    answers = update_from_callee(wire, THEIRS)
    assert [answer.status for answer in answers] == [500]
    assert answers[0].get("retry-after") is not None


def test_offers_that_meet_are_refused() -> None:
    """Glare: 491, and whoever asked tries again."""
    wire = Wire()
    wire.up()
    leg = wire.caller_leg
    wire.lose = lambda label: label == "INVITE"
    wire.perform(wire.caller, wire.caller.agent.reoffer(leg, OFFER, wire.now))
    wire.lose = lambda _: False
    assert [answer.status for answer in update_from_callee(wire)] == [491]


@pytest.mark.parametrize("reliable", [False, True])
def test_an_update_for_no_dialog_is_refused(reliable: bool) -> None:
    """Only where offer and answer are exchanged, and only the tag that exchanged them: else 481."""
    wire = Wire()
    wire.invite()
    if reliable:
        ringing(wire)
    else:
        ringing(wire, b"", 180)
    if reliable:
        wire.callee_leg.local_tag = "other"
    assert [answer.status for answer in update_from_callee(wire)] == [481]


def pracked(wire: Wire, session: bytes, kind: str = "application/sdp") -> list[Response]:
    """The caller acknowledges the newest provisional response, with a body."""
    request = request_in(wire.caller_leg, "PRACK", "<sip:x@192.0.2.1>")
    request.replace("to", f"<sip:112@192.0.2.2>;tag={wire.callee_leg.local_tag}")
    request.headers.append(("rack", f"{wire.callee_leg.rseq} 1 INVITE"))
    return sent_by(wire, "caller", request, session)


def unacknowledged(offer: bytes = OFFER) -> Wire:
    """A 183 with a session that nobody has acknowledged."""
    wire = Wire()
    wire.invite(offer)
    wire.lose = lambda label: label == "183 INVITE"
    ringing(wire)
    wire.lose = lambda _: False
    return wire


def test_an_offer_in_prack_is_answered_in_its_200() -> None:
    """RFC 3262 § 5."""
    wire = unacknowledged()
    assert pracked(wire, MOVED) == []
    assert cast("events.Reoffered", wire.callee.last(events.Reoffered)).session == MOVED
    answer = answer_reoffer(wire, "callee", THEIRS)
    assert (answer.status, answer.cseq[1], answer.body) == (200, "PRACK", THEIRS)
    assert not wire.callee.agent._waiting
    wire.accept()
    assert wire.callee.told(events.Ended) == 0


def test_the_answer_to_an_offer_of_ours_may_come_in_prack() -> None:
    """An INVITE without an offer: ours stands in the 183, theirs in PRACK."""
    wire = unacknowledged(b"")
    assert wire.callee_leg.offered is False
    assert [answer.status for answer in pracked(wire, THEIRS)] == [200]
    answered = cast("events.Reanswered", wire.callee.last(events.Reanswered))
    assert (answered.status, answered.session) == (200, THEIRS)


def test_an_update_before_their_answer_to_our_early_offer_is_glare() -> None:
    """491: our offer in the 183 has no answer yet."""
    wire = unacknowledged(b"")
    assert [answer.status for answer in update_from_caller(wire)] == [491]


def test_a_prack_with_anything_else_is_refused() -> None:
    """415: no session, nothing we could answer."""
    wire = unacknowledged()
    leg = wire.callee_leg
    assert wire.raw(
        "PRACK sip:112@192.0.2.2 SIP/2.0\n"
        "Via: SIP/2.0/UDP 192.0.2.1:5060;branch=z9hG4bKp;rport\n"
        f"From: <sip:caller@192.0.2.1>;tag={leg.remote_tag}\n"
        f"To: <sip:112@192.0.2.2>;tag={leg.local_tag}\n"
        f"Call-ID: {leg.call_id}\nCSeq: 2 PRACK\nRAck: 1 1 INVITE\n"
        "Content-Type: text/plain\nContent-Length: 2\n\nhi"
    ) == ["415 PRACK"]


def test_an_offer_in_prack_while_theirs_is_unanswered_waits() -> None:
    """A reliable 180 without a session answered nothing: 500 with Retry-After."""
    wire = Wire()
    wire.invite()
    wire.callee_leg.prack = "required"
    wire.lose = lambda label: label == "180 INVITE"
    ringing(wire, b"", 180)
    wire.lose = lambda _: False
    assert [answer.status for answer in pracked(wire, MOVED)] == [500]


def test_replaces_belongs_to_invite_alone() -> None:
    """RFC 3891 § 3: elsewhere 400."""
    wire = Wire()
    assert wire.raw(
        "OPTIONS sip:112@192.0.2.2 SIP/2.0\n"
        "Via: SIP/2.0/UDP 192.0.2.1:5060;branch=z9hG4bKo;rport\n"
        "From: <sip:caller@192.0.2.1>;tag=1\nTo: <sip:112@192.0.2.2>\n"
        "Call-ID: o\nCSeq: 2 OPTIONS\nReplaces: a;to-tag=1;from-tag=2\nContent-Length: 0\n\n"
    ) == ["400 OPTIONS"]
