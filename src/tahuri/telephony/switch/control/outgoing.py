"""Calls that the centre places: to call back who could not be answered.

A call of ours is *proposed* (it waits for a seat to accept it), *calling* (our INVITE is out, the
recording runs), then live like any other.  It ends in exactly one `CallEnded`.
"""

import re
from functools import partial
from typing import Literal

from tahuri.kernel import mint
from tahuri.telephony.media.protocol import MediaRefused
from tahuri.telephony.protocol.facts import fact_of
from tahuri.telephony.protocol.facts.call import (
    CallAnswered,
    CallBackBegun,
    CallPlaced,
    CallRinging,
)
from tahuri.telephony.protocol.facts.personal import Caller
from tahuri.telephony.protocol.operations import CallBack, OfferCallBack
from tahuri.telephony.protocol.words import NumberStatus
from tahuri.telephony.rpc import Failure, Unavailable
from tahuri.telephony.sip import events, sdp
from tahuri.telephony.sip.leg import Leg
from tahuri.telephony.switch import audio, ending, seats
from tahuri.telephony.switch.config import Trunk
from tahuri.telephony.switch.core import SWITCH, Core, Place
from tahuri.telephony.switch.edge import edge
from tahuri.telephony.switch.edge.trunks import flow_of, outward, uri_at
from tahuri.telephony.switch.model import Audio, Call, Outgoing, Owed, Seat
from tahuri.telephony.switch.queue import acd, offers

WRITING_UP = ("wrap-up", "missed-offer")
"""Reasons for being not ready that do not keep a seat from calling somebody back."""
REASONS: dict[int, str] = {
    404: "wrong-number",
    408: "no-answer",
    410: "wrong-number",
    480: "no-answer",
    484: "wrong-number",
    486: "busy",
    487: "no-answer",
    600: "busy",
    603: "declined",
    604: "wrong-number",
}
"""Why nobody was reached, by SIP status; see `reason_of` for the others."""
_NUMBER = re.compile(r"^\+?[0-9*#]{2,20}$")


def reason_of(status: int) -> str:
    """The code of a final status that is no 2xx.  A redirection is told, never followed: who is
    called in the city's name is decided here, not by the far end."""
    if 300 <= status < 400:
        return "redirected"
    return REASONS.get(status, "declined" if status == 403 else "failed")


# ---- what is asked ------------------------------------------------------------------------------


async def call_back(core: Core, asked: CallBack) -> object:
    """A seat calls somebody back; a phone seat rings first, so that it has a line to talk on.

    Raises:
        Failure: see `CallBack`.
    """
    seat = seats.held_by(core, asked.seat_id, asked.operator_id)
    known = under_way(core, asked.callback_id)
    if known is not None:
        if seat.seat_id not in (known.seat_id, known.offered_to):
            raise Failure("callback-not-possible", "calling")
        if seat.kind == "browser":
            await accepted(core, known.call_id, seat)
        return {"call_id": known.call_id}
    if seat.state != "ready" and not (seat.state == "not_ready" and seat.reason in WRITING_UP):
        raise Failure("seat-busy")
    if not seat.attached or seat.media != "connected" or len(core.calls) >= core.settings.calls_max:
        raise Failure("media-unavailable")
    call = _begin(core, asked, automatic=False, actor=asked.operator_id)
    if seat.kind == "sip":
        offers.offer(core, call, seat)
    else:
        _take(core, call, seat)
        await core.done(call.call_id, lambda: _place(core, call))
    return {"call_id": call.call_id}


def propose(core: Core, asked: OfferCallBack) -> object:
    """Offer a call-back to the person who has been idle longest, while no call waits.  Instant.

    Raises:
        Failure: ``bad-address``.
    """
    known = under_way(core, asked.callback_id)
    if known is not None:
        return {"call_id": known.call_id}
    desks = ("taker", "supervisor")
    people = [seat for seat in core.seats.values() if not seat.robot and seat.desk in desks]
    ready = [seat for seat in people if seat.state == "ready" and seat.attached]
    full = len(core.calls) >= core.settings.calls_max
    waiting = acd.for_anybody(acd.waiting(core.calls.values()))
    if not ready or full or not core.media_ready or waiting:
        return {"call_id": None}
    call = _begin(core, asked, automatic=True, actor=SWITCH)
    offers.offer(core, call, min(ready, key=_turn))
    return {"call_id": call.call_id}


def _turn(seat: Seat) -> tuple[bool, float, str]:
    return (seat.desk != "taker", seat.idle_since_s, seat.seat_id)


async def accepted(core: Core, call_id: str, seat: Seat) -> bool:
    """A browser seat accepts the call-back that rings there; False if this call is none."""
    call = core.calls.get(call_id)
    if call is None or call.phase != "proposed" or call.offered_to != seat.seat_id:
        return False
    _take(core, call, seat)
    await core.done(call_id, lambda: _place(core, call))
    return True


