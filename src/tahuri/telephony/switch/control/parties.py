"""Others on a call: an agency, an interpreter, anybody with a number."""

import re
from functools import partial

from msgspec import Struct

from tahuri.kernel import mint
from tahuri.telephony.media.protocol import MediaRefused
from tahuri.telephony.protocol.facts.parties import PartyAdded, PartyJoined
from tahuri.telephony.protocol.facts.personal import Address
from tahuri.telephony.protocol.words import LeftReason
from tahuri.telephony.rpc import Failure, Unavailable
from tahuri.telephony.sip import events, sdp
from tahuri.telephony.sip.grammar import BadValue, host_port, parse_uri
from tahuri.telephony.sip.leg import flow_to
from tahuri.telephony.sip.sdes import Srtp
from tahuri.telephony.sip.transaction import Flow
from tahuri.telephony.switch import answering, audio
from tahuri.telephony.switch.control import consultation, handover, leaving
from tahuri.telephony.switch.core import SWITCH, Core, Place
from tahuri.telephony.switch.edge import edge
from tahuri.telephony.switch.edge.trunks import flow_of, outward, uri_at
from tahuri.telephony.switch.model import Call, Gateway, Party, Seat

PARTIES_MAX = 8
PARTY_RING_S = 45.0
ADDRESS_LENGTH_MAX = 256
_NUMBER = re.compile(r"^\+?[0-9*#]{2,20}$")


def destination(core: Core, address: str) -> tuple[str, Flow]:
    """Request-URI and next hop of what an operator typed.

    Raises:
        Failure: ``bad-address``; also for a number when no trunk takes calls, and for a gateway
            that has not registered.
    """
    gateway = _gateway(core, address)
    if gateway is not None:
        if gateway.registered_until_s is None:
            raise Failure("bad-address", "the gateway has not registered")
        return gateway.contact, Flow(gateway.transport, gateway.host, gateway.port)
    address = core.settings.party_aliases.get(address.strip().lower(), address.strip())
    digits = re.sub(r"[ ().\-]", "", address.removeprefix("tel:"))
    try:
        if _NUMBER.match(digits):
            flow = _default_flow(core)
            return uri_at(flow, digits), flow
        uri = parse_uri(address)
    except BadValue as error:
        raise Failure("bad-address") from error
    if uri.scheme not in ("sip", "sips") or uri.has_headers or len(address) > ADDRESS_LENGTH_MAX:
        raise Failure("bad-address")
    flow = flow_to(uri)
    if uri.scheme == "sip" and "transport" not in uri.parameters:
        flow = _as_trunk(core, uri.host, uri.port) or flow  # nobody types ;transport=tls at night
        if flow.reliable:
            address = f"{address};transport={flow.transport.lower()}"
    return address, flow


def _as_trunk(core: Core, host: str, port: int | None) -> Flow | None:
    """How the trunk that this address names is reached; None where it names none."""
    flows = (flow_of(trunk) for trunk in core.settings.trunks)
    return next((f for f in flows if f and f.host == host and port in (None, f.port)), None)


def is_gateway(core: Core, address: str) -> bool:
    """Whether that is a gateway's name."""
    return _gateway(core, address) is not None


def _gateway(core: Core, address: str) -> Gateway | None:
    name = address.strip().lower()
    return next((one for one in core.gateways.values() if one.name.lower() == name), None)


def _default_flow(core: Core) -> Flow:
    outside = (trunk for trunk in core.settings.trunks if not trunk.node)
    trunks = sorted(outside, key=partial(outward, core))
    flow = next((flow for trunk in trunks if (flow := flow_of(trunk))), None)
    if flow is None:
        raise Failure("bad-address", "no trunk takes calls")
    return flow


def srtp_of(core: Core, flow: Flow) -> Srtp:
    """What the trunk at the next hop wants; other far ends are called in plain."""
    for trunk in core.settings.trunks:
        if trunk.host is not None and host_port(trunk.host, 5060)[0] == flow.host:
            return trunk.srtp
    return "off"


async def add(core: Core, seat: Seat, address: str) -> str:
    """Call somebody into the seat's call; returns the leg's id while it still rings.

    Raises:
        Failure: ``no-live-call``, ``bad-address``, ``too-many-parties``, ``media-unavailable``.
    """
    call = answering.live_call(core, seat)
    known = next((party for party in call.parties if party.address == address), None)
    if known is not None:
        return known.leg_id
    target, flow = destination(core, address)
    if len(call.parties) >= PARTIES_MAX:
        raise Failure("too-many-parties")
    leg_id = mint.new_id()
    actor = seat.operator_id or SWITCH
    await core.done(call.call_id, lambda: invite(core, call, actor, leg_id, address, target, flow))
    return leg_id


