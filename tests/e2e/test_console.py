"""A call taker's console in real trouble: parts stopped, keys, parties, nothing typed lost."""

import asyncio
import re

import pytest
from playwright.async_api import Page, expect
from shift import (
    LONG_MS,
    at_a_seat,
    call_of,
    caller_answered,
    close_those_of,
    pictured,
    stopped,
    waited_for,
    wrap_up,
)

from demo import DemoCentre
from soundphone import SoundPhone
from tahuri.telephony.sip.phone import Phone

BAD = re.compile(r"\bbad\b")
"""How an old or lost connection is marked."""


async def typed_report(page: Page, summary: str) -> None:
    """A report by keys alone, with coordinates: they need no server."""
    await page.keyboard.press("Alt+l")
    await page.keyboard.type("-3.6954, 128.1814")
    await page.keyboard.press("Alt+k")
    await page.keyboard.type("pohon tumbang")
    await page.keyboard.press("Enter")
    await page.keyboard.press("Alt+s")
    await page.keyboard.type(summary)


@pytest.mark.parametrize(("part", "number"), [("serve", "0811000101"), ("postgres", "0811000102")])
async def test_a_call_is_answered_and_its_report_kept_while_a_part_is_stopped(
    centre: DemoCentre, part: str, number: str
) -> None:
    """The pages or the database may hang: the caller is answered, recorded, and nothing is lost."""
    summary = f"Pohon menutup jalan, {part} berhenti"
    async with at_a_seat(centre) as page:
        with stopped(centre, part):
            async with caller_answered(centre, page, number):
                await typed_report(page, summary)
                await page.keyboard.press("Control+Enter")
                await expect(page.get_by_test_id("pending")).to_be_visible(timeout=LONG_MS)
                if part == "serve":
                    age = page.get_by_test_id("feed-state")
                    await expect(age).to_have_class(BAD, timeout=LONG_MS)
                await page.get_by_test_id("hang-up").click()
                await expect(page.get_by_test_id("hang-up")).to_have_count(0, timeout=LONG_MS)
        api = await asyncio.to_thread(centre.client, "supervisor")

        def recorded() -> bool:
            call = call_of(api, number)
            closed = call and call["recording"] and call["recording"]["state"] == "closed"
            return bool(closed and call["incident_ids"])

        await waited_for(recorded)
        call = call_of(api, number)
        assert call is not None
        assert call["outcome"] == "answered"
        incidents = await asyncio.to_thread(api.rows, "incident")
        reports = incidents[call["incident_ids"][0]]["personal"].values()
        assert summary in [one.get("summary") for one in reports]
        await wrap_up(page)
        await asyncio.to_thread(close_those_of, centre, number)


async def test_what_was_typed_outlives_hang_up_reload_and_a_restart_of_the_server(
    centre: DemoCentre,
) -> None:
    """A caller who hangs up frightened cannot be asked again what the address was."""
    async with at_a_seat(centre) as page:
        async with caller_answered(centre, page, "0811000103"):
            await page.keyboard.press("Alt+s")
            await page.keyboard.type("Rumah biru di tikungan")
        summary = page.get_by_test_id("summary")
        await expect(page.get_by_test_id("hang-up")).to_have_count(0, timeout=LONG_MS)
        await expect(summary).to_have_value("Rumah biru di tikungan")
        await asyncio.to_thread(centre.kill, "serve")
        await expect(page.get_by_test_id("feed-state")).not_to_have_class(BAD, timeout=LONG_MS)
        await page.reload()
        await expect(summary).to_have_value("Rumah biru di tikungan", timeout=LONG_MS)
        await page.get_by_test_id("discard-report").click()
        await wrap_up(page)


async def test_hold_mute_and_a_third_party_work_from_the_keys(centre: DemoCentre) -> None:
    """Hands stay on the keyboard; an interpreter or the hospital comes in by one key, and whoever
    does not come leaves a word that says why."""
    hospital, busy = SoundPhone(660.0), Phone()  # a phone that takes no calls is busy
    await hospital.start()
    await busy.start()
    async with (
        at_a_seat(centre) as page,
        caller_answered(centre, page, "0811000104") as caller,
    ):
        try:
            for key, on, off in (("F4", "Lanjutkan", "Tahan"), ("F6", "Bunyikan", "Bisukan")):
                button = page.get_by_test_id("hold" if key == "F4" else "mute")
                await page.keyboard.press(key)
                await expect(button).to_contain_text(on)
                await page.keyboard.press(key)
                await expect(button).to_contain_text(off)
            await page.keyboard.press("F9")
            await page.get_by_test_id("party-address").fill(hospital.address)
            await page.keyboard.press("Enter")
            party = page.get_by_test_id("party")
            await expect(party).to_contain_text("tersambung", timeout=LONG_MS)
            await caller.hears_at_last(660.0)
            await page.keyboard.press("F10")
            await expect(party).to_have_count(0, timeout=LONG_MS)
            await page.keyboard.press("F9")
            address = f"sip:damkar@127.0.0.1:{busy.agent.identity.udp_port}"
            await page.get_by_test_id("party-address").fill(address)
            await page.keyboard.press("Enter")
            gone = page.get_by_test_id("party-gone")
            await expect(gone).to_contain_text("sedang sibuk", timeout=LONG_MS)
            await expect(gone).to_contain_text("486")
            await pictured(page, "party-gone")
            await gone.get_by_role("button").click()
            await expect(gone).to_contain_text("sedang sibuk", timeout=LONG_MS)
        finally:
            await hospital.stop()
            await busy.stop()
        await page.keyboard.press("F8")
        await wrap_up(page)


async def test_the_class_comes_before_the_wrap_up_and_both_may_be_pressed_at_once(
    centre: DemoCentre,
) -> None:
    """Figures of real calls and noise are only as good as the classes; tired hands do not wait.

    Nor does a caller: with the list of keys open the call is answered by its key all the same.
    """
    async with at_a_seat(centre) as page:
        await page.keyboard.press("F1")
        await expect(page.get_by_role("dialog")).to_be_visible()
        async with caller_answered(centre, page, "0811000105"):
            await expect(page.get_by_role("dialog")).to_have_count(0)
            await page.keyboard.press("F8")
        clock = page.get_by_test_id("call-panel").get_by_role("timer")
        await expect(clock).to_have_text("Selesai", timeout=LONG_MS)  # the log knows of the end
        await expect(page.get_by_test_id("wrap-up")).to_be_disabled()
        await page.keyboard.press("Alt+w")
        await page.keyboard.press("Alt+c")
        await expect(page.get_by_test_id("call-class")).to_be_focused()
        await page.get_by_test_id("call-class").select_option("ghost")
        await page.keyboard.press("Alt+w")
        await expect(page.get_by_test_id("call-panel")).to_have_count(0, timeout=LONG_MS)
        await expect(page.get_by_test_id("seat-state")).to_contain_text("Siap", timeout=LONG_MS)
        api = await asyncio.to_thread(centre.client, "supervisor")
        call = await asyncio.to_thread(call_of, api, "0811000105")
        assert call is not None
        assert (call["call_class"], call["wrapped_up_at"] is not None) == ("ghost", True)
