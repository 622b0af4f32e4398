"""One test call from outside: dials, says a tone, and must hear it back.

For whoever asks "would a caller get through now?"; the far end loops the sound back.
"""

import asyncio
import contextlib
import socket

import numpy as np
import numpy.typing as npt
from msgspec import Struct

from tahuri.kernel.clock import monotonic_s
from tahuri.telephony.media import g711, rtp
from tahuri.telephony.sip.phone import CallFailed, Phone
from tahuri.telephony.sip.sdp import NoSession, offer, parse
from tahuri.telephony.sip.transaction import Flow

TONE_HZ = 1000.0
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
    """``refused``, ``no-answer``, ``no-sound`` or ``no-network``."""
    status: int | None = None
    """SIP status, where the far end gave one."""
    answer_ms: int | None = None
    """INVITE to 200."""
    sound_ms: int | None = None
    """First sound sent to own tone heard."""


async def place(target: str, host: str, port: int, source: str) -> Result:
    """Call, listen, hang up; at most ``ANSWER_S + SOUND_S``.

    Args:
        target: Request-URI.
        host, port: where the INVITE is sent, UDP; a name is looked up.
        source: local address to call from.
    """
    phone = Phone()
    family = socket.AF_INET6 if ":" in source else socket.AF_INET
    try:
        loop = asyncio.get_running_loop()
        found = await loop.getaddrinfo(host, port, family=family, type=socket.SOCK_DGRAM)
        host = str(found[0][4][0])
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
            return await _spoken(phone, target, Flow("UDP", host, port), ear, source)
        finally:
            await asyncio.sleep(FRAME_S)
            await phone.stop()


async def _spoken(phone: Phone, target: str, flow: Flow, ear: socket.socket, source: str) -> Result:
    begun_s = monotonic_s()
    answer_ms: int | None = None
    session = offer(source, ear.getsockname()[1], 1)
    call = phone.call(target, flow, session, f"<sip:{USER}@{source}>")
    try:
        answer = await call.wait_answered(ANSWER_S)
        answer_ms = round(1000 * (monotonic_s() - begun_s))
        stream = parse(answer or b"")
        if stream.payload != g711.PCMA:
            return Result(ok=False, fault="no-sound", status=200, answer_ms=answer_ms)
        sound_ms = await _heard(ear, (stream.address, stream.udp))
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
    fault = None if sound_ms is not None else "no-sound"
    return Result(ok=fault is None, fault=fault, status=200, answer_ms=answer_ms, sound_ms=sound_ms)


async def _heard(ear: socket.socket, to: tuple[str, int]) -> int | None:
    """Says the tone until it comes back; milliseconds, None when it does not."""
    begun_s = monotonic_s()
    number = heard = 0
    while monotonic_s() - begun_s < SOUND_S:
        packet = rtp.build(g711.PCMA, number, number * FRAME, 0x7E57, _frame(number))
        with contextlib.suppress(BlockingIOError, ConnectionRefusedError):
            ear.sendto(packet, to)
        number += 1
        await asyncio.sleep(max(0.0, begun_s + number * FRAME_S - monotonic_s()))
        heard += _own_frames(ear)
        if heard >= HEARD_FRAMES:
            return round(1000 * (monotonic_s() - begun_s))
    return None


def _frame(number: int) -> bytes:
    at = np.arange(number * FRAME, (number + 1) * FRAME) / rtp.CLOCK_HZ
    samples = (TONE_PEAK * np.sin(2 * np.pi * TONE_HZ * at)).astype(np.int16)
    return g711.encode(g711.PCMA, samples).tobytes()


def _own_frames(ear: socket.socket) -> int:
    found = 0
    while True:
        try:
            packet = rtp.parse(ear.recv(rtp.DATAGRAM_BYTES_MAX))
        except (BlockingIOError, ConnectionRefusedError):
            return found
        if packet is not None and packet.payload == g711.PCMA and packet.body:
            samples = g711.decode(g711.PCMA, np.frombuffer(packet.body, np.uint8))
            found += is_tone(samples)


def is_tone(samples: npt.NDArray[np.int16]) -> bool:
    """Whether most of the sound is our tone: no notice, no queue tone, no silence."""
    sound = samples.astype(np.float64)
    power = float(np.mean(sound**2))
    if power < 100.0**2:
        return False
    at = np.arange(len(sound)) / rtp.CLOCK_HZ
    part = np.abs(np.mean(sound * np.exp(-2j * np.pi * TONE_HZ * at)))
    return bool(2 * part**2 / power > SHARE_MIN)
