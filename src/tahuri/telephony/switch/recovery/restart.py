"""After a kill of this process: seats, dialogs and calls are taken up again."""

import logging
from functools import partial

from msgspec.structs import replace

from tahuri.telephony.protocol.facts.call import CallEnded
from tahuri.telephony.protocol.facts.parties import PartyLeft
from tahuri.telephony.sip.leg import Leg
from tahuri.telephony.sip.message import REASONS
from tahuri.telephony.switch import answering, audio, ending, seats
from tahuri.telephony.switch.control import (
    consultation,
    leaving,
    outgoing,
    parties,
    supervision,
    transfer,
)
from tahuri.telephony.switch.core import Core, Place
from tahuri.telephony.switch.edge.registrar import EXPIRES_S_MAX
from tahuri.telephony.switch.model import Call, Owed, Party, Seat
from tahuri.telephony.switch.queue import offers, overflow, turns

LET_GO_S = 40.0
"""After 32 s without an ACK a phone that answered gives up by itself (RFC 3261 § 13.3.1.4)."""
LET_GO_MAX = 20

log = logging.getLogger(__name__)


def restore(core: Core) -> list[Owed]:
    """Read the journal: seats, dialogs, queue, as the killed process had them.

    Returns:
        What to say on the wire once the sockets are open.
    """
    owed: list[Owed] = []
    kept = core.journal.load_seats()
    core.media_instance, core.tone, core.hold = kept.media_instance, kept.tone, kept.hold
    core.surge = kept.surge
    core.endpoint.names.update(kept.names)
    phones = {phone.seat_id for phone in core.settings.seats}
    for seat in kept.seats:
        if seat.kind == "sip" and seat.seat_id not in phones:
            continue
        if seat.kind == "browser":
            seat.attached = False
        _same_clock(core, seat)
        if not seat.attached:
            seat.gone_since = core.monotonic_s()
        core.seats[seat.seat_id] = seat
    for trunk in kept.trunks:
        core.trunks[trunk.name] = trunk
    for gateway in kept.gateways:
        if gateway.name in core.gateways:
            until_s = gateway.registered_until_s
            if until_s is not None and until_s > core.monotonic_s() + EXPIRES_S_MAX:
                gateway.registered_until_s = None  # of before the machine started anew
            core.gateways[gateway.name] = gateway
    for call in core.journal.load_calls():
        core.calls[call.call_id] = call
        if call.echo:
            core.tests.add(call.call_id)
        try:
            owed += _restore_call(core, call)
        except Exception:  # a fault of ours that one call wakes must not keep the others waiting
            log.exception("a call cannot be taken up", extra={"call_id": call.call_id})
            owed += _give_up(core, call)
    for call_id in core.journal.unreadable:
        body = CallEnded(outcome="abandoned", by="failure", reason="journal-unreadable")
        core.fact(f"call/{call_id}", body, identifier=f"unreadable-{call_id}")
    owed += _refuse_unanswered(core)
    supervision.mend(core)
    for call in core.calls.values():
        if call.phase in ("live", "calling") and call.seat_id is not None:
            _seat_agrees(core, call, call.seat_id)
    for seat in core.seats.values():
        if seat.call_id is not None and not _has_seat(core, seat):
            seats.freed(core, seat)  # the call ended in the moment of the kill
    if core.calls:
        log.warning("calls taken up again", extra={"calls": len(core.calls)})
    return owed


def _give_up(core: Core, call: Call) -> list[Owed]:
    """Hang up whoever is on it: nobody is left in silence.  Media's ports are orphans."""
    del core.calls[call.call_id]
    core.tests.discard(call.call_id)
    core.places = {name: one for name, one in core.places.items() if one.call_id != call.call_id}
    core.ports = {port: one for port, one in core.ports.items() if one.call_id != call.call_id}
    core.journal.put_aside(call.call_id)
    body = CallEnded(outcome=ending.outcome_of(call), by="failure", reason="journal-unreadable")
    if not call.home:
        core.fact(f"call/{call.call_id}", body, identifier=call.ended_id)
    legs = [call.leg, *(party.leg for party in call.parties)]
    legs += [phone.leg for phone in (call.phone, *call.ringing) if phone is not None]
    return [partial(core.endpoint.agent.hang_up, leg) for leg in legs if leg.state == "up"]


