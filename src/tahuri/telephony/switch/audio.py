"""The audio of a call: ports, prompts, the mixing matrix, the recording."""

import asyncio
import base64
import contextlib
import logging
import secrets
from collections.abc import AsyncIterator

from tahuri.kernel import mint
from tahuri.telephony.media.protocol import MediaError, MediaRefused, SrtpKeys
from tahuri.telephony.protocol.facts.call import RecordingClosed, RecordingFailed, RecordingStarted
from tahuri.telephony.protocol.words import SupervisionMode
from tahuri.telephony.rpc import Unavailable
from tahuri.telephony.sip import sdes, sdp
from tahuri.telephony.sip.sdes import Srtp
from tahuri.telephony.switch.control import conference
from tahuri.telephony.switch.core import Core
from tahuri.telephony.switch.model import Audio, Call, Recording, Seat
from tahuri.telephony.switch.queue import notices

NOTICE_S_MAX = 5.0
"""After so long the caller hears the queue tone, whatever the notice does."""
NO_PORT = -1
"""Of a call of ours that was not placed yet."""
COMFORT_S_MAX = 10.0
"""Likewise for the comfort notice."""
log = logging.getLogger(__name__)


@contextlib.asynccontextmanager
async def forgiving(what: str) -> AsyncIterator[None]:
    """Media may be away or say no: the call goes on, and is mended when media is back."""
    try:
        yield
    except Unavailable:
        log.warning("media is away", extra={"what": what})
    except MediaRefused as refused:
        log.warning("media refused", extra={"what": what, "code": refused.code})


def seat_of(core: Core, call: Call) -> Seat | None:
    """The seat that talks on the call."""
    return core.seats.get(call.seat_id) if call.seat_id else None


def watching(core: Core, call: Call) -> list[tuple[int, SupervisionMode]]:
    """Ports of the supervisors that take part in the call, and how."""
    seats = [(core.seats.get(one.seat_id), one.mode) for one in call.supervisors]
    return [(seat.port, mode) for seat, mode in seats if seat is not None and seat.port is not None]


async def open_leg(core: Core, name: str, far: str, srtp: Srtp = "off") -> Audio:
    """A new RTP port.

    Args:
        far: who is to speak there, an address or a name; its IP family is the port's.

    Raises:
        MediaRefused, Unavailable: there is none.
    """
    address = core.settings.audio_address(core.endpoint.names.get(far, far))
    other = address if address == core.settings.other_public_address else None
    port = await core.media.open_rtp(name, other)
    return Audio(port=port.port, address=address, udp=port.udp, srtp=srtp)


async def set_remote(core: Core, audio: Audio, stream: sdp.Stream) -> None:
    """Tell media where the far end listens.  Raises MediaRefused, Unavailable."""
    crypto = stream.crypto
    keys = None
    if crypto is not None:
        ours = audio.keys.setdefault(crypto.suite, new_key())
        keys = SrtpKeys(crypto.suite, ours, crypto.key)
    await core.media.set_remote(
        audio.port, stream.sends_to, stream.udp, stream.payload, stream.dtmf, keys
    )
    audio.remote, audio.untold = stream, False


def untold(core: Core, call: Call) -> list[Audio]:
    """Legs whose far ends said where they listen while media was away."""
    legs = [call.audio, *([call.phone.audio] if call.phone else [])]
    legs += [party.audio for party in call.parties]
    if call.consultation is not None and call.consultation.audio is not None:
        legs.append(call.consultation.audio)
    return [one for one in legs if one.untold and one.port in core.media.held]


async def tell_untold(core: Core, call: Call) -> None:
    """Media is told what it was not told while it was away.  A step of the call."""
    for one in untold(core, call):
        if one.remote is not None:
            async with forgiving("a far end's session"):
                await set_remote(core, one, one.remote)


def new_key() -> str:
    """A fresh SRTP key with its salt."""
    return base64.b64encode(secrets.token_bytes(sdes.KEY_AND_SALT_BYTES)).decode()


def answer_of(audio: Audio, stream: sdp.Stream) -> bytes:
    """Our answer to an offer of theirs."""
    audio.sdp_version += 1
    key = audio.keys.get(stream.crypto.suite, "") if stream.crypto else ""
    return sdp.answer(stream, audio.address, audio.udp, audio.sdp_version, key)


def offer_of(audio: Audio) -> bytes:
    """An offer of ours; its keys are new, and count from their answer on."""
    audio.sdp_version += 1
    if audio.srtp != "off":
        audio.keys = {suite: new_key() for suite in sdes.SUITES}
    return sdp.offer(audio.address, audio.udp, audio.sdp_version, srtp=audio.srtp, keys=audio.keys)


async def prompts(core: Core) -> None:
    """Open the two ports that all callers share: queue tone and hold prompt."""
    async with forgiving("prompts"):
        if core.tone is None:
            core.tone = (await core.media.play("tone", core.settings.prompts.tone, True)).port
        if core.hold is None:
            core.hold = (await core.media.play("hold", core.settings.prompts.hold, True)).port


async def play_notice(core: Core, call: Call) -> None:
    """Begin the notice, in a surge the recorded one; without it the caller hears the tone at once.

    A recorded notice that is gone, or that media cannot play, gives way to the ordinary one.
    """
    surge = notices.file_of(core.settings, core.surge.notice) if core.surge else None
    if surge is not None:
        async with forgiving("surge notice"):
            call.notice = (await core.media.play("notice", surge)).port
            call.notice_due = core.monotonic_s() + core.settings.surge_notice_s
            call.heard_surge = True
            return
    async with forgiving("notice"):
        prompts = core.settings.prompts
        wanted = prompts.challenge if call.slow else prompts.notice
        playing = await core.media.play("notice", wanted)
        call.notice = playing.port
        call.notice_due = core.monotonic_s() + NOTICE_S_MAX


