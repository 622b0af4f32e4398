"""Crews over HTTP on a real PostgreSQL: reports in any order, positions, service."""

from datetime import UTC, datetime, timedelta

import pytest
from msgspec.structs import replace
from room import (
    ENGINE,
    MARKET,
    SECOND,
    VIEWS,
    Room,
    expire,
    fix,
    reached,
    refusal,
    reported,
    sent,
    stood_down,
)

from tahuri.city.pack import load_pack, pack_folder
from tahuri.city.records import CityPack
from tahuri.kernel import clock
from tahuri.units.queries import register_units

MARKET_POINT = {name: MARKET[name] for name in ("lat", "lon")}


async def test_a_crew_reports_for_its_own_unit_only(room: Room) -> None:
    """Whoever holds the phone of DMK-01 does not speak for DMK-02."""
    incident = await room.open()
    await sent(room, incident)
    refused = await reported(room, ENGINE, "acknowledged", "crew")
    assert refusal(refused) == (409, "crew-not-signed-on")
    assert (await room.post("crew", f"/api/units/{ENGINE}/sign-on", {})).status_code == 200
    assert (await reported(room, ENGINE, "acknowledged", "crew")).status_code == 200
    other = await reported(room, ENGINE, "en_route", "other-crew")
    assert refusal(other) == (409, "crew-not-signed-on")
    assert (await reported(room, ENGINE, "en_route", "desk")).status_code == 200
    foreign = await reported(room, ENGINE, "on_scene", "police-desk")
    assert refusal(foreign) == (403, "not-allowed")


async def test_signing_on_to_another_unit_leaves_the_first(room: Room) -> None:
    """One person drives one vehicle."""
    for unit in (ENGINE, SECOND):
        assert (await room.post("crew", f"/api/units/{unit}/sign-on", {})).status_code == 200
    assert (await room.row("unit", ENGINE))["operators"] == []
    assert (await room.row("unit", SECOND))["operators"] == ["crew"]
    assert (await room.post("crew", f"/api/units/{SECOND}/sign-off", {})).status_code == 200
    assert (await room.row("unit", SECOND))["operators"] == []
    unknown = await room.post("crew", "/api/units/X/sign-on", {})
    assert refusal(unknown) == (404, "unit-unknown")


async def test_the_device_time_is_kept_beside_the_servers(room: Room) -> None:
    """Out of a dead spot a report is minutes late; response times must not be."""
    incident = await room.open()
    await sent(room, incident)
    at = clock.now() - timedelta(seconds=90)
    body = {"state": "acknowledged", "at": at.isoformat()}
    assert (await room.post("ola", f"/api/units/{ENGINE}/report", body)).status_code == 200
    record = await room.database.one(
        "select at, recorded_at - at from facts where type = 'dispatch.unit-acknowledged'"
    )
    assert record is not None
    assert record[0] == at
    assert record[1] >= timedelta(seconds=90)


async def test_a_report_from_the_future_happened_when_it_came(room: Room) -> None:
    """A device clock that runs ahead must not make an arrival that has not been."""
    incident = await room.open()
    await sent(room, incident)
    body = {"state": "on_scene", "at": (clock.now() + timedelta(hours=5)).isoformat()}
    assert (await room.post("ola", f"/api/units/{ENGINE}/report", body)).status_code == 200
    record = await room.database.one(
        "select recorded_at - at from facts where type = 'dispatch.unit-arrived'"
    )
    assert record == (timedelta(0),)
    naive = {"state": "on_scene", "at": "2026-11-23T03:00:00"}
    assert (await room.post("ola", f"/api/units/{ENGINE}/report", naive)).status_code == 422


async def test_reports_out_of_order_are_kept_and_move_nothing_back(room: Room) -> None:
    """The older one came second; the ambulance does not drive backwards."""
    incident = await room.open()
    await sent(room, incident)
    await reported(room, ENGINE, "on_scene")
    early = clock.now() - timedelta(seconds=100)
    for _ in range(2):
        body = {"state": "en_route", "at": early.isoformat()}
        assert (await room.post("ola", f"/api/units/{ENGINE}/report", body)).status_code == 200
    assert (await room.row("unit", ENGINE))["state"] == "on_scene"
    tags = [tag for tag, _ in await room.facts(f"dispatch/{incident}")]
    assert tags.count("units.report-came-late") == 1


