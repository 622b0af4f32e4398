"""Killed processes, vanished seats, refused calls: what an emergency call must survive."""

import asyncio
import os
from collections.abc import AsyncIterator
from pathlib import Path
from signal import SIGKILL

import pytest
from centre import (
    CALLER_HZ,
    PARTY_HZ,
    SEAT_HZ,
    TONE_HZ,
    Centre,
    SeatClient,
    person,
    phone_seat,
    seated,
    until,
)

from tahuri.telephony import rpc
from tahuri.telephony.sip import sdp
from tahuri.telephony.sip.body import Part, multipart
from tahuri.telephony.sip.digest import Account
from tahuri.telephony.sip.phone import CallFailed

SEATS = [
    phone_seat("S1"),
    phone_seat("S2"),
    phone_seat("R1", robot=True),
]
PIDF = b"""<?xml version="1.0" encoding="UTF-8"?>
<presence xmlns="urn:ietf:params:xml:ns:pidf" entity="pres:caller@example.invalid"
 xmlns:gp="urn:ietf:params:xml:ns:pidf:geopriv10" xmlns:gml="http://www.opengis.net/gml"
 xmlns:gs="http://www.opengis.net/pidflo/1.0">
 <tuple id="a"><status><gp:geopriv><gp:location-info>
  <gs:Circle srsName="urn:ogc:def:crs:EPSG::4326"><gml:pos>-3.6954 128.1814</gml:pos>
   <gs:radius uom="urn:ogc:def:uom:EPSG::9001">35</gs:radius></gs:Circle>
 </gp:location-info><gp:method>GPS</gp:method></gp:geopriv></status></tuple>
</presence>"""


@pytest.fixture
async def centre(tmp_path: Path) -> AsyncIterator[Centre]:
    """A centre with two phone seats and a robot."""
    async with Centre(tmp_path, seats=SEATS) as running:
        yield running


async def test_a_killed_switch_takes_its_calls_up_again(centre: Centre) -> None:
    """kill -9 in a live call with a second caller queued: sound goes on, both end properly."""
    async with (
        person(centre, CALLER_HZ) as caller,
        person(centre, PARTY_HZ) as second,
        seated(centre, "S1") as seat,
    ):
        call = await caller.dial()
        await seat.pick_up()
        waiting = await second.dial()
        await asyncio.gather(caller.hears(SEAT_HZ), second.hears(TONE_HZ))
        before = len(caller.end.packets)
        await centre.restart()
        assert len(caller.end.packets) > before, "the sound stopped with the switch"
        await asyncio.gather(caller.hears(SEAT_HZ), second.hears(TONE_HZ))
        state = await centre.state()
        assert [len(state["calls"]), len(state["queue"])] == [1, 1]  # type: ignore[arg-type]
        call.hang_up()
        assert seat.call is not None
        await seat.call.wait_ended(5)
        await centre.fact("call-ended", by="caller", outcome="answered")
        taken = await seat.pick_up()
        await second.hears(SEAT_HZ)
        taken.hang_up()
        await waiting.wait_ended(5)
        await centre.fact("recording-closed", count=2)
    kinds = await centre.types()
    assert kinds.count("call-arrived") == kinds.count("call-ended") == 2
    assert (await centre.media.client.hello()).recordings == []


async def test_killed_media_comes_back_into_the_call(centre: Centre) -> None:
    """New ports, told to both far ends by re-INVITE; the call and its outcome stay one."""
    async with person(centre, CALLER_HZ) as caller, seated(centre, "S1") as seat:
        call = await caller.dial()
        taken = await seat.pick_up()
        await caller.hears(SEAT_HZ)
        caller.follow()
        seat.follow()
        await centre.kill_media()
        await asyncio.gather(caller.hears(SEAT_HZ, within_s=12), seat.hears(CALLER_HZ, within_s=12))
        await centre.fact("recording-failed", fault="media-lost")
        await centre.fact("recording-started", count=2)
        call.hang_up()
        await taken.wait_ended(5)
        await centre.fact("recording-closed")
    assert (await centre.types()).count("call-ended") == 1


async def test_a_switch_killed_between_a_new_session_and_its_answer_loses_no_call(
    centre: Centre,
) -> None:
    """Media dies, and then the switch, before the caller's answer to the new session comes.

    Given that answer, sent to nobody; when the next switch is there; then it acknowledges the
    repeated answer (the caller's telephone would else hang up after 32 s), offers the session anew,
    and both hear each other.
    """
    async with person(centre, CALLER_HZ) as caller, seated(centre, "S1") as seat:
        call = await caller.dial()
        await seat.pick_up()
        await caller.hears(SEAT_HZ)
        caller.follow()
        seat.follow()
        follow, offers = call.on_reoffer, []

        def killing(session: bytes | None) -> bytes | None:
            offers.append(session)
            if len(offers) == 1:
                os.kill(centre.pid, SIGKILL)
            return follow(session)

        call.on_reoffer = killing
        await centre.kill_media()
        await until(lambda: offers, 10)
        await centre.stop(SIGKILL)
        await until(lambda: not centre.rpc.connected)
        await centre.start()
        await until(lambda: len(offers) >= 2 and call.leg.reoffer_key is None, 15)
        await asyncio.gather(caller.hears(SEAT_HZ), seat.hears(CALLER_HZ))
        call.hang_up()
        await centre.fact("call-ended", outcome="answered", by="caller")


