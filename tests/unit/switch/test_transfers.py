"""A call that is sent on: whoever is to take it, the caller always has somebody or is on the way
back to somebody."""

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path

import msgspec
import pytest
from switch_bench import ADDRESS, Bench, Browser, bench, phone_seat, until
from telephones import Telephone

from tahuri.telephony import rpc
from tahuri.telephony.sip import sdp
from tahuri.telephony.sip.phone import PhoneCall

OFFER = sdp.offer(ADDRESS, 40000, 1)
OUTCOMES = ("transfer-completed", "transfer-failed")


@pytest.fixture
async def centre(tmp_path: Path) -> AsyncIterator[Bench]:
    """A switch with pretended media; a target may ring for a second."""
    async with bench(tmp_path, seats=[phone_seat("S1")], offer_s=1, transfer_s=1) as one:
        yield one


async def talking(centre: Bench, seat_id: str = "M1") -> tuple[Browser, PhoneCall, str]:
    """A browser seat in a call; the caller's side, the call's id."""
    seat = Browser(centre, seat_id, f"op-{seat_id}")
    await seat.sit()
    call = await centre.call()
    call_id = await seat.offered()
    await seat.ask("answer", call_id=call_id)
    return seat, call, call_id


def caller_hears(centre: Bench) -> list[str]:
    return centre.media.hears(centre.media.port("caller"))


def patient(centre: Bench) -> None:
    """A target may ring for long from now on."""
    settings = centre.switch.core.settings
    centre.switch.core.settings = msgspec.structs.replace(settings, transfer_s=30)


def is_told_once(centre: Bench) -> bool:
    """Whether each transfer that was started has exactly one end."""
    types = [fact.type.partition(".")[2] for fact in {f.id: f for f in centre.facts()}.values()]
    return types.count("transfer-started") == sum(types.count(kind) for kind in OUTCOMES)


# ---- to somebody outside ------------------------------------------------------------------------


async def test_a_blind_transfer_frees_the_seat_when_the_target_answers(
    centre: Bench, station: Telephone
) -> None:
    """Given a live call; when the seat sends it to a fire station that answers; then caller and
    station talk, the seat writes up, the recording goes on, and either's hang-up ends the call."""
    seat, call, _ = await talking(centre)
    await seat.ask("transfer", address=station.address)
    ring = await station.rung()
    await until(lambda: caller_hears(centre) == ["play hold"])
    await seat.until(lambda s: s["call"]["transfer"]["target"] == station.address)
    ring.accept(OFFER)
    completed = await centre.told("transfer-completed")
    assert (completed.body["seat_id"], completed.body["kind"]) == ("M1", "blind")
    await seat.until(lambda s: s["seat"]["reason"] == "wrap-up" and s["call"] is None)
    await until(lambda: caller_hears(centre) == ["rtp party"])
    assert centre.media.hears(centre.media.port("seat M1")) == []
    assert centre.media.recordings
    ring.hang_up()
    ended = await centre.told("call-ended")
    assert (ended.body["outcome"], ended.body["by"]) == ("answered", "party")
    assert await call.wait_ended(5) == "hung-up"
    assert is_told_once(centre)
    await seat.leave()


@pytest.mark.parametrize("status", [486, 404, 603])
async def test_a_target_that_refuses_gives_the_caller_back(
    centre: Bench, station: Telephone, status: int
) -> None:
    """Given a transfer; when the target is busy or unknown; then the seat talks with the caller
    again, at once and without a ring."""
    seat, _, _ = await talking(centre)
    await seat.ask("transfer", address=station.address)
    (await station.rung()).reject(status)
    failed = await centre.told("transfer-failed")
    assert (failed.body["reason"], failed.body["status"]) == ("refused", status)
    await until(lambda: caller_hears(centre) == ["webrtc seat"])
    assert seat.state["seat"]["state"] == "busy"
    assert is_told_once(centre)
    await seat.leave()


