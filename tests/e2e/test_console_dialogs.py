"""Dialogs and keys of the console: what is typed stays, and what rings goes first."""

from chromium import CONSOLE, FLAGS, get_up, in_call, opened, sit_down
from playwright.async_api import Page, Route, async_playwright, expect
from shift import LONG_MS, wrap_up

from demo import DemoCentre

NOISY = "0811000931"
REMARKS = "Tiga kali semalam, selalu tertawa"
WATCH_KEYS = """
() => {
  window.presses = [];
  addEventListener("keydown", ({ repeat, defaultPrevented }) =>
    window.presses.push([repeat, defaultPrevented]),
  );
}
"""
"""Whether each press is of a key that is held, and whether the browser gets it."""


async def measure_dialog(page: Page) -> None:
    """The form that puts a number into the slow lane."""
    await page.keyboard.press("Alt+e")
    await page.get_by_test_id("measure-other").click()
    await expect(page.get_by_test_id("measure-form")).to_be_visible()


async def test_what_was_typed_in_a_dialog_waits_there_for_who_answered_from_it(
    centre: DemoCentre,
) -> None:
    """Given a half-filled form when somebody rings; then F2 answers at once, and the form is found
    again as it was left; once it is cancelled it begins empty."""
    async with opened(centre, "supervisor", "/console") as page:
        await sit_down(page, "M3")
        await measure_dialog(page)
        await page.get_by_test_id("measure-number-field").fill(NOISY)
        await page.get_by_test_id("measure-remarks").fill(REMARKS)
        async with in_call(page, centre, "0811000932"):
            await expect(page.get_by_test_id("measure-form")).to_have_count(0)
            await page.keyboard.press("F8")
        await expect(page.get_by_test_id("hang-up")).to_have_count(0, timeout=LONG_MS)
        await wrap_up(page)
        await measure_dialog(page)
        await expect(page.get_by_test_id("measure-number-field")).to_have_value(NOISY)
        await expect(page.get_by_test_id("measure-remarks")).to_have_value(REMARKS)
        await page.keyboard.press("Escape")
        await measure_dialog(page)
        await expect(page.get_by_test_id("measure-remarks")).to_have_value("")
        await page.keyboard.press("Escape")
        await get_up(page)


async def test_a_key_that_is_held_too_long_reaches_no_bar_of_the_browser(
    centre: DemoCentre,
) -> None:
    """F6 held for half a second would move the cursor into the address bar, in mid-call."""
    async with opened(centre, "call_taker", "/console") as page:
        await expect(page.get_by_test_id("new-report")).to_be_enabled(timeout=LONG_MS)
        await page.evaluate(WATCH_KEYS)
        await page.keyboard.down("F6")
        await page.keyboard.down("F6")
        await page.keyboard.up("F6")
        assert await page.evaluate("window.presses") == [[False, True], [True, True]]


async def broken(route: Route) -> None:
    """Reference data that no screen expects."""
    answer = await route.fetch()
    await route.fulfill(json={**await answer.json(), "agencies": [None]})


async def test_a_part_of_the_screen_that_fails_takes_no_other_with_it(centre: DemoCentre) -> None:
    """One row that nobody foresaw must not leave a call taker without a telephone."""
    async with async_playwright() as playwright:
        browser = await playwright.chromium.launch(
            executable_path="/usr/bin/chromium", args=[*FLAGS]
        )
        context = await browser.new_context(
            base_url=centre.http, viewport={"width": CONSOLE[0], "height": CONSOLE[1]}
        )
        answer = await context.request.post("/api/session", data=centre.accounts["call_taker"])
        assert answer.ok
        page = await context.new_page()
        told: list[str] = []
        page.on("pageerror", lambda error: told.append(str(error)))
        await page.route("**/api/reference", broken)
        await page.goto("/console")
        await expect(page.get_by_test_id("new-report")).to_be_enabled(timeout=LONG_MS)
        await page.keyboard.press("Alt+u")
        await expect(page.get_by_test_id("part-failed")).to_be_visible(timeout=LONG_MS)
        await expect(page.get_by_test_id("seat-take")).to_be_enabled()
        await page.get_by_test_id("new-report").click()
        await expect(page.get_by_test_id("report-form")).to_be_visible()
        assert told, "the browser's log says nothing of it"
        await browser.close()
