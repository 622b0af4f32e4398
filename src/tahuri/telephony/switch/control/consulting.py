"""A seat's phone asks somebody before it sends its caller on: attended transfer from a telephone.

A phone that is in a call and dials a name of the directory, a gateway's, or that of another seat
that is a phone, asks whoever that is by a second line.  The caller hears the hold prompt; REFER
with Replaces connects them.  Whatever else it dials is a call like any other's.
"""

import logging
from collections.abc import Callable

from tahuri.kernel import mint
from tahuri.telephony.media.protocol import MediaRefused
from tahuri.telephony.protocol.facts.call import CallAnswered, CallResumed, SeatUnmuted
from tahuri.telephony.protocol.facts.parties import ConsultationRefused, PartyJoined, PartyLeft
from tahuri.telephony.protocol.facts.personal import Address
from tahuri.telephony.protocol.words import ConsultationOutcome, ConsultationRefusedReason
from tahuri.telephony.rpc import Failure, Unavailable
from tahuri.telephony.sip import events, replaces, sdp
from tahuri.telephony.sip.body import session_of
from tahuri.telephony.sip.grammar import BadValue, parse_uri
from tahuri.telephony.sip.leg import Leg
from tahuri.telephony.sip.message import Request
from tahuri.telephony.sip.transaction import Flow, Send
from tahuri.telephony.switch import answering, audio, seats
from tahuri.telephony.switch.control import conference, consultation, handover, parties
from tahuri.telephony.switch.core import Core, Place
from tahuri.telephony.switch.edge.credentials import Credentials
from tahuri.telephony.switch.model import Call, Consultation, Party, Phone, Seat, Transfer, kept
from tahuri.telephony.switch.queue import offers, turns

STATUSES: dict[ConsultationRefusedReason, int] = {
    "no-live-call": 403,
    "not-proven": 403,
    "busy": 486,
    "unreachable": 480,
    "too-many-parties": 486,
}
"""What the phone is told."""

log = logging.getLogger(__name__)


def seat_at(core: Core, flow: Flow) -> Seat | None:
    """The seat whose phone registered from there."""
    phones = (seat for seat in core.seats.values() if seat.kind == "sip" and seat.attached)
    return next((one for one in phones if (one.host, one.port_sip) == (flow.host, flow.port)), None)


# ---- the phone's INVITE -------------------------------------------------------------------------


def take(core: Core, event: events.Incoming, credentials: Credentials) -> bool:
    """Take an INVITE of a seat's phone to somebody who can be asked; False: it is none.  Instant.

    The phone proves itself for it, as for its registration: whoever pretends to be at its address
    would put its caller on hold.
    """
    seat, name = seat_at(core, event.flow), asked(core, event.request)
    phone = next((p for p in core.settings.seats if seat and p.seat_id == seat.seat_id), None)
    if seat is None or phone is None or name is None:
        return False
    verdict = credentials.verdict(event.request, phone.account, event.flow)
    if verdict is None or verdict == "stale":
        headers = credentials.challenges(phone.account, event.flow, verdict == "stale")
        core.count("invites-challenged")  # it comes again, with its outcome
        core.perform(core.endpoint.agent.reject(event.leg, 401, core.sip_now, headers))
    elif verdict == "wrong":
        core.gate.penalise(event.flow.host, core.sip_now)
        _refuse(core, event, seat, name, "not-proven")
    else:
        _begin(core, event, seat, name)
    return True


def asked(core: Core, request: Request) -> str | None:
    """The name that was dialled; never the city's number, nor any that nobody has."""
    try:
        uri = parse_uri(request.uri)
    except BadValue:
        return None
    settings, user = core.settings, uri.user.partition(";")[0].strip()
    emergency = {settings.city_number, *settings.numbers, *settings.test_numbers}
    if uri.scheme not in ("sip", "sips") or not user or user in emergency:
        return None
    if _is_in_directory(core, user):
        return user.lower()
    return next((name for name in core.seats if name.lower() == user.lower()), None)


