"""Two spellings of a number are one caller; two callers are never one number."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tahuri.numbers import NumberPlan

PLAN = NumberPlan(country_code="62", area_code="911")


@pytest.mark.parametrize(
    "came",
    ["081234567890", "+6281234567890", "6281234567890", "006281234567890", "+62081234567890"],
)
def test_a_mobile_number_is_the_same_by_whatever_trunk_it_came(came: str) -> None:
    """A caller who rings by another network must not be owed two call-backs."""
    assert PLAN.canonical(came) == "+6281234567890"
    assert "081234567890" in PLAN.spellings(came)


@pytest.mark.parametrize("came", ["0911345678", "345678", "+62911345678", "62911345678"])
def test_a_number_of_the_city_may_come_without_its_area_code(came: str) -> None:
    """An exchange in the city leaves the area code out."""
    assert PLAN.canonical(came) == "+62911345678"


@pytest.mark.parametrize(
    "came", ["112", "110", "14045", "1500123", "*112#", "#31#", "0", "00", "+", "999", "+62112"]
)
def test_short_codes_and_what_is_no_number_stay_as_they_came(came: str) -> None:
    """A short code that grew an area code would be somebody's telephone."""
    assert PLAN.canonical(came) == came
    assert PLAN.spellings(came) == [came]


def test_foreign_numbers_stay_foreign() -> None:
    """A tourist's number is not a number of the city, and without its sign nobody can tell whose
    it is."""
    assert PLAN.canonical("00447911123456") == PLAN.canonical("+447911123456") == "+447911123456"
    assert PLAN.canonical("447911123456") == "447911123456"
    assert PLAN.canonical("81312345678") == "81312345678"


def test_without_an_area_code_local_numbers_stay_as_they_are() -> None:
    """A centre for several areas cannot know which one a short number is of."""
    assert NumberPlan("62", "").canonical("345678") == "345678"


@given(st.from_regex(r"\A\+?[0-9]{2,20}\Z"))
def test_every_spelling_is_of_the_same_number(came: str) -> None:
    """Whatever a look-up by spellings finds has the same form, and finds the first again."""
    ways = PLAN.spellings(came)
    assert came in ways
    assert {PLAN.canonical(way) for way in ways} == {PLAN.canonical(came)}
    assert PLAN.canonical(PLAN.canonical(came)) == PLAN.canonical(came)
    assert came in PLAN.spellings(PLAN.canonical(came))
