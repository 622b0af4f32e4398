"""Test calls: answered at once, hear themselves, and leave queue, seats and figures alone."""

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from switch_bench import ADDRESS, Bench, Browser, bench, until

from tahuri.telephony.sip import sdp
from tahuri.telephony.sip.phone import CallFailed, PhoneCall
from tahuri.telephony.switch import testcalls
from tahuri.telephony.switch.views import snapshot

OFFER = sdp.offer(ADDRESS, 40000, 1)
URN = "urn:service:test.sos"


@pytest.fixture
async def centre(tmp_path: Path) -> AsyncIterator[Bench]:
    """A switch with pretended media, a test number, and little patience with test calls."""
    settings = {"test_numbers": ["119900"], "test_calls_max": 2, "test_call_s": 0.6}
    async with bench(tmp_path, **settings) as one:
        yield one


def dial(centre: Bench, target: str) -> PhoneCall:
    return centre.phone.call(target, centre.flow, OFFER, "<sip:+620001@127.0.0.1>")


@pytest.mark.parametrize("target", [URN, "urn:service:test.sos.fire", "sip:119900@127.0.0.1"])
async def test_a_test_call_hears_itself_and_touches_nobody(centre: Bench, target: str) -> None:
    """A technician must be able to try 112 in the middle of a shift.

    Given a seat that is ready; when a test call comes; then it is answered, hears itself, rings
    nowhere, is not recorded, and ends as tested.
    """
    seat = Browser(centre, "M1", "op1")
    await seat.sit()
    call = dial(centre, target)
    await call.wait_answered(5)
    await until(lambda: any(hears == says for hears, says in centre.media.cells))
    assert snapshot(centre.switch.core).queue == []
    assert seat.state["seat"]["state"] == "ready"
    call.hang_up()
    ended = await centre.told("call-ended")
    assert (ended.body["outcome"], ended.body["by"]) == ("tested", "caller")
    arrived = await centre.told("call-arrived")
    assert arrived.body["test"] is arrived.body["loopback"] is True
    assert not {"call-queued", "call-offered", "recording-started"} & set(centre.types())
    await until(lambda: not centre.switch.core.calls and not centre.switch.core.tests)
    await until(lambda: {kind for kind, _ in centre.media.ports.values()} == {"play", "webrtc"})
    await seat.leave()


async def test_a_test_call_that_goes_on_is_ended_by_the_switch(centre: Bench) -> None:
    """A forgotten test call must not hold a port for ever."""
    call = dial(centre, URN)
    await call.wait_answered(5)
    assert await call.wait_ended(5) == "hung-up"
    ended = await centre.told("call-ended")
    assert ended.body == {
        "outcome": "tested",
        "by": "switch",
        "reason": "test-over",
        "status": None,
    }


async def test_too_many_test_calls_are_refused_and_callers_are_not(centre: Bench) -> None:
    """Given two test calls of two that may be; when a third and a caller come; then 486 and 200."""
    for _ in range(2):
        await dial(centre, URN).wait_answered(5)
    with pytest.raises(CallFailed) as caught:
        await dial(centre, URN).wait_answered(5)
    assert caught.value.status == 486
    refused = await centre.told("call-refused")
    assert refused.body["reason"] == "too-many-test-calls"
    await (await centre.call()).wait_answered(5)


async def test_test_calls_take_no_place_of_a_caller(tmp_path: Path) -> None:
    """Given a centre that takes one call at once; when a test call is up; then a caller gets in."""
    async with bench(tmp_path, calls_max=1) as centre:
        await dial(centre, URN).wait_answered(5)
        await (await centre.call()).wait_answered(5)
        with pytest.raises(CallFailed) as caught:
            await dial(centre, "sip:112@127.0.0.1").wait_answered(5)
        assert caught.value.status == 503


async def test_a_killed_switch_takes_the_test_call_up_again(tmp_path: Path) -> None:
    """Given a test call; when the switch is killed; then the next one still counts, loops and ends
    it, and starts no recording."""
    async with bench(tmp_path, test_call_s=30) as centre:
        call = dial(centre, URN)
        await call.wait_answered(5)
        await centre.told("call-arrived")
        await centre.restart()
        core = centre.switch.core
        assert len(core.tests) == 1
        await until(lambda: any(hears == says for hears, says in centre.media.cells))
        await asyncio.sleep(0.05)
        assert centre.media.recordings == {}
        assert snapshot(core).queue == []
        call.hang_up()
        assert (await centre.told("call-ended")).body["outcome"] == "tested"
        await until(lambda: not core.tests)


async def test_this_machine_may_try_its_own_edge_and_nothing_else(tmp_path: Path) -> None:
    """Given no trunk at loopback; when this machine calls; then only its test call is let in."""
    trunks = [{"name": "telco", "sources": ["192.0.2.0/24"]}]
    async with bench(tmp_path, trunks=trunks) as centre:
        await dial(centre, URN).wait_answered(5)
        assert (await centre.told("call-arrived")).body["trunk"] == testcalls.EDGE
        with pytest.raises(CallFailed) as caught:
            await dial(centre, "sip:112@127.0.0.1").wait_answered(5)
        assert caught.value.status == 403


async def test_a_line_by_which_no_test_call_comes_is_an_alarm_until_one_does(
    tmp_path: Path,
) -> None:
    """Silence of a trunk looks like a quiet night: absence itself must be noticed.

    Given test calls due each 0.1 s on two lines; when none comes for three periods; then each line
    has its alarm; when one comes on one line; then that alarm is gone and the other stays.
    """
    trunks = [{"name": "telco", "sources": ["192.0.2.0/24"]}]
    lines = ["edge", "telco"]
    async with bench(tmp_path, trunks=trunks, test_call_every_s=0.1, test_lines=lines) as centre:
        core = centre.switch.core
        await until(lambda: {one.about for one in testcalls.missing(core)} == set(lines))
        begun = core.begun[1]
        assert {one.since for one in testcalls.missing(core)} == {begun}
        core.settings.test_lines.clear()
        core.settings.test_lines.append("edge")
    slow = {"test_call_every_s": 20, "test_lines": lines, "trunks": trunks}
    (tmp_path / "b").mkdir()
    async with bench(tmp_path / "b", **slow) as centre:
        core = centre.switch.core
        core.begun = (core.begun[0] - 61, core.begun[1])
        assert {one.about for one in snapshot(core).alarms} == set(lines)
        seat = Browser(centre, "M1", "op1")
        await seat.sit(ready=False)
        assert seat.state["alarms"] == ["test-call-missing"]
        await dial(centre, URN).wait_answered(5)
        await until(lambda: {one.about for one in snapshot(core).alarms} == {"telco"})
        await seat.leave()
