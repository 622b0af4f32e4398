"""How good a line sounds, judged from counters alone."""

import pytest
from msgspec.structs import replace

from tahuri.telephony.media.protocol import PortFigures
from tahuri.telephony.media.quality import Measured, measured, mos, verdict

FRESH = PortFigures(1, "rtp", "caller", 0, 0, 0, 0, 0, 0, 0.0, None, 0.0)


def line(**figures: float) -> Measured:
    found = measured(replace(FRESH, **figures))
    assert found is not None
    return found


def test_the_estimate_agrees_with_the_tables_of_the_e_model() -> None:
    """Anchors: R 93.2 is MOS 4.41; 5 % random loss costs G.711 with concealment 15.8 of R."""
    assert mos(0, 0) == 4.41
    assert mos(0, 0.05) == pytest.approx(3.91, abs=0.02)
    assert mos(177.3, 0) == pytest.approx(4.32, abs=0.02)
    assert mos(400, 0) < 3.6, "people talk over each other"
    assert mos(0, 1.0) == pytest.approx(1.2, abs=0.3)


def test_it_never_says_better_for_worse() -> None:
    """Neither loss nor delay ever makes a line better, and the scale has two ends."""
    for worse in ([mos(0, n / 100) for n in range(101)], [mos(n, 0) for n in range(0, 2000, 10)]):
        assert worse == sorted(worse, reverse=True)
        assert 1.0 <= worse[-1] <= worse[0] <= 4.41


def test_a_line_is_judged_by_its_worse_direction() -> None:
    """A caller who does not understand us is as bad as one whom we do not understand."""
    assert verdict(line(rx=500)) == "good"
    assert verdict(line(rx=475, lost=25)) == "fair"
    assert verdict(line(rx=400, lost=100)) == "bad"
    assert verdict(line(rx=500, late=100)) == "bad", "too late is not heard either"
    theirs = line(rx=500, their_lost=100, their_expected=500)
    assert (theirs.their_loss, verdict(theirs)) == (0.2, "bad")
    assert theirs.mos > 4.3


def test_a_silent_far_end_is_not_given_a_verdict() -> None:
    """A phone on hold sends nothing; that is no bad line, and told by itself."""
    assert measured(replace(FRESH, rx=24)) is None
    first = replace(FRESH, rx=1000)
    assert measured(first, first) is None


def test_only_what_came_between_two_looks_counts() -> None:
    """A bad minute an hour ago says nothing about now; the browser's port outlives its calls."""
    before = replace(FRESH, rx=1000, lost=500, late=50, concealed=70, their_lost=9)
    before = replace(before, their_expected=900)
    after = replace(before, rx=1150, concealed=71, their_expected=1050)
    now = measured(after, before)
    assert now is not None
    assert (now.received, now.lost, now.late, now.concealed) == (150, 0, 0, 1)
    assert now.their_loss == 0
    assert verdict(now) == "good"
    no_report = measured(replace(before, rx=1150, their_fraction=0.25), before)
    assert no_report is not None
    assert no_report.their_loss == 0.25, "their last word counts until the next"
