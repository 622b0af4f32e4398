"""Test calls through the real switch and the real media: the caller hears its own voice."""

import asyncio
from hashlib import md5
from pathlib import Path

import pytest
from centre import ADDRESS, CALLER_HZ, Centre, person
from media_bench import far_end
from test_switch_sipp import pytestmark as with_sipp
from test_switch_sipp import sipp

from tahuri.telephony import testcall, testseat
from tahuri.telephony.sip import sdp
from tahuri.telephony.sip.phone import Phone, PhoneCall
from tahuri.telephony.switch.config import REALM

URN = "urn:service:test.sos"


async def test_a_test_call_hears_itself_and_its_placer_says_so(tmp_path: Path) -> None:
    """Answered is not enough: a caller must be heard as well.

    Given the real centre; when the placer of test calls calls it, and a phone does; then both hear
    their own sound.
    """
    async with Centre(tmp_path, test_calls_max=3) as centre:
        result = await testcall.place(URN, ADDRESS, centre.sip_port, ADDRESS)
        assert result.ok, result
        assert result.status == 200
        async with person(centre, CALLER_HZ) as caller:
            await caller.dial(URN)
            await caller.hears(CALLER_HZ)
            assert caller.call is not None
            caller.call.hang_up()
            await centre.fact("call-ended", 2, outcome="tested")
        kinds = await centre.types()
        assert set(kinds) == {"call-arrived", "call-ended"}
        state = await centre.state()
        assert state["queue"] == state["calls"] == []


async def test_a_test_call_reaches_the_robots_seat_and_hears_its_answer(tmp_path: Path) -> None:
    """Given the real centre and the robot; when a test call is placed; then it hears what only the
    robot says, and robot and placer give all back; given no robot, then "no-robot" is the fault,
    and not a success by loop-back."""
    password = md5(f"{testseat.USER}:{REALM}:secret".encode(), usedforsecurity=False).hexdigest()
    seat = {"username": testseat.USER, "password_ha1": password, "numbers": []}
    async with Centre(tmp_path, test_seat=seat, test_sources={ADDRESS: "edge"}) as centre:
        alone = await testcall.place(URN, ADDRESS, centre.sip_port, ADDRESS, through_to_robot=True)
        assert (alone.ok, alone.fault) == (False, "no-robot")
        robot = testseat.TestSeat("secret", centre.flow(), ADDRESS)
        assert await robot.register()
        found = await testcall.place(URN, ADDRESS, centre.sip_port, ADDRESS, through_to_robot=True)
        assert found.ok, found
        await centre.fact("call-ended", 2, outcome="tested")
        await robot.stop()
        stranger = testseat.TestSeat("wrong", centre.flow(), ADDRESS)
        assert not await stranger.register()
        await stranger.stop()
        assert set(await centre.types()) == {"call-arrived", "call-ended"}


async def test_the_placer_tells_why_a_test_call_failed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """ "It does not work" helps nobody at night.

    Given a switch that takes no test call at once; when one is placed; then it was refused, with
    the status; given a switch that is gone; then nobody answered.
    """
    async with Centre(tmp_path, test_calls_max=0) as centre:
        result = await testcall.place(URN, ADDRESS, centre.sip_port, ADDRESS)
        assert (result.ok, result.fault, result.status) == (False, "refused", 486)
        port = centre.sip_port
    monkeypatch.setattr(testcall, "ANSWER_S", 1.0)
    dead = asyncio.create_task(testcall.place(URN, ADDRESS, port, ADDRESS))
    assert (await dead).fault == "no-answer"


async def test_an_answer_without_sound_is_no_success(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Given a far end that answers and says nothing; when a test call is placed there; then it
    failed for want of sound."""
    monkeypatch.setattr(testcall, "SOUND_S", 0.5)
    async with far_end() as end:
        rings: asyncio.Queue[PhoneCall] = asyncio.Queue()
        phone = Phone(None, rings.put_nowait)
        await phone.start(ADDRESS)
        udp = phone.agent.identity.udp_port
        placed = asyncio.create_task(testcall.place(URN, ADDRESS, udp, ADDRESS))
        call = await rings.get()
        assert call.session is not None
        call.accept(sdp.answer(sdp.parse(call.session), ADDRESS, end.udp, 1))
        result = await placed
        assert (result.ok, result.fault, result.status) == (False, "no-sound", 200)
        await phone.stop()


@with_sipp
async def test_a_test_call_by_sipp_is_answered_and_told_as_a_test(tmp_path: Path) -> None:
    """A stack that is not ours asks for ``urn:service:test.sos``."""
    async with Centre(tmp_path) as centre:
        await sipp(centre, "test_sos")
        arrived = await centre.fact("call-arrived")
        assert (arrived.body["test"], arrived.body["loopback"]) == (True, True)
        ended = await centre.fact("call-ended")
        assert (ended.body["outcome"], ended.body["by"]) == ("tested", "caller")
        assert "recording-started" not in await centre.types()
