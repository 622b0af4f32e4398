"""Session timers (RFC 4028) on a moved clock: a far end that is gone is found."""

from collections.abc import Callable

import pytest
from wire import ANSWER, Wire

from tahuri.telephony.sip import events
from tahuri.telephony.sip.leg import Leg
from tahuri.telephony.sip.message import Request, Response, response_to
from tahuri.telephony.sip.sessions import (
    EXPIRES_S,
    LEAST_S,
    MISSES_S,
    PROBE_S,
    Times,
    asked_in,
)
from tahuri.telephony.sip.transaction import TIMEOUT_S

INVITE = """INVITE sip:112@192.0.2.2 SIP/2.0
Via: SIP/2.0/UDP 192.0.2.1:5060;branch=z9hG4bK1;rport
From: <sip:a@192.0.2.1>;tag=a
To: <sip:112@192.0.2.2>
Call-ID: c
CSeq: 1 INVITE
Contact: <sip:a@192.0.2.1>
{extra}Content-Length: 0

"""


def in_200(wire: Wire) -> Response:
    """The callee's 200 to an INVITE by hand."""
    found = (m for m in wire.callee.sent if isinstance(m, Response) and m.status == 200)
    return next(found)


def by_hand(extra: str) -> Wire:
    """A call whose caller is no stack of ours; it is answered."""
    wire = Wire()
    assert wire.raw(INVITE.format(extra=extra)) == ["100 INVITE"]
    wire.accept()
    leg = wire.callee_leg
    leg.confirmed = True
    wire.callee.agent.transactions.acknowledge(leg.invite_key or ("", "", ""))
    return wire


@pytest.mark.parametrize("value", ["1800\x1f", "²", "1800" + "\x1f" * 300, "١٨٠٠"])
def test_a_time_that_is_no_number_is_no_time_and_the_caller_is_answered(value: str) -> None:
    """A caller whose exchange writes nonsense there is a caller all the same."""
    wire = by_hand(f"Supported: timer\nSession-Expires: {value};a=b\nMin-SE: {value};a=b\n")
    assert asked_in(in_200(wire)).expires_s in (0, EXPIRES_S)


def test_a_call_that_lives_is_refreshed_for_hours() -> None:
    """A long call must not be ended by its own watchman."""
    wire = Wire()
    wire.up()
    wire.pass_s(4 * EXPIRES_S, 5)
    assert wire.trace.count("UPDATE") >= 7
    assert wire.trace.count("UPDATE") == wire.trace.count("200 UPDATE")
    assert wire.caller.told(events.Ended) == wire.callee.told(events.Ended) == 0
    assert wire.caller.told(events.Refreshed) == wire.callee.told(events.Refreshed)


def test_a_far_end_that_is_gone_is_found_by_both_sides() -> None:
    """Its sound may seem to come for ever; a seat would sit in a dead call for ever."""
    wire = Wire()
    wire.up()
    wire.lose = lambda _: True
    wire.pass_s(EXPIRES_S, 5)
    reasons = [
        event.reason
        for side in (wire.caller, wire.callee)
        for event in side.events
        if isinstance(event, events.Ended)
    ]
    assert reasons == ["lost", "session-expired"]
    assert not wire.caller.agent.legs
    assert not wire.callee.agent.legs
    assert wire.trace.count("BYE") >= 2


def test_a_line_that_is_down_for_a_moment_ends_no_call() -> None:
    """Given a refresh that nobody answers for half a minute; when the line is back; then the next
    one is answered and the caller never notices."""
    wire = Wire()
    wire.up()
    wire.now += EXPIRES_S / 2 - 1
    wire.lose = lambda _: True
    wire.pass_s(40, 1)
    assert wire.caller_leg.missed_since is not None
    wire.lose = lambda _: False
    wire.pass_s(40, 1)
    assert wire.caller_leg.missed_since is None
    assert wire.caller.told(events.Ended) == wire.callee.told(events.Ended) == 0
    assert wire.trace[-1] == "200 UPDATE"


