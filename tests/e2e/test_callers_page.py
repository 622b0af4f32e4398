"""A caller who was lost opens the link on their phone; the room reads what they cannot say."""

import asyncio
import contextlib
import gzip
import re
from collections.abc import AsyncIterator

from centre_log import opened_log
from chromium import FLAGS, PHONE
from playwright.async_api import Page, async_playwright, expect
from shift import LONG_MS, at_a_seat, pictured
from test_call_back import settle_all

from demo import Api, DemoCentre, wait_for
from soundphone import SoundPhone
from tahuri.callbacks.caller_page import CallerPages
from tahuri.kernel import clock
from tahuri.pages import DIST

NUMBER = "0811000191"
HOME = {"latitude": -3.6912, "longitude": 128.1889, "accuracy": 18.0}


@contextlib.asynccontextmanager
async def callers_phone(address: str) -> AsyncIterator[Page]:
    """A cheap phone whose browser speaks Indonesian and knows where it is."""
    async with async_playwright() as playwright:
        browser = await playwright.chromium.launch(
            executable_path="/usr/bin/chromium", args=[*FLAGS]
        )
        context = await browser.new_context(
            viewport={"width": PHONE[0], "height": PHONE[1]},
            locale="id-ID",
            geolocation=HOME,
            permissions=["geolocation"],
        )
        page = await context.new_page()
        faults: list[str] = []
        page.on("pageerror", lambda error: faults.append(str(error)))
        await page.goto(address)
        yield page
        assert faults == []
        await browser.close()


async def lost(centre: DemoCentre, api: Api) -> str:
    """Somebody rings and gives up; the id of their item."""
    caller = SoundPhone(440.0)
    await caller.start()
    await caller.ring(centre.sip, caller=NUMBER)
    await caller.stop()

    def item() -> str | None:
        rows = api.rows("callback").items()
        return next((name for name, row in rows if row["state"] == "open"), None)

    return str(await asyncio.to_thread(wait_for, item))


async def link_to(centre: DemoCentre, callback_id: str) -> str:
    """The link that a message would carry."""
    pages = CallerPages(f"{centre.http}/caller", b"a secret of the test", 24)
    async with opened_log(centre) as database:
        return await pages.link(database, callback_id, clock.now())


def test_the_page_is_small() -> None:
    """On a crowded cell a page of a console's size never comes."""
    text = (DIST / "caller.html").read_text()
    files = [one for one in (DIST / "assets").iterdir() if one.name in text]
    assert len(files) == 2
    sent = sum(len(gzip.compress(one.read_bytes())) for one in (DIST / "caller.html", *files))
    assert sent <= 30_000


async def test_who_cannot_speak_writes_and_sends_a_place_and_the_room_reads_it(
    centre: DemoCentre,
) -> None:
    """Given a caller who hung up because they must not be heard; when they open the link, say so,
    write without a network and send their place; then the text comes once the network is back, the
    room hears of it, does not call them by a slip, and writes the report at that very place."""
    await asyncio.to_thread(settle_all, centre)
    api = await asyncio.to_thread(centre.client, "supervisor")
    callback_id = await lost(centre, api)
    address = await link_to(centre, callback_id)
    async with at_a_seat(centre, "M2") as room, callers_phone(address) as phone:
        status = phone.get_by_test_id("status")
        await expect(status).to_have_attribute("data-state", "waiting", timeout=LONG_MS)
        await expect(phone.get_by_test_id("call")).to_have_attribute("href", "tel:112")
        await pictured(phone, "caller-waiting", full_page=True)
        await phone.get_by_test_id("cannot-speak").click()
        await expect(status).to_have_attribute("data-state", "silent", timeout=LONG_MS)
        await phone.context.set_offline(True)
        await phone.get_by_test_id("text").fill("Ada orang di dalam rumah")
        await phone.get_by_test_id("send").click()
        await expect(phone.get_by_test_id("network")).to_be_visible(timeout=LONG_MS)
        await expect(phone.get_by_test_id("sent")).to_contain_text("Belum terkirim")
        await pictured(phone, "caller-offline", full_page=True)
        await phone.context.set_offline(False)
        await expect(phone.get_by_test_id("sent")).to_contain_text("1 tulisan", timeout=LONG_MS)
        await phone.get_by_test_id("locate").click()
        await expect(phone.get_by_test_id("locate")).to_contain_text("terkirim", timeout=LONG_MS)
        await pictured(phone, "caller-told", full_page=True)

        await room.keyboard.press("Alt+v")
        item = room.get_by_test_id("call-back-item").filter(has_text=NUMBER)
        await expect(item.get_by_test_id("caller-wish")).to_have_text("TIDAK BISA BICARA")
        await expect(item.get_by_test_id("caller-text")).to_contain_text("Ada orang di dalam")
        await expect(room.get_by_test_id("toast").last).to_contain_text(NUMBER)
        await pictured(room, "room-caller-told", full_page=True)
        await item.locator("button.head").click()
        await room.get_by_test_id("call-back").click()
        await expect(room.get_by_test_id("call-back-not")).to_be_focused()
        await pictured(room, "room-silent-caller", full_page=True)
        await room.keyboard.press("Enter")
        await room.get_by_test_id("report-there").click()
        place = room.get_by_test_id("place-search")
        await expect(place).to_have_value(re.compile(r"^-3\.691.*128\.188"))
        await pictured(room, "room-report-there", full_page=True)

        await phone.get_by_test_id("no-longer-needed").click()
        await expect(item.get_by_test_id("caller-wish")).to_contain_text("tidak butuh")
        await expect(phone.get_by_test_id("undo")).to_be_visible()
        row = (await asyncio.to_thread(api.rows, "callback"))[callback_id]
        assert (row["state"], row["attempts"]) == ("open", [])
        await phone.get_by_test_id("language").click()
        await expect(phone.get_by_test_id("call")).to_contain_text("Call 112 now")
        await pictured(phone, "caller-english", full_page=True)
        await phone.goto(f"{centre.http}/caller#{'A' * 22}")  # another message's, in this window
        await expect(status).to_have_attribute("data-state", "gone", timeout=LONG_MS)
        await expect(phone.get_by_test_id("call")).to_be_visible()
        await expect(phone.get_by_test_id("text")).to_be_hidden()
        await pictured(phone, "caller-gone", full_page=True)
    await asyncio.to_thread(settle_all, centre)