def _same_clock(core: Core, seat: Seat) -> None:
    """After the machine started anew its clock of seconds did as well: trust no old moment."""
    now_s = core.monotonic_s()
    seat.idle_since_s = min(seat.idle_since_s, now_s)
    if seat.wrap_up_due is not None:
        seat.wrap_up_due = min(seat.wrap_up_due, now_s + seats.WRAP_UP_S_MAX)
    if seat.sound_lost_s is not None:
        seat.sound_lost_s = min(seat.sound_lost_s, now_s)
    if seat.registered_until_s is not None and seat.registered_until_s > now_s + EXPIRES_S_MAX:
        seat.registered_until_s = now_s


def _refuse_unanswered(core: Core) -> list[Owed]:
    """INVITEs that were let in and got no answer: the trunk hears 503 and may route elsewhere."""
    owed: list[Owed] = []
    for call_id, refusal in core.journal.load_unanswered().items():
        call = core.calls.get(call_id)
        if call is not None and (call.phase == "ended" or call.leg.state == "up"):
            core.journal.answered(call_id)
            continue
        owed.append(refusal.again)
        if call is None:
            if refusal.loopback:
                core.tests.add(call_id)
            ending.refuse(core, call_id, 503, "switch-restarted")
            core.tests.discard(call_id)
    return owed


def _seat_agrees(core: Core, call: Call, seat_id: str) -> None:
    """The journal of seats may be older than the call's: whoever was given it in the moment of the
    kill has it, else nobody would, and the caller would hear silence."""
    seat = core.seats.get(seat_id)
    if seat is not None and seat.operator_id == call.operator_id and seat.state != "vanished":
        if seat.call_id != call.call_id or seat.state != "busy":
            seats.busy(core, seat, call.call_id)
    elif call.phase == "live":
        answering.requeue(core, call, seat_id)


def _has_seat(core: Core, seat: Seat) -> bool:
    call = core.calls.get(seat.call_id) if seat.call_id else None
    if call is None or call.phase == "ended":
        return False  # killed between the call's end and the seat's
    line = call.consultation
    asked = line.to_seat_id if line is not None else None
    return seat.state == "supervising" or seat.seat_id in (call.seat_id, asked, *call.rings_at)


