"""What follows when nobody has called a caller back in time."""

from collections.abc import Mapping
from typing import Any

from tahuri.callbacks.decider import ITEM, NoticeOverdue, decide
from tahuri.kernel.deadlines import Handler
from tahuri.kernel.event import StreamId
from tahuri.kernel.log import Log

OVERDUE = "callbacks.overdue"


def overdue_key(callback_id: str) -> str:
    """The deadline of one item."""
    return f"callback/{callback_id}"


async def attempt_due(log: Log, key: str, body: Mapping[str, Any], late_s: float) -> None:
    """Tells the room, once; nothing if somebody called or the item is closed."""
    stream = StreamId("callback", body["callback_id"])
    command = NoticeOverdue(due_s=body["due_s"], late_s=round(late_s, 1))
    await log.append(stream, decide(command, ITEM.state(await log.read(stream))))


DEADLINES: Mapping[str, Handler] = {OVERDUE: attempt_due}
