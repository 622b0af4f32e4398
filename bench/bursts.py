"""Calls that come faster than anybody could wish, through the real switch and media, for long.

Short recorded calls with sound, answered at phones or browser seats: how soon, how many are
lost, at what cost.
"""

import asyncio
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path

from bench.exchange import Exchange, Usage
from bench.farends import LATE_GOAL
from bench.load import Running, SeatKind, running
from bench.room import Placed
from bench.seats import PhoneSeats
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


async def _load(now: Running, minutes: float) -> tuple[Usage, Usage, float]:
    """Places the calls.  Returns usage before and after, and what they waited for their turn."""
    turn = asyncio.Semaphore(SIDE_BY_SIDE_MAX)
    calls = round(minutes * 60 * CALLS_PER_S)
    waited_s = 0.0

    async def one(number: int) -> None:
        async with turn:
            await now.room.place(number, HOLD_S)

    before = await now.exchange.usage()
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
    after = await now.exchange.usage()
    await now.room.settled()
    now.seats.check()
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


def _figures(now: Running, load: tuple[Usage, Usage, float], fared: str) -> list[Figure]:
    before, after, waited_s = load
    name = "bursts" if now.seats.kind == PhoneSeats.kind else f"bursts, {now.seats.kind}"
    exchange, placed = now.exchange, now.room.placed
    calls, seconds = len(placed), after.at_s - before.at_s
    load_is = f"{calls:,} calls, {CALLS_PER_S}/s, {HOLD_S:.0f} s each, {now.cores}"
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
        _delays(f"{name}: INVITE → first answer (180 or 200)", first, None, load_is),
        _delays(f"{name}: INVITE → 200", answered, 150, f"recording runs by then; {waiting}"),
        _delays(f"{name}: INVITE → offered at a seat", rung, 150, f"{len(rung):,} calls"),
        Figure(
            name=f"{name}: calls refused, or answered by no seat",
            value=lost,
            unit="calls",
            goal=0,
            how=f"of {calls:,}; {refused} refused or not answered within 35 s",
        ),
        Figure(
            name=f"{name}: calls without exactly one outcome",
            value=astray,
            unit="calls",
            goal=0,
            how=f"facts of {len(exchange.calls):,} calls against {calls:,} INVITEs",
        ),
        Figure(
            name=f"{name}: calls without one recording of their length",
            value=unlike,
            unit="calls",
            goal=0,
            how=f"within {MATCHES_WITHIN_S:.0f} s of the time from the caller's 200 to its BYE",
        ),
        Figure(
            name=f"{name}: late ticks",
            value=100 * late,
            unit="%",
            goal=LATE_GOAL,
            how=f"{ticks:,} ticks, p99 {after.media.tick_p99_ms:.1f} ms; {fared}",
        ),
        Figure(
            name=f"{name}: CPU of switch and media",
            value=100 * (switch_cpu + media_cpu),
            unit="% core",
            goal=100,
            how=f"switch {100 * switch_cpu:.1f} %, {1e3 * switch_cpu / CALLS_PER_S:.1f} ms a call; "
            f"media {100 * media_cpu:.1f} %; {memory}",
        ),
    ]


async def measure(minutes: float = MINUTES, kind: SeatKind = "phone") -> list[Figure]:
    """Figures of so many minutes of calls."""
    with tempfile.TemporaryDirectory(prefix="tahuri-bench-") as place:
        async with running(Path(place), SEATS, SIDE_BY_SIDE_MAX, kind) as now:
            load = await _load(now, minutes)
            return _figures(now, load, await now.far_ends())
