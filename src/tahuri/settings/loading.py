"""Settings from the file, the environment and the command line."""

import tomllib
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import msgspec
from msgspec import Struct

from tahuri.settings.checks import impossible
from tahuri.settings.model import Settings
from tahuri.settings.rows import ROWS

PREFIX = "TAHURI_"
OTHERS = frozenset({"settings"})
"""Names after ``PREFIX`` that are no settings."""
LISTS = frozenset({"host_names"})
"""Settings that the environment gives parted by commas."""


class SettingsError(Exception):
    """Settings that cannot be; ``problems`` lists all of them."""

    def __init__(self, problems: list[str]) -> None:
        super().__init__("\n".join(problems))
        self.problems = problems


def load(file: Path | None, environ: Mapping[str, str], **given: Any) -> Settings:
    """Settings from the file, then the environment, then the command line.

    Raises:
        SettingsError: with every problem found, each naming its setting.
    """
    problems: list[str] = []
    values: dict[str, Any] = {}
    if file is not None:
        try:
            values = tomllib.loads(file.read_text())
        except (OSError, tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
            problems.append(f"{file}: {error}")
    known = {one.name: one for one in msgspec.structs.fields(Settings)}
    for name, text in environ.items():
        field = name.removeprefix(PREFIX).lower()
        if not name.startswith(PREFIX) or field in OTHERS:
            continue
        if field in known:
            values[field] = [one.strip() for one in text.split(",")] if field in LISTS else text
        else:
            problems.append(f"{name}: no such setting")
    values |= {name: value for name, value in given.items() if value is not None}
    settings = msgspec.convert(_converted(values, known, problems), Settings)
    problems += impossible(settings)
    if problems:
        raise SettingsError(problems)
    return settings


def _converted(
    values: dict[str, Any], known: Mapping[str, msgspec.structs.FieldInfo], problems: list[str]
) -> dict[str, Any]:
    """Every value in its type; what cannot be goes to ``problems``."""
    checked: dict[str, Any] = {}
    for name, value in values.items():
        if name not in known:
            problems.append(f"{name}: no such setting")
        elif name in ROWS and isinstance(value, list):
            checked[name] = list(_rows(name, value, ROWS[name], problems))
        else:
            strict = isinstance(value, list | dict)
            try:
                checked[name] = msgspec.convert(value, known[name].type, strict=strict)
            except msgspec.ValidationError as error:
                problems.append(f"{name}: {error}")
    return checked


def _rows(
    name: str, values: list[Any], kind: type[Struct], problems: list[str]
) -> Iterator[Struct]:
    """Each table of a list on its own, so that a fault in one hides none in the next."""
    for number, value in enumerate(values, 1):
        try:
            yield msgspec.convert(value, kind)
        except msgspec.ValidationError as error:
            first = msgspec.structs.fields(kind)[0].name
            called = value.get(first, number) if isinstance(value, dict) else number
            problems.append(f"{name}[{called}]: {error}")


def checked(settings: Settings) -> Settings:
    """The same settings.

    Raises:
        SettingsError: with every problem found.
    """
    problems = impossible(settings)
    if problems:
        raise SettingsError(problems)
    return settings
