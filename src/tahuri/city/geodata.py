"""Reads a pack's boundary files.  One place that knows the file formats."""

from pathlib import Path

import numpy as np
import pyogrio.raw
import shapely
from numpy.typing import NDArray

from tahuri.city.tables import Problem

WARDS = "wards.fgb"
DISTRICTS = "districts.fgb"
NEIGHBOURS = "neighbours.fgb"
LAND = "land.fgb"
ROADS = "roads.osm.pbf"

Geometries = NDArray[np.object_]


class Areas:
    """The polygons of one file with their text columns, row by row."""

    def __init__(self, shapes: Geometries, columns: dict[str, list[str]]) -> None:
        self.shapes = shapes
        self.columns = columns

    def __len__(self) -> int:
        return len(self.shapes)


def read_areas(folder: Path, file: str, columns: tuple[str, ...]) -> Areas:
    """Polygons in WGS 84, longitude first.

    Raises:
        ValueError: the file is missing, not readable, not WGS 84, lacks a column, or is empty or
            holds a shape that is not a valid polygon; the message says which.
    """
    try:
        meta, _, blobs, fields = pyogrio.raw.read(folder / file)
    except Exception as error:  # GDAL raises many kinds; all mean the same to a pack's author
        raise ValueError(f"cannot be read: {error}") from error
    if meta["crs"] not in ("EPSG:4326", "OGC:CRS84"):
        raise ValueError(f"must be WGS 84 (EPSG:4326), is {meta['crs']}")
    values = dict(zip(list(meta["fields"]), fields, strict=True))
    missing = [name for name in columns if name not in values]
    if missing:
        raise ValueError(f"column missing: {', '.join(missing)}")
    shapes = shapely.from_wkb(blobs)
    if not len(shapes):
        raise ValueError("has no shapes")
    bad = [
        index
        for index, shape in enumerate(shapes)
        if shape is None
        or shape.geom_type not in ("Polygon", "MultiPolygon")
        or not shapely.is_valid(shape)
    ]
    if bad:
        raise ValueError(f"shapes {bad[:5]} are not valid polygons")
    return Areas(shapes, {name: [str(value) for value in values[name]] for name in columns})


def areas_or_problem(
    folder: Path, file: str, columns: tuple[str, ...], problems: list[Problem]
) -> Areas | None:
    """As ``read_areas``, but what is wrong is appended to ``problems``."""
    try:
        return read_areas(folder, file, columns)
    except ValueError as error:
        problems.append(Problem(file, 0, "", str(error)))
        return None


WARD_COLUMNS = ("code", "name", "kind", "district_code", "district")
DISTRICT_COLUMNS = ("code", "name")
LAND_COLUMNS = ("name",)
