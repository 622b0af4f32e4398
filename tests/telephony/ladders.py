"""Calls whose signalling ``docs/telephony/ladders.md`` shows: real switch, media and phones."""

import asyncio
import contextlib
from collections.abc import AsyncIterator, Awaitable, Callable
from pathlib import Path
from typing import NamedTuple

from centre import ADDRESS, CALLER_HZ, PARTY_HZ, SEAT_HZ, Centre, Person, person, phone_seat, seated
from media_bench import until
from wire_tap import WireTap, drawn

from tahuri.telephony.sip import sdp
from tahuri.telephony.sip.phone import CallFailed

TEST_URN = "urn:service:test.sos"


class Scenario(NamedTuple):
    """One ladder."""

    title: str
    says: str
    """What the reader sees in it."""
    run: Callable[[Path], Awaitable[str]]


def ports_of(centre: Centre, **people: Person) -> dict[int, str]:
    """Port → name, callers left of the switch, everybody else right of it."""
    found = {someone.phone.agent.identity.udp_port: name for name, someone in people.items()}
    callers = {port: name for port, name in found.items() if name in ("trunk", "stranger")}
    return {**callers, centre.sip_port: "switch", **found}


@contextlib.asynccontextmanager
async def talking(folder: Path, **settings: object) -> AsyncIterator[tuple[Centre, Person, Person]]:
    """A caller and a phone seat that hear each other; taps are opened before the call by whoever
    needs them."""
    async with (
        Centre(folder, seats=[phone_seat("S1")], **settings) as centre,
        person(centre, CALLER_HZ) as caller,
        seated(centre, "S1") as seat,
    ):
        yield centre, caller, seat


async def connect(caller: Person, seat: Person) -> None:
    """The caller's call is answered at the seat."""
    await caller.dial()
    await seat.pick_up()
    await caller.hears(SEAT_HZ)


async def answered(folder: Path) -> str:
    """From INVITE to BYE."""
    async with talking(folder) as (centre, caller, seat):
        with WireTap() as tap:
            await connect(caller, seat)
            assert caller.call is not None
            caller.call.hang_up()
            await centre.fact("recording-closed")
            ports = ports_of(centre, trunk=caller, seat=seat)
            return drawn(await tap.messages(ports), ports)


async def abandoned(folder: Path) -> str:
    """The caller gives up while the seat rings."""
    async with talking(folder) as (centre, caller, seat):
        with WireTap() as tap:
            call = await caller.dial()
            ringing = await asyncio.wait_for(seat.received.get(), 10)
            ringing.ring()
            await tap.messages({})  # the 180 is on the wire before the BYE
            call.hang_up()
            await centre.fact("call-ended", outcome="abandoned")
            ports = ports_of(centre, trunk=caller, seat=seat)
            return drawn(await tap.messages(ports), ports)


async def bridged(folder: Path) -> str:
    """Blind transfer, called by our own bridge."""
    async with (
        talking(folder) as (centre, caller, seat),
        person(centre, PARTY_HZ, "damkar") as station,
    ):
        await connect(caller, seat)
        with WireTap() as tap:
            await centre.ask("S1", "transfer", address=station.address)
            await station.pick_up()
            await centre.fact("transfer-completed", seat_id="S1")
            await caller.hears(PARTY_HZ)
            assert station.call is not None
            station.call.hang_up()
            await centre.fact("recording-closed")
            ports = ports_of(centre, trunk=caller, seat=seat, station=station)
            return drawn(await tap.messages(ports), ports)


async def referred(folder: Path) -> str:
    """Blind transfer that the caller's trunk takes over."""
    trunks = [{"name": "telco", "sources": ["127.0.0.1/32"], "refer": True}]
    async with talking(folder, trunks=trunks) as (centre, caller, seat):
        await connect(caller, seat)
        assert caller.call is not None
        asked: list[str] = []

        def taken(target: str) -> int:
            asked.append(target)
            return 202

        caller.call.on_refer = taken
        with WireTap() as tap:
            await centre.ask("S1", "transfer", address=f"sip:damkar@{ADDRESS}:9")
            await until(lambda: asked)
            caller.call.notify(180)
            caller.call.notify(200)
            await centre.fact("transfer-completed")
            await centre.fact("recording-closed")
            ports = ports_of(centre, trunk=caller, seat=seat)
            return drawn(await tap.messages(ports), ports)


