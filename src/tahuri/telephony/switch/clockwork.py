"""What happens because time passes: missed offers, vanished seats, parties that never answer."""

import logging

from tahuri.telephony.switch import answering, audio, ending, seats
from tahuri.telephony.switch.control import (
    conference,
    outgoing,
    parking,
    parties,
    refers,
    supervision,
)
from tahuri.telephony.switch.core import Core
from tahuri.telephony.switch.model import Call, Seat
from tahuri.telephony.switch.queue import lane, offers, overflow, peers, queueing

EVERY_S = 0.2

log = logging.getLogger(__name__)


def tick(core: Core) -> None:
    """Look at every wait; call it every EVERY_S seconds.  Instant."""
    now_s = core.monotonic_s()
    for call in list(core.calls.values()):
        try:
            _of_call(core, call, now_s)
            overflow.look(core, call, now_s)
            queueing.comfort(core, call, now_s)
            peers.tick(core, call, now_s)
        except Exception:  # a bug that one call wakes must not stop the waits of all others
            log.exception("the clockwork failed at a call", extra={"call_id": call.call_id})
    peers.look(core, now_s)
    for seat in list(core.seats.values()):
        try:
            _of_seat(core, seat, now_s)
        except Exception:
            log.exception("the clockwork failed at a seat", extra={"seat_id": seat.seat_id})
    for gateway in (*core.gateways.values(), core.test_seat):
        until_s = gateway.registered_until_s
        if until_s is not None and now_s >= until_s:
            gateway.registered_until_s = None
            core.changed()
    offers.dispatch(core)  # robots may answer what has waited long enough


def _of_call(core: Core, call: Call, now_s: float) -> None:
    if call.offered_to is not None and now_s >= call.offer_due:
        offers.missed(core, call)
    lane.tick(core, call, now_s)
    if call.notice is not None and now_s >= call.notice_due and core.media_ready:
        call.notice_due = now_s + audio.NOTICE_S_MAX
        core.post(call.call_id, lambda: audio.end_notice(core, call))
    if call.let_go and now_s >= call.let_go_until_s:
        call.let_go = []
    outgoing.look(core, call, now_s)
    if call.phase == "echo" and now_s - call.arrived_s >= core.settings.test_call_s:
        core.post(call.call_id, lambda: ending.end(core, call, "switch", "test-over"))
    if call.parked is not None and now_s >= call.parked.due_s:
        parking.due(core, call)
    if call.beep is not None and now_s >= call.beep.due_s and core.media_ready:
        core.post(call.call_id, lambda: supervision.end_beep(core, call))
    if call.transfer is not None and call.transfer.kind == "refer":
        call.transfer.refer_due_s = min(call.transfer.refer_due_s, now_s + core.settings.transfer_s)
        if now_s >= call.transfer.refer_due_s:
            call.transfer.refer_due_s = now_s + core.settings.transfer_s
            core.post(call.call_id, lambda: refers.bridge(core, call))
    for party in call.parties:
        if party.state == "calling" and now_s >= party.ring_due:
            party.ring_due = now_s + parties.PARTY_RING_S

            async def step(late: object = party) -> None:
                for party in call.parties:
                    if party is late and party.state == "calling":
                        await parties.left(core, call, party, "no-answer")
                        return

            core.post(call.call_id, step)


def _of_seat(core: Core, seat: Seat, now_s: float) -> None:
    if seat.wrap_up_due is not None and now_s >= seat.wrap_up_due:
        seats.end_wrap_up(core, seat)
    if seat.registered_until_s is not None and now_s >= seat.registered_until_s:
        seat.registered_until_s = None
        seat.attached, seat.gone_since = False, now_s
        core.changed()
    if seat.attached or seat.gone_since is None:
        return
    if seat.operator_id is None and seat.port is None:
        return
    if seat.kind == "sip" and seat.state == "busy" and not _is_silent(core, seat):
        return  # its registration lapsed, but somebody talks there
    gone_s = now_s - seat.gone_since
    if gone_s >= core.settings.seat_vanish_s:
        answering.lose_seat(core, seat, gone_s)
        if seat.kind == "browser":
            _give_back(core, seat)


def _is_silent(core: Core, seat: Seat) -> bool:
    call = core.calls.get(seat.call_id) if seat.call_id else None
    return call is None or all(port in core.silent for port in conference.phone_ports(call, seat))


def _give_back(core: Core, seat: Seat) -> None:
    port, seat.port, seat.media = seat.port, None, "down"
    seats.leave(core, seat)
    if port is not None:
        core.spawn(audio.free(core, port))
