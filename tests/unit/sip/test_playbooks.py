"""Playbooks: lost messages, crossed messages, late messages; RFC 3261's timers on a moved clock."""

import pytest
from wire import ANSWER, OFFER, Wire

from tahuri.telephony.sip import events, transactions
from tahuri.telephony.sip.leg import request_in
from tahuri.telephony.sip.message import Request
from tahuri.telephony.sip.transaction import TIMEOUT_S, Flow, Send


def losing(name: str, times: int) -> tuple[list[str], object]:
    """A loss of the first messages of that label."""
    lost: list[str] = []

    def lose(label: str) -> bool:
        if label == name and len(lost) < times:
            lost.append(label)
            return True
        return False

    return lost, lose


@pytest.mark.parametrize("name", ["INVITE", "100 INVITE", "200 INVITE", "ACK", "BYE", "200 BYE"])
def test_a_lost_message_is_made_good(name: str) -> None:
    """Mobile networks lose packets; a call must come and go all the same."""
    wire = Wire()
    lost, wire.lose = losing(name, 2)  # type: ignore[assignment]
    wire.invite()
    wire.pass_s(4)
    wire.accept()
    wire.pass_s(4)
    assert wire.callee.told(events.Incoming) == wire.callee.told(events.Acknowledged) == 1
    assert wire.caller.told(events.Answered) == 1
    wire.hang_up(wire.caller)
    wire.pass_s(4)
    assert wire.callee.told(events.Ended) == 1
    assert not wire.callee.agent.legs
    assert lost


def test_a_lost_cancel_and_a_lost_487_are_made_good() -> None:
    """A phone that the caller has given up must stop ringing."""
    wire = Wire()
    wire.invite()
    wire.perform(wire.callee, wire.callee.agent.progress(wire.callee_leg, 180, wire.now))
    _, wire.lose = losing("CANCEL", 2)  # type: ignore[assignment]
    wire.hang_up(wire.caller)
    wire.pass_s(3)
    assert wire.callee.told(events.Ended) == 1
    rejected = wire.caller.last(events.Rejected)
    assert isinstance(rejected, events.Rejected)
    assert rejected.status == 487
    wire.hang_up(wire.caller)
    wire.pass_s(40)
    assert len(wire.callee.agent.transactions) == 0


def test_cancel_waits_for_the_first_response() -> None:
    """RFC 3261 § 9.1: before it, the CANCEL could overtake the INVITE."""
    wire = Wire()
    wire.lose = lambda label: label.startswith("1")
    wire.invite()
    wire.hang_up(wire.caller)
    assert "CANCEL" not in wire.trace
    wire.lose = lambda _: False
    wire.perform(wire.callee, wire.callee.agent.progress(wire.callee_leg, 180, wire.now))
    assert wire.trace.count("CANCEL") == 1
    assert wire.callee.told(events.Ended) == 1


def test_a_200_that_crosses_the_cancel_is_ended() -> None:
    """Both sides must agree that there is no call."""
    wire = Wire()
    wire.invite()
    wire.lose = lambda label: label == "200 INVITE"
    wire.accept()
    wire.hang_up(wire.caller)
    wire.lose = lambda _: False
    wire.pass_s(3)
    assert wire.caller.told(events.Rejected) == 1
    assert wire.caller.told(events.Answered) == 0
    assert wire.callee.told(events.Ended) == 1
    assert not wire.caller.agent.legs
    assert not wire.callee.agent.legs


def test_a_second_phone_that_answers_is_hung_up() -> None:
    """Forking: two 200s for one INVITE; only the first may have the call."""
    wire = Wire()
    wire.up()
    first = next(m for m in wire.callee.sent if m.body and not isinstance(m, Request))
    first.headers = [
        (name, value.rpartition(";tag=")[0] + ";tag=other" if name == "to" else value)
        for name, value in first.headers
    ]
    outputs = wire.caller.agent.receive(first, wire.callee.flow, wire.now)
    sent = [output.data.split(b" ")[0] for output in outputs if isinstance(output, Send)]
    assert sent == [b"ACK", b"BYE"]
    assert wire.caller_leg.state == "up"


