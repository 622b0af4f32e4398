"""A supervisor takes a live call over from its seat, or from the parties that have it."""

from tahuri.telephony.protocol.facts.call import CallAnswered, CallResumed, SeatUnmuted
from tahuri.telephony.rpc import Failure
from tahuri.telephony.switch import audio, seats
from tahuri.telephony.switch.control import parties, supervision
from tahuri.telephony.switch.core import SWITCH, Core
from tahuri.telephony.switch.model import Call, Seat
from tahuri.telephony.switch.queue import offers, turns


async def take_over(core: Core, seat: Seat, call_id: str) -> None:
    """A live call becomes this seat's; the former seat writes up.

    Raises:
        Failure: as `supervision.supervise`.
    """
    call = core.calls.get(call_id)
    if call is None or call.phase != "live":
        raise Failure("no-live-call")
    if call.seat_id == seat.seat_id:
        return
    known = supervision.of_seat(call, seat)
    if known is None:
        supervision.can_supervise(core, seat, call)
        supervision.leave_other(core, seat)
    else:
        supervision.told_end(core, call, known, "taken-over")
    former, ringing = audio.seat_of(core, call), call.transfer.leg_id if call.transfer else None
    turns.failed(core, call, "taken-over", actor=seat.operator_id or SWITCH)
    _becomes(core, call, seat)
    if former is not None and former.call_id == call_id:
        seats.freed(core, former)
        offers.dispatch(core)
    await core.done(call_id, lambda: _taken(core, call, ringing))


def _becomes(core: Core, call: Call, seat: Seat) -> None:
    assert seat.operator_id is not None
    if call.on_hold:
        core.of_call(call, CallResumed(), seat.operator_id)
    if call.muted:
        core.of_call(call, SeatUnmuted(), seat.operator_id)
    call.on_hold = call.muted = False
    call.seat_id, call.operator_id = seat.seat_id, seat.operator_id
    call.handed_over_by = ""
    call.relief, call.first_answered_outside = None, False  # whoever helped so far may stay on
    seats.busy(core, seat, call.call_id)
    body = CallAnswered(
        seat_id=seat.seat_id, operator_id=seat.operator_id, robot=seat.robot, how="taken-over"
    )
    core.save_and_tell(call, body, seat.operator_id)
    core.changed()


async def _taken(core: Core, call: Call, ringing: str | None) -> None:
    await offers.drop_phone(core, call)
    party = next((party for party in call.parties if party.leg_id == ringing), None)
    if party is not None and party.state == "calling":
        await parties.left(core, call, party, "dropped")
    await audio.mix(core, call)
    core.save(call)
