"""Turns ways into a small graph: long pieces without a choice become one edge.

A *node* is where a choice exists (junction, dead end, change of direction rules); a *chain* is the
road between two nodes.  Every point of a chain stays as a *vertex*, so that a vehicle or an
incident is placed to about 20 m, while the search runs over nodes only.
"""

from collections.abc import Iterator
from math import ceil, inf

import numpy as np
from msgspec import Struct
from numpy.typing import NDArray
from scipy.sparse import csr_array
from scipy.sparse.csgraph import connected_components

from tahuri.city.records import Profile
from tahuri.city.ways import Ways, directions, speed_kmh
from tahuri.kernel.geo import distance_m

SEGMENT_MAX_M = 40.0
"""Longer straight pieces get vertices in between."""
EDGE_MIN_S = 0.001
"""An edge of no length would read as no edge."""

Floats = NDArray[np.float64]
Ints = NDArray[np.int32]


class Network(Struct, frozen=True, kw_only=True):
    """A graph for one profile.  n nodes are vertices 0…n−1; the chains' inner vertices follow.

    Seconds are infinite where the direction is closed.
    """

    lat: Floats
    lon: Floats
    node_a: Ints
    """Per vertex: the node at the start of its chain; a node's own number for a node."""
    node_b: Ints
    leave_a: Floats
    """Per vertex: seconds from it to ``node_a``."""
    leave_b: Floats
    arrive_a: Floats
    """Per vertex: seconds from ``node_a`` to it."""
    arrive_b: Floats
    metres_a: Floats
    metres_b: Floats
    chain: Ints
    """Per vertex: its chain, −1 for a node."""
    usable: Ints
    """Vertices from which all of the main network can be reached, and back."""
    edge_from: Ints
    edge_to: Ints
    edge_s: Floats
    edge_m: Floats
    edge_chain: Ints
    """Per directed edge: its chain, −1 when it has no inner vertices; sorted by (from, to)."""
    edge_forward: NDArray[np.bool_]
    """Whether the edge runs along its chain as numbered."""
    chain_first: Ints
    """Per chain: its first inner vertex; one more entry ends the last chain."""

    @property
    def nodes(self) -> int:
        """How many nodes there are."""
        return int(np.count_nonzero(self.chain < 0))


class Segment(Struct):
    """A straight piece between two points."""

    u: int
    v: int
    along_s: float
    back_s: float
    metres: float


class Pieces:
    """The pieces of all ways that a profile may pass, long ones cut up."""

    def __init__(self, ways: Ways, profile: Profile, speeds: dict[str, float]) -> None:
        self.lat = ways.lat.tolist()
        self.lon = ways.lon.tolist()
        self.segments: list[Segment] = []
        for way in ways.ways:
            kmh = speed_kmh(way.tags, profile, speeds)
            if kmh > 0:
                along, back = directions(way.tags)
                for u, v in zip(way.nodes, way.nodes[1:], strict=False):
                    if u != v:
                        self.add(u, v, kmh / 3.6, along, back)

    def add(self, u: int, v: int, speed_ms: float, along: bool, back: bool) -> None:
        """Adds the straight line from u to v, cut into pieces of at most ``SEGMENT_MAX_M``."""
        a, b = (self.lat[u], self.lon[u]), (self.lat[v], self.lon[v])
        metres = distance_m(a, b)
        parts = max(1, ceil(metres / SEGMENT_MAX_M))
        seconds = max(EDGE_MIN_S, metres / parts / speed_ms)
        last = u
        for part in range(1, parts + 1):
            if part == parts:
                here = v
            else:
                here = len(self.lat)
                self.lat.append(a[0] + (b[0] - a[0]) * part / parts)
                self.lon.append(a[1] + (b[1] - a[1]) * part / parts)
            segment = Segment(
                last, here, seconds if along else inf, seconds if back else inf, metres / parts
            )
            self.segments.append(segment)
            last = here

    def touching(self) -> dict[int, list[int]]:
        """Per point, the segments that end at it."""
        touching: dict[int, list[int]] = {}
        for number, segment in enumerate(self.segments):
            touching.setdefault(segment.u, []).append(number)
            touching.setdefault(segment.v, []).append(number)
        return touching


class Chain(Struct):
    """Points from node to node, with the seconds each way and the metres between them."""

    points: list[int]
    along_s: list[float]
    back_s: list[float]
    metres: list[float]


def is_inner(point: int, touching: dict[int, list[int]], segments: list[Segment]) -> bool:
    """Whether a point offers no choice: two pieces meet that have the same direction rules."""
    around = touching[point]
    if len(around) != 2:
        return False
    one, two = segments[around[0]], segments[around[1]]
    return opens(one, point) == opens(two, point)[::-1]


def opens(segment: Segment, point: int) -> tuple[bool, bool]:
    """Whether a piece may be driven towards the point, and away from it."""
    towards, away = segment.along_s < inf, segment.back_s < inf
    return (towards, away) if segment.v == point else (away, towards)


