"""Emptying a node: never one whose callers nobody else would take."""

from pathlib import Path
from typing import Any

import msgspec
import pytest

from tahuri import cli, drain
from tahuri.settings import Settings, Trunk

EDGE = {"name": "edge", "sources": ("192.0.2.10/32",), "host": "192.0.2.10:5060"}


@pytest.mark.parametrize(
    ("settings", "alone"),
    [
        ({}, True),
        ({"trunks": (Trunk(name="telkom", sources=("192.0.2.0/24",)),)}, True),
        ({"trunks": (Trunk(**EDGE, edge=True),)}, False),
        ({"trunks": (Trunk(**EDGE, node=True),)}, False),
        ({"node": "A"}, False),
    ],
)
def test_a_centre_of_one_node_is_alone(settings: dict[str, Any], alone: bool) -> None:
    """Behind an edge, or with a name beside others, somebody takes the calls."""
    assert drain.alone(Settings(**settings)) == alone


def test_a_centre_that_is_alone_is_not_drained_by_a_slip(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Drain before you stop is read at night, by somebody whose city has one machine."""
    assert cli.main(["drain", "--data", str(tmp_path)]) == 1
    assert "503" in capsys.readouterr().err


def test_what_runs_says_whether_it_is_alone(tmp_path: Path) -> None:
    """The command is given the data folder only; the settings stand where `up` wrote them."""
    known = Settings(node="A")
    assert drain.running(tmp_path, Settings()).node == ""
    (tmp_path / "settings.json").write_bytes(msgspec.json.encode(known))
    assert drain.running(tmp_path, Settings()).node == "A"
