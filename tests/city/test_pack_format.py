"""The description of the pack format is the format."""

import re
from pathlib import Path

import msgspec
import pytest
from msgspec import Struct

from tahuri.city import geodata, records
from tahuri.city.pack import pack_folder

DOCUMENT = Path(__file__).parents[2] / "docs" / "city-pack.md"
TABLES: dict[str, type[Struct]] = {
    "agencies.csv": records.Agency,
    "stations.csv": records.Station,
    "unit_kinds.csv": records.UnitKind,
    "units.csv": records.Unit,
    "hospitals.csv": records.Hospital,
    "facilities.csv": records.Landmark,
    "categories.csv": records.Category,
    "run_cards.csv": records.RunCardLine,
    "hazards.csv": records.Hazard,
    "dispositions.csv": records.Disposition,
    "gazetteer.csv": records.Name,
    "speeds.csv": records.Speed,
}


def described() -> dict[str, list[str]]:
    """Columns by file, as the document's table has them."""
    found: dict[str, list[str]] = {}
    file = ""
    for line in DOCUMENT.read_text(encoding="utf-8").splitlines():
        cells = [cell.strip() for cell in line.strip("|").split("|")]
        if line.startswith("|") and len(cells) == 3:
            file = cells[0].strip("`") if cells[0].endswith(".csv`") else file
            if file and (not cells[0] or cells[0].endswith(".csv`")):
                found.setdefault(file, []).extend(re.findall(r"`(\w+)`", cells[1]))
    return found


@pytest.mark.parametrize("file", sorted(TABLES))
def test_every_column_is_described_and_none_besides(file: str) -> None:
    """A city's clerk has only the document."""
    columns = [field.name for field in msgspec.structs.fields(TABLES[file])]
    assert sorted(described()[file]) == sorted(columns)
    header = (pack_folder("ambon") / file).read_text(encoding="utf-8").splitlines()[0]
    assert sorted(header.split(",")) == sorted(columns)


def test_every_choice_of_a_column_is_described() -> None:
    """Words that are refused must be found where the right ones stand."""
    text = DOCUMENT.read_text(encoding="utf-8")
    for row_type in TABLES.values():
        for field in msgspec.structs.fields(row_type):
            for choice in getattr(field.type, "__args__", ()):
                if isinstance(choice, str):
                    assert f"`{choice}`" in text, (row_type, field.name, choice)


def test_every_file_of_the_pack_is_described() -> None:
    """No file is there that nobody explains."""
    text = DOCUMENT.read_text(encoding="utf-8")
    for path in pack_folder("ambon").iterdir():
        assert f"`{path.name}`" in text
    for name in (*geodata.WARD_COLUMNS, *records.City.__struct_fields__):
        assert f"`{name}`" in text
