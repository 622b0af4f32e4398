"""Reads a pack's roads from OpenStreetMap, and says which profile may use a way and how fast."""

from math import inf
from pathlib import Path

import numpy as np
import osmium
from msgspec import Struct
from numpy.typing import NDArray

from tahuri.city.records import Profile, Speed

Tags = dict[str, str]

ACCESS_TAGS: dict[Profile, tuple[str, ...]] = {
    "fire_engine": ("emergency", "motorcar", "motor_vehicle", "vehicle", "access"),
    "ambulance": ("emergency", "motorcar", "motor_vehicle", "vehicle", "access"),
    "car": ("motorcar", "motor_vehicle", "vehicle", "access"),
    "motorcycle": ("motorcycle", "motor_vehicle", "vehicle", "access"),
    "boat": (),
}
"""The tag that decides stands first; the first one present counts."""
WIDTH_MIN_M: dict[Profile, float] = {
    "fire_engine": 2.6,
    "ambulance": 2.2,
    "car": 2.0,
    "motorcycle": 0.8,
    "boat": 0.0,
}
UNPAVED = {"unpaved", "gravel", "ground", "dirt", "earth", "sand", "grass", "mud"}
GATED = {"private", "permit", "customers", "delivery"}
CLOSED = {"no", "agricultural", "forestry"}


class Way(Struct, frozen=True):
    """One OpenStreetMap way."""

    nodes: tuple[int, ...]
    """Indices into the coordinates of ``Ways``."""
    tags: Tags


class Ways(Struct, frozen=True):
    """All ways of a file."""

    lat: NDArray[np.float64]
    lon: NDArray[np.float64]
    ways: list[Way]


def read_ways(path: Path) -> Ways:
    """Every way with a ``highway`` tag and at least two nodes.

    Raises:
        ValueError: the file cannot be read, or a way names a node that is not in it.
    """
    index: dict[int, int] = {}
    points: list[tuple[float, float]] = []
    ways: list[Way] = []
    try:
        for thing in osmium.FileProcessor(str(path)):
            if isinstance(thing, osmium.osm.Node):
                index[thing.id] = len(points)
                points.append((thing.location.lat, thing.location.lon))
            elif not isinstance(thing, osmium.osm.Way) or "highway" not in thing.tags:
                continue
            elif len(thing.nodes) > 1:
                nodes = tuple([index[node.ref] for node in thing.nodes])
                ways.append(Way(nodes, {tag.k: tag.v for tag in thing.tags}))
    except (RuntimeError, osmium.InvalidLocationError) as error:
        raise ValueError(f"{path.name}: cannot be read: {error}") from error
    except KeyError as error:
        raise ValueError(f"{path.name}: node {error} of a way is missing") from error
    coordinates = np.array(points, dtype=np.float64).reshape(-1, 2)
    return Ways(coordinates[:, 0].copy(), coordinates[:, 1].copy(), ways)


def speeds_of(speeds: tuple[Speed, ...], profile: Profile) -> dict[str, float]:
    """km/h by road class for one profile; a class that is absent is closed to it."""
    return {row.road: row.speed_kmh for row in speeds if row.profile == profile}


def speed_kmh(tags: Tags, profile: Profile, speeds: dict[str, float]) -> float:
    """How fast the profile goes on a way; 0 where it may not or cannot.

    The most special access tag decides (``motorcar=no`` before ``access=yes``); what a gate shuts
    is open only to profiles that have a ``private`` speed.
    """
    access = next((tags[name] for name in ACCESS_TAGS[profile] if name in tags), "yes")
    road = tags.get("highway", "")
    welcome = access in ("yes", "designated") and profile == "motorcycle" and "motorcycle" in tags
    if road in ("footway", "pedestrian") and welcome:
        road = "path"  # signed for motorcycles: an alley between houses
    limits = [speeds.get(road, 0.0)]
    if access in CLOSED or narrow(tags, profile):
        return 0.0
    if access in GATED:
        limits.append(speeds.get("private", 0.0))
    if tags.get("service") == "alley":
        limits.append(speeds.get("alley", 0.0))
    if tags.get("surface") in UNPAVED or tags.get("tracktype") in ("grade3", "grade4", "grade5"):
        limits.append(speeds.get("unpaved", inf))
    limits.append(signed_limit(tags))
    return min(limits)


def signed_limit(tags: Tags) -> float:
    """The signed limit in km/h, or infinite."""
    text = tags.get("maxspeed", "").removesuffix("km/h").strip()
    return float(text) if text.isdigit() and int(text) > 0 else inf


def narrow(tags: Tags, profile: Profile) -> bool:
    """Whether the way is said to be narrower than the vehicle needs."""
    text = tags.get("width", "").removesuffix("m").strip().replace(",", ".")
    try:
        return 0 < float(text) < WIDTH_MIN_M[profile]
    except ValueError:
        return False


def directions(tags: Tags) -> tuple[bool, bool]:
    """Whether traffic runs along the way as drawn, and against it."""
    oneway = tags.get("oneway")
    if oneway in ("-1", "reverse"):
        return False, True
    if oneway in ("yes", "true", "1"):
        return True, False
    if oneway is None and tags.get("junction") in ("roundabout", "circular"):
        return True, False
    return True, True
