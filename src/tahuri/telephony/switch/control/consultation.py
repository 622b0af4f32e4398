"""The second line of a seat's phone: what begins with it, and all that ends with it.

`consulting` takes its INVITE and connects it; here is what every way out of a call needs.
"""

from functools import partial

from tahuri.telephony.protocol.facts.call import CallHeld, CallResumed
from tahuri.telephony.protocol.facts.parties import (
    ConsultationBegun,
    ConsultationEnded,
    PartyLeft,
)
from tahuri.telephony.protocol.words import ConsultationOutcome, LeftReason
from tahuri.telephony.switch import audio, seats
from tahuri.telephony.switch.control import conference, leaving
from tahuri.telephony.switch.core import SWITCH, Core, Place
from tahuri.telephony.switch.model import Call, Consultation, Owed, Party

OUTCOMES: dict[LeftReason, ConsultationOutcome] = {
    "hung-up": "party-left",
    "refused": "refused",
    "no-answer": "no-answer",
    "dropped": "hung-up",
}
"""By how the party that was asked left; anything else is a failure."""
BY_OPERATOR: frozenset[ConsultationOutcome] = frozenset({"transferred", "given-up", "hung-up"})
UNAVAILABLE = 480
NOT_TOLD = (401, 407)
"""Questions for our own credentials: nothing that the phone could answer."""


def tell_begun(core: Core, call: Call, line: Consultation) -> None:
    """The fact of it.  Told twice, it counts once."""
    body = ConsultationBegun(
        seat_id=line.seat_id,
        operator_id=line.operator_id,
        leg_id=line.leg_id,
        to_seat_id=line.to_seat_id,
    )
    core.of_call(call, body, line.operator_id, identifier=f"{line.consultation_id}-begun")


def hold(core: Core, call: Call, line: Consultation) -> None:
    """The caller hears the hold prompt, also where the phone has not asked for it."""
    if not call.on_hold:
        call.on_hold = line.held_for_it = True
        core.of_call(call, CallHeld(), line.operator_id)


def told_over(
    core: Core,
    call: Call,
    line: Consultation,
    outcome: ConsultationOutcome,
    status: int | None = None,
) -> None:
    """Its one outcome, and the seat that was asked is free.  Instant; let the call be saved."""
    if line.told:
        return
    line.told = True
    actor = line.operator_id if outcome in BY_OPERATOR else SWITCH
    body = ConsultationEnded(
        seat_id=line.seat_id,
        operator_id=line.operator_id,
        leg_id=line.leg_id,
        outcome=outcome,
        status=status,
    )
    core.of_call(call, body, actor, identifier=f"{line.consultation_id}-over")
    core.places.pop(line.leg.name, None)
    if outcome != "transferred":
        _let_seat_go(core, call, line, missed=outcome in ("refused", "no-answer"))
        _resume(core, call, line)


def _resume(core: Core, call: Call, line: Consultation) -> None:
    phone = call.phone.audio.remote if call.phone is not None else None
    phone_holds = phone is not None and phone.on_hold
    with_caller = call.phase == "live" and call.seat_id == line.seat_id
    if line.held_for_it and call.on_hold and with_caller and not phone_holds:
        call.on_hold = False
        core.of_call(call, CallResumed(), line.operator_id)


def _let_seat_go(core: Core, call: Call, line: Consultation, missed: bool) -> None:
    seat = core.seats.get(line.to_seat_id or "")
    if seat is None or seat.call_id != call.call_id:
        return
    if seat.state == "offered":
        seats.offer_over(core, seat, missed)
    else:
        seats.freed(core, seat)


def hang_up(core: Core, line: Consultation, status: int | None = None) -> None:
    """The phone's line ends: refused while nobody has answered it."""
    agent = core.endpoint.agent
    if line.leg.state == "incoming":
        told = status if status and status >= 400 and status not in NOT_TOLD else UNAVAILABLE
        core.perform(agent.reject(line.leg, told, core.sip_now))
    else:
        core.perform(agent.hang_up(line.leg, core.sip_now))


async def over(
    core: Core, call: Call, outcome: ConsultationOutcome, status: int | None = None
) -> None:
    """The second line and whom it asked are off; the caller stays.  A step of the call."""
    line, party = call.consultation, conference.consulted(call)
    if line is None:
        return
    hang_up(core, line, status)  # first, as for a party
    call.consultation = None
    told_over(core, call, line, outcome, status)
    core.save(call)
    if party is not None:
        await leaving.off(core, call, party, "dropped", actor=line.operator_id)
    await audio.mix(core, call)
    if line.audio is not None:
        await audio.free(core, line.audio.port)
    core.save(call)
    core.changed()


async def party_left(
    core: Core, call: Call, party: Party, reason: LeftReason, status: int | None
) -> None:
    """Whoever was asked is gone: the phone hears why.  A step of the call."""
    if call.consultation is not None and call.consultation.leg_id == party.leg_id:
        await over(core, call, OUTCOMES.get(reason, "failed"), status)


def restored(core: Core, call: Call) -> list[Owed]:
    """After a kill: it goes on where both its ends stand; else it is over, and the seat is back
    with its caller.

    Returns:
        What to say once the sockets are open.
    """
    line, party = call.consultation, conference.consulted(call)
    agent = core.endpoint.agent
    owed: list[Owed] = []
    if line is None:
        return _let_party_go(core, call, party)
    tell_begun(core, call, line)
    both = line.audio is not None and call.phone is not None and party is not None
    if line.leg.state == "up" and line.audio is not None and both and not line.told:
        agent.adopt(line.leg, core.sip_now)
        owed += [line.answer.again] if line.answer is not None else []
        place = Place(call.call_id, "consulting", line.leg_id)
        core.places[line.leg.name] = core.ports[line.audio.port] = place
        return owed
    if line.leg.state == "incoming":
        owed += [line.refusal.again] if line.refusal is not None else []
        line.leg.state = "ended"
    elif line.leg.state == "up":
        agent.adopt(line.leg, core.sip_now)
        owed.append(partial(agent.hang_up, line.leg))
    call.consultation = None
    told_over(core, call, line, "failed")
    return owed + _let_party_go(core, call, party)


def _let_party_go(core: Core, call: Call, party: Party | None) -> list[Owed]:
    if party is None:
        return []
    call.parties.remove(party)
    core.places.pop(party.leg.name, None)
    core.ports.pop(party.audio.port, None)
    left = PartyLeft(leg_id=party.leg_id, reason="failed")
    core.of_call(call, left, identifier=f"{party.leg_id}-left")
    return [partial(core.endpoint.agent.hang_up, party.leg)]


def call_ended(core: Core, call: Call) -> None:
    """The caller's part is over, and with it the second line.  Instant."""
    line = call.consultation
    if line is not None:
        told_over(core, call, line, "call-ended")
        hang_up(core, line)
