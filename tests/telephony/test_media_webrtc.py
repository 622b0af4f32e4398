"""A real Chromium on a WebRTC leg of the real media process, and a plain RTP far end."""

import asyncio
import contextlib
import functools
import http.server
import os
import threading
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import numpy as np
import pytest
import tones
from media_bench import Media, far_end, joined, until
from playwright.async_api import Page, async_playwright

from tahuri.telephony.media.protocol import Dtmf, Webrtc

CHROMIUM = Path("/usr/bin/chromium")
FLAGS = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-dev-shm-usage",
    "--use-fake-ui-for-media-stream",
    "--use-fake-device-for-media-stream",
    "--autoplay-policy=no-user-gesture-required",
    "--allow-loopback-in-peer-connection",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--mute-audio",
]
HEARD_DBFS = -30.0
"""Spoken at -12; a browser on a starved machine fades what comes late."""
LOST_AT_MOST = 0.02
"""Share of the packets between browser and media on one machine that has other work too."""
SPOKEN_HZ = 1300
"""What the browser's microphone says."""

pytestmark = pytest.mark.skipif(
    not CHROMIUM.exists() and not os.environ.get("CI"), reason="no Chromium on this machine"
)


class _Quiet(http.server.SimpleHTTPRequestHandler):
    def log_message(self, format: str, *args: object) -> None:
        """Nothing: the test's output is not for requests."""


@contextlib.contextmanager
def served(folder: Path) -> Iterator[str]:
    """URL of a folder on loopback: a page from a file may not use the microphone."""
    handler = functools.partial(_Quiet, directory=str(folder))
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        try:
            yield f"http://127.0.0.1:{server.server_port}"
        finally:
            server.shutdown()
            thread.join()


@pytest.fixture
async def media(tmp_path: Path) -> AsyncIterator[Media]:
    async with Media(tmp_path) as running:
        yield running


@pytest.fixture
async def page(tmp_path: Path) -> AsyncIterator[Page]:
    spoken = tones.tone_wav(tmp_path / "spoken.wav", SPOKEN_HZ, 10.0, rate_hz=48000)
    async with async_playwright() as playwright:
        browser = await playwright.chromium.launch(
            executable_path=str(CHROMIUM),
            args=[*FLAGS, f"--use-file-for-fake-audio-capture={spoken}"],
        )
        try:
            page = await browser.new_page()
            with served(Path(__file__).parent) as url:
                await page.goto(f"{url}/media_agent.html")
                yield page
        finally:
            await browser.close()


async def connected(media: Media, page: Page, without: str = "none") -> int:
    """A port to which the browser's leg is connected.

    Args:
        without: an address of media that the browser cannot reach.
    """
    offer = await page.evaluate("offer()")
    opened = await media.client.open_webrtc("seat", offer)
    lines = opened.sdp.splitlines(keepends=True)
    reached = [one for one in lines if not one.startswith("a=candidate") or without not in one]
    await page.evaluate("sdp => accept(sdp)", "".join(reached))
    await until(lambda: Webrtc(opened.port, "connected") in media.events)
    return opened.port


async def browser_hears(page: Page) -> dict[float, float]:
    """Levels in the browser's latest 0.3 s."""
    heard = await page.evaluate("samples()")
    samples = np.array(heard["samples"]) * 32768
    return tones.levels(samples, [440, SPOKEN_HZ], int(heard["rate"]))


async def test_a_browser_and_a_telephone_hear_each_other(media: Media, page: Page) -> None:
    """A seat without a telephone must be as good as one with."""
    async with far_end() as caller:
        leg = await joined(media, caller, "caller")
        seat = await connected(media, page)
        await media.client.gains([(leg.port, seat, 1.0), (seat, leg.port, 1.0)])
        talking = asyncio.create_task(caller.play(tones.tone(440, 12.0), leg))
        await asyncio.wait_for(_hears_only_the_caller(page), 12.0)
        await talking
        at_caller = tones.levels(caller.heard(-100), [440, SPOKEN_HZ])
        assert at_caller[SPOKEN_HZ] > HEARD_DBFS
        assert at_caller[440] < -45
        figures = {p.port: p for p in (await media.client.stats(ports=True)).ports}
        assert figures[seat].rx > 100
        assert figures[seat].lost <= figures[seat].rx * LOST_AT_MOST


async def _hears_only_the_caller(page: Page) -> None:
    """Waits until the browser hears the caller's tone and not its own."""
    while True:
        if await page.evaluate("analyser !== undefined"):
            heard = await browser_hears(page)
            if heard[440] > HEARD_DBFS and heard[SPOKEN_HZ] < -45:
                return
        await asyncio.sleep(0.1)


@pytest.mark.parametrize("without", ["127.0.0.1", "::1"])
async def test_a_seat_on_either_network_is_heard(tmp_path: Path, page: Page, without: str) -> None:
    """Given a centre at an address of each IP family, and a browser that reaches one of them alone;
    then it is connected, and a caller at the other family's address hears it."""
    async with (
        Media(tmp_path, extra=("--other-address", "::1")) as media,
        far_end(without) as caller,
    ):
        leg = await media.client.open_rtp("caller", without)
        await media.client.set_remote(leg.port, without, caller.udp, 8, 101)
        seat = await connected(media, page, without)
        await media.client.gains([(leg.port, seat, 1.0), (seat, leg.port, 1.0)])
        async with asyncio.timeout(15):
            while True:
                heard = tones.levels(caller.heard(-50), [SPOKEN_HZ])
                if len(caller.packets) > 50 and heard[SPOKEN_HZ] > HEARD_DBFS:
                    break
                await asyncio.sleep(0.1)


async def test_keys_pressed_in_the_browser_are_told_once(media: Media, page: Page) -> None:
    """A call taker must be able to steer an agency's voice menu."""
    seat = await connected(media, page)
    await until(lambda: any(getattr(e, "port", None) == seat for e in media.events))
    await page.wait_for_function("pressable()")
    await page.evaluate("press('12#')")
    await until(lambda: sum(isinstance(e, Dtmf) for e in media.events) >= 3)
    pressed = [e.digit for e in media.events if isinstance(e, Dtmf)]
    assert pressed == ["1", "2", "#"]


async def test_a_browser_that_leaves_is_told_and_a_reload_connects_again(
    media: Media, page: Page
) -> None:
    """After a reload the seat is back on its live call within seconds."""
    seat = await connected(media, page)
    await page.evaluate("leave()")
    await until(lambda: Webrtc(seat, "closed") in media.events)
    await page.reload()
    again = await connected(media, page)
    await media.client.free(seat)
    assert again != seat
    assert {port.port for port in (await media.client.hello()).ports} == {again}


async def test_media_that_frees_a_seat_closes_the_browsers_side(media: Media, page: Page) -> None:
    """A seat that another browser took must not stay half open in the old one."""
    seat = await connected(media, page)
    await media.client.free(seat)
    await page.wait_for_function("['closed', 'failed', 'disconnected'].includes(state())")
