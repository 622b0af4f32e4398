"""What follows when nobody has called a caller back in time, or told how a call-back ended."""

from collections.abc import Mapping
from datetime import timedelta
from typing import Any

from tahuri.callbacks.decider import END_UNKNOWN, ITEM, EndAttempt, NoticeOverdue, decide
from tahuri.kernel.deadlines import Handler
from tahuri.kernel.event import StreamId
from tahuri.kernel.ids import CallId
from tahuri.kernel.log import Log

OVERDUE = "callbacks.overdue"
UNENDED = "callbacks.unended"
ATTEMPT_MAX = timedelta(hours=1)
"""A call-back whose end is not told by then keeps its caller from no other."""


def overdue_key(callback_id: str) -> str:
    """The deadline of one item."""
    return f"callback/{callback_id}"


async def attempt_due(log: Log, key: str, body: Mapping[str, Any], late_s: float) -> None:
    """Tells the room, once; nothing if somebody called or the item is closed."""
    stream = StreamId("callback", body["callback_id"])
    command = NoticeOverdue(due_s=body["due_s"], late_s=round(late_s, 1))
    await log.append(stream, decide(command, ITEM.state(await log.read(stream))))


def unended_key(callback_id: str, call_id: str) -> str:
    """The deadline of one attempt's end."""
    return f"callback/{callback_id}/{call_id}"


async def attempt_unended(log: Log, key: str, body: Mapping[str, Any], late_s: float) -> None:
    """Its caller may be called again; nothing if it has ended."""
    stream = StreamId("callback", body["callback_id"])
    command = EndAttempt(call_id=CallId(body["call_id"]), result=END_UNKNOWN)
    await log.append(stream, decide(command, ITEM.state(await log.read(stream))))


DEADLINES: Mapping[str, Handler] = {OVERDUE: attempt_due, UNENDED: attempt_unended}
