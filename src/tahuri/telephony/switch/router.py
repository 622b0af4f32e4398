"""What SIP and media say goes to the call it is about, as a step of that call."""

from typing import assert_never

from tahuri.telephony.media import protocol as media
from tahuri.telephony.media.protocol import MediaRefused
from tahuri.telephony.protocol.facts.call import KeyPressed, MediaHeard, MediaSilent
from tahuri.telephony.rpc import Failure, Unavailable
from tahuri.telephony.sip import events, sdp
from tahuri.telephony.switch import answering, audio, ending, seats
from tahuri.telephony.switch.control import (
    consultation,
    consulting,
    outgoing,
    parties,
    refers,
    sendingon,
    supervision,
)
from tahuri.telephony.switch.core import Core, Place
from tahuri.telephony.switch.edge import testcalls
from tahuri.telephony.switch.edge.arrivals import Door
from tahuri.telephony.switch.edge.registrar import Registrar
from tahuri.telephony.switch.edge.trunks import TrunkWatch
from tahuri.telephony.switch.model import Audio, Call, Party
from tahuri.telephony.switch.queue import ghost, lane, offers, overflow, peers

KEYS_MAX = 40
"""Keys of one call that become facts."""
FAILURES = frozenset({"no-acknowledgement", "lost", "no-session", "session-expired"})
"""Ends that nobody chose."""


