"""The only place that reads a clock.  Everything else is given the time."""

import time
from datetime import UTC, datetime

from tahuri.kernel.refusal import Invalid

EARLIEST = datetime(1970, 1, 1, tzinfo=UTC)
"""Where a device's clock starts when its battery is flat."""


def now() -> datetime:
    """The present moment, aware, UTC, whole microseconds."""
    return datetime.now(UTC)


def monotonic_s() -> float:
    """Seconds on a clock that never steps; only differences mean anything."""
    return time.monotonic()


def device_time(at: datetime, latest: datetime, field: str) -> datetime:
    """What another machine's clock says, in UTC; a time to come is taken as ``latest``.

    Args:
        field: the request's field that holds it, for the message.

    Raises:
        Invalid: earlier than any clock tells; the log could not keep it.
    """
    if at < EARLIEST:
        raise Invalid.of({field: f"earlier than any clock tells ({EARLIEST.year})"})
    return min(at, latest).astimezone(UTC)
