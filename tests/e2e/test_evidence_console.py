"""Evidence at the console: a recording that is kept, a case's ZIP, a finding that is accepted."""

import asyncio
import contextlib
from pathlib import Path

from centre_log import opened_log, tell_of_finding
from chromium import opened
from playwright.async_api import expect
from shift import (
    LONG_MS,
    an_incident,
    at_a_seat,
    call_of,
    caller_answered,
    pictured,
    waited_for,
    wrap_up,
)

from demo import DemoCentre
from tahuri.calls.export import zip_faults
from tahuri.watch.decider import Mend, Report

NUMBER = "0811000601"
LOST = Report("recording-missing", "2020/01/01/01ARZ3NDEKTSV4RRFFQ69G5FAV.wav", node="n2")
"""Of another node: the watch of this one leaves it alone."""
KEY = f"{LOST.code}:{LOST.about}@{LOST.node}"


async def test_a_recording_is_kept_for_the_law_let_go_and_taken_with_its_case(
    centre: DemoCentre, tmp_path: Path
) -> None:
    """A letter of the court says: keep it; and: hand it over.

    Given a recorded call of an incident; when a supervisor keeps its recording; then a reason is
    needed, and everybody sees that it is kept; Escape leaves it as it was; when it is let go, then
    it is no longer kept; when the ZIP of the case is taken, then it proves itself.
    """
    api = await asyncio.to_thread(centre.client, "supervisor")
    async with an_incident(centre) as incident_id:
        async with at_a_seat(centre) as taker:
            async with caller_answered(centre, taker, NUMBER):
                call = await waited_for(lambda: call_of(api, NUMBER))
                body = {"incident_id": incident_id}
                await asyncio.to_thread(api.done, f"/api/calls/{call['call_id']}/link", body)
                await taker.keyboard.press("F8")
            await wrap_up(taker)

        def closed() -> bool:
            row = call_of(api, NUMBER)
            return bool(row and row["recording"] and row["recording"]["state"] == "closed")

        await waited_for(closed)
        async with opened(centre, "supervisor", "/console") as page:
            await page.locator(f'[data-incident="{incident_id}"]').click()
            await page.keyboard.press("t")
            await expect(page.get_by_test_id("recording")).to_be_visible(timeout=LONG_MS)
            ask, reason = page.get_by_test_id("hold-ask"), page.get_by_test_id("hold-reason")
            held = page.get_by_test_id("legal-hold")
            await ask.click()
            await page.get_by_test_id("hold-save").click()
            await expect(page.get_by_role("alert").filter(has_text="alasan")).to_be_visible()
            await reason.press("Escape")
            await expect(reason).to_have_count(0)
            await expect(page.get_by_role("dialog")).to_be_visible()
            await ask.click()
            await reason.fill("Surat Polresta 12/XI")
            await reason.press("Enter")
            await expect(held).to_be_visible(timeout=LONG_MS)
            await pictured(page, "legal-hold")
            await ask.click()
            await reason.fill("Perkara selesai")
            await reason.press("Enter")
            await expect(held).to_have_count(0, timeout=LONG_MS)
            async with page.expect_download(timeout=LONG_MS) as taking:
                await page.get_by_test_id("recordings-zip").click()
            taken = tmp_path / "case.zip"
            await (await taking.value).save_as(taken)
    assert zip_faults(taken) == []
    row = call_of(api, NUMBER)
    assert row is not None
    assert row["legal_hold"] is False


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
        async with console.context.expect_page() as opening:
            await told.click()  # beside the console, which may have a caller on the line
        page = await opening.value
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
        await pictured(page, "finding", full_page=True)
        await reason.press("Enter")
        await expect(finding).to_contain_text("Cakram diganti, salinan ada", timeout=LONG_MS)
        await expect(finding.get_by_test_id("accept")).to_have_count(0)
        await console.bring_to_front()
        await expect(console.get_by_test_id("feed-state")).to_contain_text(
            "langsung", timeout=LONG_MS
        )
        await expect(told).to_have_count(0)
