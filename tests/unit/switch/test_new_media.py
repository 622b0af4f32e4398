"""Media is killed under calls whose far ends do not follow at once, or not at all."""

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from switch_bench import ADDRESS, Bench, Browser, bench, phone_seat, until
from telephones import Telephone

from tahuri.telephony.sip import sdp
from tahuri.telephony.sip.phone import PhoneCall
from tahuri.telephony.switch.quality import mediapulse
from tahuri.telephony.switch.recovery import newmedia

OFFER = sdp.offer(ADDRESS, 40000, 1)


@pytest.fixture
async def centre(tmp_path: Path) -> AsyncIterator[Bench]:
    async with bench(tmp_path, seats=[phone_seat("S1")], offer_s=5) as one:
        yield one


def following(call: PhoneCall) -> list[bytes | None]:
    """The call goes along with new sessions; those that came."""
    came: list[bytes | None] = []

    def taken(session: bytes | None) -> bytes:
        came.append(session)
        return sdp.answer(sdp.parse(session or OFFER), ADDRESS, 40000, 2)

    call.on_reoffer = taken
    return came


async def test_a_caller_who_cannot_follow_now_is_asked_again(centre: Bench) -> None:
    """Given a caller whose network changes the session itself (491); when media is killed; then the
    new session is offered until it is taken, and the call has its sound: nobody sits in silence."""
    seat = Browser(centre, "M1", "op1")
    await seat.sit()
    call = await centre.call()
    await seat.ask("answer", call_id=await seat.offered())
    came = following(call)
    call.leg.offering = True  # as if a re-INVITE of its own were under way
    await centre.kill_media()
    [ours] = centre.switch.core.calls.values()
    await until(lambda: ours.leg.owed)
    call.leg.offering = False
    await until(lambda: came)
    await until(lambda: ours.leg.session.encode() == came[-1] and not ours.leg.offering)
    assert b"m=audio %d " % ours.audio.udp in (came[-1] or b"")
    assert "call-ended" not in centre.types()
    await seat.leave()


async def test_a_session_that_comes_while_media_is_away_is_answered_as_it_is(
    centre: Bench,
) -> None:
    """A caller who moves into another network in that moment must be heard there.

    Given media that is away; when a caller's session names another address, and a picture besides;
    then the answer is to that session, and the next media speaks to that address.
    """
    call = await centre.call()
    core = centre.switch.core
    [ours] = core.calls.values()
    await centre.media.server.stop()
    await until(lambda: not core.media.connected)
    call.reoffer(sdp.offer("127.0.0.9", 40010, 3) + b"m=video 40012 RTP/AVP 96\r\n")
    async with asyncio.timeout(5):
        assert await call.reanswered.get() == 200
    assert (call.session or b"").count(b"m=") == 2
    call.leg.offering = True  # it takes no new session of ours for now
    centre.media.remotes.clear()
    await centre.kill_media()
    await until(lambda: centre.media.remotes.get(ours.audio.port) == "127.0.0.9")


@pytest.mark.parametrize("connection", ["stood", "was lost"])
async def test_media_that_was_silent_is_told_where_a_caller_went(
    centre: Bench, connection: str
) -> None:
    """Given media that could not be told where a caller listens now; when it answers again, over a
    new connection or over the old one; then it is told, and its ports are what they were."""
    call = await centre.call()
    core, media = centre.switch.core, centre.media
    [ours] = core.calls.values()
    await until(lambda: media.remotes.get(ours.audio.port) == ADDRESS)
    await media.server.stop()
    await until(lambda: not core.media.connected)
    call.reoffer(sdp.offer("127.0.0.9", 40010, 3))
    async with asyncio.timeout(5):
        assert await call.reanswered.get() == 200
    port = ours.audio.port
    if connection == "stood":
        ours.audio.untold = False
    await media.server.start()
    await until(lambda: core.media_ready and core.media.connected)
    if connection == "stood":
        assert media.remotes[port] == ADDRESS
        ours.audio.untold = True  # as if its question had had no answer in time
        await mediapulse.look(core)
    await until(lambda: media.remotes[port] == "127.0.0.9")
    await until(lambda: not ours.audio.untold)
    assert ours.audio.port == port


async def test_media_that_dies_twice_is_followed_to_the_last(centre: Bench) -> None:
    """Given media that is killed again before the caller has answered the first new session; then
    the caller is told of the last one."""
    call = await centre.call()
    came = following(call)
    call.leg.offering = True
    await centre.kill_media()
    await centre.kill_media()
    call.leg.offering = False
    [ours] = centre.switch.core.calls.values()
    await until(lambda: came and b"m=audio %d " % ours.audio.udp in (came[-1] or b""))
    await until(lambda: not ours.leg.owed)
    assert not call.ended.is_set()


async def test_a_seats_phone_that_cannot_follow_costs_no_caller(
    centre: Bench, desk: Telephone
) -> None:
    """Given a seat's phone that refuses a new session (488); when media is killed; then the caller
    does not talk into nothing: they are at the head of the queue."""
    phone, rings = desk.phone, desk.rings
    assert await phone.register(centre.flow) == 200
    call = await centre.call()
    following(call)
    await until(lambda: rings)
    rings[0].accept(OFFER)
    await centre.told("call-answered")
    await centre.kill_media()
    assert (await centre.told("call-requeued")).body["seat_id"] == "S1"
    assert await rings[0].wait_ended(5) == "hung-up"
    assert not call.ended.is_set()


async def test_a_party_that_cannot_follow_is_off_and_the_seat_sees_why(
    centre: Bench, desk: Telephone
) -> None:
    """Given a party that refuses a new session; when media is killed; then it is off the call, and
    seat and caller talk on."""
    phone, rings = desk.phone, desk.rings
    seat = Browser(centre, "M1", "op1")
    await seat.sit()
    call = await centre.call()
    following(call)
    await seat.ask("answer", call_id=await seat.offered())
    await seat.ask("add_party", address=f"sip:rs@{ADDRESS}:{phone.agent.identity.udp_port}")
    await until(lambda: rings)
    rings[0].accept(OFFER)
    await centre.told("party-joined")
    await centre.kill_media()
    left = await centre.told("party-left")
    assert (left.body["reason"], left.body["status"]) == ("failed", 488)
    await seat.until(lambda state: [one["status"] for one in state["call"]["gone"]] == [488])
    assert not call.ended.is_set()
    await seat.leave()


async def test_what_is_opened_before_media_is_greeted_is_kept_and_nothing_leaks(
    centre: Bench, desk: Telephone
) -> None:
    """Given media that is killed and comes back; when a party is called before the switch has asked
    the new one what it holds; then the party is heard, and no port is left over."""
    phone, rings = desk.phone, desk.rings
    seat = Browser(centre, "M1", "op1")
    await seat.sit()
    following(await centre.call())
    await seat.ask("answer", call_id=await seat.offered())
    centre.media.stalls.add("hello")
    await centre.start_new_media()
    core, media = centre.switch.core, centre.media
    await until(lambda: core.media.connected)
    await seat.ask("add_party", address=f"sip:rs@{ADDRESS}:{phone.agent.identity.udp_port}")
    await until(lambda: rings)
    media.stalls.clear()
    await until(lambda: core.media_ready and core.media_instance == media.instance)
    rings[0].accept(OFFER)
    await centre.told("party-joined")
    await until(lambda: media.ports.keys() == newmedia.known_ports(core))
    await until(lambda: media.hears(media.port("caller")) == ["rtp party"])
    await seat.leave()
