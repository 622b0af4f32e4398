"""Ready seats that are kept for the calls of a trunk group while calls of others wait.  Pure.

A flood by one way in must not take every seat from the callers of another.  Nobody is refused or
forgotten for it: a kept seat that nobody of its group has called within ``reserved_seat_wait_s``
goes to whoever waits.
"""

from collections import Counter
from collections.abc import Iterable, Mapping

from tahuri.telephony.switch.config import Settings
from tahuri.telephony.switch.edge.admission import group_of
from tahuri.telephony.switch.model import Call, Seat
from tahuri.telephony.switch.queue import acd


def reserves(settings: Settings) -> dict[str, int]:
    """Group → seats kept for it, in the order of the settings; without those of none."""
    found: Counter[str] = Counter()
    for trunk in settings.trunks:
        found[trunk.group or trunk.name] += trunk.reserved_seats
    return {group: seats for group, seats in found.items() if seats > 0}


def used(calls: Iterable[Call], settings: Settings) -> Counter[str]:
    """Group → its callers that ring or talk at a seat."""
    return Counter(
        group_of(settings.trunks, call.trunk)
        for call in calls
        if call.direction == "in" and (call.offered_to is not None or call.seat_id is not None)
    )


def owed(group: str, kept: Mapping[str, int], in_use: Mapping[str, int], on_duty: int) -> int:
    """Seats that must stay ready when a call of that group is offered.

    Args:
        kept: group → seats kept for it; whoever comes first gets its share first.
        in_use: group → seats that its calls have already.
        on_duty: seats where somebody works; one of them is never kept.
    """
    left, total = max(0, on_duty - 1), 0
    for other, wanted in kept.items():
        share = min(wanted, left)
        left -= share
        if other != group:
            total += max(0, share - in_use.get(other, 0))
    return total


def left_for(
    call: Call,
    found: list[Seat],
    seats: Iterable[Seat],
    in_use: Mapping[str, int],
    kept: Mapping[str, int],
    now_s: float,
    settings: Settings,
) -> list[Seat]:
    """Those of the seats found where the call may ring now, in the order given.

    Args:
        found: ready seats that would take it.
        in_use: as `used` counts.
        kept: as `reserves` says; empty: nothing is kept.
    """
    if not kept or call.requeued or not found or found[0].robot:
        return found
    part = [
        seat
        for seat in seats
        if seat.attached and not seat.robot and acd.takes_part(call, seat, settings)
    ]
    ready = sum(seat.state == "ready" for seat in part)
    on_duty = sum(is_on_duty(seat) for seat in part)
    free = ready - owed(group_of(settings.trunks, call.trunk), kept, in_use, on_duty)
    return [
        seat
        for number, seat in enumerate(found)
        if number < free or now_s >= gives_way_s(call, seat, now_s, settings)
    ]


def is_on_duty(seat: Seat) -> bool:
    """Whether somebody takes calls there: ready, ringing, talking, or writing up."""
    return seat.state in ("ready", "offered", "busy") or seat.reason == "wrap-up"


def gives_way_s(call: Call, seat: Seat, now_s: float, settings: Settings) -> float:
    """When the seat goes to the call though it is kept: both have waited long enough by then.

    A moment that lies ahead is of a clock that has begun anew: nobody is held back for it.
    """
    if max(call.queued_s, seat.idle_since_s) > now_s:
        return now_s
    return max(call.queued_s, seat.idle_since_s) + settings.reserved_seat_wait_s
