"""Units sent over HTTP on a real PostgreSQL: recommended, sent once, missed when silent."""

import asyncio
from datetime import timedelta

from room import (
    ENGINE,
    SECOND,
    VIEWS,
    Room,
    expire,
    fix,
    refusal,
    reported,
    sent,
)

from tahuri.dispatch.deadlines import DEADLINES
from tahuri.kernel import clock
from tahuri.kernel.deadlines import carry_out, due


async def test_two_dispatchers_cannot_send_one_unit_to_two_incidents(room: Room) -> None:
    """One wins, the other is told at once who has it."""
    first, second = await room.open(), await room.open()
    answers = await asyncio.gather(
        room.post("ola", f"/api/incidents/{first}/dispatch", {"unit_id": ENGINE}),
        room.post("wim", f"/api/incidents/{second}/dispatch", {"unit_id": ENGINE}),
    )
    assert sorted(one.status_code for one in answers) == [200, 409]
    lost = next(one for one in answers if one.status_code == 409)
    assert lost.json()["code"] == "unit-not-available"
    rows = [await room.row("incident", one) for one in (first, second)]
    assert sum(len(row["units"]) for row in rows) == 1


async def test_two_dispatchers_who_send_one_unit_to_one_incident_agree(room: Room) -> None:
    """They meant the same; the log says it once."""
    incident = await room.open()
    answers = await asyncio.gather(
        *(
            room.post(who, f"/api/incidents/{incident}/dispatch", {"unit_id": ENGINE})
            for who in ("ola", "wim")
        )
    )
    assert [one.status_code for one in answers] == [200, 200]
    assert len(await room.facts(f"dispatch/{incident}")) == 1


async def test_a_repeated_dispatch_gets_the_first_answer(room: Room) -> None:
    """Even after the unit has been released: the repetition asks for nothing new."""
    incident = await room.open()
    path, body = f"/api/incidents/{incident}/dispatch", {"unit_id": ENGINE}
    first = await room.post("ola", path, body, key="k")
    await reported(room, ENGINE, "on_scene")
    await reported(room, ENGINE, "available")
    again = await room.post("ola", path, body, key="k")
    assert first.json() == again.json()
    assert (await room.row("unit", ENGINE))["state"] == "available"
    other = await room.post("ola", path, {"unit_id": SECOND}, key="k")
    assert refusal(other) == (422, "key-reused")


async def test_a_unit_that_was_not_recommended_needs_a_reason(room: Room) -> None:
    """Afterwards somebody asks why the farther unit went."""
    incident = await room.open()
    path = f"/api/incidents/{incident}/dispatch"
    ambulance = next(
        one["unit_id"]
        for one in (await room.get("ola", f"/api/incidents/{incident}/recommendation"))["units"]
        if one["needs_reason"] and "at-station" in one["reasons"]
    )
    bare = await room.post("ola", path, {"unit_id": ambulance})
    assert refusal(bare) == (409, "override-reason-missing")
    wrong = await room.post("ola", path, {"unit_id": ambulance, "override_reason": "mood"})
    assert wrong.status_code == 422
    await sent(room, incident, ambulance, override_reason="reinforcement", override_note="Besar")
    tag, body = (await room.facts(f"dispatch/{incident}"))[0]
    assert (tag, body["override_reason"]) == ("dispatch.unit-dispatched", "reinforcement")


async def test_who_does_not_dispatch_is_refused(room: Room) -> None:
    """A call taker's key press must not move units, nor a crew's."""
    incident = await room.open()
    for who in ("taker", "crew", "desk"):
        answer = await room.post(who, f"/api/incidents/{incident}/dispatch", {"unit_id": ENGINE})
        assert refusal(answer) == (403, "not-allowed")
    nobody = await room.post("", f"/api/incidents/{incident}/dispatch", {"unit_id": ENGINE})
    assert refusal(nobody) == (401, "not-signed-in")


async def test_what_does_not_exist_is_refused_by_name(room: Room) -> None:
    """A typing error must not look like a success."""
    incident = await room.open()
    path = f"/api/incidents/{incident}"
    assert refusal(await room.post("ola", f"{path}/dispatch", {"unit_id": "X"})) == (
        404,
        "unit-unknown",
    )
    assert refusal(await room.post("ola", "/api/incidents/X/dispatch", {"unit_id": ENGINE})) == (
        404,
        "incident-unknown",
    )
    down = {"unit_id": ENGINE, "reason": "not-needed"}
    assert refusal(await room.post("ola", "/api/incidents/X/stand-down", down)) == (
        404,
        "incident-unknown",
    )
    assert refusal(await room.post("ola", f"{path}/stand-down", down)) == (
        409,
        "unit-not-dispatched",
    )
    assert refusal(await reported(room, "X", "on_scene")) == (404, "unit-unknown")
    assert refusal(await reported(room, ENGINE, "on_scene")) == (409, "unit-not-dispatched")
    hospital = await reported(room, ENGINE, "transporting", hospital_id="R0")
    assert [one["field"] for one in hospital.json()["errors"]] == ["hospital_id"]


