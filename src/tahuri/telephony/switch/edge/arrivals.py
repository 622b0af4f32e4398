"""An INVITE becomes a call: let in, given audio and a recording, answered, queued."""

import asyncio
import logging

from msgspec import Struct

from tahuri.kernel import mint
from tahuri.telephony.media.protocol import MediaError, MediaRefused
from tahuri.telephony.protocol.facts import fact_of
from tahuri.telephony.protocol.facts.call import CallArrived
from tahuri.telephony.protocol.facts.queue import CallQueued
from tahuri.telephony.protocol.words import RefusedReason
from tahuri.telephony.rpc import Unavailable
from tahuri.telephony.sip import events, sdp
from tahuri.telephony.sip.body import session_of
from tahuri.telephony.sip.gate import Bucket
from tahuri.telephony.sip.grammar import BadValue
from tahuri.telephony.sip.sdes import Srtp
from tahuri.telephony.sip.transaction import Send
from tahuri.telephony.switch import audio, ending
from tahuri.telephony.switch.control import consulting, replacing
from tahuri.telephony.switch.core import SWITCH, Core, Place
from tahuri.telephony.switch.edge import admission, edge, identity, testcalls
from tahuri.telephony.switch.edge.credentials import Credentials
from tahuri.telephony.switch.model import Audio, Call, Unanswered, kept
from tahuri.telephony.switch.queue import lane, offers, peers, queueing

MEDIA_WAIT_S = 3.0
"""How long a new call waits for media that is just being restarted."""
STRANGER_FACTS_PER_S = 1.0
"""Refusals of unknown sources that become facts; the others are counted only."""
SEATS_TRUNK = "seats"
"""The trunk's name of a call that a registered seat makes, to try the centre out."""
MEDIA_REFUSALS: dict[MediaError, tuple[int, RefusedReason]] = {
    MediaError.PORTS_EXHAUSTED: (503, "ports-exhausted"),
    MediaError.BAD_MEDIA_ADDRESS: (488, "no-offer-possible"),
    MediaError.UNSUPPORTED_CODEC: (488, "unsupported-codec"),
}
STATUS_REASONS: dict[int, RefusedReason] = {
    406: "no-offer-possible",
    415: "unsupported-body",
    500: "internal-error",
    503: "too-many-calls",
}
MERGED = 482
"""A second copy of an INVITE whose call is there: the call has its one outcome already."""

log = logging.getLogger(__name__)


