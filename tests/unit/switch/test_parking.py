"""Calls that are picked up and parked: nobody who waits is forgotten, and one seat wins."""

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path

import msgspec
import pytest
from switch_bench import ADDRESS, Bench, Browser, bench, phone_seat, until
from telephones import Telephone

from tahuri.calls.switchboard import event_of
from tahuri.calls.views import CALLS, CallRow
from tahuri.kernel.event import Fact as LoggedFact
from tahuri.kernel.event import StreamId
from tahuri.kernel.ids import CallId
from tahuri.telephony import rpc
from tahuri.telephony.sip import sdp
from tahuri.telephony.sip.phone import PhoneCall
from tahuri.telephony.switch import views

OFFER = sdp.offer(ADDRESS, 40000, 1)


@pytest.fixture
async def centre(tmp_path: Path) -> AsyncIterator[Bench]:
    """A switch with pretended media, where a call stays parked for a short while."""
    async with bench(tmp_path, seats=[phone_seat("S1")], offer_s=1, park_s=1) as one:
        yield one


async def seated(centre: Bench, seat_id: str, ready: bool = True) -> Browser:
    seat = Browser(centre, seat_id, f"op-{seat_id}")
    await seat.sit(ready)
    return seat


async def talking(centre: Bench, seat_id: str = "M1") -> tuple[Browser, PhoneCall, str]:
    """A browser seat in a call; the caller's side, the call's id."""
    seat = await seated(centre, seat_id)
    call = await centre.call()
    call_id = await seat.offered()
    await seat.ask("answer", call_id=call_id)
    return seat, call, call_id


def caller_hears(centre: Bench) -> list[str]:
    return centre.media.hears(centre.media.port("caller"))


def folded(centre: Bench, call_id: str) -> CallRow:
    """The call's row, as the log folds it from the switch's facts."""
    row = CallRow(call_id=CallId(call_id))
    for number, fact in enumerate(centre.facts(), 1):
        if fact.stream == f"call/{call_id}":
            event = event_of(fact, dict.fromkeys(fact.personal, "P1"))
            logged = LoggedFact(
                seq=number,
                stream=StreamId.parse(fact.stream),
                version=number,
                at=fact.at,
                recorded_at=fact.at,
                actor=fact.actor,
                command=fact.id,
                event=event,
                personal={},
            )
            row = CALLS.fold(row, logged)
    return row


async def test_the_time_of_a_call_counts_from_its_first_answer_at_the_switch_and_in_the_log(
    centre: Bench,
) -> None:
    """Given a call that was answered, parked and picked up by another seat; then that seat, and a
    supervisor without one, see the time that the log has: since somebody first helped."""
    seat, _, call_id = await talking(centre)
    other = await seated(centre, "M2", ready=False)
    first = centre.switch.core.calls[call_id].answered_at
    await seat.ask("park")
    await other.ask("pick_up", call_id=call_id)
    await other.until(lambda state: state["call"])
    shown = views.snapshot(centre.switch.core).calls[0].answered_at
    assert shown == first is not None
    assert other.state["call"]["answered_at"] == msgspec.to_builtins(shown)
    logged = folded(centre, call_id).answered_at
    assert logged is not None
    assert abs((logged - shown).total_seconds()) < 0.1
    await seat.leave()
    await other.leave()


# ---- pick-up ------------------------------------------------------------------------------------


async def test_a_waiting_call_is_picked_up_by_name(centre: Bench) -> None:
    """The operator sees the child's number in the queue and takes that call before its turn."""
    seat = await seated(centre, "M1", ready=False)
    await centre.call("<sip:+620001@127.0.0.1>")
    await centre.call("<sip:+620002@127.0.0.1>")
    await seat.until(lambda s: len(s["queue"]) == 2)
    wanted = seat.state["queue"][1]["call_id"]  # type: ignore[index]
    await seat.ask("pick_up", call_id=wanted)
    await seat.ask("pick_up", call_id=wanted)
    assert seat.state["call"]["number"] == "+620002"
    answered = await centre.told("call-answered")
    assert (answered.body["how"], answered.stream) == ("picked-up", f"call/{wanted}")
    assert caller_hears(centre) == ["webrtc seat"]
    await seat.leave()


