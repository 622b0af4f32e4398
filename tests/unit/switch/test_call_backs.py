"""Calls of ours: who could not be answered is called back, and each ends in exactly one fact."""

import asyncio
import contextlib
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from switch_bench import Bench, Browser, bench, phone_seat, until

from tahuri.telephony import rpc
from tahuri.telephony.sip import sdp
from tahuri.telephony.sip.digest import Account
from tahuri.telephony.sip.phone import Phone, PhoneCall
from tahuri.telephony.switch.control import parties
from tahuri.telephony.switch.control.outgoing import reason_of

NUMBER = "+620001"
ANSWER = sdp.offer("127.0.0.1", 41000, 1)


class Town:
    """The far end of the trunk: rings, and then does what it is told."""

    def __init__(self) -> None:
        self.calls: asyncio.Queue[PhoneCall] = asyncio.Queue()
        self.phone = Phone(None, self.calls.put_nowait)

    @property
    def host(self) -> str:
        return f"127.0.0.1:{self.phone.agent.identity.udp_port}"

    async def rings(self) -> PhoneCall:
        async with asyncio.timeout(5):
            call = await self.calls.get()
        call.ring()
        return call


def accept(call: PhoneCall) -> None:
    assert call.session is not None
    call.accept(sdp.answer(sdp.parse(call.session), "127.0.0.1", 41000, 1))


@pytest.fixture
async def town() -> AsyncIterator[Town]:
    one = Town()
    await one.phone.start(user="town")
    yield one
    await one.phone.stop()


@pytest.fixture
async def centre(tmp_path: Path, town: Town) -> AsyncIterator[Bench]:
    """A switch whose trunk takes calls; offers last long enough to be accepted."""
    trunk = {
        "name": "telco",
        "sources": ["127.0.0.1/32"],
        "host": town.host,
        "default_out": True,
        "caller_id": "+62911112",
    }
    async with bench(
        tmp_path, trunks=[trunk], seats=[phone_seat("S1")], offer_s=5, seat_vanish_s=5
    ) as one:
        yield one


@contextlib.asynccontextmanager
async def seated(centre: Bench, seat_id: str = "M1", ready: bool = True) -> AsyncIterator[Browser]:
    seat = Browser(centre, seat_id, f"op-{seat_id}")
    await seat.sit(ready)
    yield seat
    await seat.leave()


async def call_back(centre: Bench, seat_id: str = "M1", item: str = "B1", **more: object) -> str:
    asked = {
        "seat_id": seat_id,
        "operator_id": f"op-{seat_id}",
        "callback_id": item,
        "number": NUMBER,
        **more,
    }
    answer = await centre.switch.answer("call_back", asked)
    assert isinstance(answer, dict)
    return str(answer["call_id"])


async def offer(centre: Bench, item: str = "B1") -> str | None:
    asked = {"callback_id": item, "number": NUMBER}
    answer = await centre.switch.answer("offer_call_back", asked)
    assert isinstance(answer, dict)
    return answer["call_id"]


def ends(centre: Bench, call_id: str) -> list[dict[str, object]]:
    """Terminal facts of a call; one told twice under one id counts once."""
    facts = {fact.id: fact for fact in centre.facts() if fact.stream == f"call/{call_id}"}
    return [fact.body for fact in facts.values() if fact.type == "calls.call-ended"]


async def ended(centre: Bench, call_id: str, **body: object) -> None:
    """Exactly one end, with these values, and nothing left behind."""
    await until(lambda: ends(centre, call_id))
    await until(lambda: call_id not in centre.switch.core.calls)
    assert len(ends(centre, call_id)) == 1
    told = ends(centre, call_id)[0]
    assert {name: told.get(name) for name in body} == body
    await until(lambda: not list((centre.folder / "data/journal/calls").iterdir()))
    await until(lambda: centre.media.recordings == {})
    await until(lambda: not [kind for kind, _ in centre.media.ports.values() if kind == "rtp"])


