"""Chromium as a call taker: with a microphone that says a tone and an ear that can be measured."""

import asyncio
import contextlib
import uuid
from collections.abc import AsyncIterator
from pathlib import Path

from playwright.async_api import Page, async_playwright, expect

from demo import DemoCentre
from soundphone import SoundPhone

FLAGS = (
    "--headless=new",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-dev-shm-usage",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--no-first-run",
    "--use-fake-ui-for-media-stream",
    "--use-fake-device-for-media-stream",
    "--autoplay-policy=no-user-gesture-required",
    "--allow-loopback-in-peer-connection",
    "--mute-audio",
)
CONSOLE = (1366, 768)
PHONE = (360, 640)
SEAT_TRIES = 5
WAIT_MS = 30_000
SOUND = """
() => {
  const audio = document.querySelector("audio");
  const tracks = audio && audio.srcObject ? audio.srcObject.getAudioTracks() : [];
  return tracks.some((track) => track.readyState === "live" && !track.muted);
}
"""
"""Whether the page's telephone receives sound."""

LEVELS = """
async (tones) => {
  const audio = document.querySelector("audio");
  const context = new AudioContext();
  const analyser = context.createAnalyser();
  analyser.fftSize = 8192;
  context.createMediaStreamSource(audio.srcObject).connect(analyser);
  await new Promise((done) => setTimeout(done, 1200));
  const bins = new Float32Array(analyser.frequencyBinCount);
  analyser.getFloatFrequencyData(bins);
  const level = (tone) => bins[Math.round((tone * analyser.fftSize) / context.sampleRate)];
  await context.close();
  return tones.map(level);
}
"""


@contextlib.asynccontextmanager
async def opened(
    centre: DemoCentre,
    role: str,
    path: str,
    microphone: Path | None = None,
    size: tuple[int, int] = CONSOLE,
) -> AsyncIterator[Page]:
    """A page of a new browser in which ``role`` is signed in."""
    voice = (f"--use-file-for-fake-audio-capture={microphone}",) if microphone else ()
    async with async_playwright() as playwright:
        browser = await playwright.chromium.launch(
            executable_path="/usr/bin/chromium", args=[*FLAGS, *voice]
        )
        context = await browser.new_context(
            base_url=centre.http,
            viewport={"width": size[0], "height": size[1]},
            permissions=["microphone"],
        )
        answer = await context.request.post("/api/session", data=centre.accounts[role])
        assert answer.ok
        page = await context.new_page()
        faults: list[str] = []
        page.on("pageerror", lambda error: faults.append(str(error)))
        await page.goto(path)
        yield page
        await browser.close()
        assert faults == [], f"the page failed: {faults}"


async def sit_down(page: Page, seat_id: str) -> None:
    """Takes a seat, waits for its sound, says ready.

    Whoever sat there in the test before may have gone without a word: it is free after a while.
    """
    await page.get_by_test_id("seat-take").first.click()
    await page.get_by_test_id("seat-id").fill(seat_id)
    confirm = page.get_by_test_id("seat-take-confirm")
    ready, not_ready = page.get_by_test_id("ready"), page.get_by_test_id("not-ready")
    await confirm.click()
    for _ in range(SEAT_TRIES):
        with contextlib.suppress(AssertionError):
            await expect(ready.or_(not_ready)).to_be_visible(timeout=10_000)
            break
        if await confirm.is_visible():
            await confirm.click()
    await expect(ready.or_(not_ready)).to_be_visible(timeout=10_000)
    if await ready.is_visible():
        await ready.click()
    await expect(not_ready).to_be_visible(timeout=30_000)


async def get_up(page: Page) -> None:
    """Leaves the seat, so that the next test finds the room empty; the page is done with.

    The page goes first: one that is still open sits down again.
    """
    await page.goto("about:blank")
    for seat in ("M1", "M2", "M3", "D1"):
        key = {"Idempotency-Key": uuid.uuid4().hex}
        await page.context.request.post(f"/api/seats/{seat}/leave", headers=key, data={})


async def hears(page: Page, *tones_hz: float) -> list[float]:
    """Levels in dBFS of what comes out of the page's telephone."""
    found: list[float] = await page.evaluate(LEVELS, list(tones_hz))
    return found


@contextlib.asynccontextmanager
async def in_call(
    page: Page, centre: DemoCentre, number: str, hz: float = 440.0
) -> AsyncIterator[SoundPhone]:
    """A caller who says a tone, and whom the page's operator has answered."""
    phone = SoundPhone(hz)
    await phone.start()
    try:
        dialling = asyncio.create_task(phone.ring(centre.sip, caller=number))
        await expect(page.get_by_test_id("answer")).to_be_visible(timeout=WAIT_MS)
        await page.keyboard.press("F2")
        await dialling
        await expect(page.get_by_test_id("hang-up")).to_be_visible(timeout=WAIT_MS)
        yield phone
    finally:
        await phone.stop()


async def is_back(page: Page) -> None:
    """The page shows the live call, and its sound runs."""
    await expect(page.get_by_test_id("hang-up")).to_be_visible(timeout=WAIT_MS)
    await page.wait_for_function(SOUND, timeout=WAIT_MS)