async def test_a_target_that_does_not_answer_gives_the_caller_back(
    centre: Bench, station: Telephone
) -> None:
    """Given a transfer; when the target lets it ring for ``transfer_s``; then it rings no longer
    and the caller is with the seat."""
    seat, _, _ = await talking(centre)
    await seat.ask("transfer", address=station.address)
    ring = await station.rung()
    ring.ring()
    assert (await centre.told("transfer-failed")).body["reason"] == "no-answer"
    assert await ring.wait_ended(5) == "cancelled"
    await until(lambda: caller_hears(centre) == ["webrtc seat"])
    await seat.leave()


async def test_a_transfer_is_taken_back_while_it_rings(centre: Bench, station: Telephone) -> None:
    """A slip costs nothing: the wrong station stops ringing, the caller is with the seat."""
    seat, _, call_id = await talking(centre)
    await seat.ask("transfer", address=station.address)
    ring = await station.rung()
    ring.ring()
    await seat.ask("take_back", call_id=call_id)
    await seat.ask("take_back", call_id=call_id)
    assert (await centre.told("transfer-failed")).body["reason"] == "taken-back"
    assert await ring.wait_ended(5) == "cancelled"
    await until(lambda: caller_hears(centre) == ["webrtc seat"])
    assert is_told_once(centre)
    await seat.leave()


async def test_a_seat_that_vanishes_while_its_transfer_rings(
    centre: Bench, station: Telephone
) -> None:
    """Given a target that rings; when the seat's computer dies; then the target may still answer,
    and the two talk."""
    seat, _, _ = await talking(centre)
    patient(centre)
    await seat.ask("transfer", address=station.address)
    ring = await station.rung()
    await seat.leave()
    await centre.told("seat-vanished")
    assert "call-requeued" not in centre.types()
    assert caller_hears(centre) == ["play hold"]
    ring.accept(OFFER)
    await until(lambda: caller_hears(centre) == ["rtp party"])
    assert is_told_once(centre)


async def test_a_transfer_that_fails_without_its_seat_goes_to_the_queue(
    centre: Bench, station: Telephone
) -> None:
    """Given a target that rings and a seat that has vanished; when the target is busy; then the
    call is at the head of the queue and the next seat has it."""
    seat, call, call_id = await talking(centre)
    patient(centre)
    await seat.ask("transfer", address=station.address)
    ring = await station.rung()
    await seat.leave()
    await centre.told("seat-vanished")
    ring.reject(486)
    assert (await centre.told("call-requeued")).body["reason"] == "transfer-failed"
    other = Browser(centre, "M2", "op2")
    await other.sit()
    assert await other.offered() == call_id
    await other.ask("answer", call_id=call_id)
    await until(lambda: caller_hears(centre) == ["webrtc seat"])
    assert not call.ended.is_set()
    await other.leave()