async def test_a_caller_is_called_back_with_the_trunks_number(centre: Bench, town: Town) -> None:
    """Given a ready seat; when it calls an item's number; then the town's phone shows the trunk's
    number, the recording ran before the INVITE, and the two hear each other as in any call."""
    async with seated(centre) as seat:
        call_id = await call_back(centre)
        far = await town.rings()
        assert far.request is not None
        assert "+62911112@" in (far.request.get("p-asserted-identity") or "")
        assert "+62911112@" in (far.request.get("from") or "")
        assert far.request.uri == f"sip:{NUMBER}@{town.host}"
        assert centre.media.recordings
        await until(lambda: seat.state["call"] and seat.state["call"]["state"] == "ringing")
        own = centre.media.port("seat M1")
        await until(lambda: centre.media.hears(own) == ["play tone"])
        with pytest.raises(rpc.Failure, match="no-live-call"):
            await seat.ask("hold")
        accept(far)
        await until(lambda: seat.state["call"] and seat.state["call"]["state"] == "live")
        await until(lambda: centre.media.hears(own) == ["rtp called"])
        assert centre.media.hears(centre.media.port("called")) == ["webrtc seat"]
        await seat.ask("hold")
        await until(lambda: centre.media.hears(centre.media.port("called")) == ["play hold"])
        far.hang_up()
        await ended(centre, call_id, outcome="answered", by="caller", reason="hung-up")
        await until(lambda: seat.state["seat"]["reason"] == "wrap-up")
        assert centre.types()[-12:].count("call-placed") == 1
        kinds = [f.type for f in centre.facts() if f.stream == f"call/{call_id}"]
        assert kinds.index("calls.recording-started") < kinds.index("calls.call-placed")
        begun = next(f for f in centre.facts() if f.type == "calls.call-back-begun")
        assert begun.personal["caller"]["number"] == NUMBER
        assert NUMBER not in str(begun.body)


@pytest.mark.parametrize(
    ("status", "reason"),
    [
        (486, "busy"),
        (480, "no-answer"),
        (603, "declined"),
        (404, "wrong-number"),
        (302, "redirected"),
        (500, "failed"),
    ],
)
async def test_whoever_is_not_reached_is_told_with_the_reason(
    centre: Bench, town: Town, status: int, reason: str
) -> None:
    """Whether to try again hangs on why nobody answered; a redirection is never followed."""
    assert reason_of(status) == reason
    async with seated(centre) as seat:
        call_id = await call_back(centre)
        (await town.rings()).reject(status)
        await ended(centre, call_id, outcome="not-reached", reason=reason, status=status)
        await until(lambda: seat.state["seat"]["reason"] == "wrap-up")
        again = await call_back(centre)  # a seat that writes up may try again at once
        assert again != call_id
        await seat.ask("hang_up")
        await ended(centre, again, outcome="not-reached", by="seat", reason="hung-up")


async def test_the_network_of_the_called_is_heard_before_they_answer(
    centre: Bench, town: Town
) -> None:
    """Given a call-back; when the network sends sound with 183 (an announcement, a ring-back of its
    own); then the seat hears that instead of our tone, and the far end hears nobody yet."""
    async with seated(centre) as seat:
        call_id = await call_back(centre)
        far = await town.rings()
        own = centre.media.port("seat M1")
        await until(lambda: centre.media.hears(own) == ["play tone"])
        assert far.session is not None
        session = sdp.answer(sdp.parse(far.session), "127.0.0.1", 41000, 1)
        far.ring(session)
        await until(lambda: centre.media.hears(own) == ["rtp called"])
        assert centre.media.hears(centre.media.port("called")) == []
        told = [f.type for f in centre.facts() if f.stream == f"call/{call_id}"]
        assert told.count("calls.call-ringing") == 1
        far.accept(session)
        await until(lambda: seat.state["call"] and seat.state["call"]["state"] == "live")
        assert centre.media.hears(centre.media.port("called")) == ["webrtc seat"]
        far.hang_up()
        await ended(centre, call_id, outcome="answered", by="caller")


async def test_a_trunk_that_is_down_is_passed_over(tmp_path: Path, town: Town) -> None:
    """Given a usual trunk that is down; when somebody is called back; then by the other trunk; and
    when that is down as well, the usual one is tried: nobody is left uncalled on a suspicion."""
    usual = {"name": "usual", "sources": ["127.0.0.2/32"], "host": "127.0.0.2:9"}
    usual |= {"default_out": True, "options_every_s": 0}
    other = {"name": "other", "sources": ["127.0.0.1/32"], "host": town.host}
    other |= {"options_every_s": 0}
    async with bench(tmp_path, trunks=[usual, other]) as centre, seated(centre):
        centre.switch.core.trunks["usual"].state = "down"
        call_id = await call_back(centre)
        far = await town.rings()
        assert centre.switch.core.calls[call_id].trunk == "other"
        assert parties.destination(centre.switch.core, "110")[1].host == "127.0.0.1"
        far.reject(486)
        await ended(centre, call_id, reason="busy")
        centre.switch.core.trunks["other"].state = "down"
        call_id = await call_back(centre, item="B2")
        assert centre.switch.core.calls[call_id].trunk == "usual"
        assert parties.destination(centre.switch.core, "110")[1].host == "127.0.0.2"


