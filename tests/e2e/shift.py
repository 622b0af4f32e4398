"""What the console tests do again and again: callers, incidents, and leaving the room tidy."""

import asyncio
import contextlib
import json
import os
import signal
from collections.abc import AsyncIterator, Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from chromium import get_up, in_call, opened, sit_down
from playwright.async_api import Page, expect

from demo import Api, DemoCentre, wait_for
from soundphone import SoundPhone

LONG_MS = 30_000


async def pictured(page: Page, name: str, full_page: bool = False) -> None:
    """Keeps a picture in the folder ``TAHURI_SHOTS``, where somebody wants to look."""
    if folder := os.environ.get("TAHURI_SHOTS"):
        await page.screenshot(path=f"{folder}/{name}.png", full_page=full_page)


@contextlib.asynccontextmanager
async def at_a_seat(centre: DemoCentre, seat_id: str = "M1") -> AsyncIterator[Page]:
    """A call taker who is ready; gets up at the end."""
    async with opened(centre, "call_taker", "/console") as page:
        await sit_down(page, seat_id)
        try:
            yield page
            await page.keyboard.press("Alt+x")
            await expect(page.get_by_test_id("seat-take")).to_be_visible(timeout=LONG_MS)
        finally:
            await get_up(page)


@contextlib.asynccontextmanager
async def caller_answered(centre: DemoCentre, page: Page, number: str) -> AsyncIterator[SoundPhone]:
    """Somebody calls 112 and the page answers by key."""
    async with in_call(page, centre, number) as phone:
        await expect(page.get_by_test_id("caller-number")).to_have_text(number)
        yield phone


async def wrap_up(page: Page) -> None:
    """Chooses the class and puts the call away."""
    await page.get_by_test_id("call-class").select_option("normal")
    await page.get_by_test_id("wrap-up").click()
    await expect(page.get_by_test_id("call-panel")).to_have_count(0, timeout=LONG_MS)


def call_of(api: Api, number: str) -> dict[str, Any] | None:
    """The row of the call that came from this number."""
    for row in api.rows("call").values():
        if number in [one.get("number") for one in row["personal"].values()]:
            return row
    return None


@contextlib.asynccontextmanager
async def an_incident(
    centre: DemoCentre, category: str = "fallen-tree", priority: int = 3
) -> AsyncIterator[str]:
    """An open incident without a call; its units are released and it is closed at the end."""
    api = await asyncio.to_thread(centre.client, "supervisor")
    place = {"lat": -3.6954, "lon": 128.1814, "label": "Pasar Mardika", "source": "map"}
    body = {
        "call_id": None,
        "category": category,
        "priority": priority,
        "place": place,
        "report": {"summary": "Uji layar"},
    }
    opened_as = await asyncio.to_thread(api.done, "/api/incidents", body)
    incident_id = str(opened_as["incident_id"])
    try:
        yield incident_id
    finally:
        await asyncio.to_thread(put_away, api, incident_id)


def put_away(api: Api, incident_id: str) -> None:
    """Every unit free, the incident closed."""
    row = api.rows("incident")[incident_id]
    for unit in row["units"]:
        if unit["released_at"] is None:
            body = {"unit_id": unit["unit_id"], "reason": "not-needed"}
            api.done(f"/api/incidents/{incident_id}/stand-down", body)
    if row["state"] == "open":
        api.done(f"/api/incidents/{incident_id}/close", {"disposition": "handled", "remarks": ""})


def close_those_of(centre: DemoCentre, number: str) -> None:
    """Puts away every incident that a caller's call opened."""
    api = centre.client("supervisor")
    call = call_of(api, number)
    for incident_id in call["incident_ids"] if call else ():
        put_away(api, incident_id)


def said_by_radio(api: Api, unit_id: str, *states: str) -> None:
    """Reports for a unit as a dispatcher does."""
    for state in states:
        body = {"state": state, "at": datetime.now(UTC).isoformat(), "hospital_id": None}
        api.done(f"/api/units/{unit_id}/report", body)


@contextlib.contextmanager
def stopped(centre: DemoCentre, part: str) -> Iterator[None]:
    """A part of the centre, with its children, hears nothing; goes on at the end."""
    pid = centre.pid(part)
    children = Path(f"/proc/{pid}/task/{pid}/children").read_text().split()
    pids = [pid, *map(int, children)]
    for each in pids:
        os.kill(each, signal.SIGSTOP)
    try:
        yield
    finally:
        for each in pids:
            with contextlib.suppress(ProcessLookupError):
                os.kill(each, signal.SIGCONT)


@contextlib.contextmanager
def switch_told(centre: DemoCentre, **settings: Any) -> Iterator[None]:
    """The switch runs with these, as a settings file would say them; undone at the end."""
    file = centre.data / "run" / "switch.json"
    before = file.read_bytes()
    file.write_text(json.dumps({**json.loads(before), **settings}))
    centre.kill("switch")
    try:
        yield
    finally:
        file.write_bytes(before)
        centre.kill("switch")


async def waited_for(seen: Any, seconds: float = 60.0) -> Any:
    """``wait_for`` beside a running page."""
    return await asyncio.to_thread(wait_for, seen, seconds)
