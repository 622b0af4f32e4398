"""Silent callers at the console, and supervisors' measures on numbers."""

import asyncio
import json
from typing import Any

import pytest
from chromium import opened
from playwright.async_api import expect
from shift import LONG_MS, at_a_seat, call_of, caller_answered, waited_for, wrap_up

from demo import Api, DemoCentre, wait_for
from soundphone import SoundPhone

SILENT, NOISY = "+6281300000401", "+6281300000402"
PASSWORD = "a long password"


async def test_a_silent_caller_is_asked_by_keys(centre: DemoCentre) -> None:
    """Given a caller who does not speak; when the call taker asks by key and the caller presses 5
    and 2; then yes and no stand on the screen at once, a countdown runs, and the call cannot be
    ended as silent before it is over."""
    async with at_a_seat(centre) as page, caller_answered(centre, page, SILENT) as phone:
        await page.keyboard.press("Alt+y")
        await expect(page.get_by_test_id("ghost-panel")).to_be_visible(timeout=LONG_MS)
        await expect(page.get_by_test_id("ghost-left")).to_contain_text("Dengarkan 0:")
        await expect(page.get_by_test_id("ghost-answers")).to_contain_text("menunggu tombol")
        phone.press(5)
        await expect(page.get_by_test_id("ghost-answers")).to_have_text(
            "Tidak dapat berbicara? YA", timeout=LONG_MS
        )
        await page.keyboard.press("Alt+6")
        await expect(page.get_by_test_id("ghost-answers")).to_contain_text("Polisi?")
        phone.press(2)
        await expect(page.get_by_test_id("ghost-answers")).to_contain_text(
            "Polisi? tidak", timeout=LONG_MS
        )
        await expect(page.get_by_test_id("ghost-end")).to_be_disabled()
        await page.keyboard.press("F8")
        await wrap_up(page)
    api = centre.client("supervisor")
    row = await waited_for(lambda: call_of(api, SILENT))
    assert row["silence"]["answers"] == {"cannot-speak": "yes", "police": "no"}


@pytest.fixture
def second(centre: DemoCentre) -> Api:
    """Another supervisor, at another desk."""
    administrator = centre.client("administrator")
    body = {"username": "peninjau", "name": "Peninjau", "password": PASSWORD}
    made = administrator.post("/api/accounts", {**body, "roles": ["supervisor"]})
    assert made.status_code == 200, made.text
    return Api(centre.http, "peninjau", PASSWORD)


def told_to_switch(centre: DemoCentre) -> bool:
    """Whether the switch knows a measure: it writes down what it was told."""
    path = centre.data / "journal" / "measures.json"
    if not path.exists():
        return False
    _, _, content = path.read_text().splitlines()[-1].partition(" ")  # after its check sum
    return bool(json.loads(content)["measures"])


async def slowed(centre: DemoCentre, phone: SoundPhone) -> None:
    """The number calls until the lot puts it into the slow lane: nine times of ten."""
    api = centre.client("supervisor")
    for _ in range(8):
        known = await asyncio.to_thread(api.rows, "call")
        call = await phone.ring(centre.sip, caller=NOISY)

        def lane(known: dict[str, Any] = known) -> str | None:
            found = {key: one for key, one in api.rows("call").items() if key not in known}
            return next((str(one["lane"]) for one in found.values() if one["lane"]), None)

        if await waited_for(lane) == "slow":
            return
        call.hang_up()
        await call.wait_ended()
    raise AssertionError("the lot let every call by")


async def test_a_measure_is_set_reviewed_felt_and_lifted(centre: DemoCentre, second: Api) -> None:
    """Given a supervisor who puts a number into the slow lane; then another has to confirm it; the
    number's next caller is marked in the queue; and lifting it is one press, with a way back."""
    try:
        async with opened(centre, "supervisor", "/console") as page:
            await page.get_by_role("tab", name="Iseng").click()
            await page.get_by_test_id("measure-other").click()
            await page.get_by_test_id("measure-number-field").fill("siapa")
            await page.get_by_test_id("measure-submit").click()
            await expect(page.get_by_test_id("measure-form").get_by_role("alert")).to_contain_text(
                "Bukan nomor telepon", timeout=LONG_MS
            )
            await page.get_by_test_id("measure-number-field").fill(NOISY)
            await page.get_by_test_id("measure-remarks").fill("tiap malam")
            await page.keyboard.press("Shift+Tab")
            await page.keyboard.press("Enter")
            row = page.get_by_test_id("measure-row").filter(has_text=NOISY)
            await expect(row).to_contain_text("Supervisor lain yang meninjau", timeout=LONG_MS)
            await expect(row).to_contain_text("tiap malam")
            (measure_id,) = await asyncio.to_thread(active, second)
            path = f"/api/measures/{measure_id}/review"
            await asyncio.to_thread(second.done, path, {"confirmed": True})
            await expect(row).to_contain_text("ditinjau Peninjau", timeout=LONG_MS)
            assert await waited_for(lambda: told_to_switch(centre))
            phone = SoundPhone(440.0)
            await phone.start()
            try:
                await slowed(centre, phone)
                await expect(page.get_by_test_id("slow-lane")).to_be_visible(timeout=LONG_MS)
                phone.press(1)
                await expect(page.get_by_test_id("slow-lane")).to_have_count(0, timeout=LONG_MS)
            finally:
                await phone.stop()
            await expect(page.get_by_test_id("lane-estimate")).to_contain_text(
                "keluar dengan tombol", timeout=LONG_MS
            )
            await row.get_by_test_id("measure-lift").click()
            await expect(row).to_have_count(0, timeout=LONG_MS)
            await expect(page.get_by_text("Tindakan diakhiri.")).to_be_visible()
    finally:
        second.close()
    assert wait_for(lambda: not active(centre.client("supervisor")))


def active(api: Api) -> list[str]:
    """Measures that have not ended."""
    return [key for key, row in api.rows("measure").items() if row["ended_at"] is None]