async def test_a_call_that_rings_elsewhere_is_picked_up(centre: Bench) -> None:
    """An empty chair rings: the neighbour need not wait until the offer is missed."""
    seat, other = await seated(centre, "M1"), await seated(centre, "M2", ready=False)
    await centre.call()
    call_id = await seat.offered()
    await other.ask("pick_up", call_id=call_id)
    await seat.until(lambda s: s["offer"] is None and s["seat"]["state"] == "ready")
    assert other.state["call"]["call_id"] == call_id
    assert caller_hears(centre) == ["webrtc seat"]
    with pytest.raises(rpc.Failure) as late:
        await seat.ask("pick_up", call_id=call_id)
    assert late.value.code == "call-already-answered"
    await seat.leave()
    await other.leave()


async def test_a_call_that_rings_at_a_phone_is_picked_up(centre: Bench, desk: Telephone) -> None:
    """The phone stops ringing; nobody hears its line instead of the seat."""
    phone, rings = desk.phone, desk.rings
    assert await phone.register(centre.flow) == 200
    seat = await seated(centre, "M1", ready=False)
    await centre.call()
    await until(lambda: rings)
    rings[0].ring()
    await seat.until(lambda s: s["queue"])
    await seat.ask("pick_up", call_id=seat.state["queue"][0]["call_id"])  # type: ignore[index]
    assert await rings[0].wait_ended(5) == "cancelled"
    await until(lambda: caller_hears(centre) == ["webrtc seat"])
    await seat.leave()


async def test_a_phone_seat_picks_up_by_ringing(centre: Bench, desk: Telephone) -> None:
    """A SIP seat cannot be connected without its operator lifting the receiver."""
    phone, rings = desk.phone, desk.rings
    seat = await seated(centre, "M1")
    await centre.call()
    call_id = await seat.offered()
    assert await phone.register(centre.flow) == 200
    asked = rpc.Client(centre.folder / "switch.sock")
    asked.start()
    await until(lambda: asked.connected)
    await asked.call("pick_up", 5.0, seat_id="S1", operator_id="op-S1", call_id=call_id)
    await until(lambda: rings)
    rings[0].accept(OFFER)
    answered = await centre.told("call-answered")
    assert answered.body["seat_id"] == "S1"
    await asked.close()
    await seat.leave()


async def test_two_seats_pick_up_at_once_and_one_wins(centre: Bench) -> None:
    """Compare-and-set, as for offers."""
    first, second = await seated(centre, "M1", ready=False), await seated(centre, "M2", ready=False)
    await centre.call()
    await first.until(lambda s: s["queue"])
    call_id = first.state["queue"][0]["call_id"]  # type: ignore[index]
    results = await asyncio.gather(
        first.ask("pick_up", call_id=call_id),
        second.ask("pick_up", call_id=call_id),
        return_exceptions=True,
    )
    refused = [one.code for one in results if isinstance(one, rpc.Failure)]
    assert refused == ["call-already-answered"]
    assert centre.types().count("call-answered") == 1
    await first.leave()
    await second.leave()


async def test_a_seat_that_rings_may_take_another_call_first(centre: Bench) -> None:
    """What rings at the seat goes on to the next; nobody is left ringing at a busy seat."""
    seat = await seated(centre, "M1")
    await centre.call("<sip:+620001@127.0.0.1>")
    first = await seat.offered()
    await centre.call("<sip:+620002@127.0.0.1>")
    await seat.until(lambda s: len(s["queue"]) == 2)
    wanted = next(q["call_id"] for q in seat.state["queue"] if q["call_id"] != first)  # type: ignore[index]
    await seat.ask("pick_up", call_id=wanted)
    other = await seated(centre, "M2")
    assert await other.offered() == first
    with pytest.raises(rpc.Failure) as caught:
        await seat.ask("pick_up", call_id=first)
    assert caught.value.code == "seat-busy"
    await seat.leave()
    await other.leave()


async def test_nobody_picks_up_a_caller_who_has_gone(centre: Bench) -> None:
    """Abandoned is abandoned: the call is to be called back."""
    seat = await seated(centre, "M1", ready=False)
    call = await centre.call()
    await seat.until(lambda s: s["queue"])
    call_id = seat.state["queue"][0]["call_id"]  # type: ignore[index]
    call.hang_up()
    await centre.told("call-ended")
    with pytest.raises(rpc.Failure) as caught:
        await seat.ask("pick_up", call_id=call_id)
    assert caught.value.code == "call-not-offered"
    await seat.leave()