class Router:
    """Listens to SIP and media."""

    def __init__(self, core: Core, door: Door, registrar: Registrar, trunks: TrunkWatch) -> None:
        self._core = core
        self._door = door
        self._registrar = registrar
        self._trunks = trunks

    # ---- SIP ------------------------------------------------------------------------------------

    def on_sip(self, event: events.Event) -> None:
        """Take an event of the user agent."""
        match event:
            case events.Incoming():
                if testcalls.own_line(self._core, event) is None:
                    self._trunks.seen(event.flow)
                self._door.incoming(event)
            case events.InviteRefused():
                self._door.refused(event)
            case events.Registering():
                self._registrar.registering(event)
            case events.Replied():
                self._trunks.replied(event)
            case events.OptionsSeen(flow):
                self._trunks.seen(flow)
            case _:
                place = self._core.places.get(event.leg.name)
                if place is not None and self._core.knows(place.call_id):
                    if isinstance(event, events.Answered):
                        self._keep_dialog(place)
                    name = event.leg.name
                    self._core.post(place.call_id, lambda: self._step(place, name, event))

    def _keep_dialog(self, place: Place) -> None:
        """Whoever answered has our ACK: killed from here on, the next process can hang up."""
        call = self._core.calls.get(place.call_id)
        if call is not None:
            self._core.save(call)

    async def _step(self, place: Place, leg_name: str, event: events.Event) -> None:
        core = self._core
        call = core.calls.get(place.call_id)
        if call is None or leg_name not in core.places:
            return  # of a leg whose place another has taken meanwhile
        match place.role:
            case "caller":
                await self._caller(call, event)
            case "seat" if call.echo:
                await testcalls.robot(self._core, call, event)
            case "seat":
                await self._phone(call, event, place.leg_id)
            case "party":
                party = next((p for p in call.parties if p.leg_id == place.leg_id), None)
                if party is not None:
                    await self._party(call, party, event)
            case "consulting":
                await self._second_line(call, event)
            case _:
                assert_never(place.role)

    async def _caller(self, call: Call, event: events.Event) -> None:
        core = self._core
        reoffered = isinstance(event, events.Reoffered)
        if call.phase in ("proposed", "calling") and not reoffered:
            await outgoing.far_side(core, call, event)
            return
        match event:
            case events.Ended(_, reason):
                by: ending.EndedBy = "failure" if reason in FAILURES else "caller"
                await ending.end(core, call, by, reason)
            case events.Acknowledged(_, session):
                call.answer = None
                wanted = call.audio.remote is None
                if wanted and (session is None or not await self._take(call.audio, session)):
                    await ending.end(core, call, "failure", "no-session")
            case events.KeyTold(_, digit):
                if call.home:
                    ghost.key(core, call, digit)
            case events.ReferAsked():
                refers.refuse(core, call, event, "caller", "not-allowed")
            case events.ReferAnswered(_, status):
                await refers.answered(core, call, status)
            case events.ReferProgress(_, status):
                await refers.progress(core, call, status)
            case events.Reanswered(_, status, _) if status >= 300:
                await ending.end(core, call, "failure", "media-lost")
            case _:
                await self._session(call.audio, event)
        core.save(call)

    async def _phone(self, call: Call, event: events.Event, seat_id: str) -> None:
        core, phone = self._core, offers.phone_at(call, seat_id)
        seat = core.seats.get(seat_id)
        if phone is None or seat is None or await outgoing.phone_side(core, call, seat, event):
            return
        match event:
            case events.Answered(leg, session) if leg is phone.leg:
                try:
                    answering.claim(core, call.call_id, seat)
                except Failure:
                    await offers.drop_ringing(core, call, phone)
                    return
                call.ringing = [one for one in call.ringing if one is not phone]
                call.phone = phone
                core.save(call)  # killed from here on, the next process lets them hear each other
                if session is None or not await self._take(phone.audio, session):
                    answering.lose_seat(core, seat, 0)
                    return
                await answering.connect(core, call)
            case events.ReferAsked(leg) if leg is phone.leg:
                await refers.from_phone(core, call, seat, event)
            case events.Rejected(leg) if leg is phone.leg:
                if seat_id in call.rings_at:
                    offers.missed_at(core, call, seat)
                await offers.drop_ringing(core, call, phone)
            case events.Ended(leg, reason) if leg is phone.leg and call.phase == "live":
                if reason in FAILURES:
                    answering.lose_seat(core, seat, 0)
                elif call.transfer is not None:
                    answering.leave(core, call)  # its target rings on
                    seats.freed(core, seat)
                    await answering.without_seat(core, call)
                elif call.consultation is not None and call.on_hold:
                    await consulting.caller_left_waiting(core, call, seat)
                else:
                    await ending.end(core, call, "seat", "hung-up")
            case events.Reanswered(leg, status, _) if leg is phone.leg and status >= 300:
                answering.lose_seat(core, seat, 0)  # it cannot follow: nobody would be heard there
            case events.Acknowledged(leg, session) if leg is phone.leg:
                phone.answer = None
                if session is not None and not await self._take(phone.audio, session):
                    answering.lose_seat(core, seat, 0)
            case _:
                before = phone.audio.remote
                await self._session(phone.audio, event)
                after = phone.audio.remote
                if before and after and before.on_hold != after.on_hold:
                    await answering.phone_holds(core, call, seat, after.on_hold)
        core.save(call)

    async def _second_line(self, call: Call, event: events.Event) -> None:
        core, line = self._core, call.consultation
        seat = core.seats.get(line.seat_id) if line is not None else None
        if line is None or seat is None:
            return
        match event:
            case events.Ended(_, reason):
                await consulting.phone_gone(core, call, line, reason in FAILURES)
            case events.ReferAsked():
                await refers.from_phone(core, call, seat, event)
            case events.Reanswered(_, status, _) if status >= 300:
                await consultation.over(core, call, "failed", status)
            case events.Acknowledged(_, session):
                line.answer = None
                port = line.audio
                wanted = port is not None and port.remote is None
                if wanted and not (port and session and await self._take(port, session)):
                    await consultation.over(core, call, "failed", 488)
            case _ if line.audio is not None:
                await self._session(line.audio, event)
            case _:
                pass
        await audio.mix(core, call)
        core.save(call)

    async def _party(self, call: Call, party: Party, event: events.Event) -> None:
        core = self._core
        if party.node and await peers.on_party(core, call, party, event):
            core.save(call)
            return
        if party.consulted and await consulting.on_party(core, call, party, event):
            core.save(call)
            return
        match event:
            case events.Answered(_, session) if party.overflow is not None:
                await overflow.answered(core, call, party, session)
            case events.Answered(_, session):
                await parties.joined(core, call, party, session)
            case events.ReferAsked():
                await sendingon.from_party(core, call, party, event)
            case events.Ringing(_, _, session) if session is not None:
                await parties.early(core, call, party, session)
            case events.Rejected():
                await parties.refused(core, call, party, event)
            case events.Ended(_, reason):
                failed = reason in FAILURES
                if party.overflow is not None:
                    await overflow.far_side_gone(core, call, party, failed)
                    return
                await parties.left(core, call, party, "failed" if failed else "hung-up")
            case events.Reanswered(_, status, _) if status >= 300:
                await parties.left(core, call, party, "failed", status)
            case events.Acknowledged(_, session):
                party.answer = None
                offered = party.audio.remote is None
                if offered and (session is None or not await self._take(party.audio, session)):
                    await parties.left(core, call, party, "failed", 488)
            case _:
                await self._session(party.audio, event)
        core.save(call)

    async def _session(self, port: Audio, event: events.Event) -> None:
        """Changes of a session in mid-call, alike for every leg."""
        core = self._core
        match event:
            case events.Reoffered(leg, session):
                answer: bytes | None
                if session is None:
                    answer = audio.offer_of(port)
                elif await self._take(port, session) and port.remote is not None:
                    answer = audio.answer_of(port, port.remote)
                else:
                    answer = None
                core.perform(core.endpoint.agent.answer_reoffer(leg, answer, core.sip_now))
            case events.Reacknowledged(_, session) | events.Reanswered(_, _, session):
                if session is not None:
                    await self._take(port, session)
            case _:
                pass

    async def _take(self, port: Audio, session: bytes) -> bool:
        """Use the far side's session; False if we cannot."""
        try:
            stream = sdp.parse(session, port.srtp)
        except sdp.NoSession:
            return False
        try:
            await audio.set_remote(self._core, port, stream)
        except MediaRefused:
            return False
        except Unavailable:
            port.remote, port.untold = stream, True  # told when media is back
        return True

    # ---- media ----------------------------------------------------------------------------------

    def on_media(self, event: media.AnyEvent) -> None:
        """Take an event of media."""
        core = self._core
        match event:
            case media.Dtmf(port, digit):
                self._key(port, digit)
            case media.Webrtc(port, state):
                self._webrtc(port, state)
            case media.Played(port):
                for call in core.calls.values():
                    if call.notice == port:
                        self._end_notice(call)
                    elif call.beep is not None and call.beep.port == port:
                        self._end_beep(call)
            case media.Silent(port, _):
                core.silent[port] = core.monotonic_s()
                self._tell_silence(port, silent=True)
            case media.Heard(port):
                core.silent.pop(port, None)
                self._tell_silence(port, silent=False)
            case media.RecordingFailed(recording):
                self._recording_failed(recording)
            case media.FirstRtp():
                core.count("first-rtp")
            case _:
                assert_never(event)

    def _call_at(self, port: int) -> tuple[Call, Place] | None:
        place = self._core.ports.get(port)
        call = self._core.calls.get(place.call_id) if place else None
        return (call, place) if call is not None and place is not None else None

    def _key(self, port: int, digit: str) -> None:
        found = self._call_at(port)
        if found is None or found[1].role != "caller" or found[0].echo:
            return
        call = found[0]
        if call.keys < KEYS_MAX:
            call.keys += 1
            self._core.of_call(call, KeyPressed(digit=digit))
        lane.key(self._core, call, digit)
        ghost.key(self._core, call, digit)
        peers.key(self._core, call, digit)

    def _tell_silence(self, port: int, silent: bool) -> None:
        found = self._call_at(port)
        if found is None or found[0].phase in ("echo", "ended"):
            return
        call, place = found
        if place.role == "consulting":
            return  # the seat's other line tells whether it is there
        leg = place.leg_id if place.role == "party" else place.role
        self._core.of_call(call, MediaSilent(leg=leg) if silent else MediaHeard(leg=leg))
        if silent and place.role == "party":
            peers.silent(self._core, call, leg)

    def _end_notice(self, call: Call) -> None:
        self._core.post(call.call_id, lambda: audio.end_notice(self._core, call))

    def _end_beep(self, call: Call) -> None:
        self._core.post(call.call_id, lambda: supervision.end_beep(self._core, call))

    def _webrtc(self, port: int, state: media.WebrtcState) -> None:
        seat = next((seat for seat in self._core.seats.values() if seat.port == port), None)
        if seat is None:
            return
        seat.media = "connected" if state == "connected" else "down"
        if seat.media == "connected":
            seats.sound_back(self._core, seat)
        else:
            seats.sound_lost(self._core, seat)
        self._core.changed()

    def _recording_failed(self, number: int) -> None:
        core = self._core
        for call in core.calls.values():
            recording = call.recording
            if recording is not None and recording.number == number and not recording.failed:
                recording.failed = True
                audio.tell_fault(core, call, recording.recording_id, "disk")
                core.alarm("recording-failed", on=True)
                core.save(call)
