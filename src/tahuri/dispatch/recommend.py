"""The recommendation for one incident: rows, positions and roads put before the ranking.

Reads only, and outside of any write: the city's lock is never held while roads are searched.
"""

import asyncio
from collections.abc import Mapping, Sequence
from datetime import timedelta
from typing import NamedTuple, Protocol, cast

from starlette.requests import Request

from tahuri.city.records import CityPack, Need, Profile, Station
from tahuri.city.roads import Point, Route, Travel
from tahuri.dispatch.queries import (
    IncidentNow,
    Position,
    UnitNow,
    fresh_positions,
    incident_now,
    personal_bodies,
    units_now,
)
from tahuri.dispatch.ranking import Candidate, Ranking, Why, ranked
from tahuri.kernel import clock
from tahuri.kernel.db import Database
from tahuri.kernel.geo import distance_m
from tahuri.kernel.http import db
from tahuri.kernel.refusal import Refused
from tahuri.refusals import Refusal
from tahuri.units.states import UnitState

FIX_FRESH_S = 600
"""An older fix does not tell where a unit is; then it is taken to be at its station."""
DETOUR = 1.4
"""Roads are this much longer than the straight line, in a hilly town."""
STRAIGHT_KMH: Mapping[Profile, float] = {
    "fire_engine": 30.0,
    "ambulance": 35.0,
    "motorcycle": 30.0,
    "car": 35.0,
    "boat": 25.0,
}
"""Speeds of the estimate where no road leads or no graph is there."""


class Roads(Protocol):
    """Travel over the city's roads (``tahuri.places``)."""

    async def travel(
        self, profile: Profile, destination: Point, origins: Sequence[Point]
    ) -> list[Travel | None]:
        """Travel from each origin; None where the roads cannot tell."""

    async def route(self, profile: Profile, origin: Point, destination: Point) -> Route | None:
        """The quickest way; None where the roads cannot tell."""


class Place(NamedTuple):
    """Where a unit is taken to be, and how we know."""

    point: Point | None
    notes: tuple[Why, ...]


def pack_of(request: Request) -> CityPack:
    """The city's pack."""
    return cast("CityPack", request.app.state.pack)


def roads_of(request: Request) -> Roads:
    """The city's roads."""
    return cast("Roads", request.app.state.roads)


def profile_of(pack: CityPack, kind: str) -> Profile:
    """How units of a kind move; as a car, if the pack no longer has the kind."""
    return next((one.profile for one in pack.unit_kinds if one.code == kind), "car")


def place_of(
    unit: UnitNow, fixes: Mapping[str, Position], stations: Mapping[str, Station]
) -> Place:
    """The last fresh fix, else the station."""
    fix = fixes.get(unit.unit_id)
    if fix is not None:
        return Place((fix.lat, fix.lon), (Why.LAST_FIX,))
    station = stations.get(unit.station_id or "")
    if station is None:
        return Place(None, (Why.NO_POSITION,))
    notes = (Why.AT_STATION, *([Why.PLACEHOLDER_POSITION] if station.placeholder else []))
    return Place((station.lat, station.lon), notes)


def straight(profile: Profile, origin: Point, destination: Point) -> Travel:
    """An estimate without roads."""
    metres = distance_m(origin, destination) * DETOUR
    return Travel(round(metres / (STRAIGHT_KMH[profile] / 3.6), 1), round(metres, 1))


def condition(unit: UnitNow, incident_id: str) -> tuple[Why, ...]:
    """What stands in the way of sending the unit."""
    notes: list[Why] = []
    if unit.incident_id is not None:
        here = unit.incident_id == incident_id
        notes.append(Why.ASSIGNED_HERE if here else Why.ASSIGNED_ELSEWHERE)
    if unit.state is UnitState.OUT_OF_SERVICE:
        notes.append(Why.OUT_OF_SERVICE)
    if not unit.operators:
        notes.append(Why.NO_CREW)
    return tuple(notes)


async def travels(
    roads: Roads, pack: CityPack, goal: Point, units: Mapping[UnitNow, Point]
) -> dict[str, tuple[Travel, tuple[Why, ...]]]:
    """Travel of each unit to the goal; one search a profile, whatever the number of units."""
    by_profile: dict[Profile, list[UnitNow]] = {}
    for unit in units:
        by_profile.setdefault(profile_of(pack, unit.kind), []).append(unit)
    found = await asyncio.gather(
        *(
            roads.travel(profile, goal, [units[unit] for unit in group])
            for profile, group in by_profile.items()
        )
    )
    reached: dict[str, tuple[Travel, tuple[Why, ...]]] = {}
    for (profile, group), answers in zip(by_profile.items(), found, strict=True):
        for unit, travel in zip(group, answers, strict=True):
            reached[unit.unit_id] = (
                (straight(profile, units[unit], goal), (Why.NO_ROAD_ROUTE,))
                if travel is None
                else (travel, ())
            )
    return reached


async def goal_of(database: Database, incident: IncidentNow) -> Point | None:
    """Where the incident is; None once its place was erased."""
    if incident.place is None:
        return None
    body = (await personal_bodies(database, [incident.place])).get(incident.place)
    return (body["lat"], body["lon"]) if body else None


def needs_of(pack: CityPack, incident: IncidentNow) -> tuple[Need, ...]:
    """What the run card asks for; nothing, if the pack has changed and no longer has the card."""
    try:
        return pack.run_card(incident.category, incident.priority).needs
    except KeyError:
        return ()


async def recommendation(request: Request, incident_id: str) -> Ranking:
    """Every unit of the city, ranked for one incident.

    Raises:
        Refused: there is no such incident.
    """
    database, pack = db(request), pack_of(request)
    incident = await incident_now(database, incident_id)
    if incident is None:
        raise Refused(Refusal.INCIDENT_UNKNOWN, incident=incident_id)
    rostered = {unit.unit_id for unit in pack.units}
    units = [unit for unit in await units_now(database) if unit.unit_id in rostered]
    fixes = await fresh_positions(database, clock.now() - timedelta(seconds=FIX_FRESH_S))
    goal = await goal_of(database, incident)
    stations = {station.station_id: station for station in pack.stations}
    places = {unit.unit_id: place_of(unit, fixes, stations) for unit in units}
    reached: dict[str, tuple[Travel, tuple[Why, ...]]] = {}
    if goal is not None:
        located = {
            unit: point for unit in units if (point := places[unit.unit_id].point) is not None
        }
        reached = await travels(roads_of(request), pack, goal, located)
    silent = incident.silent()
    candidates = []
    for unit in units:
        travel, how = reached.get(unit.unit_id, (None, ()))
        candidates.append(
            Candidate(
                unit_id=unit.unit_id,
                agency_id=unit.agency_id,
                kind=unit.kind,
                free=unit.state is UnitState.AVAILABLE,
                here=unit.incident_id == incident_id and unit.unit_id not in silent,
                travel_s=travel.seconds if travel else None,
                distance_m=travel.metres if travel else None,
                notes=(*places[unit.unit_id].notes, *how, *condition(unit, incident_id)),
            )
        )
    return ranked(needs_of(pack, incident), candidates, incident.notify)
