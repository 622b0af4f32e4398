"""Real switch, media and sound: callers helped from outside, and at seats kept for them."""

import asyncio
import os
import shutil
from pathlib import Path

import pytest
import tones
from centre import (
    ADDRESS,
    CALLER_HZ,
    PARTY_HZ,
    SEAT_HZ,
    TONE_HZ,
    Centre,
    Person,
    free_tcp,
    person,
    phone_seat,
    seated,
)

SCENARIO = Path(__file__).parent / "sipp" / "flood.xml"
FLOOD = 20


def rules(*numbers: Person) -> list[dict[str, object]]:
    """Each is called after the one before."""
    return [
        {"after_s": 0.3 + 0.4 * at, "to": "number", "address": one.address}
        for at, one in enumerate(numbers)
    ]


async def test_a_caller_talks_with_the_fallback_number_and_is_not_lost_when_it_goes(
    tmp_path: Path,
) -> None:
    """Nobody at any seat; and whoever should help instead is busy, away, or gone too soon.

    Given a first number that is busy, a second that only rings and a third that answers; when a
    caller waits; then the second rings no longer, caller and third hear each other, also while the
    switch is killed; when the third hangs up, the caller hears the tone of the queue and a seat
    that comes helps: one call, one recording with everybody in it, one end.
    """
    centre = Centre(tmp_path, seats=[phone_seat("S1")])
    async with (
        person(centre, CALLER_HZ) as caller,
        person(centre, PARTY_HZ, "busy") as busy,
        person(centre, PARTY_HZ, "away") as away,
        person(centre, PARTY_HZ, "city") as city,
    ):
        centre.settings["overflow"] = rules(busy, away, city)
        async with centre:
            call = await caller.dial()
            refusing = await asyncio.wait_for(busy.received.get(), 10)
            refusing.reject(486)
            await centre.fact("party-left", reason="refused", status=486)
            await caller.hears(TONE_HZ)
            ringing = await asyncio.wait_for(away.received.get(), 10)
            ringing.ring()
            taken = await city.pick_up()
            await centre.fact("overflow-answered")
            assert await ringing.wait_ended(10) == "cancelled"
            assert (await centre.types()).count("call-overflowed") == 3
            await asyncio.gather(caller.hears(PARTY_HZ), city.hears(CALLER_HZ))
            await centre.restart()
            for _ in range(2):
                await asyncio.gather(caller.hears(PARTY_HZ), city.hears(CALLER_HZ))
            taken.hang_up()
            await centre.fact("overflow-returned")
            await caller.hears(TONE_HZ)
            async with seated(centre, "S1") as seat:
                await seat.pick_up()
                for _ in range(3):
                    await asyncio.gather(caller.hears(SEAT_HZ), seat.hears(CALLER_HZ))
                call.hang_up()
                closed = await centre.fact("recording-closed")
            kinds = await centre.types(closed.stream.partition("/")[2])
            for once in ("call-ended", "call-answered", "recording-started", "overflow-answered"):
                assert kinds.count(once) == 1, once
            assert (await centre.fact("call-ended")).body["outcome"] == "answered"
            wav = centre.recording(await centre.fact("recording-started"))
    right = [
        tones.wav_levels(wav, [PARTY_HZ, SEAT_HZ], 1, second, second + 0.5)
        for second in range(1, int(float(str(closed.body["duration_s"]))))
    ]
    assert any(heard[PARTY_HZ] > -20 for heard in right), "the number outside"
    assert tones.wav_levels(wav, [SEAT_HZ], 1, -1.0, -0.4)[SEAT_HZ] > -20, "the seat, last"
    assert tones.wav_levels(wav, [CALLER_HZ], 0, -1.2, -0.2)[CALLER_HZ] > -20


@pytest.mark.skipif(
    shutil.which("sipp") is None and not os.environ.get("CI"), reason="no SIPp on this machine"
)
async def test_a_flood_on_one_trunk_leaves_a_kept_seat_to_the_callers_of_another(
    tmp_path: Path,
) -> None:
    """Given three ready seats, one kept for fixed lines, and twenty mobiles at once by a stack
    that is not ours; then two seats ring and one does not; when somebody calls by a fixed line,
    it rings there and both hear each other; no caller of the flood is refused, each has one end."""
    trunks = [
        {"name": "mobile", "sources": ["127.0.0.2/32"]},
        {"name": "fixed", "sources": [f"{ADDRESS}/32"], "reserved_seats": 1},
    ]
    seats = [phone_seat(f"S{number}") for number in (1, 2, 3)]
    async with (
        Centre(tmp_path, trunks=trunks, seats=seats, offer_s=30, reserved_seat_wait_s=60) as centre,
        seated(centre, "S1") as one,
        seated(centre, "S2") as two,
        seated(centre, "S3") as three,
        person(centre, CALLER_HZ) as caller,
    ):
        await centre.until_state(lambda state: state["seats_ready"] == 3)
        flood = await asyncio.create_subprocess_exec(
            "sipp", f"{ADDRESS}:{centre.sip_port}", "-sf", str(SCENARIO), "-i", "127.0.0.2",
            "-p", str(free_tcp()), "-m", str(FLOOD), "-r", "20", "-l", str(FLOOD), "-nostdin",
            "-timeout", "40s", "-timeout_error", "-recv_timeout", "20000",
            cwd=tmp_path, stdout=asyncio.subprocess.DEVNULL, stderr=asyncio.subprocess.DEVNULL,
        )  # fmt: skip
        try:
            await centre.fact("call-queued", FLOOD // 2, 20)
            await centre.fact("call-offered", 2)
            state = await centre.state()
            assert state["seats_ready"] == 1
            call = await caller.dial(from_=f"<sip:+62911@{ADDRESS}>")
            answering = [asyncio.create_task(seat.received.get()) for seat in (one, two, three)]
            offered = await centre.fact("call-offered", 3)
            kept = {"S1": one, "S2": two, "S3": three}[str(offered.body["seat_id"])]
            ring = await answering[(one, two, three).index(kept)]
            kept.received.put_nowait(ring)
            await kept.pick_up()
            await asyncio.gather(caller.hears(SEAT_HZ), kept.hears(CALLER_HZ))
            assert (await centre.fact("call-answered")).stream == offered.stream
            arrived = await centre.facts(offered.stream.partition("/")[2])
            assert arrived[0].body["trunk"] == "fixed"
            call.hang_up()
            async with asyncio.timeout(60):
                assert await flood.wait() == 0
        finally:
            if flood.returncode is None:
                flood.kill()
                await flood.wait()
        for task in answering:
            task.cancel()
        await centre.fact("call-ended", FLOOD + 1, 20)
        kinds = await centre.types()
        assert "call-refused" not in kinds
        assert kinds.count("call-ended") == kinds.count("call-arrived") == FLOOD + 1
