"""Test calls: answered at once, hear themselves, and leave queue, seats and figures alone."""

import asyncio
import contextlib
from collections.abc import AsyncIterator
from hashlib import md5
from pathlib import Path
from typing import NamedTuple

import pytest
from switch_bench import ADDRESS, Bench, Browser, bench, until

from tahuri.telephony.sip import sdp
from tahuri.telephony.sip.digest import Account
from tahuri.telephony.sip.phone import CallFailed, Phone, PhoneCall
from tahuri.telephony.switch.config import REALM
from tahuri.telephony.switch.edge import testcalls
from tahuri.telephony.switch.views import snapshot

OFFER = sdp.offer(ADDRESS, 40000, 1)
URN = "urn:service:test.sos"


@pytest.fixture
async def centre(tmp_path: Path) -> AsyncIterator[Bench]:
    """A switch with pretended media, a test number, and little patience with test calls."""
    settings = {"test_numbers": ["119900"], "test_calls_max": 2, "test_call_s": 0.6}
    async with bench(tmp_path, **settings) as one:
        yield one


class Robot(NamedTuple):
    """The robot's phone, and what rings at it."""

    phone: Phone
    rings: "asyncio.Queue[PhoneCall]"


def ha1(username: str, password: str) -> str:
    return md5(f"{username}:{REALM}:{password}".encode(), usedforsecurity=False).hexdigest()


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
    said = {name: ended.body[name] for name in ("outcome", "by", "reason")}
    assert said == {"outcome": "tested", "by": "switch", "reason": "test-over"}


async def test_too_many_test_calls_are_refused_and_callers_are_not(centre: Bench) -> None:
    """Given two test calls of two that may be; when a third and a caller come; then 486 and 200."""
    for _ in range(2):
        await dial(centre, URN).wait_answered(5)
    with pytest.raises(CallFailed) as caught:
        await dial(centre, URN).wait_answered(5)
    assert caught.value.status == 486
    refused = await centre.told("call-refused")
    assert refused.body["reason"] == "too-many-test-calls"
    assert refused.body["loopback"] is True
    await (await centre.call()).wait_answered(5)


@pytest.mark.parametrize(("target", "tests"), [(URN, True), ("sip:112@127.0.0.1", False)])
async def test_a_refused_test_call_says_that_it_was_one(
    centre: Bench, target: str, tests: bool
) -> None:
    """Given media that has no port left; when a test call and when a caller is refused; then the
    fact tells the one from the other: a test call is nobody who was refused."""
    centre.media.refuse["open_rtp"] = "ports-exhausted"
    with pytest.raises(CallFailed):
        await dial(centre, target).wait_answered(5)
    assert (await centre.told("call-refused")).body["loopback"] is tests


async def test_test_calls_take_no_place_of_a_caller(tmp_path: Path) -> None:
    """Given a centre that takes one call at once; when a test call is up; then a caller gets in."""
    async with bench(tmp_path, calls_max=1) as centre:
        await dial(centre, URN).wait_answered(5)
        await (await centre.call()).wait_answered(5)
        with pytest.raises(CallFailed) as caught:
            await dial(centre, "sip:112@127.0.0.1").wait_answered(5)
        assert caught.value.status == 503


@pytest.mark.parametrize("target", [URN, "sip:112@127.0.0.1"])
async def test_a_test_call_that_a_kill_cut_off_is_told_as_one(centre: Bench, target: str) -> None:
    """Given a switch killed while it lets a call in, of which no journal tells yet; then the next
    one refuses it, and says of a test call that nobody was refused."""
    centre.media.stalls.add("open_rtp")
    call = dial(centre, target)
    seen = len(centre.media.asked)
    await until(lambda: "open_rtp" in centre.media.asked[seen:])
    centre.media.stalls.clear()
    await centre.restart()
    with pytest.raises(CallFailed):
        await call.wait_answered(5)
    refused = await centre.told("call-refused")
    assert refused.body["reason"] == "switch-restarted"
    assert refused.body["loopback"] is (target == URN)
    assert not centre.switch.core.tests


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
        assert (await centre.told("call-arrived")).body["trunk"] == "edge"
        with pytest.raises(CallFailed) as caught:
            await dial(centre, "sip:112@127.0.0.1").wait_answered(5)
        assert caught.value.status == 403


async def test_each_of_our_addresses_is_a_line_by_which_test_calls_come(tmp_path: Path) -> None:
    """Given a switch that is tried from an address of each family; when a test call comes from one;
    then the other is missed, by its name."""
    lines = {ADDRESS: "edge-ipv4", "::1": "edge-ipv6"}
    tried = {"test_lines": [*lines.values()], "test_call_every_s": 20, "test_sources": lines}
    async with bench(tmp_path, trunks=[], **tried) as centre:
        core = centre.switch.core
        core.begun = (core.begun[0] - 61, core.begun[1])
        assert {one.about for one in testcalls.missing(core)} == {"edge-ipv4", "edge-ipv6"}
        await dial(centre, URN).wait_answered(5)
        assert (await centre.told("call-arrived")).body["trunk"] == "edge-ipv4"
        await until(lambda: {one.about for one in testcalls.missing(core)} == {"edge-ipv6"})


