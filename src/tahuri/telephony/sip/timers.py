"""What is to be done later, on a clock that the caller reads."""

import heapq
from collections.abc import Callable

from tahuri.telephony.sip.transaction import Output


class Timers:
    """Actions with their times, the next one first."""

    def __init__(self) -> None:
        self._timers: list[tuple[float, int, Callable[[float], list[Output]]]] = []
        self._timer_number = 0

    def wake_at(self) -> float | None:
        """When `elapse` must be called next, in seconds of the caller's clock."""
        return self._timers[0][0] if self._timers else None

    def elapse(self, now: float) -> list[Output]:
        """Run every timer that is due."""
        outputs: list[Output] = []
        while self._timers and self._timers[0][0] <= now:
            outputs += heapq.heappop(self._timers)[2](now)
        return outputs

    def after(self, at: float, action: Callable[[float], list[Output]]) -> None:
        """Call ``action`` from `elapse` when that time has come."""
        self._timer_number += 1
        heapq.heappush(self._timers, (at, self._timer_number, action))