def under_way(core: Core, callback_id: str) -> Call | None:
    """The call for that item that is not over."""
    found = (call for call in core.calls.values() if call.outgoing and call.phase != "ended")
    return next((call for call in found if _item(call).callback_id == callback_id), None)


def calling(core: Core, seat: Seat) -> Call | None:
    """The call that the seat has placed and nobody has answered yet."""
    call = core.calls.get(seat.call_id) if seat.call_id else None
    mine = call is not None and call.phase == "calling" and call.seat_id == seat.seat_id
    return call if mine else None


def unanswered(call: Call) -> bool:
    """Whether it is a call of ours that nobody has answered."""
    return call.phase in ("proposed", "calling")


def state_of(call: Call) -> Literal["calling", "ringing", "live"]:
    """As its seat shows it."""
    if call.phase != "calling":
        return "live"
    return "ringing" if _item(call).ringing else "calling"


# ---- from the seat to the INVITE ----------------------------------------------------------------


def _item(call: Call) -> Outgoing:
    assert call.outgoing is not None
    return call.outgoing


def _trunk(core: Core, name: str | None) -> Trunk:
    """The trunk of that name, or the best one.  Raises Failure ``bad-address``."""
    takes = [trunk for trunk in core.settings.trunks if trunk.host and not trunk.node]
    if name is not None:
        takes = [trunk for trunk in takes if trunk.name == name]
    if not takes:
        raise Failure("bad-address", "no trunk takes calls")
    return min(takes, key=partial(outward, core))


def _begin(core: Core, asked: CallBack | OfferCallBack, automatic: bool, actor: str) -> Call:
    """The call, before it is placed.  Raises Failure ``bad-address``."""
    trunk = _trunk(core, asked.trunk)
    digits = re.sub(r"[ ().\-]", "", asked.number)
    if not _NUMBER.match(digits):
        raise Failure("bad-address")
    status: NumberStatus = asked.number_status
    call = Call(
        call_id=mint.new_id(),
        ended_id=mint.new_id(),
        trunk=trunk.name,
        arrived_at=core.now(),
        arrived_s=core.monotonic_s(),
        caller=Caller(number=digits, display_name=None, source="from"),
        number_status=status,
        location=None,
        leg=Leg(
            name="", call_id="", local_tag="", local="", remote="", target="",
            state="ended", outgoing=True,
        ),
        audio=Audio(port=audio.NO_PORT, address="", udp=0),
        phase="proposed",
        direction="out",
        outgoing=Outgoing(callback_id=asked.callback_id, number=digits, automatic=automatic),
    )  # fmt: skip
    body = CallBackBegun(
        callback_id=asked.callback_id,
        trunk=trunk.name,
        automatic=automatic,
        node=core.settings.node,
    )
    stream = f"call/{call.call_id}"
    assert call.caller is not None
    personal = {"caller": call.caller}
    call.arrived = fact_of(mint.new_id(), call.arrived_at, stream, body, dict(personal), actor)
    core.calls[call.call_id] = call
    core.save(call)  # first, so that a kill from here on leaves a call that can be ended
    core.tell(call.arrived)
    return call


def _take(core: Core, call: Call, seat: Seat) -> None:
    """The call belongs to the seat from now on.  Instant."""
    call.phase, call.offered_to = "calling", None
    call.seat_id, call.operator_id = seat.seat_id, seat.operator_id
    seats.busy(core, seat, call.call_id)
    core.save(call)


async def _place(core: Core, call: Call) -> None:
    """Recording first, then the INVITE.  A step of the call."""
    item = _item(call)
    if call.phase != "calling" or item.over:
        return
    try:
        trunk = _trunk(core, call.trunk)
        flow = flow_of(trunk)
        assert flow is not None  # `_trunk` gives none without a host
        call.audio = await audio.open_leg(core, f"called {call.call_id}", flow.host, trunk.srtp)
    except (Failure, MediaRefused, Unavailable):
        await ending.end(core, call, "failure", "media-unavailable")
        return
    core.ports[call.audio.port] = Place(call.call_id, "caller")
    await audio.start_recording(core, call)
    local = core.local(trunk.caller_id or core.settings.city_number)
    agent = core.endpoint.agent
    call.leg, outputs = agent.call(
        local,
        uri_at(flow, item.number),
        flow,
        audio.offer_of(call.audio),
        core.sip_now,
        headers=(("p-asserted-identity", local),),
    )
    call.leg.nat = edge.is_behind_nat(core, flow)
    core.places[call.leg.name] = Place(call.call_id, "caller")
    item.ring_due = core.monotonic_s() + core.settings.call_back_ring_s
    core.save(call)  # before it is sent: killed from here on, the next process cancels it
    assert call.seat_id is not None
    assert call.operator_id is not None
    placed = CallPlaced(
        callback_id=item.callback_id,
        seat_id=call.seat_id,
        operator_id=call.operator_id,
        automatic=item.automatic,
    )
    core.of_call(call, placed, call.operator_id)
    core.perform(outputs)
    core.changed()