ROBOT = {
    "username": "robot",
    "password_ha1": ha1("robot", "secret-robot"),
    "numbers": ["119900"],
}


@contextlib.asynccontextmanager
async def with_robot(folder: Path, **settings: object) -> AsyncIterator[tuple[Bench, Robot]]:
    """A centre whose trunk sends 119900 back to us, and the robot's phone."""
    rings: asyncio.Queue[PhoneCall] = asyncio.Queue()
    phone = Phone(Account("robot", "secret-robot"), rings.put_nowait)
    await phone.start()
    known = {"test_numbers": ["119900", "119901"], "test_sources": {"192.0.2.1": "edge"}}
    try:
        async with bench(folder, test_seat=ROBOT, **known, **settings) as centre:
            yield centre, Robot(phone, rings)
    finally:
        await phone.stop()


async def test_a_robots_test_call_is_put_through_to_the_robots_seat(tmp_path: Path) -> None:
    """Answering is not enough: who dials must reach somebody who registered, rang and answered.

    Given a person's ready seat and the robot's; when a test call comes to the robot's number; then
    the robot's phone rings and no person's, the two hear each other, and it ends as tested.
    """
    async with with_robot(tmp_path) as (centre, robot):
        assert await robot.phone.register(centre.flow) == 200
        seat = Browser(centre, "M1", "op1")
        await seat.sit()
        call = dial(centre, "sip:119900@127.0.0.1")
        await call.wait_answered(5)
        rung = await robot.rings.get()
        assert centre.switch.core.tested == {}
        rung.accept(OFFER)
        await until(lambda: "telco" in centre.switch.core.tested)
        caller = centre.media.port("caller")
        await until(lambda: centre.media.hears(caller) == ["rtp robot"])
        assert centre.media.hears(centre.media.port("robot")) == ["rtp caller"]
        assert seat.state["seat"]["state"] == "ready"
        assert snapshot(centre.switch.core).queue == []
        call.hang_up()
        ended = await centre.told("call-ended")
        assert (ended.body["outcome"], ended.body["by"]) == ("tested", "caller")
        assert not {"call-queued", "call-offered", "recording-started"} & set(centre.types())
        assert await rung.wait_ended(5)
        kinds = {"play", "webrtc"}
        await until(lambda: {kind for kind, _ in centre.media.ports.values()} == kinds)
        technician = dial(centre, "sip:119901@127.0.0.1")
        await technician.wait_answered(5)
        await until(lambda: any(hears == says for hears, says in centre.media.cells))
        assert robot.rings.empty()
        technician.hang_up()
        await seat.leave()


@pytest.mark.parametrize("robot_does", ["is away", "refuses", "hangs up"])
async def test_a_robots_seat_that_cannot_be_reached_is_missed(
    tmp_path: Path, robot_does: str
) -> None:
    """Given test calls due each 0.1 s; when the robot's seat takes none; then the caller hears
    itself, the test call does not count as come, and its absence is an alarm."""
    lines: dict[str, object] = {"test_call_every_s": 0.1, "test_lines": ["telco"]}
    async with with_robot(tmp_path, **lines) as (centre, robot):
        if robot_does != "is away":
            assert await robot.phone.register(centre.flow) == 200
        call = dial(centre, "sip:119900@127.0.0.1")
        await call.wait_answered(5)
        if robot_does != "is away":
            rung = await robot.rings.get()
            rung.reject(486) if robot_does == "refuses" else rung.accept(OFFER)
        if robot_does == "hangs up":
            await until(lambda: centre.media.hears(centre.media.port("caller")) == ["rtp robot"])
            rung.hang_up()
        else:
            assert centre.switch.core.tested == {}
        await until(lambda: any(hears == says for hears, says in centre.media.cells))
        await until(lambda: {one.about for one in testcalls.missing(centre.switch.core)})
        call.hang_up()
        assert (await centre.told("call-ended")).body["outcome"] == "tested"


async def test_a_killed_switch_finds_the_robot_on_the_line(tmp_path: Path) -> None:
    """Given a test call with the robot; when the switch is killed; then the two still hear each
    other, and both legs end with the call."""
    async with with_robot(tmp_path) as (centre, robot):
        assert await robot.phone.register(centre.flow) == 200
        call = dial(centre, "sip:119900@127.0.0.1")
        await call.wait_answered(5)
        rung = await robot.rings.get()
        rung.accept(OFFER)
        await until(lambda: "telco" in centre.switch.core.tested)
        await centre.restart()
        core = centre.switch.core
        await core.done(next(iter(core.calls)), lambda: asyncio.sleep(0))  # all is mended by now
        await until(lambda: centre.media.hears(centre.media.port("caller")) == ["rtp robot"])
        assert not rung.ended.is_set()
        call.hang_up()
        assert await rung.wait_ended(5)
        assert (await centre.told("call-ended")).body["outcome"] == "tested"


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
