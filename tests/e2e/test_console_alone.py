"""Map, sound, language, coordinates, palette: each may be missing or wrong and work goes on."""

import json
import re
from pathlib import Path

import pytest
from chromium import get_up, opened, sit_down
from playwright.async_api import Page, Route, expect
from shift import LONG_MS, an_incident

from demo import DemoCentre

TEXTS = Path(__file__).parents[2] / "web" / "src" / "core" / "i18n"
NO_GRAPHICS = """
const context = HTMLCanvasElement.prototype.getContext;
HTMLCanvasElement.prototype.getContext = function (kind, ...more) {
  return kind === "2d" ? context.call(this, kind, ...more) : null;
};
"""
NO_SOUND = """
window.AudioContext = class { constructor() { throw new Error("no sound here"); } };
HTMLMediaElement.prototype.play = () => Promise.reject(new DOMException("no", "NotAllowedError"));
"""


async def report_from(page: Page, text: str) -> None:
    """Opens a report without a call, by key, and types where it is."""
    await expect(page.get_by_test_id("new-report")).to_be_enabled(timeout=LONG_MS)
    await page.keyboard.press("Alt+b")
    await page.get_by_test_id("place-search").fill(text)


async def away(route: Route) -> None:
    """The map's layers cannot be had."""
    await route.abort()


async def test_a_report_is_written_without_any_map(centre: DemoCentre) -> None:
    """A broken map must not keep an ambulance: search and coordinates are enough."""
    async with opened(centre, "call_taker", "/console") as page:
        await page.route("**/api/map/**", away)
        await page.add_init_script(NO_GRAPHICS)
        await page.reload()
        await report_from(page, "batumerah")
        await page.get_by_test_id("place-option").first.click()
        await expect(page.get_by_test_id("chosen-place")).to_have_text("Batu Merah")
        await page.get_by_test_id("discard-report").click()


async def test_a_seat_without_sound_says_so_and_stays_usable(centre: DemoCentre) -> None:
    """A console that cannot ring must say it, not wait silently beside a ringing caller."""
    async with opened(centre, "call_taker", "/console") as page:
        await page.add_init_script(NO_SOUND)
        await page.reload()
        await sit_down(page, "M1")
        await expect(page.locator(".banner")).to_be_visible(timeout=LONG_MS)
        await report_from(page, "-3.6954, 128.1814")
        await expect(page.get_by_test_id("chosen-place")).to_be_visible()
        await page.get_by_test_id("discard-report").click()
        await get_up(page)


@pytest.mark.parametrize(
    ("typed", "said"),
    [("128.1814, -3.6954", "tertukar"), ("-6.2, 106.8", "di luar wilayah")],
)
async def test_wrong_coordinates_are_named_at_the_field(
    centre: DemoCentre, typed: str, said: str
) -> None:
    """Swapped axes send a crew to the other side of the world; it is said while it is typed."""
    async with opened(centre, "call_taker", "/console") as page:
        await report_from(page, typed)
        await expect(page.get_by_test_id("place-problem")).to_contain_text(said)
        await expect(page.get_by_test_id("place-search")).to_have_attribute("aria-invalid", "true")
        if said == "tertukar":
            await page.get_by_test_id("swap-axes").click()
            await expect(page.get_by_test_id("place-problem")).to_have_count(0)
            await expect(page.get_by_test_id("place-search")).to_have_value("-3.69540, 128.18140")
        await page.get_by_test_id("discard-report").click()


async def test_the_palette_finds_an_action_and_does_it(centre: DemoCentre) -> None:
    """Nobody knows every key at three in the morning."""
    async with opened(centre, "dispatcher", "/console") as page:
        await expect(page.get_by_test_id("new-report")).to_be_enabled(timeout=LONG_MS)
        await page.keyboard.press("Control+k")
        await page.get_by_test_id("palette").fill("laporan baru")
        await page.keyboard.press("Enter")
        await expect(page.get_by_test_id("report-form")).to_be_visible()
        await page.get_by_test_id("discard-report").click()


@pytest.mark.parametrize(
    ("role", "path"),
    [
        ("supervisor", "/console"),
        ("agency_desk", "/console"),
        ("administrator", "/admin"),
        ("crew", "/"),
    ],
)
async def test_every_word_is_english_after_the_language_is_changed(
    centre: DemoCentre, role: str, path: str
) -> None:
    """A visiting team reads English; a bare key such as ``action.note`` is no word for anybody."""
    families = {key.split(".")[0] for key in json.loads((TEXTS / "en.json").read_text())}
    bare = re.compile(rf"\b(?:{'|'.join(sorted(families))})\.[a-z_][a-z0-9_.-]+")
    async with an_incident(centre), opened(centre, role, path) as page:
        await page.evaluate("localStorage.setItem('tahuri.language', 'en')")
        await page.reload()
        await expect(page.locator("html")).to_have_attribute("lang", "en", timeout=LONG_MS)
        if role == "supervisor":
            await page.get_by_test_id("incident-row").first.locator("button").click()
            await page.keyboard.press("F1")
        await expect(page.locator("body")).to_contain_text("Tahuri")
        text = await page.locator("body").inner_text()
        assert bare.findall(text) == []
        for indonesian in ("Kejadian", "Armada", "Akun", "Keluar", "Panggilan"):
            assert indonesian not in text
