"""REFER: a phone seat's transfer key, and trunks that take transferred calls over themselves."""

import logging
import re

from tahuri.kernel import mint
from tahuri.telephony.rpc import Failure
from tahuri.telephony.sip import events
from tahuri.telephony.sip.grammar import parse_uri
from tahuri.telephony.switch import audio, ending, handover, parties, transfer, turns
from tahuri.telephony.switch.core import Core
from tahuri.telephony.switch.model import Call, Seat, Transfer

STATUSES = {"bad-address": 404, "seat-not-ready": 480, "seat-busy": 491, "too-many-parties": 486}
"""What a phone is told when its transfer cannot begin; anything else is 503."""
log = logging.getLogger(__name__)
_DIALLED = re.compile(r"^\+?[0-9*#]+$")


def refuse(core: Core, event: events.ReferAsked) -> None:
    """A trunk or a party may not send our callers elsewhere."""
    core.count("refers-refused")
    log.warning("REFER refused: neither a trunk nor a party may send a caller on")
    _answer(core, event, 603)


def from_phone(core: Core, call: Call, seat: Seat, event: events.ReferAsked) -> None:
    """The seat's phone sends its call on.  Blind only: a phone that makes a second call to us
    makes an emergency call, so that there is no dialog which Replaces could name (501)."""
    if event.replaces:
        _answer(core, event, 501)
    elif call.phase != "live" or call.seat_id != seat.seat_id or call.transfer is not None:
        _answer(core, event, 491)
    else:
        _answer(core, event, 202)
        _tell(core, event, 100)
        core.spawn(_begin(core, seat, event))


async def _begin(core: Core, seat: Seat, event: events.ReferAsked) -> None:
    user = parse_uri(event.target).user
    try:
        if user in core.seats and not _DIALLED.match(user):
            await transfer.to_seat(core, seat, user)
            _tell(core, event, 200)
        else:
            named = user.lower() in core.settings.party_aliases or parties.is_gateway(core, user)
            whole = event.target.partition("?")[0]
            address = user if named or _DIALLED.match(user) else whole
            await transfer.to_party(core, seat, address, by_phone=True)
    except Failure as failure:
        _tell(core, event, STATUSES.get(failure.code, 503))


def _answer(core: Core, event: events.ReferAsked, status: int) -> None:
    agent = core.endpoint.agent
    core.perform(agent.answer_refer(event.leg, event.key, status, core.sip_now))


def _tell(core: Core, event: events.ReferAsked, status: int) -> None:
    handover.notify(core, event.leg, status)


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
