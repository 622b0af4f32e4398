"""A faulty pack is refused whole, with every fault where a person can find it."""

import csv
import shutil
from pathlib import Path

import pytest

from tahuri.city.pack import check_pack, load_pack, pack_folder
from tahuri.city.tables import PackFaulty


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A copy of Ambon's pack that a test may spoil."""
    return Path(shutil.copytree(pack_folder("ambon"), tmp_path / "city"))


def lines_of(path: Path) -> list[list[str]]:
    """The cells of a table."""
    with path.open(newline="", encoding="utf-8") as file:
        return list(csv.reader(file))


def write_lines(path: Path, lines: list[list[str]]) -> None:
    """Writes a table back."""
    with path.open("w", newline="", encoding="utf-8") as file:
        csv.writer(file, lineterminator="\n").writerows(lines)


def spoil(folder: Path, file: str, key: str, column: str, value: str) -> int:
    """Changes the cell of the row whose first cell is the key; returns its line number."""
    lines = lines_of(folder / file)
    number = next(at for at, cells in enumerate(lines) if cells and cells[0] == key)
    lines[number][lines[0].index(column)] = value
    write_lines(folder / file, lines)
    return number + 1


SPOILT = [
    ("stations.csv", "DMK-PUSAT", "lat", "128.18", "<= 90"),
    ("stations.csv", "DMK-PUSAT", "lat", "-6.2", "outside the region"),
    ("stations.csv", "DMK-PUSAT", "lat", "-3,69", "Expected"),
    ("stations.csv", "DMK-PUSAT", "lat", "nan", ">= -90"),
    ("stations.csv", "DMK-PUSAT", "agency_id", "PLN2", "not in agencies.csv"),
    ("stations.csv", "DMK-PUSAT", "ward_code", "81.71.09.9999", "is in neither"),
    ("stations.csv", "DMK-PUSAT", "ward_code", "81.71.01.2001", "more than 300 m outside"),
    ("stations.csv", "DMK-PUSAT", "placeholder", "maybe", "write yes or no"),
    ("stations.csv", "DMK-PUSAT", "precision_m", "0", ">= 1"),
    ("units.csv", "DMK-01", "station_id", "DMK-NOWHERE", "not in stations.csv"),
    ("units.csv", "DMK-01", "station_id", "PMI-AMBON", "belongs to PMI"),
    ("units.csv", "DMK-02", "callsign", "DMK-01", "stands already"),
    ("units.csv", "DMK-02", "unit_id", "DMK-01", "stands already in line"),
    ("units.csv", "JNZ-01", "kind", "spaceship", "not in unit_kinds.csv"),
    ("unit_kinds.csv", "hearse", "profile", "submarine", "Invalid enum value"),
    ("categories.csv", "flood", "group", "weather", "Invalid enum value"),
    ("categories.csv", "flood", "default_priority", "5", "<= 4"),
    ("run_cards.csv", "hearse", "priorities", "4-1", "written backwards"),
    ("run_cards.csv", "hearse", "unit_kind", "", "together"),
    ("run_cards.csv", "hearse", "agency_id", "PLN", "no unit of kind"),
    ("run_cards.csv", "hearse", "category", "wedding", "not in categories.csv"),
    ("speeds.csv", "boat", "speed_kmh", "0", "> 0"),
    ("gazetteer.csv", "81.71.01.1006", "name", "", "length >= 1"),
]
TOLD = {
    ("run_cards.csv", "unit_kind", "together"): "count",
    ("run_cards.csv", "agency_id", "no unit of kind"): "unit_kind",
}
"""Where the fault is told in another column than the one that was spoilt."""


@pytest.mark.parametrize(("file", "key", "column", "value", "message"), SPOILT)
def test_a_bad_cell_is_named_by_file_line_and_column(
    folder: Path, file: str, key: str, column: str, value: str, message: str
) -> None:
    """Whoever writes a city's pack must be led to the cell, not to a stack trace."""
    line = spoil(folder, file, key, column, value)
    found = [p for p in check_pack(folder) if (p.file, p.line) == (file, line)]
    assert found, check_pack(folder)
    told = TOLD.get((file, column, message), column)
    assert any(p.column == told and message in p.message for p in found), found


def test_all_problems_are_told_at_once(folder: Path) -> None:
    """Mending one fault a run would take a city's clerk a day."""
    spoil(folder, "units.csv", "DMK-01", "kind", "spaceship")
    spoil(folder, "categories.csv", "flood", "group", "weather")
    (folder / "hazards.csv").unlink()
    (folder / "land.fgb").write_bytes(b"not a map")
    with pytest.raises(PackFaulty) as caught:
        load_pack(folder)
    files = {problem.file for problem in caught.value.problems}
    assert {"units.csv", "categories.csv", "hazards.csv", "land.fgb"} <= files
    assert caught.value.problems == sorted(caught.value.problems)
    assert "categories.csv:" in str(caught.value)


def test_swapped_axes_are_called_so(folder: Path) -> None:
    """The commonest fault of a list of coordinates deserves its own words."""
    lines = lines_of(folder / "gazetteer.csv")
    lat, lon = lines[0].index("lat"), lines[0].index("lon")
    lines[1][lat], lines[1][lon] = "-3.69", "-3.69"
    lines[2][lat], lines[2][lon] = "54.0", "-3.69"
    write_lines(folder / "gazetteer.csv", lines)
    found = {(p.line, p.column): p.message for p in check_pack(folder)}
    assert "outside the region" in found[2, "lon"]
    assert "outside the region" in found[3, "lat"]


