"""What a supervisor sees and does at the console: turns of waiting callers, seats, lines."""

import asyncio
import contextlib
from collections.abc import AsyncIterator, Iterator
from typing import Any

from chromium import get_up, opened, sit_down
from playwright.async_api import expect
from shift import LONG_MS, at_a_seat, caller_answered, pictured, switch_told, wrap_up
from test_line_quality import Breaking

from demo import Api, DemoCentre, wait_for
from soundphone import SoundPhone

FIRST, SECOND, THIRD = "0811000501", "0811000502", "0811000503"
TALKER = "0811000504"
WRAP_UP_S = 100.0


@contextlib.asynccontextmanager
async def waiting(centre: DemoCentre, *numbers: str) -> AsyncIterator[None]:
    """Callers who wait in this order."""
    async with contextlib.AsyncExitStack() as stack:
        for number in numbers:
            phone = SoundPhone(440.0)
            await phone.start()
            stack.push_async_callback(phone.stop)
            await phone.ring(centre.sip, caller=number)
        yield


async def test_a_supervisor_lets_a_caller_go_first_by_keys_and_takes_it_back(
    centre: DemoCentre,
) -> None:
    """A tourist on a sinking boat must not wait behind a lost cat.

    Given two callers in the queue and no seat; when the supervisor picks the second by key and
    raises their precedence; then they stand first, and one press puts them back; when a language
    is asked for; then the queue says so, for whom it is known that nobody has it.
    """
    async with opened(centre, "supervisor", "/console") as page, waiting(centre, FIRST, SECOND):
        rows = page.get_by_test_id("queue-row")
        await expect(rows.nth(1)).to_contain_text(SECOND, timeout=LONG_MS)
        turns, precedence = page.get_by_test_id("queue-turns"), page.get_by_test_id("precedence")
        await expect(rows.first.get_by_test_id("queue-turns")).to_be_visible()
        await expect(page.get_by_test_id("precedence-down")).to_be_disabled()
        await page.keyboard.press("Alt+.")
        await expect(rows.nth(1).get_by_test_id("queue-turns")).to_be_visible()
        await page.keyboard.press("Alt+=")
        await expect(rows.first).to_contain_text(SECOND, timeout=LONG_MS)
        await expect(rows.first.get_by_test_id("queue-turn")).to_contain_text("oleh supervisor")
        await expect(precedence).to_have_text("1")
        await page.keyboard.press("Alt+=")
        await expect(precedence).to_have_text("2")
        toast = page.get_by_test_id("toast").filter(has_text=SECOND)
        await expect(toast).to_have_count(1)
        await expect(toast).to_contain_text("didahulukan 2", timeout=LONG_MS)
        await pictured(page, "queue-turn")
        await toast.get_by_test_id("undo").click()
        await expect(precedence).to_have_text("1", timeout=LONG_MS)
        await page.get_by_test_id("precedence-down").click()
        await expect(rows.first).to_contain_text(FIRST, timeout=LONG_MS)
        await expect(turns).to_have_count(1)
        await page.keyboard.press("Alt+/")
        await page.get_by_test_id("skill-language").select_option("en")
        await expect(page.get_by_test_id("skill-seats")).to_contain_text("Tidak ada kursi")
        await pictured(page, "queue-skill")
        await page.keyboard.press("Enter")
        asked = rows.filter(has_text=SECOND).get_by_test_id("queue-turn")
        await expect(asked).to_contain_text("Inggris", timeout=LONG_MS)
        await page.get_by_test_id("undo").last.click()
        await expect(asked).to_have_count(0, timeout=LONG_MS)
    async with opened(centre, "call_taker", "/console") as page, waiting(centre, THIRD):
        await expect(page.get_by_test_id("queue-row")).to_contain_text(THIRD, timeout=LONG_MS)
        await expect(page.get_by_test_id("queue-turns")).to_have_count(0)
        await page.keyboard.press("Alt+=")
        await expect(page.get_by_test_id("queue-turn")).to_have_count(0)


