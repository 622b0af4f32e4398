"""Incidents over HTTP on a real PostgreSQL: opened, amended, closed, reopened."""

import asyncio
from typing import Any

import pytest
from room import (
    ENGINE,
    MARKET,
    Room,
    call,
    expire,
    refusal,
    reported,
    sent,
)


async def test_an_incident_goes_from_report_to_closed(room: Room) -> None:
    """The whole promise, once through."""
    await call(room, "C1")
    answer = await room.post(
        "taker",
        "/api/incidents",
        {
            "call_id": "C1",
            "category": "structure-fire",
            "priority": 2,
            "place": MARKET,
            "hazards": ["live-wire"],
            "report": {"summary": "Asap", "people": [{"description": "ibu di lantai dua"}]},
        },
    )
    opened = answer.json()
    incident = opened["incident_id"]
    assert opened["number"].startswith("AMB-")
    assert opened["number"].endswith("-0001")
    assert (await room.row("call", "C1"))["incident_ids"] == [incident]
    found = await room.get("ola", f"/api/incidents/{incident}/recommendation")
    first = next(one for one in found["units"] if one["for"] == "fire-engine")
    assert first["recommended"]
    assert "nearest" in first["reasons"]
    assert "at-station" in first["reasons"]
    assert "placeholder-position" in first["reasons"]
    unit = first["unit_id"]
    await sent(room, incident, unit)
    for state in ("acknowledged", "en_route", "on_scene", "available"):
        assert (await reported(room, unit, state)).status_code == 200
    row = await room.row("incident", incident)
    assert row["call_ids"] == ["C1"]
    assert row["units"][0]["released_at"] is not None
    assert row["ward_code"] == "81.71.02.1017"
    assert (await room.row("unit", unit))["incident_id"] is None
    closed = await room.post(
        "ola", f"/api/incidents/{incident}/close", {"disposition": "handled", "remarks": "Padam"}
    )
    assert closed.status_code == 200
    ended = await room.row("incident", incident)
    assert (ended["state"], ended["disposition"]) == ("closed", "handled")
    assert await expire(room, seconds=3600) == 0


async def test_numbers_of_one_day_have_no_gap_with_many_call_takers(room: Room) -> None:
    """A missing number looks like an incident that was made to vanish."""
    await asyncio.gather(*(room.open() for _ in range(8)))
    records = await room.database.all(
        "select body ->> 'number' from view_rows where view = 'incident' order by 1"
    )
    assert [number[-4:] for (number,) in records] == [f"{at:04}" for at in range(1, 9)]


async def test_a_repeated_report_opens_one_incident(room: Room) -> None:
    """The answer was lost in the network, not the fire."""
    body = {
        "category": "structure-fire",
        "priority": 1,
        "place": MARKET,
        "report": {"summary": "Asap"},
    }
    first = await room.post("taker", "/api/incidents", body, key="k1")
    again = await room.post("taker", "/api/incidents", body, key="k1")
    assert first.json() == again.json()
    assert len(await room.facts(f"incident/{first.json()['incident_id']}")) == 1


@pytest.mark.parametrize(
    ("change", "field"),
    [
        ({"place": {**MARKET, "lat": 128.18, "lon": -3.69}}, "place.lat"),
        ({"place": {**MARKET, "lon": 106.8}}, "place.lon"),
        ({"category": "dragon"}, "category"),
        ({"hazards": ["gas", "dragon"]}, "hazards[1]"),
        ({"priority": 5}, "priority"),
        ({"colour": "red"}, "colour"),
        ({"report": {"summary": "x", "mood": "bad"}}, "report.mood"),
        ({"place": {**MARKET, "ward_code": "somewhere"}}, "place.ward_code"),
    ],
)
async def test_what_is_wrong_in_a_report_is_named(
    room: Room, change: dict[str, Any], field: str
) -> None:
    """The caller is still on the line: the operator must see at once what to correct."""
    body = {
        "category": "structure-fire",
        "priority": 1,
        "place": MARKET,
        "report": {"summary": "Asap"},
    }
    answer = await room.post("taker", "/api/incidents", {**body, **change})
    assert answer.status_code == 422
    assert [one["field"] for one in answer.json()["errors"]] == [field]


async def test_an_incident_of_an_unknown_call_is_refused(room: Room) -> None:
    """A ghost call in the queue would be answered by nobody."""
    answer = await room.post(
        "taker",
        "/api/incidents",
        {
            "call_id": "nobody",
            "category": "structure-fire",
            "priority": 1,
            "place": MARKET,
            "report": {"summary": "Asap"},
        },
    )
    assert refusal(answer) == (404, "call-unknown")


async def test_several_calls_on_one_incident_and_several_incidents_of_one_call(room: Room) -> None:
    """Ten people see one fire; one person sees a fire and a fall."""
    await call(room, "C1")
    await call(room, "C2")
    fire, fall = await room.open(call_id="C1"), await room.open(call_id="C1")
    link = {"incident_id": fire}
    for _ in range(2):
        assert (await room.post("taker", "/api/calls/C2/link", link)).status_code == 200
    assert (await room.row("incident", fire))["call_ids"] == ["C1", "C2"]
    assert (await room.row("call", "C1"))["incident_ids"] == [fire, fall]
    for _ in range(2):
        assert (await room.post("taker", "/api/calls/C2/unlink", link)).status_code == 200
    assert (await room.row("incident", fire))["call_ids"] == ["C1"]
    assert (await room.row("call", "C2"))["incident_ids"] == []
    assert len(await room.facts("call/C2")) == 3
    assert refusal(await room.post("taker", "/api/calls/C9/link", link)) == (404, "call-unknown")
    unknown = await room.post("taker", "/api/calls/C1/link", {"incident_id": "I9"})
    assert refusal(unknown) == (404, "incident-unknown")


