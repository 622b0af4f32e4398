"""The score of a number: explained, fading, and never against somebody who was in need."""

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tahuri.noise.score import PROPOSED_FROM, Outcome, score

NOW = datetime(2026, 11, 26, 9, 0, tzinfo=UTC)
HALF_LIFE = 30.0


def call(kind: str, days: float = 0, **more: bool) -> Outcome:
    return Outcome(NOW - timedelta(days=days), kind, **more)


def of(*outcomes: Outcome) -> float:
    return score(outcomes, NOW, HALF_LIFE).value


def test_a_number_that_never_called_is_silent() -> None:
    """Nobody begins with a debt."""
    assert score([], NOW, HALF_LIFE).value == 0
    assert not score([], NOW, HALF_LIFE).proposed


def test_a_prank_weighs_half_after_the_half_life() -> None:
    """Whoever has stopped is forgiven by time alone."""
    assert of(call("prank")) == 1
    assert of(call("prank", 30)) == 0.5
    assert of(call("prank", 60)) == 0.25


def test_a_silent_call_weighs_a_tenth_of_a_prank() -> None:
    """A stroke is silent too: ten silent calls are one prank."""
    assert of(*[call("ghost")] * 10) == of(call("prank")) == 1


def test_a_silent_caller_who_answered_by_key_is_no_noise() -> None:
    """Somebody was there and could not speak."""
    assert of(call("ghost", keyed=True)) == 0


def test_one_real_emergency_outweighs_many_pranks() -> None:
    """Given nine pranks and one real emergency of the same day; then there is no score at all."""
    assert of(*[call("prank")] * 9, call("normal")) == 0
    assert of(*[call("prank")] * 12, call("normal")) == 2


def test_a_call_that_told_of_an_incident_is_real_whatever_its_class() -> None:
    """A wrong click must not cost somebody their place in the queue."""
    assert of(*[call("prank")] * 9, call("prank", linked=True)) == 0


@pytest.mark.parametrize("kind", ["informasi", "non_emergency", "abandoned", "unanswered", "test"])
def test_asking_and_hanging_up_are_no_noise(kind: str) -> None:
    """Whoever was cut off or asks for help with a tree has done nothing wrong."""
    assert of(*[call(kind)] * 50) == 0


def test_the_explanation_says_what_was_counted_and_since_when() -> None:
    """ "3 prank in 20 days, 0 real": a supervisor must see what the number stands on."""
    found = score([call("prank", 1), call("prank", 5), call("prank", 19.5)], NOW, HALF_LIFE)
    assert (found.counted, found.days) == ({"prank": 3}, 20)
    mixed = score([call("normal", 40), call("test")], NOW, HALF_LIFE)
    assert (mixed.counted, mixed.days) == ({"other": 1, "real": 1}, 40)


def test_a_measure_is_proposed_from_the_threshold_and_never_with_a_real_emergency() -> None:
    """Given enough pranks; then a measure is proposed; with one real emergency among them, never,
    however many pranks there are."""
    enough = [call("prank")] * int(PROPOSED_FROM)
    assert score(enough, NOW, HALF_LIFE).proposed
    assert not score(enough[:-1], NOW, HALF_LIFE).proposed
    assert not score([*enough * 40, call("normal", 170)], NOW, HALF_LIFE).proposed


def test_a_call_from_the_future_counts_as_of_now() -> None:
    """A clock that was set back must not make a score grow without limit."""
    assert of(call("prank", -400)) == 1


KINDS = st.sampled_from(["prank", "ivr_prank", "ghost", "normal", "informasi"])


@given(st.lists(st.tuples(KINDS, st.floats(0, 180)), max_size=40), st.floats(0, 180))
def test_one_more_real_emergency_never_raises_a_score(
    calls: list[tuple[str, float]], days: float
) -> None:
    """Whatever a number's past."""
    outcomes = [call(kind, age) for kind, age in calls]
    assert of(*outcomes, call("normal", days)) <= of(*outcomes)
    assert of(*outcomes) >= 0
