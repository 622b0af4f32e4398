"""Reads the tables of a city pack and collects all that is wrong with them, to the cell."""

import csv
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, Generic, TypeVar

import msgspec
from msgspec import Struct

Row = TypeVar("Row", bound=Struct)
Row_co = TypeVar("Row_co", bound=Struct, covariant=True)

TABLE_BYTES_MAX = 4_000_000
WORDS = {"yes": True, "no": False}


class Problem(Struct, frozen=True, order=True):
    """One fault of a pack, where a person can find it."""

    file: str
    line: int
    """1 is the first line; 0 means the file as a whole."""
    column: str
    """Name of the column, or empty."""
    message: str

    def __str__(self) -> str:
        place = f"{self.file}:{self.line}" if self.line else self.file
        return f"{place}{f' [{self.column}]' if self.column else ''}: {self.message}"


class PackFaulty(ValueError):  # noqa: N818
    """A pack that must not be used; ``problems`` holds every fault found, sorted."""

    def __init__(self, problems: list[Problem]) -> None:
        self.problems = sorted(problems)
        super().__init__("\n".join(str(problem) for problem in self.problems))


class Table(Generic[Row_co]):
    """The good rows of one file, each with its line number."""

    def __init__(self, file: str, lines: Sequence[tuple[int, Row_co]]) -> None:
        self.file = file
        self.lines = tuple(lines)

    @property
    def rows(self) -> tuple[Row_co, ...]:
        """The rows without their line numbers."""
        return tuple([row for _, row in self.lines])

    def __iter__(self) -> Iterator[tuple[int, Row_co]]:
        return iter(self.lines)


def read_table(folder: Path, file: str, row_type: type[Row], problems: list[Problem]) -> Table[Row]:
    """Rows of a CSV file: UTF-8, comma, first line the column names.

    ``yes``/``no`` are booleans, ``;`` parts a list, an empty cell of an optional column is None.
    Faulty rows are left out of the result; what is wrong with them is appended to ``problems``.
    """
    rows: list[tuple[int, Row]] = []
    lines = read_lines(folder / file, problems)
    columns = {field.name: field.type for field in msgspec.structs.fields(row_type)}
    reader = csv.reader(lines or [], strict=True)
    faults: list[Problem] = []
    try:
        if lines is not None and header_good(file, header := next(reader, []), columns, faults):
            for cells in reader:
                row = read_row(file, reader.line_num, header, cells, row_type, faults)
                if row is not None:
                    rows.append((reader.line_num, row))
            if not rows and not faults:
                faults.append(Problem(file, 0, "", "has no rows"))
    except csv.Error as error:
        faults.append(Problem(file, reader.line_num, "", f"not CSV: {error}"))
    problems.extend(faults)
    return Table(file, rows)


def read_lines(path: Path, problems: list[Problem]) -> list[str] | None:
    """The file's lines with their ends, or None and a problem."""
    try:
        if path.stat().st_size > TABLE_BYTES_MAX:
            problems.append(Problem(path.name, 0, "", f"larger than {TABLE_BYTES_MAX} bytes"))
            return None
        return path.read_text(encoding="utf-8-sig").splitlines(keepends=True)
    except OSError as error:
        problems.append(Problem(path.name, 0, "", f"cannot be read: {error.strerror}"))
    except UnicodeDecodeError as error:
        line = error.object[: error.start].count(b"\n") + 1
        problems.append(Problem(path.name, line, "", "is not UTF-8"))
    return None


def header_good(
    file: str, header: list[str], columns: dict[str, Any], problems: list[Problem]
) -> bool:
    """Whether the first line names every column once and nothing else."""
    faults = [Problem(file, 1, name, "column missing") for name in columns if name not in header]
    faults += [Problem(file, 1, name, "unknown column") for name in header if name not in columns]
    faults += [
        Problem(file, 1, name, "column named twice")
        for name in sorted({name for name in header if header.count(name) > 1})
    ]
    problems.extend(faults)
    return not faults


def read_row(
    file: str,
    line: int,
    header: list[str],
    cells: list[str],
    row_type: type[Row],
    problems: list[Problem],
) -> Row | None:
    """One row, or None and a problem for each bad cell.  An empty line is no row."""
    if not cells:
        return None
    columns = {field.name: field.type for field in msgspec.structs.fields(row_type)}
    if len(cells) != len(header):
        problems.append(Problem(file, line, "", f"{len(cells)} cells, not {len(header)}"))
        return None
    values: dict[str, object] = {}
    for name, cell in zip(header, cells, strict=True):
        try:
            values[name] = cell_value(cell.strip(), columns[name])
        except (msgspec.ValidationError, ValueError) as error:
            problems.append(Problem(file, line, name, f"{cell.strip()!r}: {error}"))
    return row_type(**values) if len(values) == len(header) else None


def cell_value(cell: str, wanted: Any) -> object:
    """A cell's text as the column's type.

    Raises:
        ValueError, msgspec.ValidationError: the text does not fit; the message says why.
    """
    if wanted is bool:
        if cell not in WORDS:
            raise ValueError("write yes or no")
        return WORDS[cell]
    if wanted == tuple[str, ...]:
        return tuple([part.strip() for part in cell.split(";") if part.strip()])
    if not cell and type(None) in getattr(wanted, "__args__", ()):
        return None
    value: object = msgspec.convert(cell, wanted, strict=False)
    return value
