"""Evidence at the console: a finding that is accepted."""

import contextlib
import os

from centre_log import opened_log, tell_of_finding
from chromium import opened
from playwright.async_api import expect
from shift import LONG_MS

from demo import DemoCentre
from tahuri.watch.decider import Mend, Report

LOST = Report("recording-missing", "2020/01/01/01ARZ3NDEKTSV4RRFFQ69G5FAV.wav", node="n2")
"""Of another node: the watch of this one leaves it alone."""
KEY = f"{LOST.code}:{LOST.about}@{LOST.node}"


async def test_a_finding_is_accepted_with_a_reason_and_alarms_no_longer(
    centre: DemoCentre,
) -> None:
    """Given a finding; then the console's top bar and the page tell of it; when a supervisor
    accepts it without a reason, then one is asked for; with one, it stays in sight, alarming
    nobody, with the reason beside it."""
    async with contextlib.AsyncExitStack() as stack:
        log = await stack.enter_async_context(opened_log(centre))
        await tell_of_finding(log, KEY, LOST)
        stack.push_async_callback(tell_of_finding, log, KEY, Mend())
        console = await stack.enter_async_context(opened(centre, "supervisor", "/console"))
        told = console.get_by_test_id("findings")
        await expect(told).to_be_visible(timeout=LONG_MS)
        await told.click()
        page = console
        finding = page.locator('[data-testid="finding"][data-code="recording-missing"]')
        await expect(finding).to_be_visible(timeout=LONG_MS)
        await finding.get_by_test_id("accept").click()
        reason = page.get_by_test_id("accept-reason")
        await expect(reason).to_be_focused()
        await page.get_by_test_id("accept-save").click()
        await expect(finding.get_by_role("alert")).to_be_visible(timeout=LONG_MS)
        await reason.press("Escape")
        await expect(reason).to_have_count(0)
        await finding.get_by_test_id("accept").click()
        await reason.fill("Cakram diganti, salinan ada")
        if folder := os.environ.get("TAHURI_SHOTS"):
            await page.screenshot(path=f"{folder}/finding.png", full_page=True)
        await reason.press("Enter")
        await expect(finding).to_contain_text("Cakram diganti, salinan ada", timeout=LONG_MS)
        await expect(finding.get_by_test_id("accept")).to_have_count(0)
        await page.goto("/console")
        await expect(page.get_by_test_id("queue-count")).to_be_visible(timeout=LONG_MS)
        await expect(page.get_by_test_id("feed-state")).to_contain_text("langsung", timeout=LONG_MS)
        await expect(told).to_have_count(0)
