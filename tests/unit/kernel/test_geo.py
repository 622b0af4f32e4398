"""Points on the Earth, and those that cannot be meant."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tahuri.kernel.geo import checked_point, distance_m
from tahuri.kernel.refusal import Invalid

AMBON = (127.9, -3.8, 128.4, -3.5)
MARKET = (-3.6954, 128.1814)
LATITUDE, LONGITUDE = st.floats(-90, 90), st.floats(-180, 180)


def test_a_degree_of_latitude_is_111_kilometres() -> None:
    """Distances on the dispatch board are in metres over the ground."""
    assert distance_m((0.0, 128.0), (1.0, 128.0)) == pytest.approx(111_195, abs=1)


@given(LATITUDE, LONGITUDE, LATITUDE, LONGITUDE)
def test_distances_are_the_same_both_ways_and_never_longer_than_half_the_earth(
    lat_a: float, lon_a: float, lat_b: float, lon_b: float
) -> None:
    """No pair of points may break the ranking of units, antipodes included."""
    there = distance_m((lat_a, lon_a), (lat_b, lon_b))
    assert 0 <= there <= 20_015_116
    assert there == pytest.approx(distance_m((lat_b, lon_b), (lat_a, lon_a)), abs=0.2)


@pytest.mark.parametrize(
    ("lat", "lon", "field", "says"),
    [
        (128.1814, -3.6954, "place.lat", "swapped"),
        (-6.2, 128.2, "place.lat", "outside"),
        (-3.7, 106.8, "place.lon", "outside"),
        (float("nan"), 128.2, "place.lat", "outside"),
        (float("inf"), 128.2, "place.lat", "outside"),
    ],
)
def test_a_point_that_cannot_be_meant_is_refused_and_the_field_named(
    lat: float, lon: float, field: str, says: str
) -> None:
    """Nobody may be sent into the sea of another ocean because two numbers were swapped."""
    with pytest.raises(Invalid) as caught:
        checked_point(lat, lon, AMBON, "place")
    assert list(caught.value.fields) == [field]
    assert says in caught.value.fields[field]


def test_points_inside_and_on_the_border_are_taken() -> None:
    """A caller at the edge of the city is still ours."""
    checked_point(*MARKET, AMBON, "place")
    checked_point(-3.8, 127.9, AMBON, "place")