def _is_in_directory(core: Core, name: str) -> bool:
    return name.lower() in core.settings.party_aliases or parties.is_gateway(core, name)


def _seat_named(core: Core, name: str) -> Seat | None:
    return None if _is_in_directory(core, name) else core.seats.get(name)


def _refuse(
    core: Core,
    event: events.Incoming,
    seat: Seat,
    name: str,
    reason: ConsultationRefusedReason,
    call: Call | None = None,
) -> None:
    status = STATUSES[reason]
    body = ConsultationRefused(seat_id=seat.seat_id, reason=reason, status=status)
    stream = f"call/{call.call_id}" if call is not None else f"seat/{seat.seat_id}"
    core.fact(stream, body, seat.operator_id or "", personal={"address": Address(address=name)})
    log.warning("consultation refused", extra={"reason": reason, "seat_id": seat.seat_id})
    core.perform(core.endpoint.agent.reject(event.leg, status, core.sip_now))


def _begin(core: Core, event: events.Incoming, seat: Seat, name: str) -> None:
    try:
        call = answering.live_call(core, seat)
    except Failure:
        _refuse(core, event, seat, name, "no-live-call")
        return
    objection = _objection(core, call, name)
    if objection is not None:
        _refuse(core, event, seat, name, objection, call)
        return
    target = _seat_named(core, name)
    agent, event.leg.nat = core.endpoint.agent, seat.nat
    refusals = agent.refusal(event.request, event.flow, 503)
    line = Consultation(
        consultation_id=mint.new_id(),
        seat_id=seat.seat_id,
        operator_id=call.operator_id or "",
        address=name,
        leg_id=mint.new_id(),
        to_seat_id=target.seat_id if target is not None else None,
        leg=event.leg,
        refusal=next((kept(refusal) for refusal in refusals), None),
    )
    call.consultation = line
    core.places[event.leg.name] = Place(call.call_id, "consulting", line.leg_id)
    if target is not None:
        seats.offered(core, target, call.call_id)
    core.save(call)  # before 100: whoever has that repeats its INVITE no more
    consultation.tell_begun(core, call, line)
    core.perform(agent.trying(event.leg, core.sip_now))
    core.changed()
    session = session_of(event.request)
    core.post(call.call_id, lambda: _ask(core, call, line, session))


def _objection(core: Core, call: Call, name: str) -> ConsultationRefusedReason | None:
    """Why nobody can be asked now."""
    if call.phone is None or call.consultation is not None or call.transfer is not None:
        return "busy"
    if len(call.parties) >= parties.PARTIES_MAX:
        return "too-many-parties"
    if any(party.address == name for party in call.parties):
        return "busy"  # it is on the call already
    target = _seat_named(core, name)
    if target is None:
        return None
    if target.state in ("offered", "busy", "supervising"):
        return "busy"
    takes = target.kind == "sip" and target.state == "ready" and turns.can_ring(target)
    return None if takes else "unreachable"


async def _ask(core: Core, call: Call, line: Consultation, session: bytes | None) -> None:
    """Hold, then let it ring.  A step of the call."""
    if call.consultation is not line or line.leg.state != "incoming":
        return  # given up: its next step tells so
    consultation.hold(core, call, line)
    try:
        stream = sdp.parse(session) if session is not None else None
        far = line.leg.host if stream is None else stream.address
        line.audio = await audio.open_leg(core, f"consulting {line.seat_id}", far)
        core.ports[line.audio.port] = Place(call.call_id, "consulting", line.leg_id)
        if stream is not None:
            await audio.set_remote(core, line.audio, stream)
        await _invite(core, call, line)
    except sdp.NoSession:
        await consultation.over(core, call, "failed", 488)
    except (MediaRefused, Unavailable):
        await consultation.over(core, call, "failed", 503)
    except Failure as failure:
        status = 404 if failure.code == "bad-address" else 503
        await consultation.over(core, call, "failed", status)


