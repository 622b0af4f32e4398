"""A call that has waited for long: further seats take part, or a number outside is called.

While the number rings the call stays in the queue; whoever answers first has the caller.
"""

import logging
from functools import partial

from tahuri.kernel import mint
from tahuri.telephony.media.protocol import MediaRefused
from tahuri.telephony.protocol.facts.parties import PartyJoined
from tahuri.telephony.protocol.facts.queue import CallOverflowed, OverflowAnswered, OverflowReturned
from tahuri.telephony.rpc import Failure, Unavailable
from tahuri.telephony.sip import sdp
from tahuri.telephony.switch import audio, ending
from tahuri.telephony.switch.config import Overflow
from tahuri.telephony.switch.control import parties
from tahuri.telephony.switch.core import Core, Place
from tahuri.telephony.switch.edge import edge
from tahuri.telephony.switch.model import Call, Party
from tahuri.telephony.switch.queue import offers

TALK_S_MIN = 10.0
"""A far side that is gone sooner helped nobody: an intercept, an answering machine."""

log = logging.getLogger(__name__)


def look(core: Core, call: Call, now_s: float) -> None:
    """Let every rule come to pass whose time is there.  Instant."""
    rules = core.settings.overflow
    if call.slow or call.parked is not None or call.turns or call.home:
        return  # it is not for everybody yet, or its own node's rules are for it
    while call.phase == "queued" and call.leg.state == "up" and call.overflow_next < len(rules):
        at = call.overflow_next
        rule = rules[at]
        if now_s - call.queued_s < rule.after_s:
            return
        call.overflow_next += 1
        if rule.to != "number":
            _open(core, call, rule)
            call.overflow_done = at + 1
        elif not call.test:
            core.post(call.call_id, partial(_invite, core, call, rule, at))
        core.save(call)


def _open(core: Core, call: Call, rule: Overflow) -> None:
    if rule.to not in call.open_to:
        call.open_to.append(rule.to)
        core.of_call(call, CallOverflowed(to=rule.to, after_s=rule.after_s))
        core.changed()
        offers.dispatch(core)


async def _invite(core: Core, call: Call, rule: Overflow, at: int) -> None:
    """Call the number.  A step of the call; whatever fails, the call waits on."""
    if call.phase != "queued" or rule.address is None:
        return
    call.overflow_done = at + 1
    try:
        target, flow = parties.destination(core, rule.address)
        leg_id = mint.new_id()
        srtp = parties.srtp_of(core, flow)
        port = await audio.open_leg(core, f"party {leg_id}", flow.host, srtp)
    except (Failure, MediaRefused, Unavailable):
        log.warning("overflow: the number cannot be called")
        core.of_call(call, CallOverflowed(to=rule.to, after_s=rule.after_s))
        return
    local = core.local(core.settings.city_number)
    agent = core.endpoint.agent
    leg, outputs = agent.call(local, target, flow, audio.offer_of(port), core.sip_now)
    leg.nat = edge.is_behind_nat(core, flow)
    party = Party(
        leg_id=leg_id,
        address=rule.address,
        state="calling",
        audio=port,
        leg=leg,
        ring_due=core.monotonic_s() + parties.PARTY_RING_S,
        overflow=at,
    )
    call.parties.append(party)
    core.places[leg.name] = Place(call.call_id, "party", leg_id)
    core.ports[port.port] = Place(call.call_id, "party", leg_id)
    core.save(call)  # before it rings, as for every party
    core.of_call(call, CallOverflowed(to=rule.to, after_s=rule.after_s, leg_id=leg_id))
    parties.tell_added(core, call, party)
    core.perform(outputs)
    core.changed()


async def answered(core: Core, call: Call, party: Party, session: bytes | None) -> None:
    """The far side took the call.  A step of the call."""
    if party not in call.parties or party.state == "joined":
        return
    try:
        await audio.set_remote(core, party.audio, sdp.parse(session or b"", party.audio.srtp))
    except (sdp.NoSession, MediaRefused, Unavailable):
        await parties.left(core, call, party, "failed", 488)
        return
    if call.phase != "queued" or call.leg.state != "up":
        await parties.left(core, call, party, "dropped")  # a seat was faster
        return
    offers.withdraw(core, call)
    party.state = "joined"
    call.phase, call.relief, call.relief_s = "live", party.leg_id, core.monotonic_s()
    if call.answered_at is None:
        call.answered_at, call.first_answered_outside = core.now(), True
    core.of_call(call, PartyJoined(leg_id=party.leg_id))
    core.of_call(call, OverflowAnswered(leg_id=party.leg_id))
    core.save(call)
    core.changed()
    offers.dispatch(core)
    await audio.mix(core, call)
    await audio.end_notice(core, call)
    await drop_ringing(core, call)
    core.save(call)


async def far_side_gone(core: Core, call: Call, party: Party, failed: bool) -> None:
    """Whoever took the call outside is gone.  A step of the call."""
    if call.relief != party.leg_id or call.phase != "live":
        await parties.left(core, call, party, "failed" if failed else "hung-up")
        return
    talked_s = core.monotonic_s() - call.relief_s
    if not failed and talked_s >= TALK_S_MIN:
        await ending.end(core, call, "overflow", "hung-up")
        return
    call.phase, call.relief, call.requeued = "queued", None, True
    call.queued_s = core.monotonic_s()
    if call.first_answered_outside:
        call.answered_at, call.first_answered_outside = None, False  # nobody has helped yet
    call.overflow_next = min(call.overflow_next, (party.overflow or 0) + 1)
    core.of_call(call, OverflowReturned(leg_id=party.leg_id))
    await parties.left(core, call, party, "failed" if failed else "hung-up")
    offers.dispatch(core)


def restore(call: Call) -> None:
    """After a kill: a number that did not ring yet, or whose ring the kill has cut off, is called
    (anew); one that was tried in vain is not, and what was told is not told again."""
    cut_off = [party.overflow for party in call.parties if party.state == "calling"]
    call.overflow_next = min(
        [call.overflow_next, call.overflow_done, *(at for at in cut_off if at is not None)]
    )


async def drop_ringing(core: Core, call: Call) -> None:
    """Somebody has the caller: what rings outside is let go.  A step of the call."""
    for party in list(call.parties):
        if (party.overflow is not None or party.node) and party.state == "calling":
            await parties.left(core, call, party, "dropped")
