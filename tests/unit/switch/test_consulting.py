"""A seat's telephone asks somebody by a second line, and connects its caller with them."""

import asyncio
import contextlib
from collections.abc import AsyncIterator
from pathlib import Path
from urllib.parse import quote

import pytest
from mortal import Death
from switch_bench import ADDRESS, Bench, Browser, bench, phone_seat, until
from telephones import Telephone, telephone

from tahuri.telephony.sip import sdp, sessions
from tahuri.telephony.sip.digest import Account
from tahuri.telephony.sip.gate import Gate
from tahuri.telephony.sip.phone import CallFailed, Phone, PhoneCall
from tahuri.telephony.sip.transaction import Flow
from tahuri.telephony.switch import answering, clockwork
from tahuri.telephony.switch.control import parties

TELCO = "127.0.0.8"
"""Where callers come from; seats' phones stand elsewhere."""
OFFER = sdp.offer(ADDRESS, 40000, 1)
HOLD = OFFER.replace(b"a=sendrecv", b"a=sendonly")
TERMINAL = ("calls.call-ended", "calls.call-refused")


@pytest.fixture
async def centre(tmp_path: Path, station: Telephone) -> AsyncIterator[Bench]:
    """Two phone seats, and a directory with one hospital."""
    async with bench(
        tmp_path,
        trunks=[{"name": "telco", "sources": [f"{TELCO}/32"]}],
        seats=[phone_seat("S1"), phone_seat("S2", ready_when_registered=False)],
        party_aliases={"rsud": station.address},
        gateways=[{"name": "Radio", "username": "ht", "password": "secret"}],
        offer_s=5,
        transfer_s=2,
    ) as one:
        await one.phone.stop()
        one.phone = Phone()
        await one.phone.start(TELCO)
        yield one


@pytest.fixture
async def colleague() -> AsyncIterator[Telephone]:
    """The phone of seat S2, not yet registered."""
    async with telephone(Account("s2", "secret-S2")) as one:
        yield one


def hears(centre: Bench, name: str) -> list[str]:
    return centre.media.hears(centre.media.port(name))


def ports(centre: Bench) -> list[str]:
    """First words of the names of every port but prompts and browsers."""
    return sorted(name.split()[0] for kind, name in centre.media.ports.values() if kind == "rtp")


def outcomes(centre: Bench) -> list[str]:
    """Types of the facts that end a call or refuse one."""
    return [fact.type for fact in centre.facts() if fact.type in TERMINAL]


async def in_a_call(centre: Bench, desk: Telephone) -> tuple[PhoneCall, PhoneCall]:
    """Seat S1 talks: the caller's side and the phone's."""
    assert await desk.phone.register(centre.flow) == 200
    caller = await centre.call()
    own = await desk.rung()
    follows(own)
    own.accept(OFFER)
    await centre.told("call-answered")
    await until(lambda: hears(centre, "caller") == ["rtp seat"])
    return caller, own


def follows(call: PhoneCall) -> None:
    """A phone that takes new sessions in mid-call."""
    call.on_reoffer = lambda session: sdp.answer(sdp.parse(session or OFFER), ADDRESS, 40000, 2)


def dials(centre: Bench, desk: Telephone, name: str = "rsud") -> PhoneCall:
    """A second call of the seat's phone."""
    call = desk.phone.call(f"sip:{name}@{ADDRESS}", centre.flow, OFFER, f"<sip:s1@{ADDRESS}>")
    follows(call)
    return call


async def asking(
    centre: Bench, desk: Telephone, other: Telephone, name: str = "rsud"
) -> tuple[PhoneCall, PhoneCall, PhoneCall, PhoneCall]:
    """The seat talks with somebody while its caller waits: the caller's side, the phone's two
    lines, and theirs."""
    caller, own = await in_a_call(centre, desk)
    if name.lower() == "s2":
        await is_ready(centre, other)
    line = dials(centre, desk, name)
    ring = await other.rung()
    follows(ring)
    ring.accept(OFFER)
    await line.wait_answered(5)
    await until(lambda: hears(centre, "consulting") == ["rtp party"])
    return caller, own, line, ring


async def is_ready(centre: Bench, colleague: Telephone) -> None:
    """Seat S2 could take a call."""
    assert await colleague.phone.register(centre.flow) == 200
    await centre.switch.answer("ready", {"seat_id": "S2", "operator_id": "op-S2"})


def naming(call: PhoneCall, name: str = "rsud") -> str:
    """Where REFER sends somebody who is to take the place of that call of the phone's."""
    leg = call.leg
    value = f"{leg.call_id};to-tag={leg.remote_tag};from-tag={leg.local_tag}"
    return f"sip:{name}@{ADDRESS}?Replaces={quote(value, safe='')}"


async def progress(call: PhoneCall, count: int) -> list[int]:
    async with asyncio.timeout(5):
        return [await call.refer_progress.get() for _ in range(count)]


