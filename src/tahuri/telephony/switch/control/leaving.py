"""A party is off its call: told, hung up, its port given back.  What becomes of the caller is for
those who call this."""

from tahuri.telephony.protocol.facts.parties import PartyLeft
from tahuri.telephony.protocol.words import LeftReason
from tahuri.telephony.switch import audio
from tahuri.telephony.switch.core import SWITCH, Core
from tahuri.telephony.switch.model import Call, Gone, Party
from tahuri.telephony.switch.quality import lines

FAULTS: frozenset[LeftReason] = frozenset({"refused", "no-answer", "failed"})
GONE_MAX = 3


async def off(
    core: Core,
    call: Call,
    party: Party,
    reason: LeftReason,
    status: int | None = None,
    actor: str = SWITCH,
) -> bool:
    """End its leg if need be; False: it was off already.  A step of the call."""
    if party not in call.parties:
        return False
    core.places.pop(party.leg.name, None)
    # First: killed after the journal and before this, the next process would know of no line.
    core.perform(core.endpoint.agent.hang_up(party.leg, core.sip_now))
    call.parties.remove(party)
    remember(core, call, party, reason, status)
    if not party.node:
        fact = PartyLeft(leg_id=party.leg_id, reason=reason, status=status)
        core.of_call(call, fact, actor, identifier=f"{party.leg_id}-left")
    core.save(call)  # at once: killed later, the next process does not call it anew
    core.changed()
    await audio.mix(core, call)
    await lines.tell_party(core, call, party)
    await audio.free(core, party.audio.port)
    core.save(call)
    return True


def remember(
    core: Core, call: Call, party: Party, reason: LeftReason, status: int | None = None
) -> None:
    """Whoever had the party called sees why it is not there, unless that is their own doing."""
    if reason not in FAULTS or party.node or party.overflow is not None:
        return
    new = Gone(address=party.address, reason=reason, status=status, at=core.now())
    others = [one for one in call.gone if one.address != party.address]
    call.gone = [new, *others][:GONE_MAX]
