"""How many emergencies the slow lane may cost: never less than it says, in 95 of 100 cases."""

from random import Random

import pytest

from tahuri.noise.estimate import LaneFigures, interval, lost


@pytest.mark.parametrize(
    ("hits", "tries", "low", "high"),
    [
        (0, 10, 0.0, 0.3085),
        (10, 10, 0.6915, 1.0),
        (1, 10, 0.0025, 0.4450),
        (5, 10, 0.1871, 0.8129),
        (3, 100, 0.0062, 0.0852),
    ],
)
def test_the_interval_is_that_of_the_tables(hits: int, tries: int, low: float, high: float) -> None:
    """Against published values of the exact binomial interval."""
    assert interval(hits, tries) == pytest.approx((low, high), abs=5e-5)


def test_without_a_try_nothing_is_known() -> None:
    """An empty sample must not look like safety."""
    assert interval(0, 0) == (0.0, 1.0)
    found = lost(LaneFigures(slowed=9, abandoned=4))
    assert found.expected is None
    assert (found.low, found.high) == (0.0, 4.0)


@pytest.mark.parametrize(("hits", "tries"), [(-1, 3), (4, 3), (0, -1)])
def test_impossible_counts_are_refused(hits: int, tries: int) -> None:
    """A wrong query must not become a figure that a council reads."""
    with pytest.raises(ValueError, match="of"):
        interval(hits, tries)


def test_the_expectation_is_the_share_of_the_sample_times_the_abandoned() -> None:
    """Given 40 sampled and known calls, 2 of them real, and 10 given up in the lane; then half a
    real emergency is expected among these."""
    figures = LaneFigures(sampled=50, sampled_known=40, sampled_real=2, slowed=300, abandoned=10)
    found = lost(figures)
    assert found.expected == 0.5
    assert found.low == pytest.approx(10 * found.share_low)
    assert found.high == pytest.approx(10 * found.share_high)
    assert found.low < found.expected < found.high


def test_nobody_abandoned_means_nobody_lost() -> None:
    """Then no doubt is left, whatever the sample says."""
    for figures in (
        LaneFigures(sampled=5, sampled_known=5, sampled_real=1, slowed=50),
        LaneFigures(slowed=50),
    ):
        found = lost(figures)
        assert (found.expected, found.low, found.high) == (0.0, 0.0, 0.0)


@pytest.mark.parametrize(("share", "sample"), [(0.01, 60), (0.05, 40), (0.3, 25), (0.9, 12)])
def test_the_interval_holds_the_truth_in_95_of_100_cities(share: float, sample: int) -> None:
    """Given a true share; when many cities draw their samples; then the interval around what is
    lost holds the truth in at least 95 % of them, less only the chance of this very simulation."""
    chance = Random(112)
    cities, abandoned = 3_000, 30
    by_hits = [
        lost(LaneFigures(sampled_known=sample, sampled_real=hits, abandoned=abandoned))
        for hits in range(sample + 1)
    ]
    truth = abandoned * share
    held = 0
    for _ in range(cities):
        found = by_hits[sum(chance.random() < share for _ in range(sample))]
        held += found.low <= truth <= found.high
    assert held / cities >= 0.94
