"""Other nodes of the centre: a call that waits here for long may ring at their free seats.

The call stays where it came in, with its recording and its facts: it is bridged to the other node
as to a party, and that node is its seat and nothing else.  There it is a *guest*: `Call.home` names
where it came in.  Whatever becomes of the other node, the caller is still ours and waits again.
"""

import logging
import re
from functools import partial

from tahuri.kernel import mint
from tahuri.telephony.media.protocol import MediaRefused
from tahuri.telephony.protocol.facts.call import CallAnswered
from tahuri.telephony.rpc import Unavailable
from tahuri.telephony.sip import events, sdp
from tahuri.telephony.sip.body import session_of
from tahuri.telephony.sip.message import Message
from tahuri.telephony.switch import answering, audio, ending
from tahuri.telephony.switch.config import Trunk
from tahuri.telephony.switch.control import parties
from tahuri.telephony.switch.core import Core, Place
from tahuri.telephony.switch.edge import edge, identity
from tahuri.telephony.switch.edge.trunks import flow_of, uri_at
from tahuri.telephony.switch.model import Audio, Call, Party
from tahuri.telephony.switch.queue import acd, offers

CALL_HEADER = "p-tahuri-call"
"""The call's id at both nodes; believed from a trunk with ``node = true`` alone."""
SKILL_HEADER = "p-tahuri-for"
"""Whom the call is for: ``language;agency_id``."""
SEAT_HEADER = "p-tahuri-seat"
"""In the answer, who took it: ``seat_id;operator_id``."""
AGAIN_S = 2.0
"""Between two questions for a free seat: a call costs the others half an INVITE a second."""
ASKING_MAX = 4
"""Calls that ask at a time, the first of the queue."""
RING_S = 30.0
"""Longer than a node that is gone is waited for; one that is there says when nobody answers."""
ALONE_S = 3.0
"""A guest whose seat is gone and that rings nowhere for so long goes back where it came from."""
SILENT_S = 15.0
"""So long after its sound a guest's home counts as gone; its media may just be restarted."""
_CALL_ID = re.compile(r"[0-9A-HJKMNP-TV-Z]{26}")
_WORD = re.compile(r"[A-Za-z0-9_-]{1,64}")

log = logging.getLogger(__name__)


def nodes(core: Core) -> list[Trunk]:
    """The other nodes that can be called."""
    return [one for one in core.settings.trunks if one.node and one.host is not None]


# ---- here: the caller's own node ---------------------------------------------------------------


def look(core: Core, now_s: float) -> None:
    """Ask other nodes for a free seat for those that have waited long enough.  Instant."""
    after_s = core.settings.other_nodes_after_s
    if after_s <= 0 or not nodes(core) or not core.media_ready:
        return
    queue = acd.for_anybody(acd.waiting(core.calls.values()))
    for call in [one for one in queue if not one.home and not one.slow][:ASKING_MAX]:
        rings = call.rings_at or any(party.node for party in call.parties)
        if call.test or rings or now_s - call.queued_s < after_s or now_s < call.nodes_due_s:
            continue
        call.nodes_due_s = now_s + AGAIN_S
        core.post(call.call_id, partial(_ask, core, call))


def _next(core: Core, call: Call) -> Trunk | None:
    """The node whose turn it is; one that is known to be down is passed over."""
    there = [one for one in nodes(core) if core.trunks[one.name].state != "down"]
    if not there:
        return None
    call.nodes_asked += 1
    return there[(call.nodes_asked - 1) % len(there)]


async def _ask(core: Core, call: Call) -> None:
    """Let it ring at another node, while it waits on here.  A step of the call."""
    node = _next(core, call)
    flow = flow_of(node) if node is not None else None
    if node is None or flow is None or call.phase != "queued" or call.leg.state != "up":
        return
    leg_id = mint.new_id()
    try:
        port = await audio.open_leg(core, f"node {leg_id}", flow.host, node.srtp)
    except (MediaRefused, Unavailable):
        log.warning("no audio for a call to another node")
        return
    user = call.number or "anonymous"
    local = core.local(user)
    headers = [(CALL_HEADER, call.call_id)]
    if call.number is not None:
        headers.append(("p-asserted-identity", local))
    if call.number_status == "withheld":
        headers.append(("privacy", "id"))
    if call.language or call.agency_id:
        headers.append((SKILL_HEADER, f"{call.language or ''};{call.agency_id or ''}"))
    leg, outputs = core.endpoint.agent.call(
        local,
        uri_at(flow, core.settings.city_number),
        flow,
        audio.offer_of(port),
        core.sip_now,
        headers=tuple(headers),
    )
    leg.nat = edge.is_behind_nat(core, flow)
    party = Party(
        leg_id=leg_id,
        address=node.name,
        state="calling",
        audio=port,
        leg=leg,
        ring_due=core.monotonic_s() + RING_S,
        node=node.name,
    )
    call.parties.append(party)
    core.places[leg.name] = core.ports[port.port] = Place(call.call_id, "party", leg_id)
    core.save(call)
    core.perform(outputs)
    core.changed()


