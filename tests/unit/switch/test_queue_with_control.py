"""The queue's rules beside transfers, parking, supervision and the slow lane."""

import asyncio
from pathlib import Path

import pytest
from switch_bench import Browser, bench, until
from telephones import Telephone

from tahuri.telephony.sip import sdp
from tahuri.telephony.switch.queue import overflow

OFFER = sdp.offer("127.0.0.1", 40000, 1)


async def test_a_parked_call_does_not_overflow(tmp_path: Path, station: Telephone) -> None:
    """Who is parked waits for somebody: no stranger takes the caller meanwhile.

    Given a rule that is due at once; when a call is parked longer than that; then nobody is called;
    and when nobody picks it up, its wait for the rule begins.
    """
    rules = [{"after_s": 1, "to": "number", "address": station.address}]
    async with bench(tmp_path, offer_s=30, park_s=3, overflow=rules) as one:
        seat = Browser(one, "M1", "op1")
        await seat.sit()
        await one.call()
        await seat.ask("answer", call_id=await seat.offered())
        await seat.ask("park")
        await seat.leave()  # nobody is there when the place is given up
        assert (await one.told("call-overflowed")).body["to"] == "number"
        types = one.types()
        assert types.count("call-overflowed") == 1
        assert types.index("call-requeued") < types.index("call-overflowed")


async def test_a_call_that_a_supervisor_took_from_outside_is_the_supervisors(
    tmp_path: Path, station: Telephone, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Given a call that the number outside has; when a supervisor takes it over and the far side
    hangs up; then the caller still talks with the supervisor."""
    monkeypatch.setattr(overflow, "TALK_S_MIN", 0.0)
    rules = [{"after_s": 0.2, "to": "number", "address": station.address}]
    async with bench(tmp_path, overflow=rules) as one:
        call = await one.call()
        await until(lambda: station.rings)
        station.rings[0].accept(OFFER)
        call_id = (await one.told("overflow-answered")).stream.removeprefix("call/")
        watching = Browser(one, "V1", "op-V1", "supervisor")
        await watching.sit()
        await watching.ask("take_over", call_id=call_id)
        station.rings[0].hang_up()
        assert (await one.told("party-left")).body["reason"] == "hung-up"
        await until(lambda: one.media.hears(one.media.port("caller")) == ["webrtc seat"])
        assert "call-ended" not in one.types()
        assert not call.ended.is_set()
        await watching.leave()


async def test_a_call_for_one_seat_rings_there_alone_also_where_all_ring(tmp_path: Path) -> None:
    """Given ring-all; when a seat sends its call on to another; then the third does not ring."""
    async with bench(tmp_path, offer_s=30, distribution="ring-all") as one:
        seats = [Browser(one, f"M{n}", f"op{n}") for n in (1, 2, 3)]
        for seat in seats:
            await seat.sit()
        await one.call()
        call_id = await seats[0].offered()
        await seats[2].offered()
        await seats[0].ask("answer", call_id=call_id)
        await seats[1].until(lambda s: s["seat"]["state"] == "ready")
        await seats[0].ask("transfer", to_seat_id="M2")
        assert await seats[1].offered() == call_id
        await asyncio.sleep(0.5)  # two looks of the clock
        assert seats[2].state["offer"] is None
        await seats[1].ask("answer", call_id=call_id)
        assert (await one.told("transfer-completed")).body["to_seat_id"] == "M2"
        for seat in seats:
            await seat.leave()