class Door:
    """Takes incoming calls."""

    def __init__(self, core: Core, credentials: Credentials) -> None:
        self._core = core
        self._credentials = credentials
        self._strangers = Bucket(STRANGER_FACTS_PER_S, 10, 10, 0.0)
        self._room = admission.Room(core.settings.trunks, core.settings.calls_max)

    def refused(self, event: events.InviteRefused) -> None:
        """The user agent refused an INVITE by itself."""
        if event.status == MERGED:
            self._core.count("invites-merged")
            return
        reason = STATUS_REASONS.get(event.status, "malformed")
        self._tell_refusal(event.flow.host, event.status, reason)

    def _tell_refusal(self, source: str, status: int, reason: RefusedReason) -> None:
        known = identity.trunk_of(self._core.settings.trunks, source) is not None
        self._note(source, status, reason)
        if known or self._strangers.take(1, self._core.monotonic_s()):
            ending.refuse(self._core, mint.new_id(), status, reason)
        self._core.count("invites-refused")

    def _note(self, source: str, status: int, reason: RefusedReason) -> None:
        core = self._core
        trunk = identity.trunk_of(core.settings.trunks, source)
        name = trunk.name if trunk is not None else None
        core.turned_away.note(source, name, status, reason, core.now())

    def incoming(self, event: events.Incoming) -> None:
        """Decide at once who may call, then let the call's own steps do the rest."""
        core = self._core
        node = peers.node_of(core, event)
        if node is not None:
            self._say_trying(event)
            peers.incoming(core, event, node)
            return
        trunk = identity.trunk_of(core.settings.trunks, event.flow.host)
        from_seat = trunk is None and consulting.seat_at(core, event.flow) is not None
        test = testcalls.is_test(core, event)
        own = testcalls.own_line(core, event)
        known = trunk is not None or from_seat
        if own is None and replacing.take(core, event, known, self._tell_refusal):
            return
        if from_seat and not test and consulting.take(core, event, self._credentials):
            return
        if not known and own is None:
            core.perform(core.endpoint.agent.reject(event.leg, 403, core.sip_now))
            self._tell_refusal(event.flow.host, 403, "not-allowed")
            return
        event.leg.nat = edge.is_behind_nat(core, event.flow)
        call_id = mint.new_id()
        trunks = core.settings.trunks
        name = own or (identity.line_of(trunk, event.request, trunks) if trunk else SEATS_TRUNK)
        core.places[event.leg.name] = Place(call_id, "caller")
        for refusal in core.endpoint.agent.refusal(event.request, event.flow, 503):
            said = kept(refusal)
            owed = Unanswered(text=said.text, flow=said.flow, instead=said.instead, loopback=test)
            core.journal.owe_answer(call_id, owed)
        self._say_trying(event)  # only now: whoever has it repeats its INVITE no more
        if test:
            core.tests.add(call_id)
            if len(core.tests) > core.settings.test_calls_max:
                self._refuse(event, call_id, 486, "too-many-test-calls")
                return
        elif not self._has_room(event, call_id, name):
            return
        core.post(call_id, lambda: self._arrive(event, call_id, name, from_seat))

    def _say_trying(self, event: events.Incoming) -> None:
        core = self._core
        core.perform(core.endpoint.agent.trying(event.leg, core.sip_now))

    def _has_room(self, event: events.Incoming, call_id: str, trunk: str) -> bool:
        """Refuses a caller for whom there is no room; test calls take nobody's."""
        core = self._core
        if core.draining_since is not None:
            self._refuse(event, call_id, 503, "draining")
            return False
        held = {one.call_id: one.trunk for one in core.calls.values() if not one.echo}
        full = self._room.refusal(trunk, held)
        if full is not None:
            core.count(f"refused-{full}")
            self._refuse(event, call_id, 503, full)
            return False
        self._room.entering(call_id, trunk)
        return True

    def _refuse(
        self, event: events.Incoming, call_id: str, status: int, reason: RefusedReason
    ) -> None:
        self._core.places.pop(event.leg.name, None)
        self._note(event.flow.host, status, reason)
        ending.refuse(self._core, call_id, status, reason, event.leg)
        self._core.finish_work(call_id)

    async def _arrive(
        self, event: events.Incoming, call_id: str, trunk: str, from_seat: bool
    ) -> None:
        """Let the caller in; whatever goes wrong here, the INVITE gets an answer and an outcome."""
        core = self._core
        try:
            await self._take(event, call_id, trunk, from_seat)
        except Exception:
            log.exception("a call met a bug on its way in")
            call = core.calls.get(call_id)
            if call is not None:
                await ending.end(core, call, "failure", "internal-error")
                return
            await audio.free(
                core, *(p for p, place in core.ports.items() if place.call_id == call_id)
            )
            self._refuse(event, call_id, 500, "internal-error")
        finally:
            self._room.entered(call_id)

    async def _take(
        self, event: events.Incoming, call_id: str, trunk: str, from_seat: bool
    ) -> None:
        core = self._core
        if identity.demands_unknown_priority(event.request):
            self._refuse(event, call_id, 417, "unknown-resource-priority")
            return
        session = session_of(event.request)
        stream: sdp.Stream | None = None
        srtp: Srtp = next((t.srtp for t in core.settings.trunks if t.name == trunk), "off")
        try:
            if session is not None:
                stream = sdp.parse(session, srtp)
            purpose = identity.purpose_of(event.request, core.settings.test_numbers)
        except sdp.NotSecured:
            self._refuse(event, call_id, 488, "srtp-required")
            return
        except sdp.NoSession:
            self._refuse(event, call_id, 488, "unsupported-codec")
            return
        except BadValue:
            self._refuse(event, call_id, 400, "malformed")
            return
        if stream is not None and stream.crypto is not None and event.flow.transport != "TLS":
            core.count("srtp-keys-in-clear")
            log.warning("SRTP keys came over a signalling that is not encrypted")
        port = await self._open(event, call_id, stream, srtp)
        if port is None:
            return
        call = self._call(event, call_id, trunk, port)
        body = CallArrived(
            trunk=trunk,
            number_status=call.number_status,
            request_uri_kind=purpose.kind,
            test=purpose.test or from_seat,
            loopback=call.echo,
            node=core.settings.node,
        )
        personal: dict[str, Struct] = {}
        if call.caller is not None:
            personal["caller"] = call.caller
        if call.location is not None:
            personal["location"] = call.location
        stream_id = f"call/{call_id}"
        call.arrived = fact_of(mint.new_id(), call.arrived_at, stream_id, body, personal, SWITCH)
        core.save(call)  # first, so that a kill from here on leaves a call that can be ended
        core.tell(call.arrived)
        precedence = identity.precedence_of(event.request)
        if precedence:
            queueing.set_precedence(core, call, precedence, "resource-priority")
        queueing.ask_on_arrival(core, call, identity.called_number(event.request))
        await self._let_in(call)

    async def _open(
        self, event: events.Incoming, call_id: str, stream: sdp.Stream | None, srtp: Srtp
    ) -> Audio | None:
        """An audio port for the caller; None when the call had to be refused."""
        core = self._core
        try:
            await self._wait_for_media()
            far = event.flow.host if stream is None else stream.address
            port = await audio.open_leg(core, f"caller {call_id}", far, srtp)
        except MediaRefused as refused:
            status, reason = MEDIA_REFUSALS.get(refused.code, (503, "media-unavailable"))
            self._refuse(event, call_id, status, reason)
            return None
        except Unavailable:
            self._refuse(event, call_id, 503, "media-unavailable")
            return None
        core.ports[port.port] = Place(call_id, "caller")
        if stream is None:
            return port
        try:
            await audio.set_remote(core, port, stream)
        except MediaRefused as refused:
            status, reason = MEDIA_REFUSALS.get(refused.code, (503, "media-unavailable"))
            await audio.free(core, port.port)
            self._refuse(event, call_id, status, reason)
            return None
        except Unavailable:
            await audio.free(core, port.port)  # media may be there, and only have been too slow
            self._refuse(event, call_id, 503, "media-unavailable")
            return None
        return port

    async def _wait_for_media(self) -> None:
        until = self._core.monotonic_s() + MEDIA_WAIT_S
        while not (self._core.media.connected and self._core.media_ready):
            if self._core.monotonic_s() >= until:
                raise Unavailable("media")
            await asyncio.sleep(0.02)

    def _call(self, event: events.Incoming, call_id: str, trunk: str, port: Audio) -> Call:
        caller, number_status = identity.caller_of(event.request)
        call = Call(
            call_id=call_id,
            ended_id=mint.new_id(),
            trunk=trunk,
            arrived_at=self._core.now(),
            arrived_s=self._core.monotonic_s(),
            queued_s=self._core.monotonic_s(),
            caller=caller,
            number_status=number_status,
            location=identity.place_of(event.request),
            leg=event.leg,
            audio=port,
            echo=call_id in self._core.tests,
            robot="asked" if testcalls.is_for_robot(self._core, event) else "",
        )
        self._core.calls[call_id] = call
        return call

    async def _let_in(self, call: Call) -> None:
        """Notice, recording, answer, queue."""
        core = self._core
        call.phase = "echo" if call.echo else "queued"
        if call.echo:
            await audio.mix(core, call)
        else:
            lane.enter(core, call)
            await audio.prepare(core, call)
        remote = call.audio.remote
        session = audio.answer_of(call.audio, remote) if remote else audio.offer_of(call.audio)
        outputs = core.endpoint.agent.accept(call.leg, session, core.sip_now)
        if call.leg.state != "up":
            return  # the caller has gone; the next step ends the call
        call.answer = next((kept(output) for output in outputs if isinstance(output, Send)), None)
        core.save(call)  # with the 200 in it: killed before it is sent, the next process sends it
        core.perform(outputs)
        core.journal.answered(call.call_id)
        if call.echo:
            await testcalls.answered(core, call)
            return
        core.of_call(call, CallQueued(notice="surge" if call.heard_surge else "normal"))
        core.save(call)
        core.changed()
        offers.dispatch(core)
