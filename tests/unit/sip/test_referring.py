"""REFER inside a dialog, and the NOTIFYs that tell how it goes (RFC 3515, RFC 3891)."""

from typing import cast

import pytest
from wire import Wire, label

from tahuri.telephony.sip import events
from tahuri.telephony.sip.leg import request_in
from tahuri.telephony.sip.message import Request
from tahuri.telephony.sip.transaction import Flow, Send

TARGET = "sip:ward@192.0.2.9"


def refer(wire: Wire, target: str = TARGET) -> None:
    wire.perform(wire.caller, wire.caller.agent.refer(wire.caller_leg, target, wire.now))


def asked(wire: Wire) -> events.ReferAsked:
    return cast("events.ReferAsked", wire.callee.last(events.ReferAsked))


def answer(wire: Wire, status: int) -> None:
    event = asked(wire)
    wire.perform(
        wire.callee, wire.callee.agent.answer_refer(event.leg, event.key, status, wire.now)
    )


def notify(wire: Wire, status: int) -> Request:
    wire.perform(wire.callee, wire.callee.agent.notify(wire.callee_leg, status, "Word", wire.now))
    return next(
        sent
        for sent in reversed(wire.callee.sent)
        if isinstance(sent, Request) and sent.method == "NOTIFY"
    )


def test_a_transfer_is_asked_for_answered_and_told() -> None:
    """Given a call; when one side asks for a transfer; then the other hears to whom, and the first
    hears every step."""
    wire = Wire()
    wire.up()
    refer(wire)
    assert (asked(wire).target, asked(wire).replaces) == (TARGET, "")
    answer(wire, 202)
    assert notify(wire, 100).get("subscription-state") == "active;expires=60"
    last = notify(wire, 200)
    assert last.get("subscription-state") == "terminated;reason=noresource"
    assert last.body == b"SIP/2.0 200 Word\r\n"
    told = [e.status for e in wire.caller.events if isinstance(e, events.ReferProgress)]
    assert told == [100, 200]


@pytest.mark.parametrize("method", ["REFER", "NOTIFY"])
def test_a_transfer_goes_over_a_new_connection_when_the_dialogs_is_gone(method: str) -> None:
    """Given a telephone over TCP whose connection broke in mid-call; then REFER and NOTIFY say
    where to connect to instead, as every other request of the dialog does."""
    wire = Wire()
    wire.up()
    leg, agent = wire.caller_leg, wire.caller.agent
    there = Flow("TCP", "192.0.2.9", 5060)
    leg.transport, leg.host, leg.port, leg.asked = "TCP", there.host, 40123, there
    if method == "REFER":
        outputs = agent.refer(leg, TARGET, wire.now)
    else:
        outputs = agent.notify(leg, 200, "OK", wire.now)
    assert [sent.instead for sent in outputs if isinstance(sent, Send)] == [there]


def test_each_further_transfer_is_told_by_its_own_number() -> None:
    """RFC 3515 § 2.4.6: from the second on a NOTIFY names its REFER, so that nobody takes the
    outcome of the one for that of the other."""
    wire = Wire()
    wire.up()
    refer(wire)
    answer(wire, 202)
    assert notify(wire, 486).get("event") == "refer"
    refer(wire)
    number = wire.callee_leg.remote_cseq
    answer(wire, 202)
    assert notify(wire, 100).get("event") == f"refer;id={number}"
    assert notify(wire, 200).get("event") == f"refer;id={number}"
    told = [e.status for e in wire.caller.events if isinstance(e, events.ReferProgress)]
    assert told == [486, 100, 200]


@pytest.mark.parametrize(
    ("headers", "replaces"),
    [
        ("?Replaces=a%40b%3Bto-tag%3D1%3Bfrom-tag%3D2", "a@b;to-tag=1;from-tag=2"),
        ("?subject=x&REPLACES=a%3Bfrom-tag%3D2%3Bto-tag%3D1", "a;from-tag=2;to-tag=1"),
        ("?Subject=Replaces%3Da", ""),
        ("?", ""),
    ],
)
def test_an_attended_transfer_names_the_call_it_takes_over(headers: str, replaces: str) -> None:
    """The target's own dialog is read from the URI; no other header of it is taken over."""
    wire = Wire()
    wire.up()
    refer(wire, TARGET + headers)
    assert (asked(wire).target, asked(wire).replaces) == (TARGET, replaces)


@pytest.mark.parametrize(
    "target",
    [
        f"{TARGET}?Replaces=a",
        f"{TARGET}?Replaces=a%3Bto-tag%3D1",
        f"{TARGET}?Replaces=a%3Bto-tag%3D1%3Bfrom-tag%3D2&Replaces=b%3Bto-tag%3D1%3Bfrom-tag%3D2",
        f"{TARGET}?Replaces=a%3Bto-tag%3D1%3Bfrom-tag%3D2%0D%0AX:y",
        "tel:nobody",
    ],
)
def test_a_target_that_cannot_be_read_is_refused(target: str) -> None:
    """400, nobody is asked, and the call goes on."""
    wire = Wire()
    wire.up()
    refer(wire, target)
    assert label(wire.callee.sent[-1]) == "400 REFER"
    assert wire.callee.told(events.ReferAsked) == 0
    assert wire.callee_leg.state == "up"


@pytest.mark.parametrize("targets", [0, 2])
def test_a_refer_has_exactly_one_target(targets: int) -> None:
    """400 for none and for two."""
    wire = Wire()
    wire.up()
    request = request_in(wire.caller_leg, "REFER", "<sip:x@192.0.2.1>")
    request.headers += [("refer-to", f"<{TARGET}>")] * targets
    request.headers.insert(0, ("via", "SIP/2.0/UDP 192.0.2.1:5060;branch=z9hG4bKr"))
    wire.perform(wire.callee, wire.callee.agent.receive(request, wire.caller.flow, wire.now))
    assert label(wire.callee.sent[-1]) == "400 REFER"


def test_a_refer_before_the_answer_or_outside_a_call_is_refused() -> None:
    """There is nothing to transfer: 481."""
    wire = Wire()
    wire.invite()
    for tag in (wire.callee_leg.local_tag, "another"):
        wire.caller_leg.remote_tag, wire.caller_leg.state = tag, "up"
        refer(wire)
        assert label(wire.callee.sent[-1]) == "481 REFER"
    assert wire.callee.told(events.ReferAsked) == 0
    assert wire.callee_leg.state == "incoming"


def test_a_transfer_goes_over_a_new_connection_where_the_old_one_is_gone() -> None:
    """Given a call over TCP; when one side asks for a transfer, or tells how it goes; then that
    names where to connect to, as every other request of the call does."""
    wire = Wire("TCP")
    wire.up()
    for side, outputs in (
        (wire.callee, wire.caller.agent.refer(wire.caller_leg, TARGET, wire.now)),
        (wire.caller, wire.callee.agent.notify(wire.callee_leg, 200, "", wire.now)),
    ):
        [asked_over] = [output for output in outputs if isinstance(output, Send)]
        assert asked_over.instead == Flow("TCP", side.host, 5060)
