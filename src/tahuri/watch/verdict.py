"""Is the telephone alive?  One word, and why.  Pure."""

from collections.abc import Iterable, Mapping
from datetime import datetime, timedelta
from typing import Any, Literal

from msgspec import Struct

PERIODS_MAX = 3
"""Test calls in a row that may be missed before a line counts as silent."""
ROUND_LATE = timedelta(minutes=4)
"""The watch looks each minute; after so long without a look nobody watches."""

State = Literal["alive", "degraded", "dead"]
FATAL = frozenset({"switch-down", "media-down", "edge-silent", "lines-silent"})
"""Nobody who dials can be answered."""
EDGES = frozenset({"edge", "edge-ipv4", "edge-ipv6"})
"""Lines of our own edge: one, or one for each address that the switch listens at."""


class Reason(Struct, frozen=True, kw_only=True):
    """Why the telephone is not wholly alive."""

    code: str
    about: str = ""
    since: datetime | None = None
    numbers: dict[str, float] = {}


class Line(Struct, frozen=True, kw_only=True):
    """A line by which test calls come, and what became of the last."""

    name: str
    last_at: datetime | None = None
    last_ok_at: datetime | None = None
    ok: bool = False
    fault: str | None = None
    status: int | None = None
    answer_ms: int | None = None
    sound_ms: int | None = None
    begun_at: datetime | None = None
    """Since when it is tried."""


class Verdict(Struct, frozen=True, kw_only=True):
    """The answer."""

    state: State
    reasons: list[Reason]


def silent(line: Line, now: datetime, every_s: float) -> bool:
    """Whether no test call has succeeded for too long."""
    last = _last(line)
    return last is not None and now - last > timedelta(seconds=PERIODS_MAX * every_s)


def _last(line: Line) -> datetime | None:
    return line.last_ok_at or line.begun_at


def _of_edges(late: list[Line], edges: frozenset[str]) -> list[Reason]:
    """All of our own edge is silent, or the listeners that are, each by its name."""
    if late and len(late) == len(edges):
        since = max(filter(None, map(_last, late)), default=None)
        return [Reason(code="edge-silent", about="edge", since=since)]
    return [Reason(code="edge-half-silent", about=one.name, since=_last(one)) for one in late]


def verdict(
    *,
    parts: Mapping[str, Mapping[str, Any]],
    alarms: Iterable[Reason],
    findings: Iterable[Reason],
    lines: Iterable[Line],
    round_at: datetime | None,
    now: datetime,
    every_s: float,
) -> Verdict:
    """How the telephone is.

    Args:
        parts: as ``/healthz`` has them.
        alarms: of the switch.
        findings: open, not accepted.
        lines: with their last test calls; none when ``every_s`` is 0.
        round_at: when the watch looked last; None when it never did.
    """
    reasons = [
        Reason(code=f"{name}-down")
        for name in ("switch", "media", "database", "disk")
        if not parts.get(name, {}).get("ok", False)
    ]
    if parts.get("switch", {}).get("ok") and parts["switch"].get("seats_ready") == 0:
        reasons.append(Reason(code="no-seat-ready"))
    late = [one for one in lines if every_s > 0 and silent(one, now, every_s)]
    tried = [one.name for one in lines]
    reasons += _of_edges([one for one in late if one.name in EDGES], EDGES.intersection(tried))
    reasons += [
        Reason(code="line-silent", about=one.name, since=_last(one))
        for one in late
        if one.name not in EDGES
    ]
    trunks = [name for name in tried if name not in EDGES]
    if trunks and all(name in {one.name for one in late} for name in trunks):
        reasons.append(Reason(code="lines-silent"))
    if round_at is None or now - round_at > ROUND_LATE:
        reasons.append(Reason(code="nobody-watches", since=round_at))
    told = {(one.code, one.about) for one in reasons}
    silent_lines = {one.name for one in late}
    for alarm in alarms:
        known = alarm.code == "test-call-missing" and alarm.about in silent_lines
        known = known or (alarm.code == "media-lost" and ("media-down", "") in told)
        if not known and (alarm.code, alarm.about) not in told:
            reasons.append(alarm)
    for finding in findings:
        known = finding.code == "test-call-failed" and finding.about in silent_lines
        if not known:
            reasons.append(finding)
    reasons.sort(key=lambda one: one.code not in FATAL)
    if any(one.code in FATAL for one in reasons):
        return Verdict(state="dead", reasons=reasons)
    return Verdict(state="degraded" if reasons else "alive", reasons=reasons)
