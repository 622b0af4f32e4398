"""The states of a unit, the allowed moves between them, and what its crew reaches on scene.  Pure.

The one table: the server decides by it, ``/api/reference`` sends it, console and field app offer
what it allows.
"""

from collections.abc import Mapping
from enum import StrEnum
from types import MappingProxyType


class UnitState(StrEnum):
    """What a unit is doing."""

    AVAILABLE = "available"
    DISPATCHED = "dispatched"
    ACKNOWLEDGED = "acknowledged"
    EN_ROUTE = "en_route"
    ON_SCENE = "on_scene"
    TRANSPORTING = "transporting"
    AT_HOSPITAL = "at_hospital"
    OUT_OF_SERVICE = "out_of_service"


class Milestone(StrEnum):
    """What a crew reaches on scene without its unit moving: two phases of Permen PU 25/2008."""

    ACCESS = "access"
    """The crew stands at the patient, or at what burns."""
    WORK = "work"
    """It is set up: treatment, extinguishing, rescue has begun."""


_S = UnitState

MOVES: Mapping[UnitState, tuple[UnitState, ...]] = MappingProxyType(
    {
        _S.AVAILABLE: (_S.DISPATCHED, _S.OUT_OF_SERVICE),
        _S.DISPATCHED: (
            _S.ACKNOWLEDGED,
            _S.EN_ROUTE,
            _S.ON_SCENE,
            _S.TRANSPORTING,
            _S.AT_HOSPITAL,
            _S.OUT_OF_SERVICE,
        ),
        _S.ACKNOWLEDGED: (
            _S.EN_ROUTE,
            _S.ON_SCENE,
            _S.TRANSPORTING,
            _S.AT_HOSPITAL,
            _S.AVAILABLE,
            _S.OUT_OF_SERVICE,
        ),
        _S.EN_ROUTE: (
            _S.ON_SCENE,
            _S.TRANSPORTING,
            _S.AT_HOSPITAL,
            _S.AVAILABLE,
            _S.OUT_OF_SERVICE,
        ),
        _S.ON_SCENE: (_S.TRANSPORTING, _S.AT_HOSPITAL, _S.AVAILABLE, _S.OUT_OF_SERVICE),
        _S.TRANSPORTING: (_S.AT_HOSPITAL, _S.AVAILABLE, _S.OUT_OF_SERVICE),
        _S.AT_HOSPITAL: (_S.AVAILABLE, _S.OUT_OF_SERVICE),
        _S.OUT_OF_SERVICE: (_S.AVAILABLE,),
    }
)
"""From each state the states that may follow; the usual next one comes first.

A crew that forgot a button, or drove through a dead spot, may skip states but never go back.  A
unit that has not acknowledged cannot release itself: the dispatcher stands it down.
"""

PROGRESS: tuple[UnitState, ...] = (
    _S.DISPATCHED,
    _S.ACKNOWLEDGED,
    _S.EN_ROUTE,
    _S.ON_SCENE,
    _S.TRANSPORTING,
    _S.AT_HOSPITAL,
)
"""The states of an assignment in the order in which they come; any of them may be stood down."""


MILESTONES: Mapping[UnitState, tuple[Milestone, ...]] = MappingProxyType(
    {_S.ON_SCENE: (Milestone.ACCESS, Milestone.WORK)}
)
"""In each state what the crew is asked to report, in the order in which it comes.

None of them is needed for the next move: a crew with its hands full may leave them out.
"""


def may_follow(current: UnitState, following: UnitState) -> bool:
    """Whether the table allows the move."""
    return following in MOVES[current]


def is_behind(reported: UnitState, current: UnitState) -> bool:
    """Whether a report tells of an earlier part of the assignment than is known already."""
    if reported not in PROGRESS or current not in PROGRESS:
        return False
    return PROGRESS.index(reported) < PROGRESS.index(current)
