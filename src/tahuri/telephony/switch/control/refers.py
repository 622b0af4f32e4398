"""REFER: a phone seat's transfer key, and trunks that take transferred calls over themselves."""

import logging
import re
from typing import Literal

from tahuri.kernel import mint
from tahuri.telephony.protocol.facts.parties import ReferRefused
from tahuri.telephony.protocol.facts.personal import Address
from tahuri.telephony.protocol.words import ReferRefusedReason
from tahuri.telephony.rpc import Failure
from tahuri.telephony.sip import events, replaces
from tahuri.telephony.sip.grammar import BadValue, parse_uri
from tahuri.telephony.switch import audio, ending
from tahuri.telephony.switch.control import consulting, handover, parties, transfer
from tahuri.telephony.switch.core import Core
from tahuri.telephony.switch.model import Call, Seat, Transfer
from tahuri.telephony.switch.queue import turns

STATUSES: dict[ReferRefusedReason, int] = {
    "not-allowed": 603,
    "attended": 501,
    "busy": 491,
    "unreachable": 404,
    "too-many-parties": 486,
}
"""What whoever sent the REFER is told; after 202 by NOTIFY."""
REASONS: dict[str, tuple[ReferRefusedReason, int]] = {
    "bad-address": ("unreachable", 404),
    "seat-not-ready": ("unreachable", 480),
    "seat-busy": ("busy", 491),
    "too-many-parties": ("too-many-parties", 486),
}
"""Why a transfer cannot begin, by the code of its failure; anything else is 503."""
TOLD_MAX = 8
"""Refusals of one call that become facts; each is counted and logged."""
log = logging.getLogger(__name__)
_DIALLED = re.compile(r"^\+?[0-9*#]+$")


def refuse(
    core: Core,
    call: Call,
    event: events.ReferAsked,
    role: Literal["caller", "seat", "party"],
    reason: ReferRefusedReason,
    leg_id: str = "",
) -> None:
    """Do not send the call on: its sender hears why, and the log keeps it."""
    answer(core, event, STATUSES[reason])
    tell_refused(core, call, event, role, reason, STATUSES[reason], leg_id)


def tell_refused(
    core: Core,
    call: Call,
    event: events.ReferAsked,
    role: Literal["caller", "seat", "party"],
    reason: ReferRefusedReason,
    status: int,
    leg_id: str = "",
) -> None:
    """The fact, the count and the log line of a REFER that led nowhere."""
    core.count("refers-refused")
    log.warning("REFER refused", extra={"role": role, "reason": reason, "call_id": call.call_id})
    if call.refers_told >= TOLD_MAX:
        return
    call.refers_told += 1
    body = ReferRefused(role=role, leg_id=leg_id, reason=reason, status=status)
    core.of_call(call, body, personal={"address": Address(address=event.target)})


async def from_phone(core: Core, call: Call, seat: Seat, event: events.ReferAsked) -> None:
    """The seat's phone sends its call on: blind, to whom it asks by its second line, or to whom it
    has spoken elsewhere.  A step of the call.

    Of dialogs with us Replaces may name its own two alone; any other gets 501.
    """
    named = consulting.is_named(call, event)
    if names_ours(core, event) and not named:
        refuse(core, call, event, "seat", "attended", seat.seat_id)
    elif call.phase != "live" or call.seat_id != seat.seat_id or call.transfer is not None:
        refuse(core, call, event, "seat", "busy", seat.seat_id)
    elif call.consultation is not None:
        await _connect(core, call, seat, event, named)
    else:
        answer(core, event, 202)
        handover.notify(core, event.leg, 100)
        core.spawn(_begin(core, call, seat, event))


async def _connect(
    core: Core, call: Call, seat: Seat, event: events.ReferAsked, named: bool
) -> None:
    """Attended; a phone that sends its caller there without Replaces means the same."""
    of_caller = call.phone is not None and event.leg is call.phone.leg
    same = of_caller and consulting.is_asked(call, _user(event.target))
    meant = named or (same and not event.replaces)
    if not meant or not consulting.can_connect(call):
        refuse(core, call, event, "seat", "busy", seat.seat_id)
        return
    answer(core, event, 202)
    handover.notify(core, event.leg, 100)
    await consulting.connect(core, call, consulting.notifies(core, event.leg))


def _user(target: str) -> str:
    try:
        return parse_uri(target).user
    except BadValue:
        return ""


async def _begin(core: Core, call: Call, seat: Seat, event: events.ReferAsked) -> None:
    user = parse_uri(event.target).user
    try:
        if user in core.seats and not _DIALLED.match(user) and not event.replaces:
            await transfer.to_seat(core, seat, user)
            handover.notify(core, event.leg, 200)
        else:
            named = user.lower() in core.settings.party_aliases or parties.is_gateway(core, user)
            inside = not event.replaces and (named or _DIALLED.match(user))
            address = user if inside else event.target
            await transfer.to_party(core, seat, address, by_phone=True, replaces=event.replaces)
    except Failure as failure:
        reason, status = REASONS.get(failure.code, ("unreachable", 503))
        handover.notify(core, event.leg, status)
        tell_refused(core, call, event, "seat", reason, status, seat.seat_id)


def names_ours(core: Core, event: events.ReferAsked) -> bool:
    """Whether its Replaces names a dialog that somebody has with us."""
    if not event.replaces:
        return False
    call_id = replaces.parsed(event.replaces).call_id
    return any(leg.call_id == call_id for leg in core.endpoint.agent.legs.values())


def answer(core: Core, event: events.ReferAsked, status: int) -> None:
    """The response to a REFER; NOTIFYs follow a 202."""
    agent = core.endpoint.agent
    core.perform(agent.answer_refer(event.leg, event.key, status, core.sip_now))


async def answered(core: Core, call: Call, status: int) -> None:
    """The trunk agreed to take the call over, or did not.  A step of the call."""
    if status >= 300:
        await bridge(core, call, status)


async def progress(core: Core, call: Call, status: int) -> None:
    """How the trunk's own call to the target goes.  A step of the call."""
    if not _is_asked(call) or status < 200:
        return
    if status >= 300:
        await bridge(core, call, status)
        return
    turns.completed(core, call)
    await ending.end(core, call, "seat", "transferred")


async def bridge(core: Core, call: Call, status: int | None = None) -> None:
    """The trunk did not take the call over: call the target ourselves.  A step of the call."""
    asked = call.transfer
    if asked is None or not _is_asked(call):
        return
    turns.failed(core, call, "refused" if status else "no-answer", status)
    if call.phase != "live":
        return
    leg_id = mint.new_id()
    call.transfer = Transfer(
        transfer_id=mint.new_id(),
        kind="blind",
        seat_id=asked.seat_id,
        operator_id=asked.operator_id,
        since=asked.since,
        target=asked.target,
        leg_id=leg_id,
        asked_by_phone=asked.asked_by_phone,
    )
    transfer.started(core, call, call.transfer)
    try:
        target, flow = parties.destination(core, asked.target)
        await parties.invite(core, call, asked.operator_id, leg_id, asked.target, target, flow)
    except Failure:
        await handover.fail(core, call, "failed")
        return
    parties.rings_for(core, call, leg_id, core.settings.transfer_s)
    await audio.mix(core, call)
    core.save(call)


def _is_asked(call: Call) -> bool:
    return call.transfer is not None and call.transfer.kind == "refer"
