"""The place a caller names, found as it is spoken and typed."""

import pytest

from tahuri.city.pack import load_pack, pack_folder
from tahuri.kernel.refusal import Invalid
from tahuri.places.gazetteer import Gazetteer


@pytest.fixture(scope="module")
def names() -> Gazetteer:
    """Ambon's."""
    return Gazetteer(load_pack(pack_folder("ambon")))


@pytest.mark.parametrize(
    ("typed", "name", "kind"),
    [
        ("Batu Merah", "Batu Merah", "negeri"),
        ("batumerah", "Batu Merah", "negeri"),
        ("batu mera", "Batu Merah", "negeri"),
        ("BATUMERA", "Batu Merah", "negeri"),
        ("negeri batu merah", "Batu Merah", "negeri"),
        ("RT 003 RW 05 Batu Merah", "Batu Merah", "negeri"),
        ("dekat indomaret batu merah", "Batu Merah", "negeri"),
        ("kuda mati", "Kudamati", "kelurahan"),
        ("Kudamati", "Kudamati", "kelurahan"),
        ("hutumuri", "Hutumury", "negeri"),
        ("utumuri", "Hutumury", "negeri"),
        ("hunut", "Hunuth/Durian Patah", "negeri"),
        ("durian pata", "Hunuth/Durian Patah", "negeri"),
        ("hatalae", "Hatalai", "negeri"),
        ("pandang kasturi", "Pandan Kasturi", "kelurahan"),
        ("batu gaja", "Batu Gajah", "kelurahan"),
        ("waiyame", "Wayame", "negeri"),
        ("paso", "Passo", "negeri"),
        ("rijali", "Rijali", "kelurahan"),
        ("jl rijali", "Jalan Rijali", "street"),
        ("Jln. Jend. Sudirman", "Jalan Jenderal Sudirman", "street"),
        ("monginsidi", "Jalan Wolter Monginsidi", "street"),
        ("lorong pisang batu merah", "Jalan Lorong Pisang", "street"),
        ("jmp", "Jembatan Merah Putih", "bridge"),
        ("haulussy", "RSUD Dr. M. Haulussy", "hospital"),
        ("rs haulusi", "RSUD Dr. M. Haulussy", "hospital"),
        ("rumah sakit siloam", "RS Siloam Ambon", "hospital"),
        ("ruma saki bhayangkara", "RS Bhayangkara Ambon", "hospital"),
        ("pkm nania", "Puskesmas Nania", "health_centre"),
        ("pos damkar passo", "Pos Damkar Passo", "station"),
        ("bandara", "Bandar Udara Pattimura (AMQ/WAPP)", "airport"),
        ("hutu", "Hutumury", "negeri"),
        ("leitimur", "Leitimur Selatan", "kecamatan"),
    ],
)
def test_the_first_hit_is_what_was_meant(
    names: Gazetteer, typed: str, name: str, kind: str
) -> None:
    """Spellings, Ambonese sounds, type words and beginnings, as call takers type them."""
    found = names.search(typed)
    assert found, typed
    assert (found[0].name, found[0].kind) == (name, kind)


def test_one_name_for_three_places_gives_all_three_apart(names: Gazetteer) -> None:
    """A crew sent to the kelurahan instead of the negeri Nusaniwe is 6 km away."""
    three = [place for place in names.search("Nusaniwe") if place.name == "Nusaniwe"]
    assert {place.kind for place in three} == {"kelurahan", "negeri", "kecamatan"}
    assert all(place.district == "Nusaniwe" for place in three)
    assert len({place.place_id for place in three}) == 3
    for word, kind in (("kel.", "kelurahan"), ("negeri", "negeri"), ("kecamatan", "kecamatan")):
        assert names.search(f"{word} Nusaniwe")[0].kind == kind
    two = [place for place in names.search("urimessing") if place.name == "Urimessing"]
    assert {place.kind for place in two} == {"kelurahan", "negeri"}


def test_teluk_ambon_is_not_teluk_ambon_baguala(names: Gazetteer) -> None:
    """The old name of Baguala begins with the name of its neighbour."""
    assert names.search("teluk ambon")[0].name == "Teluk Ambon"
    assert names.search("teluk ambon baguala")[0].name == "Baguala"


def test_how_a_place_was_found_is_told(names: Gazetteer) -> None:
    """A call taker reads back a name that was only alike."""
    for typed, match in (
        ("latuhalat", "exact"),
        ("latuhal", "prefix"),
        ("pandang kasturi", "variant"),
        ("rumah tigo", "similar"),
    ):
        assert names.search(typed)[0].match == match


def test_a_place_outside_the_city_is_found_and_told_apart(names: Gazetteer) -> None:
    """Callers from Tulehu reach the city's trunk; the call taker must see whose they are."""
    tulehu = names.search("tulehu")[0]
    assert tulehu.district == "Salahutu"
    assert not names.at(tulehu.lat, tulehu.lon).in_region


def test_estimated_positions_say_so(names: Gazetteer) -> None:
    """Nobody may take the middle of a locality for a front door."""
    post = names.search("pos damkar utama")[0]
    assert post.placeholder
    assert not post.verified
    assert post.precision_m >= 1000
    ward = names.search("soya")[0]
    assert ward.verified
    assert not ward.placeholder


def test_coordinates_are_a_place_with_its_ward(names: Gazetteer) -> None:
    """One field for everything a caller may say."""
    [point] = names.search("3°41'43\" LS 128°10'53\" BT")
    assert (point.kind, point.match, point.ward) == ("point", "coordinates", "Honipopu")
    with pytest.raises(Invalid) as caught:
        names.search("128.18, -3.69")
    assert list(caught.value.fields) == ["lat"]


@pytest.mark.parametrize("typed", ["", "   ", "qwerty", "xx", "!!!", "°", "\x00", "1" * 5000])
def test_nonsense_finds_nothing_and_breaks_nothing(names: Gazetteer, typed: str) -> None:
    """The field takes every key."""
    assert names.search(typed) == []


def test_no_more_are_returned_than_asked_for(names: Gazetteer) -> None:
    """A list longer than the screen hides its end."""
    assert len(names.search("jalan", 3)) == 3
    assert len(names.search("a", 500)) <= 50
    assert len(names.search("pas", 0)) == 1


@pytest.mark.parametrize(
    ("lat", "lon", "ward", "in_region"),
    [
        (-3.6954, 128.1814, "Honipopu", True),
        (-3.6930, 128.1760, "Honipopu", True),
        (-3.85, 128.20, None, True),
        (-3.5997, 128.3213, "Tulehu", False),
        (-3.20, 128.20, None, False),
    ],
)
def test_a_point_knows_its_ward_and_whether_the_city_serves_it(
    names: Gazetteer, lat: float, lon: float, ward: str | None, in_region: bool
) -> None:
    """In town, on the pier, out at sea, in the next regency, far away."""
    where = names.at(lat, lon)
    assert (where.ward, where.in_region) == (ward, in_region)
    assert (where.ward_code is None) == (ward is None)


def test_the_nearest_road_is_named_only_when_near(names: Gazetteer) -> None:
    """The name of a road on the other side of a hill would mislead."""
    assert names.at(-3.692703, 128.188312).nearest_road == "Jalan Rijali"
    assert names.at(-3.85, 128.20).nearest_road is None
