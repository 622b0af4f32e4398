"""A call that its seat hands to somebody else, and what becomes of it should they fail."""

from tahuri.telephony.protocol.words import LeftReason
from tahuri.telephony.sip.leg import Leg
from tahuri.telephony.sip.message import REASONS
from tahuri.telephony.switch import answering, audio, ending, seats
from tahuri.telephony.switch.control.conference import is_sent_on
from tahuri.telephony.switch.core import SWITCH, Core
from tahuri.telephony.switch.model import Call, Party
from tahuri.telephony.switch.queue import offers, turns

FAILED: dict[LeftReason, turns.FailedReason] = {
    "refused": "refused",
    "no-answer": "no-answer",
    "dropped": "taken-back",
}
CHOSEN: frozenset[LeftReason] = frozenset({"hung-up", "dropped"})
"""Ends of a party's leg that somebody wanted."""


async def complete(core: Core, call: Call) -> None:
    """The target is there: the seat is free, caller and parties go on.  A step of the call."""
    seat = audio.seat_of(core, call)
    _tell_phone(core, call, 200)
    turns.completed(core, call)
    answering.leave(core, call)
    if seat is not None and seat.call_id == call.call_id:
        seats.freed(core, seat)
    await offers.drop_phone(core, call)
    await audio.mix(core, call)
    core.save(call)
    core.changed()
    offers.dispatch(core)


async def party_joined(core: Core, call: Call, party: Party) -> None:
    """A transfer's target answered.  A step of the call."""
    tell_referrer(core, call, party, 200)
    if call.transfer is not None and call.transfer.leg_id == party.leg_id:
        await complete(core, call)


async def party_left(
    core: Core, call: Call, party: Party, reason: LeftReason, status: int | None
) -> None:
    """A party is off: the call goes back to whoever sent it on, or ends.  A step of the call."""
    if party.state == "calling":
        tell_referrer(core, call, party, status if status and status >= 300 else 480)
    if call.transfer is not None and call.transfer.leg_id == party.leg_id:
        await fail(core, call, FAILED.get(reason, "failed"), status)
    elif not _is_alone(call) or is_sent_on(call):
        return  # somebody talks with the caller, or still rings
    elif party.referred_by and party.state == "calling":
        by = call.handed_over_by
        answering.requeue(core, call, by, "transfer-failed", first=[by] if by else [])
        offers.dispatch(core)
    elif reason in CHOSEN:
        await ending.end(core, call, "party", "hung-up")
    else:
        answering.requeue(core, call, call.handed_over_by, "party-lost")
        offers.dispatch(core)


async def fail(
    core: Core,
    call: Call,
    reason: turns.FailedReason,
    status: int | None = None,
    actor: str = SWITCH,
) -> None:
    """Nobody has taken the call: back to its seat, else to the queue.  A step of the call."""
    if call.transfer is None:
        return
    seat_id = call.transfer.seat_id
    _tell_phone(core, call, status if status and status >= 300 else 480)
    turns.failed(core, call, reason, status, actor)
    if call.phase == "live" and call.seat_id is None:
        answering.requeue(core, call, seat_id, "transfer-failed", first=[seat_id])
        offers.dispatch(core)
    await audio.mix(core, call)
    core.save(call)


def _tell_phone(core: Core, call: Call, status: int) -> None:
    if call.transfer is not None and call.transfer.asked_by_phone and call.phone is not None:
        notify(core, call.phone.leg, status)


def notify(core: Core, leg: Leg, status: int) -> None:
    """Tell a phone how the transfer goes that it asked for."""
    reason = REASONS.get(status, "Failed")
    core.perform(core.endpoint.agent.notify(leg, status, reason, core.sip_now))


def tell_referrer(core: Core, call: Call, party: Party, status: int) -> None:
    """Tell the party that sends the caller on how its target does, if it is still there."""
    asked = next((one for one in call.parties if one.leg_id == party.referred_by), None)
    if asked is not None:
        notify(core, asked.leg, status)


def mend(core: Core, call: Call) -> None:
    """After a kill: a live call with which nobody talks any more is queued."""
    seat = audio.seat_of(core, call)
    if call.phase == "live" and call.phone is None and seat is not None and seat.kind == "sip":
        answering.lose_seat(core, seat, 0)  # its telephone went away with the process
        return
    if _is_alone(call) and call.transfer is None:
        by = call.handed_over_by
        answering.requeue(core, call, by, "party-lost", first=[by] if by else [])


def _is_alone(call: Call) -> bool:
    talking = any(party.state == "joined" for party in call.parties)
    return call.phase == "live" and call.seat_id is None and not talking
