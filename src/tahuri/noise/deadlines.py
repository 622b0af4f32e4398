"""Measures that end by themselves: their time is over, or nobody reviewed them."""

from collections.abc import Mapping
from typing import Any

from tahuri.kernel.deadlines import Handler
from tahuri.kernel.event import StreamId
from tahuri.kernel.log import Log
from tahuri.noise.decider import MEASURE, LetEnd
from tahuri.noise.events import EndReason

REVIEW = "noise.review"
EXPIRY = "noise.expiry"


def key_of(kind: str, measure_id: str) -> str:
    """The deadline of one measure."""
    return f"{kind}/{measure_id}"


async def _end(log: Log, body: Mapping[str, Any], reason: EndReason) -> None:
    stream = StreamId("measure", body["measure_id"])
    events = MEASURE.decide(LetEnd(reason=reason), MEASURE.state(await log.read(stream)))
    await log.append(stream, events)


async def review_due(log: Log, key: str, body: Mapping[str, Any], late_s: float) -> None:
    """Nobody has confirmed it: it ends; nothing if somebody has."""
    await _end(log, body, EndReason.UNREVIEWED)


async def expired(log: Log, key: str, body: Mapping[str, Any], late_s: float) -> None:
    """Its time is over."""
    await _end(log, body, EndReason.EXPIRED)


DEADLINES: Mapping[str, Handler] = {REVIEW: review_due, EXPIRY: expired}
