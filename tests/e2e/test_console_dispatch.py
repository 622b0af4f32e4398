"""The dispatcher's console: alarms, reasons, undoing, and two people at once."""

import asyncio

from chromium import opened
from playwright.async_api import Page, expect
from shift import LONG_MS, an_incident, said_by_radio

from demo import DemoCentre

ACK_MS = 90_000
"""The crew has 60 s; the rest is patience with a busy machine."""
COUNT_SOUNDS = """
() => {
  window.alarms = 0;
  const start = OscillatorNode.prototype.start;
  OscillatorNode.prototype.start = function (...args) {
    window.alarms += 1;
    return start.apply(this, args);
  };
}
"""


async def choose(page: Page, incident_id: str) -> None:
    """Selects the incident in the list."""
    await page.locator(f'[data-incident="{incident_id}"] button').click()
    await expect(page.get_by_test_id("recommend-unit").first).to_be_visible(timeout=LONG_MS)


async def send_first(page: Page) -> str:
    """Sends the first recommended unit by its digit; which one it is."""
    unit_id = await page.get_by_test_id("recommend-unit").first.get_attribute("data-unit")
    assert unit_id is not None
    await page.keyboard.press("1")
    await expect(
        page.locator(f'[data-testid="incident-unit"][data-unit="{unit_id}"]')
    ).to_be_visible(timeout=LONG_MS)
    return unit_id


async def test_a_crew_that_does_not_answer_alarms_once_and_the_next_unit_is_offered(
    centre: DemoCentre,
) -> None:
    """A pager that nobody hears must not cost a life: the room is told after 60 s, by itself."""
    async with (
        an_incident(centre, "breathing", 1) as incident_id,
        opened(centre, "dispatcher", "/console") as page,
    ):
        await page.evaluate(COUNT_SOUNDS)
        await choose(page, incident_id)
        unit_id = await send_first(page)
        alarm = page.get_by_test_id("alarm").filter(has_text=unit_id)
        await expect(alarm).to_be_visible(timeout=ACK_MS)
        sounded = await page.evaluate("window.alarms")
        assert sounded > 0
        following = alarm.get_by_test_id("alarm-next")
        await expect(following).to_be_visible(timeout=LONG_MS)
        await following.click()
        await expect(alarm).to_have_count(0)
        await expect(page.get_by_test_id("incident-unit")).to_have_count(2, timeout=LONG_MS)
        assert await page.evaluate("window.alarms") == sounded, "loudly, but once"


async def test_a_unit_that_is_not_recommended_asks_for_a_reason(centre: DemoCentre) -> None:
    """The dispatcher decides; why they knew better must be readable a year later."""
    async with (
        an_incident(centre, "breathing", 1) as incident_id,
        opened(centre, "dispatcher", "/console") as page,
    ):
        await choose(page, incident_id)
        other = page.locator('[data-testid="recommend-unit"]:not(.best)').first
        unit_id = await other.get_attribute("data-unit")
        await other.get_by_test_id("dispatch").click()
        await page.get_by_test_id("reason-text").fill("Regu kenal jalannya")
        await page.locator('[data-testid="reason"][data-code="local-knowledge"]').click()
        sent = page.locator(f'[data-testid="incident-unit"][data-unit="{unit_id}"]')
        await expect(sent).to_be_visible(timeout=LONG_MS)
        api = await asyncio.to_thread(centre.client, "supervisor")
        case = await asyncio.to_thread(api.get, f"/api/incidents/{incident_id}/timeline")
        assert "local-knowledge" in str(case["entries"]) or "setempat" in str(case["entries"])