def _restore_call(core: Core, call: Call) -> list[Owed]:
    owed: list[Owed] = []
    if call.arrived is not None:
        core.spool.append(call.arrived)  # told twice, counted once: it may have got lost
    for fact in call.untold:
        core.spool.append(fact)
    call.untold = []
    if call.recording is not None:
        audio.tell_recording(core, call, call.recording)
    if call.transfer is not None and call.transfer.kind != "warm":
        transfer.tell_started(core, call, call.transfer)
    for party in call.parties:
        if not party.node and party.state == "calling":
            parties.tell_added(core, call, party)
    call.notice_due = call.offer_due = 0.0
    now_s = core.monotonic_s()
    call.arrived_s = min(call.arrived_s, now_s)
    call.queued_s = min(call.queued_s, now_s) or call.arrived_s
    call.skill_since_s = min(call.skill_since_s, now_s)
    call.relief_s = min(call.relief_s, now_s)
    call.comfort_due = call.nodes_due_s = call.alone_s = 0.0
    overflow.restore(call)
    if outgoing.unanswered(call):
        return owed + outgoing.restored(core, call)
    if call.phase == "ended" or call.leg.state != "up":
        return owed + _no_more_rings(core, call)  # `_mend` ends it, when media can
    agent = core.endpoint.agent
    owed += _let_go_again(core, call)
    if call.answer is not None:
        owed.append(call.answer.again)
    agent.adopt(call.leg, core.sip_now)
    core.places[call.leg.name] = Place(call.call_id, "caller")
    core.ports[call.audio.port] = Place(call.call_id, "caller")
    if call.phone is not None and call.phone.leg.state == "up":
        agent.adopt(call.phone.leg, core.sip_now)
        if call.phone.answer is not None:
            owed.append(call.phone.answer.again)
        place = Place(call.call_id, "seat", call.seat_id or "")
        core.places[call.phone.leg.name] = core.ports[call.phone.audio.port] = place
    elif call.phone is not None:
        owed.append(_let_go(core, call, call.phone.leg))
        call.phone = None
    for phone in list(call.ringing):
        if call.phase == "live" and phone.leg.state == "up" and phone.seat_id == call.seat_id:
            agent.adopt(phone.leg, core.sip_now)  # it was given the caller in that moment
            call.phone = phone
            place = Place(call.call_id, "seat", phone.seat_id)
            core.places[phone.leg.name] = core.ports[phone.audio.port] = place
        else:  # it rings, or it answered and nobody was given to it yet
            owed.append(_let_go(core, call, phone.leg))
    call.ringing.clear()
    offers.withdraw(core, call)
    if call.parked is not None:
        call.parked.due_s = min(call.parked.due_s, core.monotonic_s() + core.settings.park_s)
    for party in list(call.parties):
        if party.state == "calling" and party.leg.state == "up":  # answered, and not yet heard
            call.parties.remove(party)
            _tell_left(core, call, party)
            owed.append(_let_go(core, call, party.leg))
        elif party.leg.state == "up":
            agent.adopt(party.leg, core.sip_now)
            if party.answer is not None:
                owed.append(party.answer.again)
            place = Place(call.call_id, "party", party.leg_id)
            core.places[party.leg.name] = core.ports[party.audio.port] = place
        else:
            call.parties.remove(party)
            _tell_left(core, call, party)
            owed.append(_let_go(core, call, party.leg))
            owed += [
                partial(agent.notify, one.leg, 503, REASONS[503])
                for one in call.parties
                if one.leg_id == party.referred_by
            ]
    owed += consultation.restored(core, call)
    _restore_transfer(core, call)
    return owed


def _let_go(core: Core, call: Call, leg: Leg) -> Owed:
    """End a leg that nobody waits for any more, whether it rings or has answered."""
    call.let_go = [*call.let_go, replace(leg)][-LET_GO_MAX:]
    call.let_go_until_s = core.monotonic_s() + LET_GO_S
    agent = core.endpoint.agent
    if leg.state != "up":
        return partial(agent.abandon, leg)
    agent.adopt(leg, core.sip_now)
    return partial(agent.hang_up, leg)


def _let_go_again(core: Core, call: Call) -> list[Owed]:
    """What the process before this one may not have had the time for."""
    legs, left_s = call.let_go, call.let_go_until_s - core.monotonic_s()
    call.let_go = []
    return [_let_go(core, call, leg) for leg in legs] if 0 < left_s <= LET_GO_S else []


def _no_more_rings(core: Core, call: Call) -> list[Owed]:
    """What rang for a caller who has gone, and nobody was told of."""
    agent, line = core.endpoint.agent, call.consultation
    legs = [party.leg for party in call.parties] + [phone.leg for phone in call.ringing]
    legs += [call.phone.leg] if call.phone is not None else []
    ringing = [leg for leg in legs if leg.state in ("calling", "cancelling")]
    owed: list[Owed] = [partial(agent.abandon, leg) for leg in ringing]
    if line is not None and line.leg.state == "incoming" and line.refusal is not None:
        owed.append(line.refusal.again)
    return owed


def _tell_left(core: Core, call: Call, party: Party) -> None:
    leaving.remember(core, call, party, "failed")
    if not party.node:
        left = PartyLeft(leg_id=party.leg_id, reason="failed")
        core.of_call(call, left, identifier=f"{party.leg_id}-left")


def _restore_transfer(core: Core, call: Call) -> None:
    """A target that rang rings no longer: the call is its seat's again, or is queued."""
    asked = call.transfer
    if asked is None:
        return
    ringing = {party.leg_id for party in call.parties}
    by_trunk = asked.kind == "refer"  # its NOTIFY may still come; else the target is called
    if asked.to_seat_id is None and not by_trunk and asked.leg_id not in ringing:
        turns.failed(core, call, "failed")
        if call.phase == "live" and call.seat_id is None:
            answering.requeue(core, call, asked.seat_id, "transfer-failed", first=[asked.seat_id])
