"""The road graph, on roads small enough to be counted by hand and against a plain search."""

import heapq
from itertools import pairwise
from math import inf, isinf
from random import Random

import numpy as np
import pytest
import shapely

from tahuri.city.geodata import Areas
from tahuri.city.network import Network, build
from tahuri.city.roads import RoadGraph, walk_s
from tahuri.city.water import build_water
from tahuri.city.ways import Way, Ways, directions, speed_kmh
from tahuri.kernel.geo import distance_m

LAT, LON = -3.7, 128.18
STEP = 0.001
"""About 111 m."""
SPEEDS = {"residential": 36.0, "path": 9.0}


def roads(points: list[tuple[float, float]], *ways: tuple[list[int], dict[str, str]]) -> Ways:
    """Ways over points given as (steps north, steps east) of the corner."""
    lat = np.array([LAT + north * STEP for north, _ in points])
    lon = np.array([LON + east * STEP for _, east in points])
    made = [Way(tuple(nodes), {"highway": "residential", **tags}) for nodes, tags in ways]
    return Ways(lat, lon, made)


def at(north: float, east: float) -> tuple[float, float]:
    """A point by its steps."""
    return LAT + north * STEP, LON + east * STEP


SQUARE = [(0, 0), (0, 4), (4, 4), (4, 0)]


def graph(ways: Ways) -> RoadGraph:
    """The graph of cars at 36 km/h, 10 m/s."""
    return RoadGraph(build(ways, "car", SPEEDS))


def test_time_is_length_by_speed() -> None:
    """A unit's time must be one a driver would recognise."""
    straight = graph(roads([(0, 0), (0, 9)], ([0, 1], {})))
    [travel] = straight.travel_times_to(*at(0, 9), [at(0, 0)])
    assert travel is not None
    assert travel.metres == pytest.approx(distance_m(at(0, 0), at(0, 9)), rel=0.001)
    assert travel.seconds == pytest.approx(travel.metres / 10, abs=0.2)


def test_places_in_the_middle_of_a_road_are_reached_from_both_sides() -> None:
    """Most houses stand between junctions."""
    ring = graph(roads([*SQUARE, (0, 8)], ([0, 1, 2, 3, 0], {}), ([1, 4], {})))
    there, back = ring.travel_times_to(*at(0, 2), [at(0, 1), at(0, 3)])
    assert there is not None
    assert back is not None
    assert there.seconds == pytest.approx(back.seconds, abs=4)
    assert there.metres < 150


def test_a_one_way_street_is_not_driven_against() -> None:
    """Three sides of the square instead of one."""
    ring = graph(roads([*SQUARE], ([0, 1, 2, 3, 0], {"oneway": "yes"})))
    with_it, against = (
        ring.travel_times_to(*at(*end), [at(*start)])[0]
        for start, end in (((0, 0), (0, 4)), ((0, 4), (0, 0)))
    )
    assert with_it is not None
    assert against is not None
    assert against.metres == pytest.approx(3 * with_it.metres, rel=0.01)


def test_a_one_way_street_between_two_junctions_is_left_at_its_end_only() -> None:
    """A unit inside it may not turn round, however near the incident lies behind it."""
    ways = roads(
        [*SQUARE, (0, -2), (4, -2)],
        ([0, 1], {"oneway": "yes"}),
        ([1, 2, 3, 0], {}),
        ([4, 0], {}),
        ([5, 3], {}),
    )
    [travel] = graph(ways).travel_times_to(*at(0, 1), [at(0, 3)])
    assert travel is not None
    assert travel.metres > 14 * 110


def test_an_unreachable_place_has_no_time() -> None:
    """None says so; a large number would be sorted and sent."""
    straight = graph(roads([(0, 0), (0, 9)], ([0, 1], {})))
    assert straight.travel_times_to(LAT + 1, LON, [at(0, 0)]) == [None]
    assert straight.travel_times_to(*at(0, 0), [(LAT + 1, LON)]) == [None]
    assert straight.route(at(0, 0), (LAT + 1, LON)) is None
    assert straight.travel_times_to(*at(0, 0), []) == []


def test_a_stub_that_joins_nothing_is_not_snapped_to() -> None:
    """A stray piece of the map beside a real road must not strand a unit."""
    ways = roads([(0, 0), (0, 9), (1, 4), (1, 4.3)], ([0, 1], {}), ([2, 3], {}))
    [travel] = graph(ways).travel_times_to(*at(1, 4), [at(0, 0)])
    assert travel is not None
    assert travel.metres == pytest.approx(4 * 111, rel=0.05)


def test_the_walk_from_the_road_counts() -> None:
    """It makes a motorcycle that gets into the alley the nearer one."""
    straight = graph(roads([(0, 0), (0, 9)], ([0, 1], {})))
    [near] = straight.travel_times_to(*at(0, 4), [at(0, 0)])
    [deep] = straight.travel_times_to(*at(3, 4), [at(0, 0)])
    assert near is not None
    assert deep is not None
    assert deep.metres == near.metres
    assert deep.seconds - near.seconds == pytest.approx(walk_s(3 * 111.2), abs=1)
    assert walk_s(10) == 0
    assert walk_s(5_000) == walk_s(10_000)


