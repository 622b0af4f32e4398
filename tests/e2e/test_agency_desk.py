"""An agency's desk answers a caller in the browser, writes down what it hears, and no more."""

import asyncio
import contextlib
from datetime import datetime, timedelta
from pathlib import Path

from chromium import get_up, opened, sit_down
from playwright.async_api import expect
from shift import LONG_MS, call_of, caller_answered, close_those_of, pictured, switch_told, wrap_up
from test_call_to_close import (
    CALLER_HZ,
    TAKER_HZ,
    caller_is_heard,
    fill_report,
    taker_is_heard,
)
from tones import tone_wav

from demo import DemoCentre, wait_for
from soundphone import SoundPhone
from tahuri.demo import DESK_AGENCY

NUMBER, WAITS_LONG = "0811000205", "0811000206"
OVERFLOW_S = 3.0


async def test_a_desk_takes_a_caller_of_its_agency_and_writes_the_report(
    centre: DemoCentre, tmp_path: Path
) -> None:
    """Given nobody but an agency's desk at a seat; when a caller waits; then it does not ring
    there; when a supervisor asks for the agency; then it does, both hear each other, the desk
    writes the incident, hangs up, wraps up and amends it."""
    voice = tone_wav(tmp_path / "desk.wav", TAKER_HZ, 4.0, 48000)
    api = await asyncio.to_thread(centre.client, "supervisor")
    phone = SoundPhone(CALLER_HZ)

    def waiting() -> str | None:
        row = call_of(api, NUMBER)
        return row["call_id"] if row is not None and row["state"] == "queued" else None

    async with (
        contextlib.AsyncExitStack() as ending,
        opened(centre, "agency_desk", "/console", voice) as page,
    ):
        ending.push_async_callback(phone.stop)
        await phone.start()
        await sit_down(page, "D1")
        dialling = asyncio.create_task(phone.ring(centre.sip, caller=NUMBER))
        call_id = await asyncio.to_thread(wait_for, waiting)
        await expect(page.get_by_test_id("answer")).to_have_count(0)
        asked = {"agency_id": DESK_AGENCY}
        await asyncio.to_thread(api.done, f"/api/calls/{call_id}/skill", asked)
        await expect(page.get_by_test_id("answer")).to_be_visible(timeout=LONG_MS)
        await pictured(page, "desk-offer")
        await page.keyboard.press("F2")
        await dialling
        await expect(page.get_by_test_id("caller-number")).to_have_text(NUMBER, timeout=LONG_MS)
        await caller_is_heard(page)
        await taker_is_heard(phone)
        await fill_report(page)
        await pictured(page, "desk-call")
        await page.get_by_test_id("submit-report").click()
        incident = page.locator("[data-incident]")
        await expect(incident).to_have_count(1, timeout=LONG_MS)
        await page.get_by_test_id("hang-up").click()
        await page.get_by_test_id("call-class").select_option("normal")
        await expect(page.get_by_test_id("wrap-up")).to_be_enabled(timeout=LONG_MS)
        await expect(page.locator("audio[controls]")).to_have_count(0)  # it may not hear it
        await page.get_by_test_id("wrap-up").click()
        await expect(page.get_by_test_id("call-panel")).to_have_count(0, timeout=LONG_MS)
        await expect(page.get_by_test_id("call-backs-tab")).to_have_count(0)
        await incident.get_by_role("button").first.click()
        await page.get_by_test_id("amend").click()
        await page.get_by_test_id("injured").fill("3")
        await pictured(page, "desk-incident")
        await page.get_by_test_id("submit-report").click()
        await expect(page.get_by_test_id("incident-detail")).to_contain_text("3", timeout=LONG_MS)
        await page.keyboard.press("Alt+x")
        await expect(page.get_by_test_id("seat-take")).to_be_visible(timeout=LONG_MS)
        await asyncio.to_thread(close_those_of, centre, NUMBER)


async def test_a_desk_is_rung_by_whoever_has_waited_too_long_for_the_room(
    centre: DemoCentre,
) -> None:
    """Given a rule that lets desks take part after some seconds, and nobody but a desk at a seat;
    when somebody of no agency calls; then it rings there, not before that time; the desk has the
    caller, and the log says that the call overflowed and who answered it."""
    rule = {"after_s": OVERFLOW_S, "to": "agency-desks"}
    with contextlib.ExitStack() as put_back:
        told = switch_told(centre, overflow=[rule])
        await asyncio.to_thread(put_back.enter_context, told)
        async with opened(centre, "agency_desk", "/console") as page:
            await sit_down(page, "D1")
            async with caller_answered(centre, page, WAITS_LONG):
                await pictured(page, "desk-overflow")
                await page.keyboard.press("F8")
            await wrap_up(page)
            await get_up(page)
    row = await asyncio.to_thread(call_of, centre.client("supervisor"), WAITS_LONG)
    assert row is not None
    assert (row["overflow"], row["seat_id"], row["agency_id"]) == (["agency-desks"], "D1", None)
    arrived, answered = (datetime.fromisoformat(row[at]) for at in ("arrived_at", "answered_at"))
    assert answered - arrived >= timedelta(seconds=OVERFLOW_S)
