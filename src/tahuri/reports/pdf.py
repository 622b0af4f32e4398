"""A case on paper: A4, printable, the same lines as on screen."""

from datetime import datetime
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

from fpdf import FPDF

from tahuri.reports.clocks import Clocks, UnitClocks
from tahuri.reports.timeline import Entry

FONTS = Path(__file__).parent / "fonts"
CLOCK_NAMES = {
    "answer_s": "Waktu jawab / answer",
    "processing_s": "Waktu proses laporan / processing",
    "response_s": "Waktu tanggap / response",
    "action_s": "Waktu sampai penanganan / until action",
    "closed_s": "Waktu selesai / closed",
    "call_back_s": "Waktu panggil balik / call-back time",
    "outcome_s": "Sampai hasil panggil balik / until its outcome",
    "acknowledge_s": "Waktu konfirmasi / acknowledge",
    "turnout_s": "Waktu berangkat / turn-out",
    "travel_s": "Waktu tempuh / travel",
    "access_s": "Waktu akses / access",
    "setup_s": "Waktu penyiapan / set-up",
    "on_scene_s": "Waktu di lokasi / on scene",
}
OF_CASE = ("answer_s", "processing_s", "response_s", "action_s", "closed_s")
OF_CALL_BACK = ("call_back_s", "outcome_s")
"""Shown where a caller had to be called back."""
OF_UNIT = ("acknowledge_s", "turnout_s", "travel_s", "access_s", "setup_s", "on_scene_s")

STATES = {"open": "terbuka / open", "closed": "ditutup / closed"}
DOUBTFUL = "? jam perangkat tidak cocok / clocks disagree"


class Sheet(FPDF):
    """A4 pages with the case's number and page numbers at the foot."""

    def __init__(self, foot: str) -> None:
        super().__init__(format="A4")
        self.foot = foot
        self.add_font("text", "", FONTS / "DejaVuSans.ttf")
        self.add_font("text", "B", FONTS / "DejaVuSans-Bold.ttf")
        self.set_auto_page_break(True, 18)
        self.set_margins(16, 14)

    def footer(self) -> None:
        """Called by fpdf at the end of each page."""
        self.set_y(-14)
        self.set_font("text", size=7)
        self.cell(0, 5, f"{self.foot}   {self.page_no()}/{{nb}}", align="C")


def seconds(value: float | None) -> str:
    """``3:07`` minutes and seconds, ``1:02:03`` with hours, a dash where there is none."""
    if value is None:
        return "–"
    whole = round(value)
    hours, rest = divmod(abs(whole), 3600)
    text = f"{hours}:{rest // 60:02}:{rest % 60:02}" if hours else f"{rest // 60}:{rest % 60:02}"
    return f"-{text}" if whole < 0 else text


def case_pdf(
    incident: dict[str, Any],
    lines: list[Entry],
    times: Clocks,
    zone: tuple[str, str],
    printed_at: datetime,
    proof: str,
) -> bytes:
    """The case as a PDF.

    Args:
        zone: the city's IANA zone and its label, such as WIT.
        proof: the chain's digest that the last line stands on.
    """
    city_zone = ZoneInfo(zone[0])
    shown = printed_at.astimezone(city_zone).strftime(f"%d-%m-%Y %H:%M:%S {zone[1]}")
    sheet = Sheet(f"{incident['number']}   {shown}")
    sheet.add_page()
    sheet.set_font("text", "B", 15)
    sheet.cell(0, 9, f"Kejadian {incident['number']}", new_x="LMARGIN", new_y="NEXT")
    sheet.set_font("text", size=9)
    state = STATES.get(incident["state"], incident["state"])
    state = f"{incident['category']} · prioritas {incident['priority']} · {state}"
    sheet.cell(0, 6, state, new_x="LMARGIN", new_y="NEXT")
    sheet.ln(2)
    _clock_table(sheet, times)
    sheet.ln(4)
    sheet.set_font("text", "B", 10)
    sheet.cell(0, 7, f"Lini masa / timeline ({zone[1]})", new_x="LMARGIN", new_y="NEXT")
    _line_table(sheet, lines, city_zone)
    sheet.ln(4)
    sheet.set_font("text", size=7)
    sheet.multi_cell(0, 4, f"Rantai bukti / chain digest: {proof}")
    return bytes(sheet.output())


def _clock_table(sheet: Sheet, times: Clocks) -> None:
    sheet.set_font("text", size=8)
    with sheet.table(
        width=120, align="LEFT", col_widths=(70, 50), first_row_as_headings=False
    ) as table:
        for name in OF_CASE:
            table.row((CLOCK_NAMES[name], _clock(times, name)))
        for name in OF_CALL_BACK:
            if getattr(times, name) is not None or name in times.doubtful:
                table.row((CLOCK_NAMES[name], _clock(times, name)))
        for unit in times.units:
            for name in OF_UNIT:
                table.row((f"{unit.unit_id}: {CLOCK_NAMES[name]}", _clock(unit, name)))


def _clock(times: Clocks | UnitClocks, name: str) -> str:
    return DOUBTFUL if name in times.doubtful else seconds(getattr(times, name))


def _line_table(sheet: Sheet, lines: list[Entry], zone: ZoneInfo) -> None:
    sheet.set_font("text", size=8)
    widths = (12, 26, 30, 110)
    with sheet.table(col_widths=widths, line_height=4.4, text_align="LEFT") as table:
        table.row(("#", "waktu / time", "oleh / by", "apa / what"))
        for line in lines:
            table.row((str(line.seq), _moment(line, zone), line.actor_name, line.text_id))


def _moment(line: Entry, zone: ZoneInfo) -> str:
    """When it happened, with the year if the record has another; and how late it was told."""
    at, recorded_at = line.at.astimezone(zone), line.recorded_at.astimezone(zone)
    shown = at.strftime("%d-%m %H:%M:%S" if at.year == recorded_at.year else "%d-%m-%Y %H:%M:%S")
    return f"{shown} (+{seconds(line.late_s)})" if line.late_s is not None else shown
