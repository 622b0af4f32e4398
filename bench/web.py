"""The pages: size, and the console's cold start in Chromium."""

import asyncio
import gzip
import tempfile
from pathlib import Path

from playwright.async_api import async_playwright
from tests.demo import DemoCentre

from bench.table import Figure, percentile
from tahuri.kernel import clock
from tahuri.pages import DIST

ROUNDS = 5
FLAGS = [
    "--headless=new",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-background-networking",
    "--no-first-run",
]


async def _cold_start(centre: DemoCentre) -> list[float]:
    """From navigation to a console that shows its report form or seat choice, seconds."""
    times = []
    async with async_playwright() as playwright:
        for _ in range(ROUNDS):
            browser = await playwright.chromium.launch(
                executable_path="/usr/bin/chromium", args=FLAGS
            )
            context = await browser.new_context(base_url=centre.http)
            await context.request.post("/api/session", data=centre.accounts["call_taker"])
            page = await context.new_page()
            start = clock.monotonic_s()
            await page.goto("/console", wait_until="commit")
            await page.get_by_test_id("seat-take").first.wait_for()
            times.append(clock.monotonic_s() - start)
            await browser.close()
    return times


def _sent_kb(page: str) -> float:
    """Gzipped size of a page's entry and everything in ``assets`` that it names, kB."""
    text = (DIST / page).read_text()
    files = [DIST / page]
    files += [file for file in (DIST / "assets").iterdir() if file.name in text]
    return sum(len(gzip.compress(file.read_bytes())) for file in files) / 1000


async def measure() -> list[Figure]:
    """Cold start of the console and what the pages weigh."""
    with tempfile.TemporaryDirectory(prefix="tahuri-bench-") as place:
        centre = DemoCentre(Path(place) / "data")
        try:
            await asyncio.to_thread(centre.start)
            times = await _cold_start(centre)
        finally:
            await asyncio.to_thread(centre.stop)
    return [
        Figure(
            name="console cold start, median",
            value=percentile(times, 0.5),
            unit="s",
            goal=2,
            how=f"{ROUNDS} new browsers, navigation → seat choice shown",
        ),
        Figure(
            name="console, first load",
            value=_sent_kb("console.html"),
            unit="kB",
            goal=None,
            how="gzipped page and the assets it names",
        ),
        Figure(
            name="field page, first load",
            value=_sent_kb("field.html"),
            unit="kB",
            goal=None,
            how="gzipped page and the assets it names",
        ),
        Figure(
            name="caller page",
            value=_sent_kb("caller.html"),
            unit="kB",
            goal=30,
            how="gzipped page and the assets it names",
        ),
    ]
