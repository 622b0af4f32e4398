"""INVITE with Replaces: a far side puts another telephone in the place of one on a call (RFC 3891).

Who may: for a caller or a party, its own trunk, or the machine its dialog is with; for a seat's
phone, that registered phone.  The new leg gets a port of its own; the recording goes on.
"""

import logging
from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

from msgspec import Struct

from tahuri.telephony.media.protocol import MediaRefused
from tahuri.telephony.protocol.facts.parties import LegReplaced
from tahuri.telephony.protocol.facts.personal import Caller
from tahuri.telephony.protocol.words import RefusedReason
from tahuri.telephony.rpc import Unavailable
from tahuri.telephony.sip import events, replaces, sdp
from tahuri.telephony.sip.body import session_of
from tahuri.telephony.sip.grammar import BadValue
from tahuri.telephony.sip.leg import Leg
from tahuri.telephony.sip.transaction import Send
from tahuri.telephony.switch import audio
from tahuri.telephony.switch.control import parties
from tahuri.telephony.switch.core import Core, Place
from tahuri.telephony.switch.edge import edge, identity
from tahuri.telephony.switch.model import Audio, Call, Party, Phone, kept
from tahuri.telephony.switch.quality import lines

REASONS: dict[int, RefusedReason] = {
    400: "malformed",
    403: "not-allowed",
    481: "not-allowed",
    486: "not-allowed",
    488: "unsupported-codec",
    503: "media-unavailable",
}
"""What the fact of a refusal says; its status tells the rest."""

log = logging.getLogger(__name__)


@dataclass(slots=True)
class Found:
    """The leg that is to be replaced."""

    call: Call
    role: Literal["caller", "seat", "party"]
    holder: Call | Party | Phone
    leg_id: str

    @property
    def is_there(self) -> bool:
        """Whether it is still on the call."""
        if isinstance(self.holder, Party):
            return any(self.holder is party for party in self.call.parties)
        return self.holder is self.call or self.holder is self.call.phone


Tell = Callable[[str, int, RefusedReason], None]
"""(source, status, reason) → a refusal of that INVITE becomes a fact."""


def take(core: Core, event: events.Incoming, known: bool, tell: Tell) -> bool:
    """Answer an INVITE that has Replaces; False: it has none and is a call.  Instant.

    Args:
        known: a trunk or a registered seat sent it; others learn of no dialog but their own.
        tell: called once when it is refused.
    """
    try:
        asked = replaces.asked_in(event.request)
    except BadValue:
        _refuse(core, event, tell, 400, "malformed")
        return True
    if asked is None:
        return False
    found = _found(core, asked)
    if found is None:
        _refuse(core, event, tell, 481 if known else 403, "no such dialog")
    elif not _may(core, event, found):
        _refuse(core, event, tell, 403, "not its own far side")
    elif asked.early_only and found.holder.leg.state == "up":
        _refuse(core, event, tell, 486, "answered already")
    else:
        was = found.holder.leg
        core.post(found.call.call_id, lambda: _replace(core, event, found, was, tell))
    return True


def _refuse(core: Core, event: events.Incoming, tell: Tell, status: int, why: str) -> None:
    core.count("replaces-refused")
    tell(event.flow.host, status, REASONS[status])
    log.warning("INVITE with Replaces refused", extra={"status": status, "why": why})
    core.perform(core.endpoint.agent.reject(event.leg, status, core.sip_now))


def _found(core: Core, asked: replaces.Replaces) -> Found | None:
    """The leg of a call in hand; a seat's phone, and a caller, only once they talk or wait."""
    for call in core.calls.values():
        if call.phase not in ("queued", "live"):
            continue
        for party in call.parties:
            waits = party.state == "calling" and party.overflow is not None
            if not waits and not party.node and replaces.names(asked, party.leg):
                return Found(call, "party", party, party.leg_id)
        if call.leg.state == "up" and replaces.names(asked, call.leg):
            return Found(call, "caller", call, "")
        phone = call.phone
        if phone is not None and phone.leg.state == "up" and replaces.names(asked, phone.leg):
            return Found(call, "seat", phone, call.seat_id or "")
    return None


def _may(core: Core, event: events.Incoming, found: Found) -> bool:
    source, leg = event.flow, found.holder.leg
    if found.role == "seat":
        seat = core.seats.get(found.leg_id)
        return (
            seat is not None
            and seat.attached
            and (seat.host, seat.port_sip) == (source.host, source.port)
        )
    trunks = core.settings.trunks
    trunk = identity.trunk_of(trunks, source.host)
    if trunk is None:
        return source.host == leg.host
    if found.role == "caller":
        return identity.line_of(trunk, event.request, trunks) == found.call.trunk
    return identity.trunk_of(trunks, leg.host) is trunk


async def _replace(core: Core, event: events.Incoming, found: Found, was: Leg, tell: Tell) -> None:
    """A step of the call: the old leg stays until the new one has sound and is answered."""
    call, holder = found.call, found.holder
    if call.phase == "ended" or not found.is_there or holder.leg is not was:
        _refuse(core, event, tell, 481, "gone meanwhile")
        return
    event.leg.nat = edge.is_behind_nat(core, event.flow)
    old = holder.audio
    session = session_of(event.request)
    try:
        stream = sdp.parse(session, old.srtp) if session is not None else None
        far = event.flow.host if stream is None else stream.address
        name = f"{found.role} {found.leg_id or call.call_id}"
        new = await audio.open_leg(core, name, far, old.srtp)
    except sdp.NoSession:
        _refuse(core, event, tell, 488, "codec or keys")
        return
    except (MediaRefused, Unavailable):
        _refuse(core, event, tell, 503, "no audio")
        return
    try:
        if stream is not None:
            await audio.set_remote(core, new, stream)
    except (MediaRefused, Unavailable):
        await audio.free(core, new.port)
        _refuse(core, event, tell, 488, "no audio")
        return
    answer = audio.answer_of(new, stream) if stream is not None else audio.offer_of(new)
    outputs = core.endpoint.agent.accept(event.leg, answer, core.sip_now)
    if event.leg.state != "up":
        await audio.free(core, new.port)  # cancelled meanwhile: all is as it was
        return
    early = was.state == "calling"
    _swap(core, event, found, new)
    holder.answer = next((kept(output) for output in outputs if isinstance(output, Send)), None)
    caller, _ = identity.caller_of(event.request)
    _tell(core, found, caller, early)
    core.save(call)  # with the 200 in it: killed before it is sent, the next process sends it
    core.perform(outputs)
    core.places.pop(was.name, None)
    core.perform(core.endpoint.agent.hang_up(was, core.sip_now, "replaced"))
    await audio.mix(core, call)
    await lines.tell_replaced(core, call, old.port, found.leg_id or found.role)
    await audio.free(core, old.port)
    if isinstance(holder, Party) and early:
        holder.early = False
        await parties.is_there(core, call, holder)  # it only rang: now somebody has answered
    core.save(call)


def _swap(core: Core, event: events.Incoming, found: Found, new: Audio) -> None:
    place = Place(found.call.call_id, found.role, found.leg_id)
    core.places[event.leg.name] = core.ports[new.port] = place
    found.holder.leg, found.holder.audio = event.leg, new


def _tell(core: Core, found: Found, caller: Caller | None, early: bool) -> None:
    personal: dict[str, Struct] = {"caller": caller} if caller is not None else {}
    body = LegReplaced(role=found.role, leg_id=found.leg_id, early=early)
    core.of_call(found.call, body, personal=personal)
    core.count("legs-replaced")
    core.changed()
