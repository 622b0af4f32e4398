"""Calls that come faster than anybody could wish, through the real switch and media, for long.

Short recorded calls with sound, answered at phone seats: how soon, how many are lost, at what cost.
"""

import asyncio
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path

from bench.exchange import Exchange, Placed, Running, Usage, exchange_of
from bench.farends import Said
from bench.table import Figure, percentile
from tahuri.kernel import clock

CALLS_PER_S = 5
MINUTES = 10.0
HOLD_S = 4.0
SIDE_BY_SIDE_MAX = 60
"""Calls at a time: more are not placed, so that a slow centre shows in calls that wait."""
SEATS = 40
MATCHES_WITHIN_S = 1.0
"""A recording may differ by so much from the time between the caller's 200 and BYE."""
LATE_GOAL = 0.1


async def _load(running: Running, minutes: float) -> tuple[Usage, Usage, float]:
    """Places the calls.  Returns usage before and after, and what they waited for their turn."""
    turn = asyncio.Semaphore(SIDE_BY_SIDE_MAX)
    calls = round(minutes * 60 * CALLS_PER_S)
    waited_s = 0.0

    async def one(number: int) -> None:
        async with turn:
            await running.room.place(number, HOLD_S)

    before = await running.exchange.usage()
    async with asyncio.TaskGroup() as group:
        for number in range(calls):
            due = before.at_s + number / CALLS_PER_S
            await asyncio.sleep(max(0.0, due - clock.monotonic_s()))
            while turn.locked():
                waited_s += 0.01
                await asyncio.sleep(0.01)
            group.create_task(one(number))
            if number % 300 == 299:
                print(f"  {number + 1} of {calls} calls placed", file=sys.stderr, flush=True)
    after = await running.exchange.usage()
    await running.room.settled()
    running.room.check()
    return before, after, waited_s


def _differing(exchange: Exchange, placed: dict[int, Placed]) -> tuple[int, int]:
    """(calls without exactly one outcome, answered calls without one recording of their length)."""
    by_caller = {told.caller: told for told in exchange.calls.values()}
    astray = unlike = 0
    for number, call in placed.items():
        told = by_caller.get(f"+62{number:08}")
        if told is None or len(told.outcomes) != 1:
            astray += 1
        if call.answered_s is None or call.ended_s is None:
            continue
        lasted_s = call.ended_s - call.answered_s
        recordings = [] if told is None else told.recordings_s
        if len(recordings) != 1 or abs(recordings[0] - lasted_s) > MATCHES_WITHIN_S:
            unlike += 1
    return astray, unlike


def _delays(name: str, delays: Sequence[float], goal: float | None, how: str) -> Figure:
    tail = f"p50 {percentile(delays, 0.5):.1f}, p99 {percentile(delays, 0.99):.1f} ms"
    return Figure(
        name=f"{name}, p95",
        value=percentile(delays, 0.95),
        unit="ms",
        goal=goal,
        how=f"{tail}, worst {max(delays):.0f} ms; {how}",
    )


def far_ends_note(said: Said) -> str:
    """Whether the far ends were the limit."""
    late = 100 * said.late / max(1, said.ticks)
    verdict = "the far ends are the limit" if late > LATE_GOAL else "the far ends kept up"
    return f"{verdict} ({late:.2f} % of their frames late)"


def _figures(running: Running, load: tuple[Usage, Usage, float], said: Said) -> list[Figure]:
    before, after, waited_s = load
    exchange, placed = running.exchange, running.room.placed
    calls, seconds = len(placed), after.at_s - before.at_s
    load_is = f"{calls:,} calls, {CALLS_PER_S}/s, {HOLD_S:.0f} s each, {running.cores}"
    first = [(c.first_s - c.sent_s) * 1e3 for c in placed.values() if c.first_s is not None]
    answered = [(c.answered_s - c.sent_s) * 1e3 for c in placed.values() if c.answered_s]
    rung = [(c.rung_s - c.sent_s) * 1e3 for c in placed.values() if c.rung_s is not None]
    at_seats = sum(1 for told in exchange.calls.values() if told.answered)
    lost = calls - at_seats
    refused = sum(1 for call in placed.values() if call.refused)
    astray, unlike = _differing(exchange, placed)
    ticks = after.media.ticks - before.media.ticks
    late = (after.media.late_ticks - before.media.late_ticks) / max(1, ticks)
    media_cpu = (after.media.cpu_s - before.media.cpu_s) / seconds
    switch_cpu = (after.switch_cpu_s - before.switch_cpu_s) / seconds
    memory = (
        f"media {before.media.rss_bytes / 1e6:.0f} → {after.media.rss_bytes / 1e6:.0f} MB, "
        f"switch {before.switch_bytes / 1e6:.0f} → {after.switch_bytes / 1e6:.0f} MB"
    )
    waiting = f"{waited_s:.1f} s of waiting because {SIDE_BY_SIDE_MAX} calls stood already"
    return [
        _delays("bursts: INVITE → first answer (180 or 200)", first, None, load_is),
        _delays("bursts: INVITE → 200", answered, 150, f"recording runs by then; {waiting}"),
        _delays("bursts: INVITE → offered at a seat", rung, 150, f"{len(rung):,} calls"),
        Figure(
            name="bursts: calls refused, or answered by no seat",
            value=lost,
            unit="calls",
            goal=0,
            how=f"of {calls:,}; {refused} refused or not answered within 35 s",
        ),
        Figure(
            name="bursts: calls without exactly one outcome",
            value=astray,
            unit="calls",
            goal=0,
            how=f"facts of {len(exchange.calls):,} calls against {calls:,} INVITEs",
        ),
        Figure(
            name="bursts: calls without one recording of their length",
            value=unlike,
            unit="calls",
            goal=0,
            how=f"within {MATCHES_WITHIN_S:.0f} s of the time from the caller's 200 to its BYE",
        ),
        Figure(
            name="bursts: late ticks",
            value=100 * late,
            unit="%",
            goal=LATE_GOAL,
            how=f"{ticks:,} ticks, p99 {after.media.tick_p99_ms:.1f} ms; {far_ends_note(said)}",
        ),
        Figure(
            name="bursts: CPU of switch and media",
            value=100 * (switch_cpu + media_cpu),
            unit="% core",
            goal=100,
            how=f"switch {100 * switch_cpu:.1f} %, {1e3 * switch_cpu / CALLS_PER_S:.1f} ms a call; "
            f"media {100 * media_cpu:.1f} %; {memory}",
        ),
    ]


async def measure(minutes: float = MINUTES) -> list[Figure]:
    """Figures of so many minutes of calls."""
    with tempfile.TemporaryDirectory(prefix="tahuri-bench-") as place:
        async with exchange_of(Path(place), SEATS, SIDE_BY_SIDE_MAX) as running:
            load = await _load(running, minutes)
            return _figures(running, load, await running.far_ends())