async def on_party(core: Core, call: Call, party: Party, event: events.Event) -> bool:
    """What another node says about a call of ours; whether that is all there is to do."""
    match event:
        case events.Answered():
            await _answered(core, call, party, event)
        case events.Rejected(_, status):
            if status not in (480, 486, 487):
                core.count("nodes-failed")
            await parties.left(core, call, party, "refused", status)
        case events.Ended(_, reason):
            await _gone(core, call, party, returned=reason != "hung-up")
        case _:
            return False
    return True


async def _answered(core: Core, call: Call, party: Party, event: events.Answered) -> None:
    if party not in call.parties or party.state == "joined":
        return
    seat_id, operator_id = _words(event.response, SEAT_HEADER)
    try:
        await audio.set_remote(core, party.audio, sdp.parse(event.session or b"", party.audio.srtp))
    except (sdp.NoSession, MediaRefused, Unavailable):
        await parties.left(core, call, party, "failed", 488)
        return
    if call.phase != "queued" or call.leg.state != "up" or not seat_id or not operator_id:
        await parties.left(core, call, party, "dropped")  # a seat of ours was faster
        return
    offers.withdraw(core, call)
    party.state, party.seat_id = "joined", seat_id
    call.phase, call.turns = "live", []
    call.relief, call.relief_s = party.leg_id, core.monotonic_s()
    call.answered_at, call.first_answered_outside = call.answered_at or core.now(), False
    body = CallAnswered(seat_id=seat_id, operator_id=operator_id, robot=False, how="other-node")
    core.of_call(call, body, operator_id)
    core.save(call)
    core.changed()
    await audio.mix(core, call)
    await audio.end_notice(core, call)
    for other in [one for one in call.parties if one.state == "calling"]:
        await parties.left(core, call, other, "dropped")
    core.save(call)


async def _gone(core: Core, call: Call, party: Party, returned: bool) -> None:
    """The seat at the other node is off; or that node, and then the caller waits again."""
    talks = call.relief == party.leg_id and call.phase == "live"
    if talks and not returned:
        await ending.end(core, call, "seat", "hung-up")
        return
    if talks:
        call.relief, call.nodes_due_s = None, core.monotonic_s() + AGAIN_S
        answering.requeue(core, call, party.seat_id, "node-lost")
    await parties.left(core, call, party, "failed" if returned else "hung-up")
    offers.dispatch(core)


def silent(core: Core, call: Call, leg_id: str) -> None:
    """No sound comes from another node any more: it, or the way there, is gone."""

    async def step() -> None:
        party = next((one for one in call.parties if one.leg_id == leg_id and one.node), None)
        if party is None or call.relief != leg_id or party.audio.port not in core.silent:
            return
        core.count("nodes-lost")
        await _gone(core, call, party, returned=True)

    core.post(call.call_id, step)


def key(core: Core, call: Call, digit: str) -> None:
    """The caller pressed a key: the seat at the other node may have asked for it.  Instant."""
    for party in call.parties:
        if party.node and party.state == "joined":
            core.perform(core.endpoint.agent.tell_key(party.leg, digit, core.sip_now))
            core.save(call)


# ---- there: the node whose seat takes the call -------------------------------------------------


def node_of(core: Core, event: events.Incoming) -> Trunk | None:
    """The node whose waiting call that INVITE is; None for an ordinary call."""
    if not event.request.get(CALL_HEADER):
        return None
    host = event.flow.host
    return next((one for one in core.settings.trunks if one.node and one.takes(host)), None)