async def _invite(core: Core, call: Call, line: Consultation) -> None:
    """Call whoever is asked.  Raises Failure as `parties.add`."""
    seat = core.seats.get(line.to_seat_id or "")
    if seat is None:
        target, flow = parties.destination(core, line.address)
    else:
        target, flow = seat.contact, Flow(seat.transport, seat.host, seat.port_sip)
    by, leg_id, address = line.operator_id, line.leg_id, line.address
    await parties.invite(core, call, by, leg_id, address, target, flow, consulted=True)
    await audio.mix(core, call)
    core.save(call)


# ---- what whoever is asked, and the phone, say --------------------------------------------------


async def on_party(core: Core, call: Call, party: Party, event: events.Event) -> bool:
    """Ringing, and the answer.

    Returns:
        Whether the event was about that; a step of the call.
    """
    line = call.consultation
    if line is None:
        return False
    match event:
        case events.Ringing(_, _, session):
            await _rings(core, call, line, party, session)
        case events.Answered(_, session):
            await _answered(core, call, line, party, session)
        case _:
            return False
    return True


async def _rings(
    core: Core, call: Call, line: Consultation, party: Party, session: bytes | None
) -> None:
    """The phone hears what comes before the answer."""
    agent = core.endpoint.agent
    if session is not None:
        await parties.early(core, call, party, session)
    if session is None or not party.early:
        core.perform(agent.progress(line.leg, 180, core.sip_now))
    elif not line.session:
        core.perform(agent.progress(line.leg, 183, core.sip_now, _session(line)))


def _session(line: Consultation) -> bytes:
    """What the phone is told of our audio; the same before the answer and in it."""
    assert line.audio is not None
    if not line.session:
        remote = line.audio.remote
        made = audio.answer_of(line.audio, remote) if remote else audio.offer_of(line.audio)
        line.session = made.decode()
    return line.session.encode()


async def _answered(
    core: Core, call: Call, line: Consultation, party: Party, session: bytes | None
) -> None:
    if party not in call.parties or party.state == "joined":
        return
    try:
        await audio.set_remote(core, party.audio, sdp.parse(session or b"", party.audio.srtp))
    except (sdp.NoSession, MediaRefused, Unavailable):
        await parties.left(core, call, party, "failed", 488)
        return
    outputs = core.endpoint.agent.accept(line.leg, _session(line), core.sip_now)
    if line.leg.state != "up":
        return  # the phone has given up: the next step lets the party go
    party.state, party.early = "joined", False
    line.answer = next((kept(output) for output in outputs if isinstance(output, Send)), None)
    core.of_call(call, PartyJoined(leg_id=party.leg_id))
    target = core.seats.get(line.to_seat_id or "")
    if target is not None and target.call_id == call.call_id:
        seats.busy(core, target, call.call_id)
    core.save(call)  # with the 200 in it: killed before it is sent, the next process sends it
    core.perform(outputs)
    core.changed()
    await audio.mix(core, call)
    core.save(call)


async def phone_gone(core: Core, call: Call, line: Consultation, failed: bool) -> None:
    """The phone has ended its second line: the seat has its caller still.  A step of the call."""
    party = conference.consulted(call)
    there = party is not None and party.state == "joined"
    outcome: ConsultationOutcome = "hung-up" if there else "given-up"
    await consultation.over(core, call, "failed" if failed else outcome)


async def caller_left_waiting(core: Core, call: Call, seat: Seat) -> None:
    """The phone has hung up the caller's line while the caller was on hold: only REFER sends them
    on, so the call rings there again.  A step of the call."""
    answering.requeue(core, call, seat.seat_id, "transfer-failed", first=[seat.seat_id])
    seats.freed(core, seat)
    offers.dispatch(core)


