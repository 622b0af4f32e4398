"""One test call from outside: dials, says a tone, and must hear it back.

For whoever asks "would a caller get through now?"; the far end loops the sound back, or puts the
call through to the robot's seat (`testseat`), which answers with a tone of its own.
"""

import asyncio
import contextlib
import socket
from collections.abc import Iterator

import numpy as np
import numpy.typing as npt
from msgspec import Struct

from tahuri.kernel.clock import monotonic_s
from tahuri.telephony.families import usable
from tahuri.telephony.media import g711, rtp
from tahuri.telephony.sip.grammar import in_uri
from tahuri.telephony.sip.phone import CallFailed, Phone
from tahuri.telephony.sip.sdp import NoSession, offer, parse
from tahuri.telephony.sip.transaction import Flow

TONE_HZ = 1000.0
ANSWER_TONE_HZ = 1400.0
"""What the robot's seat says when it hears our tone."""
TONE_PEAK = 8000
SHARE_MIN = 0.5
"""Share of a frame's power at the tone's frequency from which on it is our own tone."""
FRAME = 160
FRAME_S = 0.02
HEARD_FRAMES = 5
ANSWER_S = 10.0
SOUND_S = 5.0
USER = "tahuri-test"


class Result(Struct, frozen=True, kw_only=True):
    """What became of it."""

    ok: bool
    fault: str | None = None
    """``refused``, ``no-answer``, ``no-sound``, ``no-robot`` or ``no-network``."""
    status: int | None = None
    """SIP status, where the far end gave one."""
    answer_ms: int | None = None
    """INVITE to 200."""
    sound_ms: int | None = None
    """First sound sent to the tone heard that was waited for."""


async def place(
    target: str, host: str, port: int, source: str, *, through_to_robot: bool = False
) -> Result:
    """Call, listen, hang up; at most ``ANSWER_S + SOUND_S``.

    Args:
        target: Request-URI.
        host, port: where the INVITE is sent, UDP; an address of the source's IP family, else there
            is no way to it (``no-network``).
        source: local address to call from.
        through_to_robot: the robot's own tone must come back; ours is not enough (``no-robot``).
    """
    phone = Phone()
    if usable([host], [source]) is None:
        return Result(ok=False, fault="no-network")
    try:
        family = socket.AF_INET6 if ":" in source else socket.AF_INET
        ear = socket.socket(family, socket.SOCK_DGRAM)
    except OSError:
        return Result(ok=False, fault="no-network")
    with ear:
        try:
            ear.setblocking(False)
            ear.bind((source, 0))
            await phone.start(source, user=USER)
        except OSError:
            return Result(ok=False, fault="no-network")
        try:
            flow = Flow("UDP", host, port)
            return await _spoken(phone, target, flow, ear, source, through_to_robot)
        finally:
            await asyncio.sleep(FRAME_S)
            await phone.stop()


async def _spoken(
    phone: Phone,
    target: str,
    flow: Flow,
    ear: socket.socket,
    source: str,
    through_to_robot: bool,
) -> Result:
    begun_s = monotonic_s()
    answer_ms: int | None = None
    session = offer(source, ear.getsockname()[1], 1)
    call = phone.call(target, flow, session, f"<sip:{USER}@{in_uri(source)}>")
    try:
        answer = await call.wait_answered(ANSWER_S)
        answer_ms = round(1000 * (monotonic_s() - begun_s))
        stream = parse(answer or b"")
        if stream.payload != g711.PCMA:
            return Result(ok=False, fault="no-sound", status=200, answer_ms=answer_ms)
        hz = ANSWER_TONE_HZ if through_to_robot else TONE_HZ
        sound_ms, looped = await _heard(ear, (stream.address, stream.udp), hz)
    except CallFailed as failed:
        said = "no-answer" if failed.status == 408 else "refused"
        return Result(ok=False, fault=said, status=failed.status)
    except TimeoutError:
        return Result(ok=False, fault="no-answer")
    except NoSession:
        return Result(ok=False, fault="no-sound", status=200, answer_ms=answer_ms)
    except OSError:
        return Result(ok=False, fault="no-network")
    finally:
        call.hang_up()
        with contextlib.suppress(TimeoutError):
            await call.wait_ended(1.0)
    fault = None if sound_ms is not None else "no-robot" if looped else "no-sound"
    return Result(ok=fault is None, fault=fault, status=200, answer_ms=answer_ms, sound_ms=sound_ms)


async def _heard(ear: socket.socket, to: tuple[str, int], hz: float) -> tuple[int | None, bool]:
    """Says our tone until one of ``hz`` comes back.

    Returns:
        Milliseconds, None when it does not come; and whether at least our own did.
    """
    begun_s = monotonic_s()
    number = heard = looped = 0
    while monotonic_s() - begun_s < SOUND_S:
        packet = rtp.build(g711.PCMA, number, number * FRAME, 0x7E57, frame(number, TONE_HZ))
        with contextlib.suppress(BlockingIOError, ConnectionRefusedError):
            ear.sendto(packet, to)
        number += 1
        await asyncio.sleep(max(0.0, begun_s + number * FRAME_S - monotonic_s()))
        for body in received(ear, g711.PCMA):
            sound = g711.decode(g711.PCMA, body)
            heard += is_tone(sound, hz)
            looped += is_tone(sound)
        if heard >= HEARD_FRAMES:
            return round(1000 * (monotonic_s() - begun_s)), looped >= HEARD_FRAMES
    return None, looped >= HEARD_FRAMES


def frame(number: int, hz: float, payload: int = g711.PCMA) -> bytes:
    """The 20 ms of a tone that come after so many others, encoded."""
    at = np.arange(number * FRAME, (number + 1) * FRAME) / rtp.CLOCK_HZ
    samples = (TONE_PEAK * np.sin(2 * np.pi * hz * at)).astype(np.int16)
    return g711.encode(payload, samples).tobytes()


def received(ear: socket.socket, payload: int) -> Iterator[npt.NDArray[np.uint8]]:
    """The sound of every packet that has come."""
    while True:
        try:
            packet = rtp.parse(ear.recv(rtp.DATAGRAM_BYTES_MAX))
        except (BlockingIOError, ConnectionRefusedError):
            return
        if packet is not None and packet.payload == payload and packet.body:
            yield np.frombuffer(packet.body, np.uint8)


def is_tone(samples: npt.NDArray[np.int16], hz: float = TONE_HZ) -> bool:
    """Whether most of the sound is that tone: no notice, no queue tone, no silence."""
    sound = samples.astype(np.float64)
    power = float(np.mean(sound**2))
    if power < 100.0**2:
        return False
    at = np.arange(len(sound)) / rtp.CLOCK_HZ
    part = np.abs(np.mean(sound * np.exp(-2j * np.pi * hz * at)))
    return bool(2 * part**2 / power > SHARE_MIN)
