"""Which seat gets the next call.  Pure."""

from collections.abc import Iterable
from datetime import datetime

from tahuri.telephony.switch.model import Call, Seat


def waiting(calls: Iterable[Call]) -> list[Call]:
    """The queue: a call whose seat vanished comes first, then the order of arrival."""
    queue = [call for call in calls if call.phase == "queued" and call.leg.state == "up"]
    return sorted(queue, key=lambda call: (not call.requeued, call.arrived_at, call.call_id))


def choose(call: Call, seats: Iterable[Seat], now: datetime, robot_after_s: float) -> Seat | None:
    """The seat to offer the call to: the longest idle; a robot only if no person is ready or the
    call has waited ``robot_after_s`` seconds; None if nobody is ready."""
    ready = [seat for seat in seats if seat.state == "ready" and seat.attached]
    people = [seat for seat in ready if not seat.robot]
    waited_s = (now - call.arrived_at).total_seconds()
    allowed = ready if waited_s >= robot_after_s else people or ready
    return min(allowed, key=lambda seat: (seat.robot, seat.idle_since, seat.seat_id), default=None)