async def test_silence_is_told_once_and_names_the_next_unit(room: Room) -> None:
    """A minute without an answer: the dispatcher is told, with a way out, and once."""
    incident = await room.open()
    await sent(room, incident)
    assert await expire(room, seconds=55) == 0
    found = await due(room.database, clock.now() + timedelta(seconds=61))
    for _ in range(2):  # two workers found the same deadline
        await carry_out(room.database, VIEWS, DEADLINES, found[0])
    facts = await room.facts(f"dispatch/{incident}")
    assert [tag for tag, _ in facts[1:]] == ["dispatch.acknowledgement-overdue"]
    proposed = facts[1][1]["proposed_unit_id"]
    assert (await room.row("unit", proposed))["kind"] == "fire-engine"
    unit = (await room.row("incident", incident))["units"][0]
    assert (unit["ack_overdue"], unit["proposed_unit_id"]) == (True, proposed)
    assert await expire(room, seconds=3600) == 0
    await reported(room, ENGINE, "acknowledged")
    assert not (await room.row("incident", incident))["units"][0]["ack_overdue"]


async def test_the_unit_proposed_for_a_silent_one_goes_without_explanation(room: Room) -> None:
    """Nobody can count on a crew that does not answer; the next must go at one press."""
    incident = await room.open(category="breathing", priority=3)
    path = f"/api/incidents/{incident}/recommendation"
    first = (await room.get("ola", path))["units"][0]["unit_id"]
    await sent(room, incident, first)
    met = await room.get("ola", path)
    assert [(need["count"], need["met"]) for need in met["needs"]] == [(1, 1)]
    assert not any(one["recommended"] for one in met["units"])
    await expire(room, seconds=61)
    unmet = await room.get("ola", path)
    assert [need["met"] for need in unmet["needs"]] == [0]
    assert unmet["units"][0]["recommended"]
    proposed = (await room.row("incident", incident))["units"][0]["proposed_unit_id"]
    far = {"lat": -3.78, "lon": 128.10, "at": clock.now().isoformat()}
    moved = await room.client.post(
        f"/api/units/{proposed}/position", json=far, headers={"who": "ola"}
    )
    assert moved.status_code == 204
    await sent(room, incident, proposed)
    await reported(room, first, "acknowledged")
    assert [need["met"] for need in (await room.get("ola", path))["needs"]] == [1]


async def test_after_an_outage_silence_is_told_late_and_says_how_late(room: Room) -> None:
    """The figure must not look as if the room had slept when the machine did."""
    incident = await room.open()
    await sent(room, incident)
    await room.database.run(
        "update deadlines set due_at = now() - interval '20 minutes' where city_id = %s",
        (room.database.city_id,),
    )
    assert await expire(room, seconds=0) == 1
    facts = await room.facts(f"dispatch/{incident}")
    assert 1195 < facts[1][1]["late_s"] < 1260


async def test_a_crew_that_answers_or_is_stood_down_ends_the_wait(room: Room) -> None:
    """An alarm that cries wolf is not heard the next time."""
    incident = await room.open()
    await sent(room, incident)
    await sent(room, incident, SECOND)
    await reported(room, ENGINE, "en_route")
    down = {"unit_id": SECOND, "reason": "not-needed"}
    assert (
        await room.post("ola", f"/api/incidents/{incident}/stand-down", down)
    ).status_code == 200
    assert await expire(room, seconds=3600) == 0
    units = {one["unit_id"]: one for one in (await room.row("incident", incident))["units"]}
    assert units[ENGINE]["acknowledged_at"] is not None
    assert units[SECOND]["released_at"] is not None


async def test_without_roads_units_are_ranked_by_an_estimate_that_says_so(room: Room) -> None:
    """A missing road graph must not stop help."""
    room.roads.cut |= {"fire_engine", "car", "ambulance", "motorcycle", "boat"}
    incident = await room.open()
    found = await room.get("ola", f"/api/incidents/{incident}/recommendation")
    assert found["units"][0]["recommended"]
    assert all("no-road-route" in one["reasons"] for one in found["units"])
    assert found["notify"] == (await room.row("incident", incident))["notify"]


async def test_a_fresh_fix_counts_more_than_the_station(room: Room) -> None:
    """The engine that happens to be round the corner goes."""
    assert (await fix(room, "ola", clock.now())).status_code == 204
    incident = await room.open()
    found = await room.get("ola", f"/api/incidents/{incident}/recommendation")
    first = next(one for one in found["units"] if one["for"] == "fire-engine")
    assert (first["unit_id"], first["travel_s"]) == (ENGINE, 0.0)
    assert "last-fix" in first["reasons"]


async def test_an_old_fix_does_not_tell_where_a_unit_is(room: Room) -> None:
    """Yesterday's position would send the wrong engine."""
    await fix(room, "ola", clock.now() - timedelta(hours=1))
    incident = await room.open()
    found = await room.get("ola", f"/api/incidents/{incident}/recommendation")
    engine = next(one for one in found["units"] if one["unit_id"] == ENGINE)
    assert "at-station" in engine["reasons"]
