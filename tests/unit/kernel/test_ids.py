"""Ids: sorted by time, readable over a radio, never equal."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tahuri.kernel import clock
from tahuri.kernel.ids import ALPHABET, encoded_id
from tahuri.kernel.mint import new_id

MILLISECONDS = st.integers(0, (1 << 48) - 1)
CHANCE = st.integers(0, (1 << 80) - 1)


@given(MILLISECONDS, CHANCE, MILLISECONDS, CHANCE)
def test_ids_sort_by_time_and_then_by_chance(early: int, one: int, late: int, other: int) -> None:
    """Earlier calls of a number are found by comparing ids."""
    assert (encoded_id(early, one) < encoded_id(late, other)) == ((early, one) < (late, other))


@given(MILLISECONDS, CHANCE)
def test_an_id_has_26_letters_that_can_be_read_out(at_ms: int, chance: int) -> None:
    """An id is read to another centre over a radio: no I, L, O or U."""
    made = encoded_id(at_ms, chance)
    assert len(made) == 26
    assert set(made) <= set(ALPHABET)
    assert not set("ILOU") & set(made)


def test_the_layout_is_that_of_a_ulid() -> None:
    """Others read the time out of our ids.  The example is that of github.com/ulid/spec."""
    assert encoded_id(1469918176385, 0)[:10] == "01ARYZ6S41"


@pytest.mark.parametrize(("at_ms", "chance"), [(-1, 0), (1 << 48, 0), (0, -1), (0, 1 << 80)])
def test_what_does_not_fit_is_not_cut_off(at_ms: int, chance: int) -> None:
    """A cut id would be somebody else's."""
    with pytest.raises(ValueError, match="48 bits"):
        encoded_id(at_ms, chance)


def test_two_ids_of_one_moment_differ() -> None:
    """Two callers in one millisecond are two calls."""
    assert len({new_id() for _ in range(2000)}) == 2000


def test_clocks_are_aware_and_never_run_backwards() -> None:
    """Every time in the log is UTC; waits survive a step of the wall clock."""
    assert clock.now().utcoffset() is not None
    first = clock.monotonic_s()
    assert clock.monotonic_s() >= first
