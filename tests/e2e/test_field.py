"""The crew's phone against a real centre: alert, reports, dead spots, and a change of orders."""

import asyncio
import contextlib
from collections.abc import AsyncIterator, Callable, Iterator
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import pytest
from chromium import PHONE, opened
from playwright.async_api import Page, Route, expect

from demo import Api, DemoCentre, wait_for

UNIT = "PSC-01"
"""The unit of the demo's crew account."""
SLOW_MS = 20_000
PRESS_AGAIN_S = 1.4
"""The big button takes a second press sooner than this for a slip."""
REPORTED = ("acknowledged", "set-out", "arrived", "left-for-hospital", "reached-hospital")
MILESTONE = "dispatch.milestone-reached"


@dataclass
class Sent:
    """An incident to which the crew's unit was sent."""

    api: Api
    incident_id: str

    def types(self) -> list[str]:
        """What happened to the unit, in the order of the log."""
        entries = self.api.get(f"/api/incidents/{self.incident_id}/timeline")["entries"]
        return [one["type"] for one in entries if one["type"].startswith(("dispatch.", "units."))]

    def entries(self, kind: str) -> list[dict[str, Any]]:
        """The timeline's entries of one type."""
        entries = self.api.get(f"/api/incidents/{self.incident_id}/timeline")["entries"]
        return [one for one in entries if one["type"] == kind]

    def at(self, kind: str) -> datetime:
        """When the log says that it happened."""
        return datetime.fromisoformat(self.entries(kind)[0]["at"])

    def stand_down(self) -> None:
        """The dispatcher changes the orders."""
        body = {"unit_id": UNIT, "reason": "needed-elsewhere"}
        self.api.done(f"/api/incidents/{self.incident_id}/stand-down", body)


def send(api: Api) -> Sent:
    """Opens an incident and sends the crew's unit there."""
    place = {"lat": -3.697, "lon": 128.183, "label": "Pasar Mardika", "detail": "Blok C"}
    report = {"summary": "Orang pingsan di kios", "access_notes": "Gerbang utara"}
    opened_incident = api.done(
        "/api/incidents",
        {
            "call_id": None,
            "category": "unconscious",
            "priority": 1,
            "place": {**place, "ward_code": None, "source": "gazetteer"},
            "injured": 1,
            "hazards": ["narrow-alley"],
            "report": {**report, "caller_name": "", "people": []},
        },
    )
    incident_id = opened_incident["incident_id"]
    body = {"unit_id": UNIT, "override_reason": "local-knowledge", "override_note": None}
    api.done(f"/api/incidents/{incident_id}/dispatch", body)
    return Sent(api, incident_id)


@pytest.fixture
def dispatcher(centre: DemoCentre) -> Iterator[Api]:
    """The room; the unit is free when a test begins."""
    api = centre.client("dispatcher")
    unit = api.rows("unit")[UNIT]
    if unit["incident_id"]:
        Sent(api, unit["incident_id"]).stand_down()
    elif unit["state"] == "out_of_service":
        api.done(f"/api/units/{UNIT}/in-service")
    yield api
    api.close()


@contextlib.asynccontextmanager
async def phone(centre: DemoCentre) -> AsyncIterator[Page]:
    """The crew's phone, signed on and waiting, able to start without a network."""
    async with opened(centre, "crew", "/field", size=PHONE) as page:
        await page.context.grant_permissions(["geolocation"])
        await page.context.set_geolocation({"latitude": -3.702, "longitude": 128.17})
        await expect(page.get_by_test_id("waiting")).to_be_visible(timeout=SLOW_MS)
        await page.wait_for_function("navigator.serviceWorker.ready.then(() => true)")
        yield page


async def recorded(seen: Callable[[], Any]) -> Any:
    """Waits until the log shows it."""
    return await asyncio.to_thread(wait_for, seen, 30)


async def press_next(page: Page, state: str) -> None:
    """Presses the big button once it offers the state and takes a press."""
    button = page.get_by_test_id("next-state")
    await expect(button).to_have_attribute("data-state", state)
    await expect(button).to_have_attribute("aria-disabled", "false")
    await button.click()


async def accepted(page: Page, dispatcher: Api) -> Sent:
    """The unit is sent and the crew has acknowledged."""
    sent = await asyncio.to_thread(send, dispatcher)
    await page.get_by_test_id("acknowledge").click()
    await recorded(lambda: "dispatch.unit-acknowledged" in sent.types())
    await expect(page.get_by_test_id("pending")).to_have_count(0, timeout=SLOW_MS)
    await expect(page.get_by_test_id("recorded-state")).to_contain_text("Terkonfirmasi")
    return sent


