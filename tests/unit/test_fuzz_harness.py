"""The harness that people run by hand must work when they do."""

import importlib.util
import subprocess
import sys
from pathlib import Path

import pytest
from fuzzing import MESSAGES, TORTURE, request

from tahuri.telephony.media import rtp
from tahuri.telephony.media import sdp as browser_sdp
from tahuri.telephony.sip import body, sdp

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


def test_a_search_begins_with_input_that_each_parser_takes(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """From a heap of refused input a search does not find the grammar: the seeds must be whole."""
    monkeypatch.syspath_prepend(str(HARNESS.parent))
    parsers = importlib.import_module("parsers")
    for name in parsers.PARSERS:
        assert parsers.main([name, "--seeds", str(tmp_path / name)]) == 0
        for path in sorted((tmp_path / name).iterdir()):
            assert parsers.main([name, "--once", str(path)]) == 0
    seeds = importlib.import_module("seeds")
    assert sdp.parse(seeds.SESSION, "required").crypto is not None
    assert sdp.parse(seeds.SESSION_IP6).udp == 40_000
    assert body.parse_location(seeds.POINT) is not None
    assert body.parse_location(seeds.CIRCLE) is not None
    assert browser_sdp.read(seeds.BROWSER.decode()).dtmf == 126
    assert rtp.parse(seeds.RTP) is not None
    assert rtp.is_rtcp(seeds.REPORT)
    both = parsers.Request(method="INVITE", body=seeds.PARTS)
    both.headers = [("content-type", "multipart/mixed; boundary=b")]
    assert len(body.parts_of(both)) == 2


def test_a_search_without_atheris_says_what_is_missing() -> None:
    """One line, no traceback; with atheris installed the search runs."""
    command = [sys.executable, str(HARNESS), "sip", "-runs=1"]
    done = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode in (0, 2)
    if done.returncode:
        assert done.stdout.count("\n") == 1
        assert "atheris" in done.stdout
        assert done.stderr == ""