def test_nobody_to_connect_to_is_tried_again_for_a_minute() -> None:
    """A phone that lost its connection may be back before its caller has said a word."""
    wire = Wire("TCP")
    wire.up()
    wire.lose = lambda _: True
    wire.now += EXPIRES_S / 2
    for _ in range(12):
        wire.pass_s(6, 1)
        agent = wire.caller.agent
        wire.perform(wire.caller, agent.unreachable(wire.callee.flow, wire.now))
        if wire.caller.told(events.Ended):
            break
    assert wire.trace.count("UPDATE") >= 5
    ended = wire.caller.last(events.Ended)
    assert isinstance(ended, events.Ended)
    assert ended.reason == "lost"


def test_a_far_end_without_update_is_refreshed_by_the_same_session() -> None:
    """Old stacks know re-INVITE only; its session must not have changed."""
    wire = Wire()
    wire.up()
    wire.caller_leg.updates = False
    wire.pass_s(EXPIRES_S / 2 + 10, 5)
    offered = wire.callee.last(events.Reoffered)
    assert isinstance(offered, events.Reoffered)
    assert (offered.session or b"").decode() == wire.caller_leg.session
    lost: list[str] = []
    wire.lose = lambda label: label == "ACK" and len(lost) < 2 and not lost.append(label)  # type: ignore[func-returns-value]
    wire.perform(wire.callee, wire.callee.agent.answer_reoffer(wire.callee_leg, ANSWER, wire.now))
    wire.pass_s(40, 5)
    assert len(lost) == 2, "a repeated 200 is acknowledged again"
    assert wire.caller.told(events.Reanswered) == 1
    assert wire.caller.told(events.Refreshed) == 1
    assert wire.callee.told(events.Reacknowledged) == 1
    assert wire.caller.told(events.Ended) == 0


def test_who_knows_no_timers_is_watched_by_us_all_the_same() -> None:
    """A carrier's old gateway can lose a call without a BYE as well."""
    wire = by_hand("")
    answer = in_200(wire)
    assert answer.get("session-expires") == f"{EXPIRES_S};refresher=uas"
    assert answer.get("require") is None
    wire.lose = lambda _: True
    wire.pass_s(EXPIRES_S / 2 + 5, 5)
    asked = wire.callee.sent[-1]
    assert isinstance(asked, Request)
    assert asked.method == "INVITE"
    assert asked.body == ANSWER
    wire.pass_s(150, 5)
    assert wire.callee.told(events.Ended) == 1


@pytest.mark.parametrize(
    ("extra", "wanted", "refresher"),
    [
        ("Supported: timer\nSession-Expires: 300\n", 300, "uac"),
        ("Supported: timer\nSession-Expires: 300;refresher=uas\n", 300, "uas"),
        ("Supported: timer\nx: 300;refresher=uac\n", 300, "uac"),
        ("Supported: timer\nSession-Expires: 7200\n", EXPIRES_S, "uac"),
        ("Supported: timer\nSession-Expires: 7200\nMin-SE: 3600\n", 3600, "uac"),
        ("Supported: timer\nSession-Expires: soon\n", EXPIRES_S, "uac"),
        ("Session-Expires: 20\n", 20, "uas"),
    ],
)
def test_the_interval_is_agreed_as_the_rfc_says(extra: str, wanted: int, refresher: str) -> None:
    """Both sides must wait for the same thing, or one hangs up on a living caller."""
    answer = in_200(by_hand(extra))
    asked = asked_in(answer)
    assert (asked.expires_s, asked.refresher) == (wanted, refresher)
    assert (answer.get("require") == "timer") is (refresher == "uac")