async def test_a_call_whose_far_end_cannot_follow_killed_media_ends_as_failure(
    centre: Centre,
) -> None:
    """It cannot be heard any more; the caller has to be called back."""
    async with person(centre, CALLER_HZ) as caller:
        call = await caller.dial()
        await centre.fact("call-queued")
        await centre.kill_media()
        await call.wait_ended(12)
        await centre.fact("call-ended", outcome="abandoned", by="failure", reason="media-lost")


async def test_a_new_call_waits_for_media_and_is_refused_without_it(centre: Centre) -> None:
    """With media away for good the trunk must hear 503, and route elsewhere."""
    async with person(centre, CALLER_HZ) as caller:
        await centre.media.stop(SIGKILL)
        with pytest.raises(CallFailed) as caught:
            await caller.dial()
        assert caught.value.status == 503
        await centre.fact("call-refused", status=503, reason="media-unavailable")
        await centre.media.__aenter__()


async def test_a_seat_that_vanishes_gives_its_call_back(centre: Centre) -> None:
    """The browser's machine dies: the caller hears the tone and is offered to the next seat."""
    seat = SeatClient(centre, "M1", "op1")
    await seat.attach()
    with pytest.raises(rpc.Failure) as caught:
        await seat.ask("ready")
    assert caught.value.code == "media-unavailable"
    await seat.close()
    await centre.fact("seat-vanished", within_s=6)


async def test_another_browser_supersedes_the_first(centre: Centre) -> None:
    """A reload must not fight with the page it replaces."""
    first, second = SeatClient(centre, "M1", "op1"), SeatClient(centre, "M1", "op1")
    await first.attach()
    await second.attach()
    await first.close()
    assert first.superseded
    await second.until(lambda state: state["seat"]["state"] == "not_ready")  # type: ignore[index]
    stranger = SeatClient(centre, "M1", "op2")
    with pytest.raises(rpc.Failure) as caught:
        await stranger.attach()
    assert caught.value.code == "seat-taken"
    forged = SeatClient(centre, "M2", "op2")
    with pytest.raises(rpc.Failure) as caught:
        await forged.attach("forged.token")
    assert caught.value.code == "seat-not-signed-on"
    for client in (second, stranger, forged):
        await client.close()


async def test_operations_are_refused_by_their_codes(centre: Centre) -> None:
    """The console shows why."""

    async def code(op: str, seat_id: str = "S1", **arguments: object) -> str:
        with pytest.raises(rpc.Failure) as caught:
            await centre.ask(seat_id, op, **arguments)
        return caught.value.code

    async with person(centre, CALLER_HZ) as caller:
        assert await code("ready") == "seat-not-signed-on"
        async with seated(centre, "S1") as seat:
            assert await code("hold") == "no-live-call"
            assert await code("answer", call_id="X") == "call-not-offered"
            assert await code("add_party", address="x") == "no-live-call"
            assert await code("not_ready", reason="holiday") == "bad-request"
            assert await code("nonsense") == "bad-request"
            await centre.ask("S1", "not_ready", reason="break")
            await centre.ask("S1", "ready")
            await centre.ask("S1", "ready")
            await caller.dial()
            await seat.pick_up()
            await caller.hears(SEAT_HZ)
            assert await code("ready") == "seat-busy"
            assert await code("leave") == "seat-busy"
            assert await code("add_party", address="not an address") == "bad-address"
            assert await code("add_party", address="110") == "bad-address"
            assert await code("drop_party", leg_id="none") == "no-such-leg"
            await centre.ask("S1", "hang_up")
        with pytest.raises(rpc.Failure) as caught:
            await centre.rpc.call("take", 10, seat_id="S1", operator_id="x", kind="sip")
        assert caught.value.code == "bad-request"


async def test_a_robot_answers_when_nobody_else_can(centre: Centre) -> None:
    """Only then, and it is ready again at once."""
    async with (
        person(centre, CALLER_HZ) as caller,
        seated(centre, "R1", PARTY_HZ) as robot,
        seated(centre, "S1") as seat,
    ):
        call = await caller.dial()
        await seat.pick_up()
        await caller.hears(SEAT_HZ)
        call.hang_up()
        await centre.until_state(lambda state: not state["calls"])
        await centre.ask("S1", "not_ready", reason="break")
        call = await caller.dial()
        await robot.pick_up()
        await caller.hears(PARTY_HZ)
        await centre.fact("call-answered", seat_id="R1", robot=True)
        call.hang_up()
        await centre.until_state(lambda state: state["seats_ready"] == 1)


