"""Page /telephone: one answer, why, and what to do; also while a part is down."""

import contextlib
import os
import signal

from chromium import opened
from playwright.async_api import expect
from shift import LONG_MS, pictured

from demo import DemoCentre

UNKNOWN_MS = 30_000
"""After so long without an answer the page no longer says whether the telephone is alive."""
PROBLEM = '{"status": 503, "code": "database-unavailable", "title": "", "errors": []}'


async def test_the_page_says_whether_the_telephone_is_alive_and_why_not(centre: DemoCentre) -> None:
    """A supervisor at night has one question, and needs no engineer to read the answer.

    Given a centre without a seat that is ready; then the page says that it lives, with that fault
    and what to do, and that a test call heard itself; when the switch hangs; then it says that the
    telephone is dead; when it goes on; then it lives again; when the database cannot be asked;
    then the short answer stands, from what needs none.
    """
    async with opened(centre, "supervisor", "/telephone") as page:
        answer, reasons = page.get_by_test_id("answer"), page.get_by_test_id("reasons")
        await expect(reasons).to_contain_text("Siap", timeout=LONG_MS)
        await expect(answer).to_have_attribute("data-state", "degraded")
        edge = page.locator('[data-line="edge"]')
        await expect(edge).to_contain_text("terdengar", timeout=LONG_MS)
        await expect(page.locator('[data-limit="rtp_ports"]')).to_be_visible()
        switch = centre.pid("switch")
        os.kill(switch, signal.SIGSTOP)
        try:
            await expect(answer).to_have_attribute("data-state", "dead", timeout=LONG_MS)
            await expect(page.get_by_test_id("reason").first).to_contain_text("Sentral")
        finally:
            with contextlib.suppress(ProcessLookupError):  # on a slow machine it was ended by then
                os.kill(switch, signal.SIGCONT)
        await expect(answer).to_have_attribute("data-state", "degraded", timeout=LONG_MS)
        await page.route(
            "**/api/telephone",
            lambda route: route.fulfill(status=503, body=PROBLEM, content_type="application/json"),
        )
        await expect(page.get_by_test_id("only-part")).to_be_visible(timeout=LONG_MS)
        await expect(reasons).to_contain_text("Siap")
        await expect(page.get_by_test_id("part").first).to_be_visible()
    async with opened(centre, "call_taker", "/telephone") as page:
        await expect(page.get_by_test_id("telephone-problem")).to_contain_text("tidak mengizinkan")


async def test_the_page_says_at_once_that_its_server_is_gone_and_comes_back_by_itself(
    centre: DemoCentre,
) -> None:
    """Given the page; when `serve` is killed and nobody starts it again; then the page stays, says
    so and how old it is, shows no part as working, and after half a minute no longer claims to
    know; when it is back; then so is the answer."""
    supervisor, serve = centre.process, centre.pid("serve")
    assert supervisor is not None
    async with opened(centre, "supervisor", "/telephone") as page:
        await page.clock.install()
        await page.reload()
        answer, gone = page.get_by_test_id("answer"), page.get_by_test_id("unreachable")
        await expect(answer).to_have_attribute("data-state", "degraded", timeout=LONG_MS)
        await expect(gone).to_have_count(0)
        os.kill(supervisor.pid, signal.SIGSTOP)
        try:
            os.kill(serve, signal.SIGKILL)
            await page.keyboard.press("Alt+r")
            await expect(gone).to_be_visible(timeout=LONG_MS)
            await expect(page.get_by_test_id("unreachable-age")).to_contain_text("detik")
            await expect(page.get_by_test_id("parts-old")).to_contain_text("detik lalu")
            parts = page.get_by_test_id("part")
            await expect(parts.first).to_be_visible()
            await expect(parts.locator(".good")).to_have_count(0)
            await expect(page.get_by_test_id("reasons")).to_contain_text("Siap")
            await page.clock.fast_forward(UNKNOWN_MS)
            await expect(answer).to_have_attribute("data-state", "unknown")
            await pictured(page, "telephone-gone")
        finally:
            os.kill(supervisor.pid, signal.SIGCONT)
        await expect(answer).to_have_attribute("data-state", "degraded", timeout=2 * LONG_MS)
        await expect(gone).to_have_count(0)
        await expect(page.get_by_test_id("parts-old")).to_have_count(0)
        await expect(page.get_by_test_id("part").locator(".good").first).to_be_visible()