async def status_of(call: PhoneCall) -> int:
    with pytest.raises(CallFailed) as caught:
        await call.wait_answered(5)
    return caught.value.status


async def in_one_call(centre: Bench, desk: Telephone, caller: PhoneCall) -> None:
    """The seat and its caller talk, nobody else, and the phone can ask anew."""
    await until(lambda: hears(centre, "caller") == ["rtp seat"])
    assert hears(centre, "seat S1") == ["rtp caller"]
    await until(lambda: ports(centre) == ["caller", "seat"])
    assert centre.switch.core.seats["S1"].state == "busy"
    assert not caller.ended.is_set()
    assert outcomes(centre) == []


# ---- who is asked -------------------------------------------------------------------------------


async def test_a_phone_asks_the_hospital_while_its_caller_waits(
    centre: Bench, desk: Telephone, station: Telephone
) -> None:
    """Given a phone seat in a call; when it dials a name of the directory; then the caller hears
    the hold prompt, phone and hospital hear each other, all is in the one recording, no call is
    in the queue, and the room sees whom the seat asks."""
    caller, own = await in_a_call(centre, desk)
    line = dials(centre, desk)
    await centre.told("call-held")
    await until(lambda: hears(centre, "caller") == ["play hold"])
    ring = await station.rung()
    ring.ring()
    async with asyncio.timeout(5):
        await line.ringing.wait()
    ring.accept(OFFER)
    await line.wait_answered(5)
    await until(lambda: hears(centre, "consulting") == ["rtp party"])
    assert hears(centre, "party") == ["rtp consulting"]
    assert hears(centre, "caller") == ["play hold"]
    assert hears(centre, "seat S1") == []
    [call] = centre.switch.core.calls.values()
    recorded = [
        centre.media.ports[port][1].split()[0]
        for port in centre.switch.core.channels[call.call_id][1]
    ]
    assert sorted(recorded) == ["consulting", "hold", "party", "seat"]
    begun, added = await centre.told("consultation-begun"), await centre.told("party-added")
    assert begun.body["leg_id"] == added.body["leg_id"]
    assert (begun.actor, begun.stream) == ("op-S1", f"call/{call.call_id}")
    assert added.personal == {"address": {"address": "rsud"}}
    await centre.told("party-joined")
    [seen] = (await centre.switch.answer("state", {})).calls  # type: ignore[attr-defined]
    assert [(one.address, one.state, one.consulted) for one in seen.parties] == [
        ("rsud", "joined", True)
    ]
    assert centre.types().count("call-arrived") == centre.types().count("call-queued") == 1
    assert not caller.ended.is_set()
    assert not own.ended.is_set()


async def test_a_phone_that_holds_by_itself_has_its_caller_held_once(
    centre: Bench, desk: Telephone, station: Telephone
) -> None:
    """Most phones hold the first line before they dial.  Given one; then there is one hold, and it
    lasts until the phone itself takes its caller back."""
    _, own = await in_a_call(centre, desk)
    own.reoffer(HOLD)
    await centre.told("call-held")
    line = dials(centre, desk)
    (await station.rung()).accept(OFFER)
    await line.wait_answered(5)
    line.hang_up()
    await centre.told("consultation-ended")
    assert hears(centre, "caller") == ["play hold"]
    own.reoffer(OFFER)
    await centre.told("call-resumed")
    await until(lambda: hears(centre, "caller") == ["rtp seat"])
    assert centre.types().count("call-held") == 1


async def test_a_phone_changes_between_caller_and_hospital(
    centre: Bench, desk: Telephone, station: Telephone
) -> None:
    """Given a seat that asks; when its phone swaps its lines; then the hospital hears the prompt
    and the caller the seat; back again it is the other way round."""
    _, own, line, _ = await asking(centre, desk, station)
    own.reoffer(HOLD)
    line.reoffer(HOLD)
    await until(lambda: hears(centre, "party") == ["play hold"])
    own.reoffer(OFFER)
    await until(lambda: hears(centre, "caller") == ["rtp seat"])
    assert hears(centre, "consulting") == []
    own.reoffer(HOLD)
    await until(lambda: hears(centre, "caller") == ["play hold"])
    line.reoffer(OFFER)
    await until(lambda: hears(centre, "party") == ["rtp consulting"])


async def test_what_the_hospitals_network_says_before_the_answer_is_heard(
    centre: Bench, desk: Telephone, station: Telephone
) -> None:
    """Given an announcement instead of a ring; then the phone gets it, and the caller does not."""
    await in_a_call(centre, desk)
    line = dials(centre, desk)
    (await station.rung()).ring(OFFER)
    await until(lambda: hears(centre, "consulting") == ["rtp party"])
    await until(lambda: line.early)
    assert hears(centre, "caller") == ["play hold"]


