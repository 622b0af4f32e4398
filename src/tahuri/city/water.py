"""The sea as a network: a boat goes straight over open water and around the land.

Water is a lattice; each point is joined to the 32 nearest directions whose line keeps clear of
land, so that a course is at most 1.3 % longer than the true one.
"""

from math import cos, gcd, radians

import numpy as np
import shapely
from numpy.typing import NDArray

from tahuri.city.geodata import Areas
from tahuri.city.network import EDGE_MIN_S, Network, main_nodes
from tahuri.kernel.geo import EARTH_RADIUS_M

LATTICE_M = 350.0
"""Distance between points: the narrows of the inner bay are about 600 m wide."""
REACH = 3
"""Largest step in either direction; with 3 there are 32 directions."""
STEPS = [
    (row, column)
    for row in range(-REACH, REACH + 1)
    for column in range(-REACH, REACH + 1)
    if gcd(row, column) == 1
]
DEGREE_M = EARTH_RADIUS_M * radians(1)


def build_water(bbox: tuple[float, float, float, float], land: Areas, speed_kmh: float) -> Network:
    """The network of boats.

    Args:
        bbox: west, south, east, north, decimal degrees: how far boats are planned for.
        land: polygons that are not water.

    Raises:
        ValueError: there is no water in the box.
    """
    west, south, east, north = bbox
    shrink = cos(radians((south + north) / 2))
    columns = int((east - west) * DEGREE_M * shrink / LATTICE_M) + 1
    rows = int((north - south) * DEGREE_M / LATTICE_M) + 1
    lons = west + np.arange(columns) * LATTICE_M / (DEGREE_M * shrink)
    lats = south + np.arange(rows) * LATTICE_M / DEGREE_M
    lon, lat = (part.ravel() for part in np.meshgrid(lons, lats))
    ground = shapely.union_all(land.shapes)
    shapely.prepare(ground)
    wet = ~shapely.contains_xy(ground, lon, lat)
    if not wet.any():
        raise ValueError("there is no water in the region")
    number = np.where(wet, np.cumsum(wet) - 1, -1).reshape(rows, columns)
    points = np.column_stack([lon, lat])[wet]
    pairs = lattice_pairs(number)
    lines = shapely.linestrings(points[pairs])
    pairs = pairs[~shapely.intersects(ground, lines)]
    return lattice_network(points, pairs, shrink, speed_kmh / 3.6)


def lattice_pairs(number: NDArray[np.int64]) -> NDArray[np.int64]:
    """All (from, to) pairs of wet points one step apart."""
    rows, columns = number.shape
    found = []
    for down, right in STEPS:
        up, left = max(0, -down), max(0, -right)
        below, beside = max(0, down), max(0, right)
        here = number[up : rows - below, left : columns - beside]
        there = number[below : rows - up, beside : columns - left]
        both = (here >= 0) & (there >= 0)
        found.append(np.column_stack([here[both], there[both]]))
    pairs = np.concatenate(found)
    return pairs[np.lexsort((pairs[:, 1], pairs[:, 0]))]


def lattice_network(
    points: NDArray[np.float64], pairs: NDArray[np.int64], shrink: float, speed_ms: float
) -> Network:
    """A network without chains: every vertex is a node."""
    count = len(points)
    step = (points[pairs[:, 1]] - points[pairs[:, 0]]) * [DEGREE_M * shrink, DEGREE_M]
    metres = np.hypot(step[:, 0], step[:, 1])
    ends = pairs.astype(np.int32)
    own = np.arange(count, dtype=np.int32)
    zero = np.zeros(count)
    return Network(
        lat=points[:, 1].copy(),
        lon=points[:, 0].copy(),
        node_a=own,
        node_b=own,
        leave_a=zero,
        leave_b=zero,
        arrive_a=zero,
        arrive_b=zero,
        metres_a=zero,
        metres_b=zero,
        chain=np.full(count, -1, dtype=np.int32),
        usable=np.flatnonzero(main_nodes(ends, count)).astype(np.int32),
        edge_from=ends[:, 0],
        edge_to=ends[:, 1],
        edge_s=np.maximum(EDGE_MIN_S, metres / speed_ms),
        edge_m=metres,
        edge_chain=np.full(len(ends), -1, dtype=np.int32),
        edge_forward=np.ones(len(ends), dtype=np.bool_),
        chain_first=np.array([count], dtype=np.int32),
    )
