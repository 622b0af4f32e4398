"""Far ends of many legs in a process of their own, so that they do not share the centre's time."""

import asyncio
import os
import sys
import time
from pathlib import Path
from typing import Self

import msgspec
from msgspec import Struct

FRAME_S = 0.02
LATE_S = 0.010
LATE_GOAL = 0.1
"""Percent of the frames."""


class Said(Struct, frozen=True):
    """How the far ends themselves fared."""

    ticks: int
    late: int
    """Frames that were sent more than 10 ms after their time: then the far end is the limit."""
    packets: int
    cpu_s: float


class Ticks:
    """The far ends' clock: a frame each 20 ms; after a pause at most ten are made up for."""

    def __init__(self) -> None:
        self.count = self.late = 0
        self._due = time.monotonic()

    def wait(self) -> None:
        """Until the next frame is due."""
        self._due += FRAME_S
        time.sleep(max(0.0, self._due - time.monotonic()))
        self.late += time.monotonic() - self._due > LATE_S
        self._due = max(self._due, time.monotonic() - 10 * FRAME_S)
        self.count += 1

    def tell(self, packets: int) -> None:
        """Print the `Said` of this process."""
        said = Said(self.count, self.late, packets, time.process_time())
        print(msgspec.json.encode(said).decode(), flush=True)


class FarEnds:
    """The process ``python -m MODULE LEGS``: it prints one line, takes lines, and ends at ``end``.

    Args:
        module: whose ``main`` that is.
        legs: how many there are.
        cores: where it runs; empty: anywhere.
    """

    def __init__(self, module: str, legs: int, cores: frozenset[int] = frozenset()) -> None:
        self.legs = legs
        self.first = b""
        """The line with which it said that it is there."""
        self._module, self._cores = module, cores
        self._process: asyncio.subprocess.Process | None = None

    async def __aenter__(self) -> Self:
        self._process = process = await asyncio.create_subprocess_exec(
            sys.executable, "-m", self._module, str(self.legs),
            cwd=Path(__file__).parents[1],
            stdin=asyncio.subprocess.PIPE, stdout=asyncio.subprocess.PIPE, limit=1 << 22,
        )  # fmt: skip
        assert process.stdout is not None
        self.first = await process.stdout.readline()
        if self._cores:
            os.sched_setaffinity(process.pid, self._cores)
        return self

    async def __aexit__(self, *_: object) -> None:
        assert self._process is not None
        if self._process.returncode is None:
            self._process.kill()
        await self._process.wait()

    def tell(self, line: str) -> None:
        """An order; nothing any more once they were told to end."""
        assert self._process is not None
        assert self._process.stdin is not None
        if not self._process.stdin.is_closing():
            self._process.stdin.write(f"{line}\n".encode())

    async def end(self) -> Said:
        """All fall silent for good."""
        assert self._process is not None
        said, _ = await self._process.communicate(b"end\n")
        return msgspec.json.decode(said, type=Said)


def note(said: Said) -> str:
    """Whether the far ends were the limit."""
    late = 100 * said.late / max(1, said.ticks)
    verdict = "the far ends are the limit" if late > LATE_GOAL else "the far ends kept up"
    return f"{verdict} ({late:.2f} % of their frames late)"
