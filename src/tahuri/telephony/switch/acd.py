"""Which seat gets the next call.  Pure."""

from collections.abc import Iterable

from tahuri.telephony.switch.model import Call, Seat


def waiting(calls: Iterable[Call]) -> list[Call]:
    """The queue: a call whose seat vanished comes first, then the order of arrival; the slow lane
    comes last.

    Never by the time of day: a clock that is set back must not put the newest caller first.
    """
    queue = [call for call in calls if call.phase == "queued" and call.leg.state == "up"]
    return sorted(
        queue, key=lambda call: (not call.requeued, call.slow, call.arrived_s, call.call_id)
    )


def for_anybody(calls: Iterable[Call]) -> list[Call]:
    """Those that any seat may have: neither parked nor on their way to a certain seat."""
    return [call for call in calls if call.parked is None and not call.turns]


def held_back(call: Call, queue: Iterable[Call]) -> bool:
    """Whether the call may not ring yet: somebody in the normal queue still waits for a seat.

    A parked call, or one for a certain seat, waits for no seat that this call could have."""
    normal = (other for other in for_anybody(queue) if not other.slow)
    return call.slow and any(other.offered_to is None for other in normal)


def choose(call: Call, seats: Iterable[Seat], now_s: float, robot_after_s: float) -> Seat | None:
    """The seat to offer the call to: the longest idle person; if no person is ready and the call
    has waited ``robot_after_s`` seconds, the longest idle robot; None if neither."""
    ready = [seat for seat in seats if seat.state == "ready" and seat.attached]
    found = [seat for seat in ready if not seat.robot]
    if not found and now_s - call.arrived_s >= robot_after_s:
        found = ready
    return min(found, key=lambda seat: (seat.idle_since_s, seat.seat_id), default=None)
