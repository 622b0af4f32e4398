"""A caller whose sound breaks up: the call taker is told, and the log keeps it."""

import asyncio
import re
import socket

from playwright.async_api import expect
from shift import LONG_MS, at_a_seat, call_of, caller_answered, pictured, wrap_up

from demo import DemoCentre, wait_for

NUMBER = "0811000079"


class Breaking:
    """A socket that loses every fourth packet that is sent."""

    def __init__(self, whole: socket.socket) -> None:
        self._whole = whole
        self._count = 0

    def sendto(self, packet: bytes, to: tuple[str, int]) -> int:
        self._count += 1
        return len(packet) if self._count % 4 == 0 else self._whole.sendto(packet, to)

    def __getattr__(self, name: str) -> object:
        return getattr(self._whole, name)


async def test_a_line_that_breaks_up_is_shown_in_the_call_and_kept(centre: DemoCentre) -> None:
    """Who hears half a sentence must know that it is the line, and read back the address."""
    api = await asyncio.to_thread(centre.client, "supervisor")
    async with at_a_seat(centre) as page:
        async with caller_answered(centre, page, NUMBER) as phone:
            line = page.get_by_test_id("line-quality")
            await expect(line).to_have_attribute("data-verdict", "good", timeout=LONG_MS)
            await expect(page.get_by_test_id("line-hint")).to_be_hidden()
            phone._socket = Breaking(phone._socket)  # type: ignore[assignment]
            await expect(line).to_have_attribute("data-verdict", "bad", timeout=LONG_MS)
            await expect(page.get_by_test_id("line-hint")).to_contain_text("ulangi")
            losing = re.compile(r"^Penelepon: buruk; MOS [\d.]+, suara hilang [1-9]")
            await expect(line).to_have_attribute("title", losing, timeout=LONG_MS)
            await pictured(page, "line-bad")
            await page.get_by_test_id("hang-up").click()
        await expect(line).to_be_visible(timeout=LONG_MS)
        await wrap_up(page)

    def kept() -> bool:
        row = call_of(api, NUMBER)
        return row is not None and bool(row.get("lines"))

    await asyncio.to_thread(wait_for, kept, 15.0)
    row = await asyncio.to_thread(call_of, api, NUMBER)
    assert row is not None
    lines = {one["leg"]: one for one in row["lines"]}
    assert lines["caller"]["loss"] > 0
