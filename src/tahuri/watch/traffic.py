"""How many calls are to be expected now, learned from the log; what is too few and too many.  Pure.

The model: calls of an hour of the week come as a Poisson stream whose rate is not known well.  Its
prior is what that hour of the day brings on any day, with the weight of ``PRIOR_WEEKS`` weeks; each
week seen makes it surer (Gamma–Poisson, so the count to expect is negative binomial).  A stretch is
told when chance alone would bring so few, or so many, calls about once in ten thousand looks.
"""

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime, timedelta
from math import exp, lgamma, log, log1p
from typing import Literal

from msgspec import Struct

WEEK_H = 168
PRIOR_WEEKS = 4.0
DAYS_MIN = 14
CALLS_MIN = 100
"""Before so much is known the model says that it still learns."""
HISTORY = timedelta(days=56)
QUIET_HOURS = (1, 2, 4, 8, 24)
SURGE_HOURS = (0.25, 1.0)
QUIET_P = 1e-4
SURGE_P = 1e-5
SURGE_CALLS_MIN = 5
HOUR = timedelta(hours=1)

State = Literal["learning", "usual", "quiet", "surge"]


class Traffic(Struct, frozen=True, kw_only=True):
    """What was seen against what was to be expected."""

    state: State
    hours: float = 1.0
    """Length of the stretch that is judged."""
    seen: int = 0
    expected: float = 0.0
    probability: float = 1.0
    """Of so few (quiet) or so many (surge) by chance."""
    days: float = 0.0
    """History that the model stands on."""
    calls: int = 0


class Rate(Struct, frozen=True):
    """Belief about one hour of the week: a gamma distribution."""

    shape: float
    weeks: float

    @property
    def mean(self) -> float:
        return self.shape / self.weeks


def hour_of_week(at: datetime, offset: timedelta) -> int:
    """0 is Monday 00–01 of the city's clock; ``at`` in UTC."""
    local = at + offset
    return local.weekday() * 24 + local.hour


def learned(
    counts: Mapping[datetime, int], begin: datetime, end: datetime, offset: timedelta
) -> list[Rate]:
    """Belief about each of the 168 hours.

    Args:
        counts: hour's begin, UTC → calls; hours without a call may be left out.
        begin, end: whole hours, UTC: what ``counts`` covers.
        offset: of the city's clock.
    """
    calls = [0] * WEEK_H
    weeks = [0] * WEEK_H
    at = begin
    while at < end:
        hour = hour_of_week(at, offset)
        weeks[hour] += 1
        calls[hour] += counts.get(at, 0)
        at += HOUR
    overall = sum(calls) / max(1, sum(weeks))
    rates = []
    for hour in range(WEEK_H):
        alike = range(hour % 24, WEEK_H, 24)
        seen, times = sum(calls[one] for one in alike), sum(weeks[one] for one in alike)
        of_day = (seen + PRIOR_WEEKS * overall) / (times + PRIOR_WEEKS)
        shape = calls[hour] + PRIOR_WEEKS * of_day
        rates.append(Rate(max(shape, 1e-9), weeks[hour] + PRIOR_WEEKS))
    return rates


def expected(
    rates: Sequence[Rate], begin: datetime, end: datetime, offset: timedelta
) -> tuple[float, float]:
    """(mean, variance of the rate) of the calls from ``begin`` to ``end``."""
    mean = variance = 0.0
    at = begin
    while at < end:
        border = min(end, at.replace(minute=0, second=0, microsecond=0) + HOUR)
        share = (border - at) / HOUR
        rate = rates[hour_of_week(at, offset)]
        mean += rate.mean * share
        variance += rate.shape / rate.weeks**2 * share**2
        at = border
    return mean, variance


def at_most(count: int, mean: float, variance: float) -> float:
    """Probability of ``count`` calls or fewer: negative binomial by its moments."""
    if mean <= 0:
        return 1.0
    shape = mean**2 / max(variance, mean * 1e-9)
    scale = mean / shape
    total = 0.0
    for number in range(count + 1):
        total += exp(
            lgamma(number + shape)
            - lgamma(shape)
            - lgamma(number + 1)
            + number * (log(scale) - log1p(scale))
            - shape * log1p(scale)
        )
    return min(1.0, total)


def judged(
    counts: Mapping[datetime, int],
    arrivals: Iterable[datetime],
    first: datetime | None,
    now: datetime,
    offset: timedelta,
) -> Traffic:
    """How the last hours compare with what the weeks before taught.

    Args:
        counts: calls by whole hour, UTC, of the weeks before.
        arrivals: of the last 24 hours.
        first: when the centre's first call came; None without one.
        now: UTC.
    """
    end = now.replace(minute=0, second=0, microsecond=0) - timedelta(hours=24)
    calls = sum(counts.values())
    if first is None:
        return Traffic(state="learning")
    begin = max(first, now - HISTORY).replace(minute=0, second=0, microsecond=0) + HOUR
    days = max(0.0, (end - begin) / timedelta(days=1))
    known = {"days": round(days, 1), "calls": calls}
    if days < DAYS_MIN or calls < CALLS_MIN:
        return Traffic(state="learning", days=known["days"], calls=calls)
    rates = learned(counts, begin, end, offset)
    times = sorted(arrivals)
    last = Traffic(state="usual", days=known["days"], calls=calls)
    for hours in SURGE_HOURS:
        seen, mean, variance = _stretch(rates, times, now, hours, offset)
        above = 1.0 - at_most(seen - 1, mean, variance) if seen else 1.0
        if seen >= SURGE_CALLS_MIN and above < SURGE_P and seen > mean:
            return _told("surge", hours, seen, mean, above, last)
    for hours in QUIET_HOURS:
        seen, mean, variance = _stretch(rates, times, now, hours, offset)
        below = at_most(seen, mean, variance)
        if below < QUIET_P:
            return _told("quiet", hours, seen, mean, below, last)
    seen, mean, _ = _stretch(rates, times, now, 1, offset)
    return _told("usual", 1, seen, mean, 1.0, last)


def _stretch(
    rates: Sequence[Rate], times: Sequence[datetime], now: datetime, hours: float, offset: timedelta
) -> tuple[int, float, float]:
    begin = now - timedelta(hours=hours)
    seen = sum(1 for at in times if begin < at <= now)
    return seen, *expected(rates, begin, now, offset)


def _told(
    state: State, hours: float, seen: int, mean: float, probability: float, known: Traffic
) -> Traffic:
    return Traffic(
        state=state,
        hours=hours,
        seen=seen,
        expected=round(mean, 1),
        probability=probability,
        days=known.days,
        calls=known.calls,
    )
