"""Recommendation by road: travel times of many units at once."""

import random
import tempfile
from pathlib import Path

from bench.table import Figure, percentile
from tahuri.city.pack import load_pack, pack_folder
from tahuri.city.roads import RoadGraph
from tahuri.kernel import clock

UNITS = 1_000
FEW = 10
ROUNDS = 60


def _p95_ms(graph: RoadGraph, points: list[tuple[float, float]], units: int) -> float:
    chance = random.Random(7)  # noqa: S311
    times = []
    for _ in range(ROUNDS):
        lat, lon = chance.choice(points)
        origins = [chance.choice(points) for _ in range(units)]
        start = clock.monotonic_s()
        graph.travel_times_to(lat, lon, origins)
        times.append((clock.monotonic_s() - start) * 1e3)
    return percentile(times, 0.95)


async def measure() -> list[Figure]:
    """Travel times for 1,000 units, and for 10: the same work."""
    pack = load_pack(pack_folder("ambon"))
    with tempfile.TemporaryDirectory(prefix="tahuri-bench-") as place:
        graph = RoadGraph.load(pack, "ambulance", Path(place))
        points = [(name.lat, name.lon) for name in pack.names if name.kind != "neighbour"]
        _p95_ms(graph, points, FEW)
        few, many = _p95_ms(graph, points, FEW), _p95_ms(graph, points, UNITS)
    return [
        Figure(
            name="recommendation by road, 1,000 units, p95",
            value=many,
            unit="ms",
            goal=20,
            limit=few,
            how=f"one backwards search over Ambon's roads, {ROUNDS} rounds; limit: {FEW} units",
        )
    ]
