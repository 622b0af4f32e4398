"""Two switch nodes behind Kamailio, as deploy/kamailio has it: drained, killed, and all gone."""

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
    free_tcp,
    person,
    phone_seat,
    seated,
    until,
)
from kamailio import UP_S, Edge, answered

from tahuri.telephony import rpc
from tahuri.telephony.sip.phone import CallFailed


@pytest.fixture
async def nodes(tmp_path: Path) -> AsyncIterator[tuple[Centre, Centre, Edge]]:
    """Two nodes with a phone seat each, and the edge in front of them."""
    made = []
    async with contextlib.AsyncExitStack() as stack:
        for name in ("A", "B"):
            trunks = [
                {"name": "edge", "sources": [f"{ADDRESS}/32"], "edge": True},
                {"name": "telkom", "sources": ["198.51.100.7/32"]},
                {"name": "forged", "sources": ["198.51.100.8/32"]},
            ]
            folder = tmp_path / name
            folder.mkdir()
            seats = [phone_seat(f"{name}1"), phone_seat(f"{name}2")]
            centre = Centre(folder, 16, trunks=trunks, seats=seats)
            made.append(await stack.enter_async_context(centre))
        edge = Edge(tmp_path / "edge", made, free_tcp())
        await edge.start()
        stack.push_async_callback(edge.stop)
        yield made[0], made[1], edge


async def outcomes(centre: Centre) -> list[str]:
    """Terminal facts of all calls of the node."""
    return [kind for kind in await centre.types() if kind in ("call-ended", "call-refused")]


async def test_the_edge_gives_calls_to_both_nodes_and_names_the_trunk(
    nodes: tuple[Centre, Centre, Edge],
) -> None:
    """Whoever ends the call, it ends once; the log knows by which trunk it came."""
    one, two, edge = nodes
    async with (
        person(edge, CALLER_HZ) as caller,  # type: ignore[arg-type]
        person(edge, PARTY_HZ) as second,  # type: ignore[arg-type]
        seated(one, "A1") as a,
        seated(two, "B1") as b,
    ):
        first_seat = await answered(caller, a, b)
        other_seat = await answered(second, a, b)
        assert {first_seat, other_seat} == {a, b}
        await asyncio.gather(caller.hears(SEAT_HZ), second.hears(SEAT_HZ))
        assert caller.call is not None
        assert other_seat.call is not None
        caller.call.hang_up()
        other_seat.call.hang_up()
        for centre in (one, two):
            ended = await centre.fact("call-ended")
            assert ended.body["outcome"] == "answered"
            assert (await centre.fact("call-arrived")).body["trunk"] == "telkom"
            assert await outcomes(centre) == ["call-ended"]


async def test_a_node_that_is_drained_loses_no_call(nodes: tuple[Centre, Centre, Edge]) -> None:
    """Maintenance in the middle of a shift: the live call ends when its people end it."""
    one, two, edge = nodes
    async with (
        person(edge, CALLER_HZ) as caller,  # type: ignore[arg-type]
        person(edge, PARTY_HZ) as second,  # type: ignore[arg-type]
        seated(one, "A1") as a,
        seated(two, "B1") as b,
    ):
        while await answered(caller, a, b) is not a:  # the edge takes turns
            assert caller.call is not None
            caller.call.hang_up()
            await two.until_state(lambda state: not state["calls_in_hand"])
        drained = await one.rpc.call("drain", on=True)
        assert isinstance(drained, dict)
        assert drained["draining"]
        assert [alarm["code"] for alarm in drained["alarms"]] == ["draining"]
        for _ in range(3):
            assert await answered(second, b) is b
            assert second.call is not None
            second.call.hang_up()
            await two.until_state(lambda state: not state["calls_in_hand"])
        await caller.hears(SEAT_HZ)
        assert caller.call is not None
        caller.call.hang_up()
        await one.until_state(lambda state: state["calls_in_hand"] == 0)
        ended = [fact.body for fact in await one.facts() if fact.type == "calls.call-ended"]
        assert [body["outcome"] for body in ended] == ["answered"]
        refused = {str(f.body["reason"]) for f in await one.facts() if f.type.endswith("refused")}
        assert refused <= {"draining"}, "told, and answered by the other node"


async def test_a_killed_node_takes_only_its_own_calls_with_it(
    nodes: tuple[Centre, Centre, Edge],
) -> None:
    """Power cut in one rack: the other room's calls go on, and whoever dials now is answered."""
    one, two, edge = nodes
    async with (
        person(edge, CALLER_HZ) as caller,  # type: ignore[arg-type]
        person(edge, PARTY_HZ) as second,  # type: ignore[arg-type]
        seated(one, "A1") as a,
        seated(two, "B1") as b,
        seated(two, "B2") as b2,
    ):
        found = {await answered(caller, a, b): caller, await answered(second, a, b): second}
        assert set(found) == {a, b}
        lost, kept = found[a], found[b]
        await one.stop(signal.SIGKILL)
        await one.media.stop(signal.SIGKILL)
        async with person(edge, CALLER_HZ) as third:  # type: ignore[arg-type]
            assert await answered(third, b2) is b2
            await third.hears(SEAT_HZ)
        await kept.hears(SEAT_HZ)
        assert lost.call is not None
        lost.call.hang_up()  # nobody hears it
        await one.media.__aenter__()
        await until(lambda: not one.rpc.connected)
        await one.start()
        await one.fact("call-ended", within_s=60)
        assert await outcomes(one) == ["call-ended"]


async def test_a_call_that_comes_by_no_trunk_is_refused_at_the_edge(tmp_path: Path) -> None:
    """Scanners find every open port; a refusal costs no node anything."""
    edge = Edge(tmp_path / "edge", [], free_tcp(), trunk_address="198.51.100.7")
    await edge.start()
    try:
        async with person(edge, CALLER_HZ) as caller:  # type: ignore[arg-type]
            with pytest.raises(CallFailed) as failed:
                await caller.dial()
        assert failed.value.status == 403
    finally:
        await edge.stop()


async def test_a_caller_whom_no_node_can_take_is_told(nodes: tuple[Centre, Centre, Edge]) -> None:
    """The trunk must hear 503 at once and route elsewhere: never silence."""
    one, two, edge = nodes
    for node in (one, two):
        await node.rpc.call("drain", on=True)
    async with person(edge, CALLER_HZ) as caller:  # type: ignore[arg-type]
        with pytest.raises(CallFailed) as failed:
            await caller.dial()
        assert failed.value.status == 503
    await one.rpc.call("drain", on=False)
    async with person(edge, CALLER_HZ) as caller, seated(one, "A1") as a:  # type: ignore[arg-type]
        async with asyncio.timeout(UP_S):
            while True:
                with contextlib.suppress(CallFailed, rpc.Unavailable):
                    assert await answered(caller, a) is a
                    break
                await asyncio.sleep(0.2)
