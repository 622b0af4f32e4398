"""Ambon's pack is complete: every call finds a category, a card, units and a way to go."""

import shutil
from itertools import pairwise
from pathlib import Path

import pytest

from tahuri.city.pack import check_pack, load_pack, pack_folder
from tahuri.city.records import PRIORITIES, PROFILES, CityPack, Facility, Profile
from tahuri.city.roads import RoadGraph
from tahuri.places.gazetteer import Gazetteer
from tahuri.places.spelling import normalised


@pytest.fixture(scope="session")
def pack() -> CityPack:
    """The pack as shipped."""
    return load_pack(pack_folder("ambon"))


@pytest.fixture(scope="session")
def names(pack: CityPack) -> Gazetteer:
    """Its names."""
    return Gazetteer(pack)


@pytest.fixture(scope="session")
def graphs(pack: CityPack, tmp_path_factory: pytest.TempPathFactory) -> dict[Profile, RoadGraph]:
    """Its roads and waters."""
    cache = tmp_path_factory.mktemp("roads")
    return {profile: RoadGraph.load(pack, profile, cache) for profile in PROFILES}


def test_the_pack_has_no_fault_and_fits_in_a_download(pack: CityPack) -> None:
    """4 MB also reach a city behind a poor link."""
    assert check_pack(pack.folder) == []
    files = [path for path in pack.folder.rglob("*") if path.is_file()]
    assert sum(path.stat().st_size for path in files) < 4_000_000


def test_the_city_is_the_one_it_says(pack: CityPack) -> None:
    """Code, zone and number go into every report."""
    city = pack.city
    assert (city.code, city.zone, city.number) == ("81.71", "Asia/Jayapura", "112")
    assert city.incident_prefix == "AMB"
    assert (city.country_code, city.area_code) == ("62", "911")
    assert any("OpenStreetMap" in line for line in city.attribution)
    assert len(pack.wards) == 50
    assert len({ward.district_code for ward in pack.wards}) == 5


def test_licences_are_kept(pack: CityPack) -> None:
    """Data of others are only ours to pass on with their terms."""
    text = (pack.folder / "PROVENANCE.md").read_text(encoding="utf-8")
    for licence in (
        "ODbL 1.0",
        "MIT",
        "CC BY 4.0",
        "OpenStreetMap",
        "Cahya DSN",
        "GeoNames".lower(),
    ):
        assert licence in text
    shipped = {path.name for path in pack.folder.iterdir()} - {"PROVENANCE.md", "pack.toml"}
    assert {name for name in shipped if f"`{name}`" not in text} == set()


def test_every_category_has_a_card_with_units_at_all_priorities(pack: CityPack) -> None:
    """No call may meet an empty recommendation."""
    assert len(pack.run_cards) == len(pack.categories) * len(PRIORITIES)
    for category in pack.categories:
        for priority in PRIORITIES:
            assert pack.run_card(category.code, priority).needs
    with pytest.raises(KeyError):
        pack.run_card("wedding", 1)


def test_a_higher_priority_never_sends_less(pack: CityPack) -> None:
    """Raising the priority must not take a unit away."""
    for category in pack.categories:
        counts = [
            {
                (need.agency_id, need.kind): need.count
                for need in pack.run_card(category.code, at).needs
            }
            for at in PRIORITIES
        ]
        for higher, lower in pairwise(counts):
            assert all(higher.get(key, 0) >= count for key, count in lower.items()), category.code


def test_every_code_on_a_card_exists_and_can_be_met_once(pack: CityPack) -> None:
    """A card that asks for what the city does not have helps nobody."""
    agencies = {agency.agency_id for agency in pack.agencies}
    kinds = {kind.code for kind in pack.unit_kinds}
    for card in pack.run_cards:
        assert set(card.notify) <= agencies
        for need in card.needs:
            assert need.kind in kinds
            assert need.agency_id is None or need.agency_id in agencies
            owned = [
                unit
                for unit in pack.units
                if unit.kind == need.kind and need.agency_id in (None, unit.agency_id)
            ]
            assert len(owned) >= need.count, (card.category, card.priority, need)


def test_no_agency_is_told_of_what_it_is_sent_to(pack: CityPack) -> None:
    """Who sends a unit is told by the task itself; a second message is noise."""
    for card in pack.run_cards:
        sending = {need.agency_id for need in card.needs}
        assert not sending & set(card.notify), (card.category, card.priority)


def test_a_structure_fire_alerts_who_the_city_says(pack: CityPack) -> None:
    """Damkar, PLN, a hospital and Dishub, in the city's own words."""
    card = pack.run_card("structure-fire", 1)
    sent = {need.agency_id for need in card.needs}
    assert {"DAMKAR", "PLN", "DISHUB", "POLRESTA"} <= sent
    assert "RSUD-HAULUSSY" in card.notify
    assert any(need.kind == "ambulance" for need in card.needs)


def test_the_kinds_of_call_ambon_really_has_are_there(pack: CityPack) -> None:
    """From the city's own figures of 2025."""
    codes = {category.code: category.group for category in pack.categories}
    for code, group in {
        "mass-brawl": "security",
        "alcohol": "security",
        "crowd-protection": "security",
        "domestic-violence": "security",
        "mental-disorder": "social",
        "fallen-tree": "disaster",
        "landslide": "disaster",
        "flood": "disaster",
        "earthquake": "disaster",
        "tsunami": "disaster",
        "rabid-dog": "animal",
        "hearse": "hearse",
        "power-outage": "utilities",
        "collision-injury": "traffic",
        "structure-fire": "fire",
        "vessel-distress": "sea",
    }.items():
        assert codes[code] == group
    assert len(set(codes.values())) == 11


