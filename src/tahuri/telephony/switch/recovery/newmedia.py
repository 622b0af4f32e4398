"""After media died, or is there for the first time: every call is given audio anew."""

import logging

from tahuri.telephony.media.protocol import Holdings, MediaRefused
from tahuri.telephony.rpc import Unavailable
from tahuri.telephony.switch import audio, ending, seats
from tahuri.telephony.switch.control import (
    conference,
    consultation,
    handover,
    outgoing,
)
from tahuri.telephony.switch.core import Core, Place
from tahuri.telephony.switch.model import Audio, Call, Phone, Seat
from tahuri.telephony.switch.queue import offers

log = logging.getLogger(__name__)


async def media_up(core: Core) -> None:
    """Media is connected: compare what it holds with what we believe."""
    holdings = await core.media.hello()
    if holdings.instance != core.media_instance:
        core.media_instance = holdings.instance
        _forget_lost(core, core.media.held)
    await audio.prompts(core)
    core.cells.clear()
    core.channels.clear()
    for call in list(core.calls.values()):
        core.cells[call.call_id] = _unknown_cells(core, call, core.media.held)
        _mend(core, call)
    core.media_ready, core.media_silent = True, False
    core.alarm("media-lost", on=False)
    await _free_orphans(core, holdings)
    offers.dispatch(core)


def _unknown_cells(core: Core, call: Call, held: set[int]) -> conference.Cells:
    """Every cell that the killed process may have set: it may have died between a hold and its
    silence.  With a gain that none has, so that each is set anew."""
    ports = {call.audio.port, *(party.audio.port for party in call.parties)}
    ports |= {call.phone.audio.port} if call.phone else set()
    ports |= _second_line(call)
    ports |= {seat.port for seat in core.seats.values() if seat.port and _may_hear(seat, call)}
    ports |= {port for port in (core.tone, core.hold, call.notice) if port is not None}
    ports &= held
    return {(hears, says): -1.0 for hears in ports for says in ports if hears != says}


def _second_line(call: Call) -> set[int]:
    line = call.consultation
    return {line.audio.port} if line is not None and line.audio is not None else set()


def _may_hear(seat: Seat, call: Call) -> bool:
    return seat.call_id in (None, call.call_id)


def media_down(core: Core) -> None:
    """The connection to media is lost: calls go on without changes of who hears whom."""
    core.media_ready = False
    core.alarm("media-lost", on=True)


def _forget_lost(core: Core, held: set[int]) -> None:
    """Ports of media that died are gone; a step that was under way may have some of the new one
    already.  Browsers must offer again."""
    core.tone = core.tone if core.tone in held else None
    core.hold = core.hold if core.hold in held else None
    core.ports = {port: place for port, place in core.ports.items() if port in held}
    core.silent = {port: since_s for port, since_s in core.silent.items() if port in held}
    for seat in core.seats.values():
        if seat.kind == "browser" and seat.port not in held:
            seat.port, seat.media = None, "down"
            seats.sound_lost(core, seat)


def _mend(core: Core, call: Call) -> None:
    async def step() -> None:
        if call.phase == "ended":
            await ending.finish(core, call)
            return
        if call.leg.state != "up" or outgoing.unanswered(call):
            await ending.end(core, call, "failure", outgoing.why_lost(call))
            return
        try:
            handover.mend(core, call)
            if _is_left_behind(call):
                await offers.drop_phone(core, call)
            await _give_audio(core, call)
        except MediaRefused:
            await ending.end(core, call, "failure", "media-lost")
        except Unavailable:
            log.warning("media is away again")  # its next start mends the call

    core.post(call.call_id, step)


def _is_left_behind(call: Call) -> bool:
    """Whether a phone is still on the line whose seat has left the call to others."""
    phone = call.phone
    return phone is not None and not call.echo and phone.seat_id not in ("", call.seat_id)


