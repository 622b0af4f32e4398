"""Sound through the edge: rtpengine behind Kamailio, two nodes, callers that see one address."""

import asyncio
import contextlib
import signal
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from centre import (
    ADDRESS,
    CALLER_HZ,
    PARTY_HZ,
    SEAT_HZ,
    Centre,
    Person,
    free_tcp,
    person,
    phone_seat,
    seated,
    until,
)
from kamailio import RTP_FIRST, RTP_LAST, Edge, Rtpengine, answered

from tahuri.telephony.sip import sdp


@pytest.fixture
async def nodes(tmp_path: Path) -> AsyncIterator[tuple[Centre, Centre, Edge, Rtpengine]]:
    """Two nodes with a phone seat each behind Kamailio and rtpengine."""
    async with contextlib.AsyncExitStack() as stack:
        made = []
        for name in ("A", "B"):
            folder = tmp_path / name
            folder.mkdir()
            trunks = [
                {"name": "edge", "sources": [f"{ADDRESS}/32"], "edge": True},
                {"name": "telkom", "sources": ["198.51.100.7/32"]},
                {"name": "forged", "sources": ["198.51.100.8/32"]},
            ]
            centre = Centre(folder, 16, trunks=trunks, seats=[phone_seat(f"{name}1")])
            made.append(await stack.enter_async_context(centre))
        engine = Rtpengine(tmp_path / "rtpengine")
        await engine.start()
        stack.push_async_callback(engine.stop)
        edge = Edge(tmp_path / "edge", made, free_tcp(), rtpengine=engine.control)
        await edge.start()
        stack.push_async_callback(edge.stop)
        yield made[0], made[1], edge, engine


def through_edge(someone: Person) -> bool:
    """Whether the session that somebody was told names rtpengine."""
    assert someone.call is not None
    assert someone.call.session is not None
    return RTP_FIRST <= sdp.parse(someone.call.session).udp <= RTP_LAST


async def test_sound_of_both_nodes_goes_through_the_edge(
    nodes: tuple[Centre, Centre, Edge, Rtpengine],
) -> None:
    """A trunk must see one address, whichever node has the call.

    Given a call at each node; then caller and seat hear each other in both directions; when
    rtpengine stands still; then nobody hears anything: no sound goes another way; when it goes on;
    then they hear again; when a node's media is killed; then its re-INVITE goes that way as well.
    """
    one, two, edge, engine = nodes
    async with (
        person(edge, CALLER_HZ) as caller,  # type: ignore[arg-type]
        person(edge, PARTY_HZ) as second,  # type: ignore[arg-type]
        seated(one, "A1") as a,
        seated(two, "B1") as b,
    ):
        seat_of_first = await answered(caller, a, b)
        seat_of_second = await answered(second, a, b)
        assert {seat_of_first, seat_of_second} == {a, b}
        assert through_edge(caller)
        assert through_edge(second)
        await caller.hears(SEAT_HZ)
        await second.hears(SEAT_HZ)
        await seat_of_first.hears(CALLER_HZ)
        await seat_of_second.hears(PARTY_HZ)
        engine.signal(signal.SIGSTOP)
        since = len(caller.end.packets)
        await until(lambda: _still(caller, since), 10)
        engine.signal(signal.SIGCONT)
        await caller.hears(SEAT_HZ)
        await seat_of_first.hears(CALLER_HZ)
        caller.follow()
        seat_of_first.follow()
        await (one if seat_of_first is a else two).kill_media()
        await caller.hears(SEAT_HZ, within_s=15)
        await seat_of_first.hears(CALLER_HZ, within_s=15)
        assert through_edge(caller)
        for someone in (caller, second):
            assert someone.call is not None
            someone.call.hang_up()
        for centre in (one, two):
            assert (await centre.fact("call-ended")).body["outcome"] == "answered"


_counts: dict[int, tuple[int, int]] = {}


def _still(someone: Person, since: int) -> bool:
    """Whether no packet has come between ten looks."""
    count, looks = _counts.get(id(someone), (since, 0))
    now = len(someone.end.packets)
    _counts[id(someone)] = (now, looks + 1 if now == count else 0)
    return _counts[id(someone)][1] >= 10


async def test_without_rtpengine_a_call_goes_on_directly(
    nodes: tuple[Centre, Centre, Edge, Rtpengine],
) -> None:
    """A part at the edge that dies must cost the roundabout way, never the caller.

    Given an edge whose rtpengine is gone; when somebody calls; then they are answered and heard."""
    one, two, edge, engine = nodes
    await engine.stop()
    async with (
        person(edge, CALLER_HZ) as caller,  # type: ignore[arg-type]
        seated(one, "A1") as a,
        seated(two, "B1") as b,
    ):
        seat = await answered(caller, a, b)
        assert not through_edge(caller)
        await caller.hears(SEAT_HZ)
        await seat.hears(CALLER_HZ)


async def test_somebody_called_by_us_is_heard_through_the_edge(tmp_path: Path) -> None:
    """Given a node whose line out is the edge; when a caller is called back by it; then the town
    sees rtpengine alone, and hears and is heard; so it does when switch and media were killed; the
    town's end comes back the same way, and is told once."""
    centre = Centre(tmp_path, 16, seats=[phone_seat("A1")], offer_s=20)
    engine = Rtpengine(tmp_path / "rtpengine")
    async with contextlib.AsyncExitStack() as stack:
        town = await stack.enter_async_context(person(centre, CALLER_HZ, "town"))
        port = town.phone.agent.identity.udp_port
        edge = Edge(tmp_path / "edge", [centre], port, rtpengine=engine.control)
        sources, host = [f"{ADDRESS}/32"], f"{ADDRESS}:{edge.port}"
        line = {"name": "edge", "sources": sources, "edge": True, "host": host, "default_out": True}
        centre.settings["trunks"] = [line]
        for part in (engine, edge):
            await part.start()
            stack.push_async_callback(part.stop)
        await stack.enter_async_context(centre)
        seat = await stack.enter_async_context(seated(centre, "A1"))
        await centre.ask("A1", "call_back", callback_id="B1", number="+62000111")
        ringing = await seat.pick_up()
        taken = await town.pick_up()
        assert through_edge(town)
        await centre.fact("call-answered")
        await asyncio.gather(town.hears(SEAT_HZ), seat.hears(CALLER_HZ))
        town.follow()
        seat.follow()
        await centre.restart()
        await centre.kill_media()
        await asyncio.gather(town.hears(SEAT_HZ, within_s=15), seat.hears(CALLER_HZ, within_s=15))
        assert through_edge(town)
        taken.hang_up()
        assert await ringing.wait_ended(10) == "hung-up"
        assert (await centre.fact("call-ended")).body["outcome"] == "answered"
        assert (await centre.types()).count("call-ended") == 1
