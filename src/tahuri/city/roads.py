"""Travel times over a city's roads and waters.

One search backwards from the incident gives the time of every unit at once (docs/city-pack.md).
Seconds are driving time by the pack's speeds, plus the walk from the road to a place in an alley.
"""

from collections.abc import Callable, Sequence
from math import cos, inf, radians
from pathlib import Path

import numpy as np
from msgspec import Struct
from numpy.typing import NDArray
from scipy.sparse import csr_array
from scipy.sparse.csgraph import dijkstra
from scipy.spatial import cKDTree

from tahuri.city.network import Floats, Ints, Network
from tahuri.city.network_cache import build_network, input_digest, read_network, write_network
from tahuri.city.records import CityPack, Profile
from tahuri.city.water import DEGREE_M

OFF_ROAD_MAX_M = 3_000.0
"""Farther from any road or water, a place is not reached."""
OFF_WATER_MAX_M = 1_000.0
"""A boat helps from the water to a beach or a pier, not to a hill; its own berth may be farther."""
WALK_FREE_M = 50.0
"""What the width of a road, a yard and the fix of a phone explain."""
WALK_MAX_M = 600.0
"""Beyond it nobody walks (forest, sea): the road part still orders the units."""
WALK_MS = 4.0 / 3.6

Point = tuple[float, float]
"""Latitude, longitude."""


class Travel(Struct, frozen=True):
    """How far a unit is from an incident."""

    seconds: float
    metres: float
    """Along roads or water, without the walk."""


class Route(Struct, frozen=True):
    """A way to go."""

    coordinates: list[tuple[float, float]]
    """(longitude, latitude) pairs, as in GeoJSON, from start to end."""
    seconds: float
    metres: float


class Search(Struct, frozen=True):
    """What one backwards search found, per node."""

    seconds: Floats
    """Driving time to the target; infinite where no way leads."""
    metres: Floats
    following: NDArray[np.int64]
    """The next node on the way; the number of nodes itself means: the target's own chain."""


def silent(_line: str) -> None:
    """Progress that nobody reads."""


def walk_s(off_m: float) -> float:
    """Seconds on foot from the nearest road to a place that far from it."""
    return min(max(0.0, off_m - WALK_FREE_M), WALK_MAX_M) / WALK_MS


def straight_s(net: Network, starts: Ints, target: int) -> Floats:
    """Seconds from each start along the chain it shares with the target; infinite without one."""
    with np.errstate(invalid="ignore"):  # a closed direction is infinite at both ends
        ahead = np.where(
            starts <= target,
            net.arrive_a[target] - net.arrive_a[starts],
            net.arrive_b[target] - net.arrive_b[starts],
        )
    same = (net.chain[starts] == net.chain[target]) & (net.chain[starts] >= 0)
    ahead = np.where(same & np.isfinite(ahead), ahead, inf)
    return np.where(starts == target, 0.0, ahead)