async def test_a_phone_without_an_offer_may_ask_as_well(
    centre: Bench, desk: Telephone, station: Telephone
) -> None:
    """Given an INVITE without a session; then ours is in the answer and theirs in the ACK; without
    that nobody would be heard, and the seat is back with its caller."""
    caller, _ = await in_a_call(centre, desk)
    line = desk.phone.call(f"sip:rsud@{ADDRESS}", centre.flow, b"", f"<sip:s1@{ADDRESS}>")
    (await station.rung()).accept(OFFER)
    await line.wait_answered(5)
    assert (await centre.told("consultation-ended")).body["outcome"] == "failed"
    await in_one_call(centre, desk, caller)


@pytest.mark.parametrize("dialled", ["112", "0911341234", "nobody"])
async def test_whatever_else_a_phone_dials_is_a_call_like_any_other(
    centre: Bench, desk: Telephone, station: Telephone, dialled: str
) -> None:
    """Given a phone in a call; when it dials the city's number, or one that the directory does not
    know; then that is a call in the queue as ever, and nobody outside is called."""
    await in_a_call(centre, desk)
    line = dials(centre, desk, dialled)
    await line.wait_answered(5)
    assert (await centre.told("call-queued", 2)).stream != (await centre.told("call-queued")).stream
    assert "consultation-begun" not in centre.types()
    assert station.rings == []


async def test_a_phone_without_a_caller_asks_nobody(
    centre: Bench, desk: Telephone, station: Telephone
) -> None:
    """Given a ready phone seat; when it dials a name of the directory; then it hears 403, the log
    tells why, the hospital does not ring, and the next call rings at the seat."""
    assert await desk.phone.register(centre.flow) == 200
    assert await status_of(dials(centre, desk)) == 403
    fact = await centre.told("consultation-refused")
    assert fact.stream == "seat/S1"
    assert fact.body == {"seat_id": "S1", "reason": "no-live-call", "status": 403}
    assert fact.personal == {"address": {"address": "rsud"}}
    assert station.rings == []
    assert outcomes(centre) == []
    await centre.call()
    await desk.rung()


@pytest.mark.parametrize(
    ("name", "reason", "status"),
    [
        ("radio", None, 404),
        ("M1", "unreachable", 480),
        ("S2", "unreachable", 480),
        ("s1", "busy", 486),
    ],
)
async def test_who_cannot_be_asked_is_told_as_such(
    centre: Bench, desk: Telephone, name: str, reason: str | None, status: int
) -> None:
    """A gateway that has not registered, a seat in the browser, one where nobody is ready, or the
    phone's own: it hears why, the call's log tells, and the caller is with the seat."""
    seat = Browser(centre, "M1", "op1")
    await seat.sit(ready=False)
    caller, _ = await in_a_call(centre, desk)
    assert await status_of(dials(centre, desk, name)) == status
    if reason is None:
        ended = await centre.told("consultation-ended")
        assert (ended.body["outcome"], ended.body["status"]) == ("failed", status)
    else:
        fact = await centre.told("consultation-refused")
        assert fact.stream.startswith("call/")
        assert (fact.body["reason"], fact.body["status"]) == (reason, status)
    await in_one_call(centre, desk, caller)
    await seat.leave()


async def test_a_phone_asks_one_at_a_time(
    centre: Bench, desk: Telephone, station: Telephone
) -> None:
    """Given a seat that asks; when a third line is dialled; then that is refused and the talk goes
    on."""
    await asking(centre, desk, station)
    assert await status_of(dials(centre, desk)) == 486
    assert (await centre.told("consultation-refused")).body["reason"] == "busy"
    assert hears(centre, "consulting") == ["rtp party"]
    assert len(station.rings) == 1