async def test_a_crew_is_alerted_and_reports_with_one_thumb(
    centre: DemoCentre, dispatcher: Api
) -> None:
    """From the alert to the hospital and back: one big button for each step."""
    async with phone(centre) as page:
        sent = await asyncio.to_thread(send, dispatcher)
        alert = page.get_by_test_id("alert")
        await expect(alert).to_be_visible(timeout=2_000)
        await expect(alert).to_contain_text("Pasar Mardika")
        await expect(page).to_have_title("‼ TUGAS BARU")
        await page.get_by_test_id("acknowledge").click()
        await expect(alert).to_have_count(0)
        await expect(page.get_by_test_id("place")).to_have_text("Pasar Mardika")
        await expect(page.get_by_test_id("route")).to_contain_text("km")
        assert "geo:-3.697" in str(await page.get_by_test_id("navigate").get_attribute("href"))
        await press_next(page, "en_route")
        await press_next(page, "on_scene")
        await press_next(page, "access")
        await press_next(page, "work")
        await press_next(page, "transporting")
        await page.get_by_test_id("hospital").get_by_role("button").nth(1).click()
        to_hospital = page.get_by_test_id("to-hospital")
        await expect(to_hospital.get_by_test_id("route")).to_contain_text("km", timeout=SLOW_MS)
        link = str(await to_hospital.get_by_test_id("navigate").get_attribute("href"))
        assert link.startswith("geo:")
        assert "geo:-3.697" not in link, "the way must not lead back to the incident"
        await press_next(page, "at_hospital")
        await press_next(page, "available")
        await page.get_by_test_id("confirm-available").click()
        await expect(page.get_by_test_id("waiting")).to_be_visible(timeout=SLOW_MS)
        await expect(page.get_by_test_id("ended")).to_have_count(0)
        before, after = ("dispatched", *REPORTED[:3]), (*REPORTED[3:], "released")
        steps = [f"dispatch.unit-{step}" for step in before]
        steps += [MILESTONE, MILESTONE, *(f"dispatch.unit-{step}" for step in after)]
        await recorded(lambda: sent.types() == steps)
        timeline = dispatcher.get(f"/api/incidents/{sent.incident_id}/timeline")
        phases = timeline["clocks"]["units"][0]
        assert phases["access_s"] >= PRESS_AGAIN_S
        assert phases["setup_s"] >= PRESS_AGAIN_S
        units = await asyncio.to_thread(dispatcher.rows, "incident")
        assert units[sent.incident_id]["units"][0]["hospital_id"]


async def test_reports_from_a_dead_spot_arrive_in_order_with_the_time_of_the_press(
    centre: DemoCentre, dispatcher: Api
) -> None:
    """Behind a hill nothing gets through; what was pressed there must be true afterwards."""
    async with phone(centre) as page:
        sent = await accepted(page, dispatcher)
        await page.context.set_offline(True)
        await expect(page.get_by_test_id("offline")).to_be_visible(timeout=SLOW_MS)
        await press_next(page, "en_route")
        pending = page.get_by_test_id("pending")
        await expect(pending).to_contain_text("belum terkirim, akan dikirim sendiri")
        await press_next(page, "on_scene")
        await press_next(page, "access")
        await expect(page.get_by_test_id("state-transporting")).to_be_visible()
        await expect(page.get_by_test_id("recorded-state")).to_contain_text("Terkonfirmasi")
        await page.get_by_test_id("note-text").fill("Jalan tertutup pohon")
        await page.get_by_test_id("note-send").click()
        await page.get_by_test_id("note-text").fill("masih ditulis")
        await page.reload()
        await expect(page.get_by_test_id("place")).to_have_text("Pasar Mardika")
        await expect(page.get_by_test_id("note-text")).to_have_value("masih ditulis")
        await expect(page.get_by_test_id("offline")).to_be_visible()
        await expect(pending).to_be_visible()
        await page.context.set_offline(False)
        steps = [f"dispatch.unit-{step}" for step in ("dispatched", *REPORTED[:3])] + [MILESTONE]
        await recorded(lambda: sent.types() == steps)
        await expect(pending).to_have_count(0, timeout=SLOW_MS)
        await expect(page.get_by_test_id("recorded-state")).to_contain_text("Di lokasi")
        note = (await recorded(lambda: sent.entries("incidents.note-added")))[0]
        assert "Jalan tertutup pohon" in note["text_id"]
        set_out, arrived = sent.at("dispatch.unit-set-out"), sent.at("dispatch.unit-arrived")
        assert (arrived - set_out).total_seconds() >= PRESS_AGAIN_S
        assert datetime.fromisoformat(note["at"]) > arrived


async def test_a_crew_that_was_stood_down_meanwhile_is_told_and_its_text_is_kept(
    centre: DemoCentre, dispatcher: Api
) -> None:
    """Orders changed in a dead spot: nobody drives on to a place where they are not needed."""
    async with phone(centre) as page:
        sent = await accepted(page, dispatcher)
        await page.get_by_test_id("note-text").fill("Warga menghalangi jalan")
        await page.context.set_offline(True)
        await press_next(page, "en_route")
        await asyncio.to_thread(sent.stand_down)
        await page.context.set_offline(False)
        ended = page.get_by_test_id("ended")
        await expect(ended).to_contain_text("Tugas berakhir", timeout=SLOW_MS)
        await expect(page.get_by_test_id("note-text")).to_have_value("Warga menghalangi jalan")
        await page.get_by_test_id("note-send").click()
        await recorded(lambda: sent.entries("incidents.note-added"))
        await expect(page.get_by_test_id("pending")).to_have_count(0, timeout=SLOW_MS)
        await page.get_by_test_id("ended-read").click()
        await expect(ended).to_have_count(0)
        await expect(page.get_by_test_id("waiting")).to_be_visible()
        units = await asyncio.to_thread(dispatcher.rows, "unit")
        assert units[UNIT]["state"] == "available"