async def media_killed(folder: Path) -> str:
    """Media dies under a call: both ends are given new ports."""
    async with talking(folder) as (centre, caller, seat):
        await connect(caller, seat)
        for someone in (caller, seat):
            follow(someone)
        with WireTap() as tap:
            await centre.kill_media()
            await asyncio.gather(
                caller.hears(SEAT_HZ, within_s=20), seat.hears(CALLER_HZ, within_s=20)
            )
            ports = ports_of(centre, trunk=caller, seat=seat)
            return drawn(await tap.messages(ports), ports)


def follow(someone: Person) -> None:
    """They talk to wherever a re-INVITE says."""
    call = someone.call
    assert call is not None

    def reoffered(session: bytes | None) -> bytes | None:
        assert session is not None
        someone.talk(session)
        return sdp.answer(sdp.parse(session), ADDRESS, someone.end.udp, 2)

    call.on_reoffer = reoffered


async def early(folder: Path) -> str:
    """A party that is heard before it answers; its 183 is acknowledged."""
    async with (
        talking(folder) as (centre, caller, seat),
        person(centre, PARTY_HZ, "polisi") as party,
    ):
        await connect(caller, seat)
        with WireTap() as tap:
            await centre.ask("S1", "add_party", address=party.address)
            call = await asyncio.wait_for(party.received.get(), 10)
            assert call.session is not None
            session = sdp.answer(sdp.parse(call.session), ADDRESS, party.end.udp, 1)
            call.ring(session)
            party.talk(call.session)
            await seat.hears(CALLER_HZ, PARTY_HZ)
            call.accept(session)
            await centre.fact("party-joined")
            assert caller.call is not None
            caller.call.hang_up()
            await centre.fact("recording-closed")
            ports = ports_of(centre, trunk=caller, seat=seat, party=party)
            return drawn(await tap.messages(ports), ports)


async def tested(folder: Path) -> str:
    """A test call hears itself."""
    async with Centre(folder) as centre, person(centre, CALLER_HZ) as caller:
        with WireTap() as tap:
            call = await caller.dial(TEST_URN)
            await caller.hears(CALLER_HZ)
            call.hang_up()
            await centre.fact("call-ended", outcome="tested")
            ports = ports_of(centre, trunk=caller)
            return drawn(await tap.messages(ports), ports)


async def refused_room(folder: Path) -> str:
    """There is no room for a second call."""
    async with (
        Centre(folder, calls_max=1) as centre,
        person(centre, CALLER_HZ) as first,
        person(centre, CALLER_HZ) as second,
    ):
        await first.dial()
        return await refused(centre, second)


async def refused_stranger(folder: Path) -> str:
    """Nobody knows where it comes from."""
    trunks = [{"name": "telco", "sources": ["192.0.2.0/24"]}]
    async with Centre(folder, trunks=trunks) as centre, person(centre, CALLER_HZ) as caller:
        return await refused(centre, caller)


async def refused(centre: Centre, caller: Person) -> str:
    """Their call until its refusal.  Raises AssertionError: it was answered."""
    with WireTap() as tap:
        with contextlib.suppress(CallFailed):
            await caller.dial()
            raise AssertionError("it was answered")
        await centre.fact("call-refused")
        ports = ports_of(centre, trunk=caller)
        return drawn(await tap.messages(ports), ports)


SCENARIOS = {
    "answered": Scenario(
        "A call from trunk to seat",
        "Answered at once towards the trunk; the seat rings meanwhile. The caller hangs up.",
        answered,
    ),
    "abandoned": Scenario(
        "The caller gives up",
        "The seat is ringing; its INVITE is cancelled. The call becomes a call-back item.",
        abandoned,
    ),
    "bridged": Scenario(
        "Transfer by our own bridge",
        "The station is called, the seat is let go when it answers; the trunk notices nothing.",
        bridged,
    ),
    "referred": Scenario(
        "Transfer by the trunk",
        "REFER, and NOTIFY until 200; then our part of the call is over.",
        referred,
    ),
    "early": Scenario(
        "A party is heard before it answers",
        "Its 183 has a session and is reliable: PRACK. The seat hears it, the caller does not.",
        early,
    ),
    "media-killed": Scenario(
        "Media is killed under a call",
        "Both ends are given the new media's ports by re-INVITE.",
        media_killed,
    ),
    "tested": Scenario(
        "A test call",
        "`urn:service:test.sos`: answered by loop-back; no seat rings.",
        tested,
    ),
    "refused-room": Scenario(
        "No room", "`calls_max` stand already: 503 with Retry-After.", refused_room
    ),
    "refused-stranger": Scenario(
        "Unknown source", "No trunk has this address: 403.", refused_stranger
    ),
}