# ---- what the far end and the seat's phone say --------------------------------------------------


async def far_side(core: Core, call: Call, event: events.Event) -> None:
    """What becomes of our INVITE.  A step of the call."""
    item = _item(call)
    match event:
        case events.Ringing(_, status, session):
            await _rings(core, call, status, session)
        case events.Answered(_, session):
            await _answered(core, call, session)
        case events.Rejected(_, status, response):
            item.status = status if response is not None else None
            reason = "failed" if response is None else reason_of(status)
            await ending.end(core, call, "failure" if reason == "failed" else "caller", reason)
        case events.Ended(_, reason):
            await ending.end(core, call, "caller", reason)
        case _:
            pass


async def _rings(core: Core, call: Call, status: int, session: bytes | None) -> None:
    """The far end rings; with a session the seat hears its network instead of our tone."""
    item = _item(call)
    if session is not None:
        try:
            await audio.set_remote(core, call.audio, sdp.parse(session, call.audio.srtp))
            item.early = True
        except (sdp.NoSession, MediaRefused, Unavailable):
            pass  # the answer may bring another
    if not item.ringing:
        item.ringing = True
        core.of_call(call, CallRinging(status=status))
        core.changed()
    await audio.mix(core, call)
    core.save(call)


async def _answered(core: Core, call: Call, session: bytes | None) -> None:
    try:
        await audio.set_remote(core, call.audio, sdp.parse(session or b"", call.audio.srtp))
    except (sdp.NoSession, MediaRefused):
        _item(call).status = 488
        await ending.end(core, call, "failure", "no-session")
        return
    except Unavailable:
        await ending.end(core, call, "failure", "media-lost")
        return
    assert call.seat_id is not None
    assert call.operator_id is not None
    call.phase, call.answered_at = "live", core.now()
    body = CallAnswered(seat_id=call.seat_id, operator_id=call.operator_id, robot=False)
    core.of_call(call, body, call.operator_id)
    core.save(call)
    core.changed()
    await audio.mix(core, call)
    core.save(call)


async def phone_side(core: Core, call: Call, seat: Seat, event: events.Event) -> bool:
    """A phone seat accepts a call-back by picking up, and gives it up by hanging up.

    Returns:
        Whether the event was about that; a step of the call.
    """
    phone = offers.phone_at(call, seat.seat_id)
    if phone is None or not unanswered(call):
        return False
    match event:
        case events.Answered(leg, session) if leg is phone.leg and call.phase == "proposed":
            if call.offered_to != seat.seat_id:
                await offers.drop_ringing(core, call, phone)
                return True
            call.ringing = [one for one in call.ringing if one is not phone]
            call.phone = phone
            try:
                await audio.set_remote(core, phone.audio, sdp.parse(session or b""))
            except (sdp.NoSession, MediaRefused, Unavailable):
                await ending.end(core, call, "failure", "no-session")
                return True
            _take(core, call, seat)
            await _place(core, call)
            return True
        case events.Ended(leg) if leg is phone.leg:
            await ending.end(core, call, "seat", "hung-up")
            return True
        case _:
            return False


# ---- time and kills -----------------------------------------------------------------------------


def look(core: Core, call: Call, now_s: float) -> None:
    """End a call of ours that nobody accepts, answers or waits for any more.  Instant."""
    item = call.outgoing
    if item is None or item.over or not unanswered(call):
        return
    seat = core.seats.get(call.seat_id) if call.seat_id else None
    if call.phase == "proposed":
        queue = acd.for_anybody(acd.waiting(core.calls.values()))
        waiting = [one for one in queue if one.offered_to is None]
        if call.offered_to is None:
            item.over = "not-taken"
        elif waiting and item.automatic:
            item.over = "queue-first"  # who rings in goes before whom we would call
    elif seat is None or seat.call_id != call.call_id:
        item.over = "seat-vanished"
    elif item.ring_due and now_s >= item.ring_due:
        item.over = "no-answer"
    if item.over:
        by: ending.EndedBy = "caller" if item.over == "no-answer" else "failure"
        core.post(call.call_id, lambda: ending.end(core, call, by, item.over))


def restored(core: Core, call: Call) -> list[Owed]:
    """After a kill: what to say so that nothing rings on; the call ends when media is there."""
    owed: list[Owed] = []
    agent = core.endpoint.agent
    _item(call).over = "switch-restarted"
    if call.offered_to is not None:
        offers.withdraw(core, call)
    legs = [call.leg, *([call.phone.leg] if call.phone else [])]
    legs += [phone.leg for phone in call.ringing]
    for leg in legs:
        if leg.state == "up":
            agent.adopt(leg, core.sip_now)
        elif leg.state in ("calling", "cancelling"):
            owed.append(partial(agent.abandon, leg))
    return owed


def why_lost(call: Call) -> str:
    """The reason told of a call that recovery ends."""
    if call.outgoing is None:
        return "switch-restarted"
    return call.outgoing.over or "media-lost"
