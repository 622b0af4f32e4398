"""Sound through the edge: rtpengine behind Kamailio, two nodes, callers that see one address."""

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
    """Whether the session that a caller was told names rtpengine."""
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
        follow(caller)
        follow(seat_of_first)
        await (one if seat_of_first is a else two).kill_media()
        await caller.hears(SEAT_HZ, within_s=15)
        await seat_of_first.hears(CALLER_HZ, within_s=15)
        assert through_edge(caller)
        for someone in (caller, second):
            assert someone.call is not None
            someone.call.hang_up()
        for centre in (one, two):
            assert (await centre.fact("call-ended")).body["outcome"] == "answered"


def follow(someone: Person) -> None:
    """Answer a re-INVITE and talk to where it says."""

    def reoffered(session: bytes | None) -> bytes | None:
        assert session is not None
        assert someone.call is not None
        someone.call.session = session
        someone.talk(session)
        return sdp.answer(sdp.parse(session), ADDRESS, someone.end.udp, 2)

    assert someone.call is not None
    someone.call.on_reoffer = reoffered


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
