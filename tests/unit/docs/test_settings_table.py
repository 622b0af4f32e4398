"""``docs/settings.md`` lists every setting as the code has it."""

import importlib.util
from pathlib import Path

ROOT = Path(__file__).parents[3]


def test_the_table_of_settings_is_what_the_code_says() -> None:
    """Who installs a centre reads the table, not the code."""
    place = ROOT / "tools" / "make_settings_table.py"
    spec = importlib.util.spec_from_file_location("make_settings_table", place)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    assert (ROOT / "docs" / "settings.md").read_text() == module.tables()
