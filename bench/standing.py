"""Calls that stand for a while, all at once: through the real switch, and with browsers' legs."""

import asyncio
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path

from tests.telephony.media_bench import Media, until

from bench.browsers import Browsers
from bench.bursts import far_ends_note
from bench.cores import parted, pin
from bench.exchange import exchange_of
from bench.table import Figure
from bench.voices import Voices
from tahuri.kernel import clock
from tahuri.telephony.media.protocol import Figures, Webrtc

CALLS = (10, 50, 100, 200)
BROWSERS = (10, 50, 100)
PLACED_PER_S = 10
WARM_S = 3.0
LOAD_S = 12.0


def _figures(
    name: str, calls: int, media: tuple[Figures, Figures], seconds: float, how: str, more_cpu: float
) -> list[Figure]:
    before, after = media
    ticks = after.ticks - before.ticks
    late = (after.late_ticks - before.late_ticks) / max(1, ticks)
    cpu = (after.cpu_s - before.cpu_s) / seconds
    return [
        Figure(
            name=f"late ticks, {name}",
            value=100 * late,
            unit="%",
            goal=None,
            how=f"{ticks} ticks, p99 {after.tick_p99_ms:.1f} ms; {how}",
        ),
        Figure(
            name=f"CPU, {name}",
            value=100 * (cpu + more_cpu),
            unit="% core",
            goal=None,
            how=f"media {100 * cpu / calls:.2f} % of a core a call"
            + (f", switch {100 * more_cpu / calls:.2f} %" if more_cpu else "")
            + f"; media {after.rss_bytes / 1e6:.0f} MB",
        ),
    ]


async def through_switch(folder: Path, calls: int) -> list[Figure]:
    """So many calls, answered at phone seats, recorded, both ends talking."""
    async with exchange_of(folder, calls, calls) as running:
        over = asyncio.Event()
        async with asyncio.TaskGroup() as group:
            for number in range(calls):
                group.create_task(running.room.place(number, over))
                await asyncio.sleep(1 / PLACED_PER_S)
            try:
                answered = "calls.call-answered"
                await until(lambda: running.exchange.told[answered] >= calls, 30)
                await asyncio.sleep(WARM_S)
                before = await running.exchange.usage()
                await asyncio.sleep(LOAD_S)
                after = await running.exchange.usage()
                said = await running.far_ends()
            finally:
                over.set()
        seconds = after.at_s - before.at_s
        switch_cpu = (after.switch_cpu_s - before.switch_cpu_s) / seconds
        return _figures(
            f"{calls} calls through the switch",
            calls,
            (before.media, after.media),
            seconds,
            f"{running.cores}; switch {after.switch_bytes / 1e6:.0f} MB; {far_ends_note(said)}",
            switch_cpu,
        )


async def with_browsers(folder: Path, calls: int) -> list[Figure]:
    """So many calls between a SIP leg and a browser's leg (ICE, DTLS, SRTP), recorded."""
    cores = parted()
    async with (
        Media(folder, calls + 8) as media,
        Voices(calls, cores.far_ends) as voices,
        Browsers(calls, cores.far_ends) as browsers,
    ):
        pin(media.pid, cores.centre)
        legs = [await media.client.open_rtp(f"caller {number}") for number in range(calls)]
        seats = [await media.client.open_webrtc("seat", offer) for offer in browsers.offers]
        browsers.connect([seat.sdp for seat in seats])
        wanted = {Webrtc(seat.port, "connected") for seat in seats}
        await until(lambda: wanted <= {e for e in media.events if isinstance(e, Webrtc)}, 30)
        for number, (leg, seat) in enumerate(zip(legs, seats, strict=True)):
            await media.client.set_remote(leg.port, "127.0.0.1", voices.ports[number], 8, 101)
            cells = [(leg.port, seat.port, 1.0), (seat.port, leg.port, 1.0)]
            await media.client.gains(cells)
            await media.client.record(folder / f"{number}.wav", [leg.port], [seat.port])
            voices.talk(number, leg.udp)
        await asyncio.sleep(WARM_S)
        before, start = await media.client.stats(ports=True), clock.monotonic_s()
        await asyncio.sleep(LOAD_S)
        after = await media.client.stats(ports=True)
        seconds = clock.monotonic_s() - start
        said, shown = await voices.end(), await browsers.end()
        had = {port.port: port.rx for port in before.ports}
        heard = sum(p.rx - had[p.port] for p in after.ports if p.port in {s.port for s in seats})
        share = 100 * heard / (seconds * 50 * calls)
        how = (
            f"SIP leg and browser's leg (DTLS-SRTP), recorded, media only, {cores}; "
            f"{share:.0f} % of the browsers' packets came; phones: {far_ends_note(said)}; "
            f"browsers: {far_ends_note(shown)}"
        )
        name = f"{calls} calls with browser seats"
        return _figures(name, calls, (before, after), seconds, how, 0.0)


async def measure(calls: Sequence[int] = CALLS, browsers: Sequence[int] = BROWSERS) -> list[Figure]:
    """Figures of each number of calls, through the switch and with browsers."""
    found: list[Figure] = []
    for load, counts in ((with_browsers, browsers), (through_switch, calls)):
        for count in counts:
            print(f"  {load.__name__}: {count} calls", file=sys.stderr, flush=True)
            with tempfile.TemporaryDirectory(prefix="tahuri-bench-") as place:
                found += await load(Path(place), count)
    return found
