"""Which units are recommended, and why."""

from typing import Any

from tahuri.city.records import Need
from tahuri.dispatch.ranking import (
    NEARLY_AS_SOON_S,
    NEXT_UNITS_MAX,
    Candidate,
    Ranking,
    Why,
    ranked,
)
from tahuri.kernel.ids import AgencyId, UnitId

ONE_AMBULANCE = Need(agency_id=None, kind="ambulance", count=1)


def unit(name: str, travel_s: float | None, **more: Any) -> Candidate:
    return Candidate(
        unit_id=UnitId(name),
        agency_id=AgencyId(more.pop("agency", "PSC")),
        kind=more.pop("kind", "ambulance"),
        travel_s=travel_s,
        distance_m=travel_s,
        **more,
    )


def recommended(ranking: Ranking) -> list[str]:
    return [one.unit_id for one in ranking.units if one.recommended]


def test_the_soonest_of_the_right_kind_is_recommended() -> None:
    """Minutes decide, and an engine does not carry patients."""
    ranking = ranked(
        [ONE_AMBULANCE],
        [unit("far", 900), unit("near", 300), unit("engine", 10, kind="fire-engine")],
        (),
    )
    assert recommended(ranking) == ["near"]
    first = ranking.units[0]
    assert first.reasons[:3] == (Why.RUN_CARD, Why.RIGHT_KIND, Why.NEAREST)
    assert (first.wanted_for, first.needs_reason) == ("ambulance", False)
    assert all(one.needs_reason for one in ranking.units[1:])


def test_as_many_are_recommended_as_the_card_asks_for() -> None:
    """A structure fire needs more than one engine."""
    need = Need(agency_id="DAMKAR", kind="fire-engine", count=2)
    engines = [unit(f"E{at}", at * 400.0, kind="fire-engine", agency="DAMKAR") for at in (3, 1, 2)]
    assert recommended(ranked([need], engines, ())) == ["E1", "E2"]


def test_units_on_the_incident_count_for_what_it_needs() -> None:
    """Otherwise the second dispatcher sends the same help again."""
    need = Need(agency_id=None, kind="ambulance", count=2)
    here = unit("here", 10, free=False, here=True, notes=(Why.ASSIGNED_HERE,))
    ranking = ranked([need], [here, unit("a", 20), unit("b", 900)], ())
    assert ranking.needs[0].met == 1
    assert recommended(ranking) == ["a"]
    enough = ranked([ONE_AMBULANCE], [here, unit("a", 20)], ())
    assert (enough.needs[0].met, recommended(enough)) == (1, [])


def test_a_unit_on_another_incident_is_not_recommended() -> None:
    """It would be refused, and the minute it takes is the caller's."""
    busy = unit("busy", 10, free=False, notes=(Why.ASSIGNED_ELSEWHERE,))
    ranking = ranked([ONE_AMBULANCE], [busy, unit("free", 500)], ())
    assert recommended(ranking) == ["free"]
    assert ranking.units[-1].unit_id == "busy"


def test_a_line_for_any_agency_leaves_the_only_unit_of_another_line() -> None:
    """Else a card that can be met would look as if it could not."""
    needs = [ONE_AMBULANCE, Need(agency_id="PMI", kind="ambulance", count=1)]
    ranking = ranked(needs, [unit("pmi", 10, agency="PMI"), unit("psc", 600)], ())
    assert recommended(ranking) == ["pmi", "psc"]


def test_one_that_is_nearly_as_soon_needs_no_explanation() -> None:
    """Positions move while the dispatcher reaches for the key; a refusal would cost more."""
    close = 300 + NEARLY_AS_SOON_S
    ranking = ranked([ONE_AMBULANCE], [unit("a", 300), unit("b", close), unit("c", close + 1)], ())
    by_name = {one.unit_id: one for one in ranking.units}
    assert recommended(ranking) == ["a"]
    assert not by_name[UnitId("b")].needs_reason
    assert Why.NEARLY_AS_SOON in by_name[UnitId("b")].reasons
    assert by_name[UnitId("c")].needs_reason


def test_a_unit_without_a_known_place_comes_last_but_can_be_recommended() -> None:
    """Help from somewhere is better than none."""
    lost = unit("lost", None, notes=(Why.NO_POSITION,))
    assert recommended(ranked([ONE_AMBULANCE], [lost, unit("found", 3_000)], ())) == ["found"]
    only = ranked([ONE_AMBULANCE], [lost], ())
    assert recommended(only) == ["lost"]
    assert Why.NO_POSITION in only.units[0].reasons


def test_the_order_does_not_hang_on_chance() -> None:
    """Two consoles must propose the same unit for the same incident."""
    twins = [unit("b", 100), unit("a", 100)]
    assert recommended(ranked([ONE_AMBULANCE], twins, ())) == ["a"]
    assert ranked([ONE_AMBULANCE], twins, ()) == ranked([ONE_AMBULANCE], twins[::-1], ())


def test_who_could_go_instead_is_free_of_the_same_kind_and_soonest_first() -> None:
    """After a minute of silence there is no time to search roads."""
    units = [
        unit("a", 10),
        unit("busy", 20, free=False, notes=(Why.ASSIGNED_ELSEWHERE,)),
        unit("broken", 25, free=False, notes=(Why.OUT_OF_SERVICE,)),
        unit("engine", 1, kind="fire-engine"),
        *(unit(f"n{at}", 100.0 + at) for at in range(NEXT_UNITS_MAX + 3)),
    ]
    ranking = ranked([ONE_AMBULANCE], units, ("PLN",))
    assert ranking.instead_of(UnitId("a")) == tuple(f"n{at}" for at in range(NEXT_UNITS_MAX))
    assert ranking.instead_of(UnitId("nobody")) == ()
    assert ranking.notify == ("PLN",)


def test_a_card_without_units_recommends_none() -> None:
    """Some reports only need to be told to an agency."""
    ranking = ranked([], [unit("a", 10)], ("DISHUB",))
    assert (recommended(ranking), ranking.needs) == ([], ())
    assert ranking.units[0].needs_reason