def test_a_route_starts_and_ends_where_asked_and_is_as_long_as_it_says() -> None:
    """The line on the crew's phone and the time on the console are one answer."""
    ways = roads([*SQUARE, (0, 8), (8, 4)], ([0, 1, 2, 3, 0], {}), ([1, 4], {}), ([2, 5], {}))
    network = graph(ways)
    rng = Random(5)
    places = [at(0, rng.uniform(0, 8)) for _ in range(10)]
    places += [at(rng.uniform(0, 8), 4) for _ in range(10)]
    for start, end in zip(places, reversed(places), strict=True):
        route = network.route(start, end)
        [travel] = network.travel_times_to(*end, [start])
        assert route is not None
        assert travel is not None
        assert (route.seconds, route.metres) == (travel.seconds, travel.metres)
        assert route.coordinates[0] == (start[1], start[0])
        assert route.coordinates[-1] == (end[1], end[0])
        on_road = [(lat, lon) for lon, lat in route.coordinates[1:-1]]
        length = sum(distance_m(a, b) for a, b in pairwise(on_road))
        assert length == pytest.approx(route.metres, abs=2)


def plain_search(ways: Ways, target: int) -> list[float]:
    """Seconds from every point of the map to one, by the book, over uncontracted roads."""
    backwards: dict[int, list[tuple[int, float]]] = {}
    for way in ways.ways:
        kmh = speed_kmh(way.tags, "car", SPEEDS)
        along, back = directions(way.tags)
        for u, v in pairwise(way.nodes):
            ends = [(float(ways.lat[node]), float(ways.lon[node])) for node in (u, v)]
            seconds = distance_m(*ends) / (kmh / 3.6)
            if along:
                backwards.setdefault(v, []).append((u, seconds))
            if back:
                backwards.setdefault(u, []).append((v, seconds))
    best = [inf] * len(ways.lat)
    best[target] = 0.0
    queue = [(0.0, target)]
    while queue:
        so_far, node = heapq.heappop(queue)
        for other, seconds in backwards.get(node, []):
            if so_far + seconds < best[other]:
                best[other] = so_far + seconds
                heapq.heappush(queue, (best[other], other))
    return best


@pytest.mark.parametrize("seed", range(12))
def test_the_contracted_graph_gives_the_times_of_a_plain_search(seed: int) -> None:
    """Leaving out points without a choice may save time, never change an answer."""
    rng = Random(seed)
    size = 7
    points = [
        (row + rng.uniform(-0.2, 0.2), column + rng.uniform(-0.2, 0.2))
        for row in range(size)
        for column in range(size)
    ]
    pairs = [(node, node + 1) for node in range(size * size) if (node + 1) % size]
    pairs += [(node, node + size) for node in range(size * (size - 1))]
    ways: list[tuple[list[int], dict[str, str]]] = [
        ([*pair], rng.choice([{}, {}, {}, {"oneway": "yes"}]))
        for pair in pairs
        if rng.random() < 0.75
    ]
    made = roads(points, *ways)
    network = graph(made)
    usable = {
        (float(network.network.lat[v]), float(network.network.lon[v]))
        for v in network.network.usable
    }
    inside = [
        node
        for node in range(size * size)
        if (float(made.lat[node]), float(made.lon[node])) in usable
    ]
    assert len(inside) > 5
    places = [(float(made.lat[node]), float(made.lon[node])) for node in inside]
    for target, place in zip(inside, places, strict=True):
        expected = plain_search(made, target)
        for node, travel in zip(inside, network.travel_times_to(*place, places), strict=True):
            assert (travel is None) == isinf(expected[node])
            if travel is not None:
                assert travel.seconds == pytest.approx(expected[node], abs=0.2)


def test_no_road_for_a_profile_is_told() -> None:
    """A pack whose speeds leave a profile without roads is wrong, not empty."""
    with pytest.raises(ValueError, match="no road is open"):
        build(roads([(0, 0), (0, 1)], ([0, 1], {"highway": "steps"})), "car", SPEEDS)


def water(land: shapely.Polygon, box: tuple[float, float, float, float]) -> Network:
    """The sea in a box around one piece of land, for a boat of 36 km/h."""
    return build_water(box, Areas(np.array([land], dtype=object), {"name": ["x"]}), 36.0)


def test_a_boat_goes_straight_over_open_water_and_around_the_land() -> None:
    """A rescue boat that is timed across the island comes an hour late."""
    box = (128.0, -3.9, 128.3, -3.7)
    open_sea = RoadGraph(water(shapely.box(128.29, -3.71, 128.295, -3.705), box))
    wall = RoadGraph(water(shapely.box(128.14, -3.95, 128.16, -3.73), box))
    start, end = (-3.85, 128.05), (-3.85, 128.25)
    [straight] = open_sea.travel_times_to(*end, [start])
    [around] = wall.travel_times_to(*end, [start])
    assert straight is not None
    assert around is not None
    assert straight.metres == pytest.approx(distance_m(start, end), rel=0.03)
    assert around.metres > 1.4 * straight.metres
    assert straight.seconds == pytest.approx(straight.metres / 10, rel=0.02)


def test_a_region_without_water_has_no_boats() -> None:
    """An inland city must hear it when its pack is built, not during a call."""
    with pytest.raises(ValueError, match="no water"):
        water(shapely.box(127, -5, 130, -3), (128.0, -3.9, 128.3, -3.6))