@pytest.mark.parametrize("says_incident", [True, False])
async def test_reports_of_the_last_job_do_not_run_through_the_next(
    room: Room, says_incident: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A queue of an hour ago empties into a unit that has been sent elsewhere."""
    with monkeypatch.context() as moved:
        moved.setattr(clock, "now", lambda: datetime.now(UTC) - timedelta(hours=1))
        first = await room.open()
        await sent(room, first)
    await stood_down(room, first, ENGINE)
    second = await room.open()
    await sent(room, second)
    body = {
        "state": "on_scene",
        "at": (clock.now() - timedelta(minutes=30)).isoformat(),
        "incident_id": first if says_incident else None,
    }
    answer = await room.post("ola", f"/api/units/{ENGINE}/report", body)
    assert answer.status_code == 200
    assert (await room.row("unit", ENGINE))["state"] == "dispatched"
    assert (await room.facts(f"dispatch/{first}"))[-1][0] == "units.report-came-late"
    assert await expire(room, seconds=61) == 1


async def test_a_crew_says_what_it_has_reached_on_scene(room: Room) -> None:
    """The room sees that help has begun, and the phone asks for it once."""
    incident = await room.open()
    await sent(room, incident)
    assert refusal(await reached(room, ENGINE, "work")) == (409, "move-not-allowed")
    await reported(room, ENGINE, "on_scene")
    assert refusal(await reached(room, ENGINE, "access", "crew")) == (409, "crew-not-signed-on")
    assert (await reached(room, ENGINE, "coffee")).status_code == 422
    early = (clock.now() - timedelta(seconds=40)).isoformat()
    for _ in range(2):
        told = await reached(room, ENGINE, "access", at=early, incident_id=incident)
        assert told.status_code == 200
    row = (await room.row("incident", incident))["units"][0]
    assert (row["reached"], row["state"]) == (["access"], "on_scene")
    assert (await room.row("unit", ENGINE))["state"] == "on_scene"
    tags = [tag for tag, _ in await room.facts(f"dispatch/{incident}")]
    assert tags.count("dispatch.milestone-reached") == 1
    await reported(room, ENGINE, "available")
    late = await reached(room, ENGINE, "work", at=early, incident_id=incident)
    assert late.status_code == 200
    assert (await room.row("incident", incident))["units"][0]["reached"] == ["access", "work"]
    assert (await room.row("unit", ENGINE))["state"] == "available"


async def test_a_device_clock_that_is_days_slow_still_moves_its_unit(room: Room) -> None:
    """A crew with a flat clock battery answers its first call like any other."""
    incident = await room.open()
    await sent(room, incident)
    old = (clock.now() - timedelta(days=400)).isoformat()
    for state, more in (("acknowledged", {}), ("en_route", {"incident_id": incident})):
        body = {"state": state, "at": old, **more}
        assert (await room.post("ola", f"/api/units/{ENGINE}/report", body)).status_code == 200
    assert (await room.row("unit", ENGINE))["state"] == "en_route"


@pytest.mark.parametrize(
    ("lat", "lon", "field"), [(128.18, -3.69, "lat"), (0.0, 0.0, "lat"), (-3.69, 12.8, "lon")]
)
async def test_a_position_that_cannot_be_is_refused(
    room: Room, lat: float, lon: float, field: str
) -> None:
    """A receiver without satellites says 0, 0: the unit must not vanish from the ranking for it."""
    body = {"lat": lat, "lon": lon, "at": clock.now().isoformat()}
    answer = await room.post("ola", f"/api/units/{ENGINE}/position", body)
    assert (answer.status_code, answer.json()["errors"][0]["field"]) == (422, field)
    assert await room.database.all("select * from unit_positions") == []


@pytest.mark.parametrize("at", ["0001-01-01T00:00:00+14:00", "1969-12-31T23:59:59Z"])
async def test_a_time_that_no_clock_tells_is_refused_and_spoils_nothing(
    room: Room, at: str
) -> None:
    """One such time in the log and the incident could never be read again."""
    incident = await room.open()
    await sent(room, incident)
    body = {"state": "acknowledged", "at": at}
    answer = await room.post("ola", f"/api/units/{ENGINE}/report", body)
    assert (answer.status_code, answer.json()["errors"][0]["field"]) == (422, "at")
    answer = await room.post("ola", f"/api/units/{ENGINE}/position", {**MARKET_POINT, "at": at})
    assert (answer.status_code, answer.json()["errors"][0]["field"]) == (422, "at")
    assert (await reported(room, ENGINE, "acknowledged")).status_code == 200


@pytest.mark.parametrize("at", ["9999-12-31T23:59:59-14:00", "2026-11-23T09:00:00+09:00"])
async def test_a_time_with_another_offset_is_the_same_moment(room: Room, at: str) -> None:
    """A phone set to Ambon's time is no tamperer: the room proves its log after every test."""
    incident = await room.open()
    await sent(room, incident)
    body = {"state": "acknowledged", "at": at, "incident_id": incident}
    assert (await room.post("ola", f"/api/units/{ENGINE}/report", body)).status_code == 200
    answer = await room.post("ola", f"/api/units/{ENGINE}/position", {**MARKET_POINT, "at": at})
    assert answer.status_code == 204


async def test_a_unit_that_breaks_down_is_released_and_not_recommended(room: Room) -> None:
    """Someone else must be sent, and the list must say so."""
    incident = await room.open()
    await sent(room, incident)
    out = {"reason": "breakdown"}
    assert (await room.post("ola", f"/api/units/{ENGINE}/out-of-service", out)).status_code == 200
    row = await room.row("unit", ENGINE)
    assert (row["state"], row["reason"], row["incident_id"]) == (
        "out_of_service",
        "breakdown",
        None,
    )
    assert (await room.row("incident", incident))["units"][0]["released_at"] is not None
    assert await expire(room, seconds=3600) == 0
    found = await room.get("ola", f"/api/incidents/{incident}/recommendation")
    engine = next(one for one in found["units"] if one["unit_id"] == ENGINE)
    assert not engine["recommended"]
    assert "out-of-service" in engine["reasons"]
    again = await room.post("ola", f"/api/incidents/{incident}/dispatch", {"unit_id": ENGINE})
    assert refusal(again) == (409, "unit-not-available")
    assert (await room.post("ola", f"/api/units/{ENGINE}/in-service", {})).status_code == 200
    assert (await room.row("unit", ENGINE))["state"] == "available"
    foreign = await room.post("crew", f"/api/units/{ENGINE}/out-of-service", out)
    assert refusal(foreign) == (409, "crew-not-signed-on")


async def test_a_crew_sees_its_assignment_with_words_and_way(room: Room) -> None:
    """One screen at arm's length: where, what, how to get there."""
    await room.post("crew", f"/api/units/{ENGINE}/sign-on", {})
    assert await room.get("crew", f"/api/units/{ENGINE}/assignment") is None
    incident = await room.open()
    await sent(room, incident)
    await room.post("ola", f"/api/incidents/{incident}/note", {"text": "Lewat pantai"})
    seen = await room.get("crew", f"/api/units/{ENGINE}/assignment")
    assert seen["incident"]["incident_id"] == incident
    assert seen["personal"][seen["incident"]["place"]]["label"] == "Pasar Mardika"
    assert [note["text"] for note in seen["notes"]] == ["Lewat pantai"]
    assert seen["route"]["to"] == "incident"
    assert seen["route"]["coordinates"][-1] == [MARKET["lon"], MARKET["lat"]]
    room.roads.cut.add("fire_engine")
    assert (await room.get("crew", f"/api/units/{ENGINE}/assignment"))["route"] is None
    headers = {"who": "other-crew"}
    stranger = await room.client.get(f"/api/units/{ENGINE}/assignment", headers=headers)
    assert refusal(stranger) == (409, "crew-not-signed-on")
    unknown = await room.client.get("/api/units/X/assignment", headers={"who": "ola"})
    assert refusal(unknown) == (404, "unit-unknown")


async def test_with_a_patient_on_board_the_way_leads_to_the_hospital(room: Room) -> None:
    """The crew drives away from the place; the way back there would send them wrong."""
    incident = await room.open()
    await sent(room, incident)
    hospital = load_pack(pack_folder("ambon")).hospitals[1]
    for state, chosen in (("acknowledged", None), ("on_scene", None), ("transporting", hospital)):
        hospital_id = chosen and chosen.hospital_id
        report = await reported(room, ENGINE, state, hospital_id=hospital_id)
        assert report.status_code == 200
    seen = await room.get("ola", f"/api/units/{ENGINE}/assignment")
    assert seen["route"]["to"] == "hospital"
    assert seen["route"]["coordinates"][-1] == [hospital.lon, hospital.lat]


async def test_older_fixes_are_dropped_and_a_clock_ahead_does_not_block(room: Room) -> None:
    """Positions come in any order; the newest must win, and go on winning."""
    now = clock.now()
    await fix(room, "ola", now, speed_kmh=30)
    assert (await fix(room, "ola", now - timedelta(seconds=30), speed_kmh=10)).status_code == 204
    record = "select speed_kmh from unit_positions"
    assert await room.database.one(record) == (30.0,)
    await fix(room, "ola", now + timedelta(days=1), speed_kmh=40)
    await fix(room, "ola", clock.now() + timedelta(seconds=5), speed_kmh=50)
    assert await room.database.one(record) == (50.0,)


async def test_a_position_comes_from_the_units_own_crew(room: Room) -> None:
    """A stranger's phone must not move an engine on the map."""
    assert refusal(await fix(room, "crew", clock.now())) == (409, "crew-not-signed-on")
    await room.post("crew", f"/api/units/{ENGINE}/sign-on", {})
    assert (await fix(room, "crew", clock.now())).status_code == 204
    assert (await fix(room, "ola", clock.now(), lat=200)).status_code == 422
    body = {"lat": -3.6, "lon": 128.1, "at": clock.now().isoformat()}
    unknown = await room.client.post("/api/units/X/position", json=body, headers={"who": "ola"})
    assert refusal(unknown) == (404, "unit-unknown")


async def test_the_roster_is_recorded_once_and_again_when_it_changes(
    room: Room, pack: CityPack
) -> None:
    """Every start reads the pack; the log keeps what changed and when."""
    assert await register_units(room.database, VIEWS, pack.units) == 0
    moved = [replace(pack.units[0], callsign="Merah 1"), *pack.units[1:]]
    assert await register_units(room.database, VIEWS, moved) == 1
    assert (await room.row("unit", pack.units[0].unit_id))["callsign"] == "Merah 1"
