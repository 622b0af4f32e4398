"""Odd names, and hundreds of calls of every kind: nothing of them is left when they are over."""

import asyncio
from collections import Counter
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from switch_bench import ADDRESS, Bench, bench, until

from tahuri.telephony.sip import sdp
from tahuri.telephony.sip.message import Request, parse
from tahuri.telephony.sip.phone import CallFailed, PhoneCall
from tahuri.telephony.sip.transport import Transports

OFFER = sdp.offer(ADDRESS, 40000, 1)
CALLS = 180
SIDE_BY_SIDE = 12
WITHIN_S = 70
"""Of every wait: a starved machine takes long, and that is no leak."""
LATIN_1 = b'"Caf\xe9" <sip:+6281234@127.0.0.1>'.decode("utf-8", "surrogateescape")
OUTCOMES = ("calls.call-ended", "calls.call-refused")


@pytest.fixture
async def centre(tmp_path: Path) -> AsyncIterator[Bench]:
    """A switch with pretended media and nobody at a seat."""
    async with bench(tmp_path) as one:
        yield one


async def test_a_name_that_is_not_utf_8_costs_no_call(
    centre: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Old exchanges send Latin-1: the caller is answered, and the call outlives a killed switch
    with the very bytes of the name, since the far end compares them."""
    call = await centre.call(LATIN_1)
    arrived = await centre.told("call-arrived")
    assert arrived.personal["caller"]["number"] == "+6281234"
    await centre.restart()
    [kept] = centre.switch.core.calls.values()
    assert kept.leg.remote == LATIN_1
    sent: list[bytes] = []
    send = Transports.send

    def heard(self: Transports, data: bytes, *rest: object) -> None:
        sent.append(data)
        send(self, data, *rest)  # type: ignore[arg-type]

    monkeypatch.setattr(Transports, "send", heard)
    call.hang_up()
    await centre.told("call-ended")
    [bye] = [one for one in map(parse, sent) if isinstance(one, Request) and one.method == "BYE"]
    assert bye.encoded().count(b"Caf\xe9") == 1


def remains(centre: Bench) -> dict[str, int]:
    """What the switch, its user agent and its media hold, by kind."""
    core = centre.switch.core
    agent = core.endpoint.agent
    folder = centre.folder / "data/journal"
    return {
        "calls": len(core.calls),
        "places": len(core.places),
        "ports": len(core.ports),
        "cells": len(core.cells),
        "channels": len(core.channels),
        "silent": len(core.silent),
        "works": len(core._works),
        "tasks": len(core._tasks),
        "alarms": len(core.alarms),
        "journal": sum(1 for path in folder.rglob("*") if path.is_file()),
        "written": len(core.journal._written),
        "legs": len(agent.legs),
        "invited": len(agent._invited),
        "calling": len(agent._calling),
        "transactions": len(agent.transactions),
        "timers": len(agent.transactions._timers),
        "media ports": len(centre.media.ports),
        "media cells": len(centre.media.cells),
        "recordings": len(centre.media.recordings),
        "all tasks": len(asyncio.all_tasks()),
    }


async def quiet(centre: Bench) -> dict[str, int]:
    """What remains when everything is over and all that is remembered for a while is forgotten."""
    core = centre.switch.core
    await until(lambda: not core.calls and not core._works, WITHIN_S)
    await until(lambda: len(centre.media.ports) == 2 and not centre.media.recordings, WITHIN_S)
    for minutes in range(1, 40):  # a timer that is due may set another; a session lasts 30
        core.perform(core.endpoint.agent.elapse(core.sip_now + 60 * minutes))
    await asyncio.sleep(0.05)
    return remains(centre)


async def one_call(centre: Bench, kind: int) -> None:
    """A call that ends in one of the ways in which calls end."""
    phone = centre.phone
    session = OFFER.replace(b" 8 0 ", b" 18 ") if kind == 3 else b"" if kind == 5 else OFFER
    call: PhoneCall = phone.call("sip:112@127.0.0.1", centre.flow, session, "<sip:+62@127.0.0.1>")
    if kind == 1:
        await asyncio.sleep(0.002)
        call.hang_up()  # CANCEL, before or after the answer
    status = 200
    try:
        await call.wait_answered(WITHIN_S)
    except CallFailed as failed:
        status = failed.status
    assert status in {1: (200, 487), 3: (488,)}.get(kind, (200,))
    if status != 200:
        return
    if kind == 2:
        call.reoffer(sdp.offer(ADDRESS, 40002, 2))
        await call.reanswered.get()
    if kind == 4:
        core = centre.switch.core
        mine = next(c for c in core.calls.values() if c.leg.call_id == call.leg.call_id)
        core.perform(core.endpoint.agent.hang_up(mine.leg, core.sip_now))
        await call.wait_ended(WITHIN_S)
        return
    call.hang_up()


async def test_hundreds_of_calls_leave_nothing_behind(centre: Bench) -> None:
    """Memory that grows with every call ends in a switch that dies on its busiest day.

    Given calls that are cancelled, refused, moved, hung up by either side or have no offer; then
    each has one outcome, and when they are over the switch holds what it held after the first few.
    """
    for kind in range(6):
        await one_call(centre, kind)
    before = await quiet(centre)
    turn = asyncio.Semaphore(SIDE_BY_SIDE)

    async def placed(number: int) -> None:
        async with turn:
            await one_call(centre, number % 6)

    async with asyncio.TaskGroup() as group:
        for number in range(CALLS):
            group.create_task(placed(number))
    assert await quiet(centre) == before
    told = Counter(f.stream for f in centre.facts() if f.type in OUTCOMES)
    assert len(told) == CALLS + 6
    assert set(told.values()) == {1}