# ---- the transfer -------------------------------------------------------------------------------


def is_named(call: Call, event: events.ReferAsked) -> bool:
    """Whether a REFER in one of the phone's two dialogs wants the other one replaced."""
    line, phone = call.consultation, call.phone
    if line is None or phone is None or not event.replaces:
        return False
    other = line.leg if event.leg is phone.leg else phone.leg
    return replaces.names(replaces.parsed(event.replaces), other)


def is_asked(call: Call, user: str) -> bool:
    """Whether that is the name of whom the phone asks."""
    return call.consultation is not None and call.consultation.address.lower() == user.lower()


def can_connect(call: Call) -> bool:
    """Whether whom the phone asks has answered."""
    party = conference.consulted(call)
    ready = party is not None and party.state == "joined" and call.consultation is not None
    return ready and call.phase == "live" and call.transfer is None


async def connect(core: Core, call: Call, tell: Callable[[int], None] | None = None) -> None:
    """The caller is with whom the phone asked, and the seat is free.  A step of the call.

    Args:
        tell: says 200 to the phone once nothing can go wrong any more; it may hang up then.

    Raises:
        Failure: ``no-party-joined``.
    """
    line, party = call.consultation, conference.consulted(call)
    if line is None or party is None or not can_connect(call):
        raise Failure("no-party-joined")
    seat, former = audio.seat_of(core, call), call.phone
    target = core.seats.get(line.to_seat_id or "")
    consultation.told_over(core, call, line, "transferred")
    call.transfer = Transfer(
        kind="warm",
        transfer_id=mint.new_id(),
        seat_id=line.seat_id,
        operator_id=line.operator_id,
        since=core.now(),
        target=line.address,
        leg_id=party.leg_id,
        to_seat_id=line.to_seat_id,
    )
    turns.completed(core, call)
    if former is not None:  # let go like one that only rang, also by the process after a kill
        call.ringing.append(former)
        core.places.pop(former.leg.name, None)
    call.phone, party.consulted = None, False
    if target is not None and target.call_id == call.call_id and target.operator_id is not None:
        _becomes(core, call, party, target)
    else:
        answering.leave(core, call)  # and keeps all of it at once
    if seat is not None and seat.call_id == call.call_id:
        seats.freed(core, seat)
    if tell is not None:
        tell(200)
    await consultation.over(core, call, "transferred")
    if former is not None:
        await offers.drop_ringing(core, call, former)
    core.changed()
    await audio.mix(core, call)
    core.save(call)
    offers.dispatch(core)


def _becomes(core: Core, call: Call, party: Party, seat: Seat) -> None:
    """Another seat was asked: the call is that one's."""
    assert seat.operator_id is not None
    core.of_call(
        call,
        PartyLeft(leg_id=party.leg_id, reason="transferred"),
        identifier=f"{party.leg_id}-left",
    )
    if call.on_hold:
        core.of_call(call, CallResumed(), seat.operator_id)
    if call.muted:
        core.of_call(call, SeatUnmuted(), seat.operator_id)
    call.on_hold = call.muted = False
    call.parties = [one for one in call.parties if one is not party]
    call.phone = Phone(audio=party.audio, leg=party.leg, seat_id=seat.seat_id, answer=party.answer)
    call.seat_id, call.operator_id, call.handed_over_by = seat.seat_id, seat.operator_id, ""
    place = Place(call.call_id, "seat", seat.seat_id)
    core.places[party.leg.name] = core.ports[party.audio.port] = place
    body = CallAnswered(seat_id=seat.seat_id, operator_id=seat.operator_id, robot=seat.robot)
    core.of_call(call, body, seat.operator_id)
    core.save(call)


def notifies(core: Core, leg: Leg) -> Callable[[int], None]:
    """Tells the phone how its transfer goes, in the dialog in which it asked."""
    return lambda status: handover.notify(core, leg, status)
