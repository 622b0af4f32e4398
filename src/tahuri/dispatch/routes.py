"""HTTP of dispatch: recommend, send, stand down, report, and what a crew sees."""

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Annotated, Any

from msgspec import Meta
from msgspec.structs import replace
from starlette.requests import Request
from starlette.responses import Response

from tahuri.city.records import CityPack
from tahuri.dispatch.deadlines import ACKNOWLEDGE, acknowledge_key
from tahuri.dispatch.decider import (
    ACK_DUE_S,
    DISPATCH,
    ReportMilestone,
    ReportState,
    SendUnit,
    Situation,
    StandUnitDown,
    belongs,
    decide,
)
from tahuri.dispatch.events import OverrideReason, StandDownReason, UnitDispatched
from tahuri.dispatch.queries import (
    UnitNow,
    assigned_at,
    fresh_positions,
    incident_body,
    incident_now,
    personal_bodies,
    unit_now,
)
from tahuri.dispatch.recommend import (
    FIX_FRESH_S,
    pack_of,
    place_of,
    profile_of,
    recommendation,
    roads_of,
)
from tahuri.kernel import clock
from tahuri.kernel.event import Command, Fact, StreamId
from tahuri.kernel.http import Json, Routes, SignedOn, answered, db, views, who, writing
from tahuri.kernel.ids import IncidentId, UnitId
from tahuri.kernel.log import Log
from tahuri.kernel.refusal import Invalid, Refused
from tahuri.kernel.roles import Role
from tahuri.refusals import Refusal
from tahuri.units.states import Milestone, UnitState

ROOM = (Role.DISPATCHER, Role.SUPERVISOR)
REPORTERS = (*ROOM, Role.AGENCY_DESK, Role.CREW)
LOOKERS = (*ROOM, Role.CALL_TAKER, Role.AGENCY_DESK)
NOTE_CHARS_MAX = 1_000

routes = Routes("dispatch")


class DispatchUnit(Command, frozen=True):
    """Which unit goes; why, if it was not recommended."""

    unit_id: UnitId
    override_reason: OverrideReason | None = None
    override_note: Annotated[str, Meta(max_length=NOTE_CHARS_MAX)] | None = None


class StandDownUnit(Command, frozen=True):
    """Which unit is no longer needed, and why."""

    unit_id: UnitId
    reason: StandDownReason


class Report(Command, frozen=True):
    """What a unit is doing."""

    state: UnitState
    at: Annotated[datetime, Meta(tz=True)]
    """Device time; a time to come is taken as now."""
    hospital_id: str | None = None
    incident_id: IncidentId | None = None
    """The incident that the device shows: settles which assignment a late report tells of."""


class ReachedMilestone(Command, frozen=True):
    """What a unit's crew has reached on scene."""

    milestone: Milestone
    at: Annotated[datetime, Meta(tz=True)]
    """Device time; a time to come is taken as now."""
    incident_id: IncidentId | None = None
    """The incident that the device shows."""


def dispatch_stream(request: Request) -> StreamId:
    """The units of the incident that the address names."""
    return StreamId("dispatch", request.path_params["incident_id"])


async def known_unit(log: Log, unit_id: str) -> UnitNow:
    """The unit's row, which nobody else can change before this write ends.

    Raises:
        Refused: there is none.
    """
    unit = await unit_now(log, unit_id)
    if unit is None:
        raise Refused(Refusal.UNIT_UNKNOWN, unit=unit_id)
    return unit


@routes.get("/api/incidents/{incident_id}/recommendation", roles=LOOKERS)
async def recommend(request: Request) -> Response:
    """Which units should go, and why: the run card's needs and travel times by road."""
    return Json(await recommendation(request, request.path_params["incident_id"]))


