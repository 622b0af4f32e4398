"""Telephony: offers, delay of sound, many recorded calls on one core."""

import asyncio
import contextlib
import sys
import tempfile
from collections.abc import AsyncIterator, Sequence
from pathlib import Path

import numpy as np
from tests.demo import DemoCentre
from tests.soundphone import SoundPhone
from tests.telephony.media_bench import FRAME, FarEnd, Media, far_end, joined
from tests.telephony.tones import tone

from bench.table import Figure, percentile
from tahuri.kernel import clock
from tahuri.telephony.media.clockwork import LATE_S
from tahuri.telephony.media.protocol import Figures

OFFERS = 60
BURSTS = 60
FRAMES_BETWEEN = 23
LOUD = 2_000
CALLS = (10, 50, 100, 200)
WARM_S = 4.0
LOAD_S = 12.0
PROMISED_CALLS = 100
PROMISED_LOAD_S = 90.0
"""4,500 ticks: in fewer than 1,000, one late tick would be more than the promised 0.1 %."""
FRAME_S = 0.02


async def offers(centre: DemoCentre) -> list[float]:
    """INVITE sent → the idle seat's phone is rung, ms; one call after the other."""
    account = centre.description["sip_seat"]
    seat = SoundPhone(880.0, (account["username"], account["password"]))
    await seat.start()
    await seat.register(centre.sip)
    delays = []
    try:
        for number in range(OFFERS):
            caller = SoundPhone(440.0)
            await caller.start()
            start = clock.monotonic_s()
            dialling = asyncio.create_task(caller.ring(centre.sip, caller=f"08110{number:05}"))
            async with asyncio.timeout(20):
                await seat.calls.get()
            delays.append((clock.monotonic_s() - start) * 1e3)
            await dialling
            await asyncio.sleep(0.2)
            await caller.stop()
            await asyncio.sleep(0.3)
    finally:
        await seat.stop()
    return delays


def _onset_s(end: FarEnd, since: int) -> float | None:
    """When the first loud sample would be heard: arrival and its place in the frame."""
    for at, packet in end.packets[since:]:
        samples = np.abs(_decoded(packet.body).astype(np.int32))
        if samples.size and samples.max() > LOUD:
            return at + float(np.argmax(samples > LOUD)) / 8000
    return None


def _decoded(body: bytes) -> "np.ndarray[tuple[int], np.dtype[np.int16]]":
    from tahuri.telephony.media import g711

    return g711.decode(g711.PCMA, np.frombuffer(body, np.uint8))


async def _bursts(speaker: FarEnd, hearer: FarEnd, send: "Sender") -> list[float]:
    """Delay of each burst, ms: from sending its packet to hearing its first loud sample."""
    quiet, loud = np.zeros(FRAME, np.int16), tone(1000.0, FRAME_S, level_dbfs=-6.0)
    delays: list[float] = []
    start, frame = clock.monotonic_s(), 0
    for _ in range(BURSTS):
        for turn in range(FRAMES_BETWEEN):
            await asyncio.sleep(max(0.0, start + frame * FRAME_S - clock.monotonic_s()))
            frame += 1
            if turn == 0:
                since, sent = len(hearer.packets), clock.monotonic_s()
            send(loud if turn == 0 else quiet)
        heard = _onset_s(hearer, since)
        if heard is not None:
            delays.append((heard - sent) * 1e3)
    return delays


class Sender:
    """Says a frame to an RTP port of media, or straight to the other end."""

    def __init__(self, speaker: FarEnd, port: object) -> None:
        self.speaker, self.port = speaker, port

    def __call__(self, samples: "np.ndarray[tuple[int], np.dtype[np.int16]]") -> None:
        self.speaker.say(samples, self.port)  # type: ignore[arg-type]


async def delay(folder: Path) -> tuple[list[float], list[float]]:
    """(through media, straight): delays of bursts between two far ends, ms."""
    async with Media(folder) as media, far_end() as speaker, far_end() as hearer:
        one = await joined(media, speaker, "speaker")
        other = await joined(media, hearer, "hearer")
        await media.client.gains([(other.port, one.port, 1.0), (one.port, other.port, 1.0)])
        through = await _bursts(speaker, hearer, Sender(speaker, one))
    async with far_end() as speaker, far_end() as hearer:
        straight = type(one)(port=0, address="127.0.0.1", udp=hearer.udp)
        bare = await _bursts(speaker, hearer, Sender(speaker, straight))
    return through, bare


FLOOD = """
import socket, sys, time
ports = [int(port) for port in sys.argv[2:]]
ends = [socket.socket(socket.AF_INET, socket.SOCK_DGRAM) for _ in ports]
for end in ends:
    end.bind(("127.0.0.1", 0))
print(*(end.getsockname()[1] for end in ends), flush=True)
body = bytes((0x55 ^ (i * 7 & 0x3F)) for i in range(160))
start, stop, number = time.monotonic(), float(sys.argv[1]), 0
while time.monotonic() - start < stop:
    number += 1
    head = bytes([0x80, 8]) + (number & 65535).to_bytes(2, "big")
    packet = head + (number * 160 & 0xFFFFFFFF).to_bytes(4, "big") + b"abcd" + body
    for end, port in zip(ends, ports):
        end.sendto(packet, ("127.0.0.1", port))
    time.sleep(max(0.0, start + number * 0.02 - time.monotonic()))
"""


