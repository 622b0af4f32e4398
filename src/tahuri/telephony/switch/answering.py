"""A seat and its call: answer, pick up, hold, mute, and a seat that is off its call."""

from collections.abc import Sequence
from typing import Literal

from tahuri.telephony.protocol.facts.call import (
    CallAnswered,
    CallHeld,
    CallResumed,
    SeatMuted,
    SeatUnmuted,
)
from tahuri.telephony.protocol.facts.queue import CallRequeued, OverflowReturned
from tahuri.telephony.protocol.words import AnsweredHow
from tahuri.telephony.rpc import Failure
from tahuri.telephony.switch import audio, seats
from tahuri.telephony.switch.control import supervision
from tahuri.telephony.switch.core import Core
from tahuri.telephony.switch.model import Call, Seat
from tahuri.telephony.switch.quality import lines
from tahuri.telephony.switch.queue import acd, offers, overflow, peers, turns

RequeuedReason = Literal["seat-vanished", "transfer-failed", "park-over", "party-lost", "node-lost"]


def live_call(core: Core, seat: Seat) -> Call:
    """The call the seat talks on.  Raises Failure ``no-live-call``."""
    call = core.calls.get(seat.call_id) if seat.call_id else None
    if call is None or call.phase != "live" or call.seat_id != seat.seat_id:
        raise Failure("no-live-call")
    return call


def claim(core: Core, call_id: str, seat: Seat, how: AnsweredHow = "offered") -> Call | None:
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
    if call is None or call.phase != "queued":
        raise Failure("call-not-offered")
    if how == "offered" and seat.seat_id not in call.rings_at:
        raise Failure("call-not-offered")
    if not call.present:
        raise Failure("call-not-offered", "the caller has gone")  # abandoned: to be called back
    assert seat.operator_id is not None
    offers.withdraw(core, call, but=seat)
    call.phase, call.offered_to, call.rings_also = "live", None, []
    call.seat_id, call.operator_id = seat.seat_id, seat.operator_id
    call.answered_at, call.first_answered_outside = call.answered_at or core.now(), False
    call.handed_over_by = ""
    call.on_hold = call.muted = False
    seats.busy(core, seat, call.call_id)
    body = CallAnswered(
        seat_id=seat.seat_id, operator_id=seat.operator_id, robot=seat.robot, how=how
    )
    if call.leg.state == "up":  # else its own node tells, when it hears of it
        core.of_call(call, body, seat.operator_id)
    turns.answered(core, call, seat)
    core.save(call)
    return call


async def connect(core: Core, call: Call) -> None:
    """Let caller and seat hear each other.  A step of the call."""
    if call.phase == "live":
        peers.accept(core, call)
        seat = audio.seat_of(core, call)
        if seat is not None and seat.kind == "browser":
            await offers.drop_phone(core, call)  # it rang at a phone until this moment
        await audio.mix(core, call)
        await audio.end_notice(core, call)
        await lines.seat_begins(core, call)
        await overflow.drop_ringing(core, call)
        core.save(call)


async def answer(core: Core, call_id: str, seat: Seat) -> None:
    """A browser seat answers.  Raises Failure as `claim` does."""
    call = claim(core, call_id, seat)
    if call is not None:
        await core.done(call.call_id, lambda: connect(core, call))


async def pick_up(core: Core, call_id: str, seat: Seat, how: AnsweredHow = "picked-up") -> None:
    """A seat takes a call that waits, is parked, or rings elsewhere; at a phone seat it rings.

    Raises:
        Failure: as `claim`; ``seat-busy``; ``media-unavailable``; ``seat-not-ready`` for a phone.
    """
    call = core.calls.get(call_id)
    if call is not None and call.phase == "live" and call.seat_id == seat.seat_id:
        return
    if call is not None and call.phase == "live":
        raise Failure("call-already-answered")
    if call is None or call.phase != "queued" or not call.present:
        raise Failure("call-not-offered", "the caller has gone")
    if not acd.may_see(call, seat, core.settings):
        raise Failure("call-not-offered", "no rule lets this desk take part")
    if seat.state in ("busy", "supervising"):
        raise Failure("seat-busy")
    if not seat.attached or seat.media != "connected":
        raise Failure("media-unavailable")
    other = core.calls.get(seat.call_id) if seat.call_id else None
    if other is not None and other is not call and seat.seat_id in other.rings_at:
        offers.withdraw_at(core, other, seat)  # it rings here, and goes on to the next
    if seat.kind == "sip":
        _ring_here(core, call, seat)
        return
    claim(core, call_id, seat, how)
    offers.dispatch(core)
    await core.done(call_id, lambda: connect(core, call))


