"""Who may use a way, and how fast."""

from pathlib import Path

import pytest

from tahuri.city.records import Profile, Speed
from tahuri.city.ways import directions, read_ways, speed_kmh, speeds_of

SPEEDS = {
    "residential": 20.0,
    "trunk": 40.0,
    "path": 9.0,
    "unpaved": 12.0,
    "private": 10.0,
    "alley": 6.0,
}
PUBLIC = {road: kmh for road, kmh in SPEEDS.items() if road != "private"}


@pytest.mark.parametrize(
    ("profile", "tags", "kmh"),
    [
        ("car", {"highway": "residential"}, 20),
        ("car", {"highway": "steps"}, 0),
        ("car", {"highway": "residential", "motorcar": "no"}, 0),
        ("fire_engine", {"highway": "residential", "motorcar": "no"}, 0),
        ("motorcycle", {"highway": "residential", "motorcar": "no"}, 20),
        ("motorcycle", {"highway": "residential", "motorcycle": "no"}, 0),
        ("motorcycle", {"highway": "footway", "motorcycle": "yes"}, 9),
        ("motorcycle", {"highway": "footway"}, 0),
        ("car", {"highway": "residential", "access": "no"}, 0),
        ("car", {"highway": "residential", "access": "no", "motorcar": "yes"}, 20),
        ("ambulance", {"highway": "residential", "access": "no", "emergency": "yes"}, 20),
        ("ambulance", {"highway": "residential", "access": "private"}, 10),
        ("car", {"highway": "residential", "surface": "gravel"}, 12),
        ("car", {"highway": "residential", "tracktype": "grade5"}, 12),
        ("car", {"highway": "trunk", "maxspeed": "30"}, 30),
        ("car", {"highway": "trunk", "maxspeed": "walk"}, 40),
        ("fire_engine", {"highway": "residential", "width": "2"}, 0),
        ("motorcycle", {"highway": "residential", "width": "1,5"}, 20),
        ("motorcycle", {"highway": "residential", "width": "0.5"}, 0),
        ("car", {"highway": "residential", "width": "broad"}, 20),
        ("car", {"highway": "residential", "service": "alley"}, 6),
    ],
)
def test_tags_decide_who_may_pass(profile: Profile, tags: dict[str, str], kmh: float) -> None:
    """A fire engine sent into an alley for motorcycles is a fire engine lost."""
    assert speed_kmh(tags, profile, SPEEDS) == kmh


def test_a_gate_stops_those_who_have_no_speed_behind_it() -> None:
    """Who is let in is data of the city, not code."""
    assert speed_kmh({"highway": "residential", "access": "private"}, "car", PUBLIC) == 0


def test_speeds_are_those_of_the_profile() -> None:
    """A motorcycle's lane must not open for a fire engine."""
    rows = (
        Speed(profile="car", road="trunk", speed_kmh=40, reason="x"),
        Speed(profile="motorcycle", road="path", speed_kmh=9, reason="x"),
    )
    assert speeds_of(rows, "car") == {"trunk": 40}


@pytest.mark.parametrize(
    ("tags", "along", "back"),
    [
        ({}, True, True),
        ({"oneway": "no", "junction": "roundabout"}, True, True),
        ({"oneway": "yes"}, True, False),
        ({"oneway": "-1"}, False, True),
        ({"junction": "roundabout"}, True, False),
    ],
)
def test_one_way_streets_run_one_way(tags: dict[str, str], along: bool, back: bool) -> None:
    """A roundabout is one-way without saying so."""
    assert directions(tags) == (along, back)


def test_a_file_that_is_no_map_is_refused(tmp_path: Path) -> None:
    """A half-copied file must not give half a city."""
    broken = tmp_path / "roads.osm.pbf"
    broken.write_bytes(b"nothing")
    with pytest.raises(ValueError, match=r"roads\.osm\.pbf"):
        read_ways(broken)


def test_a_way_without_its_nodes_is_refused(tmp_path: Path) -> None:
    """A clipped extract without its nodes would silently lose roads."""
    broken = tmp_path / "roads.osm"
    broken.write_text(
        '<osm version="0.6"><node id="1" lat="-3.7" lon="128.1"/><way id="7"><nd ref="1"/>'
        '<nd ref="2"/><tag k="highway" v="trunk"/></way></osm>'
    )
    with pytest.raises(ValueError, match="node 2"):
        read_ways(broken)