def test_units_are_demo_units_of_real_agencies_inside_the_city(
    pack: CityPack, names: Gazetteer
) -> None:
    """One hearse, as the city has; nothing outside its wards."""
    stations = {station.station_id: station for station in pack.stations}
    wards = {ward.code for ward in pack.wards}
    for unit in pack.units:
        station = stations[unit.station_id]
        assert names.at(station.lat, station.lon).in_region
        assert station.ward_code in wards
        assert "demo unit" in unit.remarks
    assert [unit.unit_id for unit in pack.units if unit.kind == "hearse"] == ["JNZ-01"]
    used = {kind.profile for kind in pack.unit_kinds}
    assert used == set(PROFILES)


def test_every_estimated_position_says_so(pack: CityPack) -> None:
    """Nothing was surveyed: a rough point is a placeholder, and each has its precision."""
    for place in pack.facilities:
        assert place.precision_m >= 100
        assert place.placeholder or place.precision_m <= 900, place.facility_id
    by_id = {place.facility_id: place for place in pack.facilities}
    for station in pack.stations:
        if "PLACEHOLDER" in station.source:
            assert by_id[station.station_id].placeholder


def test_no_telephone_number_of_a_person_or_an_office_is_shipped(pack: CityPack) -> None:
    """A demo must not ring a real duty officer."""
    assert {agency.phone for agency in pack.agencies} <= {"", "110", "112", "115", "119", "123"}


def test_every_ward_is_reached_by_a_fire_engine(
    pack: CityPack, graphs: dict[Profile, RoadGraph]
) -> None:
    """Leitimur Selatan has no post of its own, but a road leads there."""
    posts = [(s.lat, s.lon) for s in pack.stations if s.agency_id == "DAMKAR"]
    wards = [name for name in pack.names if name.kind in ("kelurahan", "negeri")]
    assert len(wards) == 50
    for ward in wards:
        times = graphs["fire_engine"].travel_times_to(ward.lat, ward.lon, posts)
        reached = [travel.seconds for travel in times if travel]
        assert len(reached) == len(posts), ward.name
        assert 0 < min(reached) < 2 * 3600, ward.name


def test_times_are_those_of_ambon(graphs: dict[Profile, RoadGraph]) -> None:
    """Centre to Passo is about 12 km and 20 to 35 minutes; an engine's default says 9."""
    [travel] = graphs["fire_engine"].travel_times_to(
        -3.630399, 128.25219, [(-3.693629, 128.184508)]
    )
    assert travel is not None
    assert 10_000 < travel.metres < 17_000
    assert 15 * 60 < travel.seconds < 35 * 60


def test_a_motorcycle_is_never_slower_into_an_alley_than_a_fire_engine(
    graphs: dict[Profile, RoadGraph], pack: CityPack
) -> None:
    """That is what motorcycles are for."""
    start = (-3.693629, 128.184508)
    for name in pack.names:
        if name.kind == "street" and name.name.lower().startswith("lorong"):
            engine, cycle = (
                graphs[profile].travel_times_to(name.lat, name.lon, [start])[0]
                for profile in ("fire_engine", "motorcycle")
            )
            assert engine is not None
            assert cycle is not None
            assert cycle.seconds <= engine.seconds + 60


def test_the_rescue_boat_reaches_both_coasts(graphs: dict[Profile, RoadGraph]) -> None:
    """Around the cape of Nusaniwe, not through the island."""
    base = (-3.672969, 128.143257)
    outside, inner = (
        graphs["boat"].travel_times_to(lat, lon, [base])[0]
        for lat, lon in ((-3.80, 128.25), (-3.655, 128.215))
    )
    assert outside is not None
    assert inner is not None
    assert outside.metres > 25_000
    assert inner.metres < 15_000
    assert graphs["boat"].travel_times_to(-3.70, 128.20, [base]) == [None]


def aliases(pack: CityPack) -> list[tuple[str, str]]:
    """(place id, one of its names) for everything that can be searched."""
    places: list[tuple[str, str, tuple[str, ...]]] = [
        (name.place_id, name.name, name.alt_names) for name in pack.names
    ]
    facilities: tuple[Facility, ...] = pack.facilities
    places += [(place.facility_id, place.name, place.alt_names) for place in facilities]
    return [(key, text) for key, name, others in places for text in (name, *others)]


def test_every_name_finds_its_place_first(pack: CityPack, names: Gazetteer) -> None:
    """Of places that share a name, all stand before any other."""
    official = {key: normalised(name) for key, name in aliases(pack)[::-1]}
    for key, text in aliases(pack):
        if normalised(text) != official[key]:
            continue
        found = names.search(text, 20)
        same = [place.place_id for place in found if normalised(place.name) == normalised(text)]
        assert key in same, text
        assert [place.place_id for place in found[: len(same)]] == same, text


def test_every_other_name_finds_its_place_near_the_top(pack: CityPack, names: Gazetteer) -> None:
    """Old spellings and short names are there to be found."""
    for key, text in aliases(pack):
        assert key in [place.place_id for place in names.search(text, 6)], text


def test_the_pack_can_be_copied_to_another_folder(pack: CityPack, tmp_path: Path) -> None:
    """Nothing in it points back to where it came from."""
    shutil.copytree(pack.folder, tmp_path, dirs_exist_ok=True)
    assert load_pack(tmp_path).run_cards == pack.run_cards
