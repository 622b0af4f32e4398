"""Too quiet, too busy, or as usual: what the log teaches about the next hour."""

from datetime import UTC, datetime, timedelta
from math import exp
from random import Random

import pytest

from tahuri.watch import traffic
from tahuri.watch.traffic import HOUR, at_most, expected, hour_of_week, judged, learned

WIT = timedelta(hours=9)
NOW = datetime(2026, 11, 26, 8, 30, tzinfo=UTC)  # Thursday, 17.30 in Ambon
HOUR_NOW = NOW.replace(minute=0)


def by_hour(at: datetime) -> float:
    """A city that sleeps: one call an hour by night, twelve by day."""
    return 12.0 if 7 <= (at + WIT).hour < 22 else 1.0


def history(weeks: int, chance: Random) -> dict[datetime, int]:
    counts: dict[datetime, int] = {}
    at = HOUR_NOW - timedelta(weeks=weeks)
    while at < HOUR_NOW - timedelta(hours=24):
        counts[at] = sum(chance.random() < by_hour(at) / 100 for _ in range(100))
        at += HOUR
    return counts


COUNTS = history(8, Random(7))
FIRST = min(COUNTS)


def spread(hours: float, per_hour: float) -> list[datetime]:
    """Calls spread evenly over the last hours."""
    number = int(hours * per_hour)
    return [NOW - timedelta(hours=hours) * (one + 0.5) / number for one in range(number)]


def usual_day() -> list[datetime]:
    return [
        NOW - timedelta(minutes=minute)
        for minute in range(1, 1440)
        if minute % (5 if by_hour(NOW - timedelta(minutes=minute)) > 1 else 60) == 0
    ]


def test_a_usual_day_is_no_alarm() -> None:
    """Given eight weeks; when the last day is like them; then it is usual, with its numbers."""
    found = judged(COUNTS, usual_day(), FIRST, NOW, WIT)
    assert found.state == "usual"
    assert found.expected == pytest.approx(12, rel=0.2)
    assert found.days > 50


def test_a_dead_trunk_is_noticed_within_two_busy_hours() -> None:
    """Given a city that calls twelve times an hour; when nobody has for two hours; then the
    telephone may be dead, and the numbers say why we think so."""
    day = [at for at in usual_day() if NOW - at > timedelta(hours=2)]
    found = judged(COUNTS, day, FIRST, NOW, WIT)
    assert found.state == "quiet"
    assert found.seen == 0
    assert found.hours <= 2
    assert found.probability < traffic.QUIET_P


def test_a_quiet_night_is_no_alarm() -> None:
    """Given one call an hour by night; when none came for three night hours; then that is usual."""
    night = datetime(2026, 11, 26, 18, 30, tzinfo=UTC)  # 03.30 in Ambon
    day = [night - timedelta(hours=4, minutes=5 * one) for one in range(180)]
    assert judged(COUNTS, day, FIRST, night, WIT).state == "usual"


def test_an_earthquake_is_a_surge() -> None:
    """Given twelve calls an hour; when sixty come in a quarter; then it is told as a surge."""
    burst = [NOW - timedelta(seconds=10 * one) for one in range(60)]
    found = judged(COUNTS, usual_day() + burst, FIRST, NOW, WIT)
    assert (found.state, found.hours) == ("surge", 0.25)


@pytest.mark.parametrize(
    ("counts", "first"),
    [
        ({}, None),
        ({HOUR_NOW - timedelta(days=40): 50}, NOW - timedelta(days=41)),
        (COUNTS, NOW - timedelta(days=10)),
    ],
)
def test_a_young_centre_still_learns(counts: dict[datetime, int], first: datetime | None) -> None:
    """Given few days or few calls; then no alarm is made of them, and that is said."""
    assert judged(counts, [], first, NOW, WIT).state == "learning"


def test_hours_are_those_of_the_citys_clock() -> None:
    """Monday 00.30 in Ambon is Sunday 15.30 UTC."""
    assert hour_of_week(datetime(2026, 11, 22, 15, 30, tzinfo=UTC), WIT) == 0
    assert hour_of_week(datetime(2026, 11, 29, 14, 59, tzinfo=UTC), WIT) == 167


def test_an_hour_seen_once_leans_on_that_hour_of_other_days() -> None:
    """Given one week; then a single empty hour does not teach that nobody calls then."""
    begin = HOUR_NOW - timedelta(weeks=1)
    counts = {begin + HOUR * one: 10 for one in range(168)}
    counts[begin] = 0
    rates = learned(counts, begin, HOUR_NOW, WIT)
    assert 5 < rates[hour_of_week(begin, WIT)].mean < 10


def test_what_is_to_be_expected_adds_up_over_parts_of_hours() -> None:
    """A stretch begins and ends anywhere."""
    rates = learned(COUNTS, FIRST, HOUR_NOW, WIT)
    whole, _ = expected(rates, NOW - 2 * HOUR, NOW, WIT)
    parts = [expected(rates, NOW - HOUR * (one + 1), NOW - HOUR * one, WIT)[0] for one in (0, 1)]
    assert whole == pytest.approx(sum(parts))


def test_with_a_rate_known_for_sure_the_count_is_poisson() -> None:
    """The model's probabilities against the textbook's."""
    assert at_most(0, 5.0, 1e-6) == pytest.approx(exp(-5), rel=1e-3)
    assert at_most(2, 5.0, 1e-6) == pytest.approx(exp(-5) * (1 + 5 + 12.5), rel=1e-3)
    assert at_most(10**3, 5.0, 2.0) == pytest.approx(1)
    assert at_most(0, 0.0, 0.0) == 1
    assert at_most(0, 5.0, 5.0) > at_most(0, 5.0, 1e-6)


def test_chance_alone_seldom_alarms() -> None:
    """Given 60 usual days, judged each hour; then alarms are rarer than one a month."""
    chance = Random(3)
    alarms = 0
    for day in range(60):
        at = NOW + timedelta(days=day % 7)
        calls = [
            at - timedelta(seconds=second)
            for second in range(0, 86400, 10)
            if chance.random() < by_hour(at - timedelta(seconds=second)) / 360
        ]
        alarms += judged(COUNTS, calls, FIRST, at, WIT).state in ("quiet", "surge")
    assert alarms <= 2
