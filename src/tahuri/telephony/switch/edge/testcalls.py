"""Test calls: who may make them, and whether those that must come do come.

A test call is answered at once and hears itself (RFC 6881 §15).  One that this machine makes, or
that a trunk sends back to us, is put through to the robot's seat: a phone that registers, rings and
answers like any other.  Neither takes a place in the queue, a seat of a person or a recording;
their facts say what they were.
"""

import logging

from tahuri.telephony.media.protocol import MediaRefused
from tahuri.telephony.protocol.snapshot import Alarm
from tahuri.telephony.rpc import Unavailable
from tahuri.telephony.sip import events, sdp
from tahuri.telephony.sip.grammar import BadValue
from tahuri.telephony.sip.transaction import Flow
from tahuri.telephony.switch import audio
from tahuri.telephony.switch.control import refers
from tahuri.telephony.switch.core import TEST_SEAT, Core, Place
from tahuri.telephony.switch.edge import identity
from tahuri.telephony.switch.model import Call, Phone
from tahuri.telephony.switch.queue import offers

PERIODS_MAX = 3
"""Test calls in a row that may fail to come before the absence is an alarm."""

log = logging.getLogger(__name__)


def is_test(core: Core, event: events.Incoming) -> bool:
    """Whether the INVITE is a test call.  One that cannot be read is none."""
    try:
        return identity.purpose_of(event.request, core.settings.test_numbers).test
    except BadValue:
        return False


def own_line(core: Core, event: events.Incoming) -> str | None:
    """By which line of our own edge this machine tries it; None: that is no such call."""
    line = core.settings.test_sources.get(event.flow.host)
    return line if line is not None and is_test(core, event) else None


def is_for_robot(core: Core, event: events.Incoming) -> bool:
    """Whether a test call goes to the robot's seat; a technician's hears itself."""
    seat = core.settings.test_seat
    if seat is None:
        return False
    return (
        own_line(core, event) is not None or identity.called_number(event.request) in seat.numbers
    )


async def answered(core: Core, call: Call) -> None:
    """The test call has its answer; the robot's seat rings if it is for that.  A step of the call.

    It hears itself until the robot is there, and for good where that cannot be reached.
    """
    if not call.robot:
        _came(core, call)
        return
    seat = core.test_seat
    if seat.registered_until_s is None:
        log.warning("the robot's seat has not registered")
        return
    try:
        port = await audio.open_leg(core, f"robot {call.call_id}", seat.host)
    except (MediaRefused, Unavailable):
        return
    if call.phase != "echo":
        await audio.free(core, port.port)
        return
    agent, flow = core.endpoint.agent, Flow(seat.transport, seat.host, seat.port)
    local = core.local(core.settings.city_number)
    leg, outputs = agent.call(local, seat.contact, flow, audio.offer_of(port), core.sip_now)
    call.robot, call.phone = "rings", Phone(audio=port, leg=leg, seat_id=TEST_SEAT)
    core.places[leg.name] = Place(call.call_id, "seat", TEST_SEAT)
    core.ports[port.port] = Place(call.call_id, "seat", TEST_SEAT)
    core.save(call)
    core.perform(outputs)


async def robot(core: Core, call: Call, event: events.Event) -> None:
    """What the robot's phone says.  A step of the call."""
    phone = call.phone
    if phone is None or call.phase != "echo":
        return
    match event:
        case events.Answered(leg, session) if leg is phone.leg:
            try:
                await audio.set_remote(core, phone.audio, sdp.parse(session or b""))
            except (sdp.NoSession, MediaRefused, Unavailable):
                await _gone(core, call)
                return
            call.robot = "there"
            await audio.mix(core, call)
            core.save(call)
            _came(core, call)
        case events.ReferAsked():
            refers.refuse(core, call, event, "seat", "not-allowed")
        case events.Rejected(leg) | events.Ended(leg) if leg is phone.leg:
            await _gone(core, call)
        case _:
            pass


async def _gone(core: Core, call: Call) -> None:
    """The robot is off: the caller hears itself again."""
    call.robot = "asked"
    await offers.drop_phone(core, call)


def _came(core: Core, call: Call) -> None:
    """A test call came by this line and reached what it is for."""
    core.tested[call.trunk] = (core.monotonic_s(), core.now())
    core.count("test-calls")
    core.changed()


def missing(core: Core) -> list[Alarm]:
    """An alarm for each line by which no test call has come for too long.

    Counted from the start of this process where none has come at all.
    """
    every_s = core.settings.test_call_every_s
    if every_s <= 0:
        return []
    late_s = core.monotonic_s() - PERIODS_MAX * every_s
    last = {line: core.tested.get(line, core.begun) for line in core.settings.test_lines}
    return [
        Alarm(code="test-call-missing", since=at, about=line)
        for line, (at_s, at) in last.items()
        if at_s < late_s
    ]
