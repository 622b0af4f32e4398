"""A dispatch room over a real database: the real routes, the real pack, roads as the crow flies."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

import httpx
from msgspec import Struct
from starlette.applications import Starlette
from starlette.requests import Request

import tahuri.calls.views
import tahuri.dispatch.routes
import tahuri.incidents.routes
import tahuri.incidents.views
import tahuri.units.routes
import tahuri.units.views
from tahuri.calls.events import CallArrived
from tahuri.city.records import CityPack, Profile
from tahuri.city.roads import Point, Route, Travel
from tahuri.dispatch.deadlines import DEADLINES
from tahuri.kernel import clock
from tahuri.kernel.db import Database
from tahuri.kernel.deadlines import carry_out, due
from tahuri.kernel.event import StreamId
from tahuri.kernel.geo import distance_m
from tahuri.kernel.http import EXCEPTION_HANDLERS, SignedOn
from tahuri.kernel.log import Writing, writing
from tahuri.kernel.mint import new_id
from tahuri.kernel.roles import Role
from tahuri.numbers import NumberPlan
from tahuri.units.queries import register_units

VIEWS = (
    *tahuri.calls.views.VIEWS,
    *tahuri.incidents.views.VIEWS,
    *tahuri.units.views.VIEWS,
)
PEOPLE = {
    "taker": SignedOn("taker", "Penerima", (Role.CALL_TAKER,)),
    "ola": SignedOn("ola", "Ola", (Role.DISPATCHER,)),
    "wim": SignedOn("wim", "Wim", (Role.DISPATCHER,)),
    "chief": SignedOn("chief", "Kepala", (Role.SUPERVISOR,)),
    "crew": SignedOn("crew", "Regu", (Role.CREW,)),
    "other-crew": SignedOn("other-crew", "Regu lain", (Role.CREW,)),
    "desk": SignedOn("desk", "OPD", (Role.AGENCY_DESK,), agency_id="DAMKAR"),
    "police-desk": SignedOn("police-desk", "OPD", (Role.AGENCY_DESK,), agency_id="POLRESTA"),
}
ENGINE, SECOND = "DMK-01", "DMK-02"
MARKET = {"lat": -3.6954, "lon": 128.1814, "label": "Pasar Mardika", "source": "map"}


class Ward(Struct):
    ward_code: str | None


class Wards:
    """The whole region is one ward."""

    def at(self, lat: float, lon: float) -> Ward:
        return Ward("81.71.02.1017")


@dataclass
class CrowRoads:
    """Ten metres a second in a straight line; ``cut`` profiles have no roads."""

    cut: set[str] = field(default_factory=set)

    async def travel(
        self, profile: Profile, destination: Point, origins: Sequence[Point]
    ) -> list[Travel | None]:
        if profile in self.cut:
            return [None] * len(origins)
        lengths = [distance_m(origin, destination) for origin in origins]
        return [Travel(metres / 10, metres) for metres in lengths]

    async def route(self, profile: Profile, origin: Point, destination: Point) -> Route | None:
        if profile in self.cut:
            return None
        metres = distance_m(origin, destination)
        return Route([origin[::-1], destination[::-1]], metres / 10, metres)


async def reader(request: Request) -> SignedOn | None:
    return PEOPLE.get(request.headers.get("who", ""))


@dataclass
class Room:
    """People of the room and crews, as their programs speak to the server."""

    client: httpx.AsyncClient
    database: Database
    roads: CrowRoads

    async def post(
        self, who: str, path: str, body: dict[str, Any], *, key: str | None = None
    ) -> httpx.Response:
        headers = {"who": who, "Idempotency-Key": key or new_id()}
        return await self.client.post(path, json=body, headers=headers)

    async def get(self, who: str, path: str) -> Any:
        answer = await self.client.get(path, headers={"who": who})
        assert answer.status_code == 200, answer.text
        return answer.json()

    async def open(self, **changes: Any) -> str:
        """Opens an incident; its id."""
        body = {
            "category": "structure-fire",
            "priority": 2,
            "place": MARKET,
            "report": {"summary": "Asap tebal"},
            **changes,
        }
        answer = await self.post("taker", "/api/incidents", body)
        assert answer.status_code == 200, answer.text
        return str(answer.json()["incident_id"])

    async def row(self, view: str, key: str) -> dict[str, Any]:
        record = await self.database.one(
            "select body from view_rows where city_id = %s and view = %s and key = %s",
            (self.database.city_id, view, key),
        )
        assert record is not None
        body: dict[str, Any] = record[0]
        return body

    async def facts(self, stream: str) -> list[tuple[str, dict[str, Any]]]:
        """(type, body) of a stream's facts, in order."""
        records = await self.database.all(
            "select type, body from facts where city_id = %s and stream = %s order by seq",
            (self.database.city_id, stream),
        )
        return [(tag, body) for tag, body in records]


async def room_for(database: Database, pack: CityPack) -> Room:
    """The room, with the pack's units on the roster."""
    await register_units(database, VIEWS, pack.units)
    roads = CrowRoads()
    slices = (tahuri.incidents.routes, tahuri.dispatch.routes, tahuri.units.routes)
    app = Starlette(
        routes=[route for one in slices for route in one.routes.starlette()],
        exception_handlers=EXCEPTION_HANDLERS,
    )
    app.state.db, app.state.views, app.state.pack = database, VIEWS, pack
    app.state.number_plan = NumberPlan()
    app.state.session_reader, app.state.gazetteer, app.state.roads = reader, Wards(), roads
    transport = httpx.ASGITransport(app)
    return Room(httpx.AsyncClient(transport=transport, base_url="http://room"), database, roads)


async def call(room: Room, call_id: str) -> None:
    """A call that the switch has told of."""
    write = Writing(actor="switch", command=new_id(), now=clock.now())
    async with writing(room.database, VIEWS, write) as log:
        arrived = CallArrived(trunk="isat", number_status="present")
        await log.append(StreamId("call", call_id), [arrived])


async def sent(room: Room, incident: str, unit: str = ENGINE, **more: Any) -> None:
    answer = await room.post(
        "ola", f"/api/incidents/{incident}/dispatch", {"unit_id": unit, **more}
    )
    assert answer.status_code == 200, answer.text


async def reported(room: Room, unit: str, state: str, who: str = "ola", **more: Any) -> Any:
    body = {"state": state, "at": clock.now().isoformat(), **more}
    return await room.post(who, f"/api/units/{unit}/report", body)


async def reached(room: Room, unit: str, milestone: str, who: str = "ola", **more: Any) -> Any:
    body = {"milestone": milestone, "at": clock.now().isoformat(), **more}
    return await room.post(who, f"/api/units/{unit}/milestone", body)


def refusal(answer: Any) -> tuple[int, str]:
    return answer.status_code, answer.json()["code"]


async def expire(room: Room, *, seconds: float) -> int:
    """Carries out every deadline as if so much time had passed; how many there were."""
    later = clock.now() + timedelta(seconds=seconds)
    found = await due(room.database, later)
    for one in found:
        await carry_out(room.database, VIEWS, DEADLINES, one)
    return len(found)


async def stood_down(room: Room, incident: str, unit: str) -> None:
    body = {"unit_id": unit, "reason": "not-needed"}
    answer = await room.post("ola", f"/api/incidents/{incident}/stand-down", body)
    assert answer.status_code == 200, answer.text


async def fix(room: Room, who: str, at: datetime, **more: Any) -> Any:
    body = {"lat": MARKET["lat"], "lon": MARKET["lon"], "at": at.isoformat(), **more}
    return await room.client.post(f"/api/units/{ENGINE}/position", json=body, headers={"who": who})
