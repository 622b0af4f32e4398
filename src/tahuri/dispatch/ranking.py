"""Which units should go, and why: the run card's needs met by the soonest units.  Pure."""

from collections.abc import Iterable, Sequence
from enum import StrEnum

from msgspec import Struct

from tahuri.city.records import Need
from tahuri.kernel.ids import AgencyId, UnitId

NEARLY_AS_SOON_S = 60.0
"""A unit that arrives so much later than a recommended one needs no explanation: positions move
between the moment a list is shown and the moment a dispatcher presses a key."""
NEXT_UNITS_MAX = 5


class Why(StrEnum):
    """Reasons shown beside a unit.  Consoles translate them."""

    RUN_CARD = "run-card"
    RIGHT_KIND = "right-kind"
    NEAREST = "nearest"
    NEARLY_AS_SOON = "nearly-as-soon"
    LAST_FIX = "last-fix"
    AT_STATION = "at-station"
    PLACEHOLDER_POSITION = "placeholder-position"
    NO_POSITION = "no-position"
    NO_ROAD_ROUTE = "no-road-route"
    NO_CREW = "no-crew"
    ASSIGNED_HERE = "assigned-here"
    ASSIGNED_ELSEWHERE = "assigned-elsewhere"
    OUT_OF_SERVICE = "out-of-service"


class Candidate(Struct, frozen=True, kw_only=True):
    """A unit as the ranking sees it."""

    unit_id: UnitId
    agency_id: AgencyId
    kind: str
    free: bool = True
    here: bool = False
    """Assigned to this very incident, and not silent."""
    travel_s: float | None = None
    distance_m: float | None = None
    notes: tuple[Why, ...] = ()
    """What is to be said of its position, crew and state."""


class Ranked(Struct, frozen=True, kw_only=True, rename={"wanted_for": "for"}):
    """A unit as it is proposed."""

    unit_id: UnitId
    agency_id: AgencyId
    kind: str
    travel_s: float | None
    distance_m: float | None
    wanted_for: str | None
    """The kind that the run card asks for and this unit would be."""
    recommended: bool
    needs_reason: bool
    """Sending it must be explained."""
    reasons: tuple[Why, ...]


class NeedNow(Struct, frozen=True, kw_only=True):
    """One line of the run card and how many units of it are on the incident."""

    agency_id: str | None
    kind: str
    count: int
    met: int


class Ranking(Struct, frozen=True, kw_only=True):
    """The recommendation for one incident at one moment."""

    units: tuple[Ranked, ...]
    """Recommended ones first, then by travel time."""
    needs: tuple[NeedNow, ...]
    notify: tuple[str, ...]

    def of(self, unit_id: UnitId) -> Ranked | None:
        """The unit's place in it."""
        return next((one for one in self.units if one.unit_id == unit_id), None)

    def instead_of(self, unit_id: UnitId) -> tuple[UnitId, ...]:
        """Who could go in the unit's stead, the best first: its kind, and free."""
        chosen = self.of(unit_id)
        if chosen is None:
            return ()
        same = [
            one.unit_id
            for one in sorted(self.units, key=_soonest)
            if one.kind == chosen.kind and one.unit_id != unit_id and is_free(one)
        ]
        return tuple(same[:NEXT_UNITS_MAX])


def is_free(unit: Ranked) -> bool:
    """Whether it could be sent at all."""
    return not {Why.ASSIGNED_HERE, Why.ASSIGNED_ELSEWHERE, Why.OUT_OF_SERVICE} & set(unit.reasons)


def ranked(
    needs: Sequence[Need], candidates: Iterable[Candidate], notify: Sequence[str]
) -> Ranking:
    """The units that meet the needs soonest, and all others after them.

    Lines that name an agency choose first, so that a line for any agency does not take the only
    unit that another line may have.
    """
    waiting = sorted(candidates, key=lambda one: (_time(one.travel_s), one.unit_id))
    here = [one for one in waiting if one.here]
    free = [one for one in waiting if one.free and not one.here]
    found: dict[UnitId, Ranked] = {}
    met: dict[int, int] = {}
    order = sorted(range(len(needs)), key=lambda index: needs[index].agency_id is None)
    for index in order:
        need = needs[index]
        serving = [one for one in here if fits(one, need)][: need.count]
        here = [one for one in here if one not in serving]
        met[index] = len(serving)
        fitting = [one for one in free if fits(one, need) and one.unit_id not in found]
        for one in chosen_from(fitting, need, need.count - len(serving)):
            found[one.unit_id] = one
    others = [
        described(one, None, (), recommended=False, needs_reason=True)
        for one in waiting
        if one.unit_id not in found
    ]
    return Ranking(
        units=tuple(sorted([*found.values(), *others], key=_place)),
        needs=tuple(
            NeedNow(agency_id=need.agency_id, kind=need.kind, count=need.count, met=met[index])
            for index, need in enumerate(needs)
        ),
        notify=tuple(notify),
    )


def chosen_from(fitting: Sequence[Candidate], need: Need, missing: int) -> list[Ranked]:
    """Of units that fit a need, soonest first: those recommended and those nearly as good."""
    if missing <= 0 or not fitting:
        return []
    chosen = fitting[:missing]
    latest = _time(chosen[-1].travel_s) + NEARLY_AS_SOON_S
    ranked_units = [
        described(
            one,
            need.kind,
            (Why.RUN_CARD, Why.RIGHT_KIND, *([Why.NEAREST] if place == 0 else [])),
            recommended=True,
            needs_reason=False,
        )
        for place, one in enumerate(chosen)
    ]
    return ranked_units + [
        described(
            one,
            need.kind,
            (Why.RIGHT_KIND, Why.NEARLY_AS_SOON),
            recommended=False,
            needs_reason=False,
        )
        for one in fitting[missing:]
        if _time(one.travel_s) <= latest
    ]


def fits(one: Candidate, need: Need) -> bool:
    """Whether the unit is what the line asks for."""
    return one.kind == need.kind and need.agency_id in (None, one.agency_id)


def described(
    one: Candidate,
    wanted_for: str | None,
    reasons: tuple[Why, ...],
    *,
    recommended: bool,
    needs_reason: bool,
) -> Ranked:
    """The candidate with what the ranking says of it."""
    return Ranked(
        unit_id=one.unit_id,
        agency_id=one.agency_id,
        kind=one.kind,
        travel_s=one.travel_s,
        distance_m=one.distance_m,
        wanted_for=wanted_for,
        recommended=recommended,
        needs_reason=needs_reason,
        reasons=(*reasons, *one.notes),
    )


def _time(travel_s: float | None) -> float:
    return float("inf") if travel_s is None else travel_s


def _soonest(one: Ranked) -> tuple[float, str]:
    return (_time(one.travel_s), one.unit_id)


def _place(one: Ranked) -> tuple[bool, bool, float, str]:
    return (not one.recommended, not is_free(one), *_soonest(one))