async def test_a_phone_that_rings_on_is_given_up(tmp_path: Path, town: Town) -> None:
    """The seat is needed for others: after ``call_back_ring_s`` our INVITE is cancelled."""
    trunks = [{"name": "telco", "sources": ["127.0.0.1/32"], "host": town.host}]
    async with bench(tmp_path, trunks=trunks, call_back_ring_s=0.4) as centre, seated(centre):
        call_id = await call_back(centre)
        far = await town.rings()
        await ended(centre, call_id, outcome="not-reached", by="caller", reason="no-answer")
        assert await far.wait_ended(5) == "cancelled"


async def test_one_item_is_called_by_one_seat_at_a_time(centre: Bench, town: Town) -> None:
    """A caller must not be rung twice at once; the same seat asking again changes nothing."""
    async with seated(centre), seated(centre, "M2"):
        call_id = await call_back(centre)
        assert await call_back(centre) == call_id
        with pytest.raises(rpc.Failure, match="callback-not-possible"):
            await call_back(centre, "M2")
        await town.rings()
        assert town.calls.empty()


async def test_what_cannot_be_called_is_refused_at_once(centre: Bench) -> None:
    """Not ready, nobody there, no number, no such trunk: a code, and no call left behind."""
    async with seated(centre, ready=False) as seat:
        with pytest.raises(rpc.Failure, match="seat-not-signed-on"):
            await call_back(centre, "M9")
        with pytest.raises(rpc.Failure, match="seat-busy"):
            await call_back(centre)
        await seat.ask("ready")
        for more in ({"number": "anonymous"}, {"trunk": "satellite"}):
            with pytest.raises(rpc.Failure, match="bad-address"):
                await call_back(centre, **more)
        with pytest.raises(rpc.Failure, match="bad-request"):
            await centre.switch.answer("offer_call_back", {"callback_id": "B1"})
    assert centre.switch.core.calls == {}


async def test_a_free_seat_is_offered_the_first_call_back(centre: Bench, town: Town) -> None:
    """Given a ready person and nobody in the queue; when an item is offered; then it rings there
    marked as what it is, and accepting places the call."""
    assert await offer(centre) is None  # nobody sits there
    async with seated(centre) as seat:
        call_id = await offer(centre)
        assert await offer(centre) == call_id
        assert await seat.offered() == call_id
        assert seat.state["offer"]["direction"] == "out"
        assert seat.state["offer"]["callback_id"] == "B1"
        assert town.calls.empty()
        await seat.ask("answer", call_id=call_id)
        accept(await town.rings())
        await until(lambda: seat.state["call"] and seat.state["call"]["state"] == "live")
        placed = await centre.told("call-placed")
        assert placed.body["automatic"] is True
        await seat.ask("hang_up")
        await ended(centre, str(call_id), outcome="answered", by="seat")


async def test_who_rings_in_goes_before_whom_we_would_call(centre: Bench) -> None:
    """Given one ready seat with a call-back ringing; when somebody calls 112; then the call-back
    is taken back and the caller rings at once, without waiting for the offer to be missed."""
    async with seated(centre) as seat:
        proposed = await offer(centre)
        assert await seat.offered() == proposed
        caller = await centre.call()
        await until(lambda: seat.state["offer"] and seat.state["offer"]["call_id"] != proposed)
        assert seat.state["offer"]["direction"] == "in"
        assert await offer(centre, "B2") is None
        told = ends(centre, str(proposed))
        assert [one["reason"] for one in told] == ["queue-first"]
        caller.hang_up()
        await ended(centre, str(proposed), outcome="not-reached", by="failure")


async def test_an_offer_that_nobody_takes_ends(centre: Bench) -> None:
    """A call-back that nobody accepts never hangs over the room; the item stays for people."""
    async with seated(centre) as seat:
        call_id = await offer(centre)
        await seat.offered()
        await seat.ask("not_ready", reason="break")
        await ended(centre, str(call_id), outcome="not-reached", reason="not-taken")
        assert "call-placed" not in centre.types()


