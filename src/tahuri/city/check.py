"""Checks that hold between the tables of a city pack.  Pure: reads no file."""

from collections.abc import Iterable
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

import shapely
from msgspec import Struct

from tahuri.city.geodata import NEIGHBOURS, WARDS, Areas
from tahuri.city.records import (
    PRIORITIES,
    Agency,
    Category,
    City,
    Disposition,
    Hazard,
    Hospital,
    Landmark,
    Name,
    RunCardLine,
    Speed,
    Station,
    Unit,
    UnitKind,
)
from tahuri.city.tables import Problem, Table
from tahuri.numbers import is_country_code

WARD_MISMATCH_MAX_DEG = 0.003
"""About 300 m: how far a point may lie from the ward it is said to be in."""

WITHOUT_WARD = ("kecamatan", "kota")


class Tables(Struct, frozen=True, kw_only=True):
    """All tables of a pack as read, with line numbers."""

    agencies: Table[Agency]
    stations: Table[Station]
    unit_kinds: Table[UnitKind]
    units: Table[Unit]
    hospitals: Table[Hospital]
    landmarks: Table[Landmark]
    categories: Table[Category]
    run_cards: Table[RunCardLine]
    hazards: Table[Hazard]
    dispositions: Table[Disposition]
    names: Table[Name]
    speeds: Table[Speed]


def check(
    city: City | None, tables: Tables, wards: Areas | None, neighbours: Areas | None
) -> list[Problem]:
    """Everything that is wrong between tables; empty when the pack is good."""
    outside = set(neighbours.columns["code"]) if neighbours else set()
    return [
        *keys_repeated(tables),
        *references_missing(tables),
        *units_not_of_their_station(tables),
        *run_card_faults(tables),
        *speed_faults(tables),
        *(city_faults(city, tables, outside) if city else []),
        *(ward_faults(tables, wards, outside) if wards else []),
    ]


def keys_repeated(tables: Tables) -> Iterable[Problem]:
    """A key that stands twice in its table."""
    keyed: list[tuple[Table[Struct], str]] = [
        (tables.agencies, "agency_id"),
        (tables.stations, "station_id"),
        (tables.unit_kinds, "code"),
        (tables.units, "unit_id"),
        (tables.units, "callsign"),
        (tables.hospitals, "hospital_id"),
        (tables.landmarks, "facility_id"),
        (tables.categories, "code"),
        (tables.hazards, "code"),
        (tables.dispositions, "code"),
        (tables.names, "place_id"),
    ]
    for table, column in keyed:
        seen: dict[str, int] = {}
        for line, row in table:
            key = str(getattr(row, column))
            if key in seen:
                message = f"{key!r} stands already in line {seen[key]}"
                yield Problem(table.file, line, column, message)
            seen.setdefault(key, line)


def references_missing(tables: Tables) -> Iterable[Problem]:
    """A column that names a row of another table which is not there."""
    agencies = {row.agency_id for row in tables.agencies.rows}
    stations = {row.station_id for row in tables.stations.rows}
    kinds = {row.code for row in tables.unit_kinds.rows}
    categories = {row.code for row in tables.categories.rows}
    wanted: list[tuple[Table[Struct], str, set[str], str]] = [
        (tables.stations, "agency_id", agencies, "agencies.csv"),
        (tables.units, "agency_id", agencies, "agencies.csv"),
        (tables.units, "station_id", stations, "stations.csv"),
        (tables.units, "kind", kinds, "unit_kinds.csv"),
        (tables.run_cards, "category", categories, "categories.csv"),
        (tables.run_cards, "agency_id", agencies | {"*"}, "agencies.csv"),
        (tables.run_cards, "unit_kind", kinds, "unit_kinds.csv"),
    ]
    for table, column, known, where in wanted:
        for line, row in table:
            key = getattr(row, column)
            if key is not None and key not in known:
                yield Problem(table.file, line, column, f"{key!r} is not in {where}")


def units_not_of_their_station(tables: Tables) -> Iterable[Problem]:
    """A unit whose station belongs to another agency."""
    agency = {row.station_id: row.agency_id for row in tables.stations.rows}
    for line, unit in tables.units:
        owner = agency.get(unit.station_id, unit.agency_id)
        if owner != unit.agency_id:
            message = f"{unit.station_id} belongs to {owner}, not to {unit.agency_id}"
            yield Problem(tables.units.file, line, "station_id", message)


def priorities_of(line: RunCardLine) -> range:
    """The priorities a run-card line is for: ``2`` or ``1-3``; empty when written backwards."""
    first, _, last = line.priorities.partition("-")
    return range(int(first), int(last or first) + 1)