async def test_a_call_with_a_location_over_tcp_is_queued_with_it(centre: Centre) -> None:
    """NG112: an urn for a number, SDP and PIDF-LO in one body."""
    async with person(centre, CALLER_HZ) as caller:
        kind, body = multipart(
            [
                Part("application/sdp", "", caller.offer),
                Part("application/pidf+xml", "place@example.invalid", PIDF),
            ],
            "edge",
        )
        call = await caller.dial(
            "urn:service:sos.fire",
            "<sip:anonymous@anonymous.invalid>",
            "TCP",
            (("geolocation", "<cid:place@example.invalid>"),),
            body,
            kind,
        )
        arrived = await centre.fact("call-arrived", request_uri_kind="service-urn")
        assert arrived.body["number_status"] == "withheld"
        place = arrived.personal["location"]
        assert (place["lat"], place["lon"], place["uncertainty_m"]) == (-3.6954, 128.1814, 35)
        assert "caller" not in arrived.personal
        await caller.hears(TONE_HZ)
        call.hang_up()


@pytest.mark.parametrize(
    ("session", "kind", "status", "reason"),
    [
        (b"v=0\r\nm=audio 4000 RTP/AVP 18\r\n", "application/sdp", 488, "unsupported-codec"),
        (b"hello", "text/plain", 415, "unsupported-body"),
    ],
)
async def test_a_call_that_cannot_be_heard_is_refused_with_a_reason(
    centre: Centre, session: bytes, kind: str, status: int, reason: str
) -> None:
    """The trunk may try another way, and the log knows that somebody called."""
    async with person(centre, CALLER_HZ) as caller:
        with pytest.raises(CallFailed) as caught:
            await caller.dial(session=session, content_type=kind)
        assert caught.value.status == status
        await centre.fact("call-refused", status=status, reason=reason)


async def test_a_call_without_an_offer_gets_ours(centre: Centre) -> None:
    """Some gateways want the 200 to carry the offer, and answer in the ACK."""
    async with person(centre, CALLER_HZ) as caller:
        call = caller.phone.call("sip:112@127.0.0.1", centre.flow(), b"")
        session = await call.wait_answered(5)
        assert session is not None
        assert sdp.parse(session).payload == 8
        ended = await call.wait_ended(5)  # our test phone puts no answer into its ACK
        assert ended == "hung-up"
        await centre.fact("call-ended", by="failure", reason="no-session")


async def test_unknown_sources_may_not_call(tmp_path: Path) -> None:
    """Anybody on the internet could fill the queue."""
    trunks = [{"name": "telco", "sources": ["192.0.2.0/24"]}]
    async with (
        Centre(tmp_path, trunks=trunks, seats=SEATS) as centre,
        person(centre, CALLER_HZ) as stranger,
    ):
        with pytest.raises(CallFailed) as caught:
            await stranger.dial()
        assert caught.value.status == 403
        await centre.fact("call-refused", status=403, reason="not-allowed")
        async with seated(centre, "S1") as seat:
            await seat.dial()
            arrived = await centre.fact("call-arrived", trunk="seats")
            assert arrived.body["test"] is True


async def test_a_phone_must_prove_who_it_is(centre: Centre) -> None:
    """Whoever registers as a seat hears emergency calls."""
    for account in (Account("s1", "wrong"), Account("nobody", "x")):
        async with person(centre, SEAT_HZ, "x", account) as phone:
            assert await phone.phone.register(centre.flow()) == 401
    async with seated(centre, "S1") as phone:
        await centre.fact("seat-ready")
        assert await phone.phone.register(centre.flow(), 0) == 200
        await centre.fact("seat-left")


async def test_more_calls_than_allowed_get_503(tmp_path: Path) -> None:
    """A surge must not take the calls that are there down."""
    async with (
        Centre(tmp_path, calls_max=1) as centre,
        person(centre, CALLER_HZ) as first,
        person(centre, CALLER_HZ) as second,
    ):
        await first.dial()
        with pytest.raises(CallFailed) as caught:
            await second.dial()
        assert caught.value.status == 503
        await centre.fact("call-refused", reason="too-many-calls")


async def test_two_phones_ring_one_after_the_other_and_only_one_talks(centre: Centre) -> None:
    """The slow seat picks up in the moment its offer ends: it must not join the call."""
    async with (
        person(centre, CALLER_HZ) as caller,
        seated(centre, "S1") as first,
        seated(centre, "S2", PARTY_HZ) as second,
    ):
        await caller.dial()
        offered = await centre.fact("call-offered")
        slow, quick = (first, second) if offered.body["seat_id"] == "S1" else (second, first)
        late = await slow.received.get()
        taken = await quick.pick_up()
        answer = sdp.answer(sdp.parse(late.session or b""), "127.0.0.1", slow.end.udp, 1)
        late.accept(answer)
        await late.wait_ended(5)
        await centre.fact("call-answered")
        await caller.hears(SEAT_HZ if quick is first else PARTY_HZ)
        assert not taken.ended.is_set()
        assert (await centre.types()).count("call-answered") == 1