def _ring_here(core: Core, call: Call, seat: Seat) -> None:
    if seat.seat_id in call.rings_at:
        return
    if not turns.can_ring(seat):
        raise Failure("seat-not-ready")
    offers.withdraw(core, call)
    call.parked = None
    call.turns = [seat.seat_id, *(one for one in call.turns if one != seat.seat_id)]
    core.save(call)
    offers.dispatch(core)


async def take_back(core: Core, call_id: str, seat: Seat) -> None:
    """A call that this seat sent on or parked is its own again.  Raises Failure as `pick_up`."""
    call = core.calls.get(call_id)
    sent = call is not None and call.transfer is not None and call.transfer.seat_id == seat.seat_id
    parked = call is not None and call.parked is not None and call.parked.seat_id == seat.seat_id
    if not sent and not parked:
        raise Failure("call-not-offered")
    await pick_up(core, call_id, seat, "taken-back")


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
    supervision.leave(core, seat, "seat-vanished")
    seats.vanished(core, seat, after_s)
    if call is not None and call.phase == "live" and call.seat_id == seat.seat_id:
        if call.transfer is not None:
            leave(core, call)  # its target rings on; should nobody come, the call is queued
            core.post(call.call_id, lambda: without_seat(core, call))
        else:
            requeue(core, call, seat.seat_id)
    offers.dispatch(core)


def leave(core: Core, call: Call) -> None:
    """The call goes on without its seat; let `without_seat` follow."""
    _left(call)
    core.save(call)
    core.changed()


def _left(call: Call) -> None:
    call.handed_over_by = call.seat_id or call.handed_over_by
    if call.relief is not None and call.first_answered_outside:
        call.answered_at, call.first_answered_outside = None, False  # nobody has helped yet
    call.relief = None
    call.seat_id = call.operator_id = None
    call.on_hold = call.muted = False


def set_aside(core: Core, call: Call) -> None:
    """The call waits, before all others, for whoever is to have it; let it be saved and
    `without_seat` follow."""
    _left(call)
    call.phase, call.requeued = "queued", True
    waits_anew(core, call)
    core.changed()


def waits_anew(core: Core, call: Call) -> None:
    """Overflow counts from now: what has waited before was not this wait."""
    call.queued_s, call.overflow_next, call.overflow_done = core.monotonic_s(), 0, 0


async def without_seat(core: Core, call: Call) -> None:
    """The phone of a seat that has left is hung up.  A step of the call."""
    if call.seat_id is None:
        await offers.drop_phone(core, call)
    await audio.mix(core, call)
    core.save(call)


def requeue(
    core: Core,
    call: Call,
    seat_id: str,
    reason: RequeuedReason = "seat-vanished",
    first: Sequence[str] = (),
) -> None:
    """Back to the head of the queue; the caller hears the tone and is never dropped.

    Args:
        first: seats at which it is to ring before all others.
    """
    outside = call.relief
    _left(call)
    call.phase, call.requeued, call.turns = "queued", True, list(first)
    waits_anew(core, call)
    if outside is not None:
        core.save_and_tell(call, OverflowReturned(leg_id=outside))
    else:
        core.save_and_tell(call, CallRequeued(seat_id=seat_id, reason=reason))
    core.changed()

    async def step() -> None:
        if call.phase == "queued":
            await audio.mix(core, call)
            await offers.drop_phone(core, call)
            core.save(call)

    core.post(call.call_id, step)