# ---- park ---------------------------------------------------------------------------------------


async def test_a_parked_call_waits_and_is_picked_up_by_any_seat(centre: Bench) -> None:
    """Given a live call; when it is parked; then the caller hears the hold prompt, the seat is
    free, no seat is offered the call, and any can take it from its place."""
    seat, _, call_id = await talking(centre)
    other = await seated(centre, "M2")
    assert await seat.ask("park") == {"slot": 1}
    assert caller_hears(centre) == ["play hold"]
    await seat.until(lambda s: s["seat"]["reason"] == "wrap-up" and s["call"] is None)
    await other.until(lambda s: s["waiting"])
    place = other.state["waiting"][0]  # type: ignore[index]
    assert (place["slot"], place["call_id"], place["seat_id"]) == (1, call_id, "M1")
    assert other.state["queue"] == []
    assert other.state["offer"] is None
    await other.ask("pick_up", call_id=call_id)
    assert caller_hears(centre) == ["webrtc seat"]
    await other.until(lambda s: s["waiting"] == [] and s["call"]["call_id"] == call_id)
    await seat.leave()
    await other.leave()


async def test_places_are_numbered_from_one_and_used_again(centre: Bench) -> None:
    """Two digits are called across the room; they stay small."""
    first, _, first_id = await talking(centre, "M1")
    second, _, _ = await talking(centre, "M2")
    assert await first.ask("park") == {"slot": 1}
    assert await second.ask("park") == {"slot": 2}
    await first.ask("take_back", call_id=first_id)
    assert (await centre.told("call-answered", 3)).body["how"] == "taken-back"
    assert await first.ask("park") == {"slot": 1}
    with pytest.raises(rpc.Failure) as caught:
        await first.ask("park")
    assert caught.value.code == "no-live-call"
    await first.leave()
    await second.leave()


async def test_a_call_parked_too_long_rings_at_the_parker_then_at_anybody(centre: Bench) -> None:
    """A parked call that everybody forgot must not wait for ever."""
    seat, call, call_id = await talking(centre)
    await seat.ask("park")
    assert await seat.offered() == call_id
    assert (await centre.told("call-requeued")).body["reason"] == "park-over"
    await centre.told("offer-missed")
    other = await seated(centre, "M2")
    assert await other.offered() == call_id
    await other.ask("answer", call_id=call_id)
    assert not call.ended.is_set()
    await seat.leave()
    await other.leave()


async def test_a_parker_who_has_another_call_is_not_waited_for(centre: Bench) -> None:
    """The ring goes to the head of the queue at once."""
    seat, _, call_id = await talking(centre)
    await seat.ask("park")
    await seat.ask("ready")
    await centre.call("<sip:+620002@127.0.0.1>")
    await seat.ask("answer", call_id=await seat.offered())
    await centre.told("call-requeued")
    other = await seated(centre, "M2")
    assert await other.offered() == call_id
    await seat.leave()
    await other.leave()


async def test_a_parked_caller_who_hangs_up_ends_the_call(centre: Bench) -> None:
    """One outcome; the place is free."""
    seat, call, _ = await talking(centre)
    await seat.ask("park")
    call.hang_up()
    ended = await centre.told("call-ended")
    assert (ended.body["outcome"], ended.body["by"]) == ("answered", "caller")
    await seat.until(lambda s: s["waiting"] == [])
    await until(lambda: not list((centre.folder / "data/journal/calls").iterdir()))
    await seat.leave()


async def test_a_parked_call_outlives_a_killed_switch(centre: Bench) -> None:
    """Given a parked call; when the switch is killed; then it is still in its place, with the hold
    prompt, and rings when its time is over."""
    seat, call, call_id = await talking(centre)
    await seat.ask("park")
    await centre.restart()
    assert caller_hears(centre) == ["play hold"]
    again = Browser(centre, "M1", "op-M1")
    await again.sit(ready=False)
    assert again.state["waiting"][0]["slot"] == 1 or await centre.told("call-requeued")  # type: ignore[index]
    assert await again.offered() == call_id
    await again.ask("answer", call_id=call_id)
    assert caller_hears(centre) == ["webrtc seat"]
    assert not call.ended.is_set()
    await again.leave()
