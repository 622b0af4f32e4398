"""Offers: each call rings at one seat at a time."""

import logging

from tahuri.telephony.media.protocol import MediaRefused
from tahuri.telephony.protocol import CallOffered, OfferMissed, OfferWithdrawn
from tahuri.telephony.rpc import Unavailable
from tahuri.telephony.sip.transaction import Flow
from tahuri.telephony.switch import acd, audio, seats, turns
from tahuri.telephony.switch.core import Core, Place
from tahuri.telephony.switch.model import Call, Phone, Seat

log = logging.getLogger(__name__)


def dispatch(core: Core) -> None:
    """Offer every waiting call that has a seat ready for it.  Instant."""
    now_s = core.monotonic_s()
    queue = acd.waiting(core.calls.values())
    for call in queue:
        if call.offered_to is not None or turns.takes(core, call, offer):
            continue
        if acd.held_back(call, queue):
            continue
        seat = acd.choose(call, core.seats.values(), now_s, core.settings.robot_after_s)
        if seat is not None:
            offer(core, call, seat)


def offer(core: Core, call: Call, seat: Seat) -> None:
    """Let the call ring at a ready seat."""
    assert seat.operator_id is not None
    call.offered_to = seat.seat_id
    call.offer_due = core.monotonic_s() + core.settings.offer_s
    seats.offered(core, seat, call.call_id)
    core.of_call(call, CallOffered(seat_id=seat.seat_id, operator_id=seat.operator_id))
    core.save(call)
    if seat.kind == "sip":
        core.post(call.call_id, lambda: _ring(core, call, seat))


def missed(core: Core, call: Call) -> None:
    """Nobody answered there in time: the seat is not ready, the call goes to the next."""
    seat = _over(core, call, missed=True)
    if seat is not None:
        turns.missed(core, call, seat)
    if seat is not None and seat.operator_id is not None:
        core.of_call(call, OfferMissed(seat_id=seat.seat_id, operator_id=seat.operator_id))
    dispatch(core)


def withdraw(core: Core, call: Call) -> None:
    """The call no longer rings there, through no fault of the seat."""
    seat = _over(core, call, missed=False)
    if seat is not None and seat.operator_id is not None:
        body = OfferWithdrawn(seat_id=seat.seat_id, operator_id=seat.operator_id)
        core.of_call(call, body)


def _over(core: Core, call: Call, missed: bool) -> Seat | None:
    seat = core.seats.get(call.offered_to) if call.offered_to else None
    call.offered_to = None
    core.post(call.call_id, lambda: hang_up_phone(core, call))
    if seat is not None:
        seats.offer_over(core, seat, missed)
    core.save(call)
    return seat


async def hang_up_phone(core: Core, call: Call) -> None:
    """End the leg to a SIP seat, unless the seat talks on it."""
    if call.phase == "live":
        return
    await drop_phone(core, call)


async def drop_phone(core: Core, call: Call) -> None:
    """End the leg to a SIP seat."""
    phone, call.phone = call.phone, None
    if phone is None:
        return
    core.places.pop(phone.leg.name, None)
    core.perform(core.endpoint.agent.hang_up(phone.leg, core.sip_now))
    if call.call_id in core.calls:
        await audio.mix(core, call)
    await audio.free(core, phone.audio.port)


async def _ring(core: Core, call: Call, seat: Seat) -> None:
    """INVITE the seat's phone."""
    if call.offered_to != seat.seat_id or call.phone is not None:
        return
    try:
        port = await audio.open_leg(core, f"seat {seat.seat_id}")
    except (MediaRefused, Unavailable):
        log.warning("no audio for a seat's phone")
        withdraw(core, call)
        return
    number = call.number or "anonymous"
    local = core.local(number)
    flow = Flow(seat.transport, seat.host, seat.port_sip)
    agent = core.endpoint.agent
    leg, outputs = agent.call(local, seat.contact, flow, audio.offer_of(port), core.sip_now)
    leg.nat = seat.nat
    call.phone = Phone(audio=port, leg=leg)
    core.places[leg.name] = Place(call.call_id, "seat", seat.seat_id)
    core.ports[port.port] = Place(call.call_id, "seat", seat.seat_id)
    core.perform(outputs)
    core.save(call)
