"""The harness that people run by hand must work when they do."""

import importlib.util
import subprocess
import sys
from pathlib import Path

import pytest
from fuzzing import MESSAGES, TORTURE, request

HARNESS = Path(__file__).parents[1] / "fuzz" / "parsers.py"
PARSERS = 9


def test_every_parser_takes_what_was_found(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Given files that a search has found; then each parser runs them again without atheris, and
    who misspells a parser reads which there are."""
    spec = importlib.util.spec_from_file_location("parsers", HARNESS)
    assert spec is not None
    assert spec.loader is not None
    parsers = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(parsers)
    sequence = tmp_path / "sequence"
    sequence.write_bytes(b"\n----\n".join([request(), *MESSAGES, request(b"BYE")]))
    files = [str(sequence), *(str(path) for path in sorted(TORTURE.glob("*.dat")))]
    assert parsers.main(["sips"]) == 2
    names = capsys.readouterr().out.strip().rpartition(": ")[2].split(", ")
    assert len(names) == PARSERS
    for name in names:
        assert parsers.main([name, "--once", *files]) == 0


def test_a_search_without_atheris_says_what_is_missing() -> None:
    """One line, no traceback; with atheris installed the search runs."""
    command = [sys.executable, str(HARNESS), "sip", "-runs=1"]
    done = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode in (0, 2)
    if done.returncode:
        assert done.stdout.count("\n") == 1
        assert "atheris" in done.stdout
        assert done.stderr == ""
