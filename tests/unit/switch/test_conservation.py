"""Every INVITE that is let in has exactly one outcome, wherever the switch is killed or a race is
lost; and whoever calls hears an answer."""

import asyncio
import contextlib
from collections.abc import AsyncIterator
from pathlib import Path
from random import Random

import pytest
from mortal import Death
from switch_bench import Bench, Browser, bench, phone_seat, until
from telephones import Telephone

from tahuri.telephony import rpc
from tahuri.telephony.sip import sdp, sessions
from tahuri.telephony.sip.phone import CallFailed, PhoneCall
from tahuri.telephony.sip.transport import Transports
from tahuri.telephony.switch.edge import identity

OFFER = sdp.offer("127.0.0.1", 40000, 1)
TERMINAL = ("calls.call-ended", "calls.call-refused")


@pytest.fixture
async def centre(tmp_path: Path) -> AsyncIterator[Bench]:
    """A switch with pretended media and one phone seat."""
    async with bench(tmp_path, seats=[phone_seat("S1")], offer_s=5) as one:
        yield one


def outcomes(centre: Bench) -> dict[str, list[str]]:
    """By call, its terminal facts; one told twice under one id counts once."""
    once = {fact.id: fact for fact in centre.facts() if fact.stream.startswith("call/")}
    found: dict[str, list[str]] = {fact.stream: [] for fact in once.values()}
    for fact in once.values():
        if fact.type in TERMINAL:
            found[fact.stream].append(fact.type)
    return found


def dial(centre: Bench) -> PhoneCall:
    return centre.phone.call("sip:112@127.0.0.1", centre.flow, OFFER, "<sip:+620001@127.0.0.1>")


def journal_is_empty(centre: Bench) -> bool:
    folder = centre.folder / "data/journal"
    return not list((folder / "calls").iterdir()) and not list((folder / "unanswered").iterdir())


@pytest.mark.parametrize("during", ["open_rtp", "set_remote", "play", "record", "gains"])
async def test_a_switch_killed_before_its_answer_refuses_at_its_next_start(
    centre: Bench, during: str
) -> None:
    """A trunk that hears 503 routes elsewhere; one that hears nothing leaves a caller in silence.

    Given an INVITE that is being let in; when the switch is killed at any step of it; then the
    next switch answers 503 and the log has one outcome.
    """
    centre.media.stalls.add(during)
    call = dial(centre)
    seen = len(centre.media.asked)
    await until(lambda: during in centre.media.asked[seen:])
    centre.media.stalls.clear()
    await centre.restart()
    with pytest.raises(CallFailed) as caught:
        await call.wait_answered(5)
    assert caught.value.status == 503
    await until(lambda: list(outcomes(centre).values()) and all(outcomes(centre).values()))
    assert [len(told) for told in outcomes(centre).values()] == [1]
    await until(lambda: journal_is_empty(centre))
    await until(lambda: centre.media.recordings == {})


