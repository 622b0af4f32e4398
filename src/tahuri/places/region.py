"""Which ward and which road a point belongs to."""

from math import cos, radians

import numpy as np
import shapely
from msgspec import Struct
from numpy.typing import NDArray

from tahuri.city import geodata
from tahuri.city.records import CityPack
from tahuri.city.water import DEGREE_M
from tahuri.city.ways import read_ways

COAST_M = 2_000.0
"""A point at sea belongs to the nearest ward up to this distance: piers, drift, a phone's fix."""
NEAR_ROAD_M = 300.0
"""A named road farther away says nothing about a place."""


class Whereabouts(Struct, frozen=True):
    """What is known of a point."""

    ward_code: str | None
    ward: str | None
    district: str | None
    nearest_road: str | None
    """The nearest road that has a name, up to 300 m."""
    in_region: bool
    """Whether the city serves it: its wards and the sea, not the land of the next regency."""


class Region:
    """The wards of a city and of its neighbours, with the named roads."""

    def __init__(self, pack: CityPack) -> None:
        self.bbox = pack.city.bbox
        self._shrink = cos(radians((self.bbox[1] + self.bbox[3]) / 2))
        own = geodata.read_areas(pack.folder, geodata.WARDS, geodata.WARD_COLUMNS)
        parts = [own]
        if (pack.folder / geodata.NEIGHBOURS).exists():
            parts.append(geodata.read_areas(pack.folder, geodata.NEIGHBOURS, geodata.WARD_COLUMNS))
        self._own = len(own)
        shapes = np.concatenate([part.shapes for part in parts])
        self._areas = shapely.STRtree(shapely.transform(shapes, self._plane))
        self._code, self._ward, self._district = (
            [value for part in parts for value in part.columns[name]]
            for name in ("code", "name", "district")
        )
        ways = read_ways(pack.folder / geodata.ROADS)
        named = [way for way in ways.ways if way.tags.get("name")]
        self._road = [way.tags["name"] for way in named]
        lines = []
        for way in named:
            nodes = np.array(way.nodes)
            points = np.column_stack([ways.lon[nodes], ways.lat[nodes]])
            lines.append(shapely.LineString(self._plane(points)))
        self._roads = shapely.STRtree(lines)

    def _plane(self, points: NDArray[np.float64]) -> NDArray[np.float64]:
        """(longitude, latitude) rows as metres east and north; good to 0.1 % over a city."""
        return np.asarray(points) * [DEGREE_M * self._shrink, DEGREE_M]

    def at(self, lat: float, lon: float) -> Whereabouts:
        """Ward, road and whether the city serves the point, decimal degrees."""
        point = shapely.Point(self._plane(np.array([lon, lat])))
        road = self._nearest_road(point)
        west, south, east, north = self.bbox
        boxed = south <= lat <= north and west <= lon <= east
        inside = self._areas.query(point, predicate="intersects")
        if len(inside):
            area = int(min(inside))  # the city's own wards come first where a border overlaps
            return self._answer(area, road, in_region=area < self._own)
        nearest, far = self._areas.query_nearest(point, return_distance=True, all_matches=False)
        area = int(nearest[0])
        if float(far[0]) <= COAST_M and area < self._own:
            return self._answer(area, road, in_region=boxed)
        return Whereabouts(None, None, None, road, boxed)

    def _answer(self, area: int, road: str | None, *, in_region: bool) -> Whereabouts:
        """What is known of a point in an area, the city's or a neighbour's."""
        names = self._code[area], self._ward[area], self._district[area]
        return Whereabouts(*names, road, in_region)

    def _nearest_road(self, point: shapely.Point) -> str | None:
        """Name of the nearest named road, if it is near."""
        found = self._roads.query_nearest(point, max_distance=NEAR_ROAD_M, all_matches=False)
        return self._road[int(found[0])] if len(found) else None