def test_an_invite_that_nobody_answers_ends_after_32_s() -> None:
    """Timer B."""
    wire = Wire()
    wire.lose = lambda _: True
    wire.invite()
    wire.pass_s(TIMEOUT_S - 1)
    assert wire.caller.told(events.Rejected) == 0
    wire.pass_s(2)
    rejected = wire.caller.last(events.Rejected)
    assert isinstance(rejected, events.Rejected)
    assert rejected.status == 408
    assert wire.trace.count("INVITE") == 7  # timer A: 0, 0.5, 1.5, 3.5, 7.5, 15.5, 31.5 s
    wire.pass_s(2 * TIMEOUT_S + 5)
    assert len(wire.caller.agent.transactions) == 0


def test_a_cancel_that_leads_to_nothing_gives_up() -> None:
    """The far end died while it rang."""
    wire = Wire()
    wire.invite()
    wire.lose = lambda _: True
    wire.hang_up(wire.caller)
    wire.pass_s(TIMEOUT_S + 1)
    assert wire.caller.told(events.Rejected) == 1


def test_a_200_that_is_never_acknowledged_ends_the_call() -> None:
    """The caller's network is gone: the line must not stay busy for ever."""
    wire = Wire()
    wire.invite()
    wire.lose = lambda label: label == "ACK"
    wire.accept()
    wire.pass_s(TIMEOUT_S + 5)
    ended = wire.callee.last(events.Ended)
    assert isinstance(ended, events.Ended)
    assert ended.reason == "no-acknowledgement"
    assert wire.trace.count("200 INVITE") >= 10


@pytest.mark.parametrize("transport", ["UDP", "TCP"])
def test_a_refusal_is_repeated_until_acknowledged(transport: str) -> None:
    """Timers G and H; over TCP nothing needs repeating."""
    wire = Wire(transport)
    wire.lose = lambda label: label == "ACK"
    wire.invite()
    agent = wire.callee.agent
    wire.perform(wire.callee, agent.reject(wire.callee_leg, 486, wire.now, (("x", "y"),)))
    wire.pass_s(TIMEOUT_S + 5)
    assert (wire.trace.count("486 INVITE") > 5) == (transport == "UDP")
    assert wire.caller.told(events.Rejected) == 1
    wire.pass_s(2 * TIMEOUT_S)
    assert len(agent.transactions) == len(wire.caller.agent.transactions) == 0


def test_a_bye_that_nobody_answers_is_forgotten() -> None:
    """Timer F."""
    wire = Wire()
    wire.up()
    wire.lose = lambda _: True
    wire.hang_up(wire.caller)
    wire.pass_s(3 * TIMEOUT_S)
    assert wire.caller.told(events.Ended) == 1
    assert wire.caller.told(events.Replied) == 1
    assert len(wire.caller.agent.transactions) == 0


@pytest.mark.parametrize("lost", ["INVITE", "200 INVITE", "ACK"])
def test_a_reoffer_survives_loss(lost: str) -> None:
    """Hold by the far side, on a bad network."""
    wire = Wire()
    wire.up()
    _, wire.lose = losing(lost, 1)  # type: ignore[assignment]
    wire.perform(wire.caller, wire.caller.agent.reoffer(wire.caller_leg, OFFER, wire.now))
    wire.pass_s(1)
    answer = wire.callee.agent.answer_reoffer(wire.callee_leg, ANSWER, wire.now)
    wire.perform(wire.callee, answer)
    wire.pass_s(6)
    assert wire.callee.told(events.Reacknowledged) == wire.caller.told(events.Reanswered) == 1


def test_a_reoffer_into_a_lost_dialog_ends_the_leg() -> None:
    """481 or nothing at all: the far side has forgotten the call."""
    wire = Wire()
    wire.up()
    wire.callee.agent.legs.clear()
    wire.perform(wire.caller, wire.caller.agent.reoffer(wire.caller_leg, OFFER, wire.now))
    ended = wire.caller.last(events.Ended)
    assert isinstance(ended, events.Ended)
    assert ended.reason == "lost"
    other = Wire()
    other.up()
    other.lose = lambda _: True
    other.perform(other.caller, other.caller.agent.reoffer(other.caller_leg, OFFER, other.now))
    other.pass_s(TIMEOUT_S + 1)
    assert other.caller.told(events.Reanswered) == 0, "a line that is down for a moment"
    other.pass_s(TIMEOUT_S + 5)
    answered = other.caller.last(events.Reanswered)
    assert isinstance(answered, events.Reanswered)
    assert answered.status == 408