def run_card_faults(tables: Tables) -> Iterable[Problem]:
    """A card that cannot be filled, is said twice or is missing."""
    file = tables.run_cards.file
    owned = {(unit.agency_id, unit.kind) for unit in tables.units.rows}
    owned |= {("*", unit.kind) for unit in tables.units.rows}
    seen: dict[tuple[str, int, str, str | None], int] = {}
    sending = {
        (row.category, priority, row.agency_id)
        for row in tables.run_cards.rows
        for priority in priorities_of(row)
        if row.unit_kind is not None
    }
    sent: set[tuple[str, int]] = set()
    for line, row in tables.run_cards:
        if not priorities_of(row):
            yield Problem(file, line, "priorities", f"{row.priorities!r} is written backwards")
        if (row.unit_kind is None) != (row.count is None):
            yield Problem(file, line, "count", "give unit_kind and count together, or neither")
        if row.unit_kind is None and row.agency_id == "*":
            yield Problem(file, line, "agency_id", "name the agency that is to be told")
        if row.unit_kind is not None and (row.agency_id, row.unit_kind) not in owned:
            message = f"no unit of kind {row.unit_kind!r} belongs to {row.agency_id!r}"
            yield Problem(file, line, "unit_kind", message)
        for priority in priorities_of(row):
            key = (row.category, priority, row.agency_id, row.unit_kind)
            if key in seen:
                message = f"priority {priority} stands already in line {seen[key]}"
                yield Problem(file, line, "priorities", message)
            seen.setdefault(key, line)
            if row.unit_kind is not None:
                sent.add((row.category, priority))
            elif (row.category, priority, row.agency_id) in sending:
                message = f"{row.agency_id!r} is sent a unit at priority {priority}: it knows"
                yield Problem(file, line, "agency_id", message)
    for line, category in tables.categories:
        missing = [str(at) for at in PRIORITIES if (category.code, at) not in sent]
        if missing:
            message = f"{category.code!r} sends no unit at priority {', '.join(missing)}"
            yield Problem(tables.categories.file, line, "code", f"{message} (run_cards.csv)")


def speed_faults(tables: Tables) -> Iterable[Problem]:
    """A speed said twice, or a profile that units use and no road carries."""
    file = tables.speeds.file
    seen: dict[tuple[str, str], int] = {}
    for line, row in tables.speeds:
        key = (row.profile, row.road)
        if key in seen:
            yield Problem(file, line, "road", f"{row.road!r} stands already in line {seen[key]}")
        seen.setdefault(key, line)
    moving = {row.profile for row in tables.speeds.rows}
    for line, kind in tables.unit_kinds:
        if kind.profile not in moving:
            message = f"{kind.profile!r} has no line in {file}"
            yield Problem(tables.unit_kinds.file, line, "profile", message)


def city_faults(city: City, tables: Tables, outside: set[str]) -> Iterable[Problem]:
    """A region that makes no sense, and points outside it.

    Places in the wards of ``outside`` are known but not served, and may lie anywhere.
    """
    west, south, east, north = city.bbox
    if west >= east or south >= north:
        yield Problem("pack.toml", 0, "city.bbox", "write west, south, east, north")
        return
    if not (west <= city.center[0] <= east and south <= city.center[1] <= north):
        yield Problem("pack.toml", 0, "city.center", "lies outside city.bbox; longitude first")
    try:
        ZoneInfo(city.zone)
    except (ZoneInfoNotFoundError, ValueError, OSError):
        yield Problem("pack.toml", 0, "city.zone", f"{city.zone!r} is no IANA time zone")
    if not is_country_code(city.country_code):
        told = f"no country has {city.country_code!r}"
        yield Problem("pack.toml", 0, "city.country_code", told)
    for table in pointed(tables):
        for line, row in table:
            if row.ward_code in outside:
                continue
            if west <= row.lat <= east and south <= row.lon <= north:
                yield Problem(table.file, line, "lat", "latitude and longitude are swapped")
            elif not south <= row.lat <= north:
                yield Problem(table.file, line, "lat", f"{row.lat} is outside the region")
            elif not west <= row.lon <= east:
                yield Problem(table.file, line, "lon", f"{row.lon} is outside the region")


class Pointed(Struct, frozen=True):
    """What any row with a point tells the checks."""

    kind: str
    lat: float
    lon: float
    ward_code: str


def pointed(tables: Tables) -> list[Table[Pointed]]:
    """Every table whose rows lie somewhere, reduced to what the checks need."""
    kinds: list[Table[Hospital] | Table[Landmark] | Table[Name]] = [
        tables.hospitals,
        tables.landmarks,
        tables.names,
    ]
    found = [
        Table(
            table.file,
            [(at, Pointed(row.kind, row.lat, row.lon, row.ward_code)) for at, row in table],
        )
        for table in kinds
    ]
    stations = [
        (at, Pointed("station", row.lat, row.lon, row.ward_code)) for at, row in tables.stations
    ]
    return [Table(tables.stations.file, stations), *found]


def ward_faults(tables: Tables, wards: Areas, outside: set[str]) -> Iterable[Problem]:
    """A ward code that is on no map, or a point that lies well outside its ward."""
    codes = wards.columns["code"]
    for code in sorted({code for code in codes if codes.count(code) > 1}):
        yield Problem(WARDS, 0, "code", f"{code!r} stands twice")
    shapes = dict(zip(codes, wards.shapes, strict=True))
    for table in pointed(tables):
        for line, row in table:
            if row.ward_code in outside or (row.kind in WITHOUT_WARD and not row.ward_code):
                continue
            shape = shapes.get(row.ward_code)
            if shape is None:
                message = f"{row.ward_code!r} is in neither {WARDS} nor {NEIGHBOURS}"
                yield Problem(table.file, line, "ward_code", message)
            elif shapely.distance(shape, shapely.Point(row.lon, row.lat)) > WARD_MISMATCH_MAX_DEG:
                message = f"the point lies more than 300 m outside {row.ward_code}"
                yield Problem(table.file, line, "ward_code", message)