def test_too_short_an_interval_is_answered_422_and_asked_again() -> None:
    """RFC 4028 § 6: below the least interval the caller must ask again, and is then answered."""
    wire = Wire()
    wire.caller.agent.times = Times(200, LEAST_S)
    wire.callee.agent.times = Times(EXPIRES_S, 600)
    wire.up()
    assert wire.trace[:3] == ["INVITE", "422 INVITE", "ACK"]
    assert wire.callee.told(events.InviteRefused) == 0
    assert wire.caller.told(events.Answered) == 1
    assert wire.caller_leg.expires_s == wire.callee_leg.expires_s == 600


def test_a_422_without_end_is_a_refusal() -> None:
    """A far end that never has enough must not be asked for ever."""
    wire = Wire()
    wire.caller.agent.times = Times(200, LEAST_S)
    wire.callee.agent.times = Times(EXPIRES_S, LEAST_S)
    wire.callee.agent.too_brief = lambda _: (("min-se", "90"),)  # type: ignore[method-assign]
    wire.invite()
    rejected = wire.caller.last(events.Rejected)
    assert isinstance(rejected, events.Rejected)
    assert rejected.status == 422


@pytest.mark.parametrize("status", [488, 500, 491, 603])
def test_a_refused_refresh_shows_that_somebody_is_there(status: int) -> None:
    """A caller whose gateway dislikes our refresh is still a caller."""
    wire = Wire()
    wire.up()
    wire.caller_leg.updates = False
    agent = wire.callee.agent
    for _ in range(EXPIRES_S // 10):
        wire.pass_s(20, 5)
        if key := wire.callee_leg.reoffer_key:
            wire.callee_leg.reoffer_key = None
            wire.perform(wire.callee, agent.respond(key, status, wire.now))
        wire.callee_leg.session_due = wire.now + EXPIRES_S
    assert wire.trace.count(f"{status} INVITE") >= 2
    assert wire.caller.told(events.Ended) == 0


def test_a_dialog_that_the_far_end_does_not_know_is_over() -> None:
    """481: its process was started anew and has lost the call."""
    wire = Wire()
    wire.up()
    wire.callee.agent.legs.clear()
    wire.pass_s(EXPIRES_S / 2 + 10, 5)
    ended = wire.caller.last(events.Ended)
    assert isinstance(ended, events.Ended)
    assert ended.reason == "lost"


def test_update_that_turns_out_to_be_unknown_gives_way_to_invite() -> None:
    """Some name UPDATE in Allow and refuse it."""
    wire = Wire()
    wire.up()
    wire.callee.agent._reoffered = (  # type: ignore[method-assign]
        lambda leg, asked, now: wire.callee.agent.respond(asked.key, 501, now)
    )
    wire.pass_s(EXPIRES_S / 2 + 5, 5)
    assert wire.trace[-5:] == ["UPDATE", "501 UPDATE", "INVITE", "501 INVITE", "ACK"]
    assert wire.caller.told(events.Ended) == 0


def adopted(change: Callable[[Leg], None] | None, side: str) -> Wire:
    """The same call in the hands of a new process on that side."""
    wire = Wire()
    wire.up()
    old = wire.caller_leg if side == "caller" else wire.callee_leg
    new = getattr(Wire(), side).agent
    getattr(wire, side).agent = new
    wire.now += 100
    if change is not None:
        change(old)
    new.adopt(old, wire.now)
    return wire


def test_a_killed_process_goes_on_refreshing() -> None:
    """The far end would hang up on a living call if the next process forgot."""
    wire = adopted(None, "caller")
    wire.pass_s(EXPIRES_S, 5)
    assert wire.trace.count("200 UPDATE") >= 1
    assert wire.callee.told(events.Ended) == wire.caller.told(events.Ended) == 0


@pytest.mark.parametrize("side", ["caller", "callee"])
def test_a_killed_process_asks_whether_the_far_end_is_there(side: str) -> None:
    """Given a leg that the next process takes up, whoever refreshes it; then it asks soon, and goes
    on with the roles that were agreed."""
    wire = adopted(None, side)
    leg = wire.caller_leg if side == "caller" else wire.callee_leg
    wire.pass_s(2 * PROBE_S + 5, 1)
    assert wire.trace.count("200 UPDATE") == 1
    assert not leg.probe
    assert leg.refreshes == ("us" if side == "caller" else "them")
    wire.pass_s(3 * EXPIRES_S, 5)
    assert wire.callee.told(events.Ended) == wire.caller.told(events.Ended) == 0


def test_a_killed_process_ends_a_call_whose_far_end_is_silent() -> None:
    """Given a far end that is dead; then its call ends after a minute of questions."""
    wire = adopted(None, "callee")
    wire.lose = lambda _: True
    wire.pass_s(2 * PROBE_S + MISSES_S + 3 * TIMEOUT_S, 1)
    ended = wire.callee.last(events.Ended)
    assert isinstance(ended, events.Ended)
    assert ended.reason == "lost"


@pytest.mark.parametrize(("status", "stays"), [(481, False), (488, True), (405, True), (500, True)])
def test_what_a_far_end_says_after_a_kill_shows_whether_it_is_there(
    status: int, stays: bool
) -> None:
    """Only 481 means that the call is gone; whoever refuses the question is there."""
    wire = adopted(None, "callee")
    wire.lose = lambda name: name == "UPDATE"
    wire.pass_s(2 * PROBE_S, 0.25)
    asked = next(m for m in reversed(wire.callee.sent) if getattr(m, "method", "") == "UPDATE")
    assert isinstance(asked, Request)
    response = response_to(asked, status, ("192.0.2.2", 5060), "")
    wire.perform(wire.callee, wire.callee.agent.receive(response, wire.caller.flow, wire.now))
    assert (wire.callee_leg.state == "up") is stays


def test_a_refresh_waits_for_a_hold_that_is_under_way() -> None:
    """Two requests at once in one dialog are a glare."""
    wire = Wire()
    wire.up()
    wire.lose = lambda label: "INVITE" in label
    wire.now += EXPIRES_S / 2 - 10
    wire.perform(wire.caller, wire.caller.agent.reoffer(wire.caller_leg, ANSWER, wire.now))
    wire.lose = lambda label: label == "200 INVITE"
    wire.pass_s(12, 1)
    assert "UPDATE" not in wire.trace


def test_a_refresh_that_only_ever_hears_trying_finds_a_dead_far_end() -> None:
    """Given a machine on the way that answers 100 for a far end that is gone; then the call ends,
    as one whose far end says nothing at all: a seat would sit in it for ever."""
    wire = by_hand("Supported: timer\nSession-Expires: 300;refresher=uas\n")
    leg, agent = wire.callee_leg, wire.callee.agent
    wire.lose = lambda _: True
    seen = len(wire.callee.sent)
    for _ in range(600):
        wire.pass_s(1, 1)
        new, seen = wire.callee.sent[seen:], len(wire.callee.sent)
        for message in new:
            if isinstance(message, Request) and message.method == "INVITE":
                trying = response_to(message, 100, ("192.0.2.2", 5060), "")
                wire.perform(wire.callee, agent.receive(trying, wire.caller.flow, wire.now))
        if leg.state == "ended":
            break
    ended = wire.callee.last(events.Ended)
    assert isinstance(ended, events.Ended)
    assert ended.reason == "lost"


@pytest.mark.parametrize("before_s", [-1000.0, 1e6])
def test_the_time_that_we_were_down_is_no_silence_of_theirs(before_s: float) -> None:
    """Given a leg whose last refresh had no answer; when the switch was down for long, or the
    machine started anew and its clock with it; then one more silence does not end the call, and a
    minute of it does."""
    wire = adopted(lambda leg: setattr(leg, "missed_since", before_s), "caller")
    wire.lose = lambda _: True
    wire.pass_s(2 * PROBE_S + TIMEOUT_S + 1, 1)
    assert wire.caller_leg.missed_since is not None
    assert wire.caller_leg.state == "up"
    wire.pass_s(MISSES_S + TIMEOUT_S, 1)
    assert wire.caller_leg.state == "ended"