async def test_a_200_that_was_not_sent_is_sent_by_the_next_switch(
    centre: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Given a switch killed between writing down its answer and sending it; when it starts anew;
    then the caller is answered, queued and can be spoken to."""
    send = Transports.send

    def but_200(self: Transports, data: bytes, flow: object, *_: object) -> None:
        if not (data.startswith(b"SIP/2.0 200") and b"INVITE" in data):
            send(self, data, flow)  # type: ignore[arg-type]

    with monkeypatch.context() as patch:
        patch.setattr(Transports, "send", but_200)
        call = dial(centre)
        await centre.told("call-queued")
        await centre.switch.stop()
    await centre.resume()
    assert await call.wait_answered(5) is not None
    seat = Browser(centre, "M1", "op1")
    await seat.sit()
    await seat.ask("answer", call_id=await seat.offered())
    call.hang_up()
    await centre.told("call-ended")
    assert [len(told) for told in outcomes(centre).values()] == [1]
    await seat.leave()


async def test_an_ack_that_comes_after_a_kill_counts(
    centre: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Given an INVITE without an offer, answered; when the switch is killed before the ACK; then
    the ACK to the next one is what should say where the caller listens: without, the call ends."""
    send = Transports.send

    def but_ack(self: Transports, data: bytes, flow: object, *_: object) -> None:
        if not data.startswith(b"ACK"):
            send(self, data, flow)  # type: ignore[arg-type]

    call = centre.phone.call("sip:112@127.0.0.1", centre.flow, b"", "<sip:+620001@127.0.0.1>")
    with monkeypatch.context() as patch:
        patch.setattr(Transports, "send", but_ack)
        await call.wait_answered(5)
        await centre.switch.stop()
    await centre.resume()
    assert (await centre.told("call-ended")).body["reason"] == "no-session"
    assert await call.wait_ended(5) == "hung-up"
    assert [len(told) for told in outcomes(centre).values()] == [1]


async def test_a_phone_that_rings_is_cancelled_by_the_next_switch(
    centre: Bench, desk: Telephone
) -> None:
    """Given a call that rings at a SIP seat; when the switch is killed; then that ring ends and a
    new one begins: picking up the old one would be a dead line."""
    phone, rings = desk.phone, desk.rings
    assert await phone.register(centre.flow) == 200
    call = dial(centre)
    await call.wait_answered(5)
    await until(lambda: rings)
    rings[0].ring()
    await centre.restart()
    assert await rings[0].wait_ended(5) == "cancelled"
    await until(lambda: len(rings) == 2)
    rings[1].accept(OFFER)
    await centre.told("call-answered")
    call.hang_up()
    await centre.told("call-ended")
    assert [len(told) for told in outcomes(centre).values()] == [1]


async def test_a_party_that_rings_is_cancelled_by_the_next_switch(
    centre: Bench, station: Telephone
) -> None:
    """Given a station's phone that rings; when the switch is killed; then it stops ringing, and
    the call taker sees that nobody came."""
    rings = station.rings
    seat = Browser(centre, "M1", "op1")
    await seat.sit()
    await centre.call()
    await seat.ask("answer", call_id=await seat.offered())
    await seat.ask("add_party", address=station.address)
    await until(lambda: rings)
    rings[0].ring()
    await centre.restart()
    assert await rings[0].wait_ended(5) == "cancelled"
    assert (await centre.told("party-left")).body["reason"] == "failed"
    await seat.leave()


async def test_a_bug_on_the_way_in_is_a_500_and_an_outcome(
    centre: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Given a fault of ours that no test foresaw; when a call comes in; then its caller is told,
    the log knows, and the next call is taken."""
    with monkeypatch.context() as patch:
        patch.setattr(identity, "caller_of", lambda _: 1 / 0)
        call = dial(centre)
        with pytest.raises(CallFailed) as caught:
            await call.wait_answered(5)
    assert caught.value.status == 500
    assert (await centre.told("call-refused")).body["reason"] == "internal-error"
    await until(lambda: "caller" not in str(centre.media.ports))
    await centre.call()
    await centre.told("call-queued")


async def test_a_bug_after_the_arrival_ends_the_call(
    centre: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Given a call that the log knows already; when letting it in fails; then it has an end."""
    with monkeypatch.context() as patch:
        patch.setattr(sdp, "answer", lambda *_: 1 / 0)
        call = dial(centre)
        with pytest.raises(CallFailed):
            await call.wait_answered(5)
    assert (await centre.told("call-ended")).body["reason"] == "internal-error"
    assert list(outcomes(centre).values()) == [["calls.call-ended"]]


async def test_callers_who_give_up_at_any_moment_have_one_outcome(centre: Bench) -> None:
    """CANCEL races with the 200: before the answer, across it, or as a BYE behind it."""
    chance = Random(112)
    calls = []
    for _ in range(40):
        call = dial(centre)
        await asyncio.sleep(chance.random() * 0.01)  # the race itself
        call.hang_up()
        calls.append(call)
    for call in calls:
        await call.wait_ended(10)
    await until(lambda: len(outcomes(centre)) == 40 and all(outcomes(centre).values()))
    assert {len(told) for told in outcomes(centre).values()} == {1}
    await until(lambda: {kind for kind, _ in centre.media.ports.values()} == {"play"})
    await until(lambda: journal_is_empty(centre) and centre.media.recordings == {})


async def test_a_caller_who_hangs_up_as_the_seat_answers(centre: Bench) -> None:
    """Answered or abandoned, one of the two: an abandoned caller is called back."""
    chance = Random(7)
    seat = Browser(centre, "M1", "op1")
    await seat.sit()
    for number in range(12):
        call = await centre.call()
        call_id = await seat.offered()
        asked = asyncio.create_task(seat.ask("answer", call_id=call_id))
        await asyncio.sleep(chance.random() * 0.002)  # the race itself
        call.hang_up()
        refusal = (await asyncio.gather(asked, return_exceptions=True))[0]
        ended = await centre.told("call-ended", number + 1)
        told = [fact.type for fact in centre.facts() if fact.stream == ended.stream]
        was_answered = "calls.call-answered" in told
        assert ended.body["outcome"] == ("answered" if was_answered else "abandoned")
        assert was_answered == (refusal is None)
        assert refusal is None or isinstance(refusal, rpc.Failure)
        await until(lambda: seat.state["seat"]["state"] in ("ready", "not_ready"))
        await seat.ask("ready")
    assert {len(told) for told in outcomes(centre).values()} == {1}
    await seat.leave()


async def test_nobody_answers_a_caller_who_has_gone(centre: Bench) -> None:
    """Given a BYE that has come in but is not worked off, because a disk or media is slow; when
    the seat answers; then it is refused and the call counts as abandoned, not as served."""
    seat = Browser(centre, "M1", "op1")
    await seat.sit()
    call = await centre.call()
    call_id = await seat.offered()
    slow = asyncio.Event()
    core = centre.switch.core
    core.post(call_id, lambda: slow.wait())
    call.hang_up()
    await until(lambda: core.calls[call_id].leg.state == "ended")
    with pytest.raises(rpc.Failure) as caught:
        await seat.ask("answer", call_id=call_id)
    assert caught.value.code == "call-not-offered"
    slow.set()
    assert (await centre.told("call-ended")).body["outcome"] == "abandoned"
    await seat.leave()


@pytest.mark.parametrize("where", ["seat", "station"])
async def test_a_phone_that_answers_between_two_kills_is_let_go_at_once(
    centre: Bench, desk: Telephone, station: Telephone, where: str
) -> None:
    """Given a phone that rings; when the switch is killed, the phone answers into the gap, and the
    next switch is killed before it could hear of that; then the third lets the phone go: nobody
    sits in a silent line until it gives up."""
    if where == "seat":
        assert await desk.phone.register(centre.flow) == 200
        await centre.call()
        ring = await desk.rung()
    else:
        seat = Browser(centre, "M1", "op1")
        await seat.sit()
        await centre.call()
        await seat.ask("answer", call_id=await seat.offered())
        await seat.ask("add_party", address=station.address)
        ring = await station.rung()
    await centre.switch.stop()
    ring.accept(OFFER)
    await centre.resume()
    await centre.restart()
    assert await ring.wait_ended(5) == "hung-up"


async def test_a_killed_switch_puts_a_half_done_hold_right(
    centre: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Given a switch killed after a hold was told and before media knew; when it starts anew; then
    the caller hears the hold prompt and not what is said about them."""
    seat = Browser(centre, "M1", "op1")
    await seat.sit()
    await centre.call()
    await seat.ask("answer", call_id=await seat.offered())
    centre.media.stalls.add("gains")
    asked = asyncio.create_task(seat.ask("hold"))
    await centre.told("call-held")
    await until(lambda: centre.media.asked[-1] == "gains")
    centre.media.stalls.clear()
    asked.cancel()
    caller, port = centre.media.port("caller"), centre.media.port("seat M1")
    assert centre.media.hears(caller) == ["webrtc seat"]
    await centre.restart()
    await until(lambda: centre.media.hears(caller) == ["play hold"])
    assert centre.media.hears(port) == []
    await seat.leave()


async def test_a_call_whose_journal_is_damaged_still_ends(centre: Bench) -> None:
    """Nobody can take it up any more, so it must be told that somebody is to be called back.

    Given a queued call; when the disk spoils its file and the switch is killed; then the next
    switch tells that it ended by a failure.
    """
    call = dial(centre)
    await call.wait_answered(5)
    await centre.told("call-queued")
    await centre.switch.stop()
    for file in (centre.folder / "data/journal/calls").iterdir():
        file.write_bytes(b"spoilt")
    await centre.resume()
    ended = await centre.told("call-ended")
    assert (ended.body["outcome"], ended.body["reason"]) == ("abandoned", "journal-unreadable")
    assert [len(told) for told in outcomes(centre).values()] == [1]


@pytest.mark.parametrize("after", range(30))
async def test_a_switch_killed_between_any_two_things_at_a_calls_end_tells_one_outcome(
    centre: Bench, after: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Given a seat in a call whose caller hangs up; when the switch is killed after any number of
    the messages, lines and facts of that end; then the next switch has one outcome and one end of
    the recording, the seat is free, and the journal is empty."""
    monkeypatch.setattr(sessions, "PROBE_S", 0.2)
    call = await centre.call()
    seat = Browser(centre, "M1", "op1")
    await seat.sit()
    await seat.ask("answer", call_id=await seat.offered())
    death = Death(centre.switch, after)
    call.hang_up()
    with contextlib.suppress(TimeoutError):
        await until(lambda: death.came.is_set() or not centre.switch.core.calls, 2)
    await death.bury()
    await centre.resume()
    await until(lambda: journal_is_empty(centre) and not centre.switch.core.calls)
    assert outcomes(centre) == {call_of(centre): ["calls.call-ended"]}
    kinds = centre.types()
    assert kinds.count("recording-started") == kinds.count("recording-closed") == 1
    assert centre.switch.core.seats["M1"].call_id is None
    assert centre.switch.core.seats["M1"].state in ("not_ready", "vanished")
    await seat.leave()


def call_of(centre: Bench) -> str:
    """The stream of the one call."""
    [stream] = {fact.stream for fact in centre.facts() if fact.stream.startswith("call/")}
    return stream


@pytest.mark.parametrize("after", range(24))
@pytest.mark.parametrize("phase", ["arrives", "is answered"])
async def test_a_switch_killed_between_any_two_things_while_a_call_comes_loses_nobody(
    centre: Bench, phase: str, after: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Given a caller who rings, or a seat that answers; when the switch is killed after any number
    of the messages, lines and facts of that; then the caller is refused (503), or waits or talks
    with the next switch, until they hang up: one outcome, nothing left."""
    monkeypatch.setattr(sessions, "PROBE_S", 0.2)
    seat = Browser(centre, "M1", "op1")
    await seat.sit()
    if phase == "arrives":
        death = Death(centre.switch, after)
        call = dial(centre)
        with contextlib.suppress(TimeoutError):
            await until(lambda: death.came.is_set() or seat.state["offer"], 2)
    else:
        call = await centre.call()
        call_id = await seat.offered()
        death = Death(centre.switch, after)
        answering = asyncio.create_task(seat.ask("answer", call_id=call_id))
        with contextlib.suppress(TimeoutError):
            await until(lambda: death.came.is_set() or answering.done(), 2)
        answering.cancel()
    await death.bury()
    await centre.resume()
    await until(lambda: call.answered.done())
    if call.answered.exception() is None:
        again = Browser(centre, "M1", "op1")
        await again.sit(ready=False)
        if not again.state["call"]:
            await again.ask("ready")
            await again.ask("answer", call_id=await again.offered())
        await until(lambda: centre.media.hears(centre.media.port("caller")) == ["webrtc seat"])
        call.hang_up()
        await again.leave()
    await until(lambda: journal_is_empty(centre) and not centre.switch.core.calls)
    assert [len(told) for told in outcomes(centre).values()] == [1]
    await until(lambda: {kind for kind, _ in centre.media.ports.values()} <= {"play", "webrtc"})
    await seat.leave()