async def _give_audio(core: Core, call: Call) -> None:
    """New ports for legs that lost theirs, told to the far ends by re-INVITE."""
    held = core.media.held  # now: what is opened meanwhile is in it
    caller_is_new = call.audio.port not in held
    if caller_is_new:
        await _replace(core, call, call.audio, Place(call.call_id, "caller"))
    if call.phone is not None and call.phone.audio.port not in held:
        place = Place(call.call_id, "seat", call.seat_id or "")
        await _replace(core, call, call.phone.audio, place)
    elif call.phone is not None and call.phone.audio.remote is None and call.phone.leg.outgoing:
        # killed between its answer and its sound: its session is asked for anew
        offer = audio.offer_of(call.phone.audio)
        core.perform(core.endpoint.agent.reoffer(call.phone.leg, offer, core.sip_now))
    for phone in [one for one in call.ringing if one.audio.port not in held]:
        await offers.drop_ringing(core, call, phone)
        seat = core.seats.get(phone.seat_id)
        if seat is not None:
            offers.withdraw_at(core, call, seat)  # and offered anew, with sound
    for party in call.parties:
        if party.audio.port not in held:
            place = Place(call.call_id, "party", party.leg_id)
            await _replace(core, call, party.audio, place)
    await _give_second_line(core, call, held)
    await audio.tell_untold(core, call)
    if call.notice is not None and call.notice not in held:
        call.notice = None
    if call.beep is not None and call.beep.port not in held:
        call.beep = None
    if caller_is_new and call.recording is not None:
        identifier = call.recording.recording_id
        call.recording = None
        audio.tell_fault(core, call, identifier, "media-lost")
    if call.recording is None and not call.echo and not call.home:
        await audio.start_recording(core, call)
    await audio.mix(core, call)
    core.save(call)


async def _give_second_line(core: Core, call: Call, held: set[int]) -> None:
    line = call.consultation
    if line is None or line.audio is None or line.audio.port in held:
        return
    if line.leg.state == "up":
        place = Place(call.call_id, "consulting", line.leg_id)
        await _replace(core, call, line.audio, place)
    else:
        await consultation.over(core, call, "failed", 503)  # it may have heard of the lost port


async def _replace(core: Core, call: Call, old: Audio, place: Place) -> None:
    core.ports.pop(old.port, None)
    new = await audio.open_leg(core, f"{place.role} {call.call_id}", old.address)
    old.port, old.udp = new.port, new.udp
    core.ports[old.port] = place
    if old.remote is not None:
        await audio.set_remote(core, old, old.remote)
    leg = call.leg
    if place.role == "seat" and isinstance(call.phone, Phone):
        leg = call.phone.leg
    elif place.role == "consulting" and call.consultation is not None:
        leg = call.consultation.leg
    elif place.role == "party":
        leg = next(party.leg for party in call.parties if party.leg_id == place.leg_id)
    outputs = core.endpoint.agent.reoffer(leg, audio.offer_of(old), core.sip_now)
    core.save(call)  # killed before the answer comes, the next process offers it anew
    core.perform(outputs)


def known_ports(core: Core) -> set[int]:
    """Ports of media that some call, seat or prompt of ours needs."""
    known = set(core.ports) | {port for port in (core.tone, core.hold) if port is not None}
    known |= {seat.port for seat in core.seats.values() if seat.port is not None}
    known |= {call.notice for call in core.calls.values() if call.notice is not None}
    known |= {call.beep.port for call in core.calls.values() if call.beep is not None}
    for call in core.calls.values():
        known |= {call.audio.port, *(party.audio.port for party in call.parties)}
        known |= {call.phone.audio.port} if call.phone else set()
        known |= {phone.audio.port for phone in call.ringing} | _second_line(call)
    return known


async def _free_orphans(core: Core, holdings: Holdings) -> None:
    """Ports and recordings that no call of the journal knows."""
    known = known_ports(core)
    orphans = [port.port for port in holdings.ports if port.port not in known]
    await audio.free(core, *orphans)
    numbers = {call.recording.number for call in core.calls.values() if call.recording}
    for recording in holdings.recordings:
        if recording.recording not in numbers:
            async with audio.forgiving("orphan recording"):
                await core.media.record_stop(recording.recording)
