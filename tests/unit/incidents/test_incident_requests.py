"""What consoles may send about incidents."""

from types import SimpleNamespace
from typing import Any, cast

import msgspec
import pytest
from msgspec import UNSET

from tahuri.city.records import CityPack
from tahuri.incidents.requests import AmendIncident, OpenIncident, Place, check_against
from tahuri.kernel.refusal import Invalid

PACK = cast(
    "CityPack",
    SimpleNamespace(
        city=SimpleNamespace(bbox=(127.9, -3.9, 128.5, -3.4)),
        categories=[SimpleNamespace(code="breathing")],
        hazards=[SimpleNamespace(code="gas")],
        dispositions=[SimpleNamespace(code="handled")],
    ),
)


def place(lat: float, lon: float) -> Place:
    return Place(lat=lat, lon=lon, label="Pasar Mardika", source="map")


def wrong(**what: Any) -> dict[str, str]:
    with pytest.raises(Invalid) as caught:
        check_against(PACK, **what)
    return caught.value.fields


def test_what_the_city_knows_passes() -> None:
    """A good report must never be held up."""
    check_against(
        PACK,
        category="breathing",
        hazards=("gas",),
        disposition="handled",
        place=place(-3.69, 128.18),
    )
    check_against(PACK)


def test_swapped_axes_are_named() -> None:
    """A point in the wrong ocean must be noticed before a unit drives."""
    fields = wrong(place=place(128.18, -3.69))
    assert "swapped" in fields["place.lat"]


@pytest.mark.parametrize(
    ("lat", "lon", "field"), [(-6.2, 128.18, "place.lat"), (-3.69, 106.8, "place.lon")]
)
def test_a_point_outside_the_region_is_named(lat: float, lon: float, field: str) -> None:
    """Jakarta is not served from here."""
    assert list(wrong(place=place(lat, lon))) == [field]


def test_every_wrong_field_is_named_at_once() -> None:
    """An operator with a caller on the line corrects once, not five times."""
    fields = wrong(
        category="nothing",
        hazards=("gas", "dragon"),
        disposition="gone",
        place=place(0.0, 0.0),
    )
    assert set(fields) == {"category", "hazards[1]", "disposition", "place.lat"}


def test_fields_nobody_knows_are_refused_deep_down() -> None:
    """A misspelt field would be lost without a word."""
    body = {
        "category": "breathing",
        "priority": 1,
        "report": {"summary": "Sesak"},
        "place": {"lat": -3.69, "lon": 128.18, "label": "", "source": "map", "lorong": "3"},
    }
    with pytest.raises(msgspec.ValidationError, match="lorong"):
        msgspec.json.decode(msgspec.json.encode(body), type=OpenIncident)


def test_left_out_and_null_are_different_in_an_amendment() -> None:
    """``null`` people hurt: nobody knows any more; left out: nothing was said."""
    assert msgspec.json.decode(b"{}", type=AmendIncident).injured is UNSET
    assert msgspec.json.decode(b'{"injured": null}', type=AmendIncident).injured is None
