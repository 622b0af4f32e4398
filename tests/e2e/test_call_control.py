"""Calls that change hands in the browser: park, pick up, send to a seat, supervise, take over."""

import asyncio
import contextlib
from collections.abc import AsyncIterator
from pathlib import Path

import httpx
from chromium import get_up, hears, opened, sit_down
from playwright.async_api import Page, expect
from shift import LONG_MS, call_of, caller_answered, waited_for, wrap_up
from tones import tone_wav

from demo import DemoCentre

CALLER_HZ = 440.0
TAKER_HZ, SUPERVISOR_HZ = 880.0, 1320.0
NOBODY_HZ = 2350.0
HEARD_DB = 15.0
"""How far a tone stands out of what nobody says."""
TRIES = 6
TO_CALLER_DBFS = -45.0


@contextlib.asynccontextmanager
async def at_desk(
    centre: DemoCentre, role: str, seat_id: str, hz: float, folder: Path
) -> AsyncIterator[Page]:
    """Somebody at a seat, who says a tone."""
    voice = tone_wav(folder / f"{seat_id}.wav", hz, 4.0, 48000)
    async with opened(centre, role, "/console", microphone=voice) as page:
        await sit_down(page, seat_id)
        try:
            yield page
        finally:
            await get_up(page)


async def hears_now(page: Page, *tones_hz: float) -> bool:
    """Whether the page's telephone lets all of these be heard."""
    *levels, nobody = await hears(page, *tones_hz, NOBODY_HZ)
    return min(levels) > nobody + HEARD_DB


async def until_heard(page: Page, *tones_hz: float) -> None:
    """A starved machine is given a few seconds to let all of these be heard."""
    for _ in range(TRIES):
        if await hears_now(page, *tones_hz):
            return
    raise AssertionError(f"not heard: {tones_hz}")


async def test_a_call_is_parked_taken_back_sent_on_and_given_back(
    centre: DemoCentre, tmp_path: Path
) -> None:
    """Given a call taker and a supervisor at seats; when the call is parked, taken back, and sent
    to the other seat by keys; then each screen says where the caller is, and nobody is dropped."""
    number = "0811000301"
    async with (
        at_desk(centre, "call_taker", "M1", TAKER_HZ, tmp_path) as taker,
        caller_answered(centre, taker, number) as caller,
        at_desk(centre, "supervisor", "M2", SUPERVISOR_HZ, tmp_path) as other,
    ):
        boxes = [await taker.get_by_test_id(name).bounding_box() for name in ("hang-up", "hold")]
        assert all(boxes)
        assert boxes[0]["y"] < boxes[1]["y"]  # type: ignore[index]
        await taker.keyboard.press("F7")
        await expect(taker.get_by_test_id("set-aside")).to_contain_text("1", timeout=LONG_MS)
        await expect(other.get_by_test_id("aside-row")).to_contain_text(number, timeout=LONG_MS)
        await taker.keyboard.press("F7")
        await expect(taker.get_by_test_id("hang-up")).to_be_visible(timeout=LONG_MS)
        await taker.keyboard.press("F3")
        await taker.get_by_test_id("party-entry").filter(has_text="M2").click()
        await expect(other.get_by_test_id("answer")).to_be_visible(timeout=LONG_MS)
        await expect(taker.get_by_test_id("set-aside")).to_contain_text("M2", timeout=LONG_MS)
        sent = taker.get_by_test_id("toast").filter(has_text="Dialihkan ke")
        await expect(sent).to_be_visible()
        await taker.keyboard.press("F3")
        await expect(taker.get_by_test_id("hang-up")).to_be_visible(timeout=LONG_MS)
        await expect(sent).to_have_count(0)
        await expect(taker.get_by_test_id("toast").filter(has_text="diparkir")).to_have_count(0)
        await expect(other.get_by_test_id("answer")).to_have_count(0, timeout=LONG_MS)
        await taker.keyboard.press("F3")
        await taker.get_by_test_id("party-entry").filter(has_text="M2").click()
        await expect(other.get_by_test_id("answer")).to_be_visible(timeout=LONG_MS)
        await other.keyboard.press("F2")
        await expect(other.get_by_test_id("caller-number")).to_have_text(number, timeout=LONG_MS)
        await expect(taker.get_by_test_id("call-panel")).to_have_count(0, timeout=LONG_MS)
        await until_heard(other, CALLER_HZ)
        await caller.stop()
        await wrap_up(other)
    api = await asyncio.to_thread(centre.client, "supervisor")
    call = await asyncio.to_thread(call_of, api, number)
    assert call is not None
    assert (call["outcome"], call["seat_id"]) == ("answered", "M2")


async def test_a_supervisor_listens_whispers_and_takes_a_call_over(
    centre: DemoCentre, tmp_path: Path
) -> None:
    """Given a live call; when a supervisor listens, whispers and takes over by keys; then each
    hears whom the way says, only supervisors may, and the timeline has each step."""
    number = "0811000302"
    async with (
        at_desk(centre, "call_taker", "M1", TAKER_HZ, tmp_path) as taker,
        caller_answered(centre, taker, number) as caller,
        at_desk(centre, "supervisor", "M2", SUPERVISOR_HZ, tmp_path) as watching,
    ):
        await expect(watching.get_by_test_id("live-call")).to_contain_text(number, timeout=LONG_MS)
        await watching.keyboard.press("Alt+5")
        await expect(watching.get_by_test_id("supervision")).to_contain_text(number)
        await until_heard(watching, CALLER_HZ, TAKER_HZ)
        assert not await hears_now(taker, SUPERVISOR_HZ)
        await watching.keyboard.press("Alt+6")
        await expect(taker.get_by_test_id("supervised")).to_be_visible(timeout=LONG_MS)
        await until_heard(taker, SUPERVISOR_HZ)
        assert not (await caller.hears(SUPERVISOR_HZ))[SUPERVISOR_HZ] > TO_CALLER_DBFS
        row = await asyncio.to_thread(call_of, centre.client("supervisor"), number)
        assert row is not None
        assert await asyncio.to_thread(_refused, centre, row["call_id"]) == "not-allowed"
        await watching.keyboard.press("Alt+D")
        await expect(watching.get_by_test_id("caller-number")).to_have_text(number, timeout=LONG_MS)
        await expect(taker.get_by_test_id("call-panel")).to_have_count(0, timeout=LONG_MS)
        await caller.stop()
        await wrap_up(watching)
    api = await asyncio.to_thread(centre.client, "supervisor")

    def told() -> bool:
        call = call_of(api, number)
        return bool(call and call["state"] == "ended" and call["seat_id"] == "M2")

    await waited_for(told)


def _refused(centre: DemoCentre, call_id: str) -> str:
    """With which code a call taker is refused who would like to listen."""
    answer: httpx.Response = centre.client("call_taker").post(
        f"/api/calls/{call_id}/supervise", {"mode": "listen"}
    )
    assert answer.status_code == 403
    return str(answer.json()["code"])