TICKER = """
import os, sys, time
try:
    os.sched_setscheduler(0, os.SCHED_RR, os.sched_param(10))
except OSError:
    pass
late, ticks, stop = 0, 0, time.monotonic() + float(sys.argv[1])
due = time.monotonic() + 0.02
while due < stop:
    time.sleep(max(0.0, due - time.monotonic()))
    late += time.monotonic() - due > float(sys.argv[2])
    ticks += 1
    due = max(due + 0.02, time.monotonic() - 0.2)
print(late / ticks)
"""


async def bare_ticks(seconds: float) -> float:
    """Share of late ticks of a process that does nothing else, scheduled as media is."""
    command = [sys.executable, "-c", TICKER, str(seconds), str(LATE_S)]
    ticker = await asyncio.create_subprocess_exec(*command, stdout=asyncio.subprocess.PIPE)
    said, _ = await ticker.communicate()
    return float(said)


@contextlib.asynccontextmanager
async def standing(folder: Path, calls: int, load_s: float) -> AsyncIterator[Media]:
    """So many calls of two legs, both talking for so long and recorded; warmed up."""
    async with Media(folder, pairs=2 * calls + 8) as media:
        legs = [await media.client.open_rtp(f"leg {number}") for number in range(2 * calls)]
        command = [sys.executable, "-c", FLOOD, str(WARM_S + load_s + 3)]
        flood = await asyncio.create_subprocess_exec(
            *command, *(str(leg.udp) for leg in legs), stdout=asyncio.subprocess.PIPE
        )
        try:
            assert flood.stdout is not None
            line = (await flood.stdout.readline()).decode()
            for leg, udp in zip(legs, line.split(), strict=True):
                await media.client.set_remote(leg.port, "127.0.0.1", int(udp), 8, 101)
            for one, other in zip(legs[::2], legs[1::2], strict=True):
                await media.client.gains([(one.port, other.port, 1.0), (other.port, one.port, 1.0)])
                path = folder / f"{calls}-{one.port}.wav"
                await media.client.record(path, [one.port], [other.port])
            await asyncio.sleep(WARM_S)
            yield media
        finally:
            with contextlib.suppress(ProcessLookupError):
                flood.kill()
            await flood.wait()


async def recorded_calls(folder: Path, calls: int) -> tuple[Figures, Figures, float, float]:
    """Two legs and a recording each.

    Returns:
        Figures after warming up, figures at the end, seconds between, and the share of late ticks
        of a bare ticker meanwhile.
    """
    load_s = PROMISED_LOAD_S if calls == PROMISED_CALLS else LOAD_S
    async with standing(folder, calls, load_s) as media:
        before, start = await media.client.stats(), clock.monotonic_s()
        bare = await bare_ticks(load_s)
        return before, await media.client.stats(), clock.monotonic_s() - start, bare


def _load_figures(
    calls: int, before: Figures, after: Figures, seconds: float, bare: float
) -> list[Figure]:
    late = (after.late_ticks - before.late_ticks) / max(1, after.ticks - before.ticks)
    cpu = (after.cpu_s - before.cpu_s) / seconds
    goal = calls == PROMISED_CALLS
    scheduled = "SCHED_RR" if after.realtime else "ordinary scheduling"
    how = (
        f"{calls} calls of two RTP legs, both recorded, {seconds:.0f} s, sender on the other core, "
        f"{scheduled}; tick p99 {after.tick_p99_ms:.1f} ms, {after.rss_bytes / 1e6:.0f} MB"
    )
    limit = "limit: late ticks of a process that does nothing else, meanwhile"
    return [
        Figure(
            name=f"late ticks with {calls} recorded calls",
            value=late * 100,
            unit="%",
            goal=0.1 if goal else None,
            limit=bare * 100,
            how=f"{how}; {limit}",
        ),
        Figure(
            name=f"media CPU with {calls} recorded calls",
            value=cpu * 100,
            unit="% core",
            goal=100 if goal else None,
            how=f"{cpu / calls * 100:.2f} % of a core each",
        ),
    ]


async def measure(calls: Sequence[int] = CALLS) -> list[Figure]:
    """Every telephony figure."""
    found: list[Figure] = []
    with tempfile.TemporaryDirectory(prefix="tahuri-bench-") as place:
        folder = Path(place)
        through, bare = await delay(folder)
        found.append(
            Figure(
                name="added mouth-to-ear, SIP to SIP, median",
                value=percentile(through, 0.5) - percentile(bare, 0.5),
                unit="ms",
                goal=40,
                limit=percentile(bare, 0.5),
                how=f"{len(through)} bursts of 20 ms through media and straight; p95 "
                f"{percentile(through, 0.95):.0f} ms; limit: bare RTP on loopback",
            )
        )
        for count in calls:
            found += _load_figures(count, *await recorded_calls(folder, count))
        centre = DemoCentre(folder / "data")
        with contextlib.ExitStack() as stack:
            stack.callback(centre.stop)
            await asyncio.to_thread(centre.start)
            times = await offers(centre)
        found += [
            Figure(
                name="INVITE → offered at an idle seat, p95",
                value=percentile(times, 0.95),
                unit="ms",
                goal=150,
                how=f"{len(times)} calls one after the other to a SIP seat, whole centre running",
            ),
            Figure(
                name="INVITE → offered at an idle seat, worst",
                value=max(times),
                unit="ms",
                goal=1000,
                how="the same calls",
            ),
        ]
    return found
