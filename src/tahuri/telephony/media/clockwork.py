"""What makes 20 ms come every 20 ms: the loop of ticks and the figures about it."""

import asyncio
import gc
import os
import resource
from collections import deque
from collections.abc import Callable
from pathlib import Path
from typing import Final

import numpy as np

from tahuri.kernel.clock import monotonic_s
from tahuri.telephony.media.jitter import FRAME_S

LATE_S: Final = 0.010
"""A tick that begins later than this is late: half a frame."""
LEFT_OUT_S: Final = 0.2
"""So far behind, ticks are left out instead of made up: the machine was suspended."""
TICKS_REMEMBERED: Final = 5000
GC_TICKS: Final = 500
MIXING_PRIORITY: Final = 10
WRITING_PRIORITY: Final = 5
"""The thread that writes recordings comes after the mixing but before ordinary programs: while
it is kept from running it may hold the interpreter's lock, and the mixing would wait with it."""


class Clockwork:
    """Calls ``tick`` every 20 ms for ever; an exception in it is told and the next tick comes.

    Args:
        tick: called with the monotonic time at which the next tick is due.
        fault: called in the except clause of a tick that raised.
    """

    def __init__(self, tick: Callable[[float], None], fault: Callable[[str], None]) -> None:
        self._tick = tick
        self._fault = fault
        self.ticks = 0
        self.late_ticks = 0
        self._cost: deque[float] = deque(maxlen=TICKS_REMEMBERED)
        self._lateness: deque[float] = deque(maxlen=TICKS_REMEMBERED)

    async def run(self) -> None:
        """Until cancelled."""
        due = monotonic_s() + FRAME_S
        while True:
            await asyncio.sleep(max(0.0, due - monotonic_s()))
            due = self.once(due)

    def once(self, due: float) -> float:
        """The tick that was due.  Returns when the next one is."""
        began = monotonic_s()
        lateness = began - due
        following = due + FRAME_S
        if lateness > LEFT_OUT_S:
            self.late_ticks += int(lateness / FRAME_S)
            following = began + FRAME_S
        elif lateness > LATE_S:
            self.late_ticks += 1
        self.ticks += 1
        try:
            self._tick(following)
        except Exception:
            self._fault("a tick")
        self._lateness.append(lateness)
        self._cost.append(monotonic_s() - began)
        if self.ticks % GC_TICKS == 0:
            gc.collect(0)
        return following

    def percentiles_ms(self) -> tuple[float, float, float]:
        """(median cost, p99 cost, p99 lateness) over the last 100 s; zeros before the first."""
        if not self._cost:
            return 0.0, 0.0, 0.0
        cost = np.percentile(np.array(self._cost), [50, 99]) * 1000
        late = np.percentile(np.array(self._lateness), 99) * 1000
        return round(float(cost[0]), 3), round(float(cost[1]), 3), round(float(late), 3)


def still_heap() -> None:
    """Keep the garbage collector from stopping the sound: what lives now lives for ever."""
    gc.collect()
    gc.freeze()
    gc.disable()


def realtime(priority: int) -> bool:
    """Ask for round-robin scheduling of this thread, so that nobody's computing delays a tick.

    False where the system does not allow it (CAP_SYS_NICE; systemd: CPUSchedulingPolicy=rr).
    """
    try:
        os.sched_setscheduler(0, os.SCHED_RR, os.sched_param(priority))
    except OSError:
        return False
    return True


def used() -> tuple[float, int]:
    """(seconds of CPU, bytes resident) of this process."""
    usage = resource.getrusage(resource.RUSAGE_SELF)
    pages = int(Path("/proc/self/statm").read_text().split()[1])
    return usage.ru_utime + usage.ru_stime, pages * resource.getpagesize()
