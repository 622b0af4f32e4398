"""Who hears whom: a sparse matrix of gains and its product with what is said.  Pure.

A conference is a block of ones, silent listening a one-way column, whisper one cell, hold no
cells.  Cost is linear in the cells, so a thousand legs in pairs cost as much as they should.
"""

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from typing import Final

import numpy as np
import numpy.typing as npt

from tahuri.telephony.media.jitter import FRAME, Frames

PEAK: Final = 32000.0
"""Loudest sample that comes out: below what any table of G.711 clips."""


class Plan:
    """A product made ready for one order of sources and sinks.

    Args:
        cells: (index of the sink, index of the source, gain).
        sinks: how many rows come out.
    """

    def __init__(self, cells: Iterable[tuple[int, int, float]], sinks: int) -> None:
        ordered = sorted(cells)
        hears = np.array([cell[0] for cell in ordered], np.intp)
        self._sinks = sinks
        self._says = np.array([cell[1] for cell in ordered], np.intp)
        gains = np.array([cell[2] for cell in ordered], np.float32)
        self._gains = None if (gains == 1).all() else gains[:, None]
        self._hears, self._starts = np.unique(hears, return_index=True)

    def mix(self, said: Frames) -> npt.NDArray[np.int16]:
        """What each sink hears, shape (sinks, 160), clipped; zeros where it hears nobody."""
        heard = np.zeros((self._sinks, FRAME), np.int16)
        if len(self._says) == 0:
            return heard
        parts = said[self._says]
        if self._gains is not None:
            parts *= self._gains
        sums = parts
        if len(self._starts) < len(parts):
            sums = np.add.reduceat(parts, self._starts, axis=0)
        np.clip(sums, -PEAK, PEAK, out=sums)
        heard[self._hears] = sums
        return heard


class Matrix:
    """Cells by name of sink and source; only those that are not zero exist."""

    def __init__(self) -> None:
        self._cells: dict[int, dict[int, float]] = {}
        self._heard_by: defaultdict[int, set[int]] = defaultdict(set)

    def set(self, hears: int, says: int, gain: float) -> None:
        """Gain 0 removes the cell."""
        row = self._cells.setdefault(hears, {})
        if gain:
            row[says] = gain
            self._heard_by[says].add(hears)
        else:
            row.pop(says, None)
            self._heard_by[says].discard(hears)

    def hearing(self, hears: int) -> dict[int, float]:
        """Gain of each source that this sink hears."""
        return dict(self._cells.get(hears, {}))

    def drop(self, name: int) -> None:
        """Forget a name as sink and as source."""
        for source in self._cells.pop(name, {}):
            self._heard_by[source].discard(name)
        for sink in self._heard_by.pop(name, set()):
            self._cells[sink].pop(name, None)

    def plan(self, sinks: Sequence[int], sources: Mapping[int, int]) -> Plan:
        """The product for these sinks, in order; ``sources`` gives each source's row.

        Cells of sources that say nothing now are passed over.
        """
        cells = [
            (index, sources[source], gain)
            for index, sink in enumerate(sinks)
            for source, gain in self._cells.get(sink, {}).items()
            if source in sources
        ]
        return Plan(cells, len(sinks))
