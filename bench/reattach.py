"""Back in the live call: a console that is reloaded, and media that is killed under many calls."""

import asyncio
import sys
import tempfile
from pathlib import Path

from tests.demo import DemoCentre
from tests.e2e.chromium import in_call, is_back, opened, sit_down
from tests.telephony.reattach import live_calls, silence_s

from bench.table import Figure, percentile
from tahuri.kernel import clock

RELOADS = 7
KILLS = 5
CALLS = 10


async def _reloads() -> list[float]:
    """From the loaded page to the live call with sound, seconds."""
    times = []
    with tempfile.TemporaryDirectory(prefix="tahuri-bench-") as place:
        centre = DemoCentre(Path(place) / "data")
        try:
            await asyncio.to_thread(centre.start)
            async with opened(centre, "call_taker", "/console") as page:
                await sit_down(page, "M1")
                async with in_call(page, centre, "0811000077"):
                    for _ in range(RELOADS):
                        await page.reload(wait_until="load")
                        start = clock.monotonic_s()
                        await is_back(page)
                        times.append(clock.monotonic_s() - start)
        finally:
            await asyncio.to_thread(centre.stop)
    return times


async def _kills() -> list[float]:
    """From the kill of media to new sound at both ends of every call, seconds."""
    with tempfile.TemporaryDirectory(prefix="tahuri-bench-") as place:
        async with live_calls(Path(place), CALLS) as (centre, talks):
            times = []
            for number in range(KILLS):
                print(f"  kill {number + 1} of {KILLS}", file=sys.stderr, flush=True)
                times.append(await silence_s(centre, talks))
            return times


def _figures(name: str, times: list[float], goal: float, how: str) -> list[Figure]:
    middle, worst = percentile(times, 0.5), max(times)
    return [
        Figure(name=f"{name}, median", value=middle, unit="s", goal=goal, how=how),
        Figure(name=f"{name}, worst", value=worst, unit="s", goal=goal, how="the same"),
    ]


async def measure() -> list[Figure]:
    """What the promises of docs/telephony.md cost in seconds."""
    reloads, kills = await _reloads(), await _kills()
    return [
        *_figures(
            "console reloaded → back in the live call",
            reloads,
            3.0,
            f"{len(reloads)} reloads in Chromium; from the load event to call and sound",
        ),
        *_figures(
            "media killed → new sound in all live calls",
            kills,
            5.0,
            f"{len(kills)} kills with {CALLS} calls; from the kill to sound at the last of "
            f"{2 * CALLS} ends, started anew as soon as the supervisor does",
        ),
    ]
