"""Recordings are read again beside live calls: does the sound notice?"""

import asyncio
import sys
import tempfile
from pathlib import Path

from msgspec import Struct
from tests.telephony.media_bench import Media

from bench.reader import Reader, Reread, recordings
from bench.table import Figure
from bench.telephony import WARM_S, standing
from tahuri.kernel import clock
from tahuri.settings import Settings
from tahuri.telephony.media.protocol import Figures

CALLS = 50
TURNS = 4
TURN_S = 30.0
"""6,000 ticks with and as many without, turn by turn: what else the machine does meets both."""
FILES, FILE_S = 64, 60.0
"""123 MB, which the disk gives back each time: reading again forgets what memory has of a file."""
LATE_GOAL = 0.1


class Taken(Struct):
    """What some turns took."""

    ticks: int = 0
    late: int = 0
    cpu_s: float = 0.0
    seconds: float = 0.0

    def add(self, before: Figures, after: Figures, seconds: float) -> None:
        """One turn more."""
        self.ticks += after.ticks - before.ticks
        self.late += after.late_ticks - before.late_ticks
        self.cpu_s += after.cpu_s - before.cpu_s
        self.seconds += seconds

    @property
    def late_percent(self) -> float:
        """Of the ticks."""
        return 100 * self.late / max(1, self.ticks)

    @property
    def cpu_percent(self) -> float:
        """Of a core."""
        return 100 * self.cpu_s / self.seconds


async def _turn(media: Media, taken: Taken, turn_s: float) -> Figures:
    before, begun_s = await media.client.stats(), clock.monotonic_s()
    await asyncio.sleep(turn_s)
    after = await media.client.stats()
    taken.add(before, after, clock.monotonic_s() - begun_s)
    return after


async def beside_calls(folder: Path, calls: int, turns: int, turn_s: float) -> list[Figure]:
    """Figures of that many calls, turn by turn without and with reading again."""
    mb_s = Settings().recording_reread_mb_s
    without, beside = Taken(), Taken()
    reads: list[Reread] = []
    await asyncio.to_thread(recordings, folder / "old", FILES, FILE_S)
    async with standing(folder, calls, 2 * turns * (turn_s + 5) + WARM_S) as media:
        last = await media.client.stats()
        for turn in range(turns):
            print(f"  turn {turn + 1} of {turns}", file=sys.stderr, flush=True)
            await _turn(media, without, turn_s)
            async with Reader(folder / "old", mb_s) as reader:
                last = await _turn(media, beside, turn_s)
                reads.append(await reader.end())
    read_s = sum(one.seconds for one in reads)
    pace = sum(one.bytes for one in reads) / read_s / 1e6
    cpu = 100 * sum(one.cpu_s for one in reads) / read_s
    read = sum(one.recordings for one in reads)
    harmed = sum(one.faults for one in reads)
    name = f"with {calls} recorded calls while recordings are read again"
    scheduled = "SCHED_RR" if last.realtime else "ordinary scheduling"
    return [
        Figure(
            name=f"late ticks {name}",
            value=beside.late_percent,
            unit="%",
            goal=LATE_GOAL,
            limit=without.late_percent,
            how=f"{beside.ticks:,} ticks, {turns} turns of {turn_s:.0f} s each without and with, "
            f"{scheduled}; tick p99 {last.tick_p99_ms:.1f} ms; limit: the turns without",
        ),
        Figure(
            name=f"media CPU {name}",
            value=beside.cpu_percent,
            unit="% core",
            goal=None,
            limit=without.cpu_percent,
            how="limit: the turns without",
        ),
        Figure(
            name="recordings read again",
            value=pace,
            unit="MB/s",
            goal=mb_s * 0.9,
            at_least=True,
            how=f"at most {mb_s:g} by the settings; {read} recordings of {FILE_S:.0f} s, {harmed} "
            f"damaged, from the disk; {cpu:.1f} % of a core",
        ),
    ]


async def measure() -> list[Figure]:
    """Every figure of reading again."""
    with tempfile.TemporaryDirectory(prefix="tahuri-bench-") as place:
        return await beside_calls(Path(place), CALLS, TURNS, TURN_S)
