"""A case on paper."""

import re
import zlib
from typing import Any

import pytest
from facts import START, fact

from tahuri.calls.events import CallArrived, CallEnded
from tahuri.incidents.events import NoteAdded
from tahuri.kernel.ids import PersonalId, UnitId
from tahuri.reports.clocks import Clocks, UnitClocks
from tahuri.reports.pdf import case_pdf, seconds
from tahuri.reports.timeline import entries

INCIDENT = {
    "number": "AMB-20261123-0042",
    "category": "structure-fire",
    "priority": 1,
    "state": "closed",
}
PERSONAL: dict[str, Any] = {"P1": {"text": "Asap → tebal “di lantai 2”"}}


WORD = re.compile(rb"/F(\d+) [\d.]+ Tf|\(((?:\\.|[^\\)])*)\) Tj", re.DOTALL)
LETTER = re.compile(rb"<([0-9A-F]{4})> <([0-9A-F]{4,8})>")
ESCAPES = {b"n": b"\n", b"r": b"\r", b"t": b"\t", b"b": b"\b", b"f": b"\f"}


def text_of(content: bytes) -> str:
    """All text of a PDF, read as a reader would: through each face's table of letters."""
    streams = [
        zlib.decompress(stream) if stream.startswith(b"\x78") else stream
        for stream in re.findall(rb"stream\n(.*?)\nendstream", content, re.DOTALL)
    ]
    tables = [
        {int(glyph, 16): bytes.fromhex(text.decode()).decode("utf-16-be") for glyph, text in found}
        for stream in streams
        if b"beginbfchar" in stream
        for found in [LETTER.findall(stream)]
    ]
    said, face = [], 1
    for stream in streams:
        if b" Tf ET" not in stream:
            continue
        for chosen, text in WORD.findall(stream):
            if chosen:
                face = int(chosen)
                continue
            raw = re.sub(rb"\\(.)", lambda one: ESCAPES.get(one[1], one[1]), text, flags=re.DOTALL)
            glyphs = [int.from_bytes(raw[n : n + 2], "big") for n in range(0, len(raw), 2)]
            said.append("".join(tables[face - 1][glyph] for glyph in glyphs))
    return " ".join(said)


def pages(content: bytes) -> int:
    return len(re.findall(rb"/Type /Page\b(?!s)", content))


def paper(lines: int, **clocks: Any) -> bytes:
    """A case with this many notes between a call and its end."""
    facts = [fact(CallArrived(trunk="telkom", number_status="present"), seq=1)]
    facts += [
        fact(NoteAdded(note=PersonalId("P1")), seq=n + 2, second=n + 1, actor="O1", late_s=90)
        for n in range(lines)
    ]
    facts.append(fact(CallEnded(outcome="answered", by="caller"), seq=lines + 2, second=lines + 9))
    listed = entries(facts, PERSONAL, {"O1": "Penerima 1"})
    zone = ("Asia/Jayapura", "WIT")
    return case_pdf(INCIDENT, listed, Clocks(**clocks), zone, START, "ab" * 32)


def test_the_paper_says_what_the_screen_says() -> None:
    """A case is proved with paper before people who have no screen."""
    unit = UnitClocks(unit_id=UnitId("DMK-01"), acknowledge_s=12)
    said = text_of(paper(1, answer_s=4, response_s=3723, units=(unit,)))
    for words in (
        "Kejadian AMB-20261123-0042",
        "structure-fire · prioritas 1 · ditutup / closed",
        "0:04",
        "1:02:03",
        "DMK-01: Waktu konfirmasi / acknowledge",
        "0:12",
        "Panggilan masuk lewat telkom",
        "Catatan: Asap → tebal “di lantai 2”",
        "Penerima 1",
        "Panggilan berakhir (dijawab, oleh penelepon)",
        "ab" * 32,
    ):
        assert words in said


def test_times_on_paper_are_those_of_the_city() -> None:
    """The log is in UTC; Ambon is nine hours ahead, and the paper says which zone it shows."""
    said = text_of(paper(1))
    assert "23-11-2026 12:00:00 WIT" in said
    assert "23-11 12:00:01" in said
    assert "(+1:30)" in said


def test_a_long_case_runs_over_pages_and_each_is_numbered() -> None:
    """A flood has hundreds of lines; a lost page must be noticed."""
    content = paper(60)
    assert pages(content) >= 2
    said = text_of(content)
    assert said.count("Catatan:") == 60
    assert f"2/ {pages(content)}" in said


@pytest.mark.parametrize(
    ("value", "shown"),
    [
        (None, "–"),
        (0.0, "0:00"),
        (187.4, "3:07"),
        (3723.0, "1:02:03"),
        (59.6, "1:00"),
        (-5.0, "-0:05"),
        (0.4, "0:00"),
    ],
)
def test_seconds_are_shown_as_minutes_and_hours(value: float | None, shown: str) -> None:
    """Fifteen minutes are read as 15:00, not as 900."""
    assert seconds(value) == shown
