"""The documentation is true: links lead somewhere, commands and options exist."""

import re
from collections import Counter
from pathlib import Path

import pytest

from tahuri.cli import parser
from tahuri.simulate.__main__ import parser as simulate_parser

ROOT = Path(__file__).parents[3]
PAGES = sorted([ROOT / "README.md", ROOT / "CHANGELOG.md", *ROOT.glob("docs/**/*.md")])
LAUNCHER = ("test", "check", "bench", "simulate")
LINK = re.compile(r"\]\(([^)#\s]+)\)")
COMMAND = re.compile(r"\./tahuri ([a-z]+)(?: ([a-z]+))?")


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.relative_to(ROOT).as_posix())
def test_links_lead_to_files_that_exist(page: Path) -> None:
    """An installer at night must not meet a dead link."""
    targets = [link for link in LINK.findall(page.read_text()) if "://" not in link]
    assert [link for link in targets if not (page.parent / link).exists()] == []


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.relative_to(ROOT).as_posix())
def test_commands_that_are_named_exist(page: Path) -> None:
    """A command from a page is typed as it stands."""
    known = commands()
    for command, second in COMMAND.findall(page.read_text()):
        assert command in known or command in LAUNCHER, command
        if command in ("log", "account") and second:
            assert second in known[command], second


def commands() -> dict[str, set[str]]:
    """Commands and their second words, from the parser itself."""
    actions = [action for action in parser()._actions if action.choices]
    found: dict[str, set[str]] = {}
    for name, inner in dict(actions[0].choices or {}).items():
        seconds = [action for action in inner._actions if action.choices]
        found[name] = set(seconds[0].choices) if seconds else set()
    return found


def test_the_fixed_options_of_the_demo_exist() -> None:
    """Other tools start the demo with these; they do not change."""
    options = ["--data", "d", "--http", "1", "--sip", "2", "--seed", "3"]
    flags = ["--no-callers", "--no-crews", "--no-robot-seat"]
    args = parser().parse_args(["demo", *options, *flags])
    assert (args.data, args.http, args.sip, args.seed) == ("d", 1, 2, 3)
    assert args.no_callers
    assert args.no_crews
    assert args.no_robot_seat


def test_the_options_of_the_synthetic_city_are_described() -> None:
    """Rates and seed are options; whoever shows the demo looks them up."""
    text = (ROOT / "docs" / "simulate.md").read_text()
    hidden = {"--help", "--cache", "--city", "--number"}
    options = {option for action in simulate_parser()._actions for option in action.option_strings}
    wanted = {option for option in options if option.startswith("--")} - hidden
    assert sorted(option for option in wanted if option not in text) == []


def test_every_decision_has_a_number_of_its_own() -> None:
    """Decisions are cited by number."""
    numbers = [file.name[:4] for file in sorted((ROOT / "docs" / "adr").glob("*.md"))]
    assert numbers == [f"{number:04}" for number in range(1, len(numbers) + 1)]


def test_each_test_file_has_a_name_of_its_own() -> None:
    """pytest imports them by name: of two with the same one only the first is run."""
    names = Counter(path.name for path in (ROOT / "tests").rglob("test_*.py"))
    assert [name for name, count in names.items() if count > 1] == []
