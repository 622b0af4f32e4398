"""Writes a city's map as GeoJSON for the consoles: no tile server, no internet.

``roads`` has one feature per road class and name; ``facilities`` says what is a placeholder.
"""

import gzip
import hashlib
from collections.abc import Callable
from pathlib import Path
from typing import Any

import msgspec
import numpy as np
import shapely
from msgspec import Struct
from shapely.geometry.base import BaseGeometry

from tahuri.city import geodata
from tahuri.city.records import CityPack
from tahuri.city.ways import Way, Ways, read_ways

LAYERS = ("land", "wards", "districts", "roads", "facilities")
DECIMALS = 5
"""Of a degree: about 1 m."""
ROAD_TOLERANCE_DEG = 0.00004
"""About 4 m: less than the width of a line on the screen at any useful scale."""
AREA_TOLERANCE_DEG = 0.00015
"""About 17 m, along borders that are themselves only indicative."""
GRID_DEG = 0.02
"""About 2 km."""
ROAD_CLASS = {
    "motorway": "main",
    "trunk": "main",
    "primary": "main",
    "secondary": "street",
    "tertiary": "street",
    "unclassified": "local",
    "residential": "local",
    "living_street": "alley",
    "service": "alley",
    "pedestrian": "alley",
    "track": "track",
    "path": "path",
    "footway": "path",
    "steps": "path",
}
"""Drawn classes by ``highway`` value; links count as the road they lead to, others are left out."""
Feature = dict[str, Any]


class Layer(Struct, frozen=True):
    """One written layer."""

    name: str
    path: Path
    gzip_path: Path
    """The same content, compressed."""
    sha256: str
    """Of the uncompressed file, in hex: fit for an ETag."""
    size: int
    gzip_size: int


def build(pack: CityPack, out_folder: Path) -> dict[str, Layer]:
    """Writes ``NAME.json`` and ``NAME.json.gz`` for each layer; the same pack gives the same bytes.

    Raises:
        ValueError: map data of the pack cannot be read.
    """
    out_folder.mkdir(parents=True, exist_ok=True)
    makers: dict[str, Callable[[CityPack], list[Feature]]] = {
        "land": land,
        "wards": wards,
        "districts": districts,
        "roads": roads,
        "facilities": facilities,
    }
    return {name: write(name, makers[name](pack), out_folder) for name in LAYERS}


def write(name: str, features: list[Feature], out_folder: Path) -> Layer:
    """One layer as a file and its compressed twin, each whole or not at all."""
    raw = msgspec.json.encode({"type": "FeatureCollection", "features": features})
    packed = gzip.compress(raw, compresslevel=9, mtime=0)
    path = out_folder / f"{name}.json"
    gzip_path = out_folder / f"{name}.json.gz"
    for target, content in ((path, raw), (gzip_path, packed)):
        part = target.with_name(target.name + ".part")
        part.write_bytes(content)
        part.replace(target)
    digest = hashlib.sha256(raw).hexdigest()
    return Layer(name, path, gzip_path, digest, len(raw), len(packed))


def feature(shape: BaseGeometry, properties: dict[str, object]) -> Feature:
    """A GeoJSON feature with rounded coordinates."""
    return {"type": "Feature", "properties": properties, "geometry": geometry(shape)}


def geometry(shape: BaseGeometry) -> dict[str, Any]:
    """A GeoJSON geometry whose coordinates have ``DECIMALS`` decimals."""
    mapping: dict[str, Any] = dict(shape.__geo_interface__)
    return {"type": mapping["type"], "coordinates": rounded(mapping["coordinates"])}


def rounded(value: Any) -> Any:
    """Nested coordinate tuples, rounded."""
    if isinstance(value, float):
        return round(value, DECIMALS)
    return [rounded(part) for part in value]


def land(pack: CityPack) -> list[Feature]:
    """The island, also where the next regency begins."""
    areas = geodata.read_areas(pack.folder, geodata.LAND, geodata.LAND_COLUMNS)
    shapes = shapely.simplify(areas.shapes, AREA_TOLERANCE_DEG, preserve_topology=True)
    names = areas.columns["name"]
    return [
        feature(shape, {"name": name, "class": "land"})
        for shape, name in zip(shapes, names, strict=True)
    ]


def wards(pack: CityPack) -> list[Feature]:
    """Kelurahan and negeri; neighbours keep a common border after simplifying."""
    areas = geodata.read_areas(pack.folder, geodata.WARDS, geodata.WARD_COLUMNS)
    shapes = shapely.coverage_simplify(areas.shapes, AREA_TOLERANCE_DEG)
    columns = areas.columns
    return [
        feature(
            shape,
            {
                "code": columns["code"][row],
                "name": columns["name"][row],
                "class": columns["kind"][row],
                "district": columns["district"][row],
            },
        )
        for row, shape in enumerate(shapes)
    ]


def districts(pack: CityPack) -> list[Feature]:
    """Kecamatan."""
    areas = geodata.read_areas(pack.folder, geodata.DISTRICTS, geodata.DISTRICT_COLUMNS)
    shapes = shapely.coverage_simplify(areas.shapes, AREA_TOLERANCE_DEG)
    columns = areas.columns
    return [
        feature(shape, {"code": code, "name": name, "class": "district"})
        for shape, code, name in zip(shapes, columns["code"], columns["name"], strict=True)
    ]


def roads(pack: CityPack) -> list[Feature]:
    """Roads, joined where class and name are the same; the widest class last, to lie on top.

    Nameless roads are parted by a grid, so that a screen need only draw those in sight.
    """
    ways = read_ways(pack.folder / geodata.ROADS)
    groups: dict[tuple[str, str, int, int], list[shapely.LineString]] = {}
    for way in ways.ways:
        drawn = ROAD_CLASS.get(way.tags["highway"].removesuffix("_link"))
        if drawn:
            name = way.tags.get("name", "")
            lat, lon = float(ways.lat[way.nodes[0]]), float(ways.lon[way.nodes[0]])
            cell = (0, 0) if name else (int(lat // GRID_DEG), int(lon // GRID_DEG))
            groups.setdefault((drawn, name, *cell), []).append(line(ways, way))
    order = list(dict.fromkeys(ROAD_CLASS.values()))
    features = []
    for key in sorted(groups, key=lambda key: (-order.index(key[0]), key[1:])):
        joined = shapely.line_merge(shapely.MultiLineString(groups[key]))
        shape = shapely.simplify(joined, ROAD_TOLERANCE_DEG)
        named = {"name": key[1]} if key[1] else {}
        features.append(feature(shape, {"class": key[0], **named}))
    return features


def line(ways: Ways, way: Way) -> shapely.LineString:
    """A way as a line, longitude first."""
    nodes = np.array(way.nodes)
    return shapely.LineString(np.column_stack([ways.lon[nodes], ways.lat[nodes]]))


def facilities(pack: CityPack) -> list[Feature]:
    """Stations, hospitals and landmarks with how far their position may be off."""
    return [
        feature(
            shapely.Point(place.lon, place.lat),
            {
                "id": place.facility_id,
                "name": place.name,
                "class": place.kind,
                "agency_id": place.agency_id,
                "placeholder": place.placeholder,
                "precision_m": place.precision_m,
            },
        )
        for place in pack.facilities
    ]