async def test_a_phone_seat_picks_up_and_then_the_town_rings(centre: Bench, town: Town) -> None:
    """A SIP phone has no line until it is picked up; hanging it up gives the call-back up."""
    desk: asyncio.Queue[PhoneCall] = asyncio.Queue()
    phone = Phone(Account("s1", "secret-S1"), desk.put_nowait)
    await phone.start(user="s1")
    assert await phone.register(centre.flow) == 200
    try:
        call_id = await call_back(centre, "S1")
        async with asyncio.timeout(5):
            ringing = await desk.get()
        assert NUMBER in (ringing.leg.remote or "")
        assert town.calls.empty()
        accept(ringing)
        far = await town.rings()
        await centre.told("call-ringing")
        ringing.hang_up()
        await ended(centre, call_id, outcome="not-reached", by="seat", reason="hung-up")
        assert await far.wait_ended(5) == "cancelled"
        again = await call_back(centre, "S1")
        async with asyncio.timeout(5):
            accept(await desk.get())
        accept(await town.rings())
        await centre.told("call-answered")
        await centre.switch.answer("hang_up", {"seat_id": "S1", "operator_id": "op-S1"})
        await ended(centre, again, outcome="answered", by="seat")
    finally:
        await phone.stop()


@pytest.mark.parametrize("phase", ["proposed", "calling", "ringing", "live"])
async def test_a_switch_killed_in_any_phase_of_a_call_back_tells_one_outcome(
    centre: Bench, town: Town, phase: str
) -> None:
    """Given a call-back in that phase; when the switch is killed; then the next one cancels what
    rings and tells one end, or takes the conversation up."""
    seat = Browser(centre, "M1", "op-M1")
    await seat.sit()
    far = None
    if phase == "proposed":
        call_id = str(await offer(centre))
        await seat.offered()
    else:
        call_id = await call_back(centre)
        async with asyncio.timeout(5):
            far = await town.calls.get()
    if far is not None and phase in ("ringing", "live"):
        far.ring()
        await centre.told("call-ringing")
    if far is not None and phase == "live":
        accept(far)
        await centre.told("call-answered")
    await centre.restart()
    if far is None or phase != "live":
        await ended(centre, call_id, outcome="not-reached", by="failure", reason="switch-restarted")
        if far is not None:
            assert await far.wait_ended(5) == "cancelled"
        return
    assert ends(centre, call_id) == []
    far.hang_up()
    await ended(centre, call_id, outcome="answered", by="caller", reason="hung-up")


async def test_a_200_that_crosses_our_giving_up_is_hung_up(centre: Bench, town: Town) -> None:
    """Somebody who picks up in the last moment is not left on a dead line."""
    async with seated(centre) as seat:
        call_id = await call_back(centre)
        async with asyncio.timeout(5):
            far = await town.calls.get()
        await seat.ask("hang_up")  # no provisional answer yet: CANCEL has to wait
        accept(far)
        assert await far.wait_ended(5) in ("hung-up", "cancelled")
        await ended(centre, call_id, outcome="not-reached", by="seat")


async def test_a_seat_that_vanishes_while_it_calls_gives_up(tmp_path: Path, town: Town) -> None:
    """Nobody may pick up to silence: without its seat the call is cancelled, the item stays."""
    trunks = [{"name": "telco", "sources": ["127.0.0.1/32"], "host": town.host}]
    async with bench(tmp_path, trunks=trunks, seat_vanish_s=0.3) as centre:
        seat = Browser(centre, "M1", "op-M1")
        await seat.sit()
        call_id = await call_back(centre)
        far = await town.rings()
        await seat.leave()
        await ended(centre, call_id, outcome="not-reached", by="failure", reason="seat-vanished")
        assert await far.wait_ended(5) == "cancelled"


async def test_a_page_that_is_loaded_anew_while_we_call_hears_the_ringing_again(
    centre: Bench, town: Town
) -> None:
    """Given a seat that calls somebody back; when its page is loaded anew; then it hears the tone
    as before: in silence the operator would give up."""
    async with seated(centre) as seat:
        call_id = await call_back(centre)
        ring = await town.rings()
        await until(lambda: centre.media.hears(centre.media.port("seat")) == ["play tone"])
        await seat.ask("webrtc", sdp="offer")
        await until(lambda: centre.media.hears(centre.media.port("seat")) == ["play tone"])
        accept(ring)
        await centre.told("call-answered")
        ring.hang_up()
        await ended(centre, call_id, outcome="answered")
