"""An agency's desk in the browser: it takes part when a rule or the call's own agency says so."""

from pathlib import Path

import pytest
from switch_bench import Bench, Browser, bench, until

from tahuri.telephony import rpc
from tahuri.telephony.token import Skills

FIRE = Skills(desk="agency-desk", agency_id="DAMKAR", languages=["id"])
RULES = [{"after_s": 0.6, "to": "agency-desks"}]


def numbers(seat: Browser) -> list[str | None]:
    """Of the waiting callers that the seat is shown."""
    return [entry["number"] for entry in seat.state["queue"]]  # type: ignore[index]


def waiting(one: Bench) -> str:
    """Id of the one call that waits."""
    return next(call_id for call_id, call in one.switch.core.calls.items())


async def test_a_desk_is_rung_when_the_rule_says_so_and_answers_through_a_kill(
    tmp_path: Path,
) -> None:
    """When every call taker talks, the fire station's liaison picks up.

    Given a desk in the browser and a rule; when a call has waited; then it rings there, not
    before; a killed switch knows desk and rule; the desk answers, both hear each other, and a
    second kill leaves them talking.
    """
    async with bench(tmp_path, offer_s=5, seat_vanish_s=20, overflow=RULES) as one:
        desk = Browser(one, "D1", "fire", "agency_desk", skills=FIRE)
        await desk.sit()
        await one.call()
        await one.told("call-queued")
        assert desk.state["offer"] is None
        call_id = await desk.offered()
        types = one.types()
        assert types.index("call-overflowed") < types.index("call-offered")
        assert (await one.told("call-overflowed")).body["to"] == "agency-desks"
        await desk.leave()
        await one.restart()
        kept = one.switch.core.seats["D1"]
        assert (kept.desk, kept.agency_id) == ("agency-desk", "DAMKAR")
        again = Browser(one, "D1", "fire", "agency_desk", skills=FIRE)
        await again.sit(ready=False)
        if again.state["seat"]["state"] == "not_ready":
            await again.ask("ready")
        assert await again.offered() == call_id
        await again.ask("answer", call_id=call_id)
        assert (await one.told("call-answered")).body["seat_id"] == "D1"
        assert one.media.hears(one.media.port("caller")) == ["webrtc seat"]
        await again.leave()
        await one.restart()
        last = Browser(one, "D1", "fire", "agency_desk", skills=FIRE)
        await last.sit(ready=False)
        assert last.state["call"]["call_id"] == call_id
        assert one.media.hears(one.media.port("caller")) == ["webrtc seat"]
        await last.ask("hang_up")
        ended = await one.told("call-ended")
        assert (ended.body["outcome"], ended.actor) == ("answered", "fire")
        assert one.types().count("call-answered") == 1
        await last.leave()


async def test_a_call_for_its_agency_rings_at_the_desk_at_once(tmp_path: Path) -> None:
    """Given the brigade's old number, a call taker and the brigade's desk; then its calls ring at
    the desk, though the call taker has been idle for longer, and no rule was needed."""
    called = [{"number": "113", "agency_id": "DAMKAR"}]
    async with bench(tmp_path, offer_s=5, called_numbers=called) as one:
        taker = Browser(one, "M1", "op1")
        await taker.sit()
        desk = Browser(one, "D1", "fire", "agency_desk", skills=FIRE)
        await desk.sit()
        await one.call(number="113")
        await desk.ask("answer", call_id=await desk.offered())
        await one.told("call-answered")
        assert "call-overflowed" not in one.types()
        assert taker.state["offer"] is None
        await one.call("<sip:+620002@127.0.0.1>")
        await taker.offered()  # an ordinary call stays with the call takers
        await taker.leave()
        await desk.leave()


async def test_a_desk_that_is_alone_is_not_rung_unasked_and_the_caller_waits_on(
    tmp_path: Path,
) -> None:
    """Given only a desk and no rule that lets it take part; then nothing rings there, it is shown
    no caller and may pick none up, by no way; a call taker who sits down gets the call."""
    async with bench(tmp_path, offer_s=5) as one:
        desk = Browser(one, "D1", "fire", "agency_desk", skills=FIRE)
        await desk.sit()
        await one.call()
        await one.told("call-queued")
        with pytest.raises(rpc.Failure) as caught:
            await desk.ask("pick_up", call_id=waiting(one))
        assert caught.value.code == "call-not-offered"
        with pytest.raises(rpc.Failure):
            await desk.ask("answer", call_id=waiting(one))
        assert numbers(desk) == []
        assert desk.state["offer"] is None
        taker = Browser(one, "M1", "op1")
        await taker.sit()
        await taker.ask("answer", call_id=await taker.offered())
        await one.told("call-answered")
        await desk.leave()
        await taker.leave()


async def test_a_desk_is_shown_what_it_may_take_and_may_pick_it_up(tmp_path: Path) -> None:
    """Given a desk that is not ready; when a call overflows to the desks; then it is shown the
    caller, as the call taker is all the while, and may pick the call up."""
    async with bench(tmp_path, offer_s=5, overflow=RULES) as one:
        desk = Browser(one, "D1", "fire", "agency_desk", skills=FIRE)
        await desk.sit(ready=False)
        taker = Browser(one, "M1", "op1")
        await taker.sit(ready=False)
        await one.call()
        await until(lambda: numbers(taker) == ["+620001"])
        assert numbers(desk) == [] or "call-overflowed" in one.types()
        await until(lambda: numbers(desk) == ["+620001"])
        assert "call-overflowed" in one.types()
        await desk.ask("pick_up", call_id=waiting(one))
        assert (await one.told("call-answered")).body["how"] == "picked-up"
        await desk.leave()
        await taker.leave()


async def test_a_desk_parks_its_call_and_another_desk_does_not_see_it(tmp_path: Path) -> None:
    """Given a desk that parks its caller; then it sees the place and takes the caller back; the
    desk of another agency sees neither number nor place."""
    called = [{"number": "113", "agency_id": "DAMKAR"}]
    async with bench(tmp_path, offer_s=5, called_numbers=called) as one:
        desk = Browser(one, "D1", "fire", "agency_desk", skills=FIRE)
        await desk.sit()
        police = Skills(desk="agency-desk", agency_id="POLRESTA")
        other = Browser(one, "D2", "police", "agency_desk", skills=police)
        await other.sit(ready=False)
        await one.call(number="113")
        call_id = await desk.offered()
        await desk.ask("answer", call_id=call_id)
        await desk.ask("park")
        await until(lambda: desk.state["waiting"])
        assert not other.state["waiting"]
        with pytest.raises(rpc.Failure):
            await other.ask("pick_up", call_id=call_id)
        await desk.ask("take_back", call_id=call_id)
        await until(lambda: one.media.hears(one.media.port("caller")) == ["webrtc seat"])
        await desk.leave()
        await other.leave()


async def test_a_call_taker_sends_a_call_to_a_desk(tmp_path: Path) -> None:
    """A warm hand is no overflow: whom a person chooses is rung, whatever the rules say."""
    async with bench(tmp_path, offer_s=5) as one:
        desk = Browser(one, "D1", "fire", "agency_desk", skills=FIRE)
        await desk.sit()
        taker = Browser(one, "M1", "op1")
        await taker.sit()
        await one.call()
        call_id = await taker.offered()
        await taker.ask("answer", call_id=call_id)
        await taker.ask("transfer", to_seat_id="D1")
        assert await desk.offered() == call_id
        await desk.ask("answer", call_id=call_id)
        await one.told("transfer-completed")
        await desk.leave()
        await taker.leave()
