"""A seat and its call: answer, hold, mute, and a seat that vanishes."""

from tahuri.telephony.protocol import (
    CallAnswered,
    CallHeld,
    CallRequeued,
    CallResumed,
    SeatMuted,
    SeatUnmuted,
)
from tahuri.telephony.rpc import Failure
from tahuri.telephony.switch import audio, offers, overflow, seats
from tahuri.telephony.switch.core import Core
from tahuri.telephony.switch.model import Call, Seat


def live_call(core: Core, seat: Seat) -> Call:
    """The call the seat talks on.  Raises Failure ``no-live-call``."""
    call = core.calls.get(seat.call_id) if seat.call_id else None
    if call is None or call.phase != "live" or call.seat_id != seat.seat_id:
        raise Failure("no-live-call")
    return call


def claim(core: Core, call_id: str, seat: Seat) -> Call | None:
    """The compare-and-set: exactly one seat gets the call, at one instant.

    Returns:
        The call; None when this seat has answered it before.

    Raises:
        Failure: ``call-already-answered`` by another seat, or ``call-not-offered`` to this one.
    """
    call = core.calls.get(call_id)
    if call is not None and call.phase == "live":
        if call.seat_id == seat.seat_id:
            return None
        raise Failure("call-already-answered")
    if call is None or call.phase != "queued" or seat.seat_id not in call.rings_at:
        raise Failure("call-not-offered")
    if call.leg.state != "up":
        raise Failure("call-not-offered", "the caller has gone")  # abandoned: to be called back
    assert seat.operator_id is not None
    offers.withdraw(core, call, but=seat)
    call.phase, call.offered_to, call.rings_also = "live", None, []
    call.seat_id, call.operator_id = seat.seat_id, seat.operator_id
    call.answered_at, call.first_answered_outside = core.now(), False
    call.on_hold = call.muted = False
    seats.busy(core, seat, call.call_id)
    body = CallAnswered(seat_id=seat.seat_id, operator_id=seat.operator_id, robot=seat.robot)
    core.of_call(call, body, seat.operator_id)
    core.save(call)
    return call


async def connect(core: Core, call: Call) -> None:
    """Let caller and seat hear each other.  A step of the call."""
    if call.phase == "live":
        await audio.mix(core, call)
        await audio.end_notice(core, call)
        await overflow.drop_ringing(core, call)
        core.save(call)


async def answer(core: Core, call_id: str, seat: Seat) -> None:
    """A browser seat answers.  Raises Failure as `claim` does."""
    call = claim(core, call_id, seat)
    if call is not None:
        await core.done(call.call_id, lambda: connect(core, call))


async def hold(core: Core, seat: Seat, on: bool) -> None:
    """Hold or resume.  Raises Failure ``no-live-call``."""
    call = live_call(core, seat)
    if _set_hold(core, call, seat, on):
        await _remix(core, call)


async def phone_holds(core: Core, call: Call, seat: Seat, on: bool) -> None:
    """The seat's phone put its line on hold or took it back.  A step of the call."""
    if call.phase == "live" and call.seat_id == seat.seat_id and _set_hold(core, call, seat, on):
        core.changed()
        await audio.mix(core, call)


def _set_hold(core: Core, call: Call, seat: Seat, on: bool) -> bool:
    if call.on_hold == on:
        return False
    call.on_hold = on
    core.of_call(call, CallHeld() if on else CallResumed(), seat.operator_id or "")
    return True


async def mute(core: Core, seat: Seat, on: bool) -> None:
    """Nobody hears the seat, or everybody again.  Raises Failure ``no-live-call``."""
    call = live_call(core, seat)
    if call.muted == on:
        return
    call.muted = on
    core.of_call(call, SeatMuted() if on else SeatUnmuted(), seat.operator_id or "")
    await _remix(core, call)


async def _remix(core: Core, call: Call) -> None:
    core.changed()
    core.save(call)
    await core.done(call.call_id, lambda: audio.mix(core, call))


def lose_seat(core: Core, seat: Seat, after_s: float) -> None:
    """The seat is gone: its offer goes to the next, its call to the head of the queue."""
    call = core.calls.get(seat.call_id) if seat.call_id else None
    if call is not None and seat.seat_id in call.rings_at:
        offers.withdraw_at(core, call, seat)
    seats.vanished(core, seat, after_s)
    if call is not None and call.phase == "live" and call.seat_id == seat.seat_id:
        requeue(core, call, seat)
    offers.dispatch(core)


def requeue(core: Core, call: Call, seat: Seat) -> None:
    """Back to the head of the queue; the caller hears the tone and is never dropped."""
    call.phase, call.requeued = "queued", True
    call.queued_s, call.overflow_next = core.monotonic_s(), 0
    call.seat_id = call.operator_id = None
    call.on_hold = call.muted = False
    core.of_call(call, CallRequeued(seat_id=seat.seat_id, reason="seat-vanished"))
    core.save(call)
    core.changed()

    async def step() -> None:
        if call.phase == "queued":
            await audio.mix(core, call)
            await offers.drop_phone(core, call)
            core.save(call)

    core.post(call.call_id, step)