async def test_an_amendment_changes_only_what_it_names(room: Room) -> None:
    """Two call takers add to one report; neither wipes the other's words."""
    incident = await room.open(injured=2)
    before = await room.row("incident", incident)
    path = f"/api/incidents/{incident}/amend"
    assert (await room.post("taker", path, {"priority": 1})).status_code == 200
    after = await room.row("incident", incident)
    assert (after["priority"], after["injured"]) == (1, 2)
    assert (after["place"], after["report"]) == (before["place"], before["report"])
    moved = {"place": {**MARKET, "label": "Batu Merah"}, "injured": None}
    assert (await room.post("taker", path, moved)).status_code == 200
    last = await room.row("incident", incident)
    assert last["injured"] is None
    assert last["place"] != before["place"]
    assert refusal(await room.post("taker", "/api/incidents/none/amend", {})) == (
        404,
        "incident-unknown",
    )


async def test_what_people_said_stands_in_no_fact(room: Room) -> None:
    """Facts last for ever; names and words must be erasable."""
    incident = await room.open(report={"summary": "Rahasia", "caller_name": "Rahasia"})
    await room.post("ola", f"/api/incidents/{incident}/note", {"text": "Rahasia"})
    await sent(room, incident, "DMK-11", override_reason="local-knowledge", override_note="Rahasia")
    await room.post(
        "ola",
        f"/api/incidents/{incident}/stand-down",
        {"unit_id": "DMK-11", "reason": "not-needed"},
    )
    await room.post(
        "ola",
        f"/api/incidents/{incident}/close",
        {"disposition": "handled", "remarks": "Rahasia"},
    )
    await room.post("ola", f"/api/incidents/{incident}/reopen", {"reason": "Rahasia"})
    records = await room.database.all(
        "select 1 from facts where body::text like '%%Rahasia%%' "
        "union all select 1 from view_rows where body::text like '%%Rahasia%%'"
    )
    assert records == []
    kept = await room.database.all("select kind from personal where body::text like '%%Rahasia%%'")
    assert sorted(kind for (kind,) in kept) == [
        "note",
        "override-note",
        "reason",
        "remarks",
        "report",
    ]


async def test_closing_waits_for_every_unit_and_needs_a_disposition(room: Room) -> None:
    """A crew on a closed incident is a crew that nobody watches."""
    incident = await room.open()
    await sent(room, incident)
    path = f"/api/incidents/{incident}/close"
    early = await room.post("ola", path, {"disposition": "handled"})
    assert refusal(early) == (409, "units-not-released")
    assert early.json()["context"]["units"] == ENGINE
    await reported(room, ENGINE, "on_scene")
    await reported(room, ENGINE, "available")
    assert (await room.post("ola", path, {})).status_code == 422
    assert (await room.post("ola", path, {"disposition": "dragon"})).status_code == 422
    for _ in range(2):
        assert (await room.post("ola", path, {"disposition": "handled"})).status_code == 200
    late = await room.post("ola", f"/api/incidents/{incident}/dispatch", {"unit_id": ENGINE})
    assert refusal(late) == (409, "incident-closed")
    amended = await room.post("ola", f"/api/incidents/{incident}/amend", {"priority": 1})
    assert refusal(amended) == (409, "incident-closed")


async def test_a_reopened_incident_takes_units_again(room: Room) -> None:
    """Fires come back."""
    incident = await room.open()
    path = f"/api/incidents/{incident}"
    await room.post("ola", f"{path}/close", {"disposition": "handled"})
    taker = await room.post("taker", f"{path}/reopen", {"reason": "Api lagi"})
    assert refusal(taker) == (403, "not-allowed")
    for _ in range(2):
        again = await room.post("chief", f"{path}/reopen", {"reason": "Api menyala lagi"})
        assert again.status_code == 200
    await sent(room, incident)
    row = await room.row("incident", incident)
    assert (row["state"], row["reopened"], len(row["notes"])) == ("open", 1, 1)


async def test_a_crew_writes_notes_on_its_own_incident_only(room: Room) -> None:
    """What crews see on scene helps; what they guess about other scenes does not."""
    incident, other = await room.open(), await room.open()
    await sent(room, incident)
    note = {"text": "Dua korban di lantai dua"}
    strange = await room.post("crew", f"/api/incidents/{incident}/note", note)
    assert refusal(strange) == (409, "crew-not-signed-on")
    await room.post("crew", f"/api/units/{ENGINE}/sign-on", {})
    assert (await room.post("crew", f"/api/incidents/{incident}/note", note)).status_code == 200
    foreign = await room.post("crew", f"/api/incidents/{other}/note", note)
    assert refusal(foreign) == (409, "crew-not-signed-on")
    missing = await room.post("ola", "/api/incidents/X/note", note)
    assert refusal(missing) == (404, "incident-unknown")


async def test_an_agency_desk_writes_notes_where_its_agency_is_told_or_sent(room: Room) -> None:
    """A desk that knows an incident's id must not write into another agency's case."""
    incident, other = await room.open(), await room.open()
    await sent(room, incident)
    note = {"text": "Mobil tangki menyusul"}
    assert (await room.post("desk", f"/api/incidents/{incident}/note", note)).status_code == 200
    for desk, foreign in (("desk", other), ("police-desk", other)):
        refused = await room.post(desk, f"/api/incidents/{foreign}/note", note)
        assert refusal(refused) == (403, "not-allowed")
