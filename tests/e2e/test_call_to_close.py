"""From ring to closed in a real browser, with a real SIP call and real sound."""

import asyncio
import contextlib
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from chromium import get_up, hears, opened, sit_down
from playwright.async_api import Page, expect
from tones import tone_wav

from demo import DemoCentre, wait_for
from soundphone import SoundPhone

CALLER_HZ, TAKER_HZ, NOBODY_HZ = 440.0, 880.0, 2000.0
TO_CALLER_DBFS = -45.0
TO_TAKER_DBFS = -60.0


async def caller_is_heard(page: Page) -> None:
    """The caller's tone, and no other, comes out of the browser."""
    async with asyncio.timeout(20):
        while True:
            caller, nobody = await hears(page, CALLER_HZ, NOBODY_HZ)
            if caller > TO_TAKER_DBFS:
                break
    assert caller > nobody + 20


async def taker_is_heard(phone: SoundPhone) -> None:
    """The call taker's tone, and no other, comes out of the caller's phone."""
    async with asyncio.timeout(20):
        while True:
            found = await phone.hears(TAKER_HZ, NOBODY_HZ)
            if found[TAKER_HZ] > TO_CALLER_DBFS:
                break
    assert found[TAKER_HZ] > found[NOBODY_HZ] + 20


async def fill_report(page: Page) -> None:
    """What the caller says, typed while they speak."""
    await page.get_by_test_id("place-search").fill("batumerah")
    await page.get_by_test_id("place-option").first.click()
    await expect(page.get_by_test_id("chosen-place")).to_have_text("Batu Merah")
    await page.get_by_test_id("category").fill("kebakaran bangunan")
    await page.get_by_test_id("category-option").first.click()
    await page.get_by_test_id("summary").fill("Asap tebal dari lantai dua")
    await page.get_by_test_id("caller-name").fill("Pelapor")
    await page.get_by_test_id("injured").fill("2")


async def test_a_call_is_answered_located_dispatched_and_closed(
    centre: DemoCentre, tmp_path: Path
) -> None:
    """The whole of it: somebody calls for help, help goes, and it can be shown afterwards."""
    voice = tone_wav(tmp_path / "taker.wav", TAKER_HZ, 4.0, 48000)
    phone = SoundPhone(CALLER_HZ)
    async with (
        contextlib.AsyncExitStack() as ending,
        opened(centre, "call_taker", "/console", voice) as page,
    ):
        ending.push_async_callback(phone.stop)
        await phone.start()
        await sit_down(page, "M1")
        dialling = asyncio.create_task(phone.ring(centre.sip, caller="0811000042"))
        await expect(page.get_by_test_id("answer")).to_be_visible(timeout=20_000)
        await page.keyboard.press("F2")
        await dialling
        await expect(page.get_by_test_id("caller-number")).to_have_text("0811000042")
        await caller_is_heard(page)
        await taker_is_heard(phone)
        await fill_report(page)
        await page.reload()
        await expect(page.get_by_test_id("summary")).to_have_value("Asap tebal dari lantai dua")
        await taker_is_heard(phone)
        await page.get_by_test_id("submit-report").click()
        incident_id, number = await opened_from(centre, "0811000042")
        own = page.locator(f'[data-incident="{incident_id}"]')
        await own.click()
        await expect(page.get_by_test_id("incident-number")).to_have_text(number)
        await page.get_by_test_id("dispatch").first.click()
        await expect(page.get_by_test_id("incident-unit")).to_have_count(1, timeout=15_000)
        await page.get_by_test_id("hang-up").click()
        await expect(page.get_by_test_id("wrap-up")).to_be_disabled()
        await page.get_by_test_id("call-class").select_option("normal")
        await page.get_by_test_id("wrap-up").click()
        await expect(page.get_by_test_id("call-panel")).to_have_count(0, timeout=15_000)
        await the_crew_reports(centre, incident_id)
        await page.get_by_test_id("close-incident").click()
        await page.get_by_test_id("disposition").first.click()
        await expect(own).to_have_count(0, timeout=15_000)
        await get_up(page)
    await it_is_proved(centre, incident_id)


async def opened_from(centre: DemoCentre, caller: str) -> tuple[str, str]:
    """Id and number of the incident that this caller's call opened; others may be open as well."""
    api = await asyncio.to_thread(centre.client, "supervisor")

    def opened_incident() -> tuple[str, str] | None:
        incidents = api.rows("incident")
        for call in api.rows("call").values():
            numbers = [one["number"] for one in call["personal"].values() if "number" in one]
            if caller in numbers and call["incident_ids"]:
                incident_id = str(call["incident_ids"][0])
                return incident_id, str(incidents[incident_id]["number"])
        return None

    found: tuple[str, str] = await asyncio.to_thread(wait_for, opened_incident, 30)
    return found


async def the_crew_reports(centre: DemoCentre, incident_id: str) -> None:
    """The dispatcher's desk reports for the unit, as by radio."""
    api = await asyncio.to_thread(centre.client, "dispatcher")
    incidents = await asyncio.to_thread(api.rows, "incident")
    unit_id = incidents[incident_id]["units"][0]["unit_id"]
    for state in ("acknowledged", "en_route", "on_scene", "available"):
        body = {"state": state, "at": datetime.now(UTC).isoformat(), "hospital_id": None}
        await asyncio.to_thread(api.done, f"/api/units/{unit_id}/report", body)


async def it_is_proved(centre: DemoCentre, incident_id: str) -> None:
    """The case has every step in order, its recording is intact and the log verifies."""
    api = await asyncio.to_thread(centre.client, "supervisor")

    def recorded() -> list[dict[str, Any]]:
        found = [row for row in api.rows("call").values() if incident_id in row["incident_ids"]]
        return [row for row in found if row["recording"] and row["recording"]["intact"]]

    await asyncio.to_thread(wait_for, recorded, 30)
    case = await asyncio.to_thread(api.get, f"/api/incidents/{incident_id}/timeline")
    kinds = [entry["type"] for entry in case["entries"]]
    steps = (
        "calls.call-arrived",
        "calls.recording-started",
        "calls.call-offered",
        "calls.call-answered",
        "incidents.incident-opened",
        "dispatch.unit-dispatched",
        "calls.call-ended",
        "dispatch.unit-arrived",
        "incidents.incident-closed",
    )
    assert [kind for kind in kinds if kind in steps] == list(steps)
    assert case["clocks"]["answer_s"] > 0
    status, said = await asyncio.to_thread(centre.verify)
    assert (status, said.isdecimal()) == (0, True), said
