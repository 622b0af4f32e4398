"""How lines sounded in the last minutes, and what of it a leg's last fact keeps.  Pure."""

from collections import deque
from datetime import datetime

import msgspec
from msgspec import Struct

from tahuri.telephony.media import quality
from tahuri.telephony.media.protocol import PortFigures
from tahuri.telephony.protocol.snapshot import LineSpan
from tahuri.telephony.switch.model import Heard

SPAN_S = 10.0
SPANS_MAX = 30
"""Five minutes of each leg."""


class _Span(Struct, kw_only=True):
    number: int
    """Since the clock that never steps began, in spans: those of all legs end together."""
    began: datetime
    looks: int = 0
    mos_sum: float = 0.0
    worst_mos: float = 5.0
    missed: int = 0
    expected: int = 0


class LineHistory:
    """The last spans of one leg in one call."""

    def __init__(self) -> None:
        self._spans: deque[_Span] = deque(maxlen=SPANS_MAX)

    def add(self, line: quality.Measured, now_s: float, now: datetime) -> bool:
        """Take one look at the line; True when a span began with it."""
        number = int(now_s // SPAN_S)
        begins = not self._spans or self._spans[-1].number != number
        if begins:
            self._spans.append(_Span(number=number, began=now))
        span, mos = self._spans[-1], heard_mos(line)
        span.looks += 1
        span.mos_sum += mos
        span.worst_mos = min(span.worst_mos, mos)
        span.missed += line.lost + line.late
        span.expected += line.received + line.lost
        return begins

    def views(self) -> list[LineSpan]:
        """Oldest first; the last one is not over."""
        return [
            LineSpan(
                began=span.began,
                verdict=quality.verdict_of(span.worst_mos),
                mos=round(span.mos_sum / span.looks, 2),
                worst_mos=span.worst_mos,
                loss=round(min(1.0, span.missed / span.expected), 4),
            )
            for span in self._spans
        ]


def heard_mos(line: quality.Measured) -> float:
    """The worse of both directions."""
    return line.mos if line.their_mos is None else min(line.mos, line.their_mos)


def note(heard: Heard, line: quality.Measured, now: PortFigures, over_s: float) -> None:
    """Add one look to what the whole call's summary is made of.

    Args:
        over_s: seconds that the look speaks of.
    """
    mos = heard_mos(line)
    heard.looks += 1
    heard.jitter_ms += now.jitter_ms
    heard.buffer_ms += now.buffer_ms
    if now.rtt_ms is not None:
        heard.rtt_looks += 1
        heard.rtt_ms += now.rtt_ms
    heard.worst_mos = mos if heard.worst_mos is None else min(heard.worst_mos, mos)
    if quality.verdict_of(mos) == "bad":
        heard.bad_s = round(heard.bad_s + over_s, 1)


def averaged(now: PortFigures, heard: Heard | None) -> PortFigures:
    """The last figures of a leg, with means in place of what only speaks of its last moment."""
    if heard is None or heard.looks == 0:
        return now
    return msgspec.structs.replace(
        now,
        jitter_ms=round(heard.jitter_ms / heard.looks, 1),
        buffer_ms=round(heard.buffer_ms / heard.looks, 1),
        rtt_ms=round(heard.rtt_ms / heard.rtt_looks, 1) if heard.rtt_looks else now.rtt_ms,
    )
