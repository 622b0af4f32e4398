"""Spellings that are one name, and those that are not."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tahuri.places.spelling import FOLDED_COST, NEVER, folded, normalised, word_cost


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("merah", "mera"),
        ("gajah", "gaja"),
        ("hutumury", "hutumuri"),
        ("hunuth", "hunut"),
        ("hatalai", "hatalae"),
        ("pandan", "pandang"),
        ("passo", "paso"),
        ("toelehoe", "tulehu"),
        ("wayame", "waiame"),
    ],
)
def test_spellings_of_one_name_fold_alike(one: str, other: str) -> None:
    """Callers spell as they speak, and Ambonese Malay is spoken."""
    assert folded(one) == folded(other)
    assert word_cost(one, other, False) == FOLDED_COST


@pytest.mark.parametrize(
    ("typed", "name"),
    [
        ("tabakar", "terbakar"),
        ("banjer", "banjir"),
        ("tombang", "tumbang"),
        ("sudirmn", "sudirman"),
        ("haulusi", "haulussy"),
        ("latuahlat", "latuhalat"),
    ],
)
def test_small_differences_are_forgiven(typed: str, name: str) -> None:
    """A slip of the finger during a call must not hide the place."""
    assert 0 < word_cost(typed, name, False) < NEVER


@pytest.mark.parametrize(
    ("typed", "name"), [("laha", "poka"), ("xx", "x"), ("soya", "tihu"), ("ab", "abc")]
)
def test_other_words_stay_other_words(typed: str, name: str) -> None:
    """A list full of places that are not meant is as bad as an empty one."""
    assert word_cost(typed, name, False) == NEVER


def test_what_is_being_typed_finds_its_end() -> None:
    """The list helps from the third letter on."""
    assert word_cost("hutu", "hutumury", True) < word_cost("hutu", "hutumury", False)
    assert word_cost("hutomu", "hutumury", True) < 1
    assert word_cost("hu", "hutumury", True) < 0.3


def test_text_is_compared_without_case_marks_and_accents() -> None:
    """Nobody types them in a hurry."""
    assert normalised("  Jl. Dr. J.\u00a0Leimena—Café ") == "jl dr j leimena cafe"
    assert normalised("Ma'ruf") == "maruf"


WORDS = st.text(alphabet="abcdefghijklmnoprstuwy", min_size=1, max_size=14)


@given(WORDS, WORDS, st.booleans())
def test_costs_are_never_negative_and_nothing_beats_the_name_itself(
    typed: str, name: str, unfinished: bool
) -> None:
    """Whatever is typed, the exact name ranks first."""
    cost = word_cost(typed, name, unfinished)
    assert cost > 0 or typed == name
    assert word_cost(name, name, unfinished) == 0
