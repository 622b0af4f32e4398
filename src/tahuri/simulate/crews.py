"""Crews: acknowledge, drive along the roads, report, sometimes late or twice; over the real API."""

import asyncio
import ssl
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from itertools import pairwise
from pathlib import Path
from random import Random
from typing import Any

import structlog
from msgspec import Struct

from tahuri.city.records import CityPack, Hospital
from tahuri.city.roads import RoadGraph
from tahuri.kernel import clock
from tahuri.kernel.geo import distance_m
from tahuri.simulate.desk import Desk, Refused

STEP_S = 2.0
"""Between two positions."""
SIGN_ON_EVERY_S = 0.4
ASLEEP_SHARE = 0.07
"""Crews that answer only after the alarm."""
AWAKE_S, ASLEEP_S = (4.0, 20.0), (70.0, 90.0)
REFUSED_S = 5.0
FEED_S = 30.0
"""For the feed to say what the centre has just answered."""
LATE_SHARE = 0.1
TWICE_SHARE = 0.1
ACCESS_S, SETUP_S = (20.0, 120.0), (30.0, 180.0)
UNSAID_SHARE = 0.15
"""Milestones that a crew leaves out."""
SCENE_S = (240.0, 900.0)
HANDOVER_S = 300.0
CITY_KMH = 30.0

log = structlog.get_logger()
Point = tuple[float, float]


class CrewAccount(Struct, frozen=True):
    """Who drives which unit."""

    username: str
    password: str
    unit_id: str


def along(route: Sequence[Sequence[float]], share: float) -> Point:
    """(latitude, longitude) at a share (0 to 1) of a way's length.

    Args:
        route: (longitude, latitude) pairs, at least one.
    """
    points = [(lat, lon) for lon, lat in route]
    lengths = [distance_m(a, b) for a, b in pairwise(points)]
    left = sum(lengths) * min(max(share, 0.0), 1.0)
    for (start, end), length in zip(pairwise(points), lengths, strict=True):
        if left <= length and length > 0:
            part = left / length
            return (
                start[0] + (end[0] - start[0]) * part,
                start[1] + (end[1] - start[1]) * part,
            )
        left -= length
    return points[-1]