async def test_a_dispatch_is_undone_with_a_reason(centre: DemoCentre) -> None:
    """A wrong key at night: the crew must be free again at once, and the log says why."""
    async with (
        an_incident(centre) as incident_id,
        opened(centre, "dispatcher", "/console") as page,
    ):
        await choose(page, incident_id)
        unit_id = await send_first(page)
        await page.get_by_test_id("undo").click()
        await page.locator('[data-testid="reason"][data-code="wrong-unit"]').click()
        await expect(page.get_by_test_id("incident-unit")).to_have_count(0, timeout=LONG_MS)
        api = await asyncio.to_thread(centre.client, "supervisor")
        units = await asyncio.to_thread(api.rows, "unit")
        assert units[unit_id]["state"] == "available"


async def test_two_consoles_show_each_other_and_a_radio_report_to_both(centre: DemoCentre) -> None:
    """Two dispatchers who do not see each other send two engines and none."""
    async with (
        an_incident(centre) as incident_id,
        opened(centre, "dispatcher", "/console") as one,
        opened(centre, "supervisor", "/console") as other,
    ):
        await choose(one, incident_id)
        await choose(other, incident_id)
        unit_id = await send_first(one)
        row = other.locator(f'[data-testid="incident-unit"][data-unit="{unit_id}"]')
        await expect(row).to_be_visible(timeout=LONG_MS)
        await other.keyboard.press("n")
        await other.get_by_test_id("text-entry").fill("Jembatan ditutup")
        await other.keyboard.press("Control+Enter")
        await expect(one.get_by_test_id("incident-detail")).to_contain_text(
            "Jembatan ditutup", timeout=LONG_MS
        )
        api = await asyncio.to_thread(centre.client, "dispatcher")
        await asyncio.to_thread(said_by_radio, api, unit_id, "acknowledged", "en_route")
        for page in (one, other):
            moved = page.locator(f'[data-testid="incident-unit"][data-unit="{unit_id}"]')
            await expect(moved).to_contain_text("Menuju lokasi", timeout=LONG_MS)


async def test_an_agency_desk_sees_its_own_and_is_offered_what_it_may_do(
    centre: DemoCentre,
) -> None:
    """A fire officer helps with engines and notes; callers and other agencies are not theirs."""
    async with (
        an_incident(centre, "structure-fire", 1) as fire,
        an_incident(centre, "hearse", 4) as hearse,
        opened(centre, "agency_desk", "/console") as page,
    ):
        api = await asyncio.to_thread(centre.client, "dispatcher")
        for unit_id in ("DMK-14", "POL-07"):
            body = {"unit_id": unit_id, "override_reason": "reinforcement", "override_note": None}
            await asyncio.to_thread(api.done, f"/api/incidents/{fire}/dispatch", body)
        await page.locator(f'[data-incident="{fire}"] button').click(timeout=LONG_MS)
        await expect(page.locator(f'[data-incident="{hearse}"]')).to_have_count(0)
        await expect(page.get_by_test_id("own-agency")).to_contain_text("Pemadam")
        units = page.get_by_test_id("incident-unit")
        await expect(units).to_have_count(2, timeout=LONG_MS)
        for unit_id, offered in (("DMK-14", 1), ("POL-07", 0)):
            row = page.locator(f'[data-testid="incident-unit"][data-unit="{unit_id}"]')
            await expect(row.get_by_role("button", name="status")).to_have_count(offered)
        for forbidden in ("timeline", "case-pdf", "case-json", "amend", "reopen", "dispatch"):
            await expect(page.get_by_test_id(forbidden)).to_have_count(0)
        await page.keyboard.press("t")
        await expect(page.get_by_role("dialog")).to_have_count(0)
        own = page.locator('[data-testid="incident-unit"][data-unit="DMK-14"]')
        await own.get_by_role("button", name="status").click()
        await page.locator('[data-testid="unit-move"][data-code="acknowledged"]').click()
        await expect(own).to_contain_text("Terkonfirmasi", timeout=LONG_MS)
        await page.keyboard.press("n")
        await page.get_by_test_id("text-entry").fill("Hidran terdekat kering")
        await page.keyboard.press("Control+Enter")
        await expect(page.get_by_test_id("incident-detail")).to_contain_text(
            "Hidran terdekat kering", timeout=LONG_MS
        )
