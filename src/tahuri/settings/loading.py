"""Settings from the file, the environment and the command line."""

import re
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
PLACE = re.compile(r"(?P<said>.*) - at `\$(?P<place>[^`]*)`")
"""How msgspec says where in a value something is wrong."""
NAMED = re.compile(r"Object (?P<what>contains unknown|missing required) field `(?P<field>[^`]*)`")
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
        elif name in ROWS and not isinstance(value, list):
            problems.append(f"{name}: each is a table of its own: [[{name}]]")
        elif name in ROWS:
            checked[name] = list(_rows(name, value, ROWS[name], problems))
        else:
            strict = isinstance(value, list | dict)
            try:
                checked[name] = msgspec.convert(value, known[name].type, strict=strict)
            except msgspec.ValidationError as error:
                problems += _each(name, value, known[name].type) or [_told(name, error)]
    return checked


def _each(name: str, value: Any, kind: Any) -> list[str]:
    """What is wrong with each entry of a table of names, such as the directory."""
    found = []
    for entry, content in value.items() if isinstance(value, dict) else ():
        try:
            msgspec.convert({entry: content}, kind)
        except msgspec.ValidationError as error:
            found.append(f"{name}.{entry}: {str(error).partition(' - at ')[0]}")
    return found


def _told(place: str, error: msgspec.ValidationError) -> str:
    """What is wrong, after the whole name of the setting."""
    said = str(error)
    if found := PLACE.fullmatch(said):
        said, inner = found["said"], found["place"].lstrip(".")
        place = f"{place}.{inner}" if inner and not inner.startswith("[") else place + inner
    if found := NAMED.match(said):
        what = "no such setting" if "unknown" in found["what"] else "needed"
        return f"{place}.{found['field']}: {what}"
    return f"{place}: {said}"


def _rows(
    name: str, values: list[Any], kind: type[Struct], problems: list[str]
) -> Iterator[Struct]:
    """Each table of a list on its own, so that a fault in one hides none in the next."""
    for number, value in enumerate(values, 1):
        try:
            yield msgspec.convert(value, kind)
        except msgspec.ValidationError as error:
            first = msgspec.structs.fields(kind)[0].name
            called = value.get(first) if isinstance(value, dict) else None
            called = called if isinstance(called, str) else number
            problems.append(_told(f"{name}[{called}]", error))


def checked(settings: Settings) -> Settings:
    """The same settings.

    Raises:
        SettingsError: with every problem found.
    """
    problems = impossible(settings)
    if problems:
        raise SettingsError(problems)
    return settings