@routes.post(
    "/api/incidents/{incident_id}/dispatch",
    DispatchUnit,
    roles=ROOM,
    example={"unit_id": "DMK-01", "override_reason": None, "override_note": None},
    answer={"seq": 120},
)
async def dispatch_unit(request: Request, body: DispatchUnit) -> dict[str, Any]:
    """Commit a unit to an incident; a choice that is not recommended must be explained."""
    stream = dispatch_stream(request)
    ranking = await recommendation(request, stream.key)
    ranked = ranking.of(body.unit_id)
    if ranked is None:
        raise Refused(Refusal.UNIT_UNKNOWN, unit=body.unit_id)
    async with writing(request) as log:
        if log.answered is None:
            unit = await known_unit(log, body.unit_id)
            incident = await incident_now(log, stream.key)
            assert incident is not None  # ranked just now, and rows are never deleted
            situation = Situation(
                incident_open=incident.state == "open",
                unit_state=unit.state,
                unit_incident=unit.incident_id,
                recommended=not ranked.needs_reason or body.unit_id in incident.proposed(),
                next_units=ranking.instead_of(body.unit_id),
            )
            command = SendUnit(unit_id=body.unit_id, override_reason=body.override_reason)
            state = DISPATCH.state(await log.read(stream))
            for event in decide(command, state, situation):
                assert isinstance(event, UnitDispatched)
                if body.override_note and event.override_reason is not None:
                    note = log.personal("override-note", {"text": body.override_note})
                    event = replace(event, override_note=note)
                await log.append(stream, [event])
                await log.deadline(
                    acknowledge_key(stream.key, body.unit_id),
                    log.now + timedelta(seconds=ACK_DUE_S),
                    ACKNOWLEDGE,
                    {"incident_id": stream.key, "unit_id": body.unit_id},
                )
    return answered(log)


@routes.post(
    "/api/incidents/{incident_id}/stand-down",
    StandDownUnit,
    roles=ROOM,
    example={"unit_id": "DMK-01", "reason": "not-needed"},
    answer={"seq": 121},
)
async def stand_down_unit(request: Request, body: StandDownUnit) -> dict[str, Any]:
    """Take a unit off an incident."""
    stream = dispatch_stream(request)
    async with writing(request) as log:
        if log.answered is None:
            await known_unit(log, body.unit_id)
            if await incident_now(log, stream.key) is None:
                raise Refused(Refusal.INCIDENT_UNKNOWN, incident=stream.key)
            command = StandUnitDown(unit_id=body.unit_id, reason=body.reason)
            state = DISPATCH.state(await log.read(stream))
            await log.append(stream, decide(command, state, Situation()))
            await log.forget_deadline(acknowledge_key(stream.key, body.unit_id))
    return answered(log)


@routes.post(
    "/api/units/{unit_id}/report",
    Report,
    roles=REPORTERS,
    example={"state": "en_route", "at": "2026-11-23T03:04:05Z", "hospital_id": None},
    answer={"seq": 122},
)
async def report_state(request: Request, body: Report) -> dict[str, Any]:
    """A unit's crew says what it is doing; late and repeated reports do no harm."""
    hospitals = {hospital.hospital_id for hospital in pack_of(request).hospitals}
    if body.hospital_id is not None and body.hospital_id not in hospitals:
        raise Invalid.of({"hospital_id": f"no hospital {body.hospital_id!r} in this city"})
    unit_id = UnitId(request.path_params["unit_id"])
    async with writing(request) as log:
        if log.answered is None:
            unit = await known_unit(log, unit_id)
            check_reporter(who(request), unit)
            at = clock.device_time(body.at, log.now, "at")
            stream, facts, present = await assignment_of(log, unit, body, at)
            command = ReportState(unit_id=unit_id, state=body.state, hospital_id=body.hospital_id)
            situation = Situation(belongs=present)
            events = decide(command, DISPATCH.state(facts), situation)
            await log.append(stream, events, at=at)
            if events and present:
                await log.forget_deadline(acknowledge_key(stream.key, unit_id))
    return answered(log)


@routes.post(
    "/api/units/{unit_id}/milestone",
    ReachedMilestone,
    roles=REPORTERS,
    example={"milestone": "access", "at": "2026-11-23T03:04:05Z"},
    answer={"seq": 123},
)
async def report_milestone(request: Request, body: ReachedMilestone) -> dict[str, Any]:
    """A unit's crew says that it stands at the patient or the fire, or has begun its work."""
    unit_id = UnitId(request.path_params["unit_id"])
    async with writing(request) as log:
        if log.answered is None:
            unit = await known_unit(log, unit_id)
            check_reporter(who(request), unit)
            at = clock.device_time(body.at, log.now, "at")
            stream, facts, present = await assignment_of(log, unit, body, at)
            command = ReportMilestone(unit_id=unit_id, milestone=body.milestone)
            situation = Situation(belongs=present)
            await log.append(stream, decide(command, DISPATCH.state(facts), situation), at=at)
    return answered(log)