class RoadGraph:
    """The network of one profile, ready to be asked.  Immutable; may be used by many threads."""

    def __init__(self, network: Network, off_max_m: float = OFF_ROAD_MAX_M) -> None:
        """``off_max_m``: how far a place may lie from the network and still be reached."""
        self.network = network
        self._off_max_m = off_max_m
        self._count = network.nodes
        self._shrink = cos(radians(float(network.lat.mean())))
        at = self._plane(network.lat[network.usable], network.lon[network.usable])
        self._tree = cKDTree(at)
        count = self._count
        backwards = csr_array(
            (network.edge_s, (network.edge_to, network.edge_from)), shape=(count, count)
        )
        self._data = backwards.data
        self._indices = backwards.indices
        self._indptr = backwards.indptr
        self._edge_key = network.edge_from.astype(np.int64) * count + network.edge_to

    @classmethod
    def load(
        cls,
        pack: CityPack,
        profile: Profile,
        cache: Path | None = None,
        progress: Callable[[str], None] = silent,
    ) -> "RoadGraph":
        """The graph of a profile, from the cache when the pack has not changed.

        Args:
            cache: folder for built networks, made if absent; None builds every time.
            progress: is given a line for each step of a build.

        Raises:
            ValueError: the pack's roads cannot be read or none is open to the profile.
        """
        key = input_digest(pack, profile)
        stored = cache / f"roads-{profile}-{key[:16]}.npz" if cache else None
        network = read_network(stored) if stored else None
        if network is None:
            progress(f"building the road graph of {pack.city.name} for {profile} …")
            network = build_network(pack, profile)
            if stored:
                try:
                    write_network(network, stored)
                except OSError as error:  # it answers all the same; the next start builds again
                    progress(f"the road graph cannot be kept: {error}")
            progress(
                f"road graph for {profile}: {network.nodes:,} nodes, "
                f"{len(network.edge_s):,} edges, {len(network.lat):,} points"
            )
        return cls(network, OFF_WATER_MAX_M if profile == "boat" else OFF_ROAD_MAX_M)

    def travel_times_to(
        self, lat: float, lon: float, origins: Sequence[Point]
    ) -> list[Travel | None]:
        """Time and distance from each origin to one place, in the order given.

        Args:
            lat, lon: the place, decimal degrees.
            origins: n (latitude, longitude) pairs, n ≥ 0.

        Returns:
            n entries; None where no road or water leads.
        """
        if not origins:
            return []
        points = np.array(origins, dtype=np.float64).reshape(-1, 2)
        target, off_m = self._snap(np.array([[lat, lon]]))
        if off_m[0] > self._off_max_m:
            return [None] * len(origins)
        starts, far = self._snap(points)
        seconds, metres, _ = self._best(starts, int(target[0]), self._search(int(target[0])))
        seconds = seconds + walk_s(float(off_m[0]))
        reached = np.isfinite(seconds) & (far <= OFF_ROAD_MAX_M)
        return [
            Travel(round(s, 1), round(m, 1)) if there else None
            for s, m, there in zip(seconds.tolist(), metres.tolist(), reached.tolist(), strict=True)
        ]

    def route(self, start: Point, end: Point) -> Route | None:
        """The fastest way between two (latitude, longitude) pairs, or None.

        The first and last pair of coordinates are the two points themselves.
        """
        snapped, off_m = self._snap(np.array([start, end], dtype=np.float64))
        if off_m[0] > OFF_ROAD_MAX_M or off_m[1] > self._off_max_m:
            return None
        origin, target = int(snapped[0]), int(snapped[1])
        search = self._search(target)
        seconds, metres, ways = self._best(snapped[:1], target, search)
        if not np.isfinite(seconds[0]):
            return None
        vertices = self._vertices(origin, target, int(ways[0]), search.following)
        net = self.network
        path = [(float(net.lon[v]), float(net.lat[v])) for v in vertices]
        coordinates = [(start[1], start[0]), *path, (end[1], end[0])]
        walked = walk_s(float(off_m[1]))
        return Route(coordinates, round(float(seconds[0]) + walked, 1), round(float(metres[0]), 1))

    def _plane(self, lat: Floats, lon: Floats) -> Floats:
        """Metres east and north; good to 0.1 % over a city."""
        return np.column_stack([lon * DEGREE_M * self._shrink, lat * DEGREE_M])

    def _snap(self, points: Floats) -> tuple[Ints, Floats]:
        """The nearest usable vertex of each point, and the metres to it."""
        far, at = self._tree.query(self._plane(points[:, 0], points[:, 1]))
        return self.network.usable[at], np.asarray(far)

    def _search(self, target: int) -> "Search":
        """Seconds and metres from every node to a vertex, and the node that follows on the way."""
        net, count = self.network, self._count
        doors: dict[int, tuple[float, float]] = {}
        for node, seconds, metres in (
            (net.node_a[target], net.arrive_a[target], net.metres_a[target]),
            (net.node_b[target], net.arrive_b[target], net.metres_b[target]),
        ):
            if seconds < doors.get(int(node), (inf, inf))[0]:
                doors[int(node)] = (max(float(seconds), 1e-9), float(metres))
        entries = sorted(doors)
        graph = csr_array(
            (
                np.concatenate([self._data, [doors[node][0] for node in entries]]),
                np.concatenate([self._indices, entries]).astype(self._indices.dtype),
                np.append(self._indptr, self._indptr[-1] + len(entries)),
            ),
            shape=(count + 1, count + 1),
        )
        found = dijkstra(graph, directed=True, indices=np.array([count]), return_predecessors=True)
        seconds = found[0][0]
        following = np.where(found[1][0] < 0, count, found[1][0]).astype(np.int64)
        return Search(
            seconds=seconds[:count],
            metres=self._metres(following, doors),
            following=following[:count],
        )

    def _metres(self, following: NDArray[np.int64], doors: dict[int, Point]) -> Floats:
        """Metres to the target along the tree of fastest ways, by doubling the steps."""
        count = self._count
        nodes = np.arange(count)
        slot = np.searchsorted(self._edge_key, nodes * count + following[:count])
        metres = np.append(self.network.edge_m, 0.0)[slot]
        metres = np.where(following[:count] == count, 0.0, metres)
        for node, (_, last_m) in doors.items():
            if following[node] == count:
                metres[node] = last_m
        metres = np.append(metres, 0.0)
        jump = following.copy()
        while (jump != count).any():
            metres = metres + metres[jump]
            jump = jump[jump]
        return metres[:count]

    def _best(
        self, starts: Ints, target: int, search: "Search"
    ) -> tuple[Floats, Floats, NDArray[np.int64]]:
        """Per start vertex the fastest seconds, their metres, and which way: 0 by a, 1 by b, 2
        straight along the chain that start and target share."""
        net = self.network
        a, b = net.node_a[starts], net.node_b[starts]
        seconds = np.stack(
            [
                net.leave_a[starts] + search.seconds[a],
                net.leave_b[starts] + search.seconds[b],
                straight_s(net, starts, target),
            ]
        )
        metres = np.stack(
            [
                net.metres_a[starts] + search.metres[a],
                net.metres_b[starts] + search.metres[b],
                np.abs(net.metres_a[starts] - net.metres_a[target]),
            ]
        )
        ways = seconds.argmin(axis=0)
        each = np.arange(len(starts))
        return seconds[ways, each], metres[ways, each], ways

    def _vertices(
        self, origin: int, target: int, way: int, following: NDArray[np.int64]
    ) -> list[int]:
        """The vertices passed from origin to target, both included."""
        if way == 2:
            step = 1 if origin <= target else -1
            return list(range(origin, target + step, step))
        net, count = self.network, self._count
        path = self._to_end(origin, to_b=way == 1)
        node = path[-1]
        while (ahead := int(following[node])) != count:
            edge = int(np.searchsorted(self._edge_key, node * count + ahead))
            chain = int(net.edge_chain[edge])
            if chain >= 0:
                inner = list(range(int(net.chain_first[chain]), int(net.chain_first[chain + 1])))
                path += inner if net.edge_forward[edge] else inner[::-1]
            path.append(ahead)
            node = ahead
        by_b = self._enters_by_b(node, target)
        return [*path, *self._to_end(target, to_b=by_b)[::-1][1:]]

    def _enters_by_b(self, node: int, target: int) -> bool:
        """Whether the way from a node into the target's chain starts at the chain's end."""
        net = self.network
        a_s = net.arrive_a[target] if net.node_a[target] == node else inf
        b_s = net.arrive_b[target] if net.node_b[target] == node else inf
        return bool(b_s < a_s)

    def _to_end(self, vertex: int, to_b: bool) -> list[int]:
        """The vertices from one to the node at an end of its chain, both included."""
        net = self.network
        chain = int(net.chain[vertex])
        if chain < 0:
            return [vertex]
        if to_b:
            return [*range(vertex, int(net.chain_first[chain + 1])), int(net.node_b[vertex])]
        first = int(net.chain_first[chain])
        return [*range(vertex, first - 1, -1), int(net.node_a[vertex])]
