"""Where things happen: names of the gazetteer that lie on land, weighted by district."""

import math
from collections.abc import Iterable
from random import Random

import shapely
from msgspec import Struct

from tahuri.city.geodata import LAND, LAND_COLUMNS, WARD_COLUMNS, WARDS, read_areas
from tahuri.city.records import CityPack

KINDS = frozenset({"kelurahan", "negeri", "settlement", "street"})
SCATTER_M_MAX = 150.0
"""How far from a name's own point things happen."""
SCATTER_TRIES = 8
METRES_A_DEGREE = 111_320.0


class Spot(Struct, frozen=True):
    """A name and its point, decimal degrees, WGS 84."""

    name: str
    lat: float
    lon: float
    ward_code: str
    ward: str
    district_code: str
    district: str


class Spots:
    """The places of a city by district, and its land.

    Args:
        weights: district code → how much happens there; a district without weight has none.
    """

    def __init__(self, spots: Iterable[Spot], land: shapely.Geometry, weights: dict[str, int]):
        self.land = land
        shapely.prepare(land)
        self.by_district: dict[str, list[Spot]] = {}
        for spot in spots:
            if spot.district_code in weights and self.on_land(spot.lat, spot.lon):
                self.by_district.setdefault(spot.district_code, []).append(spot)
        self._districts = sorted(self.by_district)
        self._weights = [weights[code] for code in self._districts]

    def on_land(self, lat: float, lon: float) -> bool:
        """Whether the point is on the city's land."""
        return bool(shapely.contains_xy(self.land, lon, lat))

    def pick(self, chance: Random) -> Spot:
        """A place on land, near a name that people know."""
        (district,) = chance.choices(self._districts, self._weights)
        return self.near(chance.choice(self.by_district[district]), chance, SCATTER_M_MAX)

    def near(self, spot: Spot, chance: Random, metres_max: float) -> Spot:
        """The same name, some metres away and still on land."""
        for _ in range(SCATTER_TRIES):
            angle, metres = chance.uniform(0, 2 * math.pi), chance.uniform(0, metres_max)
            lat = round(spot.lat + metres * math.cos(angle) / METRES_A_DEGREE, 6)
            scale = METRES_A_DEGREE * math.cos(math.radians(spot.lat))
            lon = round(spot.lon + metres * math.sin(angle) / scale, 6)
            if self.on_land(lat, lon):
                return Spot(
                    spot.name,
                    lat,
                    lon,
                    spot.ward_code,
                    spot.ward,
                    spot.district_code,
                    spot.district,
                )
        return spot


def spots_of(pack: CityPack, weights: dict[str, int]) -> Spots:
    """The places of a city pack.

    Raises:
        ValueError: the pack's land or wards cannot be read.
    """
    wards = {ward.code: ward for ward in pack.wards}
    own = read_areas(pack.folder, WARDS, WARD_COLUMNS)
    land = read_areas(pack.folder, LAND, LAND_COLUMNS)
    dry = shapely.intersection(shapely.union_all(own.shapes), shapely.union_all(land.shapes))
    named = [(n.name, n.lat, n.lon, n.ward_code) for n in pack.names if n.kind in KINDS]
    named += [(n.name, n.lat, n.lon, n.ward_code) for n in pack.landmarks]
    found = []
    for name, lat, lon, code in named:
        ward = wards.get(code)
        if ward is not None:
            district = (ward.district_code, ward.district)
            found.append(Spot(spoken(name), lat, lon, code, ward.name, *district))
    return Spots(found, dry, weights)


def spoken(name: str) -> str:
    """A name as it is said."""
    return name.replace("Jl. ", "Jalan ").replace("/", " atau ")
