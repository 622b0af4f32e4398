"""The city's road graphs, off the event loop: loaded once a profile, never waited for long."""

import asyncio
import threading
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TypeVar

import structlog

from tahuri.city.records import PROFILES, CityPack, Profile
from tahuri.city.roads import Point, RoadGraph, Route, Travel

ROAD_TIMEOUT_S = 2.0
"""A graph that is still being built is not waited for: an estimate will do until it is there."""

log = structlog.get_logger()
T = TypeVar("T")


class Roads:
    """Travel times and ways by profile; None wherever the roads cannot tell."""

    def __init__(
        self, pack: CityPack, cache: Path | None = None, timeout_s: float = ROAD_TIMEOUT_S
    ) -> None:
        self._pack = pack
        self._cache = cache
        self._timeout_s = timeout_s
        self._graphs: dict[Profile, RoadGraph | None] = {}
        self._loading = threading.Lock()

    def _graph(self, profile: Profile) -> RoadGraph | None:
        """Blocks while it loads; None, and a line in the log, if it cannot be."""
        if profile in self._graphs:
            return self._graphs[profile]
        with self._loading:
            if profile not in self._graphs:
                try:
                    self._graphs[profile] = RoadGraph.load(self._pack, profile, self._cache)
                except (OSError, ValueError) as error:
                    log.error("no road graph", profile=profile, reason=str(error))
                    self._graphs[profile] = None
            return self._graphs[profile]

    async def warm(self) -> None:
        """Loads every graph that the city's units need; called at start, beside all else."""
        used = {kind.profile for kind in self._pack.unit_kinds}
        for profile in (one for one in PROFILES if one in used):
            await asyncio.to_thread(self._graph, profile)

    async def travel(
        self, profile: Profile, destination: Point, origins: Sequence[Point]
    ) -> list[Travel | None]:
        """Travel from each (latitude, longitude) to the destination, in the order given.

        None where no road leads, and everywhere if the graph is not there in time.
        """

        def computed(graph: RoadGraph) -> list[Travel | None]:
            return graph.travel_times_to(*destination, origins)

        found = await self._asked(profile, computed)
        return [None] * len(origins) if found is None else found

    async def route(self, profile: Profile, origin: Point, destination: Point) -> Route | None:
        """The quickest way; None where no road leads or the graph is not there in time."""

        def computed(graph: RoadGraph) -> Route | None:
            return graph.route(origin, destination)

        return await self._asked(profile, computed)

    async def _asked(self, profile: Profile, ask: Callable[[RoadGraph], T]) -> T | None:
        def computed() -> T | None:
            graph = self._graph(profile)
            return ask(graph) if graph is not None else None

        try:
            return await asyncio.wait_for(asyncio.to_thread(computed), self._timeout_s)
        except TimeoutError:
            log.warning("road graph too slow", profile=profile)
            return None
