"""``kill -9`` of each process during a live call: nobody is lost, nothing acknowledged is lost."""

import asyncio
import os
import signal
from typing import Any

import pytest

from demo import Api, DemoCentre, wait_for
from soundphone import SoundPhone

CALLER_HZ, SEAT_HZ = 440.0, 880.0
AUDIBLE_DBFS = -30.0


async def connected(centre: DemoCentre) -> tuple[SoundPhone, SoundPhone]:
    """A caller and a SIP seat that hear each other."""
    account = centre.description["sip_seat"]
    seat = SoundPhone(SEAT_HZ, (account["username"], account["password"]))
    caller = SoundPhone(CALLER_HZ)
    await seat.start()
    await caller.start()
    assert await seat.register(centre.sip) == 200
    await caller.ring(centre.sip)
    await caller.hears_at_last(SEAT_HZ)
    await seat.hears_at_last(CALLER_HZ)
    return caller, seat


@pytest.fixture
def known(centre: DemoCentre) -> set[str]:
    """Calls of earlier tests."""
    wait_for(lambda: healthy(centre) and database_back(centre), 60)
    return set(centre.client("supervisor").rows("call"))


def ended(api: Api, known: set[str]) -> list[dict[str, Any]]:
    """Calls that are over and whose recording was closed; none while one of them is not."""
    rows = [row for key, row in api.rows("call").items() if key not in known]
    over = [row for row in rows if row["state"] == "ended"]
    return over if over and all(row["recording"]["state"] != "recording" for row in over) else []


async def finish(
    centre: DemoCentre, known: set[str], caller: SoundPhone, seat: SoundPhone
) -> dict[str, Any]:
    """Hangs up; the call's row when all facts are in the log, which verifies."""
    await caller.stop()
    await seat.stop()
    await asyncio.to_thread(wait_for, lambda: database_back(centre), 60)
    api = await asyncio.to_thread(centre.client, "supervisor")
    rows = await asyncio.to_thread(wait_for, lambda: ended(api, known), 60)
    status, said = await asyncio.to_thread(centre.verify)
    assert status == 0, said
    assert len(rows) == 1
    return dict(rows[0])


@pytest.mark.parametrize("part", ["serve", "work"])
async def test_the_call_goes_on_while_a_process_that_telephony_does_not_need_dies(
    centre: DemoCentre, known: set[str], part: str
) -> None:
    """Pages and deadlines may fail; a frightened person must go on hearing the call taker."""
    caller, seat = await connected(centre)
    await asyncio.to_thread(centre.kill, part)
    assert (await caller.hears(SEAT_HZ))[SEAT_HZ] > AUDIBLE_DBFS
    assert (await seat.hears(CALLER_HZ))[CALLER_HZ] > AUDIBLE_DBFS
    row = await finish(centre, known, caller, seat)
    assert row["outcome"] == "answered"
    assert row["recording"]["state"] == "closed"


async def test_audio_never_stops_when_the_switch_dies_and_it_takes_its_call_again(
    centre: DemoCentre,
    known: set[str],
) -> None:
    """The switch adopts the call from its journal and takes the caller's goodbye."""
    caller, seat = await connected(centre)
    await asyncio.to_thread(centre.kill, "switch")
    assert (await caller.hears(SEAT_HZ))[SEAT_HZ] > AUDIBLE_DBFS
    await asyncio.to_thread(wait_for, lambda: healthy(centre), 30)
    assert (await seat.hears(CALLER_HZ))[CALLER_HZ] > AUDIBLE_DBFS
    row = await finish(centre, known, caller, seat)
    assert row["outcome"] == "answered"
    assert row["recording"]["state"] == "closed"


async def test_a_call_has_one_outcome_when_media_dies(centre: DemoCentre, known: set[str]) -> None:
    """Sound may be lost for a moment, never the call: both hear each other again."""
    caller, seat = await connected(centre)
    await asyncio.to_thread(centre.kill, "media")
    await asyncio.to_thread(wait_for, lambda: healthy(centre), 30)
    await caller.hears_at_last(SEAT_HZ)
    await seat.hears_at_last(CALLER_HZ)
    row = await finish(centre, known, caller, seat)
    assert row["outcome"] == "answered"


async def test_media_that_hangs_in_a_call_is_ended_and_the_call_is_heard_again(
    centre: DemoCentre, known: set[str]
) -> None:
    """Given media that stands still without a word (SIGSTOP) in a call; then somebody ends it who
    needs no operator for that, the next media takes its place, and both hear each other."""
    caller, seat = await connected(centre)
    hung = centre.pid("media")
    os.kill(hung, signal.SIGSTOP)
    await asyncio.to_thread(wait_for, lambda: centre.pid("media") != hung, 90)
    await caller.hears_at_last(SEAT_HZ)
    row = await finish(centre, known, caller, seat)
    assert row["outcome"] == "answered"


async def test_a_new_call_is_answered_and_recorded_while_postgresql_and_serve_are_stopped(
    centre: DemoCentre,
    known: set[str],
) -> None:
    """The log may be away; the caller must not notice, and the facts come later, once."""
    account = centre.description["sip_seat"]
    seat = SoundPhone(SEAT_HZ, (account["username"], account["password"]))
    await seat.start()
    assert await seat.register(centre.sip) == 200
    stopped = [centre.pid("postgres"), centre.pid("serve"), centre.pid("work")]
    for pid in stopped:
        os.kill(pid, signal.SIGSTOP)
    caller = SoundPhone(CALLER_HZ)
    try:
        await caller.start()
        await caller.ring(centre.sip)
        await caller.hears_at_last(SEAT_HZ)
        await seat.hears_at_last(CALLER_HZ)
        await caller.stop()
    finally:
        for pid in stopped:
            os.kill(pid, signal.SIGCONT)
    row = await finish(centre, known, SoundPhone(CALLER_HZ), seat)
    assert row["outcome"] == "answered"
    assert row["recording"]["state"] == "closed"


async def test_postgresql_killed_in_a_call_loses_no_acknowledged_fact(
    centre: DemoCentre, known: set[str]
) -> None:
    """What was answered with a seq is in the log after the crash; what was not can be repeated."""
    caller, seat = await connected(centre)
    api = await asyncio.to_thread(centre.client, "supervisor")
    answer = await asyncio.to_thread(
        api.done, "/api/units/DMK-01/out-of-service", {"reason": "refuelling"}
    )
    await asyncio.to_thread(centre.kill, "postgres")
    assert (await caller.hears(SEAT_HZ))[SEAT_HZ] > AUDIBLE_DBFS
    await asyncio.to_thread(wait_for, lambda: database_back(centre), 60)
    row = await finish(centre, known, caller, seat)
    assert row["outcome"] == "answered"
    units = await asyncio.to_thread(api.rows, "unit")
    assert units["DMK-01"]["state"] == "out_of_service"
    status, said = await asyncio.to_thread(centre.verify)
    assert (status, int(said) >= answer["seq"]) == (0, True)
    await asyncio.to_thread(api.done, "/api/units/DMK-01/in-service")


def health(centre: DemoCentre) -> dict[str, Any]:
    """``/healthz``, also when it says no."""
    import httpx

    try:
        found: dict[str, Any] = httpx.get(f"{centre.http}/healthz", trust_env=False).json()
    except (httpx.HTTPError, ValueError):
        return {}
    return found


def healthy(centre: DemoCentre) -> bool:
    """Whether calls can be taken again."""
    return bool(health(centre).get("taking_calls"))


def database_back(centre: DemoCentre) -> bool:
    """Whether the log answers again."""
    return bool(health(centre).get("parts", {}).get("database", {}).get("ok"))