@pytest.mark.parametrize("password", ["wrong", None])
async def test_who_only_stands_at_the_phones_address_puts_nobody_on_hold(
    centre: Bench,
    desk: Telephone,
    station: Telephone,
    password: str | None,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Given somebody who sends from the phone's address without its password; then the INVITE is
    refused, the source pays for it, and caller and seat notice nothing."""
    punished: list[str] = []
    monkeypatch.setattr(Gate, "penalise", lambda _gate, source, _now: punished.append(source))
    caller, _ = await in_a_call(centre, desk)
    desk.phone._account = Account("s1", password) if password else None
    assert await status_of(dials(centre, desk)) == (403 if password else 401)
    if password:
        assert (await centre.told("consultation-refused")).body["reason"] == "not-proven"
        assert punished == [ADDRESS]
    assert centre.switch.core.counters["invites-challenged"] == 1
    assert "call-held" not in centre.types()
    assert station.rings == []
    await in_one_call(centre, desk, caller)


# ---- the transfer -------------------------------------------------------------------------------


@pytest.mark.parametrize("way", ["the caller's line", "the second line", "without Replaces"])
async def test_refer_connects_the_caller_with_whom_the_seat_has_asked(
    centre: Bench, desk: Telephone, station: Telephone, way: str
) -> None:
    """Given a seat that asks; when it presses transfer, in whichever of its two dialogs; then the
    phone is told 202, 100, 200, both its lines end, caller and hospital talk and are recorded, and
    the seat is free; the call ends when the hospital hangs up, once."""
    caller, own, line, ring = await asking(centre, desk, station)
    asker, named = (line, own) if way == "the second line" else (own, line)
    asker.refer(f"sip:rsud@{ADDRESS}" if way == "without Replaces" else naming(named))
    assert await progress(asker, 3) == [202, 100, 200]
    assert await own.wait_ended(5) == "hung-up"
    assert await line.wait_ended(5) == "hung-up"
    await until(lambda: hears(centre, "caller") == ["rtp party"])
    assert hears(centre, "party") == ["rtp caller"]
    assert centre.switch.core.seats["S1"].state == "ready"
    assert (await centre.told("consultation-ended")).body["outcome"] == "transferred"
    completed = await centre.told("transfer-completed")
    assert (completed.body["kind"], completed.body["leg_id"]) == (
        "warm",
        (await centre.told("party-joined")).body["leg_id"],
    )
    await until(lambda: ports(centre) == ["caller", "party"])
    assert not caller.ended.is_set()
    ring.hang_up()
    ended = await centre.told("call-ended")
    assert (ended.body["outcome"], ended.body["by"]) == ("answered", "party")
    await centre.told("recording-closed")
    assert outcomes(centre) == ["calls.call-ended"]
    assert centre.types().count("consultation-ended") == 1
    assert centre.types().count("recording-started") == 1


async def test_a_phone_that_hangs_up_both_lines_at_the_202_has_transferred_all_the_same(
    centre: Bench, desk: Telephone, station: Telephone
) -> None:
    """Many phones do not wait for the NOTIFY.  Given one; then nobody is hung up."""
    caller, own, line, ring = await asking(centre, desk, station)
    own.refer(naming(line))
    own.hang_up()
    line.hang_up()
    await centre.told("transfer-completed")
    await until(lambda: hears(centre, "caller") == ["rtp party"])
    await until(lambda: ports(centre) == ["caller", "party"])
    assert not caller.ended.is_set()
    assert not ring.ended.is_set()
    assert "call-requeued" not in centre.types()


async def test_a_hospital_whose_line_breaks_after_the_transfer_leaves_no_caller_alone(
    centre: Bench, desk: Telephone, station: Telephone
) -> None:
    """The call stays with us until somebody has it (ADR 0008)."""
    caller, own, line, _ = await asking(centre, desk, station)
    own.refer(naming(line))
    await centre.told("transfer-completed")
    [call] = centre.switch.core.calls.values()
    await parties.left(centre.switch.core, call, call.parties[0], "failed")
    assert (await centre.told("call-requeued")).body["reason"] == "party-lost"
    await desk.rung(2)
    assert not caller.ended.is_set()


async def test_a_transfer_before_the_answer_is_refused_and_costs_nothing(
    centre: Bench, desk: Telephone, station: Telephone
) -> None:
    """Given a hospital that only rings; when the phone sends its caller there or elsewhere; then
    it hears 491, and the hospital rings on."""
    _, own = await in_a_call(centre, desk)
    line = dials(centre, desk)
    ring = await station.rung()
    ring.ring()
    async with asyncio.timeout(5):
        await line.ringing.wait()
    for target in (f"sip:rsud@{ADDRESS}", station.address):
        own.refer(target)
        assert await progress(own, 1) == [491]
    ring.accept(OFFER)
    await line.wait_answered(5)
    assert (await centre.told("refer-refused")).body["reason"] == "busy"


async def test_a_transfer_that_names_the_callers_dialog_with_its_network_is_refused(
    centre: Bench, desk: Telephone, station: Telephone
) -> None:
    """Of dialogs with us a phone may name its own two alone."""
    caller, own, _, _ = await asking(centre, desk, station)
    own.refer(naming(caller))
    assert await progress(own, 1) == [501]
    assert (await centre.told("refer-refused")).body["reason"] == "attended"
    assert hears(centre, "consulting") == ["rtp party"]


async def test_the_console_completes_what_the_phone_has_begun(
    centre: Bench, desk: Telephone, station: Telephone
) -> None:
    """Given a seat that asks by its phone; when *complete* is pressed on its screen; then that is
    the same transfer."""
    caller, own, line, _ = await asking(centre, desk, station)
    await centre.switch.answer("complete_transfer", {"seat_id": "S1", "operator_id": "op-S1"})
    assert await own.wait_ended(5) == "hung-up"
    assert await line.wait_ended(5) == "hung-up"
    await until(lambda: hears(centre, "caller") == ["rtp party"])
    assert (await centre.told("consultation-ended")).body["outcome"] == "transferred"
    assert not caller.ended.is_set()


async def test_the_caller_goes_to_the_seat_that_was_asked(
    centre: Bench, desk: Telephone, colleague: Telephone
) -> None:
    """Given a colleague's phone seat that is asked; when the transfer is made; then the call is
    that seat's, who has it on screen, and its hanging up ends it."""
    core = centre.switch.core
    _, own, line, ring = await asking(centre, desk, colleague, "s2")
    assert core.seats["S2"].state == "busy"
    own.refer(naming(line, "S2"))
    assert await progress(own, 3) == [202, 100, 200]
    await until(lambda: hears(centre, "caller") == ["rtp party"])
    [call] = core.calls.values()
    assert (call.seat_id, call.operator_id, call.parties) == ("S2", "op-S2", [])
    assert core.seats["S1"].state == "ready"
    assert (await centre.told("call-answered", 2)).body["seat_id"] == "S2"
    assert (await centre.told("transfer-completed")).body["to_seat_id"] == "S2"
    assert (await centre.told("party-left")).body["reason"] == "transferred"
    ring.reoffer(HOLD)
    await centre.told("call-held", 2)
    ring.reoffer(OFFER)
    await centre.told("call-resumed", 2)
    ring.hang_up()
    ended = await centre.told("call-ended")
    assert (ended.body["by"], ended.actor) == ("seat", "op-S2")
    await until(lambda: core.seats["S2"].state == "not_ready")


@pytest.mark.parametrize("how", ["declines", "hangs up"])
async def test_a_seat_that_was_asked_and_has_no_caller_is_free_again(
    centre: Bench, desk: Telephone, colleague: Telephone, how: str
) -> None:
    """Given a colleague who is asked, and declines or hangs up; then that seat has missed an offer,
    or writes up, and the first has its caller."""
    seats = centre.switch.core.seats
    if how == "declines":
        caller, _ = await in_a_call(centre, desk)
        await is_ready(centre, colleague)
        line = dials(centre, desk, "S2")
        ring = await colleague.rung()
        assert seats["S2"].state == "offered"
        ring.reject(486)
        assert await status_of(line) == 486
    else:
        caller, _, line, ring = await asking(centre, desk, colleague, "S2")
        ring.hang_up()
        await line.wait_ended(5)
    await in_one_call(centre, desk, caller)
    reason = "missed-offer" if how == "declines" else "wrap-up"
    assert (seats["S2"].state, seats["S2"].reason) == ("not_ready", reason)


# ---- without a transfer -------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("status", "told", "outcome"),
    [(486, 486, "refused"), (603, 603, "refused"), (302, 480, "refused"), (480, 480, "no-answer")],
)
async def test_a_hospital_that_refuses_is_told_to_the_phone(
    centre: Bench, desk: Telephone, station: Telephone, status: int, told: int, outcome: str
) -> None:
    """Given a hospital that is busy; then the phone hears that, and its caller is back."""
    caller, _ = await in_a_call(centre, desk)
    line = dials(centre, desk)
    (await station.rung()).reject(status)
    assert await status_of(line) == told
    ended = await centre.told("consultation-ended")
    assert (ended.body["outcome"], ended.body["status"]) == (outcome, status)
    await in_one_call(centre, desk, caller)
    dials(centre, desk)
    await station.rung(2)


