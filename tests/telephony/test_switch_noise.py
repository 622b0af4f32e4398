"""Floods, the slow lane and silent callers, with the real switch and media and real key presses."""

import asyncio
import os
import shutil
import struct
from collections.abc import AsyncIterator
from datetime import timedelta
from pathlib import Path

import pytest
import tones
from centre import (
    ADDRESS,
    CALLER_HZ,
    NOTICE_HZ,
    PARTY_HZ,
    SEAT_HZ,
    Centre,
    Person,
    free_tcp,
    person,
    phone_seat,
    seated,
)

from tahuri.kernel import clock
from tahuri.telephony import rpc
from tahuri.telephony.media import rtp
from tahuri.telephony.media.protocol import RtpPort
from tahuri.telephony.protocol.operations import number_digest
from tahuri.telephony.sip import sdp

SCENARIO = Path(__file__).parent / "sipp" / "flood.xml"
MEASURED = "+62000777"
DTMF = 101


@pytest.fixture
async def centre(tmp_path: Path) -> AsyncIterator[Centre]:
    """A centre whose challenge and questions are tones, with one phone seat."""
    running = Centre(
        tmp_path, seats=[phone_seat("S1")], listen_in_s=1, slow_lane_s=20, slow_lane_sample=0
    )
    prompts = running.settings["prompts"]
    assert isinstance(prompts, dict)
    sounds = tmp_path / "sounds"
    for name in ("challenge", "ghost-cannot-speak", "ghost-police"):
        tones.tone_wav(sounds / f"{name}.wav", PARTY_HZ, 4.0)
    prompts |= {"challenge": str(sounds / "challenge.wav"), "ghost": str(sounds)}
    async with running:
        yield running


def press(caller: Person, answer: bytes, digit: int) -> None:
    """One key, as a phone sends it (RFC 4733): the end of the event three times."""
    stream = sdp.parse(answer)
    caller.end.timestamp += 1_000
    for _ in range(3):
        body = struct.pack("!BBH", digit, 0x8A, 800)
        at = (caller.end.sequence, caller.end.timestamp, caller.end.ssrc)
        caller.end.send(rtp.build(DTMF, *at, body), RtpPort(0, stream.address, stream.udp))
        caller.end.sequence += 1


async def ended_as_silent(centre: Centre) -> None:
    """As soon as listening in is over.  Raises TimeoutError: it never is."""
    async with asyncio.timeout(20):
        while True:
            try:
                await centre.ask("S1", "ghost_end")
                return
            except rpc.Failure as failure:
                if failure.code != "listen-in-running":
                    raise
            await asyncio.sleep(0.05)


async def test_a_silent_caller_hears_the_questions_and_answers_by_keys(centre: Centre) -> None:
    """Given a call that a seat has answered; when the call taker begins to ask; then caller and
    seat hear question and each other; 5 is yes, 8 is no, also after the switch was killed; and
    when listening in is over the call may be ended as silent and asks for a call-back."""
    async with person(centre, CALLER_HZ) as caller, seated(centre, "S1") as seat:
        call = caller.phone.call("sip:112@127.0.0.1", centre.flow(), caller.offer)
        answer = await call.wait_answered(10)
        assert answer is not None
        caller.talk(answer)
        await seat.pick_up()
        await caller.hears(SEAT_HZ)
        await centre.ask("S1", "ghost")
        await caller.hears(SEAT_HZ, PARTY_HZ)
        await seat.hears(CALLER_HZ, PARTY_HZ)
        caller.be_silent()
        press(caller, answer, 5)
        told = await centre.fact("ghost-answered", question="cannot-speak")
        assert told.body["answer"] == "yes"
        await caller.hears(SEAT_HZ)
        await centre.ask("S1", "ghost_ask", question="police")
        await caller.hears(SEAT_HZ, PARTY_HZ)
        await centre.restart()
        press(caller, answer, 8)
        told = await centre.fact("ghost-answered", question="police")
        assert told.body == {"question": "police", "answer": "no", "digit": "8"}
        state = await centre.until_state(lambda state: state["calls"])
        assert isinstance(state["calls"], list)
        assert len(state["calls"][0]["ghost"]["answers"]) == 2
        await ended_as_silent(centre)
        await call.wait_ended(10)
        ended = await centre.fact("ghost-ended")
        assert (ended.body["by"], ended.body["answers"]) == ("seat", 2)
        await centre.fact("call-ended", reason="ghost")
        await centre.fact("recording-closed")


