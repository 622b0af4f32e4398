"""Offers: a call rings at one seat at a time, or at all that are ready."""

import logging

from tahuri.telephony.media.protocol import MediaRefused
from tahuri.telephony.protocol.facts.queue import CallOffered, OfferMissed, OfferWithdrawn
from tahuri.telephony.rpc import Unavailable
from tahuri.telephony.sip.transaction import Flow
from tahuri.telephony.switch import audio, seats
from tahuri.telephony.switch.control import consultation
from tahuri.telephony.switch.core import Core, Place
from tahuri.telephony.switch.model import Call, Phone, Seat
from tahuri.telephony.switch.queue import acd, reserve, turns

log = logging.getLogger(__name__)


def dispatch(core: Core) -> None:
    """Offer every waiting call that has a seat ready for it.  Instant."""
    now_s, settings = core.monotonic_s(), core.settings
    everywhere = settings.distribution == "ring-all"
    queue = acd.waiting(core.calls.values())
    kept, in_use = reserve.reserves(settings), None
    held_back: dict[str, float] = {}
    for call in queue:
        if call.offered_to is not None and (not everywhere or call.turns):
            continue
        if turns.takes(core, call, offer) or acd.held_back(call, queue):
            in_use = None
            continue
        found = acd.choose(call, core.seats.values(), now_s, settings)
        if found and kept:
            in_use = reserve.used(core.calls.values(), settings) if in_use is None else in_use
            everybody, ready = core.seats.values(), found
            found = reserve.left_for(call, ready, everybody, in_use, kept, now_s, settings)
            if not found and call.offered_to is None:
                gives_way = (reserve.gives_way_s(call, seat, now_s, settings) for seat in ready)
                held_back[call.call_id] = min(gives_way)
        for seat in found if everywhere else found[:1]:
            offer(core, call, seat)
            in_use = None
    if held_back != core.held_back:
        core.held_back = held_back
        core.changed()


def offer(core: Core, call: Call, seat: Seat) -> None:
    """Let the call ring at a ready seat."""
    assert seat.operator_id is not None
    now_s = core.monotonic_s()
    if call.offered_to is None:
        call.offered_to = seat.seat_id
        call.offer_due = now_s + core.settings.offer_s
    else:
        call.rings_also.append(seat.seat_id)
    seat.offered_s = now_s
    seats.offered(core, seat, call.call_id)
    core.of_call(call, CallOffered(seat_id=seat.seat_id, operator_id=seat.operator_id))
    core.save(call)
    if seat.kind == "sip":
        core.post(call.call_id, lambda: _ring(core, call, seat))


def missed(core: Core, call: Call) -> None:
    """Nobody answered in time: those seats are not ready, the call goes to the next.

    A seat that joined in when the others had long been ringing has missed nothing.
    """
    now_s = core.monotonic_s()
    for seat_id in call.rings_at:
        seat = core.seats.get(seat_id)
        late = seat is not None and now_s - seat.offered_s < core.settings.offer_s / 2
        _over(core, call, seat_id, missed=not late)
    dispatch(core)


def missed_at(core: Core, call: Call, seat: Seat) -> None:
    """The seat's phone declined: it is not ready; elsewhere the call rings on."""
    _over(core, call, seat.seat_id, missed=True)
    dispatch(core)


def withdraw(core: Core, call: Call, but: Seat | None = None) -> None:
    """The call no longer rings, through no fault of the seats.

    Args:
        but: the seat that answers; it is not told.
    """
    for seat_id in call.rings_at:
        if but is None or seat_id != but.seat_id:
            _over(core, call, seat_id, missed=False)


def withdraw_at(core: Core, call: Call, seat: Seat) -> None:
    """The call no longer rings at that one seat."""
    _over(core, call, seat.seat_id, missed=False)


def _over(core: Core, call: Call, seat_id: str, missed: bool) -> None:
    """The call no longer rings there."""
    if seat_id not in call.rings_at:
        return
    left = [one for one in call.rings_at if one != seat_id]
    call.offered_to, call.rings_also = (left[0] if left else None), left[1:]
    core.post(call.call_id, lambda: hang_up_phone(core, call, seat_id))
    seat = core.seats.get(seat_id)
    if seat is not None:
        seats.offer_over(core, seat, missed)
        if missed:
            turns.missed(core, call, seat)
        if seat.operator_id is not None:
            kind = OfferMissed if missed else OfferWithdrawn
            core.of_call(call, kind(seat_id=seat_id, operator_id=seat.operator_id))
    core.save(call)


def phone_at(call: Call, seat_id: str) -> Phone | None:
    """The leg to a SIP seat: it talks there, or it rings."""
    if call.phone is not None and call.phone.seat_id in ("", seat_id):
        return call.phone
    return next((phone for phone in call.ringing if phone.seat_id == seat_id), None)


async def hang_up_phone(core: Core, call: Call, seat_id: str) -> None:
    """End the leg that rings at a SIP seat, unless it rings there anew.  A step of the call."""
    for phone in [one for one in call.ringing if one.seat_id == seat_id]:
        if seat_id not in call.rings_at and phone is not call.phone:
            await drop_ringing(core, call, phone)


async def drop_ringing(core: Core, call: Call, phone: Phone) -> None:
    """End a leg that rings.  A step of the call."""
    if phone in call.ringing:
        call.ringing.remove(phone)
        core.places.pop(phone.leg.name, None)
        core.perform(core.endpoint.agent.hang_up(phone.leg, core.sip_now))
        await audio.free(core, phone.audio.port)


async def drop_phone(core: Core, call: Call) -> None:
    """End the legs to the SIP seat that it talked with.  A step of the call."""
    await consultation.over(core, call, "seat-left")
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
    if seat.seat_id not in call.rings_at or phone_at(call, seat.seat_id) is not None:
        return
    try:
        port = await audio.open_leg(core, f"seat {seat.seat_id}", seat.host)
    except (MediaRefused, Unavailable):
        log.warning("no audio for a seat's phone")
        withdraw_at(core, call, seat)
        return
    number = call.number or "anonymous"
    local = core.local(number)
    flow = Flow(seat.transport, seat.host, seat.port_sip)
    agent = core.endpoint.agent
    leg, outputs = agent.call(local, seat.contact, flow, audio.offer_of(port), core.sip_now)
    leg.nat = seat.nat
    call.ringing.append(Phone(audio=port, leg=leg, seat_id=seat.seat_id))
    core.places[leg.name] = Place(call.call_id, "seat", seat.seat_id)
    core.ports[port.port] = Place(call.call_id, "seat", seat.seat_id)
    core.save(call)  # before it rings: killed from here on, the next process cancels it
    core.perform(outputs)
