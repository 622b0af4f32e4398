"""Somebody hangs up before an answer; the room sees it, calls back by one key, says the outcome."""

import asyncio
import contextlib
import json
import re

from centre_log import end_patience, opened_log
from chromium import hears, opened
from playwright.async_api import expect
from shift import LONG_MS, at_a_seat, pictured, waited_for

from demo import DemoCentre
from soundphone import SoundPhone

NUMBER, LATE = "0811000177", "0811000178"
A_SECOND = 50
"""Frames of sound."""
RED = re.compile(r"\blate\b")
COUNT_TONES = """() => {
  window.tones = 0;
  const make = AudioContext.prototype.createOscillator;
  AudioContext.prototype.createOscillator = function () {
    window.tones += 1;
    return make.call(this);
  };
}"""


class Town(SoundPhone):
    """The far end of the demo's trunk, on the port that the trunk names."""

    async def listen(self, port: int) -> None:
        await self._phone.start(user="town", udp_port=port)
        self._task = asyncio.create_task(self._run())


def trunk_port(centre: DemoCentre) -> int:
    settings = json.loads((centre.data / "run" / "settings.json").read_text())
    return int(settings["trunks"][0]["host"].rpartition(":")[2])


def settle_all(centre: DemoCentre) -> None:
    """Callers whom the tests before have lost are nobody's any more."""
    with contextlib.closing(centre.client("supervisor")) as api:
        for callback_id, row in api.rows("callback").items():
            if row["state"] == "open":
                api.done(f"/api/callbacks/{callback_id}/close", {"outcome": "prank"})


async def test_a_lost_caller_is_called_back_by_one_key_and_gets_an_outcome(
    centre: DemoCentre,
) -> None:
    """Given a caller who gave up; when a call taker presses Alt+O; then the caller's phone rings,
    the two hear each other, and the outcome is asked for when they have hung up."""
    await asyncio.to_thread(settle_all, centre)
    caller = SoundPhone(440.0)
    await caller.start()
    await caller.ring(centre.sip, caller=NUMBER)
    assert await waited_for(
        lambda: len(caller.heard) >= A_SECOND
    )  # a real caller listens to the notice
    await caller.stop()
    town = Town(1300.0)
    await town.listen(trunk_port(centre))
    try:
        async with at_a_seat(centre, "M2") as page:
            tab = page.get_by_test_id("call-backs-tab")
            await expect(page.get_by_test_id("call-backs-count")).to_be_visible(timeout=LONG_MS)
            await expect(page.get_by_test_id("call-backs-count")).to_be_in_viewport(ratio=1)
            await page.keyboard.press("Alt+v")
            await expect(tab).to_have_attribute("aria-selected", "true")
            item = page.get_by_test_id("call-back-item").filter(has_text=NUMBER)
            await expect(item).to_contain_text(NUMBER)
            await expect(item).to_contain_text("belum ditelepon balik")
            await page.keyboard.press("Alt+o")
            await expect(page.get_by_test_id("caller-number")).to_have_text(NUMBER, timeout=LONG_MS)
            for _ in range(20):
                if (await hears(page, 1300.0))[0] > -70:
                    break
            else:
                raise AssertionError("the caller is not heard")
            await page.keyboard.press("F8")
            result = page.get_by_test_id("call-back-result")
            await expect(result.first).to_be_visible(timeout=LONG_MS)
            await page.get_by_test_id("reason-text").fill("Salah pencet")
            await page.locator('[data-code="reached-no-emergency"]').click()
            await expect(item).to_have_count(0, timeout=LONG_MS)
            await page.get_by_test_id("call-class").select_option("non_emergency")
            await page.get_by_test_id("wrap-up").click()
            await expect(page.get_by_test_id("seat-state")).to_contain_text("Siap", timeout=LONG_MS)
    finally:
        await town.stop()
    api = await asyncio.to_thread(centre.client, "supervisor")
    rows = await asyncio.to_thread(api.rows, "callback")
    (row,) = [one for one in rows.values() if NUMBER in str(one["personal"])]
    assert (row["state"], row["outcome"]) == ("closed", "reached-no-emergency")
    assert [one["result"] for one in row["attempts"]] == ["reached"]
    assert row["call_back_s"] > 0
    proof = await asyncio.to_thread(api.get, f"/api/callbacks/{row['callback_id']}/proof.json")
    assert "callbacks.item-closed" in [fact["type"] for fact in proof["facts"]]
    recorded = row["attempts"][0]["call_id"]

    def closed() -> bool:
        call = api.rows("call")[recorded]
        return bool(call["recording"] and call["recording"]["state"] == "closed")

    await waited_for(closed)


async def test_a_caller_whom_nobody_called_back_in_time_is_told_loudly(centre: DemoCentre) -> None:
    """Given a lost caller; then the badge is calm; when the promised time is over; then it is red,
    the item's age too, and an alarm sounds once, also for who had looked at something else."""
    await asyncio.to_thread(settle_all, centre)
    caller = SoundPhone(440.0)
    await caller.start()
    await caller.ring(centre.sip, caller=LATE)
    api = await asyncio.to_thread(centre.client, "supervisor")

    def owed() -> str | None:
        found = api.rows("callback").values()
        return next(
            (str(one["callback_id"]) for one in found if LATE in str(one["personal"])), None
        )

    async with opened(centre, "call_taker", "/console") as page:
        await expect(page.get_by_test_id("queue-row")).to_have_count(1, timeout=LONG_MS)
        await caller.stop()
        badge = page.get_by_test_id("call-backs-count")
        await expect(badge).to_be_visible(timeout=LONG_MS)
        await expect(badge).not_to_have_class(RED)
        await page.evaluate(COUNT_TONES)
        await page.get_by_test_id("queue-count").click()  # browsers let no sound out before
        callback_id = await waited_for(owed)
        async with opened_log(centre) as log:
            await end_patience(log, callback_id)
        await expect(badge).to_have_class(RED, timeout=LONG_MS)
        await page.wait_for_function("window.tones >= 6", timeout=LONG_MS)
        await page.get_by_test_id("call-backs-tab").click()
        item = page.get_by_test_id("call-back-item").filter(has_text=LATE)
        await expect(item).to_have_class(RED)
        await pictured(page, "call-back-late")
        assert await page.evaluate("window.tones") == 6
    await asyncio.to_thread(settle_all, centre)
