"""The table of unit states."""

import pytest

from tahuri.units.states import MOVES, PROGRESS, UnitState, is_behind, may_follow


def test_every_state_has_moves_and_no_move_leads_to_itself() -> None:
    """A state without a way out would strand a crew in it."""
    assert set(MOVES) == set(UnitState)
    for state, following in MOVES.items():
        assert following
        assert state not in following
        assert len(set(following)) == len(following)


@pytest.mark.parametrize("state", PROGRESS)
def test_an_assignment_goes_forward_only(state: UnitState) -> None:
    """A clock in the log that runs backwards proves nothing."""
    later = PROGRESS[PROGRESS.index(state) + 1 :]
    for other in PROGRESS:
        assert may_follow(state, other) == (other in later)


@pytest.mark.parametrize("state", list(UnitState))
def test_a_unit_can_always_be_taken_out_of_service(state: UnitState) -> None:
    """A breakdown does not wait for the right state."""
    if state is not UnitState.OUT_OF_SERVICE:
        assert may_follow(state, UnitState.OUT_OF_SERVICE)


def test_only_an_available_unit_can_be_dispatched() -> None:
    """One unit, one incident."""
    assert [one for one in UnitState if may_follow(one, UnitState.DISPATCHED)] == [
        UnitState.AVAILABLE
    ]


def test_a_crew_that_has_not_acknowledged_cannot_release_itself() -> None:
    """A pocketed phone must not make an assignment vanish."""
    assert not may_follow(UnitState.DISPATCHED, UnitState.AVAILABLE)


def test_only_states_of_an_assignment_can_be_behind() -> None:
    """``available`` is no step of an assignment: it cannot be late within one."""
    assert is_behind(UnitState.EN_ROUTE, UnitState.ON_SCENE)
    assert not is_behind(UnitState.ON_SCENE, UnitState.EN_ROUTE)
    assert not is_behind(UnitState.ON_SCENE, UnitState.ON_SCENE)
    assert not is_behind(UnitState.AVAILABLE, UnitState.ON_SCENE)
    assert not is_behind(UnitState.EN_ROUTE, UnitState.AVAILABLE)