async def test_a_measured_caller_hears_the_challenge_and_leaves_the_lane_by_key(
    centre: Centre,
) -> None:
    """Given a measured number; when it calls; then its caller hears the question instead of the
    notice, waits behind a caller who came later, and is before that one after pressing 1."""
    measure = {
        "digest": number_digest("salt", MEASURED),
        "measure_id": "S1",
        "until": (clock.now() + timedelta(days=1)).isoformat(),
    }
    await centre.rpc.call("measures", salt="salt", measures=[measure])
    async with person(centre, CALLER_HZ) as measured, person(centre, CALLER_HZ) as other:
        call = measured.phone.call(
            "sip:112@127.0.0.1", centre.flow(), measured.offer, f"<sip:{MEASURED}@127.0.0.1>"
        )
        answer = await call.wait_answered(10)
        assert answer is not None
        measured.talk(answer)
        await centre.fact("call-slowed", measure_id="S1")
        await measured.hears(PARTY_HZ)
        await other.dial()
        await other.hears(NOTICE_HZ)
        state = await centre.until_state(lambda state: len(queue(state)) == 2)
        assert [one["lane"] for one in queue(state)] == ["normal", "slow"]
        measured.be_silent()
        press(measured, answer, 1)
        await centre.fact("lane-left", reason="key")
        state = await centre.state()
        assert queue(state)[0]["number"] == MEASURED
        async with seated(centre, "S1") as seat:
            await seat.pick_up()
            answered = await centre.fact("call-answered")
            slowed = await centre.fact("call-slowed")
            assert answered.stream == slowed.stream


def queue(state: dict[str, object]) -> list[dict[str, object]]:
    waiting = state["queue"]
    assert isinstance(waiting, list)
    return waiting


@pytest.mark.skipif(
    shutil.which("sipp") is None and not os.environ.get("CI"), reason="no SIPp on this machine"
)
async def test_a_flood_on_one_trunk_leaves_the_other_its_calls(tmp_path: Path) -> None:
    """Given 200 INVITEs in a second or two on one trunk, by a stack that is not ours; when four
    callers come by the other in the middle of it; then all four are answered, and every INVITE of
    the flood is taken or hears 503 with Retry-After, with one outcome each."""
    trunks = [
        {"name": "mobile", "sources": ["127.0.0.2/32"]},
        {"name": "fixed", "sources": ["127.0.0.1/32"], "reserved_calls": 4},
    ]
    async with Centre(tmp_path, trunks=trunks, calls_max=12) as centre:
        flood = await asyncio.create_subprocess_exec(
            "sipp", f"{ADDRESS}:{centre.sip_port}", "-sf", str(SCENARIO), "-i", "127.0.0.2",
            "-p", str(free_tcp()), "-m", "200", "-r", "150", "-l", "400", "-nostdin",
            "-timeout", "40s", "-timeout_error", "-recv_timeout", "20000", "-trace_err",
            cwd=tmp_path, stdout=asyncio.subprocess.DEVNULL, stderr=asyncio.subprocess.DEVNULL,
        )  # fmt: skip
        try:
            await centre.fact("call-refused", reason="kept-for-other-trunks", within_s=20)
            for number in range(4):
                async with person(centre, CALLER_HZ, f"fixed{number}") as caller:
                    call = await caller.dial(from_=f"<sip:+6291{number}@127.0.0.1>")
                    call.hang_up()
                    await call.wait_ended(10)
            async with asyncio.timeout(60):
                assert await flood.wait() == 0, errors(tmp_path)
        finally:
            if flood.returncode is None:
                flood.kill()
                await flood.wait()
        await centre.until_state(lambda state: not queue(state))
        arrived = [fact for fact in await centre.facts() if fact.type == "calls.call-arrived"]
        assert [fact.body["trunk"] for fact in arrived].count("fixed") == 4
        kinds = await centre.types()
        taken, refused = kinds.count("call-arrived"), kinds.count("call-refused")
        assert taken + refused == 204
        assert kinds.count("call-ended") == taken
        assert taken - 4 >= 8
        counters = (await centre.state())["counters"]
        assert isinstance(counters, dict)
        assert counters["refused-kept-for-other-trunks"] == refused


def errors(folder: Path) -> str:
    return "".join(path.read_text() for path in folder.glob("*errors.log"))
