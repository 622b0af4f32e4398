"""Writes the tables of ``docs/settings.md`` from the settings themselves.

Run by hand after changing a setting: ``python tools/make_settings_table.py``; a test compares.
"""

import ast
import inspect
import sys
from itertools import pairwise
from pathlib import Path

import msgspec

from tahuri.settings import CalledNumber, Gateway, Overflow, Settings, SipSeat, Trunk
from tahuri.settings.loading import PREFIX
from tahuri.settings.rows import ROWS

FILE = Path(__file__).parents[1] / "docs" / "settings.md"
HEAD = """# Settings

A TOML file, named with `--settings FILE` or `TAHURI_SETTINGS`; the environment overrides it, the
command line overrides both. Everything is checked at start and every problem is listed at once.
Lists and tables (trunks, SIP seats, gateways, overflow, directory …) stand in the file only.

"""


def meanings(kind: type) -> dict[str, str]:
    """Field → its docstring, from the source of the module that has the struct."""
    tree = ast.parse(inspect.getsource(sys.modules[kind.__module__]))
    body = next(
        node.body
        for node in tree.body
        if isinstance(node, ast.ClassDef) and node.name == kind.__name__
    )
    found = {}
    for field, text in pairwise(body):
        if isinstance(field, ast.AnnAssign) and isinstance(text, ast.Expr):
            assert isinstance(field.target, ast.Name)
            assert isinstance(text.value, ast.Constant)
            found[field.target.id] = " ".join(str(text.value.value).split())
    return found


def default(field: msgspec.structs.FieldInfo) -> str:
    """As it is written in the file."""
    if field.default_factory is not msgspec.NODEFAULT:
        return "none"
    if field.default is msgspec.NODEFAULT:
        return "needed"
    if field.default in (None, (), {}):
        return "none"
    return f"`{str(field.default).lower() if isinstance(field.default, bool) else field.default}`"


def tables() -> str:
    """The whole page."""
    lines = ["| setting | environment | default | meaning |", "|---|---|---|---|"]
    said = meanings(Settings)
    for field in msgspec.structs.fields(Settings):
        listed = field.name in (*ROWS, "directory", "host_names", "recording_days")
        variable = "–" if listed else f"`{PREFIX}{field.name.upper()}`"
        lines.append(f"| `{field.name}` | {variable} | {default(field)} | {said[field.name]} |")
    for title, kind in (
        ("A trunk (`[[trunks]]`)", Trunk),
        ("A called number (`[[called_numbers]]`)", CalledNumber),
        (
            "An overflow rule (`[[overflow]]`); to call a number again, write the row again",
            Overflow,
        ),
        ("A SIP seat (`[[sip_seats]]`)", SipSeat),
        ("A gateway (`[[gateways]]`)", Gateway),
    ):
        said = meanings(kind)
        lines += ["", f"## {title}", "", "| setting | default | meaning |", "|---|---|---|"]
        lines += [
            f"| `{field.name}` | {default(field)} | {said.get(field.name, '')} |"
            for field in msgspec.structs.fields(kind)
        ]
    return HEAD + "\n".join(lines) + "\n"


if __name__ == "__main__":
    FILE.write_text(tables())
