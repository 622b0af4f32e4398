"""A party sends the caller on (REFER): a hospital's operator to the ward, a station to its crew.

To whom: anybody of its own house, that is, of the machine its line is with; or whom the directory
names.  Never to a number, nor over a trunk: somebody else would pay for it.  The party stays until
the target answers, or hangs up at once: then the caller hears the hold prompt, and should the
target not come, the call rings at our seats again.
"""

import ipaddress

from tahuri.kernel import mint
from tahuri.telephony.rpc import Failure
from tahuri.telephony.sip import events
from tahuri.telephony.sip.grammar import BadValue, Uri, parse_uri
from tahuri.telephony.sip.leg import Leg, flow_to
from tahuri.telephony.sip.transaction import Flow
from tahuri.telephony.switch import audio
from tahuri.telephony.switch.control import handover, parties, refers
from tahuri.telephony.switch.core import SWITCH, Core
from tahuri.telephony.switch.edge import identity
from tahuri.telephony.switch.model import Call, Party


async def from_party(core: Core, call: Call, party: Party, event: events.ReferAsked) -> None:
    """Call the target, or refuse with a reason.  A step of the call."""
    reachable = _destination(core, party.leg, event)
    if party.overflow is not None or party.node or party.consulted:
        refers.refuse(core, call, event, "party", "not-allowed", party.leg_id)
    elif refers.names_ours(core, event):
        refers.refuse(core, call, event, "party", "attended", party.leg_id)
    elif reachable is None:
        refers.refuse(core, call, event, "party", "not-allowed", party.leg_id)
    elif call.phase != "live" or call.transfer is not None or target_of(call, party) is not None:
        refers.refuse(core, call, event, "party", "busy", party.leg_id)
    elif len(call.parties) >= parties.PARTIES_MAX:
        refers.refuse(core, call, event, "party", "too-many-parties", party.leg_id)
    else:
        refers.answer(core, event, 202)
        handover.notify(core, event.leg, 100)
        await _invite(core, call, party, event, *reachable)


async def _invite(
    core: Core, call: Call, party: Party, event: events.ReferAsked, target: str, flow: Flow
) -> None:
    leg_id = mint.new_id()
    try:
        await parties.invite(
            core, call, SWITCH, leg_id, event.target, target, flow,
            referred_by=party.leg_id, replaces=event.replaces,
        )  # fmt: skip
    except Failure:
        handover.notify(core, event.leg, 503)
        refers.tell_refused(core, call, event, "party", "unreachable", 503, party.leg_id)
        return
    parties.rings_for(core, call, leg_id, core.settings.transfer_s)
    await audio.mix(core, call)
    core.save(call)


def target_of(call: Call, party: Party) -> Party | None:
    """Whom the party has had called, while it rings there."""
    ringing = (one for one in call.parties if one.state == "calling")
    return next((one for one in ringing if one.referred_by == party.leg_id), None)


def _destination(core: Core, own: Leg, event: events.ReferAsked) -> tuple[str, Flow] | None:
    """Request-URI and next hop; None where the party may not send anybody."""
    try:
        uri = parse_uri(event.target)
    except BadValue:
        return None
    if _is_own_house(core, own, uri):
        return event.target, _hop(own, uri)
    name = uri.user.lower()
    if event.replaces or not (
        name in core.settings.party_aliases or parties.is_gateway(core, name)
    ):
        return None
    try:
        return parties.destination(core, name)
    except Failure:
        return None


def _is_own_house(core: Core, own: Leg, uri: Uri) -> bool:
    if uri.scheme not in ("sip", "sips"):
        return False
    house = {own.host} | ({own.asked.host} if own.asked is not None else set())
    of_trunk = any(identity.trunk_of(core.settings.trunks, host) for host in house)
    return flow_to(uri).host in house and not of_trunk


def _hop(own: Leg, uri: Uri) -> Flow:
    """A house that was called by name is reached by the door that is open: no name is asked for."""
    flow = flow_to(uri)
    try:
        ipaddress.ip_address(flow.host)
    except ValueError:
        return own.flow
    return own.flow if own.transport == "TLS" else flow