def test_a_category_without_units_at_a_priority_is_a_fault(folder: Path) -> None:
    """A call must never meet an empty run card."""
    lines = [cells for cells in lines_of(folder / "run_cards.csv") if cells[:1] != ["hearse"]]
    lines.append(["hearse", "1-3", "PERKIM", "hearse", "1"])
    write_lines(folder / "run_cards.csv", lines)
    problems = check_pack(folder)
    assert [(p.file, p.column) for p in problems] == [("categories.csv", "code")]
    assert "priority 4" in problems[0].message


def test_the_same_line_twice_on_a_run_card_is_a_fault(folder: Path) -> None:
    """Two lines for one kind would leave it open how many go."""
    lines = lines_of(folder / "run_cards.csv")
    lines.append(["hearse", "2", "PERKIM", "hearse", "2"])
    write_lines(folder / "run_cards.csv", lines)
    assert "stands already in line" in check_pack(folder)[0].message


def test_an_agency_that_is_sent_is_not_told_as_well(folder: Path) -> None:
    """Two messages about one fire make people stop reading either."""
    lines = lines_of(folder / "run_cards.csv")
    lines.append(["hearse", "2-3", "PERKIM", "", ""])
    write_lines(folder / "run_cards.csv", lines)
    problems = check_pack(folder)
    assert [problem.column for problem in problems] == ["agency_id", "agency_id"]
    assert "it knows" in problems[0].message


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"", "column missing"),
        (b"code,name_id\nx,y\n", "column missing"),
        (b"code,name_id,name_en,colour\n", "unknown column"),
        (b"code,code,name_id,name_en\n", "column named twice"),
        (b"code,name_id,name_en\n", "has no rows"),
        (b"code,name_id,name_en\nsmoke,Asap\n", "2 cells, not 3"),
        (b"code,name_id,name_en\nSmoke!,Asap,Smoke\n", "Expected `str` matching regex"),
        (b'code,name_id,name_en\nsmoke,"Asap,Smoke\n', "not CSV"),
        (b"code,name_id,name_en\nsmoke,Asap,Smok\xe9\n", "is not UTF-8"),
        (b"x" * 4_000_001, "larger than"),
    ],
)
def test_a_table_that_is_no_table_is_refused(folder: Path, content: bytes, message: str) -> None:
    """Files come out of spreadsheets in every state."""
    (folder / "hazards.csv").write_bytes(content)
    problems = [problem for problem in check_pack(folder) if problem.file == "hazards.csv"]
    assert any(message in problem.message for problem in problems), problems


@pytest.mark.parametrize(
    ("old", "new", "column"),
    [
        ('zone = "Asia/Jayapura"', 'zone = "Asia/Ambon"', "city.zone"),
        ("[127.98, -3.92, 128.40, -3.48]", "[-3.92, 127.98, -3.48, 128.40]", "city.bbox"),
        ("[127.98, -3.92, 128.40, -3.48]", "[128.40, -3.92, 127.98, -3.48]", "city.bbox"),
        ("center = [128.1835, -3.6935]", "center = [128.1835, -3.1]", "city.center"),
        ('number = "112"', 'number = "one one two"', "city.number"),
        ('country_code = "62"', 'country_code = "999"', "city.country_code"),
        ('area_code = "911"', 'area_code = "0911"', "city.area_code"),
        ('name = "Kota Ambon"', 'title = "Kota Ambon"', "city"),
        ("[city]", "[city", ""),
    ],
)
def test_a_faulty_head_is_refused(folder: Path, old: str, new: str, column: str) -> None:
    """The city's own lines are checked like its tables."""
    text = (folder / "pack.toml").read_text(encoding="utf-8")
    assert old in text
    (folder / "pack.toml").write_text(text.replace(old, new), encoding="utf-8")
    heads = [problem for problem in check_pack(folder) if problem.file == "pack.toml"]
    assert any(problem.column.startswith(column) for problem in heads), heads


@pytest.mark.parametrize("file", ["wards.fgb", "districts.fgb", "roads.osm.pbf", "PROVENANCE.md"])
def test_a_missing_file_is_named(folder: Path, file: str) -> None:
    """Also the file that says whose data it is: licences travel with the pack."""
    (folder / file).unlink()
    assert file in {problem.file for problem in check_pack(folder)}


def test_a_pack_without_neighbours_only_misses_what_lies_there(folder: Path) -> None:
    """A city on its own island has no next regency; the file may be absent."""
    (folder / "neighbours.fgb").unlink()
    problems = check_pack(folder)
    assert problems
    assert all("81.01." in problem.message or "outside" in problem.message for problem in problems)


def test_an_empty_folder_is_refused_and_an_unknown_pack_too(tmp_path: Path) -> None:
    """Pointing at the wrong folder must say so, not start an empty centre."""
    assert {"pack.toml", "units.csv", "wards.fgb"} <= {p.file for p in check_pack(tmp_path)}
    with pytest.raises(KeyError):
        pack_folder("atlantis")
