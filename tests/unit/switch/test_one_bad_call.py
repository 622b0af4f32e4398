"""What is wrong with one call, or slow at media, must not hold up a seat or anybody's waits."""

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
from switch_bench import ADDRESS, Bench, Browser, bench, until
from telephones import Telephone

from tahuri.telephony import rpc
from tahuri.telephony.sip import sdp
from tahuri.telephony.sip.leg import Leg
from tahuri.telephony.sip.phone import CallFailed
from tahuri.telephony.switch.core import Core
from tahuri.telephony.switch.model import Call
from tahuri.telephony.switch.quality import lines, mediapulse
from tahuri.telephony.switch.queue import lane, overflow

OFFER = sdp.offer(ADDRESS, 40000, 1)


@pytest.fixture
async def centre(tmp_path: Path) -> AsyncIterator[Bench]:
    """A switch with pretended media and impatient offers."""
    async with bench(tmp_path, offer_s=0.3) as one:
        yield one


async def test_a_seat_whose_caller_hangs_up_while_media_is_slow_gets_its_answer(
    centre: Bench,
) -> None:
    """Given a seat that mutes, then calls an agency in, while media takes its time, and a caller
    who hangs up in between; then each of its requests is answered and the seat goes on: whoever
    waits for one answer asks for nothing more."""
    seat = Browser(centre, "M1", "op1")
    await seat.sit()
    call = await centre.call()
    await seat.ask("answer", call_id=await seat.offered())
    centre.media.stalls.add("gains")
    who = {"seat_id": "M1", "operator_id": "op1"}
    muting = asyncio.create_task(centre.switch.answer("mute", dict(who)))
    await until(lambda: centre.media.asked[-1] == "gains")
    call.hang_up()
    core = centre.switch.core
    await until(lambda: next(iter(core.calls.values())).leg.state == "ended")
    asking = {**who, "address": "sip:damkar@127.0.0.1:5999"}
    adding = asyncio.create_task(centre.switch.answer("add_party", dict(asking)))
    holding = asyncio.create_task(centre.switch.answer("hold", dict(who)))
    await asyncio.sleep(0)
    centre.media.stalls.clear()
    async with asyncio.timeout(3):
        await muting
        for late in (adding, holding):
            with pytest.raises(rpc.Failure) as over:
                await late
            assert over.value.code == "no-live-call"
    await centre.told("call-ended")
    assert (core.cells, core.channels) == ({}, {})
    await seat.ask("ready")
    await seat.leave()


