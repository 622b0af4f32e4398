"""The only place that reads a clock.  Everything else is given the time."""

import time
from datetime import UTC, datetime


def now() -> datetime:
    """The present moment, aware, UTC, whole microseconds."""
    return datetime.now(UTC)


def monotonic_s() -> float:
    """Seconds on a clock that never steps; only differences mean anything."""
    return time.monotonic()