async def invite(
    core: Core,
    call: Call,
    actor: str,
    leg_id: str,
    address: str,
    target: str,
    flow: Flow,
    *,
    referred_by: str = "",
    replaces: str = "",
    consulted: bool = False,
) -> None:
    """Let somebody's phone ring.  A step of the call.

    Args:
        referred_by: leg of the party that sends the caller on.
        replaces: the far side's own dialog that this one is to replace (RFC 3891).
        consulted: by the second line of a seat's phone; the caller does not hear it.

    Raises:
        Failure: as `add`.
    """
    if not _is_live(call):
        raise Failure("no-live-call")
    try:
        port = await audio.open_leg(core, f"party {leg_id}", flow.host, srtp_of(core, flow))
    except (MediaRefused, Unavailable) as error:
        raise Failure("media-unavailable") from error
    if not _is_live(call):  # parked, or its seat lost, while media took its time
        await audio.free(core, port.port)
        raise Failure("no-live-call")
    local = core.local(core.settings.city_number)
    agent = core.endpoint.agent
    headers = (("replaces", replaces), ("require", "replaces")) if replaces else ()
    offer = audio.offer_of(port)
    leg, outputs = agent.call(local, target, flow, offer, core.sip_now, headers=headers)
    leg.nat = edge.is_behind_nat(core, flow)
    party = Party(
        leg_id=leg_id,
        address=address,
        state="calling",
        audio=port,
        leg=leg,
        ring_due=core.monotonic_s() + PARTY_RING_S,
        by=actor,
        referred_by=referred_by,
        consulted=consulted,
    )
    call.parties.append(party)
    call.gone = [one for one in call.gone if one.address != address]
    core.places[leg.name] = Place(call.call_id, "party", leg_id)
    core.ports[port.port] = Place(call.call_id, "party", leg_id)
    core.save(call)  # before it rings: killed from here on, the next process lets it go
    tell_added(core, call, party)
    core.perform(outputs)
    core.changed()


def _is_live(call: Call) -> bool:
    return call.phase == "live"


def tell_added(core: Core, call: Call, party: Party) -> None:
    """The fact that somebody is called.  Told twice, it counts once."""
    personal: dict[str, Struct] = {"address": Address(address=party.address)}
    body = PartyAdded(leg_id=party.leg_id, referred_by=party.referred_by)
    core.of_call(call, body, party.by or SWITCH, personal, f"{party.leg_id}-added")


async def early(core: Core, call: Call, party: Party, session: bytes) -> None:
    """The party's side is heard before it answers, by the seat alone.  A step of the call."""
    if party not in call.parties or party.state == "joined":
        return
    try:
        await audio.set_remote(core, party.audio, sdp.parse(session, party.audio.srtp))
    except (sdp.NoSession, MediaRefused, Unavailable):
        return  # the answer may bring another
    party.early = True
    await audio.mix(core, call)


def rings_for(core: Core, call: Call, leg_id: str, seconds: float) -> None:
    """How long a party that is called may let it ring."""
    for party in call.parties:
        if party.leg_id == leg_id:
            party.ring_due = core.monotonic_s() + seconds


async def joined(core: Core, call: Call, party: Party, session: bytes | None) -> None:
    """The party answered.  A step of the call."""
    if party not in call.parties or party.state == "joined":
        return
    try:
        await audio.set_remote(core, party.audio, sdp.parse(session or b"", party.audio.srtp))
    except (sdp.NoSession, MediaRefused, Unavailable):
        await left(core, call, party, "failed", 488)
        return
    await is_there(core, call, party)


async def is_there(core: Core, call: Call, party: Party) -> None:
    """The party has sound and takes part from now on.  A step of the call."""
    party.state = "joined"
    core.of_call(call, PartyJoined(leg_id=party.leg_id))
    core.changed()
    await handover.party_joined(core, call, party)
    sender = next((one for one in call.parties if one.leg_id == party.referred_by), None)
    if sender is not None:
        await left(core, call, sender, "transferred")  # it has done its part
    await audio.mix(core, call)
    core.save(call)


async def refused(core: Core, call: Call, party: Party, event: events.Rejected) -> None:
    """The party did not come.  A step of the call."""
    status = event.status
    reason: LeftReason = "no-answer" if status in (408, 480, 487) else "refused"
    await left(core, call, party, reason, status)


async def left(
    core: Core,
    call: Call,
    party: Party,
    reason: LeftReason,
    status: int | None = None,
    actor: str = SWITCH,
) -> None:
    """The party is off the call; its leg is ended if need be.  A step of the call."""
    if not await leaving.off(core, call, party, reason, status, actor):
        return
    if party.consulted:
        await consultation.party_left(core, call, party, reason, status)
    else:
        await handover.party_left(core, call, party, reason, status)


async def drop(core: Core, seat: Seat, leg_id: str) -> None:
    """Take a party off the seat's call.  Raises Failure ``no-live-call``, ``no-such-leg``."""
    call = answering.live_call(core, seat)
    party = next((party for party in call.parties if party.leg_id == leg_id), None)
    if party is None:
        raise Failure("no-such-leg")
    actor = seat.operator_id or SWITCH
    await core.done(call.call_id, lambda: left(core, call, party, "dropped", actor=actor))
