"""5,000 short recorded calls through the real switch and media: does memory stay flat?"""

import asyncio
import contextlib
import itertools
import json
import sys
import tempfile
from collections import Counter
from pathlib import Path
from typing import Any, Self

from tests.ports import free_port
from tests.telephony.media_bench import ADDRESS, Media, free_udp, until
from tests.telephony.tones import tone_wav

from bench.cores import memory_bytes
from bench.table import Figure
from tahuri.kernel import clock
from tahuri.telephony import rpc
from tahuri.telephony.sip import sdp
from tahuri.telephony.sip.phone import CallFailed, Phone
from tahuri.telephony.sip.transaction import TIMEOUT_S, Flow

MARKS = (1_000, 3_000, 5_000)
"""Memory is read after so many calls: growth that goes on shows between the last two."""
SIDE_BY_SIDE = 12
HOLD_S = 0.2
"""Each call is answered, recorded and hung up after so long."""
FORGOTTEN_S = TIMEOUT_S + 4
"""After so long without a call the switch has forgotten every transaction."""
RATIO_GOAL = 1.15
OUTCOMES = ("calls.call-ended", "calls.call-refused")


class Centre:
    """The switch as a child process beside media, its facts taken away as `serve` does.

    Args:
        settings: put over the defaults of the switch's configuration.
    """

    def __init__(self, folder: Path, media: Media, **settings: object) -> None:
        self.folder, self.media = folder, media
        self._settings = settings
        self.flow = Flow("UDP", ADDRESS, free_udp(2))
        self.websocket_port = free_port()
        self.told: Counter[str] = Counter()
        """Fact's type → how many."""
        self.outcomes: Counter[str] = Counter()
        """Call → outcomes."""
        self._rpc = rpc.Client(folder / "switch.sock")
        self._process: asyncio.subprocess.Process | None = None
        self._reader: asyncio.Task[None] | None = None

    @property
    def pid(self) -> int:
        assert self._process is not None
        return self._process.pid

    async def __aenter__(self) -> Self:
        port = self.flow.port
        names = ("notice", "tone", "hold")
        settings = {
            "data_dir": str(self.folder / "data"),
            "sip": {"address": ADDRESS, "udp_port": port, "tcp_port": port},
            "public_address": ADDRESS,
            "websocket": {"address": ADDRESS, "port": self.websocket_port, "origins": []},
            "media_socket": str(self.media.socket),
            "rpc_socket": str(self.folder / "switch.sock"),
            "trunks": [{"name": "telco", "sources": [f"{ADDRESS}/32"]}],
            "prompts": {n: str(tone_wav(self.folder / f"{n}.wav", 425, 1.0)) for n in names},
            **self._settings,
        }
        config = self.folder / "switch.json"
        config.write_text(json.dumps(settings))
        with (self.folder / "switch.log").open("ab") as log:
            self._process = await asyncio.create_subprocess_exec(
                sys.executable, "-m", "tahuri.telephony.switch", "--config", str(config),
                stdout=log, stderr=log,
            )  # fmt: skip
        self._rpc.start()
        await until(lambda: self._rpc.connected, 20)
        self._reader = asyncio.create_task(self._read())
        return self

    async def __aexit__(self, *_: object) -> None:
        if self._reader is not None:
            self._reader.cancel()
            await asyncio.gather(self._reader, return_exceptions=True)
        await self._rpc.close()
        if self._process is not None and self._process.returncode is None:
            self._process.terminate()
            await self._process.wait()

    def take(self, fact: dict[str, Any]) -> None:
        """Counts one fact."""
        self.told[fact["type"]] += 1
        if fact["type"] in OUTCOMES:
            self.outcomes[fact["stream"]] += 1

    async def _read(self) -> None:
        position = 0
        while True:
            answer = await self._rpc.call("facts", 20.0, after=position, limit=500, wait_s=2.0)
            assert isinstance(answer, dict)
            for _, fact in answer["facts"]:
                self.take(fact)
            if answer["facts"]:
                position = answer["facts"][-1][0]
                await self._rpc.call("facts_done", upto=position)


async def _place(centre: Centre, phone: Phone, calls: int) -> int:
    """Place so many calls.  Returns how many were not answered."""
    turn = asyncio.Semaphore(SIDE_BY_SIDE)
    failed = 0

    async def one(number: int) -> None:
        nonlocal failed
        async with turn:
            offer = sdp.offer(ADDRESS, 40_000, 1)
            caller = f"<sip:+62{number:07}@{ADDRESS}>"
            call = phone.call(f"sip:112@{ADDRESS}", centre.flow, offer, caller)
            try:
                await call.wait_answered(35)
            except (CallFailed, TimeoutError):
                failed += 1
                return
            await asyncio.sleep(HOLD_S)
            call.hang_up()

    async with asyncio.TaskGroup() as group:
        for number in range(calls):
            group.create_task(one(number))
    return failed


async def soak(folder: Path, marks: tuple[int, ...] = MARKS) -> list[Figure]:
    """Figures of so many calls as the last mark says, memory compared with that at the first."""
    first, calls = marks[0], marks[-1]
    memory: dict[str, list[int]] = {"switch": [], "media": []}
    failed, start = 0, clock.monotonic_s()
    recordings = ("--recordings", str(folder / "data/recordings"))
    async with (
        Media(folder, 4 * SIDE_BY_SIDE, recordings) as media,
        Centre(folder, media) as centre,
    ):
        phone = Phone()
        await phone.start(ADDRESS)
        try:
            for before, mark in itertools.pairwise((0, *marks)):
                failed += await _place(centre, phone, mark - before)
                print(f"  {mark} of {calls} calls placed", file=sys.stderr, flush=True)
                await asyncio.sleep(FORGOTTEN_S)
                memory["switch"].append(memory_bytes(centre.pid))
                memory["media"].append(memory_bytes(media.pid))
        finally:
            await phone.stop()
        with contextlib.suppress(TimeoutError):
            await until(lambda: len(centre.outcomes) >= calls, 10)
        once = sum(1 for times in centre.outcomes.values() if times == 1)
        recorded = centre.told["calls.recording-closed"]
        left = len((await media.client.hello()).ports) - 2  # queue tone and hold prompt stay
    seconds = clock.monotonic_s() - start - len(marks) * FORGOTTEN_S
    found = [
        Figure(
            name=f"memory of {name} after {calls:,} calls, to that after {first:,}",
            value=sizes[-1] / sizes[0],
            unit="×",
            goal=RATIO_GOAL,
            how=f"{', '.join(f'{size / 1e6:.1f}' for size in sizes)} MB after "
            f"{', '.join(f'{mark:,}' for mark in marks)} calls, {FORGOTTEN_S:.0f} s after the last",
        )
        for name, sizes in memory.items()
    ]
    how = f"{calls / seconds:.0f} calls/s, {failed} not answered, {recorded} recordings closed"
    missing = Figure(
        name=f"of {calls:,} calls, without exactly one outcome",
        value=calls - once,
        unit="calls",
        goal=0,
        how=how,
    )
    ports = Figure(
        name="audio ports left open after them",
        value=left,
        unit="ports",
        goal=0,
        how="asked of media",
    )
    return [*found, missing, ports]


async def measure() -> list[Figure]:
    """Memory after 1,000 and 5,000 recorded calls."""
    with tempfile.TemporaryDirectory(prefix="tahuri-bench-") as place:
        return await soak(Path(place))
