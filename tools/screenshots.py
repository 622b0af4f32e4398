"""Makes the pictures of the README and the guides: ``.venv/bin/python tools/screenshots.py``.

Starts a quiet demo centre of its own, opens a few incidents over the API, places one real call.
"""

import asyncio
import sys
import tempfile
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parents[1]
sys.path[:0] = [str(ROOT / name) for name in ("src", "tests", "tests/telephony", "tests/e2e")]

from chromium import PHONE, opened, sit_down  # noqa: E402
from PIL import Image  # noqa: E402
from playwright.async_api import Page  # noqa: E402
from tones import tone_wav  # noqa: E402

from demo import Api, DemoCentre  # noqa: E402
from soundphone import SoundPhone  # noqa: E402

COLOURS = 128
IMAGES = ROOT / "docs" / "images"
SCENES = (
    ("structure-fire", 1, "Batu Merah", "Asap tebal dari rumah dua lantai", 3),
    ("breathing", 1, "Kudamati", "Ibu lansia sesak napas", 2),
    ("fallen-tree", 3, "Passo", "Pohon menutup jalan", 1),
)


def report(api: Api, category: str, priority: int, place: str, summary: str) -> str:
    """Opens an incident without a call; its id."""
    found = api.get(f"/api/places?q={place}&limit=1")["places"][0]
    where = {"label": found["name"], "detail": "", "ward_code": None, "source": "gazetteer"}
    body = {
        "call_id": None,
        "category": category,
        "priority": priority,
        "place": {"lat": found["lat"], "lon": found["lon"], **where},
        "injured": None,
        "hazards": [],
        "report": {"summary": summary, "caller_name": "", "access_notes": "", "people": []},
    }
    return str(api.done("/api/incidents", body)["incident_id"])


def send(api: Api, incident_id: str, count: int) -> list[str]:
    """Dispatches the first recommended units."""
    units: list[dict[str, Any]] = api.get(f"/api/incidents/{incident_id}/recommendation")["units"]
    chosen = [unit["unit_id"] for unit in units if unit["recommended"]][:count]
    for unit_id in chosen:
        body = {"unit_id": unit_id, "override_reason": None, "override_note": None}
        api.done(f"/api/incidents/{incident_id}/dispatch", body)
    return chosen


def move(api: Api, unit_id: str, *states: str) -> None:
    """Reports states for a unit, as by radio."""
    for state in states:
        body = {"state": state, "at": datetime.now(UTC).isoformat(), "hospital_id": None}
        api.done(f"/api/units/{unit_id}/report", body)


def prepare(centre: DemoCentre) -> None:
    """Three incidents in different stages."""
    api = centre.client("dispatcher")
    for category, priority, place, summary, count in SCENES:
        units = send(api, report(api, category, priority, place, summary), count)
        move(api, units[0], "acknowledged", "en_route")
    crew = centre.client("crew")
    crew.done("/api/units/PSC-01/sign-on")


async def call_taker(centre: DemoCentre, folder: Path) -> None:
    """The console with a ringing call, then in the call."""
    voice = tone_wav(folder / "voice.wav", 880.0, 4.0, 48000)
    phone = SoundPhone(440.0)
    await phone.start()
    async with opened(centre, "call_taker", "/console", voice) as page:
        await sit_down(page, "M1")
        dialling = asyncio.create_task(phone.ring(centre.sip, caller="0811000042"))
        await page.get_by_test_id("answer").wait_for(timeout=20_000)
        await shot(page, "call-rings")
        await page.keyboard.press("F2")
        await dialling
        await page.get_by_test_id("place-search").fill("galala")
        await page.get_by_test_id("place-option").first.click()
        await page.get_by_test_id("category").fill("kecelakaan")
        await page.get_by_test_id("category-option").first.click()
        await page.get_by_test_id("summary").fill("Dua motor bertabrakan di dekat jembatan")
        await page.get_by_test_id("injured").fill("2")
        await page.get_by_test_id("incident-row").first.click()
        await page.wait_for_timeout(2500)
        await shot(page, "console")
        await page.get_by_test_id("hang-up").click()
    await phone.stop()


async def others(centre: DemoCentre) -> None:
    """Dispatcher, supervisor, crew and administrator."""
    async with opened(centre, "dispatcher", "/console") as page:
        await page.get_by_test_id("incident-row").first.click()
        await page.wait_for_timeout(2500)
        await shot(page, "dispatcher")
    async with opened(centre, "supervisor", "/console") as page:
        await page.get_by_test_id("incident-row").first.click()
        await page.wait_for_timeout(2000)
        await shot(page, "supervisor")
    api = await asyncio.to_thread(centre.client, "dispatcher")
    incident_id = await asyncio.to_thread(
        report, api, "unconscious", 1, "Wainitu", "Orang pingsan di teras rumah"
    )
    async with opened(centre, "crew", "/field", size=PHONE) as page:
        await page.wait_for_timeout(2000)
        await shot(page, "crew-waiting")
        body = {"unit_id": "PSC-01", "override_reason": "local-knowledge", "override_note": None}
        await asyncio.to_thread(api.done, f"/api/incidents/{incident_id}/dispatch", body)
        await page.get_by_test_id("acknowledge").wait_for(timeout=20_000)
        await shot(page, "crew-alert")
        await page.get_by_test_id("acknowledge").click()
        await page.wait_for_timeout(2500)
        await shot(page, "crew-incident")
    async with opened(centre, "administrator", "/admin") as page:
        await page.get_by_test_id("account-row").first.click()
        await page.wait_for_timeout(500)
        await shot(page, "admin")
    async with opened(centre, "call_taker", "/") as page:
        await page.wait_for_timeout(1000)
        await shot(page, "welcome")


async def shot(page: Page, name: str) -> None:
    """One picture."""
    file = IMAGES / f"{name}.png"
    await page.screenshot(path=file)
    Image.open(file).convert("RGB").quantize(COLOURS).save(file, optimize=True)
    print(f"{name}.png")


async def main() -> None:
    """Makes all of them."""
    IMAGES.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix="tahuri-pictures-") as place:
        centre = DemoCentre(Path(place) / "data")
        try:
            await asyncio.to_thread(centre.start)
            await asyncio.to_thread(prepare, centre)
            await call_taker(centre, Path(place))
            await others(centre)
        finally:
            await asyncio.to_thread(centre.stop)


if __name__ == "__main__":
    asyncio.run(main())