class Crews:
    """All crews that are not people.

    Args:
        room: an operator who sees every unit, so that one feed serves all crews.
        speed: how many times faster than life they drive and work.
    """

    def __init__(
        self,
        http: str,
        room: Desk,
        pack: CityPack,
        cache: Path,
        chance: Random,
        speed: float,
        trust: ssl.SSLContext | bool = True,
    ) -> None:
        self._http = http
        self._trust = trust
        self._room = room
        self._pack = pack
        self._cache = cache
        self._chance = chance
        self._speed = speed
        self._desks: dict[str, Desk] = {}
        self._busy: set[str] = set()
        self._at: dict[str, Point] = {}
        self._graphs: dict[str, RoadGraph] = {}
        kinds = {kind.code: kind for kind in pack.unit_kinds}
        self._kind_of = {unit.unit_id: kinds[unit.kind] for unit in pack.units}
        stations = {station.station_id: station for station in pack.stations}
        self._home = {
            unit.unit_id: (stations[unit.station_id].lat, stations[unit.station_id].lon)
            for unit in pack.units
        }

    async def run(self, accounts: Sequence[CrewAccount]) -> None:
        """Drives for ever."""
        async with asyncio.TaskGroup() as group:
            group.create_task(self._sign_on(accounts))
            while True:
                for unit in self._sent():
                    self._busy.add(unit["unit_id"])
                    known = (unit["unit_id"], unit["incident_id"], unit["state"])
                    group.create_task(self._drive(*known))
                async with self._room.changed:
                    await self._room.changed.wait()

    def _sent(self) -> list[dict[str, Any]]:
        return [
            unit
            for unit in self._room.of("unit")
            if unit["incident_id"]
            and unit["unit_id"] in self._desks
            and unit["unit_id"] not in self._busy
            and self._ours(unit)
        ]

    def _ours(self, unit: dict[str, Any]) -> bool:
        """A unit that a person has signed on to is left alone."""
        return set(unit["operators"]) <= {self._desks[unit["unit_id"]].operator_id}

    async def _sign_on(self, accounts: Sequence[CrewAccount]) -> None:
        for account in accounts:
            desk = Desk(self._http, account.username, account.password, self._trust)
            await desk.sign_in()
            try:
                await desk.command(f"/api/units/{account.unit_id}/sign-on")
            except Refused as refused:
                log.info("crew could not sign on", unit=account.unit_id, code=refused.code)
                continue
            self._desks[account.unit_id] = desk
            self._at[account.unit_id] = self._home[account.unit_id]
            async with self._room.changed:
                self._room.changed.notify_all()
            await asyncio.sleep(SIGN_ON_EVERY_S)

    async def _drive(self, unit_id: str, incident_id: str, state: str) -> None:
        try:
            await self._assignment(unit_id, incident_id, state)
        except Refused as refused:
            log.info("crew's report was refused", unit=unit_id, code=refused.code)
            await asyncio.sleep(REFUSED_S)  # the feed will say what is true instead
        finally:
            self._busy.discard(unit_id)
            async with self._room.changed:
                self._room.changed.notify_all()

    def _still(self, unit_id: str, incident_id: str) -> bool:
        row = self._room.rows.get(("unit", unit_id))
        return row is not None and row["incident_id"] == incident_id and self._ours(row)

    async def _assignment(self, unit_id: str, incident_id: str, state: str) -> None:
        """From where it stands to the end: an earlier run may have begun it."""
        if state == "dispatched":
            asleep = self._chance.random() < ASLEEP_SHARE
            await asyncio.sleep(self._chance.uniform(*(ASLEEP_S if asleep else AWAKE_S)))
        if not self._still(unit_id, incident_id):
            return
        found = await self._desks[unit_id].ask(f"/api/units/{unit_id}/assignment")
        if found is None:
            return
        if state == "dispatched":
            await self._report(unit_id, "acknowledged", incident_id)
            await self._life(self._chance.uniform(40, 100))
        place = found["personal"][found["incident"]["place"]]
        if state in ("dispatched", "acknowledged", "en_route"):
            await self._report(unit_id, "en_route", incident_id)
            await self._travel(unit_id, (place["lat"], place["lon"]), incident_id)
        if state not in ("transporting", "at_hospital") and self._still(unit_id, incident_id):
            self._at[unit_id] = (place["lat"], place["lon"])
            await self._report(unit_id, "on_scene", incident_id)
            await self._work(unit_id, incident_id)
        carries = self._kind_of[unit_id].carries_patients and found["incident"]["injured"]
        if carries and self._still(unit_id, incident_id):
            await self._to_hospital(unit_id, incident_id)
        if self._still(unit_id, incident_id):
            await self._report(unit_id, "available", incident_id)
            await self._room.until(lambda: self._released(unit_id, incident_id), FEED_S)
        await self._travel(unit_id, self._home[unit_id], None)

    async def _work(self, unit_id: str, incident_id: str) -> None:
        """Gets to the patient or the fire, sets up, works; some crews are too busy to say so."""
        for milestone, phase_s in (("access", ACCESS_S), ("work", SETUP_S)):
            await self._life(self._chance.uniform(*phase_s))
            if self._chance.random() < UNSAID_SHARE:
                continue
            if not self._still(unit_id, incident_id):
                return
            at = clock.now().astimezone(UTC).isoformat()
            body = {"milestone": milestone, "at": at, "incident_id": incident_id}
            await self._desks[unit_id].command(f"/api/units/{unit_id}/milestone", body)
        await self._life(self._chance.uniform(*SCENE_S))

    def _released(self, unit_id: str, incident_id: str) -> dict[str, Any] | None:
        row = self._room.rows.get(("unit", unit_id))
        return row if row is not None and row["incident_id"] != incident_id else None

    async def _to_hospital(self, unit_id: str, incident_id: str) -> None:
        hospital = self._nearest_hospital(self._at[unit_id])
        await self._report(unit_id, "transporting", incident_id, hospital.hospital_id)
        await self._travel(unit_id, (hospital.lat, hospital.lon), incident_id)
        await self._report(unit_id, "at_hospital", incident_id, hospital.hospital_id)
        await self._life(HANDOVER_S)

    def _nearest_hospital(self, at: Point) -> Hospital:
        general = [one for one in self._pack.hospitals if one.kind != "psychiatric"]
        return min(general, key=lambda one: distance_m(at, (one.lat, one.lon)))

    async def _life(self, seconds: float) -> None:
        await asyncio.sleep(seconds / self._speed)

    async def _report(
        self, unit_id: str, state: str, incident_id: str, hospital_id: str | None = None
    ) -> None:
        """With the device's time; some reach the centre late, some twice."""
        at = clock.now()
        if self._chance.random() < LATE_SHARE:
            await asyncio.sleep(self._chance.uniform(5, 15))
        body = {
            "state": state,
            "at": at.astimezone(UTC).isoformat(),
            "hospital_id": hospital_id,
            "incident_id": incident_id,
        }
        twice = self._chance.random() < TWICE_SHARE
        for _ in range(2 if twice else 1):
            await self._desks[unit_id].command(f"/api/units/{unit_id}/report", body)

    def _graph(self, profile: str) -> RoadGraph:
        if profile not in self._graphs:
            known = next(k.profile for k in self._pack.unit_kinds if k.profile == profile)
            self._graphs[profile] = RoadGraph.load(self._pack, known, self._cache)
        return self._graphs[profile]

    async def _travel(self, unit_id: str, to: Point, incident_id: str | None) -> None:
        """Drives; turns round when stood down, and on the way home when sent again."""
        start, profile = self._at[unit_id], self._kind_of[unit_id].profile
        route = await asyncio.to_thread(
            lambda: self._graph(profile).route(start, to),
        )
        way = [list(point) for point in route.coordinates] if route else _straight(start, to)
        whole_s = route.seconds if route else distance_m(start, to) / (CITY_KMH / 3.6)
        begun = clock.monotonic_s()
        while True:
            share = (clock.monotonic_s() - begun) * self._speed / max(whole_s, 1.0)
            self._at[unit_id] = along(way, share)
            await self._position(unit_id)
            row = self._room.rows.get(("unit", unit_id))
            if share >= 1 or (row is not None and row["incident_id"] != incident_id):
                return
            await asyncio.sleep(STEP_S)

    async def _position(self, unit_id: str) -> None:
        lat, lon = self._at[unit_id]
        at: datetime = clock.now() - timedelta(milliseconds=200)
        body = {"lat": round(lat, 6), "lon": round(lon, 6), "at": at.isoformat()}
        try:
            await self._desks[unit_id].command(f"/api/units/{unit_id}/position", body, 1)
        except Refused:
            return


def _straight(start: Point, to: Point) -> list[list[float]]:
    return [[start[1], start[0]], [to[1], to[0]]]
