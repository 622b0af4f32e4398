"""Real switch, real media, real sound on loopback: the life of an emergency call."""

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
import tones
from centre import (
    CALLER_HZ,
    HOLD_HZ,
    NOTICE_HZ,
    PARTY_HZ,
    SEAT_HZ,
    TONE_HZ,
    Centre,
    person,
    phone_seat,
    seated,
)


@pytest.fixture
async def centre(tmp_path: Path) -> AsyncIterator[Centre]:
    """A centre with two phone seats and a robot that never registers."""
    async with Centre(tmp_path, seats=[phone_seat("S1"), phone_seat("S2")]) as running:
        yield running


async def test_a_call_is_answered_heard_recorded_and_told(centre: Centre) -> None:
    """The walking thread: ring, notice, tone, offer, answer, two-way sound, end, facts."""
    async with person(centre, CALLER_HZ) as caller:
        call = await caller.dial()
        await caller.hears(NOTICE_HZ)
        await caller.hears(TONE_HZ)
        async with seated(centre, "S1") as seat:
            await seat.pick_up()
            for _ in range(3):  # long enough for the recording to be measured
                await asyncio.gather(caller.hears(SEAT_HZ), seat.hears(CALLER_HZ))
            call.hang_up()
            assert seat.call is not None
            await seat.call.wait_ended(5)
            closed = await centre.fact("recording-closed")
    kinds = await centre.types(closed.stream.partition("/")[2])
    assert kinds == [
        "call-arrived",
        "recording-started",
        "call-queued",
        "call-offered",
        "call-answered",
        "call-ended",
        "leg-quality-measured",
        "leg-quality-measured",
        "recording-closed",
    ]
    ended = await centre.fact("call-ended", outcome="answered", by="caller")
    assert ended.actor == "switch"
    started = await centre.fact("recording-started")
    wav = centre.recording(started)
    assert tones.wav_levels(wav, [CALLER_HZ], 0, -1.2, -0.2)[CALLER_HZ] > -20
    right = tones.wav_levels(wav, [SEAT_HZ, CALLER_HZ], 1, -1.2, -0.2)
    assert right[SEAT_HZ] > -20
    assert right[CALLER_HZ] < -50
    assert tones.wav_levels(wav, [NOTICE_HZ], 1, 0.1, 0.7)[NOTICE_HZ] > -20
    arrived = await centre.fact("call-arrived", number_status="present", trunk="telco")
    assert arrived.personal["caller"]["number"] == "+62000111"
    await centre.until_state(lambda state: not state["calls"] and not state["queue"])
    assert (await centre.media.client.hello()).recordings == []


async def test_the_seat_can_end_the_call(centre: Centre) -> None:
    """The operator hangs the phone up; the caller must not stay on a dead line."""
    async with person(centre, CALLER_HZ) as caller, seated(centre, "S1") as seat:
        call = await caller.dial()
        taken = await seat.pick_up()
        await caller.hears(SEAT_HZ)
        taken.hang_up()
        await call.wait_ended(5)
        await centre.fact("call-ended", outcome="answered", by="seat")


async def test_a_caller_who_leaves_the_queue_is_abandoned(centre: Centre) -> None:
    """Somebody must be called back."""
    async with person(centre, CALLER_HZ) as caller:
        call = await caller.dial()
        await centre.fact("call-queued")
        call.hang_up()
        await centre.fact("call-ended", outcome="abandoned", by="caller")


async def test_a_missed_offer_goes_to_the_next_seat(centre: Centre) -> None:
    """An empty chair must not cost a caller more than the offer's time."""
    async with (
        person(centre, CALLER_HZ) as caller,
        seated(centre, "S1") as first,
        seated(centre, "S2") as second,
    ):
        await caller.dial()
        offered = await centre.fact("call-offered")
        slow, quick = (first, second) if offered.body["seat_id"] == "S1" else (second, first)
        ringing = await slow.received.get()
        await quick.pick_up()
        await ringing.wait_ended(5)
        await centre.fact("offer-missed", seat_id=offered.body["seat_id"])
        await centre.fact("seat-not-ready", reason="missed-offer")
        await caller.hears(SEAT_HZ)


async def test_a_caller_on_hold_hears_the_hold_prompt(centre: Centre) -> None:
    """Silence would make a caller hang up."""
    async with person(centre, CALLER_HZ) as caller, seated(centre, "S1") as seat:
        await caller.dial()
        await seat.pick_up()
        await caller.hears(SEAT_HZ)
        await centre.ask("S1", "hold")
        await centre.ask("S1", "hold")
        await asyncio.gather(caller.hears(HOLD_HZ), seat.hears())
        await centre.ask("S1", "resume")
        await asyncio.gather(caller.hears(SEAT_HZ), seat.hears(CALLER_HZ))
        await centre.ask("S1", "mute")
        await asyncio.gather(caller.hears(), seat.hears(CALLER_HZ))
        await centre.ask("S1", "unmute")
        await caller.hears(SEAT_HZ)
        await centre.ask("S1", "hang_up")
        kinds = await centre.types()
        assert kinds.count("call-held") == kinds.count("call-resumed") == 1
        assert kinds.count("seat-muted") == kinds.count("seat-unmuted") == 1


async def test_a_party_is_added_and_dropped(centre: Centre) -> None:
    """Caller, call taker and fire station hear each other."""
    async with (
        person(centre, CALLER_HZ) as caller,
        seated(centre, "S1") as seat,
        person(centre, PARTY_HZ, "damkar") as station,
    ):
        await caller.dial()
        await seat.pick_up()
        await caller.hears(SEAT_HZ)
        added = await centre.ask("S1", "add_party", address=station.address)
        assert isinstance(added, dict)
        joined = await station.pick_up()
        await asyncio.gather(
            caller.hears(SEAT_HZ, PARTY_HZ),
            seat.hears(CALLER_HZ, PARTY_HZ),
            station.hears(CALLER_HZ, SEAT_HZ),
        )
        await centre.ask("S1", "drop_party", leg_id=added["leg_id"])
        await joined.wait_ended(5)
        await caller.hears(SEAT_HZ)
        left = await centre.fact("party-left", reason="dropped")
        assert left.actor == "op-S1"


async def test_keys_and_silence_of_the_caller_are_told(centre: Centre) -> None:
    """A caller who cannot speak may press keys; a caller without sound must be noticed."""
    async with person(centre, CALLER_HZ) as caller:
        await caller.dial()
        await caller.hears(TONE_HZ)
        caller.be_silent()
        await centre.fact("media-silent", leg="caller", within_s=12)
        assert caller.call is not None
        assert caller.call.session is not None
        caller.talk(caller.call.session)
        await centre.fact("media-heard", leg="caller")


async def test_the_far_side_moves_its_audio_in_mid_call(centre: Centre) -> None:
    """Mobile networks move calls; the sound must follow."""
    async with (
        person(centre, CALLER_HZ) as caller,
        person(centre, CALLER_HZ) as elsewhere,
        seated(centre, "S1") as seat,
    ):
        call = await caller.dial()
        await seat.pick_up()
        await caller.hears(SEAT_HZ)
        caller.be_silent()
        call.reoffer(elsewhere.offer)
        assert await call.reanswered.get() == 200
        assert call.session is not None
        elsewhere.talk(call.session)
        await asyncio.gather(elsewhere.hears(SEAT_HZ), seat.hears(CALLER_HZ))
