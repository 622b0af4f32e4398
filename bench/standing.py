"""Calls that stand for a while, all at once, through the real switch: at phones and at browsers."""

import asyncio
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path

from tests.telephony.media_bench import until

from bench.load import Running, SeatKind, running
from bench.table import Figure
from tahuri.telephony.media.protocol import Figures

CALLS = (10, 50, 100, 200)
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


async def through_switch(folder: Path, calls: int, kind: SeatKind) -> list[Figure]:
    """So many calls, answered at seats of that kind, recorded, both ends talking."""
    async with running(folder, calls, calls, kind) as now:
        over = asyncio.Event()
        async with asyncio.TaskGroup() as group:
            for number in range(calls):
                group.create_task(now.room.place(number, over))
                await asyncio.sleep(1 / PLACED_PER_S)
            try:
                answered = "calls.call-answered"
                await until(lambda: now.exchange.told[answered] >= calls, 30)
                await asyncio.sleep(WARM_S)
                before, heard_before = await now.exchange.usage(), await _from_browsers(now)
                await asyncio.sleep(LOAD_S)
                after, heard = await now.exchange.usage(), await _from_browsers(now)
                fared = await now.far_ends()
            finally:
                over.set()
        now.seats.check()
        seconds = after.at_s - before.at_s
        switch_cpu = (after.switch_cpu_s - before.switch_cpu_s) / seconds
        share = 100 * (heard - heard_before) / (seconds * 50 * calls)
        came = f"{share:.0f} % of the browsers' packets came; " if kind == "browser" else ""
        return _figures(
            f"{calls} calls through the switch, {now.seats.kind}",
            calls,
            (before.media, after.media),
            seconds,
            f"{now.cores}; switch {after.switch_bytes / 1e6:.0f} MB; {came}{fared}",
            switch_cpu,
        )


async def _from_browsers(now: Running) -> int:
    """Packets that media has had from browsers' legs (ICE, DTLS, SRTP)."""
    figures = await now.exchange.media.client.stats(ports=True)
    return sum(port.rx for port in figures.ports if port.kind == "webrtc")


async def measure(calls: Sequence[int] = CALLS) -> list[Figure]:
    """Figures of each number of calls, at phones and at browser seats."""
    found: list[Figure] = []
    kinds: tuple[SeatKind, ...] = ("browser", "phone")
    for kind in kinds:
        for count in calls:
            print(f"  {kind} seats: {count} calls", file=sys.stderr, flush=True)
            with tempfile.TemporaryDirectory(prefix="tahuri-bench-") as place:
                found += await through_switch(Path(place), count, kind)
    return found