async def play_comfort(core: Core, call: Call) -> None:
    """Let the caller who waits hear the comfort notice once.  A step of the call."""
    comfort = core.settings.prompts.comfort
    if call.phase != "queued" or call.notice is not None or comfort is None:
        return
    async with forgiving("comfort"):
        call.notice = (await core.media.play("comfort", comfort)).port
        call.notice_due = core.monotonic_s() + COMFORT_S_MAX
        core.count("comfort-notices")
    await mix(core, call)
    core.save(call)


async def end_notice(core: Core, call: Call) -> None:
    """The notice is over, or is cut short."""
    port, call.notice = call.notice, None
    if port is not None:
        await mix(core, call)
        async with forgiving("notice"):
            await core.media.free(port)


async def mix(core: Core, call: Call) -> None:
    """Bring the matrix and the recording's channels to what the call's state asks for."""
    if call.call_id not in core.calls:
        return  # a step behind the call's last one
    seat, supervisors = seat_of(core, call), watching(core, call)
    wanted = conference.cells(call, seat, core.tone, core.hold, supervisors)
    changes = conference.changed(core.cells.get(call.call_id, {}), wanted)
    async with forgiving("gains"):
        if changes:
            await core.media.gains(changes)
        core.cells[call.call_id] = wanted
    recording = call.recording
    if recording is None or recording.failed:
        return
    sources = conference.channels(call, seat, core.tone, core.hold, supervisors)
    if core.channels.get(call.call_id) != sources:
        async with forgiving("recording sources"):
            await core.media.record_sources(recording.number, *sources)
            core.channels[call.call_id] = sources


async def start_recording(core: Core, call: Call) -> None:
    """Begin to record; a full disk is told, and the call goes on."""
    call.recordings += 1
    suffix = "" if call.recordings == 1 else f"-{call.recordings}"
    path = f"{call.arrived_at:%Y/%m/%d}/{call.call_id}{suffix}.wav"
    identifier = mint.new_id()
    supervisors = watching(core, call)
    sources = conference.channels(call, seat_of(core, call), core.tone, core.hold, supervisors)
    try:
        begun = await core.media.record(core.settings.recordings.absolute() / path, *sources)
    except (MediaRefused, Unavailable) as error:
        fault = str(error.code) if isinstance(error, MediaRefused) else "media-unavailable"
        tell_fault(core, call, identifier, fault)
        core.alarm("recording-failed", on=True)
        return
    call.recording = Recording(recording_id=identifier, number=begun.recording, path=path)
    core.channels[call.call_id] = sources
    core.save(call)  # killed from here on, the next process closes it and tells so
    tell_recording(core, call, call.recording)
    core.alarm("recording-failed", on=False)


def tell_recording(core: Core, call: Call, recording: Recording) -> None:
    """The fact that it runs, and where.  Told twice, it counts once."""
    identifier = recording.recording_id
    body = RecordingStarted(recording_id=identifier, path=recording.path)
    core.of_call(call, body, identifier=f"{identifier}-started")


def tell_fault(core: Core, call: Call, recording_id: str, fault: str) -> None:
    """The fact that a recording is not what it should be.  Told twice, it counts once."""
    body = RecordingFailed(recording_id=recording_id, fault=fault)
    core.of_call(call, body, identifier=f"{recording_id}-{fault}")


async def stop_recording(core: Core, call: Call) -> None:
    """Close the recording and tell its digest, or what is wrong with it."""
    recording, call.recording = call.recording, None
    if recording is None:
        return
    identifier = recording.recording_id
    try:
        closed = await core.media.record_stop(recording.number)
    except (MediaRefused, Unavailable) as error:
        lost = isinstance(error, Unavailable) or error.code == MediaError.NO_SUCH_PORT
        fault = "media-lost" if lost else str(error)
        tell_fault(core, call, identifier, fault)
        return
    if closed.fault is not None:
        if not recording.failed:
            tell_fault(core, call, identifier, "incomplete")
        core.alarm("recording-failed", on=True)
    if closed.sha256:
        body = RecordingClosed(
            recording_id=identifier,
            sha256=closed.sha256,
            duration_s=closed.duration_s,
            bytes=closed.bytes,
        )
        core.of_call(call, body, identifier=f"{identifier}-closed")


async def release(core: Core, call: Call) -> None:
    """Give every port of the call back; the seat's browser keeps its own."""
    await mix(core, call)
    ports = [call.audio.port, *(party.audio.port for party in call.parties)]
    ports += [call.phone.audio.port] if call.phone else []
    ports += [phone.audio.port for phone in call.ringing]
    line = call.consultation
    ports += [line.audio.port] if line is not None and line.audio is not None else []
    ports += [call.notice] if call.notice is not None else []
    ports += [call.beep.port] if call.beep is not None else []
    await free(core, *(port for port in ports if port != NO_PORT))
    core.cells.pop(call.call_id, None)
    core.channels.pop(call.call_id, None)


async def free(core: Core, *ports: int) -> None:
    """Give ports back."""
    for port in ports:
        core.ports.pop(port, None)
        core.silent.pop(port, None)
    if ports:
        async with forgiving("free"):
            await core.media.free(*ports)


async def prepare(core: Core, call: Call) -> None:
    """All that a caller needs before the answer: notice, recording, matrix."""
    await play_notice(core, call)
    await asyncio.gather(start_recording(core, call), _first_mix(core, call))


async def _first_mix(core: Core, call: Call) -> None:
    wanted = conference.cells(call, None, core.tone, core.hold)
    async with forgiving("gains"):
        await core.media.gains(conference.changed({}, wanted))
        core.cells[call.call_id] = wanted