def check_reporter(person: SignedOn, unit: UnitNow) -> None:
    """Lets pass the room, the unit's agency and its crew.

    Raises:
        Refused: crew that is not signed on to the unit, or the desk of another agency.
    """
    roles = set(person.roles)
    if roles & set(ROOM) or person.operator_id in unit.operators:
        return
    if Role.AGENCY_DESK in roles and person.agency_id == unit.agency_id:
        return
    code = Refusal.CREW_NOT_SIGNED_ON if Role.CREW in roles else Refusal.NOT_ALLOWED
    raise Refused(code, unit=unit.unit_id)


async def assignment_of(
    log: Log, unit: UnitNow, report: Report | ReachedMilestone, at: datetime
) -> tuple[StreamId, Sequence[Fact], bool]:
    """What a report tells of: the stream, its facts, and whether it is the present assignment.

    Raises:
        Refused: the unit was never sent anywhere.
    """
    if unit.incident_id is not None:
        stream = StreamId("dispatch", unit.incident_id)
        facts = await log.read(stream)
        if belongs(at, report.incident_id, unit.incident_id, sent_at(facts, unit.unit_id)):
            return stream, facts, True
    earlier = report.incident_id or await assigned_at(log, unit.unit_id, at)
    if earlier is not None:
        stream = StreamId("dispatch", earlier)
        return stream, await log.read(stream), False
    if unit.incident_id is None:
        raise Refused(Refusal.UNIT_NOT_DISPATCHED, unit=unit.unit_id)
    stream = StreamId("dispatch", unit.incident_id)
    return stream, await log.read(stream), True  # its only assignment: the device clock is wrong


def sent_at(facts: Sequence[Fact], unit_id: UnitId) -> datetime:
    """When the unit was last sent, by the facts of its present incident."""
    return max(
        fact.at
        for fact in facts
        if isinstance(fact.event, UnitDispatched) and fact.event.unit_id == unit_id
    )


@routes.get("/api/units/{unit_id}/assignment", roles=(*ROOM, Role.AGENCY_DESK, Role.CREW))
async def assignment(request: Request) -> Response:
    """The unit's incident with its notes and the way to it, or with a patient to the hospital.

    Null if it has none.
    """
    database = db(request)
    unit = await unit_now(database, request.path_params["unit_id"])
    if unit is None:
        raise Refused(Refusal.UNIT_UNKNOWN, unit=request.path_params["unit_id"])
    check_reporter(who(request), unit)
    body = await incident_body(database, unit.incident_id) if unit.incident_id else None
    if body is None:
        return Json(None)
    view = next(one for one in views(request) if one.name == "incident")
    personal = await personal_bodies(database, view.personal_ids(body))
    hospital = hospital_of(pack_of(request), unit, body)
    goal = hospital or personal.get(body["place"])
    found = await way(request, unit, (goal["lat"], goal["lon"])) if goal else None
    return Json(
        {
            "incident": body,
            "personal": personal,
            "notes": [{**note, **(personal.get(note["note"]) or {})} for note in body["notes"]],
            "route": found and {**found, "to": "hospital" if hospital else "incident"},
        }
    )


def hospital_of(pack: CityPack, unit: UnitNow, body: dict[str, Any]) -> dict[str, float] | None:
    """Where the unit takes its patient now; None without a patient, or where nobody has said."""
    if unit.state not in (UnitState.TRANSPORTING, UnitState.AT_HOSPITAL):
        return None
    named = {one["hospital_id"] for one in body["units"] if one["unit_id"] == unit.unit_id}
    found = (one for one in pack.hospitals if one.hospital_id in named)
    return next(({"lat": one.lat, "lon": one.lon} for one in found), None)


async def way(request: Request, unit: UnitNow, goal: tuple[float, float]) -> dict[str, Any] | None:
    """The quickest way from where the unit is; None if the roads cannot tell."""
    pack = pack_of(request)
    fixes = await fresh_positions(db(request), clock.now() - timedelta(seconds=FIX_FRESH_S))
    start = place_of(unit, fixes, {one.station_id: one for one in pack.stations}).point
    if start is None:
        return None
    found = await roads_of(request).route(profile_of(pack, unit.kind), start, goal)
    if found is None:
        return None
    return {
        "coordinates": found.coordinates,
        "travel_s": found.seconds,
        "distance_m": found.metres,
    }
