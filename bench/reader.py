"""Recordings read again and again at a pace, in a process of its own, as `work` reads them.

``python -m bench.reader MB_S FOLDER`` reads every file of the folder in turn until it reads a line;
then it prints a `Reread`.
"""

import asyncio
import hashlib
import os
import sys
import time
from pathlib import Path
from typing import Self

import msgspec
from msgspec import Struct

from tahuri.calls.places import original
from tahuri.calls.reading import Pace, fault_at


class Reread(Struct, frozen=True):
    """What was read."""

    recordings: int
    bytes: int
    faults: int
    seconds: float
    cpu_s: float


async def read(folder: Path, mb_s: float) -> Reread:
    """Until a line comes; the recording that is being read is read to its end."""
    digests = {
        file.name: hashlib.sha256(file.read_bytes()).hexdigest() for file in folder.iterdir()
    }
    place, pace = original(folder), Pace(mb_s * 1e6)
    told = asyncio.create_task(asyncio.to_thread(sys.stdin.readline))
    print(flush=True)
    count = size = faults = 0
    begun_s, cpu_s = time.monotonic(), time.process_time()
    while not told.done():
        name = list(digests)[count % len(digests)]
        faults += await fault_at(place, name, digests[name], pace) is not None
        size += (folder / name).stat().st_size
        count += 1
    return Reread(count, size, faults, time.monotonic() - begun_s, time.process_time() - cpu_s)


class Reader:
    """That process.

    Args:
        folder: of at least one recording.
        mb_s: million bytes a second.
    """

    def __init__(self, folder: Path, mb_s: float) -> None:
        self._command = [sys.executable, "-m", "bench.reader", str(mb_s), str(folder)]
        self._process: asyncio.subprocess.Process | None = None

    async def __aenter__(self) -> Self:
        self._process = await asyncio.create_subprocess_exec(
            *self._command,
            cwd=Path(__file__).parents[1],
            stdin=asyncio.subprocess.PIPE,
            stdout=asyncio.subprocess.PIPE,
        )
        assert self._process.stdout is not None
        await self._process.stdout.readline()
        return self

    async def __aexit__(self, *_: object) -> None:
        assert self._process is not None
        if self._process.returncode is None:
            self._process.kill()
        await self._process.wait()

    async def end(self) -> Reread:
        """What it has read."""
        assert self._process is not None
        said, _ = await self._process.communicate(b"end\n")
        return msgspec.json.decode(said, type=Reread)


def recordings(folder: Path, count: int, seconds: float) -> None:
    """So many files of so long, each of bytes of its own, on the disk."""
    folder.mkdir()
    for number in range(count):
        with (folder / f"{number}.wav").open("wb") as file:
            file.write(os.urandom(round(seconds * 32_000)))
            os.fsync(file.fileno())


if __name__ == "__main__":
    print(msgspec.json.encode(asyncio.run(read(Path(sys.argv[2]), float(sys.argv[1])))).decode())