async def test_a_hospital_that_never_answers_is_given_up(
    centre: Bench, desk: Telephone, station: Telephone, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Given one that rings for ever; then the phone hears 480 after the time that parties have."""
    monkeypatch.setattr(parties, "PARTY_RING_S", 0.3)
    caller, _ = await in_a_call(centre, desk)
    line = dials(centre, desk)
    ring = await station.rung()
    ring.ring()
    assert await status_of(line) == 480
    assert await ring.wait_ended(5) == "cancelled"
    assert (await centre.told("consultation-ended")).body["outcome"] == "no-answer"
    await in_one_call(centre, desk, caller)


@pytest.mark.parametrize("when", ["it rings", "they talk"])
async def test_a_phone_that_hangs_up_its_second_line_has_its_caller_back(
    centre: Bench, desk: Telephone, station: Telephone, when: str
) -> None:
    """Given a seat that asks; when it changes its mind; then the hospital's line ends and the
    caller, whom we had put on hold, is with the seat."""
    if when == "it rings":
        caller, _ = await in_a_call(centre, desk)
        line = dials(centre, desk)
        ring = await station.rung()
        ring.ring()
        async with asyncio.timeout(5):
            await line.ringing.wait()
    else:
        caller, _, line, ring = await asking(centre, desk, station)
    line.hang_up()
    assert await ring.wait_ended(5) == ("cancelled" if when == "it rings" else "hung-up")
    outcome = (await centre.told("consultation-ended")).body["outcome"]
    assert outcome == ("given-up" if when == "it rings" else "hung-up")
    await in_one_call(centre, desk, caller)


@pytest.mark.parametrize("by", ["hospital", "console"])
async def test_a_hospital_that_is_gone_ends_the_phones_second_line(
    centre: Bench, desk: Telephone, station: Telephone, by: str
) -> None:
    """Given a seat that asks; when the hospital hangs up, or is let go on screen; then the phone's
    second line ends and the caller is with the seat."""
    caller, _, line, ring = await asking(centre, desk, station)
    if by == "hospital":
        ring.hang_up()
    else:
        leg_id = (await centre.told("party-joined")).body["leg_id"]
        asked = {"seat_id": "S1", "operator_id": "op-S1", "leg_id": leg_id}
        await centre.switch.answer("drop_party", asked)
    assert await line.wait_ended(5) == "hung-up"
    await ring.wait_ended(5)
    ended = await centre.told("consultation-ended")
    assert ended.body["outcome"] == ("party-left" if by == "hospital" else "hung-up")
    await in_one_call(centre, desk, caller)


async def test_a_phone_that_hangs_up_the_callers_line_while_it_asks_loses_no_caller(
    centre: Bench, desk: Telephone, station: Telephone
) -> None:
    """Only the transfer key connects.  Given a handset put down in the middle; then the hospital
    is let go and the call rings at that seat again."""
    caller, own, line, ring = await asking(centre, desk, station)
    own.hang_up()
    assert (await centre.told("call-requeued")).body["seat_id"] == "S1"
    await line.wait_ended(5)
    await ring.wait_ended(5)
    assert (await centre.told("consultation-ended")).body["outcome"] == "seat-left"
    again = await desk.rung(2)
    again.accept(OFFER)
    await centre.told("call-answered", 2)
    await in_one_call(centre, desk, caller)


async def test_a_phone_that_hangs_up_its_caller_between_two_words_with_the_hospital_ends_the_call(
    centre: Bench, desk: Telephone, station: Telephone
) -> None:
    """Given a phone that has swapped to its caller; when it hangs that line up; then that is the
    end of the call as ever, for the hospital as well."""
    caller, own, line, ring = await asking(centre, desk, station)
    own.reoffer(HOLD)
    line.reoffer(HOLD)
    own.reoffer(OFFER)
    await until(lambda: hears(centre, "caller") == ["rtp seat"])
    own.hang_up()
    ended = await centre.told("call-ended")
    assert (ended.body["by"], ended.body["outcome"]) == ("seat", "answered")
    for one in (caller, line, ring):
        await one.wait_ended(5)
    assert (await centre.told("consultation-ended")).body["outcome"] == "call-ended"
    await until(lambda: ports(centre) == [])


@pytest.mark.parametrize("when", ["it rings", "they talk"])
async def test_a_caller_who_hangs_up_meanwhile_ends_everything_once(
    centre: Bench, desk: Telephone, station: Telephone, when: str
) -> None:
    """Given a caller who does not wait; then hospital and phone are let go, the call has its one
    end and the second line its one outcome."""
    if when == "it rings":
        caller, own = await in_a_call(centre, desk)
        line = dials(centre, desk)
        ring = await station.rung()
        ring.ring()
        async with asyncio.timeout(5):
            await line.ringing.wait()
    else:
        caller, own, line, ring = await asking(centre, desk, station)
    caller.hang_up()
    for one in (own, line, ring):
        await one.wait_ended(5)
    await centre.told("recording-closed")
    ended = await centre.told("call-ended")
    assert (ended.body["outcome"], ended.body["by"]) == ("answered", "caller")
    assert [f.body["outcome"] for f in centre.facts() if "consultation-ended" in f.type] == [
        "call-ended"
    ]
    assert outcomes(centre) == ["calls.call-ended"]
    await until(lambda: ports(centre) == [])
    assert centre.switch.core.places == {}


async def test_a_seat_that_vanishes_while_it_asks_loses_no_caller(
    centre: Bench, desk: Telephone, station: Telephone
) -> None:
    """Given a phone that is gone; then the caller is at the head of the queue and the hospital,
    who has not met the caller, is let go."""
    caller, _, line, ring = await asking(centre, desk, station)
    core = centre.switch.core
    answering.lose_seat(core, core.seats["S1"], 0)
    assert (await centre.told("call-requeued")).body["reason"] == "seat-vanished"
    await line.wait_ended(5)
    await ring.wait_ended(5)
    assert (await centre.told("consultation-ended")).body["outcome"] == "seat-left"
    await until(lambda: ports(centre) == ["caller"])
    assert not caller.ended.is_set()


async def test_a_phone_whose_registration_lapses_while_it_asks_is_still_there(
    centre: Bench, desk: Telephone, station: Telephone
) -> None:
    """A held line is silent.  Given a phone that is heard on its second line alone; when it does
    not register in time; then it keeps its call until that is silent as well."""
    await asking(centre, desk, station)
    core = centre.switch.core
    core.silent[centre.media.port("seat S1")] = core.monotonic_s()
    seat = core.seats["S1"]
    seat.attached, seat.gone_since = False, core.monotonic_s() - 60
    clockwork.tick(core)
    assert seat.state == "busy"
    core.silent[centre.media.port("consulting")] = core.monotonic_s()
    assert (await centre.told("call-requeued")).body["reason"] == "seat-vanished"


@pytest.mark.parametrize("how", ["parks", "is taken over", "sends to a seat"])
async def test_a_seat_that_gives_its_caller_away_on_screen_asks_no_more(
    centre: Bench, desk: Telephone, station: Telephone, how: str
) -> None:
    """Given a seat that asks; when it parks the call, sends it to another seat, or a supervisor
    takes over; then the hospital is let go and the caller is where they were sent."""
    supervisor = Browser(centre, "M1", "op1", "supervisor")
    await supervisor.sit(ready=how == "sends to a seat")
    centre.switch.core.seats["M1"].idle_since_s += 1e6  # the caller rings at S1
    _, _, line, ring = await asking(centre, desk, station)
    at_s1 = {"seat_id": "S1", "operator_id": "op-S1"}
    [call] = centre.switch.core.calls.values()
    match how:
        case "parks":
            await centre.switch.answer("park", at_s1)
            expected = ["play hold"]
        case "is taken over":
            await supervisor.ask("take_over", call_id=call.call_id)
            expected = ["webrtc seat"]
        case _:
            await centre.switch.answer("transfer", {**at_s1, "address": "", "to_seat_id": "M1"})
            await supervisor.ask("answer", call_id=await supervisor.offered())
            expected = ["webrtc seat"]
    await line.wait_ended(5)
    await ring.wait_ended(5)
    assert (await centre.told("consultation-ended")).body["outcome"] == "seat-left"
    await until(lambda: hears(centre, "caller") == expected)
    await until(lambda: ports(centre) == ["caller"])
    await supervisor.leave()


async def test_a_supervisor_hears_the_second_line_and_is_heard_there(
    centre: Bench, desk: Telephone, station: Telephone
) -> None:
    """What is asked decides what is done.  Given a supervisor who listens, whispers and barges in
    while the seat asks; then that is about the talk with the hospital."""
    supervisor = Browser(centre, "M1", "op1", "supervisor")
    await supervisor.sit(ready=False)
    await asking(centre, desk, station)
    [call] = centre.switch.core.calls.values()
    for mode, phone, hospital in (
        ("listen", ["rtp party"], ["rtp consulting"]),
        ("whisper", ["rtp party", "webrtc seat"], ["rtp consulting"]),
        ("barge", ["rtp party", "webrtc seat"], ["rtp consulting", "webrtc seat"]),
    ):
        await supervisor.ask("supervise", call_id=call.call_id, mode=mode)
        await until(lambda phone=phone: hears(centre, "consulting") == phone)
        assert hears(centre, "party") == hospital
        assert {"rtp caller", "rtp consulting", "rtp party"} <= set(hears(centre, "seat M1"))
    await supervisor.leave()


async def test_a_phone_that_connects_again_while_it_asks_is_reached_there_on_both_lines(
    centre: Bench, desk: Telephone, station: Telephone
) -> None:
    """Given a seat's phone over TCP that asks; when its connection breaks and it registers over
    another; then the end of both its lines comes over that."""
    agent = centre.switch.core.endpoint.agent
    over_tcp = Flow("TCP", ADDRESS, agent.identity.tcp_port)
    assert await desk.phone.register(over_tcp) == 200
    caller = await centre.call()
    own = await desk.rung()
    own.accept(OFFER)
    await centre.told("call-answered")
    line = desk.phone.call(f"sip:rsud@{ADDRESS}", over_tcp, OFFER, f"<sip:s1@{ADDRESS}>")
    (await station.rung()).accept(OFFER)
    await line.wait_answered(5)
    [call] = centre.switch.core.calls.values()
    assert call.consultation is not None
    before, streams = call.consultation.leg.flow, centre.switch.core.endpoint._transports._streams
    desk.phone._endpoint._transports.drop(over_tcp)
    await until(lambda: before not in streams)
    assert await desk.phone.register(over_tcp) == 200
    caller.hang_up()
    assert await own.wait_ended(5) == "hung-up"
    assert await line.wait_ended(5) == "hung-up"
    assert len(set(streams.values())) == 1, "no connection of our own was needed"


# ---- media and kills ----------------------------------------------------------------------------


async def test_new_media_is_told_to_both_lines_and_the_hospital(
    centre: Bench, desk: Telephone, station: Telephone
) -> None:
    """Given a seat that asks; when media is killed; then all four have new sound, and the transfer
    still works."""
    _, own, line, _ = await asking(centre, desk, station)
    await centre.kill_media()
    await until(lambda: len(ports(centre)) == 4)
    await until(lambda: hears(centre, "consulting") == ["rtp party"])
    assert hears(centre, "party") == ["rtp consulting"]
    assert hears(centre, "caller") == ["play hold"]
    own.refer(naming(line))
    assert await progress(own, 3) == [202, 100, 200]
    await until(lambda: hears(centre, "caller") == ["rtp party"])


async def test_media_that_dies_while_the_hospital_rings_gives_the_caller_back(
    centre: Bench, desk: Telephone, station: Telephone
) -> None:
    """The phone may have heard of a port that is gone: it hears 503 and may dial anew."""
    await in_a_call(centre, desk)
    line = dials(centre, desk)
    ring = await station.rung()
    ring.ring()
    await centre.kill_media()
    assert await status_of(line) == 503
    assert await ring.wait_ended(5) == "cancelled"
    await until(lambda: hears(centre, "caller") == ["rtp seat"])


async def test_a_killed_switch_takes_the_second_line_up_again(
    centre: Bench, desk: Telephone, station: Telephone, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Given a seat that asks; when the switch is killed; then all hear each other as before, and
    REFER connects them."""
    monkeypatch.setattr(sessions, "PROBE_S", 0.2)
    caller, own, line, ring = await asking(centre, desk, station)
    await centre.restart()
    await until(lambda: hears(centre, "consulting") == ["rtp party"])
    assert hears(centre, "caller") == ["play hold"]
    own.refer(naming(line))
    assert await progress(own, 3) == [202, 100, 200]
    await until(lambda: hears(centre, "caller") == ["rtp party"])
    await until(lambda: ports(centre) == ["caller", "party"])
    assert not caller.ended.is_set()
    ring.hang_up()
    await centre.told("call-ended")
    assert centre.types().count("consultation-begun") == 1
    assert centre.types().count("consultation-ended") == 1


async def test_a_switch_killed_while_the_hospital_rings_refuses_the_phone(
    centre: Bench, desk: Telephone, station: Telephone
) -> None:
    """Given a hospital that rings; when the switch is killed; then the phone hears 503, the ring
    is over, and the seat has its caller."""
    caller, _ = await in_a_call(centre, desk)
    line = dials(centre, desk)
    ring = await station.rung()
    ring.ring()
    async with asyncio.timeout(5):
        await line.ringing.wait()
    await centre.restart()
    assert await status_of(line) == 503
    assert await ring.wait_ended(5) == "cancelled"
    assert (await centre.told("consultation-ended")).body["outcome"] == "failed"
    await in_one_call(centre, desk, caller)
    again = dials(centre, desk)
    (await station.rung(2)).accept(OFFER)
    await again.wait_answered(5)


async def finish(centre: Bench, desk: Telephone, station: Telephone, caller: PhoneCall) -> None:
    """Whoever has the caller now hangs up, and then the caller does."""
    await until(
        lambda: (
            hears(centre, "caller") in (["rtp seat"], ["rtp party"], ["play hold"])
            or len(desk.rings) > 1
        )
    )
    caller.hang_up()
    await until(lambda: not centre.switch.core.calls)
    for one in (*desk.rings, *station.rings):
        await one.wait_ended(10)


@pytest.mark.parametrize("after", range(44))
@pytest.mark.parametrize("phase", ["asks", "connects", "gives up"])
async def test_a_switch_killed_between_any_two_things_of_it_loses_nobody(
    centre: Bench,
    desk: Telephone,
    station: Telephone,
    phase: str,
    after: int,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Given a seat that asks, gives up, or connects; when the switch is killed after any number of
    the messages, lines and facts of that; then the caller is there, the call and the second line
    have one outcome each, nothing rings on and no port is left."""
    monkeypatch.setattr(sessions, "PROBE_S", 0.2)
    if phase == "asks":
        caller, own = await in_a_call(centre, desk)
        death = Death(centre.switch, after)
        line = dials(centre, desk)
        with contextlib.suppress(TimeoutError):
            await until(lambda: death.came.is_set() or station.rings, 2)
        if station.rings:
            follows(station.rings[0])
            station.rings[0].accept(OFFER)
        with contextlib.suppress(TimeoutError):
            await until(lambda: death.came.is_set() or line.answered.done(), 2)
    else:
        caller, own, line, _ = await asking(centre, desk, station)
        death = Death(centre.switch, after)
        if phase == "connects":
            own.refer(naming(line))
        else:
            line.hang_up()
        wanted = ["caller", "party"] if phase == "connects" else ["caller", "seat"]
        with contextlib.suppress(TimeoutError):
            await until(lambda: death.came.is_set() or ports(centre) == wanted, 2)
    await death.bury()
    await centre.resume()
    assert not caller.ended.is_set()
    await until(lambda: centre.switch.core.media_ready)
    await finish(centre, desk, station, caller)
    await line.wait_ended(10)
    assert outcomes(centre) == ["calls.call-ended"]
    kinds = centre.types()
    assert kinds.count("consultation-begun") == kinds.count("consultation-ended")
    assert kinds.count("party-added") == kinds.count("party-left")
    await until(lambda: ports(centre) == [])
    assert centre.switch.core.seats["S1"].call_id is None
