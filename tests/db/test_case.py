"""The proof of a case over HTTP: timeline, JSON and PDF from the log."""

from collections.abc import AsyncIterator
from typing import Any

import pytest
from room import ENGINE, Room, call, expire, reached, reported, room_for, sent, stood_down
from starlette.applications import Starlette

import tahuri.reports.routes
from tahuri.city.records import CityPack
from tahuri.kernel.db import Database
from tahuri.kernel.digest import fact_digest
from tahuri.kernel.verify import facts_of


@pytest.fixture
async def archive(database: Database, pack: CityPack) -> AsyncIterator[Room]:
    """A room that prints its cases."""
    made = await room_for(database, pack)
    app: Starlette = made.client._transport.app  # type: ignore[attr-defined]
    app.router.routes.extend(tahuri.reports.routes.routes.starlette())
    async with made.client:
        yield made


async def worked(room: Room) -> str:
    """An incident of two calls, with a silent crew, closed; its id."""
    for call_id in ("C1", "C2"):
        await call(room, call_id)
    incident = await room.open(call_id="C1")
    await room.post("taker", "/api/calls/C2/link", {"incident_id": incident})
    await sent(room, incident)
    await expire(room, seconds=61)
    for state in ("acknowledged", "en_route", "on_scene"):
        assert (await reported(room, ENGINE, state)).status_code == 200
    for milestone in ("access", "work"):
        assert (await reached(room, ENGINE, milestone)).status_code == 200
    assert (await reported(room, ENGINE, "available")).status_code == 200
    closing = {"disposition": "handled", "remarks": "api padam"}
    closed = await room.post("ola", f"/api/incidents/{incident}/close", closing)
    assert closed.status_code == 200
    return incident


async def test_a_case_is_told_whole_and_its_facts_can_be_checked(
    archive: Room, database: Database
) -> None:
    """Who asks later what was done, and when, gets it from the log and can recompute it."""
    incident = await worked(archive)
    case = await archive.get("ola", f"/api/incidents/{incident}/case.json")
    told = [one["type"] for one in case["timeline"]]
    assert told.count("calls.call-arrived") == told.count("calls.call-linked") == 2
    late = next(one for one in case["timeline"] if one["type"].endswith("overdue"))
    assert "diusulkan" in late["text_id"]
    assert "proposed" in late["text_en"]
    assert late["actor_name"] == "sistem / system"
    assert case["clocks"]["response_s"] is not None
    assert case["clocks"]["closed_s"] >= case["clocks"]["response_s"] >= 0
    assert case["clocks"]["action_s"] >= case["clocks"]["response_s"]
    for phase in ("acknowledge_s", "turnout_s", "travel_s", "access_s", "setup_s", "on_scene_s"):
        assert case["clocks"]["units"][0][phase] >= 0, phase
    assert "DMK-01 mulai penanganan" in [one["text_id"] for one in case["timeline"]]
    assert "api padam" in str(case["personal"])
    assert "api padam" not in str(case["facts"])
    shown = {one["seq"]: one["digest"] for one in case["facts"]}
    digest = b""
    async with database.connection() as connection:
        async for fact, _, body in facts_of(connection, database.city_id):
            digest = fact_digest(digest, database.city_id, fact, body)
            assert shown.get(fact.seq, digest.hex()) == digest.hex()


async def test_a_case_is_printed_and_only_the_room_may(archive: Room) -> None:
    """A judge reads paper; a crew's phone does not carry other people's words away."""
    incident = await worked(archive)
    headers = {"who": "ola"}
    printed = await archive.client.get(f"/api/incidents/{incident}/case.pdf", headers=headers)
    assert printed.headers["content-type"] == "application/pdf"
    assert printed.content.startswith(b"%PDF-")
    for kind in ("timeline", "case.json", "case.pdf"):
        path = f"/api/incidents/{incident}/{kind}"
        assert (await archive.client.get(path, headers={"who": "crew"})).status_code == 403
        assert (await archive.client.get(path)).status_code == 401
        unknown = await archive.client.get(f"/api/incidents/nothing/{kind}", headers=headers)
        assert (unknown.status_code, unknown.json()["code"]) == (404, "incident-unknown")


async def test_a_crew_whose_clock_is_days_slow_makes_no_record_time(archive: Room) -> None:
    """The log keeps what the phone said; the paper says that the clocks disagree."""
    incident = await archive.open()
    await sent(archive, incident)
    for state in ("acknowledged", "on_scene"):
        body: dict[str, Any] = {"state": state, "at": "2020-01-01T00:00:00Z"}
        body["incident_id"] = incident
        assert (await archive.post("ola", f"/api/units/{ENGINE}/report", body)).status_code == 200
    clocks = (await archive.get("ola", f"/api/incidents/{incident}/timeline"))["clocks"]
    assert (clocks["response_s"], clocks["doubtful"]) == (None, ["response_s"])
    assert clocks["units"][0]["doubtful"] == ["acknowledge_s"]
    await stood_down(archive, incident, ENGINE)
