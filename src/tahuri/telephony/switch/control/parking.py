"""Parked calls: the caller waits in a numbered place until a seat picks them up."""

from tahuri.telephony.protocol.facts.queue import CallParked, CallRequeued
from tahuri.telephony.rpc import Failure
from tahuri.telephony.switch import answering, audio, seats
from tahuri.telephony.switch.core import Core
from tahuri.telephony.switch.model import Call, Parked, Seat
from tahuri.telephony.switch.queue import offers


async def park(core: Core, seat: Seat) -> int:
    """Park the seat's call; the seat is free.  Returns the number of the place.

    Raises:
        Failure: ``no-live-call``; ``seat-busy`` while the call is being transferred.
    """
    call = answering.live_call(core, seat)
    if call.transfer is not None:
        raise Failure("seat-busy", "a transfer is on its way")
    assert seat.operator_id is not None
    slot, operator_id = _free_slot(core), seat.operator_id
    call.parked = Parked(
        slot=slot,
        seat_id=seat.seat_id,
        operator_id=operator_id,
        since=core.now(),
        due_s=core.monotonic_s() + core.settings.park_s,
    )
    answering.set_aside(core, call)
    body = CallParked(seat_id=seat.seat_id, operator_id=operator_id, slot=slot)
    core.save_and_tell(call, body, operator_id)
    seats.freed(core, seat)
    core.changed()
    offers.dispatch(core)
    await core.done(call.call_id, lambda: answering.without_seat(core, call))
    return slot


def due(core: Core, call: Call) -> None:
    """Nobody has picked the call up: it rings where it was parked, then in the queue."""
    parked, call.parked = call.parked, None
    if parked is None:
        return
    call.turns = [parked.seat_id]
    answering.waits_anew(core, call)
    core.save_and_tell(call, CallRequeued(seat_id=parked.seat_id, reason="park-over"))
    core.changed()
    core.post(call.call_id, lambda: audio.mix(core, call))
    offers.dispatch(core)


def _free_slot(core: Core) -> int:
    taken = {call.parked.slot for call in core.calls.values() if call.parked is not None}
    return next(slot for slot in range(1, len(taken) + 2) if slot not in taken)