@contextlib.contextmanager
def speaking(centre: DemoCentre, *languages: str) -> Iterator[None]:
    """The call taker's account says these languages; none at the end."""
    with contextlib.closing(centre.client("administrator")) as api:
        name = centre.accounts["call_taker"]["username"]
        known = api.get("/api/accounts")["accounts"]
        (operator_id,) = [one["operator_id"] for one in known if one["username"] == name]

        def say(spoken: list[str]) -> None:
            api.done(f"/api/accounts/{operator_id}", {"languages": spoken})

        say(list(languages))
        try:
            yield
        finally:
            say([])


def seat(api: Api, seat_id: str) -> dict[str, Any]:
    return api.rows("seat").get(seat_id, {})


async def test_a_supervisor_sees_skills_lines_and_how_long_somebody_writes_up(
    centre: DemoCentre,
) -> None:
    """Who leads a shift must see at once which line breaks up, and when a seat is back.

    Given a call taker who speaks English, with a caller; then a supervisor without a seat sees who
    talks with whom and how the lines sound; given a seat, and a line that breaks up; then the list
    of calls says which leg is bad, and the seat's board whose seat it is; when the call is over;
    then both screens count the wrap-up down, and F4 gives two minutes more.
    """
    with contextlib.ExitStack() as put_back:
        await asyncio.to_thread(put_back.enter_context, switch_told(centre, wrap_up_s=WRAP_UP_S))
        await asyncio.to_thread(put_back.enter_context, speaking(centre, "id", "en"))
        async with (
            at_a_seat(centre) as taker,
            opened(centre, "supervisor", "/console") as page,
            caller_answered(centre, taker, TALKER) as phone,
        ):
            lines = page.get_by_test_id("live-lines")
            talks = page.get_by_test_id("live-call")
            await expect(talks).to_contain_text(TALKER, timeout=LONG_MS)
            await expect(talks).to_contain_text("M1 Penerima (demo)")
            await expect(lines).to_have_attribute("data-verdict", "good", timeout=LONG_MS)
            await expect(page.get_by_test_id("needs-seat")).to_contain_text("ambil kursi")
            await expect(page.get_by_test_id("listen")).to_have_count(0)
            await pictured(page, "supervisor-no-seat")
            await sit_down(page, "M2")
            await expect(page.get_by_test_id("needs-seat")).to_have_count(0)
            await page.get_by_role("tab", name="Kursi").click()
            board = page.locator('[data-seat="M1"]')
            skills = board.get_by_test_id("seat-skills")
            await expect(skills).to_contain_text("Penerima · id en", timeout=LONG_MS)
            await expect(lines).to_have_attribute("data-verdict", "good", timeout=LONG_MS)
            phone._socket = Breaking(phone._socket)  # type: ignore[assignment]
            await expect(lines).to_have_attribute("data-verdict", "bad", timeout=LONG_MS)
            await expect(lines).to_contain_text("Penelepon: buruk")
            minute = taker.get_by_test_id("line-minute")
            await expect(minute).to_have_attribute("data-verdict", "bad", timeout=LONG_MS)
            phone._socket = phone._socket._whole  # type: ignore[attr-defined]
            await expect(lines).to_have_attribute("data-verdict", "good", timeout=LONG_MS)
            await expect(minute).to_have_attribute("data-verdict", "bad")
            await pictured(page, "supervisor-lines")
            await pictured(taker, "taker-line-minute")
            await taker.keyboard.press("F8")
            left = taker.get_by_test_id("wrap-up-left")
            await expect(left).to_contain_text("siap dalam 1:", timeout=LONG_MS)
            await expect(board.get_by_test_id("seat-ready-in")).to_contain_text("siap dalam 1:")
            await expect(board).to_contain_text("Merapikan laporan")
            await pictured(page, "seat-board")
            await taker.keyboard.press("F4")
            await expect(left).to_contain_text("siap dalam 2:0", timeout=LONG_MS)
            await expect(board.get_by_test_id("seat-ready-in")).to_contain_text(
                "siap dalam 2:0", timeout=LONG_MS
            )
            await pictured(taker, "wrap-up")
            await wrap_up(taker)
            await get_up(page)
        api = await asyncio.to_thread(centre.client, "supervisor")
        await asyncio.to_thread(wait_for, lambda: seat(api, "M1")["languages"] == ["id", "en"])
