"""How many real emergencies the slow lane may have cost.  Pure.

Some calls of measured numbers bypass the lane by lot.  The share of real emergencies among those
that were answered and classified holds for measured calls in general, for the lot does not look at
them; it is applied to the calls that were given up in the lane, of which nobody knows what they
were.  The assumption behind it: a caller in need gives up no sooner than a prankster.
"""

from msgspec import Struct
from scipy.special import betaincinv

CONFIDENCE = 0.95


class LaneFigures(Struct, frozen=True, kw_only=True):
    """Calls of measured numbers, counted from the log."""

    sampled: int = 0
    """Let by the lane."""
    sampled_known: int = 0
    """Of these, classified."""
    sampled_real: int = 0
    slowed: int = 0
    """Put into the lane."""
    abandoned: int = 0
    """Of these, given up while in the lane."""
    left_by_key: int = 0
    left_by_wait: int = 0
    answered_known: int = 0
    """Of the slowed, answered and classified."""
    answered_real: int = 0


class Estimate(Struct, frozen=True, kw_only=True):
    """Real emergencies expected among the calls given up in the lane."""

    expected: float | None
    """None while no call of the sample is classified, unless nobody gave up."""
    low: float
    high: float
    """The 95 % interval; the widest possible while nothing is known."""
    share_low: float
    share_high: float
    """The same of the share of real emergencies among measured calls."""


def interval(hits: int, tries: int, confidence: float = CONFIDENCE) -> tuple[float, float]:
    """The exact interval of a share.

    Args:
        hits: 0 … tries.

    Returns:
        (low, high); (0, 1) without a try.

    Raises:
        ValueError: more hits than tries, or fewer than none.

    Source: C. J. Clopper and E. S. Pearson, Biometrika 26(4), 1934.
    """
    if not 0 <= hits <= tries:
        raise ValueError(f"{hits} of {tries}")
    outside = (1 - confidence) / 2
    low = float(betaincinv(hits, tries - hits + 1, outside)) if hits > 0 else 0.0
    high = float(betaincinv(hits + 1, tries - hits, 1 - outside)) if hits < tries else 1.0
    return low, high


def lost(figures: LaneFigures) -> Estimate:
    """What the lane may have cost."""
    low, high = interval(figures.sampled_real, figures.sampled_known)
    known, abandoned = figures.sampled_known, figures.abandoned
    share = figures.sampled_real / known if known else None
    return Estimate(
        expected=0.0 if abandoned == 0 else None if share is None else abandoned * share,
        low=abandoned * low,
        high=abandoned * high,
        share_low=low,
        share_high=high,
    )
