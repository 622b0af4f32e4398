"""What can run out: used, limit, percent.  Pure."""

from collections.abc import Iterable, Sequence
from datetime import datetime, timedelta

from msgspec import Struct

from tahuri.watch.reconcile import Difference

TREND_MIN = timedelta(minutes=30)
"""A shorter look at the disk says nothing about its rate."""


class Limit(Struct, frozen=True):
    """One thing that is finite."""

    name: str
    used: float
    limit: float
    hours_left: float | None = None
    """Until it is full at the present rate; None where that is not to be expected."""
    alarms: bool = True
    """Whether it is told when it is near; not what has a finding of its own."""

    @property
    def percent(self) -> float:
        """0 where there is no limit."""
        return round(100 * self.used / self.limit, 1) if self.limit > 0 else 0.0


class Sample(Struct, frozen=True):
    """How full a disk was."""

    at: datetime
    used: float


def near(limits: Iterable[Limit], percent_max: float) -> list[Difference]:
    """Those that are nearly used up."""
    return [
        Difference(
            "limit-near",
            one.name,
            {"used": one.used, "limit": one.limit, "percent": one.percent},
        )
        for one in limits
        if one.alarms and one.percent > percent_max
    ]


def hours_until_full(samples: Sequence[Sample], free: float) -> float | None:
    """Hours until nothing is free, at the mean rate of the samples; None if it does not grow.

    Args:
        samples: the oldest first.
        free: bytes.
    """
    if not samples or samples[-1].at - samples[0].at < TREND_MIN:
        return None
    hours = (samples[-1].at - samples[0].at) / timedelta(hours=1)
    rate = (samples[-1].used - samples[0].used) / hours
    return round(free / rate, 1) if rate > 0 else None


def shown(limits: Iterable[Limit]) -> list[dict[str, object]]:
    """As the page and programs get them."""
    return [
        {
            "name": one.name,
            "used": one.used,
            "limit": one.limit,
            "percent": one.percent,
            "hours_left": one.hours_left,
        }
        for one in limits
    ]