async def test_a_party_whose_line_is_lost_leaves_no_caller_alone(
    centre: Bench, station: Telephone, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Given a caller who was handed over; when the station's line fails, and nobody hung up; then
    the caller is at the head of the queue."""
    seat, call, call_id = await talking(centre)
    await seat.ask("transfer", address=station.address)
    (await station.rung()).accept(OFFER)
    await centre.told("transfer-completed")
    core = centre.switch.core
    party = core.calls[call_id].parties[0]
    core.perform(core.endpoint.agent.hang_up(party.leg, core.sip_now, "lost"))
    assert (await centre.told("call-requeued")).body["reason"] == "party-lost"
    await seat.ask("ready")
    assert await seat.offered() == call_id
    assert not call.ended.is_set()
    await seat.leave()


async def test_a_caller_who_hangs_up_while_the_target_rings(
    centre: Bench, station: Telephone
) -> None:
    """The target stops ringing; one outcome, and the seat writes up."""
    seat, call, _ = await talking(centre)
    await seat.ask("transfer", address=station.address)
    ring = await station.rung()
    ring.ring()
    call.hang_up()
    await centre.told("call-ended")
    assert await ring.wait_ended(5) == "cancelled"
    assert (await centre.told("transfer-failed")).body["reason"] == "hung-up"
    assert centre.types().count("call-ended") == 1
    await seat.until(lambda s: s["seat"]["reason"] == "wrap-up")
    await seat.leave()


async def test_a_warm_transfer_leaves_caller_and_party(centre: Bench, station: Telephone) -> None:
    """Given a station that was asked first; when the seat completes; then it is free and the two
    talk.  With nobody joined there is nothing to complete."""
    seat, call, _ = await talking(centre)
    with pytest.raises(rpc.Failure) as early:
        await seat.ask("complete_transfer")
    assert early.value.code == "no-party-joined"
    await seat.ask("add_party", address=station.address)
    (await station.rung()).accept(OFFER)
    await centre.told("party-joined")
    await seat.ask("complete_transfer")
    assert (await centre.told("transfer-completed")).body["kind"] == "warm"
    await until(lambda: caller_hears(centre) == ["rtp party"])
    await seat.until(lambda s: s["seat"]["reason"] == "wrap-up")
    await seat.ask("ready")
    call.hang_up()
    assert (await centre.told("call-ended")).body["by"] == "caller"
    assert await station.rings[0].wait_ended(5) == "hung-up"
    await seat.leave()


async def test_a_transfer_to_nowhere_changes_nothing(centre: Bench) -> None:
    """A typing error is told, and the caller is still with the seat."""
    seat, _, _ = await talking(centre)
    for asked, code in (
        ({"address": "no such name"}, "bad-address"),
        ({"to_seat_id": "M9"}, "seat-not-ready"),
        ({"to_seat_id": "M1"}, "seat-not-ready"),
        ({}, "bad-request"),
        ({"address": "110", "to_seat_id": "M9"}, "bad-request"),
    ):
        with pytest.raises(rpc.Failure) as caught:
            await seat.ask("transfer", **asked)
        assert caught.value.code == code
    assert caller_hears(centre) == ["webrtc seat"]
    assert "transfer-started" not in centre.types()
    await seat.leave()


# ---- to a seat ----------------------------------------------------------------------------------


async def test_a_call_is_sent_to_another_seat(centre: Bench) -> None:
    """Given two seats; when one sends its call to the other; then it rings there alone, the caller
    hears the hold prompt, and the other has it when it answers."""
    seat, _, call_id = await talking(centre)
    other, third = Browser(centre, "M2", "op-M2"), Browser(centre, "M3", "op-M3")
    await third.sit()
    await other.sit()
    await seat.ask("transfer", to_seat_id="M2")
    assert await other.offered() == call_id
    await until(lambda: caller_hears(centre) == ["play hold"])
    assert seat.state["seat"]["reason"] == "wrap-up"
    assert third.state["offer"] is None
    assert third.state["queue"] == []
    await other.ask("answer", call_id=call_id)
    completed = await centre.told("transfer-completed")
    assert completed.body["to_seat_id"] == "M2"
    await until(lambda: caller_hears(centre) == ["webrtc seat"])
    assert centre.media.hears(centre.media.port("seat M2")) == ["rtp caller"]
    for one in (seat, other, third):
        await one.leave()


async def test_a_call_missed_at_the_other_seat_rings_where_it_came_from(centre: Bench) -> None:
    """Given a seat that does not answer what it was sent; then the call rings at the first seat,
    though it writes up; missed there as well, it is anybody's."""
    seat, call, call_id = await talking(centre)
    other = Browser(centre, "M2", "op-M2")
    await other.sit()
    await seat.ask("transfer", to_seat_id="M2")
    assert await other.offered() == call_id
    assert await seat.offered() == call_id
    assert (await centre.told("transfer-failed")).body["reason"] == "no-answer"
    third = Browser(centre, "M3", "op-M3")
    await third.sit()
    assert await third.offered() == call_id
    await third.ask("answer", call_id=call_id)
    assert not call.ended.is_set()
    assert is_told_once(centre)
    for one in (seat, other, third):
        await one.leave()


async def test_a_call_sent_to_a_seat_is_taken_back(centre: Bench) -> None:
    """Given an offer at the other seat; when the first takes it back; then it is gone there."""
    seat, _, call_id = await talking(centre)
    other = Browser(centre, "M2", "op-M2")
    await other.sit()
    await seat.ask("transfer", to_seat_id="M2")
    await other.offered()
    await seat.ask("take_back", call_id=call_id)
    await other.until(lambda s: s["offer"] is None and s["seat"]["state"] == "ready")
    await until(lambda: caller_hears(centre) == ["webrtc seat"])
    assert (await centre.told("call-answered", 2)).body["how"] == "taken-back"
    with pytest.raises(rpc.Failure):
        await other.ask("take_back", call_id=call_id)
    assert is_told_once(centre)
    await seat.leave()
    await other.leave()


async def test_a_call_is_sent_to_a_phone_seat(centre: Bench, desk: Telephone) -> None:
    """The other seat may be a SIP phone: it rings, and has the call when it is picked up."""
    phone, rings = desk.phone, desk.rings
    seat, _, _ = await talking(centre)
    assert await phone.register(centre.flow) == 200
    await seat.ask("transfer", to_seat_id="S1")
    await until(lambda: rings)
    rings[0].accept(OFFER)
    assert (await centre.told("transfer-completed")).body["to_seat_id"] == "S1"
    await until(lambda: caller_hears(centre) == ["rtp seat"])
    await seat.leave()


# ---- the switch is killed -----------------------------------------------------------------------


async def test_a_switch_killed_while_a_target_rings_gives_the_caller_back(
    centre: Bench, station: Telephone
) -> None:
    """Given a target that rings; when the switch is killed; then the next one ends that ring, and
    the seat has its caller when its page is back."""
    seat, _, _ = await talking(centre)
    await seat.ask("transfer", address=station.address)
    ring = await station.rung()
    ring.ring()
    await centre.restart()
    assert await ring.wait_ended(5) == "cancelled"
    again = Browser(centre, "M1", "op-M1")
    await again.sit(ready=False)
    await until(lambda: caller_hears(centre) == ["webrtc seat"])
    assert again.state["call"]["transfer"] is None
    assert (await centre.told("transfer-failed")).body["reason"] == "failed"
    assert is_told_once(centre)
    await again.leave()


async def test_a_switch_killed_after_a_hand_over_keeps_both_connected(
    centre: Bench, station: Telephone
) -> None:
    """Given caller and station, talking without a seat; when the switch is killed; then they go on,
    and the station's hang-up still ends the call."""
    seat, call, _ = await talking(centre)
    await seat.ask("transfer", address=station.address)
    ring = await station.rung()
    ring.accept(OFFER)
    await centre.told("transfer-completed")
    await until(lambda: caller_hears(centre) == ["rtp party"])
    await centre.restart()
    assert caller_hears(centre) == ["rtp party"]
    assert "call-requeued" not in centre.types()
    ring.hang_up()
    assert (await centre.told("call-ended")).body["by"] == "party"
    await call.wait_ended(5)
    await seat.leave()


async def test_a_switch_killed_while_a_call_is_on_its_way_to_a_seat(centre: Bench) -> None:
    """Given a call that rings at the other seat; when the switch is killed; then it rings there
    again as soon as its page is back, not at anybody's."""
    seat, _, call_id = await talking(centre)
    other = Browser(centre, "M2", "op-M2")
    await other.sit()
    await seat.ask("transfer", to_seat_id="M2")
    await other.offered()
    await centre.restart()
    third, again = Browser(centre, "M3", "op-M3"), Browser(centre, "M2", "op-M2")
    await third.sit()
    await again.sit(ready=False)
    assert await again.offered() == call_id
    assert third.state["offer"] is None
    await again.ask("answer", call_id=call_id)
    assert is_told_once(centre)
    for one in (third, again):
        await one.leave()


@pytest.mark.parametrize("what", ["transfer", "add_party"])
async def test_a_call_that_is_parked_while_media_is_slow_is_sent_nowhere(
    centre: Bench, station: Telephone, what: str
) -> None:
    """Given a seat that sends its call on, or adds somebody, and media that takes its time; when
    the seat parks the call meanwhile; then nobody is called, the place holds, and no transfer is
    begun that has no end."""
    seat, _, call_id = await talking(centre)
    centre.media.stalls.add("open_rtp")
    seen = len(centre.media.asked)
    sending = asyncio.create_task(seat.ask(what, address=station.address))
    await until(lambda: "open_rtp" in centre.media.asked[seen:])
    at_m1: dict[str, object] = {"seat_id": "M1", "operator_id": "op-M1"}
    parking = asyncio.create_task(centre.switch.answer("park", at_m1))  # by serve's way
    await centre.told("call-parked")
    centre.media.stalls.clear()
    with pytest.raises(rpc.Failure) as caught:
        await sending
    assert caught.value.code == "no-live-call"
    await parking
    call = centre.switch.core.calls[call_id]
    assert (call.parties, call.transfer, call.phase) == ([], None, "queued")
    assert station.rings == []
    assert caller_hears(centre) == ["play hold"]
    assert not [kind for kind in centre.types() if kind.startswith(("transfer", "party"))]
    assert not [name for _, name in centre.media.ports.values() if name.startswith("party")]
    await seat.leave()


async def test_a_call_that_is_taken_over_while_media_is_slow_is_not_sent_on(
    centre: Bench, station: Telephone
) -> None:
    """Given a seat that sends its call on, and a supervisor who takes it over in that moment; then
    the target rings no longer, and the supervisor has the caller."""
    supervisor = Browser(centre, "M2", "op-M2", "supervisor")
    await supervisor.sit(ready=False)
    seat, _, call_id = await talking(centre)
    centre.media.stalls.add("open_rtp")
    seen = len(centre.media.asked)
    sending = asyncio.create_task(seat.ask("transfer", address=station.address))
    await until(lambda: "open_rtp" in centre.media.asked[seen:])
    taking = asyncio.create_task(supervisor.ask("take_over", call_id=call_id))
    await centre.told("call-answered", 2)
    centre.media.stalls.clear()
    with pytest.raises(rpc.Failure) as caught:
        await sending
    assert caught.value.code == "no-live-call"
    await taking
    await until(lambda: caller_hears(centre) == ["webrtc seat"])
    assert is_told_once(centre)
    for ring in station.rings:
        await ring.wait_ended(5)
    await seat.leave()
    await supervisor.leave()


async def test_what_is_asked_of_a_call_that_has_just_ended_leaves_nothing(centre: Bench) -> None:
    """Given a caller who hangs up behind a step that is slow; when the seat holds the line behind
    that; then the call is over and nothing of it is kept in memory."""
    seat, caller, call_id = await talking(centre)
    core = centre.switch.core
    slow = asyncio.Event()
    core.post(call_id, lambda: slow.wait())  # type: ignore[arg-type,return-value]
    caller.hang_up()
    await until(lambda: core.calls[call_id].leg.state == "ended")
    holding = asyncio.create_task(seat.ask("hold"))
    await centre.told("call-held")
    slow.set()
    await centre.told("call-ended")
    await until(lambda: call_id not in core.calls)
    await asyncio.gather(holding, return_exceptions=True)
    assert call_id not in core.cells
    await seat.leave()