async def test_what_the_centre_refuses_is_said_in_words_and_can_be_sent_again(
    centre: DemoCentre, dispatcher: Api
) -> None:
    """A refusal that nobody reads is a report that nobody has."""

    async def refuse(route: Route) -> None:
        problem = {"status": 409, "code": "unit-not-dispatched", "title": "no", "detail": ""}
        await route.fulfill(status=409, json=problem)

    async with phone(centre) as page:
        sent = await accepted(page, dispatcher)
        await page.route("**/note", refuse)
        await page.get_by_test_id("note-text").fill("Pasien sadar")
        await page.get_by_test_id("note-send").click()
        refused = page.get_by_test_id("refused")
        await expect(refused).to_contain_text("Pasien sadar")
        await expect(refused).to_contain_text("tidak lagi ditugaskan")
        await page.unroute("**/note")
        await page.reload()
        await page.get_by_test_id("refused-retry").click()
        await recorded(lambda: sent.entries("incidents.note-added"))
        await expect(refused).to_have_count(0)


async def test_no_map_and_no_position_leave_the_phone_usable(
    centre: DemoCentre, dispatcher: Api
) -> None:
    """The picture is a comfort; the words and the buttons are the work."""
    async with phone(centre) as page:
        await page.context.clear_permissions()
        await page.route("**/api/map/**", lambda route: route.abort())
        sent = await accepted(page, dispatcher)
        await page.get_by_test_id("open-map").click()
        await expect(page.get_by_test_id("map-state")).to_contain_text("navigasi HP")
        await page.keyboard.press("Escape")
        await press_next(page, "en_route")
        await recorded(lambda: "dispatch.unit-set-out" in sent.types())


async def test_a_crew_goes_out_of_service_with_a_reason_and_comes_back(
    centre: DemoCentre, dispatcher: Api
) -> None:
    """A unit that cannot go must not be sent."""
    async with phone(centre) as page:
        await page.get_by_test_id("state-out_of_service").click()
        await page.get_by_test_id("reason-refuelling").click()
        await recorded(lambda: dispatcher.rows("unit")[UNIT]["reason"] == "refuelling")
        await expect(page.get_by_test_id("waiting")).to_contain_text("Isi bahan bakar")
        await press_next(page, "available")
        await recorded(lambda: dispatcher.rows("unit")[UNIT]["state"] == "available")


async def test_a_crew_signs_off_and_on_again(centre: DemoCentre, dispatcher: Api) -> None:
    """Who is with which unit is known; a phone that was handed back shows nothing."""
    async with phone(centre) as page:
        await recorded(lambda: dispatcher.rows("unit")[UNIT]["operators"])
        await page.get_by_test_id("menu").click()
        await page.get_by_test_id("sign-off").click()
        await page.get_by_test_id("sign-off-sure").click()
        await expect(page.get_by_test_id("sign-in")).to_be_visible(timeout=SLOW_MS)
        await recorded(lambda: dispatcher.rows("unit")[UNIT]["operators"] == [])
        account = centre.accounts["crew"]
        await page.locator("[name=username]").fill(account["username"])
        await page.locator("[name=password]").fill(account["password"])
        await page.get_by_test_id("sign-in").locator("button[type=submit]").click()
        await expect(page.get_by_test_id("waiting")).to_be_visible(timeout=SLOW_MS)
        await recorded(lambda: dispatcher.rows("unit")[UNIT]["operators"])


async def test_a_crew_without_a_fixed_unit_chooses_one(centre: DemoCentre, dispatcher: Api) -> None:
    """Crews change vehicles; an alert must reach who sits in it today."""
    account = {"username": "regu-pengganti", "password": "kata sandi panjang"}
    with contextlib.closing(centre.client("administrator")) as admin:
        admin.done("/api/accounts", {**account, "name": "Regu pengganti", "roles": ["crew"]})
    async with opened(centre, "crew", "/field", size=PHONE) as page:
        await page.goto("/healthz")  # no answer is under way that would keep the crew again
        await page.context.clear_cookies()
        await page.evaluate("localStorage.clear()")
        await page.goto("/field")
        await page.locator("[name=username]").fill(account["username"])
        await page.locator("[name=password]").fill(account["password"])
        await page.get_by_test_id("sign-in").locator("button[type=submit]").click()
        await expect(page.get_by_test_id("unit-choice")).to_be_visible(timeout=SLOW_MS)
        await page.get_by_test_id("unit-search").fill("psc07")
        await page.get_by_test_id("unit-PSC-07").click()
        await expect(page.get_by_test_id("waiting")).to_be_visible(timeout=SLOW_MS)
        await recorded(lambda: dispatcher.rows("unit")["PSC-07"]["operators"])