@pytest.mark.parametrize(
    ("method", "expected"),
    [
        ("OPTIONS", 200),
        ("INFO", 200),
        ("UPDATE", 200),
        ("REFER", 400),
        ("NOTIFY", 489),
        ("PUBLISH", 405),
        ("BYE", 200),
    ],
)
def test_requests_inside_a_dialog_are_answered(method: str, expected: int) -> None:
    """Gateways look whether we are still there."""
    wire = Wire()
    wire.up()
    request = request_in(wire.caller_leg, method, "<sip:moved@192.0.2.1>")
    agent = wire.caller.agent
    _, outputs = agent.ask(request, wire.callee.flow, wire.now)
    wire.perform(wire.caller, outputs)
    replied = wire.caller.last(events.Replied)
    assert isinstance(replied, events.Replied)
    assert replied.response is not None
    assert replied.response.status == expected
    stale = request_in(wire.caller_leg, "INFO", "<sip:x@192.0.2.1>", 1)
    if method != "BYE":
        _, outputs = agent.ask(stale, wire.callee.flow, wire.now)
        wire.perform(wire.caller, outputs)
        assert wire.trace[-1] == ("500 INFO" if wire.callee_leg.remote_cseq > 1 else "200 INFO")


def test_update_with_a_session_is_an_offer() -> None:
    """RFC 3311: some networks move audio with UPDATE."""
    wire = Wire()
    wire.up()
    request = request_in(wire.caller_leg, "UPDATE", "<sip:x@192.0.2.1>")
    request.headers.append(("content-type", "application/sdp"))
    request.body = OFFER
    _, outputs = wire.caller.agent.ask(request, wire.callee.flow, wire.now)
    wire.perform(wire.caller, outputs)
    agent, leg = wire.callee.agent, wire.callee_leg
    wire.perform(wire.callee, agent.answer_reoffer(leg, ANSWER, wire.now))
    assert wire.trace[-1] == "200 UPDATE"
    assert leg.reoffer_key is None


TEMPLATE = """{first}
Via: SIP/2.0/UDP 192.0.2.1:5060;branch=z9hG4bK{branch}
From: <sip:a@192.0.2.1>;tag=a
To: <sip:112@192.0.2.2>{tag}
Call-ID: c-{branch}
CSeq: 1 {method}
Contact: <sip:a@192.0.2.1>
{extra}
"""


def text(method: str, uri: str = "sip:112@192.0.2.2", tag: str = "", extra: str = "") -> str:
    """A request by hand."""
    branch = str(abs(hash((method, uri, tag, extra))))
    return (
        TEMPLATE.format(
            first=f"{method} {uri} SIP/2.0", method=method, tag=tag, extra=extra, branch=branch
        ).replace("\n\n", "\n")
        + "\n"
    )


@pytest.mark.parametrize(
    ("message", "answers"),
    [
        (text("BYE"), ["481 BYE"]),
        (text("BYE", tag=";tag=unknown"), ["481 BYE"]),
        (text("CANCEL"), ["481 CANCEL"]),
        (text("PUBLISH"), ["405 PUBLISH"]),
        (text("DANCE"), ["501 DANCE"]),
        (text("OPTIONS"), ["200 OPTIONS"]),
        (text("ACK"), []),
        (text("INVITE", "mailto:a@b"), ["416 INVITE"]),
        (text("INVITE", "urn:service:counseling"), ["416 INVITE"]),
        (text("INVITE", "urn:service:sos.police"), ["100 INVITE"]),
        (text("INVITE", "tel:112;phone-context=+62"), ["100 INVITE"]),
        (text("INVITE", extra="Max-Forwards: 0"), ["100 INVITE"]),
        (text("INVITE", extra="Max-Forwards: 300"), ["100 INVITE"]),
        (text("INVITE", extra="Max-Forwards: many"), ["100 INVITE"]),
        (text("INVITE", extra="Expires: 99999999999999"), ["100 INVITE"]),
        (text("INVITE", extra="Date: Fri, 01 Jan 2010 16:00:00 WIT"), ["100 INVITE"]),
        (text("INVITE", extra="Require: 100rel, geolocation-sip"), ["100 INVITE"]),
        (text("INVITE", extra="Require: sec-agree, geolocation-sip"), ["420 INVITE"]),
        (text("PRACK"), ["481 PRACK"]),
        (text("INVITE", extra="Accept: text/plain"), ["406 INVITE"]),
    ],
)
def test_a_request_by_hand_gets_its_answer(message: str, answers: list[str]) -> None:
    """The statuses of the contract, one by one."""
    assert Wire().raw(message) == answers