def incoming(core: Core, event: events.Incoming, node: Trunk) -> None:
    """Let it ring here if a seat is free that no caller of ours waits for; else refuse at once."""
    call_id = event.request.get(CALL_HEADER) or ""
    guest = None
    if _CALL_ID.fullmatch(call_id) and not core.knows(call_id) and core.draining_since is None:
        guest = _guest(core, event, node, call_id)
    if guest is None or not _may_ring(core, guest):
        core.count("guests-refused")
        core.perform(core.endpoint.agent.reject(event.leg, 486, core.sip_now))
        return
    event.leg.nat = edge.is_behind_nat(core, event.flow)
    core.places[event.leg.name] = Place(call_id, "caller")
    core.post(call_id, lambda: _take(core, guest, event, node))


def _may_ring(core: Core, guest: Call) -> bool:
    queue = acd.for_anybody(acd.waiting(core.calls.values()))
    own = any(not one.rings_at and not one.home for one in queue)
    found = acd.choose(guest, core.seats.values(), core.monotonic_s(), core.settings)
    return not own and any(not seat.robot for seat in found) and core.media_ready


def _guest(core: Core, event: events.Incoming, node: Trunk, call_id: str) -> Call:
    caller, number_status = identity.caller_of(event.request)
    language, agency_id = _words(event.request, SKILL_HEADER)
    now_s = core.monotonic_s()
    return Call(
        call_id=call_id,
        ended_id=mint.new_id(),
        trunk=node.name,
        arrived_at=core.now(),
        arrived_s=now_s,
        queued_s=now_s,
        skill_since_s=now_s,
        caller=caller,
        number_status=number_status,
        location=None,
        leg=event.leg,
        audio=Audio(port=audio.NO_PORT, address="", udp=0, srtp=node.srtp),
        phase="queued",
        language=language or None,
        agency_id=agency_id or None,
        home=node.name,
    )


async def _take(core: Core, guest: Call, event: events.Incoming, node: Trunk) -> None:
    """Ring.  A step of the guest."""
    agent = core.endpoint.agent
    try:
        stream = sdp.parse(session_of(event.request) or b"", node.srtp)
        guest.audio = await audio.open_leg(
            core, f"guest {guest.call_id}", stream.address, node.srtp
        )
        core.ports[guest.audio.port] = Place(guest.call_id, "caller")
        await audio.set_remote(core, guest.audio, stream)
    except (sdp.NoSession, MediaRefused, Unavailable):
        core.perform(agent.reject(guest.leg, 480, core.sip_now))
    if guest.leg.state != "incoming":
        core.places.pop(guest.leg.name, None)
        if guest.audio.port != audio.NO_PORT:
            await audio.free(core, guest.audio.port)
        core.finish_work(guest.call_id)
        return
    core.calls[guest.call_id] = guest
    core.perform(agent.progress(guest.leg, 180, core.sip_now))
    core.changed()
    offers.dispatch(core)


def accept(core: Core, guest: Call) -> None:
    """A seat has it: tell the caller's node which.  Nothing if that has gone meanwhile."""
    if not guest.home or guest.leg.state != "incoming" or guest.audio.remote is None:
        return
    session = audio.answer_of(guest.audio, guest.audio.remote)
    told = ((SEAT_HEADER, f"{guest.seat_id};{guest.operator_id}"),)
    outputs = core.endpoint.agent.accept(guest.leg, session, core.sip_now, told)
    core.save(guest)
    core.perform(outputs)


def tick(core: Core, call: Call, now_s: float) -> None:
    """A guest that nobody here can take any more is given back.  Instant."""
    if not call.home or call.phase not in ("queued", "live"):
        return
    since_s = core.silent.get(call.audio.port)
    if since_s is not None and now_s - since_s >= SILENT_S:
        core.post(call.call_id, lambda: ending.end(core, call, "failure", "node-lost"))
        return
    alone = call.phase == "queued" and not call.rings_at and call.parked is None and not call.turns
    if not alone:
        call.alone_s = 0.0
    elif call.alone_s == 0.0:
        call.alone_s = now_s
    elif now_s - call.alone_s >= (ALONE_S if call.leg.state == "up" else 0.0):
        core.post(call.call_id, lambda: ending.end(core, call, "failure", "no-seat"))


def _words(message: Message | None, name: str) -> tuple[str, str]:
    """The two words of one of our headers; empty where they are lacking or strange."""
    first, _, second = ((message.get(name) or "") if message is not None else "").partition(";")
    words = [word if _WORD.fullmatch(word) else "" for word in (first.strip(), second.strip())]
    return words[0], words[1]