def chains_of(pieces: Pieces) -> Iterator[Chain]:
    """Every chain once.  A ring without a node gets one where it is first met."""
    touching, segments = pieces.touching(), pieces.segments
    nodes = {point for point in touching if not is_inner(point, touching, segments)}
    done = [False] * len(segments)
    starts = [*sorted(nodes), *sorted(touching.keys() - nodes)]
    for start in starts:
        for number in touching[start]:
            if done[number]:
                continue
            nodes.add(start)
            chain = Chain([start], [], [], [])
            at, following = start, number
            while True:
                segment = segments[following]
                done[following] = True
                ahead = segment.u == at
                at = segment.v if ahead else segment.u
                chain.points.append(at)
                chain.along_s.append(segment.along_s if ahead else segment.back_s)
                chain.back_s.append(segment.back_s if ahead else segment.along_s)
                chain.metres.append(segment.metres)
                if at in nodes:
                    break
                one, two = touching[at]
                following = two if one == following else one
            yield chain


def build(ways: Ways, profile: Profile, speeds: dict[str, float]) -> Network:
    """The network of one profile.

    Raises:
        ValueError: no way is open to the profile.
    """
    pieces = Pieces(ways, profile, speeds)
    if not pieces.segments:
        raise ValueError(f"no road is open to {profile}")
    chains = list(chains_of(pieces))
    ends = sorted({point for chain in chains for point in (chain.points[0], chain.points[-1])})
    number = {point: node for node, point in enumerate(ends)}
    columns = Columns()
    for point in ends:
        columns.add_node(pieces.lat[point], pieces.lon[point])
    for chain in chains:
        columns.add_chain(chain, number, pieces)
    return columns.network(len(ends))


class Columns:
    """Collects the rows of a ``Network``."""

    def __init__(self) -> None:
        self.vertices: list[tuple[float, float, int, int, float, float, float, float, float, float]]
        self.vertices = []
        self.chain: list[int] = []
        self.chain_first: list[int] = []
        self.edges: dict[tuple[int, int], tuple[float, float, int, bool]] = {}

    def add_node(self, lat: float, lon: float) -> None:
        """Adds a node; all nodes come before the first chain."""
        here = len(self.vertices)
        self.vertices.append((lat, lon, here, here, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0))
        self.chain.append(-1)

    def add_chain(self, chain: Chain, number: dict[int, int], pieces: Pieces) -> None:
        """Adds a chain's inner vertices and its edges; the fastest of parallel edges stays."""
        a, b = number[chain.points[0]], number[chain.points[-1]]
        along, back = np.cumsum(chain.along_s), np.cumsum(chain.back_s)
        metres = np.cumsum(chain.metres)
        to_b = np.cumsum(chain.along_s[::-1])[::-1]
        from_b = np.cumsum(chain.back_s[::-1])[::-1]
        this = len(self.chain_first)
        self.chain_first.append(len(self.vertices))
        for at, point in enumerate(chain.points[1:-1]):
            self.vertices.append(
                (
                    pieces.lat[point],
                    pieces.lon[point],
                    a,
                    b,
                    float(back[at]),
                    float(to_b[at + 1]),
                    float(along[at]),
                    float(from_b[at + 1]),
                    float(metres[at]),
                    float(metres[-1] - metres[at]),
                )
            )
            self.chain.append(this)
        self.add_edge(a, b, float(along[-1]), float(metres[-1]), this, True)
        self.add_edge(b, a, float(back[-1]), float(metres[-1]), this, False)

    def add_edge(self, a: int, b: int, s: float, m: float, chain: int, forward: bool) -> None:
        """Adds a directed edge unless it is closed, leads nowhere new or a faster one is there."""
        if a != b and s < inf and s < self.edges.get((a, b), (inf,))[0]:
            self.edges[a, b] = (s, m, chain, forward)

    def network(self, nodes: int) -> Network:
        """The finished arrays."""
        v = np.array(self.vertices, dtype=np.float64)
        keys = sorted(self.edges)
        pairs = np.array(keys, dtype=np.int32).reshape(-1, 2)
        rest = [self.edges[key] for key in keys]
        node_a, node_b = v[:, 2].astype(np.int32), v[:, 3].astype(np.int32)
        main = main_nodes(pairs, nodes)
        reachable = main[node_a] & main[node_b]
        passable = np.isfinite(v[:, 4:8]).any(axis=1)
        return Network(
            lat=v[:, 0],
            lon=v[:, 1],
            node_a=node_a,
            node_b=node_b,
            leave_a=v[:, 4],
            leave_b=v[:, 5],
            arrive_a=v[:, 6],
            arrive_b=v[:, 7],
            metres_a=v[:, 8],
            metres_b=v[:, 9],
            chain=np.array(self.chain, dtype=np.int32),
            usable=np.flatnonzero(reachable & passable).astype(np.int32),
            edge_from=pairs[:, 0],
            edge_to=pairs[:, 1],
            edge_s=np.array([row[0] for row in rest], dtype=np.float64),
            edge_m=np.array([row[1] for row in rest], dtype=np.float64),
            edge_chain=np.array([row[2] for row in rest], dtype=np.int32),
            edge_forward=np.array([row[3] for row in rest], dtype=np.bool_),
            chain_first=np.array([*self.chain_first, len(v)], dtype=np.int32),
        )


def main_nodes(pairs: Ints, nodes: int) -> NDArray[np.bool_]:
    """Which nodes belong to the largest part in which each can reach each."""
    ones = np.ones(len(pairs))
    graph = csr_array((ones, (pairs[:, 0], pairs[:, 1])), shape=(nodes, nodes))
    _, label = connected_components(graph, directed=True, connection="strong")
    return np.asarray(label == np.bincount(label).argmax())
