"""Loads a city pack and refuses a faulty one with all its faults at once."""

import tomllib
from importlib import resources
from pathlib import Path

import msgspec
from msgspec import Struct

from tahuri.city import geodata
from tahuri.city.check import Tables, check, priorities_of
from tahuri.city.records import (
    PRIORITIES,
    Agency,
    Category,
    City,
    CityPack,
    Disposition,
    Hazard,
    Hospital,
    Landmark,
    Name,
    Need,
    RunCard,
    RunCardLine,
    Speed,
    Station,
    Unit,
    UnitKind,
    Ward,
)
from tahuri.city.tables import PackFaulty, Problem, read_table

PACK = "pack.toml"


class Head(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """``pack.toml``."""

    version: str
    city: City


def pack_folder(name: str) -> Path:
    """The folder of a pack that comes with Tahuri, such as ``ambon``.

    Raises:
        KeyError: there is none of that name.
    """
    folder = Path(str(resources.files("tahuri.city") / "packs" / name))
    if not (folder / PACK).is_file():
        raise KeyError(f"no city pack named {name!r}")
    return folder


def load_pack(folder: Path) -> CityPack:
    """Reads and checks the pack in a folder.

    Raises:
        PackFaulty: something is wrong; holds every problem with file, line and column.
    """
    problems: list[Problem] = []
    head = read_head(folder, problems)
    tables = read_tables(folder, problems)
    wards = geodata.areas_or_problem(folder, geodata.WARDS, geodata.WARD_COLUMNS, problems)
    for file, columns in (
        (geodata.DISTRICTS, geodata.DISTRICT_COLUMNS),
        (geodata.LAND, geodata.LAND_COLUMNS),
    ):
        geodata.areas_or_problem(folder, file, columns, problems)
    neighbours = None
    if (folder / geodata.NEIGHBOURS).exists():
        neighbours = geodata.areas_or_problem(
            folder, geodata.NEIGHBOURS, geodata.WARD_COLUMNS, problems
        )
    problems += [
        Problem(file, 0, "", "is missing or empty")
        for file in (geodata.ROADS, "PROVENANCE.md")
        if not (folder / file).is_file() or not (folder / file).stat().st_size
    ]
    problems += check(head.city if head else None, tables, wards, neighbours)
    if problems or head is None or wards is None:
        raise PackFaulty(problems)
    return CityPack(
        folder=folder,
        version=head.version,
        city=head.city,
        agencies=tables.agencies.rows,
        stations=tables.stations.rows,
        unit_kinds=tables.unit_kinds.rows,
        units=tables.units.rows,
        hospitals=tables.hospitals.rows,
        landmarks=tables.landmarks.rows,
        categories=tables.categories.rows,
        run_cards=run_cards(tables),
        hazards=tables.hazards.rows,
        dispositions=tables.dispositions.rows,
        names=tables.names.rows,
        speeds=tables.speeds.rows,
        wards=ward_rows(wards),
    )


def ward_rows(areas: geodata.Areas) -> tuple[Ward, ...]:
    """The wards' names and codes, in the order of the file."""
    columns = areas.columns
    return tuple(
        [
            Ward(**{name: columns[name][row] for name in geodata.WARD_COLUMNS})
            for row in range(len(areas))
        ]
    )


def check_pack(folder: Path) -> list[Problem]:
    """All problems of the pack in a folder, sorted; empty when it can be used."""
    try:
        load_pack(folder)
    except PackFaulty as faulty:
        return faulty.problems
    return []


def read_head(folder: Path, problems: list[Problem]) -> Head | None:
    """``pack.toml``, or None and problems."""
    try:
        raw = tomllib.loads((folder / PACK).read_text(encoding="utf-8"))
    except OSError as error:
        problems.append(Problem(PACK, 0, "", f"cannot be read: {error.strerror}"))
        return None
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        problems.append(Problem(PACK, 0, "", f"is not TOML: {error}"))
        return None
    try:
        return msgspec.convert(raw, Head)
    except msgspec.ValidationError as error:
        message, _, where = str(error).partition(" - at ")
        problems.append(Problem(PACK, 0, where.strip("`").removeprefix("$."), message))
        return None


def read_tables(folder: Path, problems: list[Problem]) -> Tables:
    """Every CSV file; faults are appended to ``problems``."""
    return Tables(
        agencies=read_table(folder, "agencies.csv", Agency, problems),
        stations=read_table(folder, "stations.csv", Station, problems),
        unit_kinds=read_table(folder, "unit_kinds.csv", UnitKind, problems),
        units=read_table(folder, "units.csv", Unit, problems),
        hospitals=read_table(folder, "hospitals.csv", Hospital, problems),
        landmarks=read_table(folder, "facilities.csv", Landmark, problems),
        categories=read_table(folder, "categories.csv", Category, problems),
        run_cards=read_table(folder, "run_cards.csv", RunCardLine, problems),
        hazards=read_table(folder, "hazards.csv", Hazard, problems),
        dispositions=read_table(folder, "dispositions.csv", Disposition, problems),
        names=read_table(folder, "gazetteer.csv", Name, problems),
        speeds=read_table(folder, "speeds.csv", Speed, problems),
    )


def run_cards(tables: Tables) -> tuple[RunCard, ...]:
    """One card for every category and priority, in the order of the categories."""
    needs: dict[tuple[str, int], list[Need]] = {}
    notify: dict[tuple[str, int], list[str]] = {}
    for row in tables.run_cards.rows:
        for priority in priorities_of(row):
            key = (row.category, priority)
            if row.unit_kind is None or row.count is None:
                notify.setdefault(key, []).append(row.agency_id)
            else:
                agency = None if row.agency_id == "*" else row.agency_id
                need = Need(agency_id=agency, kind=row.unit_kind, count=row.count)
                needs.setdefault(key, []).append(need)
    return tuple(
        [
            RunCard(
                category=category.code,
                priority=priority,
                needs=tuple(needs.get((category.code, priority), ())),
                notify=tuple(notify.get((category.code, priority), ())),
            )
            for category in tables.categories.rows
            for priority in PRIORITIES
        ]
    )
