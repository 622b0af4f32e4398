"""HTTP of units: crews, service, positions.  What a unit does on an incident: ``dispatch``."""

from datetime import datetime
from typing import Annotated, Any, cast

from msgspec import Meta
from starlette.requests import Request
from starlette.responses import Response

from tahuri.city.records import CityPack
from tahuri.dispatch.events import UnitReleased
from tahuri.kernel import clock
from tahuri.kernel.event import Command, StreamId
from tahuri.kernel.geo import checked_point
from tahuri.kernel.http import Nothing, Routes, SignedOn, answered, db, who, writing
from tahuri.kernel.ids import OperatorId, UnitId
from tahuri.kernel.log import Log
from tahuri.kernel.refusal import Refused
from tahuri.kernel.roles import Role
from tahuri.refusals import Refusal
from tahuri.units.decider import (
    Asker,
    PutInService,
    SignOff,
    SignOn,
    TakeOutOfService,
    Unit,
    UnitCommand,
    decide,
)
from tahuri.units.events import CrewSignedOff, OutOfServiceReason
from tahuri.units.queries import crew_of, other_units_of, store_position
from tahuri.units.views import UNITS, UnitRow

ROOM = (Role.DISPATCHER, Role.SUPERVISOR)
SERVICE = (*ROOM, Role.AGENCY_DESK, Role.CREW)
POSITIONS = (*ROOM, Role.CREW)

routes = Routes("units")


class OutOfService(Command, frozen=True):
    """Why it cannot be sent."""

    reason: OutOfServiceReason


class Fix(Command, frozen=True):
    """Where the unit is, by its own receiver."""

    lat: Annotated[float, Meta(ge=-90, le=90)]
    """Decimal degrees, WGS 84."""
    lon: Annotated[float, Meta(ge=-180, le=180)]
    at: Annotated[datetime, Meta(tz=True)]
    """Device time."""
    speed_kmh: Annotated[float, Meta(ge=0, le=1_000)] | None = None
    heading: Annotated[float, Meta(ge=0, le=360)] | None = None
    """Degrees from north, clockwise."""
    accuracy_m: Annotated[float, Meta(ge=0)] | None = None


def is_crew(person: SignedOn) -> bool:
    """Whether they may act only for the unit they are signed on to."""
    return not set(person.roles) & set(ROOM)


def asker_of(person: SignedOn) -> Asker:
    """The person as the rules see them."""
    is_desk = is_crew(person) and Role.AGENCY_DESK in person.roles
    return Asker(
        operator_id=OperatorId(person.operator_id),
        is_crew=is_crew(person) and not is_desk,
        is_desk=is_desk,
        agency_id=person.agency_id,
    )


async def unit_of(log: Log, unit_id: str) -> Unit:
    """The unit as the rules see it."""
    row = await log.row(UNITS, unit_id)
    if not isinstance(row, UnitRow):
        return Unit(unit_id=UnitId(unit_id))
    return Unit(
        unit_id=row.unit_id,
        agency_id=row.agency_id,
        state=row.state,
        reason=row.reason,
        incident_id=row.incident_id,
        operators=row.operators,
        registered=row.registered,
    )


async def carried_out(request: Request, command: UnitCommand) -> dict[str, Any]:
    """Decides about the unit in the address and records what follows."""
    unit_id, person = UnitId(request.path_params["unit_id"]), who(request)
    async with writing(request) as log:
        if log.answered is None:
            unit = await unit_of(log, unit_id)
            asker = asker_of(person)
            for event in decide(command, unit, asker):
                if isinstance(event, UnitReleased):
                    assert unit.incident_id is not None
                    await log.forget_deadline(f"ack/{unit.incident_id}/{unit_id}")
                    await log.append(StreamId("dispatch", unit.incident_id), [event])
                else:
                    await log.append(StreamId("unit", unit_id), [event])
            if isinstance(command, SignOn):
                await leave_others(log, unit_id, person)
    return answered(log)


async def leave_others(log: Log, unit_id: UnitId, person: SignedOn) -> None:
    """A crew member is with one unit at a time: signing on leaves the one before."""
    operator_id = OperatorId(person.operator_id)
    for other in await other_units_of(log, operator_id, unit_id):
        await log.append(StreamId("unit", other), [CrewSignedOff(operator_id=operator_id)])


@routes.post(
    "/api/units/{unit_id}/out-of-service",
    OutOfService,
    roles=SERVICE,
    example={"reason": "breakdown"},
    answer={"seq": 88},
)
async def take_out_of_service(request: Request, body: OutOfService) -> dict[str, Any]:
    """The unit cannot be sent; if it is on an incident, its part there is over."""
    return await carried_out(request, TakeOutOfService(reason=body.reason))


@routes.post(
    "/api/units/{unit_id}/in-service", Nothing, roles=SERVICE, example={}, answer={"seq": 89}
)
async def put_in_service(request: Request, _: Nothing) -> dict[str, Any]:
    """The unit can be sent again."""
    return await carried_out(request, PutInService())


@routes.post(
    "/api/units/{unit_id}/sign-on", Nothing, roles=(Role.CREW,), example={}, answer={"seq": 70}
)
async def sign_on(request: Request, _: Nothing) -> dict[str, Any]:
    """Who asks is with the unit from now on, and with no other."""
    return await carried_out(request, SignOn())


@routes.post(
    "/api/units/{unit_id}/sign-off", Nothing, roles=(Role.CREW,), example={}, answer={"seq": 71}
)
async def sign_off(request: Request, _: Nothing) -> dict[str, Any]:
    """Who asks is no longer with the unit."""
    return await carried_out(request, SignOff())


@routes.post(
    "/api/units/{unit_id}/position",
    Fix,
    roles=POSITIONS,
    keyed=False,
    example={
        "lat": -3.6954,
        "lon": 128.1814,
        "at": "2026-11-23T03:00:00Z",
        "speed_kmh": 31.5,
        "heading": 270,
        "accuracy_m": 8,
    },
)
async def take_position(request: Request, body: Fix) -> Response:
    """Where the unit is, in the region served; older fixes than the last one are dropped."""
    unit_id, person = request.path_params["unit_id"], who(request)
    at = clock.device_time(body.at, clock.now(), "at")
    pack = cast("CityPack", request.app.state.pack)
    checked_point(body.lat, body.lon, pack.city.bbox, "")
    fix = (body.lat, body.lon, at, body.speed_kmh, body.heading, body.accuracy_m)
    operator_id = person.operator_id if is_crew(person) else None
    if not await store_position(db(request), unit_id, operator_id, fix):
        crew = await crew_of(db(request), unit_id)
        if crew is None:
            raise Refused(Refusal.UNIT_UNKNOWN, unit=unit_id)
        if operator_id is not None and operator_id not in crew:
            raise Refused(Refusal.CREW_NOT_SIGNED_ON, unit=unit_id)
    return Response(status_code=204)