def test_a_repeated_request_gets_the_same_answer_and_is_told_once() -> None:
    """UDP duplicates packets; a call must not be queued twice."""
    wire = Wire()
    assert wire.raw(text("INVITE")) == ["100 INVITE"]
    assert wire.raw(text("INVITE")) == ["100 INVITE"]
    assert wire.callee.told(events.Incoming) == 1
    wire.accept()
    assert wire.raw(text("INVITE")) == ["200 INVITE"]


def test_a_bye_before_the_answer_ends_the_invite() -> None:
    """Early dialogs may be ended with BYE."""
    wire = Wire()
    wire.invite()
    leg = wire.callee_leg
    wire.perform(wire.callee, wire.callee.agent.progress(leg, 180, wire.now))
    wire.caller_leg.remote_tag = leg.local_tag
    bye = request_in(wire.caller_leg, "BYE", "<sip:x@192.0.2.1>")
    _, outputs = wire.caller.agent.ask(bye, wire.callee.flow, wire.now)
    wire.perform(wire.caller, outputs)
    assert "487 INVITE" in wire.trace
    assert wire.callee.told(events.Ended) == 1


def test_an_adopted_dialog_can_be_ended_by_either_side() -> None:
    """After kill -9 of the switch, the caller's BYE must find its call."""
    wire = Wire()
    wire.up()
    leg = wire.callee_leg
    wire.callee.agent.legs.clear()
    wire.callee.agent.adopt(leg, wire.now)
    wire.hang_up(wire.caller)
    assert wire.callee.told(events.Ended) == 1
    assert wire.callee.agent.accept(leg, ANSWER, wire.now) == []
    assert wire.callee.agent.reject(leg, 486, wire.now) == []
    assert wire.callee.agent.progress(leg, 180, wire.now) == []


def test_too_many_transactions_are_refused_unremembered(monkeypatch: pytest.MonkeyPatch) -> None:
    """Memory is finite."""
    monkeypatch.setattr(transactions, "TRANSACTIONS_MAX", 0)
    monkeypatch.setattr(transactions, "STRAY_MAX", 0)
    wire = Wire()
    assert wire.raw(text("OPTIONS")) == ["503 OPTIONS"]
    assert len(wire.callee.agent.transactions) == 0


def test_credentials_repeat_an_invite() -> None:
    """A trunk that challenges our call to a party."""
    wire = Wire()
    wire.invite()
    wire.perform(wire.callee, wire.callee.agent.reject(wire.callee_leg, 401, wire.now))
    agent = wire.caller.agent
    again = agent.call_again(wire.caller_leg, OFFER, ("authorization", "Digest x"), wire.now)
    wire.perform(wire.caller, again)
    wire.accept()
    assert wire.caller.told(events.Answered) == 1
    request = [m for m in wire.caller.sent if isinstance(m, Request) and m.method == "INVITE"][-1]
    assert request.get("authorization") == "Digest x"
    assert request.cseq[0] == 2


def test_a_tcp_leg_keeps_its_connection() -> None:
    """Phones behind a firewall are reached only where they came from."""
    wire = Wire("TCP")
    wire.up()
    assert wire.callee_leg.flow == Flow("TCP", "192.0.2.1", 5060)
    wire.hang_up(wire.callee)
    assert wire.caller.told(events.Ended) == 1
