"""The end of a call: exactly one terminal fact, everything given back."""

import logging
from typing import Literal

from tahuri.telephony.protocol.facts.call import CallEnded, CallRefused
from tahuri.telephony.protocol.facts.ghost import GhostEnded
from tahuri.telephony.protocol.facts.parties import PartyLeft
from tahuri.telephony.protocol.words import RefusedReason
from tahuri.telephony.sip.leg import Leg
from tahuri.telephony.switch import audio, seats
from tahuri.telephony.switch.control import consultation, supervision
from tahuri.telephony.switch.core import SWITCH, Core
from tahuri.telephony.switch.model import Call
from tahuri.telephony.switch.quality import lines
from tahuri.telephony.switch.queue import offers, turns

EndedBy = Literal["caller", "seat", "party", "failure", "switch", "overflow"]
Outcome = Literal["answered", "abandoned", "not-reached", "tested"]
GHOST = "ghost"
"""Why a seat ended a call on which nobody spoke."""

log = logging.getLogger(__name__)


async def end(core: Core, call: Call, by: EndedBy, reason: str) -> None:
    """End a call for whatever reason; a second time it changes nothing.  A step of the call."""
    if call.phase == "ended":
        return
    offers.withdraw(core, call)
    actor = (call.operator_id or SWITCH) if by == "seat" else SWITCH
    outcome = outcome_of(call)
    seat = audio.seat_of(core, call)
    turns.failed(core, call, "hung-up")
    supervision.call_ended(core, call)
    call.parked, call.turns = None, []
    call.phase = "ended"
    status = call.outgoing.status if call.outgoing else None
    body = CallEnded(outcome=outcome, by=by, reason=reason, status=status)
    for party in call.parties:
        if not party.node:
            left = PartyLeft(leg_id=party.leg_id, reason="call-ended")
            core.of_call(call, left, identifier=f"{party.leg_id}-left")
    consultation.call_ended(core, call)
    _tell_ghost(core, call, by, reason, actor)
    if not call.home:  # a guest's own node knows how the call ends
        core.fact(f"call/{call.call_id}", body, actor, identifier=call.ended_id)
    _hang_up(core, call.leg, returning=bool(call.home) and by in ("failure", "switch"))
    for leg in [party.leg for party in call.parties]:
        _hang_up(core, leg)
    for phone in [*([call.phone] if call.phone else []), *call.ringing]:
        _hang_up(core, phone.leg)
    if seat is not None and seat.call_id == call.call_id:
        seats.freed(core, seat)
    core.save(call)
    core.changed()
    try:
        offers.dispatch(core)
    except Exception:  # the clockwork offers what waits; this call's recording must be closed
        log.exception("calls that wait cannot be offered")
    await finish(core, call)


def _hang_up(core: Core, leg: Leg, returning: bool = False) -> None:
    """End a leg; a fault of ours over one keeps nobody else on the line."""
    core.places.pop(leg.name, None)
    try:
        core.perform(core.endpoint.agent.hang_up(leg, core.sip_now, returning=returning))
    except Exception:
        log.exception("a leg cannot be hung up")


def outcome_of(call: Call) -> Outcome:
    """What it has come to if it ends now."""
    if call.echo:
        return "tested"
    if call.answered_at is not None:
        return "answered"
    return "abandoned" if call.direction == "in" else "not-reached"


def _tell_ghost(core: Core, call: Call, by: EndedBy, reason: str, actor: str) -> None:
    """Silent to the end: whoever it was is to be called back.  Told twice, it counts once."""
    if call.ghost is None or (by == "seat" and reason != GHOST):
        return
    if by == "party" or by == "overflow":
        return
    called_back = call.number is not None
    body = GhostEnded(by=by, answers=call.ghost.keys, call_back=called_back)
    core.fact(f"call/{call.call_id}", body, actor, identifier=f"ghost-{call.ended_id}")


async def finish(core: Core, call: Call) -> None:
    """Close the recording, give the ports back, forget the call."""
    if not call.echo:
        try:
            await lines.tell(core, call)
        except Exception:  # figures are worth less than the recording's end
            log.exception("the lines of a call cannot be told", extra={"call_id": call.call_id})
    await audio.stop_recording(core, call)
    await audio.release(core, call)
    core.calls.pop(call.call_id, None)
    core.journal.answered(call.call_id)  # first: killed between them, nobody refuses it as well
    core.journal.forget_call(call.call_id)
    core.changed()
    core.finish_work(call.call_id)


def refuse(
    core: Core, call_id: str, status: int, reason: RefusedReason, leg: Leg | None = None
) -> None:
    """Answer an INVITE with an error, and tell it: a refusal is an outcome as well.

    The fact has the call's own id: told again by the next process, it counts once.
    """
    body = CallRefused(status=status, reason=reason, loopback=call_id in core.tests)
    core.fact(f"call/{call_id}", body, identifier=call_id)
    if leg is not None:
        retry = (("retry-after", "2"),) if status == 503 else ()
        core.perform(core.endpoint.agent.reject(leg, status, core.sip_now, retry))
    core.journal.answered(call_id)