async def test_a_call_that_meets_a_bug_holds_up_no_other(
    centre: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Given a fault of ours that one waiting call wakes in every moment; then the next caller's
    offer is missed in time all the same, and goes on."""
    await centre.call("<sip:+620001@127.0.0.1>")
    await centre.told("call-queued")
    (bad,) = centre.switch.core.calls
    tick = lane.tick

    def falls(core: Core, call: Call, now_s: float) -> None:
        if call.call_id == bad:
            raise ZeroDivisionError("a fault of ours")
        tick(core, call, now_s)

    monkeypatch.setattr(lane, "tick", falls)
    await centre.call("<sip:+620002@127.0.0.1>")
    seats = [Browser(centre, f"M{number}", f"op{number}") for number in (1, 2)]
    for seat in seats:
        await seat.sit()
    await until(
        lambda: [
            fact
            for fact in centre.facts()
            if fact.type == "calls.offer-missed" and fact.stream != f"call/{bad}"
        ]
    )
    for seat in seats:
        await seat.leave()


async def test_a_port_whose_far_end_media_was_too_slow_to_take_is_given_back(
    centre: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Given media that is there and does not answer in time; then the caller hears 503 and may call
    elsewhere, and the port is not kept for nobody."""

    async def late(*_: object, **__: object) -> None:
        raise rpc.Unavailable("no answer in time")

    with monkeypatch.context() as patch:
        patch.setattr(centre.switch.core.media, "set_remote", late)
        call = centre.phone.call("sip:112@127.0.0.1", centre.flow, OFFER, "<sip:+620001@127.0.0.1>")
        with pytest.raises(CallFailed) as refused:
            await call.wait_answered(5)
    assert refused.value.status == 503
    await until(lambda: {kind for kind, _ in centre.media.ports.values()} == {"play"})
    assert not centre.switch.core.ports


async def test_an_odd_answer_of_media_does_not_end_the_asking(
    centre: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Given media that answers once what cannot be read; then it is asked again: without the
    question nobody would know that it hangs."""
    asked = 0

    async def odd(*_: object) -> None:
        nonlocal asked
        asked += 1
        raise TypeError("odd")

    monkeypatch.setattr(mediapulse, "EVERY_S", 0.01)
    monkeypatch.setattr(centre.switch.core.media, "measure", odd)
    pulse = asyncio.create_task(mediapulse.run(centre.switch.core))
    await until(lambda: asked > 1 or pulse.done())
    assert not pulse.done()
    pulse.cancel()


async def test_a_call_that_cannot_be_taken_up_keeps_no_switch_from_the_others(
    centre: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Given a call in the journal that wakes a fault of ours; when the switch is killed; then the
    next one starts, has the other callers, hangs that one up instead of leaving it in silence, and
    tells its end once; a further start knows nothing of it."""
    first = await centre.call("<sip:+620001@127.0.0.1>")
    second = await centre.call("<sip:+620002@127.0.0.1>")
    bad, good = centre.switch.core.calls
    restore = overflow.restore

    def falls(call: Call) -> None:
        if call.call_id == bad:
            raise ZeroDivisionError("a fault of ours")
        restore(call)

    monkeypatch.setattr(overflow, "restore", falls)
    for _ in range(2):
        await centre.restart()
        assert list(centre.switch.core.calls) == [good]
    assert await first.wait_ended(5) == "hung-up"
    ends = [fact for fact in centre.facts() if fact.type == "calls.call-ended"]
    assert [(fact.stream, fact.body["by"]) for fact in ends] == [(f"call/{bad}", "failure")]
    assert not second.ended.is_set()
    await until(lambda: len(centre.media.recordings) == 1)


async def test_a_line_that_cannot_be_judged_keeps_no_recording_open(
    centre: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Given a fault of ours in the figures of a line; when the caller hangs up; then the recording
    is closed and told, and nothing of the call is left."""

    async def falls(*_: object) -> None:
        raise ZeroDivisionError("a fault of ours")

    monkeypatch.setattr(lines, "tell", falls)
    call = await centre.call()
    call.hang_up()
    await centre.told("recording-closed")
    await until(lambda: not centre.switch.core.calls)
    assert centre.media.recordings == {}


async def test_a_leg_that_cannot_be_hung_up_keeps_nobody_else_on_the_line(
    centre: Bench, station: Telephone, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Given a fault of ours over the caller's leg; when the seat hangs up; then the party is let
    go, the seat writes up, the recording is closed, and nothing of the call is left."""
    seat = Browser(centre, "M1", "op1")
    await seat.sit()
    await centre.call()
    await seat.ask("answer", call_id=await seat.offered())
    await seat.ask("add_party", address=station.address)
    ring = await station.rung()
    ring.accept(OFFER)
    await centre.told("party-joined")
    core = centre.switch.core
    hang_up = core.endpoint.agent.hang_up

    def falls(leg: Leg, *rest: Any, **more: Any) -> Any:
        if not leg.outgoing:
            raise ZeroDivisionError("a fault of ours")
        return hang_up(leg, *rest, **more)

    monkeypatch.setattr(core.endpoint.agent, "hang_up", falls)
    await seat.ask("hang_up")
    assert await ring.wait_ended(5) == "hung-up"
    await centre.told("recording-closed")
    await until(lambda: not core.calls)
    await seat.until(lambda state: state["seat"]["reason"] == "wrap-up")
    await seat.leave()


async def test_a_page_that_connects_its_sound_while_its_call_ends_has_it(centre: Bench) -> None:
    """Given a page that is loaded anew in the moment in which the caller hangs up, while media is
    slow; then it gets its answer, and its former port is given back."""
    seat = Browser(centre, "M1", "op1")
    await seat.sit()
    call = await centre.call()
    await seat.ask("answer", call_id=await seat.offered())
    centre.media.stalls.add("gains")
    who = {"seat_id": "M1", "operator_id": "op1"}
    muting = asyncio.create_task(centre.switch.answer("mute", dict(who)))
    await until(lambda: centre.media.asked[-1] == "gains")
    call.hang_up()
    core = centre.switch.core
    await until(lambda: next(iter(core.calls.values())).leg.state == "ended")
    connecting = asyncio.create_task(seat.ask("webrtc", sdp="offer"))
    await until(lambda: centre.media.asked[-1] == "open_webrtc")
    await asyncio.sleep(0.02)
    centre.media.stalls.clear()
    async with asyncio.timeout(5):
        await muting
        assert str((await connecting)["sdp"]).startswith("answer")  # type: ignore[index]
    await centre.told("call-ended")
    await until(lambda: [kind for kind, _ in centre.media.ports.values()].count("webrtc") == 1)
    await seat.leave()
